import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { manualClock } from "../../../src/clock.ts";
import { createSkippedTime } from "../../../src/testing/skipped-time.ts";

describe("time that can be skipped", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it("wakes whoever waited until then, in order, and leaves the rest waiting", () => {
    const real = manualClock(1_000);
    const { clock, timer, skipTo } = createSkippedTime(real);
    const woken: string[] = [];
    timer(5_000, () => woken.push("second"));
    timer(3_000, () => woken.push("first"));
    timer(9_000, () => woken.push("later"));
    skipTo(5_000);
    expect(woken).toEqual(["first", "second"]);
    expect(clock.now()).toBe(5_000);
    // What is left waits for as much as is left of it.
    real.advance(4_000);
    vi.advanceTimersByTime(4_000);
    expect(woken).toEqual(["first", "second", "later"]);
  });

  it("passes by itself, too, and never goes back", () => {
    const real = manualClock(1_000);
    const { clock, timer, skipTo } = createSkippedTime(real);
    let woken = 0;
    timer(1_500, () => (woken += 1));
    skipTo(500);
    expect(clock.now()).toBe(1_000);
    real.advance(500);
    vi.advanceTimersByTime(500);
    skipTo(4_000);
    expect(woken).toBe(1);
  });

  it("wakes nobody who has been told not to wait", () => {
    const { timer, skipTo } = createSkippedTime(manualClock(0));
    const cancel = timer(100, () => expect.unreachable());
    cancel();
    skipTo(1_000);
    vi.advanceTimersByTime(1_000);
  });
});
