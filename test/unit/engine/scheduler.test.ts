import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { createMemoryEngineStore } from "../../../src/engine/stores/memory-engine-store.ts";
import { createScheduler, type FinishedRun } from "../../../src/engine/scheduler/scheduler.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { finalFailure, planOf, retryableFailure } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

const chain = planOf({ extract: [], validate: ["extract"], load: ["validate"] });
const wide = planOf({ a: [], b: [], c: [], d: ["a", "b", "c"] }, { pipeline: "wide" });

/** Starts a run and lets it come to its first attempts. */
async function begin(world: Scripted, plan: Plan): Promise<{ finished: Promise<FinishedRun> }> {
  const finished = world.scheduler.start({ pipeline: plan.pipeline });
  finished.catch(() => {});
  await settled();
  return { finished };
}

describe("the scheduler", () => {
  it("runs steps in the order of their dependencies and hands outputs on by step name", async () => {
    const parted = planOf(
      { extract: [], validate: ["extract"], load: ["validate"] },
      { partitions: staticPartitions(["eu", "us"]) },
    );
    const world = await scripted(parted);
    const run = await world.run("orders", "eu");
    expect(world.started).toEqual(["extract#1"]);
    await world.succeed("extract", { rows: 3 });
    expect(world.attempt("validate").assignment).toMatchObject({
      outputs: { extract: { rows: 3 } },
      partition: "eu",
      attempt: 1,
      item: null,
      params: null,
    });
    await world.succeed("validate", { valid: 2 });
    expect(world.attempt("load").assignment.outputs).toEqual({ validate: { valid: 2 } });
    await world.succeed("load");
    const { record, state } = await world.scheduler.finished(run);
    expect(record).toMatchObject({ status: "succeeded", finishedAt: world.clock.now(), trigger: "manual" });
    expect(record.id).toMatch(/^orders-eu-\d+$/);
    expect(state.steps.values().map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(await world.store.run(run)).toMatchObject({ record, state });
  });

  it("stores a run as started, so that its first attempts cost no commit of their own", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    expect(world.commits).toEqual([]);
    expect((await world.state(run)).steps.get("extract")!.status).toBe("queued");
  });

  it("makes a parent's end and its successor's start durable in one commit", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    await world.succeed("extract");
    const batch = world.commits.at(-1)!;
    expect(batch.updates).toHaveLength(1);
    expect(batch.updates[0]!.changed.map(({ step }) => step)).toEqual(["extract", "validate"]);
    expect(batch.updates[0]!.state.steps.get("validate")!.status).toBe("queued");
    expect(batch.attempts).toMatchObject([{ step: "extract", attempt: 1, status: "succeeded" }]);
  });

  it("commits what ended in the same turn of the event loop together", async () => {
    const world = await scripted(wide);
    await begin(world, wide);
    const before = world.commits.length;
    await Promise.all(["a", "b", "c"].map((step) => world.attempt(step).end(success())));
    expect(world.commits.length - before).toBe(1);
    expect(world.commits.at(-1)!.attempts.map(({ step }) => step)).toEqual(["a", "b", "c"]);
    expect(world.started.at(-1)).toBe("d#1");
  });

  it("commits in one what arrives, turn by turn, while a commit is under way", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(wide, {
      between: (store) => ({ ...store, commit: async (batch) => (await gate.promise, store.commit(batch)) }),
    });
    const { finished } = await begin(world, wide);
    await world.succeed("a");
    await world.succeed("b");
    await world.succeed("c");
    expect(world.started).not.toContain("d#1");
    gate.resolve();
    await settled();
    await world.succeed("d");
    expect((await finished).record.status).toBe("succeeded");
    expect(world.commits.map(({ attempts }) => attempts.map(({ step }) => step))).toEqual([["a"], ["b", "c"], ["d"]]);
  });

  it("tries again when the timer fires, and not before", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    await world.advance(999);
    expect(world.started).toEqual(["extract#1"]);
    await world.advance(1);
    expect(world.started).toEqual(["extract#1", "extract#2"]);
    await world.succeedAll();
    const { record, state } = await finished;
    expect(record.status).toBe("succeeded");
    expect(state.steps.get("extract")).toMatchObject({ attempts: 2, failures: 1 });
    expect((await world.store.attempts(record.id)).map(({ step, attempt, status }) => [step, attempt, status])).toEqual(
      [
        ["extract", 1, "failed"],
        ["extract", 2, "succeeded"],
        ["validate", 1, "succeeded"],
        ["load", 1, "succeeded"],
      ],
    );
  });

  it("resolves a run that failed, with its state; it does not reject", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: finalFailure });
    const { record, state } = await finished;
    expect(record.status).toBe("failed");
    expect(state.steps.get("load")).toMatchObject({ status: "upstream-failed" });
    expect(world.started).toEqual(["extract#1"]);
  });

  it("gives later attempts and later runs higher fences, and every attempt of a step the same key", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const first = world.attempt("extract").assignment;
    await world.attempt("extract").end({ type: "lost", reason: "signal SIGKILL" });
    const second = world.attempt("extract").assignment;
    await begin(world, chain);
    const other = world.running.find(({ assignment }) => assignment.runId !== first.runId)!.assignment;
    expect(second.attempt).toBe(2);
    expect(second.fence).toBeGreaterThan(first.fence);
    expect(other.fence).toBeGreaterThan(second.fence);
    expect(second.idempotencyKey).toBe(first.idempotencyKey);
    expect(other.idempotencyKey).not.toBe(first.idempotencyKey);
  });

  it("stores outputs as JSON: what is handed on is what a restart would read", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    await world.succeed("extract", { at: new Date(0), none: undefined, nan: Number.NaN });
    expect(world.attempt("validate").assignment.outputs).toEqual({
      extract: { at: "1970-01-01T00:00:00.000Z", nan: null },
    });
    await world.succeed("validate", undefined);
    expect(world.attempt("load").assignment.outputs).toEqual({ validate: null });
  });

  it("fails the step, and nothing else, that returns or logs what is not JSON", async () => {
    const world = await scripted(chain);
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    for (const output of [{ big: 1n }, circular]) {
      const { finished } = await begin(world, chain);
      world.attempt("extract").log("odd", { big: 1n, circular, fine: true });
      await world.succeed("extract", output);
      const { record, state } = await finished;
      expect(state.steps.get("extract")).toMatchObject({
        status: "failed",
        attempts: 1,
        error: { code: "TASK_FAILED", retryable: false },
      });
      expect(state.steps.get("extract")!.error!.message).toContain('"extract" returned something that is not JSON');
      expect((await world.store.logs(record.id, {}))[0]!.fields).toEqual({
        big: "1",
        circular: "[not JSON]",
        fine: true,
      });
    }
    const { finished } = await begin(world, chain);
    await world
      .attempt("extract")
      .end({ type: "failed", error: { ...finalFailure, details: { rows: 9n ** 20n, circular } } });
    expect((await finished).state.steps.get("extract")!.error!.details).toEqual({
      rows: "12157665459056928801",
      circular: "[not JSON]",
    });
    await begin(world, chain);
    const rows = { in: 1.5, out: 1, duplicate: 0, quarantined: 0 };
    await world.attempt("extract").end({ type: "succeeded", output: null, rows, assets: [] });
    expect((await world.store.runs({ limit: 1 }))[0]!.status).toBe("failed");
  });

  it("counts an executor that throws, rejects or hands back nonsense as a lost attempt", async () => {
    const store = createMemoryEngineStore();
    let calls = 0;
    const scheduler = createScheduler({
      store,
      clock: systemClock,
      randomId: () => "x",
      plans: () => new Map([["orders", chain]]),
      executor: {
        capacity: 1,
        notify: () => Promise.resolve(null),
        run: (assignment) => {
          calls += 1;
          if (calls === 1) throw new Error("can't fork");
          if (calls === 2) return Promise.reject(new Error("can't fork"));
          if (calls === 3) return Promise.resolve(undefined as never);
          return Promise.resolve({ outcome: success(assignment.step), startedAt: Number.NaN });
        },
      },
    });
    await scheduler.recover();
    const { record, state } = await scheduler.start({ pipeline: "orders" });
    scheduler.stop();
    expect([record.status, state.steps.get("extract")!.attempts]).toEqual(["succeeded", 4]);
    expect((await store.attempts(record.id)).every(({ startedAt }) => startedAt > 0)).toBe(true);
    expect((await store.attempts(record.id)).filter(({ status }) => status === "lost")).toMatchObject([
      { error: { code: "WORKER_LOST", message: "Error: can't fork" } },
      { error: { code: "WORKER_LOST", message: "Error: can't fork" } },
      { error: { code: "WORKER_LOST" } },
    ]);
  });

  it("tells of each change once it is durable", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    await world.succeed("extract");
    expect(world.changes.map(({ state }) => state.steps.get("extract")!.status)).toEqual(["queued", "succeeded"]);
  });

  it("says when nothing is due, under way or to be tried again", async () => {
    const world = await scripted(chain);
    let done = false;
    await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    void world.scheduler.settled().then(() => (done = true));
    await settled();
    expect(done, "while one waits for its retry").toBe(false);
    await world.advance(1_000);
    expect(done, "while one runs").toBe(false);
    await world.succeedAll();
    expect(done).toBe(true);
    await world.scheduler.settled();
  });

  it("is settled while a person has to decide", async () => {
    const approve = {
      type: "approve",
      message: "Publish?",
      deadlineMs: null,
      onDeadline: "fail",
      onReject: "skip",
    } as const;
    const world = await scripted(planOf([{ name: "ok", control: approve }]));
    await world.run("orders");
    await world.scheduler.settled();
  });

  it("is settled when what was to be tried again no longer is", async () => {
    const control = {
      type: "approve",
      message: "Publish?",
      deadlineMs: null,
      onDeadline: "fail",
      onReject: "skip",
    } as const;
    const world = await scripted(planOf([{ name: "a" }, { name: "ok", control }]));
    const run = await world.run("orders");
    await world.attempt("a").end({ type: "failed", error: retryableFailure });
    await world.instruct({ type: "mark", run, step: "a", as: "skipped", reason: "not needed" });
    await world.scheduler.settled();
  });

  it("knows runs of before by their id, and says which run there is not", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    await world.succeedAll();
    expect((await world.scheduler.finished(run)).record.status).toBe("succeeded");
    await expect(world.scheduler.finished("nonsense")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("logs", () => {
  it("are kept with the attempt that wrote them", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    world.attempt("extract").log("half way", { rows: 5 });
    await world.succeed("extract");
    expect(await world.store.logs(run, {})).toMatchObject([
      { step: "extract", item: null, attempt: 1, message: "half way", fields: { rows: 5 } },
    ]);
    expect(world.lines).toHaveLength(1);
  });

  it("of a step that works on are kept within a second", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    world.attempt("extract").log("still at it");
    world.attempt("extract").log("and on");
    expect(await world.store.logs(run, {})).toEqual([]);
    await world.advance(1_000);
    expect((await world.store.logs(run, {})).map(({ message }) => message)).toEqual(["still at it", "and on"]);
    expect(world.commits.at(-1)).toMatchObject({ updates: [], attempts: [] });
  });

  it("of one attempt are kept up to a limit, and say so; the next attempt has its own", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    for (let line = 1; line <= 10_005; line += 1) world.attempt("extract").log(`line ${line}`);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    await world.advance(1_000);
    world.attempt("extract").log("again");
    await world.succeed("extract");
    const first = await world.store.logs(run, { attempt: 1, limit: 20_000 });
    expect(first).toHaveLength(10_001);
    expect(first.at(-1)).toMatchObject({ level: "warn", message: expect.stringContaining("10,000 lines") });
    expect(first.at(-2)!.message).toBe("line 10000");
    expect((await world.store.logs(run, { attempt: 2 })).map(({ message }) => message)).toEqual(["again"]);
  });
});

describe("attempts under way", () => {
  it("are not stored as such when they are over soon", async () => {
    const world = await scripted(chain);
    await world.run("orders");
    await world.advance(100);
    await world.succeedAll();
    expect(world.commits.flatMap(({ live }) => live)).toEqual([]);
  });

  it("are stored within a second, with when they began, until they end", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    const startedAt = world.clock.now();
    await world.advance(1_000);
    expect(await world.store.live()).toEqual([{ runId: run, step: "extract", item: null, attempt: 1, startedAt }]);
    await world.advance(10_000);
    expect(world.commits.flatMap(({ live }) => live)).toHaveLength(1);
    await world.succeed("extract");
    expect(await world.store.live()).toEqual([]);
  });

  it("are known as lost after a restart", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    await world.advance(1_000);
    const next = await world.restart();
    expect(await next.store.attempts(run)).toMatchObject([{ step: "extract", attempt: 1, status: "lost" }]);
    expect(await next.store.live()).toEqual([]);
  });
});
