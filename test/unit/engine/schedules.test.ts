import { describe, expect, it } from "vitest";
import { staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { scheduleOf, type ScheduleOptions } from "../../../src/pipeline/schedule.ts";
import { daily, hourly } from "../../../src/pipeline/time-partitions.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { finalFailure, planOf, stepOf } from "./plans.ts";
import { scripted, settled, success, updating, type Scripted } from "./scripted.ts";

const minute = 60_000;
const hour = 60 * minute;

const on = (schedule: ScheduleOptions, more: Partial<Plan> = {}): Plan =>
  planOf({ a: [] }, { schedule: scheduleOf(schedule, "orders"), ...more });

/** A pipeline whose only step brings an asset up to date. */
const source = (pipeline: string, more: Partial<Plan> = {}): Plan => planOf({ [pipeline]: [] }, { pipeline, ...more });

const keys = async ({ store }: Scripted, pipeline = "orders"): Promise<string[]> =>
  (await store.runs({ pipeline, limit: 1_000 })).map(({ requestKey }) => requestKey).reverse();

async function update(world: Scripted, asset: string, partition: string | null = null): Promise<void> {
  const run = await world.run(asset, partition);
  await world.attempt(asset, run).end(updating(asset));
}

describe("a schedule", () => {
  it("starts a run at each of its times", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    await world.advance(hour - 1);
    expect(world.started).toEqual([]);
    await world.advance(1);
    expect(world.started).toEqual(["a#1"]);
    await world.advance(2 * hour);
    expect(await keys(world)).toEqual([
      "schedule:orders:2026-01-01T01:00:00.000Z",
      "schedule:orders:2026-01-01T02:00:00.000Z",
      "schedule:orders:2026-01-01T03:00:00.000Z",
    ]);
    expect(await world.store.runs({ limit: 1 })).toMatchObject([
      { trigger: "schedule", scheduledFor: Date.parse("2026-01-01T03:00:00Z") },
    ]);
  });

  it("runs partitions again that have failed, as far back as it says, until they succeed", async () => {
    const partitions = daily({ from: "2025-12-01", timeZone: "UTC" });
    const world = await scripted(on({ cron: "0 2 * * *", retryFailed: 2 }, { partitions }), { schedules: true });
    const day = 24 * hour;
    const night = async (ends: readonly boolean[]): Promise<(string | null)[]> => {
      const before = (await world.store.runs({ limit: 1_000 })).length;
      await world.advance(day);
      const runs = (await world.store.runs({ limit: 1_000 })).slice(0, -before || undefined).reverse();
      for (const [index, run] of runs.entries()) {
        const attempt = world.attempt("a", run.id);
        await attempt.end(ends[index] === true ? success() : { type: "failed", error: finalFailure });
      }
      return runs.map(({ partition }) => partition);
    };
    expect(await night([false])).toEqual(["2025-12-31"]);
    expect(await night([true, false])).toEqual(["2026-01-01", "2025-12-31"]);
    expect(await night([false, true])).toEqual(["2026-01-02", "2025-12-31"]);
    expect(await night([true, true])).toEqual(["2026-01-03", "2026-01-02"]);
    expect(await night([true])).toEqual(["2026-01-04"]);
  });

  it("is not kept by a scheduler that is not to", async () => {
    const world = await scripted(on({ every: "1h" }));
    world.scheduler.plansChanged();
    await world.advance(5 * hour);
    expect(world.started).toEqual([]);
    expect(await world.store.schedules()).toEqual([]);
  });

  it("starts after a restart only the last of those that were missed", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    world.scheduler.stop();
    world.clock.advance(5 * hour + minute);
    const next = await world.restart();
    expect(await keys(next)).toEqual(["schedule:orders:2026-01-01T05:00:00.000Z"]);
  });

  it("makes up for a long past as room allows, without filling the queue with it", async () => {
    const plan = on({ every: "1h", catchup: true, from: "2025-12-01" }, { maxActiveRuns: 4 });
    const world = await scripted(plan, { schedules: true });
    for (let look = 0; look < 5; look += 1) await world.advance(0);
    expect(world.running).toHaveLength(4);
    const waiting = (await world.store.requests({})).length;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThanOrEqual(100);
    while (world.running.length > 0) await world.succeedAll();
    expect((await keys(world)).length).toBe(31 * 24 + 1);
    expect((await keys(world))[0]).toBe("schedule:orders:2025-12-01T00:00:00.000Z");
  });

  it("asks for nothing twice when the scheduler is killed between the tick and the answer", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    world.failNextCommit(new Error("lost"), "after");
    await world.advance(hour);
    expect(world.started).toEqual([]);
    const next = await world.restart();
    expect(await keys(next)).toEqual(["schedule:orders:2026-01-01T01:00:00.000Z"]);
    await next.advance(0);
    expect(await keys(next)).toHaveLength(1);
  });

  it("asks for nothing twice when the clock is put back and comes to the same time again", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    await world.advance(2 * hour);
    world.clock.advance(-90 * minute);
    const next = await world.restart();
    await next.advance(90 * minute);
    expect(await keys(next)).toHaveLength(2);
    await next.advance(hour);
    expect(await keys(next)).toHaveLength(3);
  });

  it("is looked at every half minute, whatever its next time: a clock that jumps takes no timer with it", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    for (let round = 0; round < 3; round += 1) {
      expect(world.timersDue()[0]).toBe(world.clock.now() + 30_000);
      await world.advance(30_000);
    }
  });

  it("is given the params of a run that nobody starts", async () => {
    const plan = on({ every: "1h" }, { params: { type: "object" } });
    const asked: unknown[] = [];
    const world = await scripted(plan, {
      schedules: true,
      prepareParams: async (pipeline, raw) => (asked.push([pipeline, raw]), { limit: 100 }),
    });
    await world.advance(2 * hour);
    expect(world.attempt("a").assignment.params).toEqual({ limit: 100 });
    expect(asked).toEqual([["orders", {}]]);
  });

  it("waits, and says so, while the params can't be worked out", async () => {
    let works = false;
    const world = await scripted(on({ every: "1h" }, { params: {} }), {
      schedules: true,
      prepareParams: async () => {
        if (!works) throw new Error("no worker");
        return {};
      },
    });
    await world.advance(hour);
    expect(world.troubles[0]).toMatchObject({ pipeline: "orders", failure: { message: "Error: no worker" } });
    expect(world.started).toEqual([]);
    works = true;
    await world.advance(minute);
    await world.advance(hour);
    expect(world.started).toHaveLength(1);
  });

  it("begins when it is there, and ends when it is gone, with the project's files", async () => {
    const world = await scripted(planOf({ a: [] }), { schedules: true });
    await world.advance(hour);
    world.plans.set("orders", on({ every: "1h" }));
    world.scheduler.plansChanged();
    await settled();
    await world.advance(hour);
    expect(world.started).toHaveLength(1);
    world.plans.set("orders", planOf({ a: [] }));
    world.scheduler.plansChanged();
    await settled();
    await world.advance(3 * hour);
    expect(world.started).toHaveLength(1);
  });

  it("does not keep another one waiting when it can't be worked out", async () => {
    // Such a plan can't be made by the pipeline's own code; it might be read from a store.
    const odd = on({ every: "1h" }, { partitions: { ...daily({ from: "2025-01-01" }), timeZone: "Nowhere/At_All" } });
    const good = { ...on({ every: "1h" }, { pipeline: "good" }) };
    const world = await scripted([odd, good], { schedules: true });
    await world.advance(hour);
    expect(await keys(world, "good")).toHaveLength(1);
    expect(world.troubles).toMatchObject([{ pipeline: "orders" }]);
    // It is looked at again: the trouble may be over.
    await world.advance(minute);
    expect(world.troubles).toHaveLength(3);
  });
});

describe("a pause", () => {
  it("keeps a schedule from asking, and its end leaves the last missed tick", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    expect(await world.instruct({ type: "pause", pipeline: "orders" })).toEqual({ pipeline: "orders", paused: true });
    await world.advance(3 * hour);
    expect(world.started).toEqual([]);
    await world.instruct({ type: "unpause", pipeline: "orders" });
    await world.advance(0);
    expect(await keys(world)).toEqual(["schedule:orders:2026-01-01T03:00:00.000Z"]);
  });

  it("leaves all that was missed to be made up for, where the schedule says so", async () => {
    const world = await scripted(on({ every: "1h", catchup: true }), { schedules: true });
    await world.instruct({ type: "pause", pipeline: "orders" });
    await world.advance(3 * hour);
    await world.instruct({ type: "unpause", pipeline: "orders" });
    await world.advance(0);
    expect(await keys(world)).toHaveLength(3);
  });

  it("outlives a restart, and changes nothing else that is known of the schedule", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    await world.advance(hour);
    // As by `sluice run`, which keeps no schedules and yet may be told.
    const other = await world.restart({});
    await other.instruct({ type: "pause", pipeline: "orders" });
    const next = await world.restart({ schedules: true });
    await next.advance(3 * hour);
    expect(await keys(next)).toHaveLength(1);
    expect(await next.store.schedules()).toMatchObject([
      { pipeline: "orders", paused: true, handledTick: Date.parse("2026-01-01T01:00:00Z") },
    ]);
  });

  it("does not keep a person from starting a run", async () => {
    const world = await scripted(on({ every: "1h" }), { schedules: true });
    await world.instruct({ type: "pause", pipeline: "orders" });
    await world.run("orders");
    expect(world.started).toEqual(["a#1"]);
  });
});

describe("a schedule by updates", () => {
  const any = on({ onUpdate: { mode: "any", assets: ["sales", "stock"] } });
  const all = on({ onUpdate: { mode: "all", assets: ["sales", "stock"] } });

  it("starts a run when any of its assets was updated", async () => {
    const world = await scripted([any, source("sales"), source("stock"), source("other")], { schedules: true });
    await update(world, "other");
    expect(await keys(world)).toEqual([]);
    await update(world, "sales");
    expect(await keys(world)).toEqual(["update:orders:2"]);
    await update(world, "stock");
    expect(await keys(world)).toEqual(["update:orders:2", "update:orders:3"]);
    expect(await world.store.runs({ pipeline: "orders", limit: 1 })).toMatchObject([{ trigger: "update" }]);
  });

  it("starts a run once all of its assets were updated since the last", async () => {
    const world = await scripted([all, source("sales"), source("stock")], { schedules: true });
    await update(world, "sales");
    await update(world, "sales");
    expect(await keys(world)).toEqual([]);
    await update(world, "stock");
    expect(await keys(world)).toEqual(["update:orders:3"]);
    await update(world, "stock");
    expect(await keys(world)).toHaveLength(1);
    await update(world, "sales");
    expect(await keys(world)).toHaveLength(2);
  });

  it("does not make up for what was updated before it was there", async () => {
    const world = await scripted(source("sales"), { schedules: true });
    await update(world, "sales");
    world.plans.set("orders", any);
    world.scheduler.plansChanged();
    await settled();
    expect(await keys(world)).toEqual([]);
    await update(world, "sales");
    expect(await keys(world)).toHaveLength(1);
  });

  it("makes up for what was updated while no scheduler kept it", async () => {
    const world = await scripted([any, source("sales")], { schedules: true });
    const other = await world.restart({});
    await update(other, "sales");
    expect(await keys(other)).toEqual([]);
    const next = await world.restart({ schedules: true });
    expect(await keys(next)).toEqual(["update:orders:1"]);
  });

  it("starts a run of the partition that was updated, where the pipeline has it", async () => {
    const partitions = daily({ from: "2026-01-01" });
    const world = await scripted(
      [{ ...any, partitions }, source("sales", { partitions: daily({ from: "2025-01-01" }) })],
      { schedules: true },
    );
    await update(world, "sales", "2026-01-05");
    await update(world, "sales", "2025-06-01");
    expect(await keys(world)).toEqual(["update:orders:1:2026-01-05"]);
  });

  it("starts a run of a partition once all of its assets were updated for it", async () => {
    const partitions = staticPartitions(["eu", "us"]);
    const world = await scripted(
      [{ ...all, partitions }, source("sales", { partitions }), source("stock", { partitions })],
      { schedules: true },
    );
    await update(world, "sales", "eu");
    await update(world, "stock", "us");
    expect(await keys(world)).toEqual([]);
    await update(world, "stock", "eu");
    expect(await keys(world)).toEqual(["update:orders:3:eu"]);
    await update(world, "stock", "eu");
    expect(await keys(world), "sales was not updated since").toHaveLength(1);
    await update(world, "sales", "eu");
    expect(await keys(world)).toEqual(["update:orders:3:eu", "update:orders:5:eu"]);
    await update(world, "sales", "us");
    expect(await keys(world)).toHaveLength(3);
  });

  it("counts an asset without partitions for all of them", async () => {
    const partitions = staticPartitions(["eu", "us"]);
    const world = await scripted([{ ...any, partitions }, source("sales")], { schedules: true });
    await update(world, "sales");
    expect(await keys(world)).toEqual(["update:orders:1:eu", "update:orders:1:us"]);
  });

  it("is kept in its time only", async () => {
    const late = on({ onUpdate: { mode: "any", assets: ["sales"] }, from: "2026-02-01" });
    const world = await scripted([late, source("sales")], { schedules: true });
    await update(world, "sales");
    expect(await keys(world)).toEqual([]);
    await world.advance(40 * 24 * hour);
    expect(await keys(world)).toEqual([]);
    await update(world, "sales");
    expect(await keys(world)).toHaveLength(1);
  });

  it("is kept in its time only, for partitions too", async () => {
    const partitions = staticPartitions(["eu"]);
    const late = on({ onUpdate: { mode: "any", assets: ["sales"] }, from: "2026-02-01" }, { partitions });
    const world = await scripted([late, source("sales", { partitions })], { schedules: true });
    await update(world, "sales", "eu");
    expect(await keys(world)).toEqual([]);
  });

  it("does not take for updates what a cache or an earlier run brought", async () => {
    const cached = planOf([stepOf({ name: "sales", cache: { ttlMs: null } })], { pipeline: "sales" });
    const world = await scripted([any, cached], { schedules: true });
    await update(world, "sales");
    await world.run("sales");
    expect(await keys(world)).toHaveLength(1);
  });
});

describe("an event", () => {
  const waiting = on({ onEvent: "orders.ready" });

  it("starts the pipelines that wait for it, once per key", async () => {
    const other = { ...on({ onEvent: "orders.ready" }, { pipeline: "other" }) };
    const world = await scripted([waiting, other, planOf({ a: [] }, { pipeline: "deaf" })]);
    const event = { type: "event", name: "orders.ready", key: "file-1", partition: null, params: null } as const;
    const answer = { event: "orders.ready", pipelines: ["orders", "other"], paused: [] };
    expect(await world.instruct(event)).toEqual(answer);
    expect(await world.instruct(event)).toEqual(answer);
    expect(await keys(world)).toEqual(["event:orders.ready:file-1:orders"]);
    expect(await world.store.runs({})).toHaveLength(2);
    await world.instruct({ ...event, key: "file-2" });
    expect(await world.store.runs({ pipeline: "orders", limit: 1 })).toMatchObject([{ trigger: "event" }]);
  });

  it("carries a partition and params", async () => {
    const plan = { ...waiting, partitions: hourly({ from: "2026-01-01T00" }), params: {} };
    const world = await scripted(plan, {
      prepareParams: async (_pipeline, raw) => ({ ...(raw as object), checked: true }),
    });
    const event = { type: "event", name: "orders.ready", key: "k", partition: null, params: { n: 1 } } as const;
    await expect(world.instruct(event)).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("partition"),
    });
    await world.instruct({ ...event, partition: "2026-01-01T05" });
    expect(world.attempt("a").assignment).toMatchObject({
      partition: "2026-01-01T05",
      params: { n: 1, checked: true },
    });
  });

  it("of which a pipeline is told while it is paused is not made up for", async () => {
    const world = await scripted(waiting, { schedules: true });
    await world.instruct({ type: "pause", pipeline: "orders" });
    const event = { type: "event", name: "orders.ready", key: "k", partition: null, params: null } as const;
    expect(await world.instruct(event)).toEqual({ event: "orders.ready", pipelines: [], paused: ["orders"] });
    await world.instruct({ type: "unpause", pipeline: "orders" });
    expect(await keys(world)).toEqual([]);
  });

  it("that nobody waits for is refused, with what is waited for", async () => {
    const world = await scripted(waiting);
    await expect(
      world.instruct({ type: "event", name: "orders.redy", key: "k", partition: null, params: null }),
    ).rejects.toMatchObject({ code: "NOT_FOUND", hint: expect.stringContaining("orders.ready") });
  });
});
