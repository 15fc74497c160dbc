// Which attempt a fault is meant for.
import { describe, expect, it } from "vitest";
import { before, faultAt, type Fault } from "../../../src/embedded/faults.ts";

const faults: readonly Fault[] = [
  { step: "load", kind: "fail", attempt: 2 },
  { step: "each", item: 3, kind: "kill-before" },
  { step: "each", kind: "delay", ms: 1 },
];

describe("a fault", () => {
  it.each([
    [{ step: "load", item: null, attempt: 1 }, undefined],
    [{ step: "load", item: null, attempt: 2 }, "fail"],
    [{ step: "load", item: null, attempt: 3 }, undefined],
    [{ step: "each", item: 3, attempt: 1 }, "kill-before"],
    [{ step: "each", item: 4, attempt: 1 }, "delay"],
    [{ step: "each", item: 4, attempt: 2 }, undefined],
    [{ step: "other", item: null, attempt: 1 }, undefined],
  ])("at %j is %s", (at, kind) => {
    expect(faultAt(faults, at)?.kind).toBe(kind);
  });

  it("fails an attempt in the words of the test", async () => {
    const { signal } = new AbortController();
    await expect(before({ step: "a", kind: "fail" }, signal)).rejects.toMatchObject({
      code: "TASK_FAILED",
      retryable: true,
    });
    const fault: Fault = { step: "a", kind: "fail", message: "no disk", retryable: false };
    await expect(before(fault, signal)).rejects.toMatchObject({ message: "no disk", retryable: false });
  });

  it("delays until the attempt is stopped, if it is", async () => {
    const controller = new AbortController();
    const delayed = before({ step: "a", kind: "delay", ms: 60_000 }, controller.signal);
    controller.abort(new Error("stopped"));
    await expect(delayed).rejects.toThrow();
  });
});
