import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock, systemClock } from "../../../src/clock.ts";
import { canonicalJson, contentHash } from "../../../src/json.ts";

describe("canonical JSON", () => {
  it("is JSON of the same value", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (value) => void expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value))),
      ),
    );
  });

  it("doesn't depend on the order in which keys were written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(canonicalJson(value));
      }),
    );
    expect(canonicalJson({ b: 1, a: { d: [{ y: 1, x: 2 }], c: 3 } })).toBe('{"a":{"c":3,"d":[{"x":2,"y":1}]},"b":1}');
  });

  it("keeps the order of lists, leaves undefined out, and writes big integers and times as text", () => {
    expect(canonicalJson([2, 1, undefined])).toBe("[2,1,null]");
    expect(canonicalJson({ a: undefined, b: 2n ** 64n, c: new Date(0) })).toBe(
      '{"b":"18446744073709551616","c":"1970-01-01T00:00:00.000Z"}',
    );
    expect(canonicalJson(undefined)).toBe("null");
  });

  it("has a hash that tells values apart", () => {
    expect(contentHash({ a: 1, b: 2 })).toBe(contentHash({ b: 2, a: 1 }));
    expect(contentHash({ a: 1 })).not.toBe(contentHash({ a: "1" }));
    expect(contentHash(["a", "b"])).not.toBe(contentHash(["ab"]));
    expect(contentHash(null)).toBe("74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b");
  });
});

describe("a clock", () => {
  it("stands still by hand, and goes with the system", () => {
    const clock = manualClock(5);
    expect([clock.now(), clock.now()]).toEqual([5, 5]);
    clock.advance(10);
    expect(clock.now()).toBe(15);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
  });
});
