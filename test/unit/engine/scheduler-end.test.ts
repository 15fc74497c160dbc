import { describe, expect, it } from "vitest";
import type { FinishedRun } from "../../../src/engine/scheduler/scheduler.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { plain } from "../../conformance/run-states.ts";
import { planOf, retryableFailure } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

const chain = planOf({ extract: [], validate: ["extract"], load: ["validate"] });
const wide = planOf({ a: [], b: [], c: [], d: ["a", "b", "c"] }, { pipeline: "wide" });
const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

/** Starts a run and lets it come to its first attempts. */
async function begin(world: Scripted, plan: Plan): Promise<{ finished: Promise<FinishedRun> }> {
  const finished = world.scheduler.start({ pipeline: plan.pipeline });
  await settled();
  return { finished };
}

describe("draining", () => {
  it("starts nothing more, waits for what is under way, and leaves the rest to the next scheduler", async () => {
    const world = await scripted([wide]);
    await begin(world, wide);
    let drained = false;
    const draining = world.scheduler.drain().then(() => (drained = true));
    await world.succeed("a");
    await world.succeed("b");
    await settled();
    expect([drained, world.scheduler.underWay]).toEqual([false, 1]);
    await world.succeed("c", "kept");
    await draining;
    expect(world.started).toEqual(["a#1", "b#1", "c#1"]);
    // Its last step is due, and was not begun.
    const next = await world.restart();
    expect(next.started).toEqual(["d#2"]);
    expect((await next.store.unfinishedRuns())[0]!.state.steps.get("c")).toMatchObject({ attempts: 1, output: "kept" });
  });

  it("is done at once when nothing is under way", async () => {
    const world = await scripted([wide]);
    await expect(world.scheduler.drain()).resolves.toBeUndefined();
  });
});

describe("cancelling everything", () => {
  it("ends every run at once, stops its attempts, and records how they ended", async () => {
    const world = await scripted([chain, wide]);
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
    expect((await one.finished).state.steps.get("load")).toMatchObject({ status: "cancelled", reason: "interrupted" });
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
    world.scheduler.cancelAll("interrupted");
    await settled();
    expect((await finished).record.status).toBe("cancelled");
    await world.advance(60_000);
    expect(world.started).toEqual(["extract#1"]);
  });

  it("reaches a run that was just being created", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(chain, {
      between: (store) => ({ ...store, createRuns: async (runs) => (await gate.promise, store.createRuns(runs)) }),
    });
    const { finished } = await begin(world, chain);
    world.scheduler.cancelAll("interrupted");
    gate.resolve();
    expect(plain((await finished).state)).toMatchObject({
      status: "cancelled",
      steps: { extract: { status: "cancelled", reason: "interrupted" } },
    });
    expect(world.started).toEqual([]);
  });

  it.each(["unfinishedRuns", "backfills"] as const)(
    "reaches a run that is just being recovered, once (in %s)",
    async (held) => {
      const world = await scripted(
        planOf([
          { name: "up" },
          { name: "work", dependsOn: ["up"] },
          { name: "down", teardownOf: "up", dependsOn: ["up", "work"] },
        ]),
      );
      const run = await world.run("orders");
      await world.succeed("up");
      const gate = Promise.withResolvers<void>();
      const next = world.boot({
        between: (store) => ({
          ...store,
          [held]: async (...given: never[]) => (
            await gate.promise,
            (store[held] as (...all: never[]) => unknown)(...given)
          ),
        }),
      });
      const recovered = next.scheduler.recover();
      await settled();
      next.scheduler.cancelAll("interrupted");
      await settled();
      gate.resolve();
      await recovered;
      await settled();
      // A second time would have cancelled the teardown too.
      expect(next.started).toEqual(["down#1"]);
      await next.succeed("down");
      expect(plain((await next.scheduler.finished(run)).state)).toMatchObject({
        status: "cancelled",
        steps: { work: { reason: "interrupted" }, down: { status: "succeeded" } },
      });
    },
  );

  it("lets no request of the queue begin any more", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    const first = await begin(world, world.plans.get("orders")!);
    const second = await begin(world, world.plans.get("orders")!);
    world.scheduler.cancelAll("interrupted");
    await settled();
    expect((await first.finished).record.status).toBe("cancelled");
    await expect(second.finished).rejects.toMatchObject({ code: "CANCELLED" });
    expect(world.started).toEqual(["a#1"]);
  });
});

describe("when nothing can be made durable any more", () => {
  it("rejects every run that waits, stops their attempts, and starts nothing more", async () => {
    const world = await scripted([chain, wide]);
    const one = await begin(world, chain);
    const two = await begin(world, wide);
    const attempts = [...world.running];
    const { length } = world.started;
    const still = world.scheduler.settled();
    world.failNextCommit(full);
    await world.succeed("extract");
    await expect(one.finished).rejects.toMatchObject({
      code: "DISK_FULL",
      hint: expect.stringContaining("Free some space"),
    });
    await expect(two.finished).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(still).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(
      attempts.filter(({ assignment }) => assignment.step !== "extract").every(({ signal }) => signal.aborted),
    ).toBe(true);
    expect(world.started).toHaveLength(length);
    const commits = world.commits.length;
    for (const step of ["a", "b", "c"]) await world.succeed(step);
    await world.advance(3_600_000);
    expect([world.commits.length, world.started.length]).toEqual([commits, length]);
    await expect(world.scheduler.start({ pipeline: "orders" })).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(world.boot().scheduler.recover()).resolves.toHaveLength(2);
    await expect(world.scheduler.settled()).rejects.toMatchObject({ code: "DISK_FULL" });
  });

  it("takes back its timers, so that the process can end", async () => {
    const world = await scripted([chain, wide]);
    await begin(world, chain);
    await begin(world, wide);
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    expect(world.timersDue()).not.toEqual([]);
    world.failNextCommit(full);
    await world.succeed("a");
    expect(world.timersDue()).toEqual([]);
  });

  it("rejects a run that was just being created", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted([chain, wide], {
      between: (store) => ({
        ...store,
        createRuns: async (runs) => {
          if (runs[0]!.pipeline === "orders") await gate.promise;
          return store.createRuns(runs);
        },
      }),
    });
    await begin(world, wide);
    const { finished } = await begin(world, chain);
    world.failNextCommit(full);
    await world.succeed("a");
    gate.resolve();
    await expect(finished).rejects.toMatchObject({ code: "DISK_FULL" });
    await settled();
    expect(world.started).not.toContain("extract#1");
  });

  it("breaks down over a state that can't be, before that is stored", async () => {
    const world = await scripted(chain, {
      invariants: (_plan, state) => {
        if (state.steps.get("extract")!.output === "odd") throw new Error("can't be");
      },
    });
    const { finished } = await begin(world, chain);
    const commits = world.commits.length;
    await world.succeed("extract", "odd");
    await expect(finished).rejects.toThrow("can't be");
    expect(world.commits).toHaveLength(commits);
  });
});

describe("before it has recovered, the scheduler", () => {
  it("takes no work, and takes what comes meanwhile once it has", async () => {
    const world = await scripted(chain);
    const gate = Promise.withResolvers<void>();
    const next = world.boot({
      between: (store) => ({ ...store, endLive: async (...given) => (await gate.promise, store.endLive(...given)) }),
    });
    await expect(next.scheduler.start({ pipeline: "orders" })).rejects.toMatchObject({ code: "INTERNAL" });
    void next.scheduler.recover();
    void next.scheduler.start({ pipeline: "orders" });
    await settled();
    expect(next.started).toEqual([]);
    gate.resolve();
    await settled();
    expect(next.started).toEqual(["extract#1"]);
  });
});

describe("stop", () => {
  it("leaves runs as they are stored, whatever their attempts say afterwards", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const commits = world.commits.length;
    world.scheduler.stop();
    await world.succeed("extract");
    await world.advance(3_600_000);
    expect(world.commits).toHaveLength(commits);
    expect(world.timersDue()).toEqual([]);
    expect((await world.store.unfinishedRuns())[0]!.state.steps.get("extract")!.status).toBe("queued");
    await expect(world.scheduler.start({ pipeline: "orders" })).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("commits nothing of what has just happened", async () => {
    const world = await scripted(chain);
    await begin(world, chain);
    const ended = world.attempt("extract").end(success());
    // The event is there, and the turn of the event loop is not over.
    for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
    world.scheduler.stop();
    await ended;
    expect(world.commits).toEqual([]);
  });

  it("tells nobody of a commit that becomes durable afterwards", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(chain, {
      between: (store) => ({ ...store, commit: async (batch) => (await gate.promise, store.commit(batch)) }),
    });
    const run = await world.run("orders");
    await world.succeed("extract");
    const { length } = world.changes;
    world.scheduler.stop();
    gate.resolve();
    await settled();
    expect((await world.state(run)).steps.get("extract")!.status).toBe("succeeded");
    expect(world.changes).toHaveLength(length);
  });

  it.each(["stop", "fail"] as const)("answers who waits for a commit that is under way (%s)", async (how) => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(chain, {
      between: (store) => ({ ...store, commit: async (batch) => (await gate.promise, store.commit(batch)) }),
    });
    const run = await world.run("orders");
    const asked = world.scheduler.instruct({ type: "cancel-run", run, reason: "wrong" }, "ana");
    asked.catch(() => {});
    await settled();
    if (how === "stop") world.scheduler.stop();
    else world.failNextCommit(full);
    gate.resolve();
    await expect(asked).rejects.toMatchObject({ code: how === "stop" ? "CANCELLED" : "DISK_FULL" });
  });

  it("answers what was asked and is not durable with that it was stopped", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(chain, {
      between: (store) => ({
        ...store,
        createRuns: async (runs) => (await gate.promise, store.createRuns(runs)),
      }),
    });
    const asked = world.scheduler.instruct(
      { type: "run", pipeline: "orders", partition: null, params: null, key: null },
      "ana",
    );
    asked.catch(() => {});
    await settled();
    world.scheduler.stop();
    gate.resolve();
    await expect(asked).rejects.toMatchObject({ code: "CANCELLED" });
    expect(world.started).toEqual([]);
  });
});
