// A project's files are loaded once by each process that needs them, not again for each run, task or look at a schedule.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sluice } from "./command.ts";
import { scratchProject } from "./scratch-project.ts";

describe("definitions", () => {
  it(
    "are loaded as often as there are processes, however many runs and tasks there are",
    { timeout: 120_000 },
    async () => {
      const project = scratchProject({
        "sluice.config.ts": `import { defineConfig } from "sluice"; export default defineConfig({ workers: 2 });`,
        "pipelines/days.ts": `
        import { appendFileSync } from "node:fs";
        import { daily, pipeline, task } from "sluice";
        appendFileSync(new URL("../loads.txt", import.meta.url), process.pid + "\\n");
        export default pipeline("days", { partitions: daily({ from: "2026-01-01", timeZone: "UTC" }) }, ({ step }) => {
          for (let index = 0; index < 20; index += 1) step("step_" + index, task(() => index));
        });`,
      });
      try {
        const result = await sluice(["backfill", "days", "--from", "2026-01-01", "--to", "2026-01-20"], {
          cwd: project.folder,
          env: { SLUICE_HOME: "" },
        });
        expect(result.code, result.stderr).toBe(0);
        const loads = readFileSync(join(project.folder, "loads.txt"), "utf8").trimEnd().split("\n");
        // 400 tasks in 20 runs: each process once, and no more processes than the workers and the command.
        expect(new Set(loads).size).toBe(loads.length);
        expect(loads.length).toBeLessThanOrEqual(3);
      } finally {
        project.remove();
      }
    },
  );
});
