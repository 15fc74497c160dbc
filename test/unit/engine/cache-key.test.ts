import { describe, expect, it } from "vitest";
import { cacheKey, type Cacheable } from "../../../src/engine/attempts/cache-key.ts";
import { stepOf } from "./plans.ts";

const of: Cacheable = { pipeline: "orders", partition: "2026-01-01", params: { limit: 1 }, outputs: { a: [1, 2] } };
const step = stepOf({ name: "b", dependsOn: ["a"], config: { code: "x" } });
const map = (...over: string[]): ReturnType<typeof stepOf> =>
  stepOf({ name: "each", control: { type: "map", over, fields: null, batch: null }, dependsOn: over });

describe("the key of a result", () => {
  it("is the same for the same step over the same inputs, in whatever run", () => {
    expect(cacheKey(step, of, null)).toBe(cacheKey({ ...step }, structuredClone(of), null));
  });

  it.each<[string, Parameters<typeof cacheKey>]>([
    ["pipeline", [step, { ...of, pipeline: "other" }, null]],
    ["partition", [step, { ...of, partition: null }, null]],
    ["params", [step, { ...of, params: { limit: 2 } }, null]],
    ["inputs", [step, { ...of, outputs: { a: [1, 2, 3] } }, null]],
    ["name", [{ ...step, name: "c" }, of, null]],
    ["kind", [{ ...step, kind: "extract" }, of, null]],
    ["code", [{ ...step, config: { code: "y" } }, of, null]],
    ["item", [step, of, 0]],
  ])("differs by the %s", (_what, given) => {
    expect(cacheKey(...given)).not.toBe(cacheKey(step, of, null));
  });

  it("of an item depends on the item and its place, and not on the rest of the list", () => {
    const short = { ...of, outputs: { a: ["x", "y"], other: 1 } };
    const long = { ...of, outputs: { a: ["x", "y", "z"], other: 1 } };
    expect(cacheKey(map("a"), short, 1)).toBe(cacheKey(map("a"), long, 1));
    expect(cacheKey(map("a"), { ...of, outputs: { a: ["x", "changed"], other: 1 } }, 1)).not.toBe(
      cacheKey(map("a"), long, 1),
    );
    expect(cacheKey(map("a"), { ...of, outputs: { a: ["x", "y"], other: 2 } }, 1)).not.toBe(
      cacheKey(map("a"), long, 1),
    );
  });

  it("of an item of a list that is not at hand depends on all of it", () => {
    const spilled = (hash: string): Cacheable => ({ ...of, outputs: { a: { $artifact: hash, bytes: 9, length: 3 } } });
    expect(cacheKey(map("a"), spilled("1"), 1)).not.toBe(cacheKey(map("a"), spilled("2"), 1));
    expect(cacheKey(map("a"), spilled("1"), 1)).not.toBe(cacheKey(map("a"), spilled("1"), 2));
  });
});
