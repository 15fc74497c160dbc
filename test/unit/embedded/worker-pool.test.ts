// What an executor promises, by real worker processes: every attempt ends once, as what it was; a worker that dies, hangs
// or is busy costs nobody else anything.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { LogLine } from "../../../src/log.ts";
import { poolHarness, type PoolHarness } from "./pool-harness.ts";

const steps = `
  import { appendFileSync, existsSync, writeSync } from "node:fs";
  import { map, pipeline, sensor, task } from "sluice";
  const spin = (ms) => { for (const end = Date.now() + ms; Date.now() < end;); };
  const note = (folder, text) => appendFileSync(folder + "/notes", text + "\\n");
  export default pipeline("steps", ({ step }) => {
    step("pid", task(() => process.pid));
    step("context", task((_inputs, { signal, log, clock, folder, inputs, partition, ...rest }) => ({ ...rest, partition })));
    const list = step("list", task(() => Array.from({ length: 20_000 }, (_, i) => ({ i }))));
    step("sum", task({ list }, ({ list }) => list.reduce((sum, { i }) => sum + i, 0)));
    step("each", map(list, (item) => { item.i *= 2; return item.i; }));
    step("sleep", task(async (_inputs, { signal }) => {
      await new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }));
    step("deaf", task(async () => { await new Promise(() => setInterval(() => {}, 1000)); }));
    step("loop", task((_inputs, { folder }) => { note(folder, "loop"); for (;;); }));
    step("spin", task((_inputs, { folder, idempotencyKey }) => { note(folder, idempotencyKey); spin(400); return process.pid; }));
    step("hold", task((_inputs, { folder, idempotencyKey }) => { note(folder, idempotencyKey); while (!existsSync(folder + "/release")); return process.pid; }));
    step("noted", task((_inputs, { folder, idempotencyKey }) => { note(folder, idempotencyKey); return process.pid; }));
    step("crash", task(() => { process.kill(process.pid, "SIGSEGV"); }));
    step("exit", task(() => { process.exit(3); }));
    step("stray", task(async () => { setTimeout(() => { throw new TypeError("out of hand"); }, 1); await new Promise(() => setInterval(() => {}, 1000)); }));
    step("garbage", task(async () => { writeSync(4, "what?\\n"); await new Promise(() => setInterval(() => {}, 1000)); }));
    step("bigint", task(() => ({ rows: 1n }) as never));
    step("log", task((_inputs, { log }) => { log.info("one", { n: 1n }); log.warn("two"); }));
    step("chatty", task((_inputs, { log }) => { for (let i = 0; i < 30_000; i += 1) log.info("x".repeat(i === 5 ? 100_000 : 1)); }));
    step("late_log", task((_inputs, { log }) => { setTimeout(() => log.info("after the end"), 50); }));
    step("unmet", sensor(() => false));
    step("met", sensor(() => "found"));
    step("throws", task(() => { throw Object.assign(new Error("no"), { status: 404 }); }));
    step("judged", task(() => { throw Object.assign(new Error("no"), { status: 404 }); }), {
      retry: { retryable: (error, thrown) => thrown.status !== 404 },
    });
    step("misjudged", task(() => { throw new Error("no"); }), {
      retry: { retryable: () => { throw new Error("in the verdict"); } },
    });
  });`;

let harness: PoolHarness | null = null;
afterEach(async () => {
  await harness?.close();
  harness = null;
});

const notes = (): string[] =>
  existsSync(join(harness!.project.folder, "notes"))
    ? readFileSync(join(harness!.project.folder, "notes"), "utf8").trimEnd().split("\n")
    : [];
const alive = (): boolean[] => harness!.pool.processes.map(isAlive);

describe("an attempt", () => {
  it("is given its context, its inputs and its item, and hands back what it made", async () => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    expect(await harness.output("context", { attempt: 3, params: { a: 1 }, fence: 7 })).toEqual({
      runId: "steps-1",
      pipeline: "steps",
      step: "context",
      partition: null,
      params: { a: 1 },
      item: null,
      attempt: 3,
      fence: 7,
      idempotencyKey: "key",
    });
    const list = await harness.output("list");
    expect(list).toEqual({ $artifact: expect.any(String), bytes: expect.any(Number), length: 20_000 });
    expect(await harness.output("sum", { outputs: { list } })).toBe(199_990_000);
    // The big one is read where it is kept, the small one is sent along.
    const items = [0, 7, 19_999].map((item) => harness!.output("each", { item, outputs: { list } }));
    expect(await Promise.all(items)).toEqual([0, 14, 39_998]);
    const few = [{ i: 5 }, { i: 6 }];
    expect(await Promise.all([0, 1].map((item) => harness!.output("each", { item, outputs: { list: few } })))).toEqual([
      10, 12,
    ]);
  });

  it.each([
    ["throws", { type: "failed", error: { code: "TASK_FAILED", message: "Error: no", retryable: true } }],
    ["judged", { type: "failed", error: { code: "TASK_FAILED", message: "Error: no", retryable: false } }],
    ["misjudged", { type: "failed", error: { code: "TASK_FAILED", message: "Error: no", retryable: true } }],
    ["bigint", { type: "failed", error: { code: "TASK_FAILED", retryable: false } }],
    ["unmet", { type: "unmet" }],
    ["met", { type: "succeeded", output: "found" }],
    ["crash", { type: "lost", reason: "its process ended with signal SIGSEGV" }],
    ["exit", { type: "lost", reason: "its process ended with exit code 3" }],
    ["stray", { type: "lost", reason: "its process ended with exit code 1: TypeError: out of hand" }],
    ["garbage", { type: "lost", reason: "its process ended with signal SIGKILL" }],
  ])("that %s ends as that, and the next one finds a worker", async (step, outcome) => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    expect((await harness.run(step)).outcome).toMatchObject(outcome);
    expect(typeof (await harness.output("pid"))).toBe("number");
  });

  it("of a version that is not there fails with a word on what to do", async () => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    expect((await harness.run("pid", { version: "f".repeat(64) })).outcome).toMatchObject({
      type: "failed",
      error: { code: "CONFIG_INVALID", message: 'Pipeline "steps" was changed while it was running', retryable: false },
    });
    expect(typeof (await harness.output("pid"))).toBe("number");
  });

  it("has its log, and not what an earlier one still says", async () => {
    harness = await poolHarness({
      "sluice.config.ts": `import { defineConfig } from "sluice";\nexport default defineConfig({ workers: 1 });\n`,
      "pipelines/steps.ts": steps,
    });
    const [lines, late, others]: [LogLine[], LogLine[], LogLine[]] = [[], [], []];
    await harness.output("log", { lines });
    expect(lines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ["info", "one", { n: "1" }],
      ["warn", "two", undefined],
    ]);
    const many: LogLine[] = [];
    await harness.output("chatty", { lines: many });
    expect(many).toHaveLength(10_001);
    expect(many[5]!.message.length).toBeLessThan(20_000);
    await harness.output("late_log", { lines: late });
    await harness.output("spin", { lines: others });
    await harness.output("pid", { lines: others });
    expect([late, others]).toEqual([[], []]);
  });
});

describe("stopping an attempt", () => {
  it.each(["sleep", "deaf", "loop"])("ends it, though its code is %s", async (step) => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    const controller = new AbortController();
    const ended = harness.run(step, { signal: controller.signal });
    const [first] = harness.pool.processes;
    setTimeout(() => controller.abort(), 200);
    expect((await ended).outcome).toMatchObject({ type: "failed", error: { code: "CANCELLED", retryable: false } });
    // One that heeds its signal keeps its worker; for the others the worker is killed.
    expect(isAlive(first!)).toBe(step === "sleep");
    expect(typeof (await harness.output("pid"))).toBe("number");
  });

  it("ends it at once while it waits for a worker, and one that never began never begins", async () => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    const busy = [harness.run("spin", { idempotencyKey: "a" }), harness.run("spin", { idempotencyKey: "b" })];
    const controller = new AbortController();
    const waiting = Array.from({ length: 40 }, (_, i) =>
      harness!.run("noted", { idempotencyKey: `never ${i}`, signal: controller.signal }),
    );
    controller.abort();
    for (const end of await Promise.all(waiting)) expect(end.outcome).toMatchObject({ error: { code: "CANCELLED" } });
    await Promise.all(busy);
    await harness.output("noted", { idempotencyKey: "last" });
    expect(notes().sort()).toEqual(["a", "b", "last"]);
  });

  it("ends it with its timeout, counted from when it began", async () => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    const busy = [harness.run("hold"), harness.run("hold")];
    const waiting = [harness.run("pid", { timeoutMs: 700 }), harness.run("sleep", { timeoutMs: 700 })];
    // They wait for longer than they may run.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    harness.project.write("release", "");
    const [pid, sleep] = await Promise.all(waiting);
    expect(pid!.outcome.type).toBe("succeeded");
    expect(sleep!.outcome).toMatchObject({
      error: { code: "TASK_TIMEOUT", message: 'Step "sleep" ran longer than its timeout of 700 ms', retryable: true },
    });
    await Promise.all(busy);
  });
});

describe("attempts that are given to a worker ahead of time", () => {
  /** The pool knows that these are short, and has both its workers. */
  const warmUp = async (): Promise<void> => {
    await Promise.all([harness!.run("spin"), harness!.run("spin")]);
    for (let round = 0; round < 40; round += 1) {
      await Promise.all([harness!.run("noted"), harness!.run("noted")]);
    }
  };

  it("are had back from a worker that turns out to be busy, and each is run once", async () => {
    harness = await poolHarness({ "pipelines/steps.ts": steps });
    await warmUp();
    const before = notes().length;
    // Of a kind that was never seen, it is taken for as short as the others; it keeps its thread until it is let go.
    const slow = harness.run("hold", { idempotencyKey: "slow" });
    const quick = await Promise.all(
      Array.from({ length: 30 }, (_, i) => harness!.run("noted", { idempotencyKey: `quick ${i}` })),
    );
    harness.project.write("release", "");
    expect((await slow).outcome.type).toBe("succeeded");
    expect(quick.every(({ outcome }) => outcome.type === "succeeded")).toBe(true);
    const added = notes().slice(before);
    expect(added.sort()).toEqual(["slow", ...Array.from({ length: 30 }, (_, i) => `quick ${i}`)].sort());
  });

  it("are run by others when their worker dies, and only the one under way is lost", async () => {
    harness = await poolHarness(
      { "pipelines/steps.ts": steps },
      {
        faults: [
          { step: "noted", kind: "kill-before", attempt: 7 },
          { step: "noted", kind: "kill-after", attempt: 8 },
        ],
      },
    );
    await warmUp();
    const before = notes().length;
    const attempts = Array.from({ length: 60 }, (_, i) => ({
      idempotencyKey: `job ${i}`,
      attempt: i === 5 ? 7 : i === 25 ? 8 : 1,
    }));
    const ends = await Promise.all(attempts.map((attempt) => harness!.run("noted", attempt)));
    const lost = ends.flatMap(({ outcome }, i) => (outcome.type === "lost" ? [i] : []));
    expect(lost).toEqual([5, 25]);
    const added = notes().slice(before);
    // The one that was killed after its work has done it; nobody has done anything twice.
    expect(new Set(added).size).toBe(added.length);
    expect(added).toHaveLength(59);
    expect(added).not.toContain("job 5");
    expect(alive().every(Boolean)).toBe(true);
  });
});

describe("workers that have nothing to do", () => {
  it("end, all but one, and come back when there is more to do", async () => {
    harness = await poolHarness({ "pipelines/steps.ts": steps }, { idleLimit: 100 });
    const release = join(harness.project.folder, "release");
    /** Two that go on until the other has begun, too: they need a worker each. */
    const both = async (): Promise<unknown[]> => {
      const before = notes().length;
      const held = [harness!.output("hold"), harness!.output("hold")];
      await expect.poll(() => notes().length, { timeout: 30_000 }).toBe(before + 2);
      writeFileSync(release, "");
      const pids = await Promise.all(held);
      rmSync(release);
      return pids;
    };
    expect(new Set(await both()).size).toBe(2);
    await expect.poll(() => harness!.pool.processes.length, { timeout: 30_000 }).toBe(1);
    expect(new Set(await both()).size).toBe(2);
  });
});

describe("calls", () => {
  const withHooks = `
    import { appendFileSync, existsSync } from "node:fs";
    import { pipeline, task } from "sluice";
    import { z } from "zod";
    const note = (text) => appendFileSync(${JSON.stringify("NOTES")}, text + "\\n");
    export default pipeline("steps", {
      params: z.object({ limit: z.number().default(10) }),
      on: { failure: [(notice) => note("pipeline " + notice.key), () => { throw new Error("the hook is broken"); }, (notice) => note("third " + notice.key)] },
    }, ({ step }) => {
      step("hold", task((_inputs, { folder }) => { while (!existsSync(folder + "/release")); }), { on: { retry: (notice) => note("step " + notice.step) } });
    });`;
  const open = async (): Promise<PoolHarness> => {
    const made = await poolHarness({
      "sluice.config.ts": `
        import { appendFileSync } from "node:fs";
        import { defineConfig } from "sluice";
        export default defineConfig({ workers: 1, pools: { api: 2 }, on: { late: () => { throw Object.assign(new Error("later"), {}); } } });`,
      "pipelines/steps.ts": withHooks.replace('"NOTES"', "new URL('../notes', import.meta.url)"),
    });
    return made;
  };

  it("tell hooks of every level, all of them, and say what went wrong", async () => {
    harness = await open();
    expect(harness.pool.project).toMatchObject({ hooks: ["late"], pools: { api: 2 } });
    expect(await harness.notice({ level: "step", event: "retry", step: "hold" })).toBeNull();
    expect(await harness.notice({ level: "pipeline", event: "failure" })).toMatchObject({
      code: "TASK_FAILED",
      message: "Error: the hook is broken",
    });
    expect(await harness.notice({ level: "project", event: "late" })).toMatchObject({ message: "Error: later" });
    expect(await harness.notice({ level: "project", event: "success" })).toBeNull();
    expect(notes()).toEqual(["step hold", "pipeline notice-1", "third notice-1"]);
  });

  it("are answered while every worker is at work", async () => {
    harness = await open();
    const attempt = harness.run("hold");
    expect(await harness.pool.parseParams("steps", { limit: 3 })).toEqual({ limit: 3 });
    expect(await harness.notice({ level: "step", event: "retry", step: "hold" })).toBeNull();
    expect(harness.pool.processes).toHaveLength(2);
    harness.project.write("release", "");
    expect((await attempt).outcome.type).toBe("succeeded");
  });

  it("check params by the pipeline's own schema", async () => {
    harness = await open();
    expect(await harness.pool.parseParams("steps", null)).toEqual({ limit: 10 });
    await expect(harness.pool.parseParams("steps", { limit: "many" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(harness.pool.parseParams("none", null)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
