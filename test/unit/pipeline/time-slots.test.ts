import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slotsOf } from "../../../src/pipeline/time-partitions.ts";
import type { TimePartitions } from "../../../src/pipeline/partition.ts";
import { day, daysOfInterest, hour, localText, localTime, minute, offsetName, zones } from "./clocks.ts";

type Unit = TimePartitions["unit"];
const slots = (unit: Unit, timeZone: string, cron: string | null = null) =>
  slotsOf({ type: "time", unit, cron, from: "", to: null, timeZone });

const someTime = fc.constantFrom(...zones).chain((timeZone) =>
  fc.record({
    timeZone: fc.constant(timeZone),
    around: fc.constantFrom(...daysOfInterest(timeZone)),
    shift: fc.integer({ min: -1440, max: 1440 }),
  }),
);

interface Slot {
  readonly start: number;
  readonly key: string;
}

/** Slots that begin in [from, to), by looking at every minute. `keyOf` says what a slot is called that begins there; null where none does. */
function lookedAt(from: number, to: number, keyOf: (instant: number) => string | null): Slot[] {
  const found: Slot[] = [];
  for (let start = from; start < to; start += minute) {
    const key = keyOf(start);
    if (key !== null) found.push({ start, key });
  }
  return found;
}

/** Hours by their definition: one begins where the clocks read another hour than a minute ago, or begin one. */
function hourKey(timeZone: string): (instant: number) => string | null {
  return (instant) => {
    const [text, before] = [localText(instant, timeZone), localText(instant - minute, timeZone)];
    const label = text.slice(0, 13);
    if (label === before.slice(0, 13) && !text.endsWith(":00")) return null;
    let repeated = false;
    let left = false;
    for (let at = instant - minute; at > instant - 4 * hour && !repeated; at -= minute) {
      if (localText(at, timeZone).slice(0, 13) !== label) left = true;
      repeated = localText(at, timeZone).slice(0, 13) === label && (left || text.endsWith(":00"));
    }
    return label.replace(" ", "T") + (repeated ? offsetName(instant, timeZone) : "");
  };
}

/** ISO weeks and months by their definitions, over days as they are. */
const labels: Readonly<Record<"day" | "week" | "month", (local: number) => string>> = {
  day: (local) => new Date(local).toISOString().slice(0, 10),
  month: (local) => new Date(local).toISOString().slice(0, 7),
  week: (local) => {
    const date = new Date(local);
    const thursday = new Date(date.getTime() - (((date.getUTCDay() + 6) % 7) - 3) * day);
    const year = thursday.getUTCFullYear();
    let week = 0;
    for (let at = Date.UTC(year, 0); at <= thursday.getTime(); at += day) if (new Date(at).getUTCDay() === 4) week += 1;
    return `${year}-W${String(week).padStart(2, "0")}`;
  },
};

function drawn(unit: Unit, timeZone: string, from: number, to: number, cron: string | null = null): Slot[] {
  const { positionAt, startAt, keyAt } = slots(unit, timeZone, cron);
  const result: Slot[] = [];
  for (let position = positionAt(from); startAt(position) < to; position += 1) {
    if (startAt(position) >= from) result.push({ start: startAt(position), key: keyAt(position) });
  }
  return result;
}

describe("hours", () => {
  it("are those that a look at every minute finds", () => {
    fc.assert(
      fc.property(someTime, ({ timeZone, around, shift }) => {
        const from = around + shift * minute;
        const to = from + 30 * hour;
        expect(drawn("hour", timeZone, from, to)).toEqual(lookedAt(from, to, hourKey(timeZone)));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    // The clocks go back from 2:00 to 1:00: the hour from 1:00 comes twice.
    ["Europe/London", "2026-10-25T00", ["2026-10-25T00", "2026-10-25T01", "2026-10-25T01+00:00", "2026-10-25T02"]],
    ["America/New_York", "2026-11-01T00", ["2026-11-01T00", "2026-11-01T01", "2026-11-01T01-05:00", "2026-11-01T02"]],
    // They go forward: an hour is left out.
    ["Europe/London", "2026-03-29T00", ["2026-03-29T00", "2026-03-29T02", "2026-03-29T03", "2026-03-29T04"]],
    // By half an hour, back from 2:00 to 1:30: the hour from 1:00 is 90 minutes long.
    ["Australia/Lord_Howe", "2026-04-05T00", ["2026-04-05T00", "2026-04-05T01", "2026-04-05T02", "2026-04-05T03"]],
    // At midnight, forward: the day begins at 1:00.
    ["America/Sao_Paulo", "2018-11-03T23", ["2018-11-03T23", "2018-11-04T01", "2018-11-04T02", "2018-11-04T03"]],
    // At midnight, back to 23:00 of the day before.
    ["America/Sao_Paulo", "2018-02-17T22", ["2018-02-17T22", "2018-02-17T23", "2018-02-17T23-03:00", "2018-02-18T00"]],
  ])("in %s after %s are named as the clocks read", (timeZone, first, expected) => {
    const { positionOf, keyAt } = slots("hour", timeZone);
    expect(expected.map((_key, at) => keyAt(positionOf(first)! + at))).toEqual(expected);
  });

  it("last an hour, but where clocks are changed by half of one", () => {
    const { positionOf, startAt } = slots("hour", "Australia/Lord_Howe");
    const length = (key: string): number => (startAt(positionOf(key)! + 1) - startAt(positionOf(key)!)) / minute;
    expect([length("2026-04-05T01"), length("2026-10-04T02"), length("2026-10-04T01")]).toEqual([90, 30, 60]);
  });

  it.each([
    ["Europe/London", "2026-03-29T01"],
    ["Europe/London", "2026-10-25T01+01:00"],
    ["Europe/London", "2026-10-25T02+00:00"],
    ["UTC", "2026-10-25T24"],
    ["UTC", "2026-10-25T1"],
    ["UTC", "2026-02-30T01"],
    ["UTC", "2026-10-25"],
  ])("in %s have none under %s", (timeZone, key) => {
    expect(slots("hour", timeZone).positionOf(key)).toBeNull();
  });
});

describe.each(["day", "week", "month"] as const)("each %s", (unit) => {
  it("begins at the first moment whose reading belongs to it, and ends where the next begins", () => {
    fc.assert(
      fc.property(someTime, ({ timeZone, around, shift }) => {
        const instant = around + shift * minute;
        const { positionAt, startAt, keyAt } = slots(unit, timeZone);
        const position = positionAt(instant);
        const [start, end] = [startAt(position), startAt(position + 1)];
        expect(start <= instant && instant < end).toBe(true);
        const key = keyAt(position);
        expect(labels[unit](localTime(start, timeZone))).toBe(key);
        expect(labels[unit](localTime(start - minute, timeZone)) < key).toBe(true);
        expect(labels[unit](localTime(end, timeZone)) > key).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a day", () => {
  it.each([
    // At 0:01 the clocks went back to 23:01: the rest of that hour is of the day that had begun.
    ["America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07"],
    ["America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07"],
    ["America/St_Johns", "2010-11-07T02:29:59Z", "2010-11-06"],
    // 30 December was left out.
    ["Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"],
    ["Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"],
  ])("in %s that %s is in is %s", (timeZone, instant, key) => {
    const { positionAt, keyAt } = slots("day", timeZone);
    expect(keyAt(positionAt(Date.parse(instant)))).toBe(key);
    const quarters = slots("cron", timeZone, "*/15 * * * *");
    const quarter = quarters.startAt(quarters.positionAt(Date.parse(instant)));
    expect(quarter).toBe(Math.floor(Date.parse(instant) / (15 * minute)) * 15 * minute);
  });
});

describe("weeks", () => {
  it.each([
    ["2024-12-30", "2025-W01"],
    ["2025-12-28", "2025-W52"],
    ["2026-12-31", "2026-W53"],
    ["2027-01-03", "2026-W53"],
    ["2027-01-04", "2027-W01"],
    ["2021-01-01", "2020-W53"],
    ["2000-01-02", "1999-W52"],
  ])("have %s in %s", (date, key) => {
    const { positionAt, keyAt, positionOf } = slots("week", "UTC");
    expect(keyAt(positionAt(Date.parse(date)))).toBe(key);
    expect(positionOf(key)).toBe(positionAt(Date.parse(date)));
  });

  it.each(["2025-W53", "2025-W00", "2025-W54", "2025-01", "2025W01", "2025-W1", ""])("know that %j is none", (key) => {
    expect(slots("week", "UTC").positionOf(key)).toBeNull();
  });

  it("know what is a month and what is not", () => {
    const { positionOf, keyAt } = slots("month", "UTC");
    for (const key of ["2026-00", "2026-13", "2026-1", "2026", "2026-01-01", ""]) expect(positionOf(key)).toBeNull();
    expect(keyAt(positionOf("2026-12")! + 1)).toBe("2027-01");
  });
});

describe("positions", () => {
  const unit = fc.constantFrom<Unit>("hour", "day", "week", "month", "cron");
  it("of keys and of instants are those whose keys and starts they are", () => {
    fc.assert(
      fc.property(unit, someTime, fc.integer({ min: -400, max: 400 }), (each, { timeZone, around }, off) => {
        const { positionAt, positionOf, startAt, keyAt } = slots(
          each,
          timeZone,
          each === "cron" ? "0 6 * * 1-5" : null,
        );
        const position = positionAt(around) + off;
        expect(positionOf(keyAt(position))).toBe(position);
        const [start, end] = [startAt(position), startAt(position + 1)];
        expect(end).toBeGreaterThanOrEqual(start);
        // A day that a zone left out is empty: its start is in the one after it.
        if (end > start) expect([positionAt(start), positionAt(end - 1)]).toEqual([position, position]);
      }),
      { numRuns: 800 },
    );
  });
});
