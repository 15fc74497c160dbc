// The engine as its commands use it: what it is opened on, what it takes up, and what it does when something goes wrong.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readEngineNote } from "../../../src/embedded/engine-note.ts";
import { openEngine, type Engine, type EngineOptions } from "../../../src/embedded/engine.ts";
import { diskFull } from "../../../src/errors.ts";
import { sourceProject, type SourceProject } from "./source-project.ts";

let project: SourceProject | null = null;
let engine: Engine | null = null;
afterEach(async () => {
  await engine?.close();
  project?.remove();
  engine = null;
  project = null;
});

async function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  await engine?.close();
  engine = await openEngine({ configPath: project!.configPath, command: "test", home: project!.home, ...options });
  return engine;
}

const notes = (): string[] =>
  existsSync(join(project!.folder, "notes"))
    ? readFileSync(join(project!.folder, "notes"), "utf8").trimEnd().split("\n")
    : [];

const noting = `import { appendFileSync, existsSync } from "node:fs";
  const note = (folder, text) => appendFileSync(folder + "/notes", text + "\\n");`;

/** A pipeline whose first step waits for the file \`release\`. */
const held = (word: string): string => `
  import { pipeline, task } from "sluice";
  import { z } from "zod";
  ${noting}
  export default pipeline("held", { params: z.object({ n: z.number().default(1) }) }, ({ step, params }) => {
    step("hold", task(async (_inputs, { folder, signal }) => {
      note(folder, "${word} " + params.n);
      while (!existsSync(folder + "/release")) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return "${word}";
    }));
  });`;

const ask = { type: "run", pipeline: "held", partition: null, params: null, key: null } as const;

describe("an engine", () => {
  it("leaves a note of what it runs by, for those who read beside it", async () => {
    project = sourceProject({ "pipelines/held.ts": held("old") });
    const { home, plans } = await open({ schedules: true });
    expect(readEngineNote(home)).toEqual({
      schedules: true,
      pools: {},
      capacity: expect.any(Number),
      workers: 2,
      machine: { cpus: expect.any(Number), memory: expect.any(Number) },
      versions: { held: plans.get("held")!.version },
    });
  });

  it("says what is wrong with a project that can't be loaded, and lets go of the folder", async () => {
    project = sourceProject({ "pipelines/held.ts": "export default pipeline(" });
    await expect(open()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    project.write("pipelines/held.ts", held("old"));
    await open();
    await expect(
      openEngine({ configPath: project.configPath, command: "other", home: project.home }),
    ).rejects.toMatchObject({ code: "HOME_BUSY", message: expect.stringContaining("sluice test") });
  });

  it("finishes the run that was left, when the same is asked for, and makes another for other params", async () => {
    project = sourceProject({ "pipelines/held.ts": held("old") });
    const { run } = (await (await open()).instruct(ask, "me")) as { run: string };
    await expect.poll(notes).toEqual(["old 1"]);
    await open();
    expect(engine!.recovered).toBe(1);
    project.write("release", "");
    const [same, also, other] = await Promise.all([
      engine!.run("held"),
      engine!.run("held", { params: { n: 1 } }),
      engine!.run("held", { params: { n: 2 } }),
    ]);
    expect([same.record.id, also.record.id]).toEqual([run, run]);
    expect(other.record.id).not.toBe(run);
    expect(other.record.params).toEqual({ n: 2 });
    // The attempt that was under way was made again.
    expect(same.state.steps.get("hold")!.attempts).toBe(2);
    expect(notes().sort()).toEqual(["old 1", "old 1", "old 2"]);
  });

  it("leaves everything where it is when nothing is to go on", async () => {
    project = sourceProject({
      "pipelines/held.ts": held("old"),
      "pipelines/timed.ts": `
        import { pipeline, task } from "sluice";
        export default pipeline("timed", { schedule: { every: "1h" } }, ({ step }) => { step("a", task(() => 1)); });`,
    });
    const { run } = (await (await open()).instruct(ask, "me")) as { run: string };
    await expect.poll(notes).toEqual(["old 1"]);
    await open({ resume: false });
    project.write("release", "");
    expect(await engine!.instruct({ type: "pause", pipeline: "timed" }, "me")).toMatchObject({ paused: true });
    await engine!.settled();
    expect(notes()).toEqual(["old 1"]);
    expect((await engine!.store.run(run))!.record.status).toBe("running");
    await open();
    expect((await engine!.finished(run)).record.status).toBe("succeeded");
  });

  it("cancels what is under way, and does nothing more", async () => {
    project = sourceProject({ "pipelines/held.ts": held("old") });
    await open();
    const running = engine!.run("held");
    await expect.poll(notes).toEqual(["old 1"]);
    engine!.cancel("interrupted");
    expect((await running).record.status).toBe("cancelled");
  });

  it("says so when nothing can be made durable any more", async () => {
    project = sourceProject({ "pipelines/held.ts": held("old") });
    let full = false;
    await open({
      storeWrapper: (store) => ({
        ...store,
        commit: async (batch) => {
          if (full) throw diskFull("a test's disk", null);
          return store.commit(batch);
        },
      }),
    });
    const running = engine!.run("held");
    await expect.poll(notes).toEqual(["old 1"]);
    full = true;
    project.write("release", "");
    await expect(running).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await engine!.broken).toMatchObject({ code: "DISK_FULL" });
  });
});

describe("a reload", () => {
  it("gives the next run the new code, and lets the one under way end with its own", async () => {
    project = sourceProject({ "pipelines/held.ts": held("old") });
    await open();
    const { run } = (await engine!.instruct(ask, "me")) as { run: string };
    await expect.poll(notes).toEqual(["old 1"]);
    project.write("pipelines/held.ts", held("new"));
    project.write(
      "pipelines/more.ts",
      `
      import { pipeline, task } from "sluice";
      export default pipeline("more", ({ step }) => { step("a", task(() => 1)); });`,
    );
    await engine!.reload();
    const next = (await engine!.instruct(ask, "me")) as { run: string };
    const more = (await engine!.instruct({ ...ask, pipeline: "more" }, "me")) as { run: string };
    expect((await engine!.finished(more.run)).record.status).toBe("succeeded");
    project.write("release", "");
    const [before, after] = await Promise.all([engine!.finished(run), engine!.finished(next.run)]);
    expect([before.state.steps.get("hold")!.output, after.state.steps.get("hold")!.output]).toEqual(["old", "new"]);
    expect(before.record.version).not.toBe(after.record.version);
    expect(Object.keys(readEngineNote(engine!.home)!.versions).sort()).toEqual(["held", "more"]);
  });
});

describe("a run", () => {
  it("maps over a list too big for its state, and what follows has all of it", async () => {
    project = sourceProject({
      "pipelines/big.ts": `
        import { map, pipeline, task } from "sluice";
        export default pipeline("big", ({ step }) => {
          const list = step("list", task(() => Array.from({ length: 500 }, (_, i) => ({ i, text: "x".repeat(200) }))));
          const each = step("each", map(list, (item) => item.i % 100 === 0 ? "y".repeat(70_000) : item.i));
          step("sum", task({ each, list }, ({ each, list }) => ({
            items: each.length, long: each.filter((item) => typeof item === "string").map((item) => item.length),
            sum: each.reduce((sum, item) => sum + (typeof item === "number" ? item : 0), 0), last: list[499].i,
          })));
        });`,
    });
    const { record, state } = await (await open()).run("big");
    expect(record.status).toBe("succeeded");
    expect(state.steps.get("list")!.output).toMatchObject({ $artifact: expect.any(String), length: 500 });
    expect(state.steps.get("each")!.items).toHaveLength(500);
    expect(state.steps.get("sum")!.output).toEqual({
      items: 500,
      long: [70_000, 70_000, 70_000, 70_000, 70_000],
      sum: (499 * 500) / 2 - 1000,
      last: 499,
    });
  });

  it("maps over the rows of a dataset in batches", async () => {
    project = sourceProject({
      "pipelines/rows.ts": `
        import { map, pipeline, sql, transform } from "sluice";
        export default pipeline("rows", ({ step }) => {
          const rows = step("rows", transform({}, sql\`select range::int as n from range(25) order by n\`));
          step("each", map(rows, (batch) => batch.map(({ n }) => n), { batch: 10 }));
        });`,
    });
    const { state } = await (await open()).run("rows");
    const batches = state.steps.get("each")!.items!.map((item) => item.output as number[]);
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(batches.flat().map(Number)).toEqual(Array.from({ length: 25 }, (_, i) => i));
  });

  it("tells a step's hooks as the run's own params describe them", async () => {
    project = sourceProject({
      "sluice.config.ts": `import { defineConfig } from "sluice"; export default defineConfig({ workers: 1 });`,
      "pipelines/report.ts": `
        import { pipeline, task } from "sluice";
        import { z } from "zod";
        ${noting}
        const folder = import.meta.dirname + "/..";
        export default pipeline("report", { params: z.object({ team: z.string().default("nobody") }) }, ({ step, params }) => {
          step("send", task(() => 1), { on: { success: (notice) => note(folder, params.team + " " + notice.params.team) } });
        });`,
    });
    await open();
    await engine!.run("report", { params: { team: "search" } });
    expect(notes()).toEqual(["search search"]);
  });

  it("is finished through the faults that a test asks for, and tells its hooks before it is over", async () => {
    project = sourceProject({
      "sluice.config.ts": `
        import { defineConfig } from "sluice";
        ${noting}
        const folder = import.meta.dirname;
        export default defineConfig({ workers: 2, on: { success: (notice) => note(folder, notice.level + " " + notice.event) } });`,
      "pipelines/faulty.ts": `
        import { pipeline, task } from "sluice";
        ${noting}
        const folder = import.meta.dirname + "/..";
        export default pipeline("faulty", {
          retry: { limit: 3, delay: "10ms" }, on: { retry: (notice) => note(folder, notice.step + " again") },
        }, ({ step }) => {
          for (const name of ["killed", "done_and_killed", "failed", "late", "frozen"])
            step(name, task((_inputs, { idempotencyKey }) => note(folder, name + " " + idempotencyKey)));
        });`,
    });
    await open({
      faults: [
        { step: "killed", kind: "kill-before" },
        { step: "done_and_killed", kind: "kill-after" },
        { step: "failed", kind: "fail", message: "a fault" },
        { step: "failed", kind: "fail", message: "a fault", attempt: 2 },
        { step: "late", kind: "delay", ms: 20 },
        { step: "frozen", kind: "freeze", ms: 20 },
      ],
    });
    const { record, state } = await engine!.run("faulty");
    expect(record.status).toBe("succeeded");
    const tries = Object.fromEntries([...state.steps].map(([name, { attempts }]) => [name, attempts]));
    expect(tries).toEqual({ killed: 2, done_and_killed: 2, failed: 3, late: 1, frozen: 1 });
    const done = notes().filter((line) => line.startsWith("done_and_killed"));
    // The effect has happened twice, under one key.
    expect([done.length, new Set(done).size]).toEqual([2, 1]);
    expect(notes().filter((line) => line === "failed again")).toHaveLength(2);
    expect(notes().filter((line) => line === "project success")).toHaveLength(1);
  });
});
