import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import {
  all,
  any,
  jitterOf,
  nextTick,
  scheduleOf,
  ticksAfter,
  type Schedule,
  type ScheduleOptions,
} from "../../../src/pipeline/schedule.ts";
import { day, hour, minute } from "./clocks.ts";
import { invalid, noop } from "./dsl.ts";

const at = (text: string): number => Date.parse(text);
const schedule = (options: ScheduleOptions): Schedule => scheduleOf(options, "orders")!;
const texts = (ticks: readonly number[]): string[] => ticks.map((tick) => new Date(tick).toISOString().slice(0, 16));

describe("a schedule in the plan", () => {
  it("has its zone, its limits as instants and its jitter in milliseconds", () => {
    expect(
      schedule({
        cron: "0 2 * * *",
        timeZone: "Asia/Taipei",
        catchup: true,
        jitter: "2m",
        from: "2026-01-01",
        to: "2027-01-01T00:00:00Z",
      }),
    ).toEqual({
      type: "cron",
      cron: "0 2 * * *",
      timeZone: "Asia/Taipei",
      catchup: true,
      jitterMs: 120_000,
      from: at("2025-12-31T16:00:00Z"),
      to: at("2027-01-01T00:00:00Z"),
    });
    expect(schedule({ every: "15m" })).toEqual({
      type: "interval",
      everyMs: 900_000,
      catchup: false,
      jitterMs: 0,
      from: null,
      to: null,
    });
    expect(schedule({ onUpdate: any("a", "b", "a") })).toEqual({
      type: "on-update",
      assets: ["a", "b"],
      mode: "any",
      from: null,
      to: null,
    });
    expect(schedule({ onUpdate: all("a", "b"), from: "2026-01-01" })).toMatchObject({
      mode: "all",
      from: at("2026-01-01"),
    });
    expect(schedule({ onUpdate: "a" })).toMatchObject({ assets: ["a"], mode: "any" });
    expect(schedule({ onEvent: "orders.ready" })).toEqual({
      type: "on-event",
      event: "orders.ready",
      from: null,
      to: null,
    });
    expect(pipeline("orders", ({ step }) => void step("a", noop)).plan.schedule).toBeNull();
    expect(
      pipeline(
        "orders",
        { schedule: { every: "1h" }, maxActiveRuns: 2, runTimeout: "2h", lateAfter: "45m" },
        ({ step }) => void step("a", noop),
      ).plan,
    ).toMatchObject({ schedule: { everyMs: hour }, maxActiveRuns: 2, timeoutMs: 2 * hour, lateMs: 45 * minute });
    expect(pipeline("orders", ({ step }) => void step("a", noop)).plan.maxActiveRuns).toBe(16);
  });

  it.each<[string, object, RegExp]>([
    ["no time at all", {}, /says not when/],
    ["two kinds of time", { cron: "0 2 * * *", every: "1h" }, /in two ways: cron and every/],
    ["a cron expression that is none", { cron: "whenever" }, /"whenever" is not a cron expression/],
    ["a field that is none", { cron: "61 2 * * *" }, /"61 2 \* \* \*" is not a cron expression \(.+\)/],
    ["seconds", { cron: "0 0 2 * * *" }, /is not a cron expression/],
    ["a day that never comes", { cron: "0 0 30 2 *" }, /never comes/],
    ["a zone that isn't there", { cron: "0 2 * * *", timeZone: "Mars/Olympus" }, /"Mars\/Olympus" is not a time zone/],
    ["less than a second", { every: "10ms" }, /comes every 10ms/],
    ["an interval that is none", { every: "often" }, /"often" is not a duration/],
    ["no asset", { onUpdate: any() }, /waits for no asset/],
    ["an asset without a name", { onUpdate: { mode: "any", assets: [""] } }, /waits for no asset/],
    ["no event", { onEvent: "" }, /waits for no event/],
    ["a limit that is none", { every: "1h", from: "soon" }, /is limited by "soon"/],
    ["limits the wrong way round", { every: "1h", from: "2026-02-01", to: "2026-01-01" }, /has no time from/],
  ])("is refused in one line that says what to do: %s", (_what, options, message) => {
    expect(() =>
      pipeline("orders", { schedule: options as ScheduleOptions }, ({ step }) => void step("a", noop)),
    ).toThrow(invalid(message));
  });

  it.each([0, -1, 1.5])("lets no %d runs go at a time", (maxActiveRuns) => {
    expect(() => pipeline("orders", { maxActiveRuns }, ({ step }) => void step("a", noop))).toThrow(
      invalid("maxActiveRuns"),
    );
  });
});

describe("ticks", () => {
  const daily = schedule({ cron: "30 1 * * *", timeZone: "Europe/London" });

  it("come at fixed times once a day, also when the clocks skip or repeat them", () => {
    expect(texts(ticksAfter(daily, at("2026-03-27T12:00Z"), at("2026-03-31T00:00Z"), 10))).toEqual([
      "2026-03-28T01:30",
      // 1:30 does not exist: the first moment after the gap is 2:00 summer time.
      "2026-03-29T01:00",
      "2026-03-30T00:30",
    ]);
    expect(texts(ticksAfter(daily, at("2026-10-24T12:00Z"), at("2026-10-27T00:00Z"), 10))).toEqual([
      // 1:30 comes twice; the first of them counts.
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
    const halves = schedule({ cron: "*/30 1 * * *", timeZone: "Europe/London" });
    expect(texts(ticksAfter(halves, at("2026-10-24T12:00Z"), at("2026-10-25T12:00Z"), 10))).toEqual([
      "2026-10-25T00:00",
      "2026-10-25T00:30",
      "2026-10-25T01:00",
      "2026-10-25T01:30",
    ]);
    expect(ticksAfter(halves, at("2026-03-29T00:00Z"), at("2026-03-29T12:00Z"), 10)).toEqual([]);
  });

  it("come where midnight is skipped, and where clocks change by half an hour", () => {
    const midnight = schedule({ cron: "0 0 * * *", timeZone: "America/Sao_Paulo" });
    expect(texts(ticksAfter(midnight, at("2018-11-03T12:00Z"), at("2018-11-05T12:00Z"), 10))).toEqual([
      "2018-11-04T03:00",
      "2018-11-05T02:00",
    ]);
    const lordHowe = schedule({ cron: "15 2 * * *", timeZone: "Australia/Lord_Howe" });
    expect(texts(ticksAfter(lordHowe, at("2026-10-02T12:00Z"), at("2026-10-05T12:00Z"), 10))).toEqual([
      "2026-10-02T15:45",
      "2026-10-03T15:30",
      "2026-10-04T15:15",
    ]);
  });

  it("keep to their limits: the first may be at `from` itself, none is at `to`", () => {
    const limited = schedule({ cron: "0 0 * * *", from: "2026-01-01", to: "2026-01-03" });
    expect(texts(ticksAfter(limited, 0, at("2030-01-01"), 10))).toEqual(["2026-01-01T00:00", "2026-01-02T00:00"]);
    expect(nextTick(limited, at("2026-01-02T00:00Z"))).toBeNull();
    const every = schedule({ every: "15m", from: "2026-01-01T00:05:00Z", to: "2026-01-01T00:40:00Z" });
    expect(texts(ticksAfter(every, 0, at("2030-01-01"), 10))).toEqual([
      "2026-01-01T00:05",
      "2026-01-01T00:20",
      "2026-01-01T00:35",
    ]);
  });

  it("are none where nothing is at a time", () => {
    expect(nextTick(schedule({ onEvent: "x" }), 0)).toBeNull();
    expect(ticksAfter(schedule({ onUpdate: "x" }), 0, at("2030-01-01"), 5)).toEqual([]);
  });

  it("are the same however the time between is cut", () => {
    const some = fc.constantFrom<Schedule>(
      daily,
      schedule({ cron: "*/20 * * * 1-5", timeZone: "America/New_York" }),
      schedule({ every: "7m" }),
      schedule({ every: "25h", from: "2026-02-03T04:05:06Z" }),
    );
    const start = at("2026-03-05");
    fc.assert(
      fc.property(some, fc.array(fc.nat(5 * day), { maxLength: 6 }), (each, cuts) => {
        const end = start + 10 * day;
        const whole = ticksAfter(each, start, end, 10_000);
        const points = [start, ...cuts.map((cut) => start + cut).sort((a, b) => a - b), end];
        const pieces = points.slice(1).flatMap((point, index) => ticksAfter(each, points[index]!, point, 10_000));
        expect(pieces).toEqual(whole);
        expect(ticksAfter(each, start, end, 3)).toEqual(whole.slice(0, 3));
        for (const tick of whole.slice(0, 20)) expect(nextTick(each, tick - 1)).toBe(tick);
      }),
      { numRuns: 60 },
    );
  });
});

describe("jitter", () => {
  it("puts a tick off by the same share each time, spread over pipelines and ticks", () => {
    const jittered = schedule({ cron: "0 2 * * *", jitter: "10m" });
    const waits = Array.from({ length: 500 }, (_unused, index) => jitterOf(jittered, `p${index % 25}`, index * day));
    expect(waits).toEqual(
      Array.from({ length: 500 }, (_unused, index) => jitterOf(jittered, `p${index % 25}`, index * day)),
    );
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...waits)).toBeLessThan(10 * minute);
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
    expect(mean).toBeGreaterThan(4.5 * minute);
    expect(mean).toBeLessThan(5.5 * minute);
    expect(new Set(waits).size).toBeGreaterThan(490);
    expect(jitterOf(schedule({ every: "1h" }), "p", 0)).toBe(0);
    expect(jitterOf(schedule({ onEvent: "x" }), "p", 0)).toBe(0);
  });
});
