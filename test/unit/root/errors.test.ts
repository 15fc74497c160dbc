import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  errorCodes,
  fromFailure,
  isSluiceError,
  SluiceError,
  toFailure,
  type ErrorCode,
  type Failure,
} from "../../../src/errors.ts";

const system = (code: string, parts: object = {}): Error =>
  Object.assign(new Error(`${code}: what happened, write`), { code, ...parts });

describe("an error", () => {
  it("is recognised by its brand, also one from another copy of the package", async () => {
    const path = "../../../src/errors.ts?copy";
    const copy = (await import(/* @vite-ignore */ path)) as { SluiceError: typeof SluiceError };
    expect(copy.SluiceError).not.toBe(SluiceError);
    const foreign = new copy.SluiceError("NOT_FOUND", "There is no run x", { hint: "List them." });
    expect(isSluiceError(new SluiceError("INTERNAL", "x"))).toBe(true);
    expect(isSluiceError(foreign)).toBe(true);
    expect(toFailure(foreign)).toEqual({
      code: "NOT_FOUND",
      message: "There is no run x",
      retryable: false,
      hint: "List them.",
    });
    for (const other of [new Error("x"), null, undefined, "INTERNAL", { code: "INTERNAL" }])
      expect(isSluiceError(other)).toBe(false);
  });

  it("has a cause only when one is given, and its brand doesn't show", () => {
    const cause = new Error("below");
    expect(new SluiceError("INTERNAL", "x", { cause }).cause).toBe(cause);
    expect("cause" in new SluiceError("INTERNAL", "x")).toBe(false);
    expect(Object.keys(new SluiceError("INTERNAL", "x"))).not.toContain("sluice.error");
    expect(JSON.stringify(new SluiceError("INTERNAL", "x"))).not.toContain("brand");
  });

  it("comes back from plain data as it went", () => {
    const failure = fc.record(
      {
        code: fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[])),
        message: fc.string(),
        retryable: fc.boolean(),
        hint: fc.string(),
        details: fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      },
      { requiredKeys: ["code", "message", "retryable"] },
    );
    fc.assert(
      fc.property(failure, (given) => {
        expect(toFailure(fromFailure(given as Failure))).toEqual(given);
        expect(isSluiceError(fromFailure(given as Failure))).toBe(true);
      }),
    );
  });
});

describe("anything that was thrown", () => {
  it("is the task's own failure, in one line, and worth another try", () => {
    expect(toFailure(new TypeError("x is not a function\n  more"))).toEqual({
      code: "TASK_FAILED",
      message: "TypeError: x is not a function",
      retryable: true,
    });
    expect(toFailure("just text").message).toBe("just text");
    expect(toFailure(undefined).message).toBe("undefined");
    expect(toFailure(new RangeError()).message).toBe("RangeError");
    expect(toFailure({ reason: "odd" }).message).toBe('{"reason":"odd"}');
    expect(toFailure(Symbol("s")).message).toBe("Symbol(s)");
  });

  it("is a failure whatever it is", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    for (const odd of [
      circular,
      Object.create(null),
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
      1n,
      () => {},
    ]) {
      expect(toFailure(odd)).toMatchObject({ code: "TASK_FAILED", retryable: true, message: expect.any(String) });
    }
    fc.assert(fc.property(fc.anything(), (thrown) => void expect(toFailure(thrown).message).not.toContain("\n")));
  });

  it("says what the first of several errors was, when they have no message together", () => {
    const error = new AggregateError([
      new Error("connect ECONNREFUSED ::1:5432"),
      new Error("connect ECONNREFUSED 127.0.0.1:5432"),
    ]);
    expect(toFailure(error).message).toBe("Error: connect ECONNREFUSED ::1:5432");
  });

  it.each([system("ENOSPC"), new Error("database or disk is full"), new Error("IO Error: No space left on device")])(
    "is a full disk when it says so: %s",
    (error) => {
      expect(toFailure(error)).toMatchObject({
        code: "DISK_FULL",
        retryable: false,
        hint: expect.stringContaining("Free some space"),
      });
    },
  );

  it.each(["EACCES", "EPERM", "EROFS"])("is a place that can't be used when it is %s", (code) => {
    expect(toFailure(system(code, { syscall: "mkdir", path: "/data/.sluice" }))).toMatchObject({
      code: "HOME_UNUSABLE",
      retryable: false,
      message: `Not allowed to mkdir /data/.sluice (${code})`,
      hint: expect.stringContaining("SLUICE_HOME"),
    });
    expect(toFailure(system(code)).message).toBe(`Not allowed to use a file (${code})`);
  });

  it("keeps its own code when it is ours, even about a full disk", () => {
    expect(
      toFailure(new SluiceError("SINK_UNAVAILABLE", "the other side: no space left on device", { retryable: true })),
    ).toMatchObject({ code: "SINK_UNAVAILABLE", retryable: true });
  });
});
