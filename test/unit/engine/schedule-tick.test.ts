import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  lastTick,
  newSchedule,
  ticksDue,
  type Due,
  type TickSchedule,
} from "../../../src/engine/requests/schedule-tick.ts";
import type { ScheduleState } from "../../../src/engine/stores/request-store.ts";
import { combine, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { scheduleOf, ticksAfter, type ScheduleOptions } from "../../../src/pipeline/schedule.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { planOf } from "./plans.ts";

const at = (text: string): number => Date.parse(text);
const hour = 3_600_000;

function due(
  options: ScheduleOptions,
  state: Partial<ScheduleState>,
  now: string,
  more: Partial<Plan> = {},
): Due & { ticks: string[] } {
  const schedule = scheduleOf(options, "orders") as TickSchedule;
  const plan = planOf({ a: [] }, { schedule, ...more });
  const found = ticksDue(
    plan,
    schedule,
    { ...newSchedule("orders"), ...state },
    { now: at(now), dynamic: () => ["x", "y"], params: { n: 1 } },
  );
  return { ...found, ticks: found.requests.map(({ scheduledFor }) => new Date(scheduledFor!).toISOString()) };
}

describe("what a schedule of times asks for", () => {
  it("is a run for each tick that has come, under a key that is the tick's", () => {
    const found = due(
      { cron: "0 2 * * *", timeZone: "Asia/Taipei" },
      { handledTick: at("2026-01-01T00:00:00Z") },
      "2026-01-01T18:00:00Z",
    );
    expect(found.requests).toEqual([
      {
        key: "schedule:orders:2026-01-01T18:00:00.000Z",
        pipeline: "orders",
        partition: null,
        params: { n: 1 },
        trigger: "schedule",
        scheduledFor: at("2026-01-01T18:00:00Z"),
        backfill: null,
        notBefore: at("2026-01-01T18:00:00Z"),
        createdAt: at("2026-01-01T18:00:00Z"),
      },
    ]);
    expect(found.state.handledTick).toBe(at("2026-01-01T18:00:00Z"));
    expect(found.wakeAt).toBe(at("2026-01-02T18:00:00Z"));
  });

  it("is nothing before its tick, and nothing twice", () => {
    const first = due({ every: "1h" }, { handledTick: at("2026-01-01T00:00:00Z") }, "2026-01-01T00:59:59.999Z");
    expect([first.ticks, first.wakeAt]).toEqual([[], at("2026-01-01T01:00:00Z")]);
    const second = due({ every: "1h" }, { handledTick: at("2026-01-01T01:00:00Z") }, "2026-01-01T01:00:00Z");
    expect(second.ticks).toEqual([]);
  });

  it("is the last tick alone when several were missed, unless they are to be made up for", () => {
    const missed = { handledTick: at("2026-01-01T00:00:00Z") };
    expect(due({ every: "1h" }, missed, "2026-01-01T03:30:00Z").ticks).toEqual(["2026-01-01T03:00:00.000Z"]);
    expect(due({ every: "1h", catchup: true }, missed, "2026-01-01T03:30:00Z").ticks).toEqual([
      "2026-01-01T01:00:00.000Z",
      "2026-01-01T02:00:00.000Z",
      "2026-01-01T03:00:00.000Z",
    ]);
  });

  it("makes up for a long past a stretch at a time, and asks to be looked at again at once", () => {
    const found = due(
      { every: "1m", catchup: true },
      { handledTick: at("2025-01-01T00:00:00Z") },
      "2026-01-01T00:00:00Z",
    );
    expect(found.ticks).toHaveLength(100);
    expect(found.ticks.at(-1)).toBe("2025-01-01T01:40:00.000Z");
    expect(found.state.handledTick).toBe(at("2025-01-01T01:40:00Z"));
    expect(found.wakeAt).toBe(at("2025-01-01T01:41:00Z"));
  });

  it("begins at the first look with the next tick", () => {
    const found = due({ every: "1h" }, {}, "2026-01-01T00:30:00Z");
    expect([found.ticks, found.wakeAt]).toEqual([[], at("2026-01-01T01:00:00Z")]);
    expect(found.state.handledTick).toBe(at("2026-01-01T00:30:00Z"));
  });

  it("begins at the first look with its beginning, when the past is to be made up for", () => {
    const options = { every: "1d", catchup: true } as const;
    expect(due({ ...options, from: "2025-12-30" }, {}, "2026-01-01T00:30:00Z").ticks).toEqual([
      "2025-12-30T00:00:00.000Z",
      "2025-12-31T00:00:00.000Z",
      "2026-01-01T00:00:00.000Z",
    ]);
    // Without one of its own, it is that of the partitions.
    const partitions = daily({ from: "2025-12-30" });
    const found = due(options, {}, "2026-01-01T00:30:00Z", { partitions });
    expect(found.requests.map(({ partition }) => partition)).toEqual(["2025-12-30", "2025-12-31"]);
    expect(found.requests[0]!.key).toBe("schedule:orders:2025-12-31T00:00:00.000Z:2025-12-30");
    expect(due(options, {}, "2026-01-01T00:30:00Z").ticks).toEqual([]);
  });

  it("is nothing while it is paused; what was missed is decided about afterwards", () => {
    const paused = { paused: true, handledTick: at("2026-01-01T00:00:00Z") };
    expect(due({ every: "1h" }, paused, "2026-01-01T09:00:00Z")).toMatchObject({
      ticks: [],
      state: paused,
      wakeAt: null,
    });
  });

  it("asks for each partition of a list, and for each combination", () => {
    const region = staticPartitions(["eu", "us"]);
    const handled = { handledTick: at("2026-01-01T23:00:00Z") };
    const flat = due({ every: "1d" }, handled, "2026-01-02T00:00:00Z", { partitions: region });
    expect(flat.requests.map(({ key }) => key)).toEqual([
      "schedule:orders:2026-01-02T00:00:00.000Z:eu",
      "schedule:orders:2026-01-02T00:00:00.000Z:us",
    ]);
    const partitions = combine({ day: daily({ from: "2025-01-01" }), region });
    expect(
      due({ every: "1d" }, handled, "2026-01-02T00:00:00Z", { partitions }).requests.map(({ partition }) => partition),
    ).toEqual(["2026-01-01|eu", "2026-01-01|us"]);
  });

  it("puts a tick off by its jitter, always as much for the same tick", () => {
    const options = { every: "1d", jitter: "10m" } as const;
    const delays = Array.from({ length: 20 }, (_, day) => {
      const now = new Date(at("2026-01-02T00:00:00Z") + day * 24 * hour).toISOString();
      const [request] = due(options, { handledTick: at(now) - 1 }, now).requests;
      expect(due(options, { handledTick: at(now) - 1 }, now).requests[0]).toEqual(request);
      return request!.notBefore - request!.scheduledFor!;
    });
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(600_000);
    expect(new Set(delays).size).toBeGreaterThan(10);
  });

  it("ends where it says", () => {
    const found = due(
      { every: "1h", to: "2026-01-01T02:00:00Z" },
      { handledTick: at("2026-01-01T00:00:00Z") },
      "2026-01-01T05:00:00Z",
    );
    expect([found.ticks, found.wakeAt]).toEqual([["2026-01-01T01:00:00.000Z"], null]);
  });

  it("never goes back when the clock does, and does not ask again", () => {
    const handled = { handledTick: at("2026-01-01T05:00:00Z") };
    const found = due({ every: "1h", catchup: true }, handled, "2026-01-01T02:30:00Z");
    expect([found.ticks, found.state.handledTick, found.wakeAt]).toEqual([
      [],
      handled.handledTick,
      at("2026-01-01T06:00:00Z"),
    ]);
  });

  it("does not stand still for years because the clock was once wrong by years", () => {
    const found = due({ every: "1h" }, { handledTick: at("2035-01-01T00:00:00Z") }, "2026-01-01T02:30:00Z");
    expect([found.ticks, found.wakeAt]).toEqual([[], at("2026-01-01T03:00:00Z")]);
  });

  it("comes once in the hour that the clocks show twice, and after the one that they skip", () => {
    const options = { cron: "30 2 * * *", timeZone: "Europe/Berlin", catchup: true } as const;
    expect(due(options, { handledTick: at("2026-10-24T12:00:00Z") }, "2026-10-25T12:00:00Z").ticks).toHaveLength(1);
    expect(due(options, { handledTick: at("2026-03-28T12:00:00Z") }, "2026-03-29T12:00:00Z").ticks).toEqual([
      "2026-03-29T01:00:00.000Z",
    ]);
  });
});

describe("the last tick", () => {
  it("is the last of all there are, found without counting them", () => {
    const anyMinute = fc.integer({ min: 0, max: 600_000 });
    const schedules = ["*/7 * * * *", "* 3 * * *", "15 4 1 * *", "0 0 * * 1"].map(
      (cron) => scheduleOf({ cron, timeZone: "America/New_York" }, "orders") as TickSchedule,
    );
    schedules.push(scheduleOf({ every: "1h" }, "orders") as TickSchedule);
    fc.assert(
      fc.property(fc.constantFrom(...schedules), anyMinute, fc.nat(30_000), (schedule, minute, length) => {
        const after = at("2026-01-01T00:00:00Z") + minute * 60_000;
        const until = after + length * 60_000;
        expect(lastTick(schedule, after, until)).toBe(ticksAfter(schedule, after, until, 100_000).at(-1) ?? null);
      }),
      { numRuns: 60 },
    );
  });
});
