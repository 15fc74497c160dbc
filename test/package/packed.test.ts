// The package as a user gets it: packed, installed into an empty folder, and used by the lines of the getting-started
// page.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, temporaryFolder } from "../e2e/command.ts";

const reachable =
  spawnSync("npm", ["ping", "--silent"], { timeout: 20_000 }).status === 0 || process.env["CI"] !== undefined;

describe.skipIf(!reachable)("the packed package (needs the npm registry)", () => {
  const folder = temporaryFolder("packed");
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

  beforeAll(() => {
    const packed = npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root);
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    // The oldest Node that the package says it runs on: what works there, works for everybody.
    const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines: { node: string } };
    const floor = `${engines.node.replace(">=", "")}.0`;
    npm(["install", "--no-audit", "--no-fund", join(folder, filename), `node@${floor}`], folder);
    expect(sh("npx --no-install node --version", folder).stdout.trim()).toBe(`v${floor}`);
  }, 180_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const sh = (line: string, cwd: string) =>
    spawnSync("bash", ["-c", line], { cwd, encoding: "utf8", env: { ...process.env, SLUICE_HOME: "" } });

  it("brings the command, and every entry point with its types", () => {
    expect(sh("npx --no-install sluice --version", folder).stdout.trim()).toBe(
      (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version,
    );
    mkdirSync(join(folder, "entries"));
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      exports: Record<string, unknown>;
    };
    for (const entry of Object.keys(exports).filter((name) => !name.endsWith(".json"))) {
      const result = sh(
        `npx --no-install node -e 'import("sluice${entry.slice(1)}").then((m) => console.log(Object.keys(m).length))'`,
        folder,
      );
      expect(Number(result.stdout), `${entry}: ${result.stderr}`).toBeGreaterThan(0);
    }
  });

  it("runs every command of the getting-started page, as written, in order", () => {
    const page = readFileSync(join(root, "docs/getting-started.md"), "utf8");
    const fences = [...page.matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
    expect(fences.length).toBeGreaterThan(2);
    const result = sh(`set -e\n${fences.join("\n").replaceAll("npx sluice", "npx --no-install sluice")}`, folder);
    expect(result.status, `${result.stdout}\n${result.stderr}`).toBe(0);
    expect(result.stdout).toMatch(/succeeded/);
  }, 120_000);
});
