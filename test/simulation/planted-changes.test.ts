// A simulation that can't fail proves nothing: mistakes are made in a copy of the engine, and each must be found.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../e2e/command.ts";
import { plantedChanges } from "./planted-changes.ts";

/** Seeds within which each has to be found. */
const seeds = 4_000;

describe("a mistake in the engine", () => {
  let copy: string;

  beforeAll(() => {
    mkdirSync(join(root, "test/.tmp"), { recursive: true });
    // Inside the repository, where packages are found.
    copy = mkdtempSync(join(root, "test/.tmp/planted-"));
    for (const path of ["src", "test/simulation", "scripts/simulate.ts"])
      cpSync(join(root, path), join(copy, path), { recursive: true });
    writeFileSync(join(copy, "package.json"), JSON.stringify({ type: "module", private: true }));
  });

  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  const simulated = (count: number) =>
    spawnSync(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        join(copy, "scripts/simulate.ts"),
        "--seeds",
        String(count),
        "--workers",
        "1",
        "--failures",
        "1",
      ],
      { encoding: "utf8" },
    );

  it("is not found where there is none", { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = simulated(100);
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  it.each(plantedChanges)("is found: $name", { timeout: 300_000 }, ({ file, from, to }) => {
    const path = join(copy, "src", file);
    const sound = readFileSync(path, "utf8");
    // The code has moved on when this fails: plant the same mistake in it as it is now.
    expect(sound.split(from), `${from} is to be once in src/${file}`).toHaveLength(2);
    writeFileSync(
      path,
      sound.replace(from, () => to),
    );
    try {
      const { status, stdout, stderr } = simulated(seeds);
      expect(status, `${stdout}${stderr}`).toBe(1);
      // Found by a rule that was broken, and not because the code no longer runs.
      expect(stdout).toMatch(/^seed \d+, .*Replay: npm run simulate -- --seed \d+\n {2}\S/m);
    } finally {
      writeFileSync(path, sound);
    }
  });
});
