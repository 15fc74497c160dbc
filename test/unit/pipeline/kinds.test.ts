import { describe, expect, it } from "vitest";
import { approval } from "../../../src/pipeline/approval.ts";
import { branch } from "../../../src/pipeline/branch.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import { sensor } from "../../../src/pipeline/sensor.ts";
import { shortCircuit } from "../../../src/pipeline/short-circuit.ts";
import type { StepSpec } from "../../../src/pipeline/step.ts";
import { task } from "../../../src/pipeline/task.ts";
import { waitFor } from "../../../src/pipeline/wait-for.ts";
import { when } from "../../../src/pipeline/when.ts";
import { call, invalid, noop, planned } from "./dsl.ts";

const planOf = (spec: StepSpec<unknown, never>) => pipeline("orders", ({ step }) => void step("a", spec)).plan;

describe("a branch", () => {
  it("has what it chose as its output, and steps after it say for which outcome they are there", async () => {
    const { plan, specs } = pipeline("orders", ({ step }) => {
      const size = step(
        "size",
        task(() => 3),
      );
      const route = step(
        "route",
        branch({ size }, ({ size }) => (size > 2 ? "many" : "one")),
      );
      step("many", noop, { after: when(route, "many") });
      step("one", noop, { after: [when(route, "one"), size] });
    });
    expect(planned(plan, "route")).toMatchObject({ kind: "branch", control: { type: "run" }, when: [] });
    expect(planned(plan, "many")).toMatchObject({ dependsOn: ["route"], when: [{ step: "route", outcome: "many" }] });
    expect(planned(plan, "one")).toMatchObject({
      dependsOn: ["route", "size"],
      when: [{ step: "route", outcome: "one" }],
    });
    expect(await call(specs(null).get("route"), { inputs: { size: 3 } })).toEqual({ output: "many" });
  });

  it("may choose several ways, or none", async () => {
    expect(await call(branch(() => ["a", "b"]))).toEqual({ output: ["a", "b"] });
    expect(await call(branch((): "a"[] => []))).toEqual({ output: [] });
  });

  it.each([[undefined], [null], [3], [["a", 3]]])("fails for good when it answers %o", async (answer) => {
    await expect(call(branch(() => answer as unknown as "a"))).rejects.toThrow(
      expect.objectContaining({ code: "TASK_FAILED", retryable: false, hint: expect.stringContaining("labels") }),
    );
  });
});

describe("a short circuit", () => {
  it("says yes or no", async () => {
    expect(planned(planOf(shortCircuit(() => true)), "a")).toMatchObject({
      kind: "short-circuit",
      control: { type: "short-circuit" },
    });
    const outputs = [true, false, undefined as unknown as boolean].map(async (answer) =>
      call(shortCircuit(() => answer)),
    );
    expect(await Promise.all(outputs)).toEqual([{ output: true }, { output: false }, { output: false }]);
  });
});

describe("a sensor", () => {
  it("looks every minute without end when nothing else is said", () => {
    expect(planned(planOf(sensor(() => true)), "a").control).toEqual({
      type: "sense",
      everyMs: 60_000,
      deadlineMs: null,
      onDeadline: "fail",
    });
    expect(
      planned(planOf(sensor(() => true, { every: "30s", deadline: "6h", onDeadline: "skip" })), "a").control,
    ).toEqual({ type: "sense", everyMs: 30_000, deadlineMs: 21_600_000, onDeadline: "skip" });
  });

  it.each([false, null, undefined])("has not found it yet with %o", async (answer) => {
    expect(await call(sensor(async () => answer))).toEqual({ output: null, unmet: true });
  });

  it.each([[true], [0], [""], [[]], [{ file: "a" }]])("has found it with %o, which is its output", async (answer) => {
    expect(await call(sensor(async () => answer))).toEqual({ output: answer });
  });

  it("reads what it was given", async () => {
    const { specs } = pipeline("orders", ({ step }) => {
      const file = step(
        "file",
        task(() => "a.csv"),
      );
      step(
        "there",
        sensor({ file }, ({ file }, context) => `${context.step} ${file}`, { every: "1s" }),
      );
    });
    expect(await call(specs(null).get("there"), { step: "there", inputs: { file: "a.csv" } })).toEqual({
      output: "there a.csv",
    });
  });

  it("is refused where it can't be meant", () => {
    expect(() => sensor(() => true, { every: "0s" })).toThrow(invalid("can't look every 0s"));
    expect(() => sensor(() => true, { every: "soon" as "1s" })).toThrow(invalid('"soon" is not a duration'));
    expect(() => sensor(() => true, { onDeadline: "approve" as "fail" })).toThrow(invalid("means nothing to a sensor"));
  });
});

describe("an approval", () => {
  it("asks, fails when nobody answers in time, and skips when it is rejected", () => {
    expect(planned(planOf(approval({ message: "Publish?" })), "a")).toMatchObject({
      kind: "approval",
      control: { type: "approve", message: "Publish?", deadlineMs: null, onDeadline: "fail", onReject: "skip" },
    });
    expect(
      planned(planOf(approval({ message: "Publish?", deadline: "24h", onDeadline: "reject", onReject: "fail" })), "a")
        .control,
    ).toMatchObject({ deadlineMs: 86_400_000, onDeadline: "reject", onReject: "fail" });
  });

  it("is refused where it can't be meant", () => {
    expect(() => approval({ message: " " })).toThrow(invalid("asks nothing"));
    expect(() => approval({ message: "?", onDeadline: "skip" as "fail" })).toThrow(
      invalid("means nothing to an approval"),
    );
    expect(() => approval({ message: "?", onReject: "approve" as "fail" })).toThrow(
      invalid("means nothing to an approval"),
    );
  });

  it("has no code to be run", async () => {
    await expect(call(approval({ message: "Publish?" }))).rejects.toThrow(
      expect.objectContaining({ code: "INTERNAL" }),
    );
  });
});

describe("a wait for another pipeline", () => {
  it("is for the same slice unless it is shifted", () => {
    expect(planned(planOf(waitFor("raw")), "a").control).toEqual({
      type: "await-run",
      pipeline: "raw",
      step: null,
      offset: 0,
      deadlineMs: null,
      onDeadline: "fail",
    });
    expect(
      planned(planOf(waitFor("raw", { offset: -1, step: "loaded", deadline: "2h", onDeadline: "skip" })), "a").control,
    ).toMatchObject({ step: "loaded", offset: -1, deadlineMs: 7_200_000, onDeadline: "skip" });
  });

  it("is refused where it can't be meant", () => {
    expect(() => waitFor("")).toThrow(invalid("no pipeline to wait for"));
    expect(() => waitFor("raw", { offset: 0.5 })).toThrow(invalid("offset of 0.5"));
    expect(() => waitFor("raw", { onDeadline: "reject" as "fail" })).toThrow(invalid("means nothing to a wait"));
  });
});

describe("the code of a function", () => {
  it.each<[string, (first: boolean) => StepSpec<unknown, never>]>([
    ["branch", (first) => (first ? branch(() => "a") : branch(() => "b"))],
    ["sensor", (first) => (first ? sensor(() => 1) : sensor(() => 2))],
    ["short circuit", (first) => (first ? shortCircuit(() => true) : shortCircuit(() => false))],
  ])("of a %s is part of the version", (_what, make) => {
    expect(planOf(make(true)).version).toBe(planOf(make(true)).version);
    expect(planOf(make(true)).version).not.toBe(planOf(make(false)).version);
  });
});
