import { describe, expect, it } from "vitest";
import { manualClock, systemClock } from "../../../src/clock.ts";
import { processTimer } from "../../../src/engine/scheduler/timer.ts";

describe("the process's timer", () => {
  it("fires at its time, and not once it is cancelled", async () => {
    const timer = processTimer(systemClock);
    const fired: string[] = [];
    timer(systemClock.now() + 15, () => fired.push("second"));
    timer(systemClock.now() - 1_000, () => fired.push("first"));
    timer(systemClock.now() + 5, () => fired.push("never"))();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(fired).toEqual(["first", "second"]);
  });

  it("does not fire at once for a wait longer than setTimeout can do", async () => {
    let fired = false;
    const cancel = processTimer(manualClock(0))(40 * 86_400_000, () => {
      fired = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancel();
    expect(fired).toBe(false);
  });
});
