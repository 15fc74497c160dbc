import { describe, expect, it } from "vitest";
import { combine, dynamicPartitions, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import type { Partitions, PartitionSelection } from "../../../src/pipeline/partition.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { selectionFrom, type TypedSelection } from "../../../src/pipeline/typed-selection.ts";

const days = daily({ from: "2026-01-01" });
const closed = daily({ from: "2026-01-01", to: "2026-01-31" });
const regions = staticPartitions(["eu", "us", "Paris, TX"]);
const both = combine({ day: days, region: regions });
const named = combine({ region: regions, customer: dynamicPartitions("customers") });

describe("partitions as they are typed", () => {
  it.each<[string, Partitions, TypedSelection, PartitionSelection]>([
    ["nothing", days, {}, { type: "all" }],
    [
      "a range",
      days,
      { from: "2026-01-05", to: "2026-01-07" },
      { type: "range", from: "2026-01-05", to: "2026-01-07" },
    ],
    [
      "an end that the set has",
      closed,
      { from: "2026-01-05" },
      { type: "range", from: "2026-01-05", to: "2026-01-31" },
    ],
    [
      "a beginning that the set has",
      days,
      { to: "2026-01-05" },
      { type: "range", from: "2026-01-01", to: "2026-01-05" },
    ],
    ["keys", days, { keys: "2026-01-05, 2026-01-07" }, { type: "keys", keys: ["2026-01-05", "2026-01-07"] }],
    [
      "keys one by one, one twice",
      days,
      { keys: ["2026-01-05", "2026-01-05,2026-01-07"] },
      { type: "keys", keys: ["2026-01-05", "2026-01-07"] },
    ],
    ["a name with a comma", regions, { keys: ["Paris, TX", "eu"] }, { type: "keys", keys: ["Paris, TX", "eu"] }],
    [
      "whole keys",
      both,
      { keys: "2026-01-05|eu,2026-01-05|us" },
      { type: "keys", keys: ["2026-01-05|eu", "2026-01-05|us"] },
    ],
    [
      "a range of the dimension of time and names of the other",
      both,
      { from: "2026-01-05", to: "day=2026-01-07", keys: "region=eu,us" },
      {
        type: "each",
        dimensions: {
          day: { type: "range", from: "2026-01-05", to: "2026-01-07" },
          region: { type: "keys", keys: ["eu", "us"] },
        },
      },
    ],
    [
      "one dimension",
      named,
      { keys: ["customer=acme"] },
      { type: "each", dimensions: { customer: { type: "keys", keys: ["acme"] } } },
    ],
  ])("mean what they say: %s", (_what, set, typed, expected) => {
    expect(selectionFrom(set, typed)).toEqual(expected);
  });

  it.each<[string, Partitions, TypedSelection, RegExp]>([
    ["a range without an end", days, { from: "2026-01-05" }, /range has no --to/],
    ["a range of names without order", dynamicPartitions("customers"), { from: "a" }, /range has no --to/],
    ["keys and a range", days, { from: "2026-01-05", keys: "2026-01-05" }, /both by name and as a range/],
    ["two beginnings", days, { from: ["2026-01-05", "2026-01-06"], to: "2026-01-07" }, /--from was given twice/],
    ["a key that is none", days, { keys: "monday" }, /"monday" is not a day/],
    ["an empty range", days, { from: "2026-01-07", to: "2026-01-05" }, /range is empty/],
    ["a name that isn't there", both, { keys: "region=asia" }, /"asia" is not one of/],
    ["a dimension that isn't there", both, { keys: "country=fr" }, /no dimension "country"/],
    ["a dimension that isn't there, in a range", both, { from: "month=2026-01" }, /no dimension "month"/],
    ["a range of nothing that is time", named, { from: "eu" }, /does not say of which dimension/],
    [
      "whole keys and dimensions",
      both,
      { keys: ["2026-01-05|eu", "region=us"] },
      /both as whole keys and by dimension/,
    ],
    ["a key of one dimension as if it were whole", both, { keys: "eu" }, /does not have a key for each of day, region/],
  ])("are refused in one line that says what to do: %s", (_what, set, typed, message) => {
    expect(() => selectionFrom(set, typed)).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message), hint: expect.any(String) }),
    );
  });

  it("are held against what is in a dynamic set where that is known", () => {
    const customers = dynamicPartitions("customers");
    expect(selectionFrom(customers, { keys: "acme, inc" }, () => ["acme, inc"])).toEqual({
      type: "keys",
      keys: ["acme, inc"],
    });
    expect(() => selectionFrom(customers, { keys: "acme" }, () => [])).toThrow(/not in the set/);
  });
});
