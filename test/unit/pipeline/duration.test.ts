import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { milliseconds, type Duration } from "../../../src/pipeline/duration.ts";
import { retryPolicy } from "../../../src/pipeline/retry.ts";

const invalid = expect.objectContaining({ code: "DEFINITION_INVALID" });

describe("a duration", () => {
  it.each([
    ["500ms", 500],
    ["0s", 0],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
  ] as const)("%s is %d ms", (text, expected) => {
    expect(milliseconds(text)).toBe(expected);
  });

  it("is always a whole number of milliseconds", () => {
    expect(milliseconds("1.1m")).toBe(66_000);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 10_000, noNaN: true }),
        fc.constantFrom("ms", "s", "m", "h", "d"),
        (amount, unit) => {
          const text = amount.toFixed(6);
          expect(Number.isSafeInteger(milliseconds(`${text}${unit}` as Duration))).toBe(true);
        },
      ),
    );
  });

  it.each(["5", "m", "5 m", "-5m", "5min", "1e3s", "", "5m ", "Infinityd", `${"9".repeat(20)}d`])(
    "is not %j",
    (text) => {
      expect(() => milliseconds(text as Duration)).toThrow(invalid);
    },
  );
});

describe("a retry policy", () => {
  it("has two retries, after a second and two, when nothing is said", () => {
    expect(retryPolicy()).toEqual({ limit: 2, delayMs: 1_000, backoff: "exponential", maxDelayMs: 600_000 });
  });

  it("takes each setting for itself", () => {
    expect(retryPolicy({ limit: 0, delay: "5m" })).toEqual({
      limit: 0,
      delayMs: 300_000,
      backoff: "exponential",
      maxDelayMs: 600_000,
    });
    expect(retryPolicy({ backoff: "constant", maxDelay: "1s" })).toEqual({
      limit: 2,
      delayMs: 1_000,
      backoff: "constant",
      maxDelayMs: 1_000,
    });
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("has no limit of %d", (limit) => {
    expect(() => retryPolicy({ limit })).toThrow(invalid);
  });

  it("knows its two kinds of backoff only", () => {
    expect(() => retryPolicy({ backoff: "linear" as "constant" })).toThrow(invalid);
  });
});
