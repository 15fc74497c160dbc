import { describe, expect, it } from "vitest";
import { staticPartitions } from "../../../src/pipeline/partition-key.ts";
import type { RunRequest } from "../../../src/engine/stores/request-store.ts";
import { planOf } from "./plans.ts";
import { newYear, scripted, settled, success } from "./scripted.ts";

const narrow = planOf({ a: [] }, { maxActiveRuns: 2 });
const ask = { type: "run", pipeline: "orders", partition: null, params: null, key: null } as const;

const request = (key: string, more: Partial<RunRequest> = {}): RunRequest => ({
  key,
  pipeline: "orders",
  partition: null,
  params: null,
  trigger: "schedule",
  scheduledFor: newYear,
  backfill: null,
  notBefore: newYear,
  createdAt: newYear,
  ...more,
});

describe("the queue of runs", () => {
  it("lets no more runs of a pipeline be active than it says; the others wait as requests, in order", async () => {
    const world = await scripted(narrow);
    const answers = await Promise.all([1, 2, 3, 4].map(() => world.instruct(ask)));
    expect(answers.map((answer) => Object.keys(answer as object)[0])).toEqual(["run", "run", "request", "request"]);
    expect(world.running).toHaveLength(2);
    const waiting = (await world.store.requests({})).map(({ key }) => key);
    expect(waiting).toEqual(answers.slice(2).map((answer) => (answer as { request: string }).request));
    await world.running[0]!.end(success());
    expect((await world.store.runByRequest(waiting[0]!))!.status).toBe("running");
    expect(await world.store.runByRequest(waiting[1]!)).toBeNull();
    await world.succeedAll();
    expect((await world.store.runs({})).map(({ status }) => status)).toEqual(Array(4).fill("succeeded"));
    expect(await world.store.requests({})).toEqual([]);
  });

  it("lets nobody overtake those who wait", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }), {
      between: (store) => ({
        ...store,
        runByRequest: async (key) => {
          if (key === "slow") await gate.promise;
          return store.runByRequest(key);
        },
      }),
    });
    await world.instruct({ ...ask, key: "first" });
    await world.instruct({ ...ask, key: "second" });
    // Something else goes on, while one comes and then one ends: there is room before the second is taken up.
    const slow = world.scheduler.instruct({ ...ask, key: "slow" }, "ana");
    await settled();
    const third = world.scheduler.instruct({ ...ask, key: "third" }, "ana");
    await settled();
    await world.succeed("a");
    gate.resolve();
    expect([await slow, await third]).toEqual([{ request: "slow" }, { request: "third" }]);
    await settled();
    expect((await world.store.runs({})).map(({ requestKey }) => requestKey)).toEqual(["second", "first"]);
  });

  it.each(["addRequests", "dueRequests"] as const)(
    "misses no room that comes about while it looks for it (in %s)",
    async (held) => {
      const gate = Promise.withResolvers<void>();
      let holding = false;
      const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }), {
        between: (store) => ({
          ...store,
          [held]: async (...given: never[]) => {
            const result: unknown = await (store[held] as (...all: never[]) => unknown)(...given);
            if (holding) await gate.promise;
            return result;
          },
        }),
      });
      await world.instruct(ask);
      holding = true;
      if (held === "addRequests") void world.scheduler.instruct({ ...ask, key: "second" }, "ana");
      else {
        await world.store.addRequests([request("second")]);
        world.scheduler.wake();
      }
      await settled();
      await world.succeed("a");
      gate.resolve();
      await settled();
      expect((await world.store.runByRequest("second"))?.status).toBe("running");
    },
  );

  it("makes one run of one key, however often it is asked", async () => {
    const world = await scripted(narrow);
    const first = await world.instruct({ ...ask, key: "daily" });
    expect(await world.instruct({ ...ask, key: "daily" })).toEqual(first);
    await world.succeedAll();
    expect(await world.instruct({ ...ask, key: "daily" })).toEqual(first);
    const [one, two] = await Promise.all([1, 2].map(() => world.instruct({ ...ask, key: "at once" })));
    expect(one).toEqual(two);
    expect(await world.store.runs({})).toHaveLength(2);
  });

  it("makes one run of a key that waits already", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    await world.instruct(ask);
    expect(await world.instruct({ ...ask, key: "daily" })).toEqual({ request: "daily" });
    expect(await world.instruct({ ...ask, key: "daily" })).toEqual({ request: "daily" });
    await world.succeedAll();
    expect(await world.store.runs({})).toHaveLength(2);
  });

  it("resolves whoever waits for a request once its run has ended", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    await world.instruct(ask);
    await world.instruct({ ...ask, key: "second" });
    const waiting = world.scheduler.requested("second");
    await settled();
    await world.succeedAll();
    expect((await waiting).record).toMatchObject({ requestKey: "second", status: "succeeded" });
    expect((await world.scheduler.requested("second")).record.status).toBe("succeeded");
  });

  it("begins a request when its time comes, and not before", async () => {
    const world = await scripted(narrow);
    await world.store.addRequests([request("later", { notBefore: newYear + 60_000 })]);
    world.scheduler.wake();
    await settled();
    await world.advance(59_999);
    expect(world.started).toEqual([]);
    await world.advance(1);
    expect(await world.store.runs({})).toMatchObject([
      { requestKey: "later", trigger: "schedule", scheduledFor: newYear, createdAt: newYear + 60_000 },
    ]);
  });

  it("begins after a restart what waited before", async () => {
    const world = await scripted(narrow);
    await world.store.addRequests([request("one"), request("two"), request("three")]);
    const next = await world.restart();
    expect(next.running).toHaveLength(2);
    await next.succeedAll();
    expect((await next.store.runs({})).map(({ requestKey }) => requestKey)).toEqual(["three", "two", "one"]);
  });

  it("counts runs that were taken up after a restart", async () => {
    const world = await scripted(narrow);
    await world.run("orders");
    await world.run("orders");
    const next = await world.restart();
    expect(await next.instruct(ask)).toHaveProperty("request");
  });

  it("gives a run the pipeline as it is when it begins", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    await world.instruct(ask);
    await world.instruct({ ...ask, key: "second" });
    const changed = planOf({ b: [] }, { maxActiveRuns: 1 });
    world.plans.set("orders", changed);
    world.scheduler.plansChanged();
    await world.succeed("a");
    expect(world.started).toEqual(["a#1", "b#1"]);
    expect((await world.store.runByRequest("second"))!.version).toBe(changed.version);
    expect(await world.store.plan(changed.version)).toEqual(changed);
  });

  it("takes up what waits when a pipeline gets room by a change", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    await world.instruct(ask);
    await world.instruct(ask);
    world.plans.set("orders", planOf({ a: [] }, { maxActiveRuns: 2 }));
    world.scheduler.plansChanged();
    await settled();
    expect(world.running).toHaveLength(2);
  });

  it("keeps requests of a pipeline that is gone until it is there again", async () => {
    const world = await scripted(narrow);
    await world.store.addRequests([request("one", { pipeline: "other" })]);
    world.scheduler.wake();
    await settled();
    expect(await world.store.requests({})).toHaveLength(1);
    world.plans.set("other", planOf({ a: [] }, { pipeline: "other" }));
    world.scheduler.plansChanged();
    await settled();
    expect(world.started).toEqual(["a#1"]);
  });

  it("drops a request whose partition is gone, and says so to whoever waits", async () => {
    const plan = planOf({ a: [] }, { partitions: staticPartitions(["eu"]), maxActiveRuns: 1 });
    const world = await scripted(plan);
    await world.run("orders", "eu");
    await world.store.addRequests([request("us", { partition: "us" })]);
    const waiting = world.scheduler.requested("us");
    world.scheduler.wake();
    await world.succeedAll();
    await expect(waiting).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining('"us"') });
    expect(await world.store.requests({})).toEqual([]);
  });

  it("makes the runs that are asked for together in one go", async () => {
    const batches: number[] = [];
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 100 }), {
      between: (store) => ({ ...store, createRuns: (runs) => (batches.push(runs.length), store.createRuns(runs)) }),
    });
    await Promise.all(Array.from({ length: 50 }, () => world.instruct(ask)));
    expect(batches).toEqual([50]);
  });

  it("names runs so that their ids can be typed, whatever their partitions are called", async () => {
    const plan = planOf({ a: [] }, { partitions: staticPartitions(["東京 / β", "x".repeat(200)]) });
    const world = await scripted(plan);
    expect(await world.run("orders", "東京 / β")).toMatch(/^orders-東京-β-\d+$/);
    expect((await world.run("orders", "x".repeat(200))).length).toBeLessThan(100);
  });
});
