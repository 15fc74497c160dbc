// What the pool knows of how long attempts take, and what it makes of it.
import { describe, expect, it } from "vitest";
import { createPace, heldAtMost, mayGiveAhead, worthHolding } from "../../../src/embedded/pace.ts";

describe("the pace of attempts", () => {
  it("is unknown at first, and then that of the last of the kind, else the median of all", () => {
    const pace = createPace();
    expect([pace.median(), pace.expected("a")]).toEqual([null, null]);
    for (const ms of [1, 2, 3]) pace.note("quick", ms);
    pace.note("slow", 900);
    expect(pace.median()).toBe(3);
    expect(pace.expected("slow")).toBe(900);
    expect(pace.expected("never seen")).toBe(3);
  });

  it("believes a slow attempt at once and a quick one bit by bit", () => {
    const pace = createPace();
    pace.note("a", 1);
    pace.note("a", 101);
    expect(pace.expected("a")).toBe(101);
    pace.note("a", 1);
    expect(pace.expected("a")).toBe(76);
    for (let i = 0; i < 40; i += 1) pace.note("a", 1);
    expect(pace.expected("a")).toBeLessThan(2);
  });

  it("forgets what is long ago", () => {
    const pace = createPace();
    for (let i = 0; i < 100; i += 1) pace.note("a", 500);
    for (let i = 0; i < 31; i += 1) pace.note("a", 1);
    expect(pace.median()).toBe(1);
  });
});

describe("what is worth handing over, per worker", () => {
  it.each([
    [null, 16],
    [0.05, heldAtMost],
    [1, 20],
    [4, 5],
    [30, 2],
    [60_000, 2],
  ])("is, when attempts take %s ms, %i", (median, count) => {
    expect(worthHolding(median)).toBe(count);
  });
});

describe("a busy worker", () => {
  it.each([
    ["one that has little to do, a short attempt", { held: 1, load: 0.1 }, 0.1, true],
    ["any, one of unknown length", { held: 1, load: 0.1 }, null, false],
    ["any, a long one", { held: 1, load: 0.1 }, 5, false],
    ["one that is busy for long enough, a short one", { held: 1, load: 9.95 }, 0.1, false],
    ["one that holds enough, a short one", { held: heldAtMost, load: 0 }, 0, false],
  ])("is given, %s: %s", (_what, worker, expected, may) => {
    expect(mayGiveAhead(worker, expected)).toBe(may);
  });
});
