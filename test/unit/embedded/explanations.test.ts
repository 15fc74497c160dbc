// What is waited for, told from what a real engine has stored: slots, room, other runs, a person, a sensor's next look.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEngine, type Engine } from "../../../src/embedded/engine.ts";
import { readMonitoredState } from "../../../src/embedded/monitored-state.ts";
import { openReader, type Reader } from "../../../src/embedded/reader.ts";
import { makeProject, type TestProject } from "../cli/project.ts";

const files = {
  "sluice.config.ts": `import { defineConfig } from "sluice"; export default defineConfig({ pools: { api: 1 }, workers: 2 });`,
  "pipelines/all.ts": `import { daily, map, pipeline, sensor, task, waitFor } from "sluice";
    import { existsSync } from "node:fs";
    const untilGo = task(async (_inputs, { folder }) => { while (!existsSync(folder + "/go")) await new Promise((resolve) => setTimeout(resolve, 20)); });
    export const hog = pipeline("hog", ({ step }) => { step("hold", untilGo, { pool: "api" }); });
    export const single = pipeline("single", { maxActiveRuns: 1 }, ({ step }) => { step("look", sensor((_inputs, { folder }) => existsSync(folder + "/go"), { every: "1s" })); });
    export const raw = pipeline("raw", { partitions: daily({ from: "2026-01-01" }) }, ({ step }) => { step("one", task(() => 1)); });
    export const after = pipeline("after", { partitions: daily({ from: "2026-01-01" }) }, ({ step }) => { step("up", waitFor("raw")); });`,
};

let project: TestProject;
let engine: Engine;
let reader: Reader;

beforeAll(async () => {
  project = makeProject(files);
  engine = await openEngine({
    configPath: join(project.folder, "sluice.config.ts"),
    command: "serve",
    schedules: true,
  });
  reader = openReader(project.folder);
}, 30_000);
afterAll(async () => {
  reader.close();
  await engine.close();
  project[Symbol.dispose]();
});

const start = async (pipeline: string, partition: string | null = null): Promise<{ run?: string; request?: string }> =>
  (await engine.instruct({ type: "run", pipeline, partition, params: null, key: null }, "ana")) as never;
const why = async (what: string): Promise<any> => (await project.sluice(["why", what, "--json"])).json();

describe("what a real engine's runs wait for", () => {
  it("is a slot, and who has it", async () => {
    const first = (await start("hog")).run!;
    // Attempts are stored as under way once they have lasted a moment.
    await expect.poll(async () => (await reader.store().live(first)).length, { timeout: 10_000 }).toBe(1);
    const second = (await start("hog")).run!;
    expect((await why(second)).steps[0]).toMatchObject({
      because: `attempt 1 waits for a slot of pool api (1 of 1 taken, by ${first}/hold); it is the next`,
      waitsOn: "pool",
    });
    const third = (await start("hog")).run!;
    expect((await why(third)).steps[0].because).toMatch(/; 1 attempt goes before it$/);
    expect((await why(first)).steps[0].because).toMatch(/^attempt 1 runs since /);
    const { engine: state } = await readMonitoredState(reader);
    expect(state).toMatchObject({ live: 1, pools: [{ pool: "api", size: 1, used: 1 }] });
  });

  it("is room for another run of the pipeline", async () => {
    const first = (await start("single")).run!;
    const { request } = await start("single");
    const answer = await why(request!);
    expect(answer).toMatchObject({
      run: null,
      request: { key: request, pipeline: "single", trigger: "manual" },
      reasons: [`the pipeline runs at most 1 at a time (maxActiveRuns), and ${first} is under way`],
      command: `sluice why ${first}`,
    });
    expect((await why("single")).reasons[0]).toMatch(/^1 run is asked for and has not begun, the oldest run:/);
    expect((await why(first)).steps[0]).toMatchObject({
      because: expect.stringMatching(
        /^its condition was not met at \d+ looks?; it (waits until|is due since) .+ to look again$|^look \d+ /,
      ),
    });
    expect((await project.sluice(["runs", "--waiting", "--json"])).json()).toMatchObject([{ key: request }]);
    expect((await readMonitoredState(reader)).engine.requests).toMatchObject([{ pipeline: "single", count: 1 }]);
    expect(await project.sluice(["cancel", request!])).toMatchObject({ code: 0, stdout: `${request} is taken back\n` });
    expect((await project.sluice(["runs", "--waiting", "--json"])).json()).toEqual([]);
  });

  it("is a run of another pipeline", async () => {
    const run = (await start("after", "2026-01-02")).run!;
    await expect
      .poll(async () => (await why(run)).steps[0], { timeout: 10_000 })
      .toMatchObject({ because: "waits for raw 2026-01-02 (it has no run)", waitsOn: "run" });
    expect((await why(run)).summary).toMatch(/It waits for other runs\.$/);
    await start("raw", "2026-01-02");
    await expect.poll(async () => (await why(run)).run.status, { timeout: 10_000 }).toBe("succeeded");
  });

  it("is nothing any more, once they can go on", async () => {
    project.write({ go: "" });
    await expect
      .poll(async () => (await reader.store().runs({ status: "running" })).length, { timeout: 20_000 })
      .toBe(0);
    expect((await readMonitoredState(reader)).engine).toMatchObject({ live: 0, requests: [], pools: [{ used: 0 }] });
  });
});
