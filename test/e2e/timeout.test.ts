// A step's timeout: an attempt that runs longer is stopped, by its signal or with its worker, and the run goes on without it.
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sluice, type RunJson } from "./command.ts";
import { configWithWarehouse, scratchProject, type ScratchProject } from "./scratch-project.ts";

const bodies = {
  "heeds its signal": `await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));`,
  "never lets go of its thread": "for (;;) Math.random();",
};

let project: ScratchProject;
afterEach(() => project.remove());

describe("an attempt that runs longer than its timeout", () => {
  it.each(Object.entries(bodies))("is failed when it %s", async (_what, body) => {
    project = scratchProject({
      "sluice.config.ts": configWithWarehouse,
      "pipelines/slow.ts": `
        import { pipeline, task } from "sluice";
        export default pipeline("slow", ({ step }) => {
          step("slow", task(async (_inputs, { signal }) => { ${body} }), { timeout: "300ms", retry: { limit: 0 } });
          step("quick", task(() => "done"));
        });`,
    });
    const result = await sluice(["run", "slow", "--json"], {
      cwd: project.folder,
      env: { SLUICE_HOME: join(project.folder, ".sluice") },
    });
    const { steps } = JSON.parse(result.stdout) as RunJson;
    expect(result.code).toBe(1);
    expect(steps.map((step) => [step.name, step.status, step.error?.code ?? null])).toEqual([
      ["slow", "failed", "TASK_TIMEOUT"],
      ["quick", "succeeded", null],
    ]);
    expect(steps[0]!.error!.message).toBe('Step "slow" ran longer than its timeout of 300 ms');
  });
});
