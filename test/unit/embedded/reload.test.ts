// New definitions beside old ones: what is under way keeps the code that it began with, and what begins gets the new.
import { afterEach, describe, expect, it } from "vitest";
import type { WorkerPoolOptions } from "../../../src/embedded/worker-pool.ts";
import { poolHarness, type PoolHarness } from "./pool-harness.ts";

const saying = (word: string, also = ""): string => `
  import { existsSync } from "node:fs";
  import { pipeline, task } from "sluice";
  export default pipeline("steps", ({ step }) => {
    step("say", task(() => "${word} by " + process.pid));
    step("hold", task(async (_inputs, { folder }) => {
      while (!existsSync(folder + "/release")) await new Promise((resolve) => setTimeout(resolve, 10));
      return "${word}";
    }));
    ${also}
  });`;

const other = `
  import { pipeline, task } from "sluice";
  export default pipeline("other", ({ step }) => { step("pid", task(() => process.pid)); });`;

let harness: PoolHarness | null = null;
afterEach(async () => {
  await harness?.close();
  harness = null;
});

async function open(options: Partial<WorkerPoolOptions> = {}): Promise<string> {
  harness = await poolHarness({ "pipelines/steps.ts": saying("old"), "pipelines/other.ts": other }, options);
  return versionOf("steps");
}

const versionOf = (pipeline: string): string =>
  harness!.pool.project.plans.find((plan) => plan.pipeline === pipeline)!.version;

describe("a reload", () => {
  it("gives new attempts the new code, and attempts of runs under way the old", async () => {
    const old = await open();
    const underWay = harness!.run("hold");
    harness!.project.write("pipelines/steps.ts", saying("new"));
    const loaded = await harness!.pool.reload();
    expect(loaded).toBe(harness!.pool.project);
    expect(versionOf("steps")).not.toBe(old);
    harness!.project.write("release", "");
    expect((await underWay).outcome).toMatchObject({ output: "old" });
    const [before, after] = await Promise.all([harness!.output("say", { version: old }), harness!.output("say")]);
    expect([before, after]).toEqual([expect.stringMatching(/^old/), expect.stringMatching(/^new/)]);
  });

  it("moves what has not changed to the new workers", async () => {
    await open();
    const [first] = harness!.pool.processes;
    expect(await harness!.output("pid", { pipeline: "other" })).toBe(first);
    harness!.project.write("pipelines/steps.ts", saying("new"));
    await harness!.pool.reload();
    expect(await harness!.output("pid", { pipeline: "other" })).not.toBe(first);
  });

  it("that fails says what is wrong, and leaves everything as it was", async () => {
    const old = await open();
    harness!.project.write("pipelines/steps.ts", "export default pipeline(");
    await expect(harness!.pool.reload()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("pipelines/steps.ts:1 does not parse"),
    });
    expect(versionOf("steps")).toBe(old);
    expect(await harness!.output("say")).toMatch(/^old/);
    // Mended, it is loaded.
    harness!.project.write("pipelines/steps.ts", saying("new"));
    await harness!.pool.reload();
    expect(await harness!.output("say")).toMatch(/^new/);
  });

  it("takes pipelines in, and lets go of others", async () => {
    const old = await open();
    harness!.project.write("pipelines/steps.ts", saying("new").replace('pipeline("steps"', 'pipeline("renamed"'));
    await harness!.pool.reload();
    expect(harness!.pool.project.plans.map((plan) => plan.pipeline).sort()).toEqual(["other", "renamed"]);
    expect(await harness!.output("say", { pipeline: "renamed" })).toMatch(/^new/);
    expect(await harness!.output("say", { version: old })).toMatch(/^old/);
  });

  it("leaves the old code for as long as a run needs it, and not for longer", async () => {
    const needed = new Set<string>();
    const old = await open({ unfinished: () => needed });
    needed.add(old);
    const [oldProcess] = harness!.pool.processes;
    harness!.project.write("pipelines/steps.ts", saying("new"));
    await harness!.pool.reload();
    // Longer than a worker is kept that nobody needs.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(harness!.pool.processes).toContain(oldProcess);
    expect(await harness!.output("say", { version: old })).toBe(`old by ${oldProcess}`);
    needed.clear();
    await expect.poll(() => harness!.pool.processes, { timeout: 30_000 }).not.toContain(oldProcess);
    expect(await harness!.output("say")).toMatch(/^new/);
  });

  it("asked for twice at once ends with what was saved last", async () => {
    await open();
    harness!.project.write("pipelines/steps.ts", saying("new"));
    const first = harness!.pool.reload();
    harness!.project.write("pipelines/steps.ts", saying("newest"));
    await Promise.all([first, harness!.pool.reload()]);
    expect(await harness!.output("say")).toMatch(/^newest/);
  });
});

describe("files that change without a reload", () => {
  it("don't reach runs: a worker that is started later and has other versions is given none of their attempts", async () => {
    await open();
    harness!.project.write("pipelines/steps.ts", saying("new"));
    // Two at a time: a second worker is started, and finds the new file.
    const held = [harness!.run("hold"), harness!.run("hold")];
    expect(typeof (await harness!.output("pid", { pipeline: "other" }))).toBe("number");
    harness!.project.write("release", "");
    for (const { outcome } of await Promise.all(held)) expect(outcome).toMatchObject({ output: "old" });
    expect(await harness!.output("say")).toMatch(/^old/);
  });

  it("that can't be loaded cost no attempt, as long as there is a worker", async () => {
    await open();
    harness!.project.write("pipelines/steps.ts", "export default pipeline(");
    const held = [harness!.run("hold"), harness!.run("hold"), harness!.run("say")];
    harness!.project.write("release", "");
    for (const { outcome } of await Promise.all(held)) expect(outcome.type).toBe("succeeded");
  });
});
