import { describe, expect, it } from "vitest";
import { staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { plain } from "../../conformance/run-states.ts";
import { planOf, retryableFailure, retryOnce, type StepDraft } from "./plans.ts";
import { scripted, settled } from "./scripted.ts";

const chain = planOf({ extract: [], validate: ["extract"], load: ["validate"] });
const wide = planOf({ a: [], b: [], c: [], d: ["a", "b", "c"] });
const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

describe("recovery", () => {
  it("takes up a run whose creation was kept, though its answer was lost", async () => {
    const world = await scripted(chain);
    world.failNextCommit(full, "after");
    await expect(world.scheduler.start({ pipeline: "orders" })).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(world.started).toEqual([]);
    const next = await world.restart();
    expect(next.started).toEqual(["extract#2"]);
    await next.succeedAll();
    expect(await next.store.runs({})).toMatchObject([{ status: "succeeded" }]);
  });

  it("takes attempts in flight for lost and starts the next, under a higher epoch", async () => {
    const world = await scripted(wide);
    const run = await world.run("orders");
    await world.succeed("a", "kept");
    const next = await world.restart();
    expect(next.started).toEqual(["b#2", "c#2"]);
    await next.succeedAll();
    expect(plain(await next.state(run))).toMatchObject({
      status: "succeeded",
      steps: { a: { attempts: 1, output: "kept" }, b: { attempts: 2, losses: 0, failures: 0 } },
    });
  });

  it("does the same for the items of a mapped step, and leaves those that have ended", async () => {
    const map = { type: "map", over: ["list"], fields: null, batch: null } as const;
    const world = await scripted(planOf([{ name: "list" }, { name: "each", control: map, dependsOn: ["list"] }]));
    const run = await world.run("orders");
    await world.succeed("list", ["x", "y", "z"]);
    await world.succeed("each", "done");
    const next = await world.restart();
    expect(next.started).toEqual(["each[1]#2", "each[2]#2"]);
    await next.succeedAll(({ item }) => item);
    const { items, status } = (await next.state(run)).steps.get("each")!;
    expect([status, items!.map(({ output }) => output)]).toEqual(["succeeded", ["done", 1, 2]]);
  });

  it("lets the old scheduler commit nothing once the new one has", async () => {
    const world = await scripted(wide);
    const run = await world.run("orders");
    const finished = world.scheduler.finished(run);
    const next = await world.restart();
    await world.attempt("a").end({ type: "succeeded", output: "from the old one", rows: null, assets: [] });
    await expect(finished).rejects.toMatchObject({ code: "FENCED" });
    await next.succeedAll();
    expect((await next.state(run)).steps.get("a")!.output).toBeNull();
  });

  it("tells of a run that does nothing but wait for a person", async () => {
    const ask = { type: "approve", message: "Load?", deadlineMs: null, onDeadline: "fail", onReject: "fail" } as const;
    const world = await scripted(planOf([{ name: "ok", control: ask }]));
    const run = await world.run("orders");
    const next = await world.restart();
    expect(next.changes).toMatchObject([{ run: { id: run } }]);
    expect(next.changes[0]!.state.steps.get("ok")!.awaits).toBe("decision");
  });

  it("waits for a retry until the time that was stored, not a moment less or more", async () => {
    const retry = { ...retryOnce, delayMs: 300_000, maxDelayMs: 300_000 };
    const world = await scripted(planOf([{ name: "extract", retry }]));
    await world.run("orders");
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    await world.advance(100_000);
    const next = await world.restart();
    await next.advance(199_999);
    expect(next.started).toEqual([]);
    await next.advance(1);
    expect(next.started).toEqual(["extract#2"]);
  });

  it("retries at once when the stored time has passed", async () => {
    const world = await scripted(chain);
    await world.run("orders");
    await world.attempt("extract").end({ type: "failed", error: retryableFailure });
    world.clock.advance(90_000);
    const next = await world.restart();
    await next.advance(0);
    expect(next.started).toEqual(["extract#2"]);
  });

  it("goes on from a commit that took effect though it was reported as failed", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    world.failNextCommit(new Error("connection reset"), "after");
    await world.succeed("extract", "once");
    const next = await world.restart();
    expect(next.started).toEqual(["validate#2"]);
    expect(next.attempt("validate").assignment.outputs).toEqual({ extract: "once" });
    await next.succeedAll();
    expect((await next.state(run)).steps.get("extract")!.attempts).toBe(1);
  });

  it("goes on after a full disk from the last commit", async () => {
    const world = await scripted(chain);
    await world.run("orders");
    world.failNextCommit(full);
    await world.succeed("extract", "lost");
    const next = await world.restart();
    expect(next.started).toEqual(["extract#2"]);
    await next.succeedAll();
    expect(await next.store.runs({})).toMatchObject([{ status: "succeeded" }]);
  });

  it("has nothing to do after runs were cancelled", async () => {
    const world = await scripted(chain);
    await world.run("orders");
    world.scheduler.cancelAll("interrupted");
    await settled();
    const next = world.boot();
    expect(await next.scheduler.recover()).toEqual([]);
    await settled();
    expect(next.started).toEqual([]);
  });

  it("cancels a run whose pipeline has changed, with that as the reason", async () => {
    const world = await scripted(chain);
    const run = await world.run("orders");
    world.plans.set("orders", planOf({ extract: [], load: ["extract"] }));
    const next = await world.restart();
    const { record, state } = await next.scheduler.finished(run);
    expect(record.status).toBe("cancelled");
    for (const step of state.steps.values()) {
      expect(step).toMatchObject({
        status: "cancelled",
        reason: "the pipeline was changed before the run could be resumed",
      });
    }
    expect(next.started).toEqual([]);
  });

  it("takes runs up in the order they were started, and says which", async () => {
    const world = await scripted(chain);
    const runs = [await world.run("orders"), await world.run("orders")];
    const next = world.boot();
    expect((await next.scheduler.recover()).map(({ id }) => id)).toEqual(runs);
    await settled();
    expect(next.running.map(({ assignment }) => assignment.runId)).toEqual(runs);
  });

  it("sets the timers of a run again: its timeout counts from its start", async () => {
    const world = await scripted(planOf({ a: [] }, { timeoutMs: 60_000 }));
    const run = await world.run("orders");
    await world.advance(40_000);
    const next = await world.restart();
    await next.advance(19_999);
    expect((await next.state(run)).status).toBe("running");
    await next.advance(1);
    expect(await next.state(run)).toMatchObject({ status: "failed", ending: { as: "failed" } });
    expect(next.running[0]!.signal.aborted).toBe(true);
  });

  it("looks again at what a sensor was waiting for", async () => {
    const control = { type: "sense", everyMs: 60_000, deadlineMs: null, onDeadline: "fail" } as const;
    const world = await scripted(planOf([{ name: "there", control }]));
    await world.run("orders");
    await world.attempt("there").end({ type: "unmet" });
    const next = await world.restart();
    await next.advance(60_000);
    expect(next.started).toEqual(["there#2"]);
  });

  it("checks in full what it takes up, before anything is made of it", async () => {
    const world = await scripted(wide);
    await world.run("orders");
    const checks: boolean[] = [];
    const next = await world.restart({
      invariants: (_plan, _state, changedFrom) => checks.push(changedFrom === undefined),
    });
    await next.succeed("a");
    expect(checks).toEqual([true, false]);
  });

  it("starts a run that hooks are to be told of at once, though it was only stored", async () => {
    const each: StepDraft = {
      name: "each",
      control: { type: "map", over: ["list"], fields: null, batch: null },
      dependsOn: ["list"],
      hooks: ["success"],
    };
    const world = await scripted(planOf([{ name: "list" }, each]));
    const first = await world.run("orders");
    await world.succeed("list", []);
    await world.told[0]!.answer(null);
    const dying = await world.restart({
      between: (store) => ({ ...store, commit: () => Promise.reject(full) }),
    });
    // Of no item, it has ended as soon as it starts.
    const again = (await dying.instruct({ type: "rerun", run: first, scope: "only", step: "each" })) as { run: string };
    expect(plain(await dying.state(again.run))).toMatchObject({
      status: "running",
      steps: { each: { status: "waiting" } },
    });
    const next = await world.restart({});
    expect(await next.state(again.run)).toMatchObject({ status: "succeeded" });
    expect(next.told.map(({ notice }) => [notice.runId, notice.event])).toEqual([[again.run, "success"]]);
  });
});

describe("a scheduler that only has something noted", () => {
  it("leaves runs, requests and what others ask where they are", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    const ask = { type: "run", pipeline: "orders", partition: null, params: null, key: null } as const;
    await world.instruct(ask);
    await world.instruct(ask);
    await world.store.addInstruction({
      id: "i1",
      instruction: ask,
      by: "ana",
      createdAt: 0,
      answeredAt: null,
      result: null,
      error: null,
    });
    const noting = await world.note();
    noting.scheduler.wake();
    await noting.advance(3_600_000);
    await noting.scheduler.settled();
    expect([noting.started, noting.commits]).toEqual([[], []]);
    expect(await noting.store.requests({})).toHaveLength(1);
    expect((await noting.store.instruction("i1"))!.answeredAt).toBeNull();
  });

  it("cancels a run that was left, and leaves its teardown to whoever takes it up", async () => {
    const world = await scripted(
      planOf([
        { name: "up" },
        { name: "work", dependsOn: ["up"] },
        { name: "down", teardownOf: "up", dependsOn: ["up", "work"] },
      ]),
    );
    const run = await world.run("orders");
    await world.succeed("up");
    const noting = await world.note();
    expect(await noting.instruct({ type: "cancel-run", run, reason: "wrong" })).toEqual({ run });
    expect(noting.started).toEqual([]);
    expect(plain(await noting.state(run))).toMatchObject({
      status: "running",
      steps: { work: { status: "cancelled", reason: "wrong" }, down: { status: "queued" } },
    });
    const next = await world.restart();
    expect(next.started).toEqual(["down#2"]);
    await next.succeedAll();
    expect((await next.state(run)).status).toBe("cancelled");
  });

  it("cancels a backfill, whose runs end with the next start", async () => {
    const partitions = staticPartitions(["eu", "us"]);
    const world = await scripted(planOf({ a: [] }, { partitions }));
    const { backfill } = (await world.instruct({
      type: "backfill",
      pipeline: "orders",
      selection: { type: "all" },
      mode: "all",
      parallel: 1,
    })) as { backfill: string };
    const noting = await world.note();
    await noting.instruct({ type: "cancel-backfill", backfill });
    const next = await world.restart();
    expect(next.started).toEqual([]);
    expect(await next.store.backfill(backfill)).toMatchObject({ status: "cancelled" });
    expect((await next.store.runs({})).map(({ status }) => status)).toEqual(["cancelled"]);
  });
});
