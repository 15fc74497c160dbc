// Which version of each peer is pinned, and whether that one is what is installed. See bench/peers/install.sh.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Everything of the peers that is not TypeScript: pins, pipelines in their languages, installed environments. */
export const peersFolder = fileURLToPath(new URL("../../peers", import.meta.url));

/** A program of a Python peer's environment. */
export function pythonProgram(name: string, program: string): string {
  return join(peersFolder, `.venv-${name}`, "bin", program);
}

/** The pinned version of a package of a Python peer. */
export function pythonVersion(name: string, distribution: string): string {
  const pin = readFileSync(join(peersFolder, `${name}.txt`), "utf8")
    .split("\n")
    .find((line) => line.startsWith(`${distribution}==`));
  if (pin === undefined) throw new Error(`bench/peers/${name}.txt pins no ${distribution}`);
  return pin.slice(distribution.length + 2);
}

/** Whether the environment was installed from the pins as they are now: the installer leaves a copy of them. */
export function pythonInstalled(name: string): boolean {
  return sameText(join(peersFolder, `${name}.txt`), join(peersFolder, `.venv-${name}`, "installed.txt"));
}

export function sameText(one: string, other: string): boolean {
  return existsSync(one) && existsSync(other) && readFileSync(one, "utf8") === readFileSync(other, "utf8");
}
