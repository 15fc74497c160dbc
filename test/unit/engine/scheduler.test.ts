import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { createMemoryRunStore } from "../../../src/engine/memory-run-store.ts";
import { createScheduler, type FinishedRun } from "../../../src/engine/scheduler.ts";
import { finalFailure, planOf, retryableFailure, retryOnce } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";

const chain = planOf({ extract: [], validate: ["extract"], load: ["validate"] });
const wide = planOf({ a: [], b: [], c: [], d: ["a", "b", "c"] });
const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
const versions = (...plans: Plan[]): Map<string, Plan> => new Map(plans.map((plan) => [plan.version, plan]));

/** Starts a run and lets it come to its first attempts. */
async function begin(
  world: Scripted,
  plan: Plan,
  partition: string | null = null,
): Promise<{ finished: Promise<FinishedRun> }> {
  const finished = world.scheduler.start({ plan, partition, backfill: null });
  finished.catch(() => {});
  await settled();
  return { finished };
}

/** Recovers, lets it settle, and hands back the promise of each run. */
async function recover(world: Scripted, ...plans: Plan[]): Promise<Promise<FinishedRun>[]> {
  const waiting = await world.scheduler.recover(versions(...plans));
  await settled();
  return waiting;
}

describe("the scheduler", () => {
  it("runs steps in the order of their dependencies and hands outputs on by step name", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain, "2011-01-04");
    expect(world.started).toEqual(["extract#1"]);
    await world.succeed("extract", { rows: 3 });
    expect(world.attempt("validate").assignment).toMatchObject({
      outputs: { extract: { rows: 3 } },
      partition: "2011-01-04",
      attempt: 1,
    });
    await world.succeed("validate", { valid: 2 });
    expect(world.attempt("load").assignment.outputs).toEqual({ validate: { valid: 2 } });
    await world.succeed("load");
    const { record, state } = await finished;
    expect(record).toMatchObject({ id: "orders-2011-01-04-1", status: "succeeded", finishedAt: world.clock.now() });
    expect(Object.values(state.steps).map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(await world.store.run(record.id)).toMatchObject({ record, state });
  });

  it("makes a parent's end and its successor's start durable in one commit", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    await world.succeed("extract");
    const batch = world.commits.at(-1)!;
    expect(batch.updates).toHaveLength(1);
    expect(batch.updates[0]!.changed).toEqual(["extract", "validate"]);
    expect(batch.updates[0]!.state.steps["validate"]!.status).toBe("queued");
    expect(batch.attempts).toMatchObject([{ step: "extract", attempt: 1, status: "succeeded" }]);
  });

  it("commits what ended in the same turn of the event loop together", async () => {
    const world = await scripted(wide);
    await begin(world, wide);
    const before = world.commits.length;
    const ends = ["a", "b", "c"].map((step) => world.attempt(step).end(success()));
    await Promise.all(ends);
    expect(world.commits.length - before).toBe(1);
    expect(world.commits.at(-1)!.attempts.map(({ step }) => step)).toEqual(["a", "b", "c"]);
    expect(world.started.at(-1)).toBe("d#1");
  });

  it("commits in one what arrives, turn by turn, while a commit is under way", async () => {
    const world = await scripted(wide);
    const gate = Promise.withResolvers<void>();
    const slow = {
      ...world.store,
      commit: async (batch: Parameters<typeof world.store.commit>[0]) => (
        await gate.promise,
        world.store.commit(batch)
      ),
    };
    const ends = new Map<string, () => void>();
    const scheduler = createScheduler({
      store: slow,
      clock: world.clock,
      randomId: () => "x",
      executor: {
        run: ({ step }) =>
          new Promise((resolve) => ends.set(step, () => resolve({ outcome: success(), startedAt: 0 }))),
      },
    });
    const finished = scheduler.start({ plan: wide, partition: null, backfill: null });
    gate.resolve();
    await settled();
    for (const step of ["a", "b", "c"]) setImmediate(() => ends.get(step)!());
    await settled();
    ends.get("d")!();
    expect((await finished).record.status).toBe("succeeded");
    // Started; a, b and c in one or two; d.
    expect(world.commits.length).toBeLessThanOrEqual(4);
  });

  it("tries again when the timer fires, and not before", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    expect(world.timersDue()).toEqual([world.clock.now() + 1_000]);
    await world.advance(999);
    expect(world.started).toEqual(["extract#1"]);
    await world.advance(1);
    expect(world.started).toEqual(["extract#1", "extract#2"]);
    for (const step of ["extract", "validate", "load"]) await world.succeed(step);
    const { record, state } = await finished;
    expect(record.status).toBe("succeeded");
    expect(state.steps["extract"]).toMatchObject({ attempts: 2, failures: 1 });
    expect((await world.store.attempts(record.id)).map(({ step, attempt, status }) => [step, attempt, status])).toEqual(
      [
        ["extract", 1, "failed"],
        ["extract", 2, "succeeded"],
        ["load", 1, "succeeded"],
        ["validate", 1, "succeeded"],
      ],
    );
  });

  it("resolves a run that failed, with its state; it does not reject", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: finalFailure });
    const { record, state } = await finished;
    expect(record.status).toBe("failed");
    expect(state.steps["load"]).toMatchObject({ status: "skipped", reason: "validate was skipped" });
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

  it("keeps log lines with the attempt that wrote them", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const { runId } = world.attempt("extract").assignment;
    world.attempt("extract").log("half way", { rows: 5 });
    await world.succeed("extract");
    expect(await world.store.logs(runId, {})).toMatchObject([
      { step: "extract", attempt: 1, message: "half way", fields: { rows: 5 } },
    ]);
    expect(world.lines).toHaveLength(1);
  });

  it("keeps the log lines of a step that works on, within a second", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const { runId } = world.attempt("extract").assignment;
    world.attempt("extract").log("still at it");
    world.attempt("extract").log("and on");
    expect(await world.store.logs(runId, {})).toEqual([]);
    await world.advance(1_000);
    expect((await world.store.logs(runId, {})).map(({ message }) => message)).toEqual(["still at it", "and on"]);
    expect(world.commits.at(-1)).toMatchObject({ updates: [], attempts: [] });
    expect(world.timersDue()).toEqual([]);
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
      expect(state.steps["extract"]).toMatchObject({
        status: "failed",
        attempts: 1,
        error: { code: "TASK_FAILED", retryable: false },
      });
      expect(state.steps["extract"]!.error!.message).toContain('"extract" returned something that is not JSON');
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
    expect((await finished).state.steps["extract"]!.error!.details).toEqual({
      rows: "12157665459056928801",
      circular: "[not JSON]",
    });
    await begin(world, chain);
    const rows = { in: 1.5, out: 1, duplicate: 0, quarantined: 0 };
    await world.attempt("extract").end({ type: "succeeded", output: null, rows, assets: [] });
    expect((await world.store.runs({ limit: 1 }))[0]!.status).toBe("failed");
  });

  it("counts an executor that throws or rejects as a lost attempt", async () => {
    const store = createMemoryRunStore();
    await store.savePlan(chain);
    let calls = 0;
    const scheduler = createScheduler({
      store,
      clock: systemClock,
      randomId: () => "x",
      executor: {
        run: (assignment) => {
          calls += 1;
          if (calls === 1) throw new Error("can't fork");
          if (calls === 2) return Promise.reject(new Error("can't fork"));
          return Promise.resolve({ outcome: success(assignment.step), startedAt: 1 });
        },
      },
    });
    const { record, state } = await scheduler.start({ plan: chain, partition: null, backfill: null });
    expect([record.status, state.steps["extract"]!.attempts]).toEqual(["succeeded", 3]);
    expect((await store.attempts(record.id)).filter(({ status }) => status === "lost")).toMatchObject([
      { error: { code: "WORKER_LOST", message: "Error: can't fork" } },
      { error: { code: "WORKER_LOST" } },
    ]);
  });
});

describe("cancelling", () => {
  it("ends every run at once, stops its attempts, and records how they ended", async () => {
    const world = await scripted(chain, wide);
    const one = await begin(world, chain);
    const two = await begin(world, wide);
    const attempts = [...world.running];
    world.scheduler.cancelAll("interrupted");
    await settled();
    expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, true, true, true]);
    expect([(await one.finished).record.status, (await two.finished).record.status]).toEqual([
      "cancelled",
      "cancelled",
    ]);
    expect((await one.finished).state.steps["load"]).toMatchObject({ status: "cancelled", reason: "interrupted" });
    await world
      .attempt("extract")
      .end({ type: "failed", error: { code: "CANCELLED", message: "stopped", retryable: false } });
    expect(await world.store.attempts((await one.finished).record.id)).toMatchObject([
      { step: "extract", status: "cancelled" },
    ]);
    expect(world.started).toHaveLength(4);
  });

  it("takes back the timers of what waits for a retry", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    expect(world.timersDue()).toHaveLength(1);
    world.scheduler.cancelAll("interrupted");
    await settled();
    expect((await finished).record.status).toBe("cancelled");
    expect(world.timersDue()).toEqual([]);
    await world.advance(60_000);
    expect(world.started).toEqual(["extract#1"]);
  });

  it("reaches a run that was just being created", async () => {
    const world = await scripted(chain);
    const run = vi.fn(() => Promise.reject(new Error("nothing may start")));
    const gate = Promise.withResolvers<void>();
    const scheduler = createScheduler({
      store: { ...world.store, createRuns: async (runs) => (await gate.promise, world.store.createRuns(runs)) },
      executor: { run },
      clock: world.clock,
      randomId: () => "late",
    });
    const finished = scheduler.start({ plan: chain, partition: null, backfill: null });
    scheduler.cancelAll("interrupted");
    gate.resolve();
    expect((await finished).state).toMatchObject({
      status: "cancelled",
      steps: { extract: { status: "cancelled", reason: "interrupted" } },
    });
    expect(run).not.toHaveBeenCalled();
  });
});

describe("when nothing can be made durable any more", () => {
  it("rejects every run that waits, stops their attempts, and starts nothing more", async () => {
    const world = await scripted(chain, wide);
    const one = await begin(world, chain);
    const two = await begin(world, wide);
    const attempts = [...world.running];
    const { length } = world.started;
    world.failNextCommit(full);
    await world.succeed("extract");
    await expect(one.finished).rejects.toMatchObject({
      code: "DISK_FULL",
      hint: expect.stringContaining("Free some space"),
    });
    await expect(two.finished).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(
      attempts.filter(({ assignment }) => assignment.step !== "extract").every(({ signal }) => signal.aborted),
    ).toBe(true);
    expect(world.started).toHaveLength(length);
    const commits = world.commits.length;
    for (const step of ["a", "b", "c"]) await world.succeed(step);
    await world.advance(3_600_000);
    expect([world.commits.length, world.started.length]).toEqual([commits, length]);
    await expect(world.scheduler.start({ plan: chain, partition: null, backfill: null })).rejects.toMatchObject({
      code: "DISK_FULL",
    });
    await expect(world.scheduler.recover(versions(chain))).rejects.toMatchObject({ code: "DISK_FULL" });
  });

  it("takes back its timers, so that the process can end", async () => {
    const world = await scripted(chain, wide);
    await begin(world, chain);
    await begin(world, wide);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    expect(world.timersDue()).toHaveLength(1);
    world.failNextCommit(full);
    await world.succeed("a");
    expect(world.timersDue()).toEqual([]);
  });

  it("rejects a run that was just being created", async () => {
    const world = await scripted(chain, wide);
    const gate = Promise.withResolvers<void>();
    let held = false;
    const store = {
      ...world.store,
      createRuns: async (runs: Parameters<typeof world.store.createRuns>[0]) => {
        if (held) await gate.promise;
        return world.store.createRuns(runs);
      },
    };
    const scheduler = createScheduler({
      store,
      executor: { run: () => new Promise(() => {}) },
      clock: world.clock,
      randomId: () => String(Math.random()),
    });
    world.failNextCommit(full);
    const first = scheduler.start({ plan: chain, partition: null, backfill: null });
    held = true;
    await Promise.resolve();
    const second = scheduler.start({ plan: chain, partition: null, backfill: null });
    await expect(first).rejects.toMatchObject({ code: "DISK_FULL" });
    gate.resolve();
    await expect(second).rejects.toMatchObject({ code: "DISK_FULL" });
  });
});

describe("stop", () => {
  it("leaves runs as they are stored, whatever their attempts say afterwards", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const commits = world.commits.length;
    world.scheduler.stop();
    await world.succeed("extract");
    expect(world.commits).toHaveLength(commits);
    expect((await world.store.unfinishedRuns())[0]!.state.steps["extract"]!.status).toBe("queued");
    await expect(world.scheduler.start({ plan: chain, partition: null, backfill: null })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});

describe("recover", () => {
  const finishAll = async (world: Scripted): Promise<void> => {
    while (world.running.length > 0) await world.running[0]!.end(success());
  };

  it("takes up a run whose creation was kept, though its answer was lost", async () => {
    const world = await scripted(chain);
    world.failNextCommit(full, "after");
    const { finished } = await begin(world, chain);
    await expect(finished).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(world.started).toEqual([]);
    const next = world.restart();
    const [resumed] = await recover(next, chain);
    expect(next.started).toEqual(["extract#2"]);
    await finishAll(next);
    expect((await resumed!).record.status).toBe("succeeded");
  });

  it("takes attempts in flight for lost and starts the next, under a higher epoch", async () => {
    const world = await scripted(wide);
    await begin(world, wide);
    await world.succeed("a", "kept");
    const next = world.restart();
    const [resumed] = await recover(next, wide);
    expect(next.started).toEqual(["b#2", "c#2"]);
    await finishAll(next);
    const { state } = await resumed!;
    expect(state).toMatchObject({
      status: "succeeded",
      steps: { a: { attempts: 1, output: "kept" }, b: { attempts: 2, losses: 0, failures: 0 } },
    });
  });

  it("lets the old scheduler commit nothing once the new one has", async () => {
    const world = await scripted(wide);
    const { finished } = await begin(world, wide);
    const next = world.restart();
    const [resumed] = await recover(next, wide);
    await world.attempt("a").end(success("from the old one"));
    await expect(finished).rejects.toMatchObject({ code: "FENCED" });
    await finishAll(next);
    expect((await resumed!).state.steps["a"]!.output).toBeNull();
  });

  it("waits for a retry until the time that was stored, not a moment less or more", async () => {
    const slow = planOf({ extract: [] }, { limit: 2, delayMs: 300_000, backoff: "constant", maxDelayMs: 300_000 });
    const world = await scripted(slow);
    await begin(world, slow);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    await world.advance(100_000);
    const next = world.restart();
    const [resumed] = await recover(next, slow);
    expect(next.started).toEqual([]);
    await next.advance(199_999);
    expect(next.started).toEqual([]);
    await next.advance(1);
    expect(next.started).toEqual(["extract#2"]);
    await finishAll(next);
    expect((await resumed!).state.steps["extract"]).toMatchObject({ attempts: 2, failures: 1, status: "succeeded" });
  });

  it("retries at once when the stored time has passed", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    const next = world.restart();
    await recover(next, chain);
    await next.advance(90_000);
    expect(next.started).toEqual(["extract#2"]);
  });

  it("goes on from a commit that took effect though it was reported as failed", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    world.failNextCommit(new Error("connection reset"), "after");
    await world.succeed("extract", "once");
    await expect(finished).rejects.toThrow("connection reset");
    const next = world.restart();
    const [resumed] = await recover(next, chain);
    expect(next.started).toEqual(["validate#2"]);
    expect(next.attempt("validate").assignment.outputs).toEqual({ extract: "once" });
    await finishAll(next);
    expect((await resumed!).state.steps["extract"]!.attempts).toBe(1);
  });

  it("goes on after a full disk from the last commit", async () => {
    const world = await scripted(chain);
    const { finished } = await begin(world, chain);
    world.failNextCommit(full);
    await world.succeed("extract", "lost");
    await expect(finished).rejects.toMatchObject({ code: "DISK_FULL" });
    const next = world.restart();
    const [resumed] = await recover(next, chain);
    expect(next.started).toEqual(["extract#2"]);
    await finishAll(next);
    expect((await resumed!).record.status).toBe("succeeded");
  });

  it("has nothing to do after runs were cancelled", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    world.scheduler.cancelAll("interrupted");
    await settled();
    const next = world.restart();
    expect(await recover(next, chain)).toEqual([]);
    expect(next.started).toEqual([]);
  });

  it("cancels a run whose pipeline has changed, with that as the reason", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const changed = planOf({ extract: [], load: ["extract"] });
    const next = world.restart();
    const [resumed] = await recover(next, changed);
    const { record, state } = await resumed!;
    expect(record.status).toBe("cancelled");
    for (const step of Object.values(state.steps)) {
      expect(step).toMatchObject({
        status: "cancelled",
        reason: "the pipeline was changed before the run could be resumed",
      });
    }
    expect(next.started).toEqual([]);
  });

  it("takes runs up in the order they were started", async () => {
    const world = await scripted(chain);
    await begin(world, chain, "2011-01-04");
    await begin(world, chain, "2011-01-05");
    const next = world.restart();
    await recover(next, chain);
    expect(next.running.map(({ assignment }) => assignment.partition)).toEqual(["2011-01-04", "2011-01-05"]);
    const [first, second] = next.running.map(({ assignment }) => assignment);
    expect(second!.priority).toBeGreaterThan(first!.priority);
  });

  it("counts failures across restarts, so that retries don't begin anew", async () => {
    let world = await scripted(planOf({ extract: [] }, { ...retryOnce, limit: 2 }));
    const plan = planOf({ extract: [] }, { ...retryOnce, limit: 2 });
    await begin(world, plan);
    for (const failures of [1, 2]) {
      await world.attempt("extract").end({ type: "failed", error: retryableFailure });
      world = world.restart();
      await recover(world, plan);
      await world.advance(60_000);
      expect((await world.store.unfinishedRuns())[0]!.state.steps["extract"]!.failures).toBe(failures);
    }
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    expect((await world.store.runs({}))[0]!.status).toBe("failed");
  });
});
