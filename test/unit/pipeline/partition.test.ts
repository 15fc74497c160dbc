import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partitionKeys as keysOf } from "../../../src/pipeline/partition-selection.ts";
import { partitionAt, type TimePartition, type TimePartitions } from "../../../src/pipeline/partition.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";

const partitionKeys = (all: TimePartitions, from: string, to: string): Generator<string> =>
  keysOf(all, { type: "range", from, to }, () => []);

const hours = ({ start, end }: { start: string; end: string }): number =>
  (Date.parse(end) - Date.parse(start)) / 3_600_000;
const at = (timeZone: string, key: string) =>
  partitionAt(daily({ from: "1900-01-01", timeZone }), key) as TimePartition;

// Zones whose clocks change at midnight, by half an hour, by law from year to year, or across the date line.
const zones = [
  "UTC",
  "Europe/London",
  "Asia/Taipei",
  "Asia/Kolkata",
  "America/Sao_Paulo",
  "America/Asuncion",
  "America/Havana",
  "America/Santiago",
  "Asia/Beirut",
  "Asia/Amman",
  "Asia/Damascus",
  "Asia/Gaza",
  "Asia/Tehran",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Atlantic/Azores",
  "Australia/Lord_Howe",
  "Pacific/Chatham",
  "Pacific/Apia",
  "Pacific/Kiritimati",
  "America/Los_Angeles",
];

const formats = new Map<string, Intl.DateTimeFormat>();
/** The calendar day that a clock in the zone shows, found in another way than the code finds it. */
function localDay(instant: number, timeZone: string): string {
  if (!formats.has(timeZone)) formats.set(timeZone, new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }));
  return formats.get(timeZone)!.format(instant);
}

const anyDay = fc
  .integer({ min: Date.parse("1950-01-01") / 86_400_000, max: Date.parse("2037-12-31") / 86_400_000 })
  .map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));

describe("daily partitions", () => {
  it("begin and end at midnight UTC when no zone is named", () => {
    expect(partitionAt(daily({ from: "2011-01-01" }), "2011-01-04")).toEqual({
      key: "2011-01-04",
      start: "2011-01-04T00:00:00.000Z",
      end: "2011-01-05T00:00:00.000Z",
      keys: {},
      series: "",
    });
  });

  it("are 23 and 25 hours long in London when the clocks change", () => {
    expect(at("Europe/London", "2011-03-27")).toMatchObject({
      key: "2011-03-27",
      start: "2011-03-27T00:00:00.000Z",
      end: "2011-03-27T23:00:00.000Z",
    });
    expect(at("Europe/London", "2011-10-30")).toMatchObject({
      key: "2011-10-30",
      start: "2011-10-29T23:00:00.000Z",
      end: "2011-10-31T00:00:00.000Z",
    });
    expect(hours(at("Europe/London", "2011-07-01"))).toBe(24);
  });

  it("begin at one o'clock where midnight does not exist", () => {
    expect(at("America/Sao_Paulo", "2018-11-04")).toMatchObject({
      key: "2018-11-04",
      start: "2018-11-04T03:00:00.000Z",
      end: "2018-11-05T02:00:00.000Z",
    });
    expect(hours(at("America/Sao_Paulo", "2018-11-03"))).toBe(24);
    expect(at("Asia/Beirut", "2022-03-27")).toMatchObject({
      key: "2022-03-27",
      start: "2022-03-26T22:00:00.000Z",
      end: "2022-03-27T21:00:00.000Z",
    });
  });

  it("begin at the first of two midnights", () => {
    expect(at("Asia/Amman", "2021-10-29")).toMatchObject({
      start: "2021-10-28T21:00:00.000Z",
      end: "2021-10-29T22:00:00.000Z",
    });
    expect(at("America/Havana", "2021-11-07")).toMatchObject({
      start: "2021-11-07T04:00:00.000Z",
      end: "2021-11-08T05:00:00.000Z",
    });
  });

  it("have an empty one for a day that a zone left out", () => {
    const { start, end } = at("Pacific/Apia", "2011-12-30");
    expect([start, end]).toEqual(["2011-12-30T10:00:00.000Z", "2011-12-30T10:00:00.000Z"]);
  });

  it("begin at the very first moment of their day, in every zone and year", () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyDay, (timeZone, key) => {
        const start = Date.parse(at(timeZone, key).start);
        expect(localDay(start, timeZone) >= key).toBe(true);
        expect(localDay(start - 1, timeZone) < key).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it("tile time: each begins where the one before it ends", () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyDay, fc.integer({ min: 2, max: 40 }), (timeZone, from, length) => {
        const to = new Date(Date.parse(from) + length * 86_400_000).toISOString().slice(0, 10);
        const all = daily({ from, timeZone });
        const slices = [...partitionKeys(all, from, to)].map((key) => partitionAt(all, key) as TimePartition);
        expect(slices).toHaveLength(length + 1);
        slices.slice(1).forEach((slice, index) => expect(slice.start).toBe(slices[index]!.end));
        for (const slice of slices) expect(hours(slice)).toBeGreaterThanOrEqual(0);
        const total = (Date.parse(slices.at(-1)!.end) - Date.parse(slices[0]!.start)) / 86_400_000;
        expect(Math.abs(total - length - 1)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it("hold every instant of their day, and no other", () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyDay, fc.nat(25 * 3_600_000), (timeZone, key, offset) => {
        const { start, end } = at(timeZone, key);
        const [first, last] = [Date.parse(start), Date.parse(end)];
        if (first < last) expect(localDay(first + (offset % (last - first)), timeZone)).toBe(key);
      }),
      { numRuns: 2_000 },
    );
  });

  it("reach to the end of the calendar", () => {
    expect(partitionAt(daily({ from: "2011-01-01" }), "9999-12-31").end).toBe("+010000-01-01T00:00:00.000Z");
    expect([...partitionKeys(daily({ from: "2011-01-01" }), "9999-12-30", "9999-12-31")]).toEqual([
      "9999-12-30",
      "9999-12-31",
    ]);
  });

  it("are made one by one, with both ends of the range", () => {
    const all = daily({ from: "2010-12-01", to: "2011-12-09" });
    expect([...partitionKeys(all, "2011-02-27", "2011-03-01")]).toEqual(["2011-02-27", "2011-02-28", "2011-03-01"]);
    expect([...partitionKeys(all, "2011-02-27", "2011-02-27")]).toEqual(["2011-02-27"]);
    expect([...partitionKeys(all, "2010-12-01", "2011-12-09")]).toHaveLength(374);
  });

  it("refuse a range before the first key is drawn", () => {
    expect(() => partitionKeys(daily({ from: "2011-01-01" }), "2011-01-02", "2011-01-01")).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
  });

  it("refuse a key outside their range, and say what the range is", () => {
    const all = daily({ from: "2010-12-01", to: "2011-12-09" });
    for (const key of ["2010-11-30", "2011-12-10"]) {
      expect(() => partitionAt(all, key)).toThrow(
        expect.objectContaining({ code: "USAGE", message: expect.stringContaining("2010-12-01 to 2011-12-09") }),
      );
    }
    expect(partitionAt(daily({ from: "2010-12-01" }), "2999-01-01").key).toBe("2999-01-01");
    expect(() => [...partitionKeys(all, "2011-01-02", "2011-01-01")]).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
    expect(() => [...partitionKeys(all, "2010-01-01", "2011-01-01")]).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
  });

  it.each([
    "2011-02-29",
    "2011-02-30",
    "2011-13-01",
    "2011-1-4",
    "20110104",
    "yesterday",
    "",
    "2011-01-04T00:00",
    " 2011-01-04",
    "0000-01-01",
  ])("know that %j is not a day", (key) => {
    expect(() => partitionAt(daily({ from: "2011-01-01" }), key)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => daily({ from: key })).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
  });

  it("refuse a zone that doesn't exist, and an end before the beginning", () => {
    expect(() => daily({ from: "2011-01-01", timeZone: "Europe/Atlantis" })).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID" }),
    );
    expect(() => daily({ from: "2011-01-02", to: "2011-01-01" })).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID" }),
    );
  });
});
