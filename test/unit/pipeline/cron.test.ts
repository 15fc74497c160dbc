import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cronTicks } from "../../../src/pipeline/cron.ts";
import { slotsOf } from "../../../src/pipeline/time-partitions.ts";
import { day, daysOfInterest, hour, localTime, minute, zones } from "./clocks.ts";

/** What a field of an expression means: which numbers, and whether a `*` or a step made them. */
interface Field {
  readonly text: string;
  readonly values: ReadonlySet<number>;
  readonly wild: boolean;
}

const range = (min: number, max: number, step = 1): number[] => {
  const values = [];
  for (let value = min; value <= max; value += step) values.push(value);
  return values;
};

const field = (min: number, max: number): fc.Arbitrary<Field> => {
  const number = fc.integer({ min, max });
  return fc.oneof(
    number.map((value) => ({ text: `${value}`, values: new Set([value]), wild: false })),
    fc.uniqueArray(number, { minLength: 2, maxLength: 4 }).map((list) => ({
      text: list.join(","),
      values: new Set(list),
      wild: false,
    })),
    fc.tuple(number, number).map(([a, b]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      return { text: `${low}-${high}`, values: new Set(range(low, high)), wild: false };
    }),
    fc.integer({ min: 2, max: Math.min(12, max - min) }).map((step) => ({
      text: `*/${step}`,
      values: new Set(range(min, max, step)),
      wild: true,
    })),
    fc.constant({ text: "*", values: new Set(range(min, max)), wild: true }),
  );
};

interface Expression {
  readonly minutes: Field;
  readonly hours: Field;
  readonly days: Field;
  readonly months: Field;
  readonly weekdays: Field;
}

const expression = fc.record({
  minutes: field(0, 59),
  hours: field(0, 23),
  days: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Field>({ text: "*", values: new Set(range(1, 31)), wild: true }) },
    { weight: 1, arbitrary: field(1, 31) },
  ),
  months: fc.constant<Field>({ text: "*", values: new Set(range(1, 12)), wild: true }),
  weekdays: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Field>({ text: "*", values: new Set(range(0, 6)), wild: true }) },
    { weight: 1, arbitrary: field(0, 6) },
  ),
});

const textOf = ({ minutes, hours, days, months, weekdays }: Expression): string =>
  [minutes, hours, days, months, weekdays].map(({ text }) => text).join(" ");

function isDay({ days, months, weekdays }: Expression, local: number): boolean {
  const date = new Date(local);
  const [byDay, byWeekday] = [days.values.has(date.getUTCDate()), weekdays.values.has(date.getUTCDay())];
  const fits = days.text === "*" ? byWeekday : weekdays.text === "*" ? byDay : byDay || byWeekday;
  return fits && months.values.has(date.getUTCMonth() + 1);
}

/** Ticks in [from, to) by a look at every minute, and by the rules for clocks that are changed. */
function lookedAt(cron: Expression, timeZone: string, from: number, to: number): number[] {
  const fixed = !cron.minutes.wild && !cron.hours.wild;
  const matches = (local: number): boolean => {
    const date = new Date(local);
    return (
      isDay(cron, local) && cron.hours.values.has(date.getUTCHours()) && cron.minutes.values.has(date.getUTCMinutes())
    );
  };
  const found: number[] = [];
  let before = localTime(from - 5 * hour, timeZone);
  /** The latest that the clocks have read. */
  let read = before;
  for (let at = from - 5 * hour + minute; at < to; at += minute) {
    const local = localTime(at, timeZone);
    // A fixed time that comes for the second time doesn't count; one that was skipped does, at the first moment after.
    const skipped = range(before + minute, local - minute, minute).some(matches);
    const ticks = fixed ? (matches(local) && local > read) || skipped : matches(local);
    if (ticks && at >= from) found.push(at);
    before = local;
    read = Math.max(read, local);
  }
  return found;
}

// Whole days that were left out are no change of the hour.
const cronZones = zones.filter((zone) => zone !== "Pacific/Apia");
const someTime = fc
  .constantFrom(...cronZones)
  .chain((timeZone) =>
    fc.record({ timeZone: fc.constant(timeZone), around: fc.constantFrom(...daysOfInterest(timeZone)) }),
  );

function drawn(next: (after: number) => number | null, from: number, to: number): number[] {
  const result: number[] = [];
  for (let tick = next(from - 1); tick !== null && tick < to; tick = next(tick)) result.push(tick);
  return result;
}

describe("a cron expression", () => {
  it("ticks when a look at every minute finds it does, in every zone and on the days when clocks are changed", () => {
    fc.assert(
      fc.property(expression, someTime, (cron, { timeZone, around }) => {
        const [from, to] = [around - 12 * hour, around + 60 * hour];
        expect(drawn(cronTicks(textOf(cron), timeZone).next, from, to)).toEqual(lookedAt(cron, timeZone, from, to));
      }),
      { numRuns: 150 },
    );
  });
});

describe("windows between ticks", () => {
  it("begin with each tick, however their positions are counted", () => {
    fc.assert(
      fc.property(expression, someTime, (cron, { timeZone, around }) => {
        const text = textOf(cron);
        const { positionAt, startAt } = slotsOf({
          type: "time",
          unit: "cron",
          cron: text,
          from: "",
          to: null,
          timeZone,
        });
        const ticks = drawn(cronTicks(text, timeZone).next, around - 2 * day, around + 4 * day).slice(0, 300);
        fc.pre(ticks.length > 1);
        const first = positionAt(ticks[0]!);
        expect(ticks.map((_tick, at) => startAt(first + at))).toEqual(ticks);
        expect(ticks.map((tick) => positionAt(tick))).toEqual(ticks.map((_tick, at) => first + at));
        expect(positionAt(ticks[1]! - 1)).toBe(first);
      }),
      { numRuns: 60 },
    );
  });
});
