import { describe, expect, it } from "vitest";
import { createLiveAttempts } from "../../../src/engine/attempts/live-attempts.ts";

const attempts = (): ReturnType<typeof createLiveAttempts<string>> =>
  createLiveAttempts((step) => ({ runId: "r", step, item: null, attempt: 1 }));

describe("live attempts", () => {
  it("are worth storing once they have lasted, and once only", () => {
    const live = attempts();
    live.begin("a", 1_000);
    live.begin("b", 1_200);
    expect(live.dueAt()).toBe(2_000);
    expect(live.take(1_100)).toEqual([]);
    expect(live.take(1_300)).toEqual([{ runId: "r", step: "a", item: null, attempt: 1, startedAt: 1_000 }]);
    expect(live.take(2_200).map(({ step }) => step)).toEqual(["b"]);
    expect(live.take(9_000)).toEqual([]);
    expect(live.dueAt()).toBeNull();
  });

  it("have to be reported as ended only when they were stored", () => {
    const live = attempts();
    live.begin("a", 0);
    live.begin("b", 0);
    live.end("b");
    live.take(1_000);
    expect([live.end("a"), live.end("a"), live.end("b")]).toEqual([true, false, false]);
  });

  it("are not forgotten when the clock is put back", () => {
    const live = attempts();
    live.begin("a", 10_000);
    expect(live.take(5_000)).toEqual([]);
    expect(live.take(10_300).map(({ step }) => step)).toEqual(["a"]);
  });
});
