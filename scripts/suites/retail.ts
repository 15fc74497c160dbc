// A folder of day files as in the retail example, each day a case: what the pipeline counted against what an independent
// query counts in the same file.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { countByHand } from "./retail-counts.ts";
import type { Suite } from "./suite.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const suite: Suite = async (path) => {
  const folder = resolve(path);
  const days = readdirSync(folder)
    .filter((name) => /^\d{4}-\d{2}-\d{2}\.csv\.gz$/.test(name))
    .map((name) => name.slice(0, 10))
    .sort();
  const home = mkdtempSync(join(tmpdir(), "sluice-suite-"));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, "bin/sluice.js"), "backfill", "retail_daily", "--from", days[0]!, "--to", days.at(-1)!, "--json"],
      {
        cwd: join(root, "examples/retail"),
        env: { ...process.env, SLUICE_HOME: home, RETAIL_DIR: folder },
        encoding: "utf8",
        maxBuffer: 2 ** 30,
      },
    );
    if (status !== 0 && stdout === "") throw new Error(stderr);
    const { runs } = JSON.parse(stdout) as {
      runs: { run: { partition: string }; steps: { kind: string; rows: object | null }[] }[];
    };
    const counted = new Map(
      runs.map((run) => [run.run.partition, run.steps.find((step) => step.kind === "validate")?.rows]),
    );
    const expected = await countByHand(folder);
    return days.map((day) => {
      const [got, want] = [JSON.stringify(counted.get(day)), JSON.stringify(expected.get(day))];
      return {
        file: `${day}.csv.gz`,
        title: day,
        outcome: got === want ? "passed" : "failed",
        reason: got === want ? "" : `counted ${got}, the query ${want}`,
      };
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};
