import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { combine, dynamicPartitions, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import {
  countPartitions,
  fixSelection,
  partitionKeyAt,
  partitionKeys,
} from "../../../src/pipeline/partition-selection.ts";
import {
  describePartitions,
  firstPartition,
  overlappingPartitions,
  partitionAt,
  partitionsOfTick,
  previousPartition,
  type DynamicKeys,
  type PartitionSelection,
  type Partitions,
  type TimePartition,
  type TimePartitions,
} from "../../../src/pipeline/partition.ts";
import { daily, hourly, monthly, timeWindows, weekly } from "../../../src/pipeline/time-partitions.ts";
import { day } from "./clocks.ts";

const customers = ["acme", "globex", "initech"];
const dynamic: DynamicKeys = (set) => (set === "customers" ? customers : []);
const usage = (message: RegExp) => expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message) });
const invalid = (message: RegExp) =>
  expect.objectContaining({
    code: "DEFINITION_INVALID",
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });

const timeZone = fc.constantFrom("UTC", "Europe/London", "America/New_York", "Asia/Taipei", "Australia/Lord_Howe");
const date = fc
  .integer({ min: Date.parse("2025-10-20") / day, max: Date.parse("2027-01-10") / day })
  .map((at) => new Date(at * day).toISOString().slice(0, 10));
const makers = [
  daily,
  weekly,
  monthly,
  (options: { from: string; to: string; timeZone: string }) => timeWindows({ ...options, cron: "30 1,6 * * 1-5" }),
];
const timeSet: fc.Arbitrary<TimePartitions> = fc
  .tuple(fc.constantFrom(...makers), timeZone, date, fc.integer({ min: 0, max: 60 }))
  .map(([make, zone, from, length]) =>
    make({ from, to: new Date(Date.parse(from) + (length + 3) * day).toISOString().slice(0, 10), timeZone: zone }),
  );
const otherSet = fc.constantFrom<Partitions>(staticPartitions(["eu", "us", "asia"]), dynamicPartitions("customers"));
const combinedSet = timeSet.map((time): Partitions =>
  combine({ region: staticPartitions(["eu", "us"]), time, customer: dynamicPartitions("customers") }),
);

/** Every key, the plain way: one slice after the other. */
function everyKey(set: Partitions): string[] {
  if (set.type === "static") return [...set.keys];
  if (set.type === "dynamic") return [...dynamic(set.set)];
  if (set.type === "combined") {
    return set.order
      .map((name) => everyKey(set.dimensions[name]!))
      .reduce<string[]>(
        (keys, own, at) => (at === 0 ? own : keys.flatMap((key) => own.map((each) => `${key}|${each}`))),
        [],
      );
  }
  const keys = [set.from];
  for (let end = window(set, set.from).end; keys.at(-1) !== set.to;) {
    // The slice that begins where the last one ends is the only one that can follow.
    const next = nextKey(set, end);
    keys.push(next);
    end = window(set, next).end;
  }
  return keys;
}

const window = (set: Partitions, key: string): TimePartition => partitionAt(set, key) as TimePartition;

function nextKey(set: TimePartitions, start: string): string {
  const { to: _last, ...open } = set;
  // What has ended a year from now, looked through for the one that begins there.
  const keys = [...partitionKeys({ ...open, to: null }, { type: "all" }, dynamic, Date.parse(start) + 400 * day)];
  return keys.find((key) => window({ ...open, to: null }, key).start === start)!;
}

const all: PartitionSelection = { type: "all" };
const late = Date.parse("2030-01-01");

describe("a selection", () => {
  it("is counted, walked and reached into as the plain list of it would be", () => {
    fc.assert(
      fc.property(fc.oneof(timeSet, otherSet, combinedSet), fc.nat(), fc.nat(), (set, a, b) => {
        const keys = everyKey(set);
        expect(keys.length).toBeGreaterThan(0);
        const [low, high] = [a % keys.length, b % keys.length].sort((x, y) => x - y) as [number, number];
        const selections: [PartitionSelection, string[]][] = [
          [all, keys],
          [{ type: "keys", keys: [keys[high]!, keys[low]!] }, [keys[high]!, keys[low]!]],
        ];
        if (set.type === "time" || set.type === "static")
          selections.push([{ type: "range", from: keys[low]!, to: keys[high]! }, keys.slice(low, high + 1)]);
        if (set.type === "combined") {
          const own = everyKey(set.dimensions["time"]!);
          selections.push([
            {
              type: "each",
              dimensions: {
                time: { type: "range", from: own[0]!, to: own[low % own.length]! },
                customer: { type: "keys", keys: ["globex"] },
              },
            },
            ["eu", "us"].flatMap((region) =>
              own.slice(0, (low % own.length) + 1).map((time) => `${region}|${time}|globex`),
            ),
          ]);
        }
        for (const [selection, expected] of selections) {
          expect([...partitionKeys(set, selection, dynamic, late)]).toEqual(expected);
          expect(countPartitions(set, selection, dynamic, late)).toBe(expected.length);
          for (const at of [0, low % expected.length, expected.length - 1])
            expect(partitionKeyAt(set, selection, at, dynamic, late)).toBe(expected[at]);
          expect(() => partitionKeyAt(set, selection, expected.length, dynamic, late)).toThrow(/none at place/);
          expect([...partitionKeys(set, fixSelection(set, selection, dynamic, late), dynamic, 0)]).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("of all slices of time without a last one has those that have ended", () => {
    fc.assert(
      fc.property(timeSet, fc.integer({ min: 0, max: 50 }), (set, ahead) => {
        const open = { ...set, to: null };
        const now = Date.parse(window(set, set.from).start) + ahead * day;
        const ended = everyKey(set).filter((key) => Date.parse(window(set, key).end) <= now);
        const drawn = [...partitionKeys(open, all, dynamic, now)];
        expect(drawn.slice(0, ended.length)).toEqual(ended);
        expect(drawn.every((key) => Date.parse(window(open, key).end) <= now)).toBe(true);
        expect(countPartitions(open, all, dynamic, now)).toBe(drawn.length);
      }),
      { numRuns: 60 },
    );
  });

  it("that was fixed stays as it was, whatever is added and whatever time passes", () => {
    const set = combine({ day: daily({ from: "2026-01-01" }), customer: dynamicPartitions("customers") });
    const fixed = fixSelection(set, all, dynamic, Date.parse("2026-01-03T12:00:00Z"));
    expect(fixed).toEqual({
      type: "each",
      dimensions: {
        day: { type: "range", from: "2026-01-01", to: "2026-01-02" },
        customer: { type: "keys", keys: customers },
      },
    });
    expect(countPartitions(set, fixed, () => ["other", ...customers], late)).toBe(6);
    expect(partitionKeyAt(set, fixed, 1, () => [], late)).toBe("2026-01-01|globex");
  });

  it.each<[string, Partitions, PartitionSelection, RegExp]>([
    [
      "an empty range",
      daily({ from: "2026-01-01" }),
      { type: "range", from: "2026-02-02", to: "2026-02-01" },
      /range is empty/,
    ],
    [
      "a day before the first",
      daily({ from: "2026-01-01" }),
      { type: "range", from: "2025-02-02", to: "2026-02-01" },
      /outside/,
    ],
    [
      "a key of nothing",
      daily({ from: "2026-01-01" }),
      { type: "keys", keys: ["2026-01-02", "x"] },
      /"x" is not a day/,
    ],
    ["a name that isn't there", staticPartitions(["eu"]), { type: "keys", keys: ["us"] }, /"us" is not one of/],
    [
      "names the wrong way round",
      staticPartitions(["a", "b"]),
      { type: "range", from: "b", to: "a" },
      /range is empty/,
    ],
    [
      "a range without order",
      dynamicPartitions("customers"),
      { type: "range", from: "acme", to: "globex" },
      /no order/,
    ],
    [
      "a name that was never added",
      dynamicPartitions("customers"),
      { type: "keys", keys: ["hooli"] },
      /"hooli" is not in the set/,
    ],
    ["dimensions that there are not", staticPartitions(["eu"]), { type: "each", dimensions: {} }, /have no dimensions/],
    [
      "a dimension that there is not",
      combine({ a: staticPartitions(["x"]), b: staticPartitions(["y"]) }),
      { type: "each", dimensions: { c: all } },
      /no dimension "c"/,
    ],
    [
      "a range of what has no one order",
      combine({ a: staticPartitions(["x"]), b: staticPartitions(["y"]) }),
      { type: "range", from: "x|y", to: "x|y" },
      /say of which/,
    ],
    [
      "too few keys",
      combine({ a: staticPartitions(["x"]), b: staticPartitions(["y"]) }),
      { type: "keys", keys: ["x"] },
      /a key for each of a, b/,
    ],
  ])("refuses %s before the first key is drawn", (_what, set, selection, message) => {
    expect(() => partitionKeys(set, selection, dynamic, late)).toThrow(usage(message));
    expect(() => countPartitions(set, selection, dynamic, late)).toThrow(usage(message));
  });
});

describe("a million partitions", () => {
  afterEach(() => vi.restoreAllMocks());

  it("are reached into anywhere without the clocks being asked again, and walked only as far as asked", () => {
    const set = hourly({ from: "1912-06-01", timeZone: "Europe/London" });
    const now = Date.parse("2026-07-01T00:30:00Z");
    const looks = vi.spyOn(Intl.DateTimeFormat.prototype, "formatToParts");
    const count = countPartitions(set, all, dynamic, now);
    expect(count).toBeGreaterThan(1_000_000);
    // Nothing is looked at but each year's clocks, every few days: that is not a look for each hour.
    expect(looks.mock.calls.length).toBeLessThan(115 * 200);
    looks.mockClear();
    const walked = partitionKeys(set, all, dynamic, now);
    expect([walked.next().value, walked.next().value]).toEqual(["1912-06-01T00", "1912-06-01T01"]);
    expect(partitionKeyAt(set, all, 0, dynamic, now)).toBe("1912-06-01T00");
    expect(partitionKeyAt(set, all, count - 1, dynamic, now)).toBe("2026-07-01T00");
    for (let at = 0; at < count; at += 99_991) {
      const key = partitionKeyAt(set, all, at, dynamic, now);
      const previous = at === 0 ? null : partitionKeyAt(set, all, at - 1, dynamic, now);
      expect(previousPartition(set, key)).toBe(previous);
      if (previous !== null) expect(window(set, previous).end).toBe(window(set, key).start);
    }
    expect(looks.mock.calls.length).toBe(0);
  });

  it("of several dimensions are reached into without being combined", () => {
    const names = Array.from({ length: 1_000 }, (_unused, at) => `customer-${at}`);
    let asked = 0;
    const keys: DynamicKeys = () => {
      asked += 1;
      return names;
    };
    const set = combine({
      day: daily({ from: "2020-01-01", to: "2022-12-31" }),
      customer: dynamicPartitions("customers"),
    });
    expect(countPartitions(set, all, keys, late)).toBe(1_096_000);
    expect(partitionKeyAt(set, all, 1_095_999, keys, late)).toBe("2022-12-31|customer-999");
    expect(partitionKeyAt(set, all, 1_001, keys, late)).toBe("2020-01-02|customer-1");
    expect(asked).toBe(3);
  });

  it("that are named are looked up once each", () => {
    const names = Array.from({ length: 20_000 }, (_unused, at) => `customer-${at}`);
    const looks = vi.spyOn(Array.prototype, "includes");
    const set = combine({ day: daily({ from: "2020-01-01" }), customer: dynamicPartitions("customers") });
    const keys = names.map((name, at) => `2020-01-0${1 + (at % 9)}|${name}`);
    expect(countPartitions(set, { type: "keys", keys }, () => names, late)).toBe(20_000);
    expect(countPartitions(staticPartitions(names), { type: "keys", keys: names }, () => [], late)).toBe(20_000);
    expect(looks.mock.calls.length).toBeLessThan(100);
    const strange = [...keys, "2020-01-01|other"];
    expect(() => countPartitions(set, { type: "keys", keys: strange }, () => names, late)).toThrow(
      usage(/"other" is not in the set/),
    );
  });

  it("of windows are counted by days, not one by one", () => {
    const set = timeWindows({ cron: "*/5 * * * *", from: "2017-01-01", timeZone: "America/New_York" });
    const before = Date.parse("2026-07-01T00:00:00-04:00");
    // Each day has 288; the nine springs and nine autumns since even out, and one spring is still to be.
    const days = (Date.parse("2026-07-01") - Date.parse("2017-01-01")) / day;
    const count = countPartitions(set, all, dynamic, before);
    expect(count).toBe(days * 288 - 12);
    expect(count).toBeGreaterThan(990_000);
    expect(partitionKeyAt(set, all, count - 1, dynamic, before)).toBe("2026-06-30T23:55");
  });
});

describe("the partition of a tick", () => {
  it("is the last slice of time that had ended, while the set has it", () => {
    fc.assert(
      fc.property(timeSet, fc.integer({ min: -5, max: 130 }), fc.nat(day), (set, ahead, within) => {
        const tick = Date.parse(window(set, set.from).start) + ahead * day + within;
        const open = { ...set, to: null };
        const last = [...partitionKeys(open, all, dynamic, tick)].findLast(
          (key) => Date.parse(window(open, key).end) <= tick,
        );
        const expected = last !== undefined && (set.to === null || last <= set.to) ? [last] : [];
        expect(partitionsOfTick(set, tick, dynamic)).toEqual(expected);
        const combined = combine({ region: staticPartitions(["eu", "us"]), time: set });
        expect(partitionsOfTick(combined, tick, dynamic)).toEqual(
          ["eu", "us"].flatMap((region) => expected.map((key) => `${region}|${key}`)),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("is all there are of names, and none where there are no partitions", () => {
    expect(partitionsOfTick(null, 0, dynamic)).toEqual([null]);
    expect(partitionsOfTick(staticPartitions(["b", "a"]), 0, dynamic)).toEqual(["b", "a"]);
    expect(partitionsOfTick(dynamicPartitions("customers"), 0, dynamic)).toEqual(customers);
    expect(partitionsOfTick(dynamicPartitions("others"), 0, dynamic)).toEqual([]);
  });
});

describe("the partition before", () => {
  it("is the one in time, with the same names; the first has none, and names have none", () => {
    fc.assert(
      fc.property(timeSet, (set) => {
        const keys = everyKey(set);
        expect(keys.map((key) => previousPartition(set, key))).toEqual([null, ...keys.slice(0, -1)]);
        const combined = combine({ region: staticPartitions(["eu", "us"]), time: set });
        expect(keys.map((key) => previousPartition(combined, `us|${key}`))).toEqual(
          [null, ...keys.slice(0, -1)].map((key) => (key === null ? null : `us|${key}`)),
        );
      }),
      { numRuns: 40 },
    );
    expect(previousPartition(staticPartitions(["a", "b"]), "b")).toBeNull();
    expect(previousPartition(dynamicPartitions("customers"), "globex")).toBeNull();
  });
});

describe("partitions of another pipeline", () => {
  it("are those that overlap in time, after a shift", () => {
    fc.assert(
      fc.property(timeSet, timeSet, fc.nat(), fc.integer({ min: -2, max: 2 }), (own, other, pick, offset) => {
        const keys = everyKey(own);
        const at = pick % keys.length;
        fc.pre(at + offset >= 0 && at + offset < keys.length);
        const { start, end } = window(own, keys[at + offset]!);
        const expected = everyKey(other).filter((key) => {
          const slice = window(other, key);
          return slice.start < end && slice.end > start;
        });
        expect(overlappingPartitions(own, keys[at]!, offset, other)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it("are the hours of a day, and the month of a day", () => {
    const [hours, days, months] = [
      hourly({ from: "2026-10-25", timeZone: "Europe/London" }),
      daily({ from: "2026-01-01", timeZone: "Europe/London" }),
      monthly({ from: "2026-01", timeZone: "Europe/London" }),
    ];
    const found = overlappingPartitions(days, "2026-10-25", 0, hours);
    expect(found).toHaveLength(25);
    expect(found.slice(0, 4)).toEqual(["2026-10-25T00", "2026-10-25T01", "2026-10-25T01+00:00", "2026-10-25T02"]);
    expect(overlappingPartitions(days, "2026-10-25", -1, hours)).toEqual([]);
    expect(overlappingPartitions(days, "2026-03-01", -1, months)).toEqual(["2026-02"]);
    expect(overlappingPartitions(hours, "2026-10-25T05", 0, days)).toEqual(["2026-10-25"]);
  });

  it("are those of the same name, dimension by dimension", () => {
    const regions = staticPartitions(["eu", "us"]);
    const days = daily({ from: "2026-01-01" });
    const both = combine({ day: days, region: regions });
    expect(overlappingPartitions(regions, "us", 0, staticPartitions(["us", "asia"]))).toEqual(["us"]);
    expect(overlappingPartitions(regions, "eu", 0, staticPartitions(["us", "asia"]))).toEqual([]);
    expect(overlappingPartitions(both, "2026-01-02|eu", -1, both)).toEqual(["2026-01-01|eu"]);
    expect(overlappingPartitions(both, "2026-01-02|eu", 0, days)).toEqual(["2026-01-02"]);
    expect(overlappingPartitions(both, "2026-01-02|eu", 0, regions)).toEqual(["eu"]);
    expect(
      overlappingPartitions(
        both,
        "2026-02-01|us",
        0,
        combine({ region: regions, month: monthly({ from: "2026-01" }) }),
      ),
    ).toEqual(["us|2026-02"]);
    expect(() => overlappingPartitions(regions, "eu", 0, days)).toThrow(invalid(/say nothing of/));
    expect(() => overlappingPartitions(days, "2026-01-02", 0, both)).toThrow(invalid(/say nothing of/));
    expect(() => overlappingPartitions(regions, "eu", -1, regions)).toThrow(invalid(/no partition before/));
  });
});

describe("partitions by name and of several dimensions", () => {
  it("have the keys and the times of their dimensions", () => {
    const set = combine({
      day: daily({ from: "2026-01-01", timeZone: "Asia/Taipei" }),
      region: staticPartitions(["eu", "us"]),
    });
    expect(partitionAt(set, "2026-01-01|us")).toEqual({
      key: "2026-01-01|us",
      start: "2025-12-31T16:00:00.000Z",
      end: "2026-01-01T16:00:00.000Z",
      keys: { day: "2026-01-01", region: "us" },
      series: '{"region":"us"}',
    });
    expect(partitionAt(staticPartitions(["eu"]), "eu")).toEqual({
      key: "eu",
      start: null,
      end: null,
      keys: {},
      series: "eu",
    });
    // By its name, not by what a key looks like.
    const cohorts = combine({
      week: weekly({ from: "2026-W01" }),
      cohort: staticPartitions(["2026-01", "2026-02"]),
    });
    expect(partitionAt(cohorts, "2026-W02|2026-01").series).toBe('{"cohort":"2026-01"}');
    expect(firstPartition(set).key).toBe("2026-01-01|eu");
    expect(firstPartition(dynamicPartitions("customers")).start).toBeNull();
    expect(describePartitions(set)).toBe("day: days from 2026-01-01 in Asia/Taipei × region: eu, us");
  });

  it("keep the order of their dimensions when they are written down with sorted keys", () => {
    const set = combine({ region: staticPartitions(["eu"]), day: daily({ from: "2026-01-01" }) });
    const read = { ...set, dimensions: { day: set.dimensions.day, region: set.dimensions.region } };
    expect(partitionAt(read as never, "eu|2026-01-05").keys).toEqual({ region: "eu", day: "2026-01-05" });
  });

  it("know what is in a set only when they are told", () => {
    expect(partitionAt(dynamicPartitions("customers"), "hooli").key).toBe("hooli");
    expect(() => partitionAt(dynamicPartitions("customers"), "hooli", dynamic)).toThrow(
      usage(/"hooli" is not in the set/),
    );
    expect(() => partitionAt(dynamicPartitions("customers"), "a|b")).toThrow(usage(/can't be the key/));
  });

  it.each([
    ["no keys", () => staticPartitions([])],
    ["an empty key", () => staticPartitions([""])],
    ["a key with a bar", () => staticPartitions(["a|b"])],
    ["a key with a line end", () => staticPartitions(["a\nb"])],
    ["a key twice", () => staticPartitions(["a", "b", "a"])],
    ["a set without a plain name", () => dynamicPartitions("My Set")],
    ["one dimension", () => combine({ a: staticPartitions(["x"]) })],
    [
      "dimensions in dimensions",
      () =>
        combine({
          a: combine({ a: staticPartitions(["x"]), b: staticPartitions(["y"]) }) as never,
          b: staticPartitions(["x"]),
        }),
    ],
    ["two dimensions of time", () => combine({ a: daily({ from: "2026-01-01" }), b: monthly({ from: "2026-01" }) })],
    ["a dimension without a plain name", () => combine({ "a b": staticPartitions(["x"]), b: staticPartitions(["x"]) })],
  ])("are refused with %s, in one line that says what to do", (_what, make) => {
    expect(make).toThrow(
      expect.objectContaining({
        code: "DEFINITION_INVALID",
        hint: expect.any(String),
        message: expect.not.stringContaining("\n"),
      }),
    );
  });
});

describe("the ends of slices of time", () => {
  it.each([
    [hourly({ from: "2026-01-01", to: "2026-01-02" }), "2026-01-01T00", "2026-01-02T23"],
    [hourly({ from: "2026-01-01T05", to: "2026-01-01T07" }), "2026-01-01T05", "2026-01-01T07"],
    [hourly({ from: "2018-11-04", timeZone: "America/Sao_Paulo" }), "2018-11-04T01", null],
    [weekly({ from: "2026-01-01", to: "2026-12-31" }), "2026-W01", "2026-W53"],
    [weekly({ from: "2026-W10" }), "2026-W10", null],
    [monthly({ from: "2026-01-15", to: "2026-03" }), "2026-01", "2026-03"],
    [
      timeWindows({ cron: "0 6 * * 1-5", from: "2026-01-03", to: "2026-01-10" }),
      "2026-01-05T06:00",
      "2026-01-09T06:00",
    ],
    [
      timeWindows({ cron: "0 6 * * *", from: "2026-01-03T06:00", to: "2026-01-03T06:00" }),
      "2026-01-03T06:00",
      "2026-01-03T06:00",
    ],
  ])("are kept as keys: %o", (set, from, to) => {
    expect([set.from, set.to]).toEqual([from, to]);
  });

  it.each([
    () => hourly({ from: "2026-01-01 05" }),
    () => weekly({ from: "2026-W60" }),
    () => monthly({ from: "soon" }),
    () => hourly({ from: "2026-03-29T01", timeZone: "Europe/London" }),
    () => timeWindows({ cron: "0 6 * * *", from: "2026-01-01T05:00" }),
    () => timeWindows({ cron: "0 6 * * *", from: "2026-01-02", to: "2026-01-01" }),
    () => timeWindows({ cron: "0 25 * * *", from: "2026-01-02" }),
    () => timeWindows({ cron: "0 0 30 2 *", from: "2026-01-02" }),
    () => timeWindows({ cron: "? * * * *", from: "2026-01-02" }),
    () => monthly({ from: "2026-02", to: "2026-01" }),
    () => monthly({ from: "2026-01", timeZone: "Mars/Olympus" }),
  ])("are refused where they can't be meant: %s", (make) => {
    expect(make).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID", hint: expect.any(String) }));
  });
});
