import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { milliseconds, type Duration } from "../../../src/pipeline/duration.ts";
import { retryDelay, retryPolicy } from "../../../src/pipeline/retry.ts";

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
    expect(retryPolicy()).toEqual({
      limit: 2,
      delayMs: 1_000,
      backoff: "exponential",
      maxDelayMs: 600_000,
      jitter: 0,
    });
  });

  it("takes each setting for itself", () => {
    expect(retryPolicy({ limit: 0, delay: "5m" })).toEqual({
      limit: 0,
      delayMs: 300_000,
      backoff: "exponential",
      maxDelayMs: 600_000,
      jitter: 0,
    });
    expect(retryPolicy({ backoff: "constant", maxDelay: "1s", jitter: 0.5 })).toEqual({
      limit: 2,
      delayMs: 1_000,
      backoff: "constant",
      maxDelayMs: 1_000,
      jitter: 0.5,
    });
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("has no limit of %d", (limit) => {
    expect(() => retryPolicy({ limit })).toThrow(invalid);
  });

  it.each([-0.1, 1.1, Number.NaN, "0.5"])("has no jitter of %o", (jitter) => {
    expect(() => retryPolicy({ jitter: jitter as number })).toThrow(invalid);
  });

  it("knows its two kinds of backoff only", () => {
    expect(() => retryPolicy({ backoff: "linear" as "constant" })).toThrow(invalid);
  });
});

describe("the wait before a retry", () => {
  it("doubles or stays, up to its limit", () => {
    const waits = (policy: Parameters<typeof retryPolicy>[0]) =>
      [1, 2, 3, 4, 5].map((failures) => retryDelay(retryPolicy(policy), failures, "a"));
    expect(waits({ delay: "1s", maxDelay: "10s" })).toEqual([1_000, 2_000, 4_000, 8_000, 10_000]);
    expect(waits({ delay: "1s", backoff: "constant" })).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
    expect(retryDelay(retryPolicy({ maxDelay: "7d" }), 10_000, "a")).toBe(604_800_000);
  });

  it("with jitter is shorter or longer by up to its share, always the same for the same seed", () => {
    const policy = retryPolicy({ delay: "10s", backoff: "constant", jitter: 0.2 });
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const wait = retryDelay(policy, 1, seed);
        expect(wait).toBeGreaterThanOrEqual(8_000);
        expect(wait).toBeLessThanOrEqual(12_000);
        expect(retryDelay(policy, 1, seed)).toBe(wait);
      }),
    );
    const waits = Array.from({ length: 400 }, (_unused, at) => retryDelay(policy, 1, `step ${at}`));
    expect(Math.min(...waits)).toBeLessThan(8_200);
    expect(Math.max(...waits)).toBeGreaterThan(11_800);
    const capped = retryPolicy({ delay: "10s", maxDelay: "10s", jitter: 1 });
    expect(Math.max(...waits.map((_wait, at) => retryDelay(capped, 3, `${at}`)))).toBeLessThanOrEqual(10_000);
  });
});
