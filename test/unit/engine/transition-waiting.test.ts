// Sensors, approvals, waits for other runs and for the step's own past: what waits for something outside the run.
import { describe, expect, it } from "vitest";
import type { Control } from "../../../src/pipeline/plan.ts";
import {
  cancelled,
  decided,
  failed,
  finalFailure,
  fired,
  lost,
  marked,
  met,
  planOf,
  succeeded,
  unmet,
  type StepDraft,
} from "./plans.ts";
import { story, type Story } from "./story.ts";

const hour = 3_600_000;

/** One step with this control, and one after it. */
const waitingFor = (control: Control, more: Partial<StepDraft> = {}): Story =>
  story(
    planOf([
      { name: "wait", control, ...more },
      { name: "next", dependsOn: ["wait"] },
    ]),
  );

describe("a sensor", () => {
  const sensor = (more: object = {}): Control => ({
    type: "sense",
    everyMs: 30_000,
    deadlineMs: null,
    onDeadline: "fail",
    ...more,
  });

  it("sleeps between two checks, and succeeds with what it has found", () => {
    const run = waitingFor(sensor());
    run.at(500).tell(unmet("wait"));
    expect(run.step("wait")).toMatchObject({ status: "sleeping", wakeAt: 30_500, failures: 0 });
    expect(run.commands()).toEqual([
      { type: "set-timer", step: "wait", item: null, epoch: 1, timer: "check", at: 30_500 },
    ]);
    const asleep = run.state();
    expect(run.tell(fired("wait", 1, "retry")).state(), "only its own timer wakes it").toBe(asleep);
    run.tell(fired("wait", 1, "check"));
    expect(run.commands()).toEqual([{ type: "start-attempt", step: "wait", item: null, epoch: 2 }]);
    run.tell(succeeded("wait", 2, { path: "a.csv" }));
    expect(run.step("wait")).toMatchObject({ status: "succeeded", output: { path: "a.csv" } });
    expect(run.statuses("next")).toEqual({ next: "queued" });
  });

  it("looks as often as it takes, and still has its retries", () => {
    const run = waitingFor(sensor());
    for (let epoch = 1; epoch <= 100; epoch += 1) run.tell(unmet("wait", epoch)).tell(fired("wait", epoch, "check"));
    run.tell(failed("wait", 101));
    expect(run.step("wait")).toMatchObject({ status: "retrying", failures: 1 });
    run.tell(fired("wait", 101)).tell(lost("wait", 102)).tell(unmet("wait", 103));
    expect(run.step("wait")).toMatchObject({ status: "sleeping", failures: 1, losses: 0 });
  });

  it("is given until its deadline, from its first check on", () => {
    const run = waitingFor(sensor({ deadlineMs: 6 * hour }));
    expect(run.asked("set-timer")).toEqual([
      { type: "set-timer", step: "wait", item: null, epoch: 0, timer: "deadline", at: 6 * hour },
    ]);
    run.tell(unmet("wait")).tell(fired("wait", 1, "check"));
    expect(run.asked("set-timer"), "it is set once").toEqual([]);
    run.tell(unmet("wait", 2)).tell(fired("wait", 0, "deadline"));
    expect(run.step("wait")).toMatchObject({
      status: "failed",
      wakeAt: null,
      error: {
        code: "TASK_TIMEOUT",
        message: 'Step "wait" waited in vain: its condition was not met within 6h',
        retryable: false,
      },
    });
  });

  it("may be skipped at its deadline; a check that is under way is stopped", () => {
    const run = waitingFor(sensor({ deadlineMs: 90_000, onDeadline: "skip" }));
    run.tell(fired("wait", 0, "deadline"));
    expect(run.asked("stop-attempt")).toEqual([{ type: "stop-attempt", step: "wait", item: null, epoch: 1 }]);
    expect(run.step("wait")).toMatchObject({ status: "skipped", reason: "its condition was not met within 90s" });
    expect(run.statuses("next")).toEqual({ next: "skipped" });
  });

  it("is the only step that may look in vain: of another it is a failure", () => {
    const run = story(planOf({ a: [] })).tell(unmet("a"));
    expect(run.step("a")).toMatchObject({ status: "failed", error: { code: "TASK_FAILED", retryable: false } });
  });
});

describe("an approval", () => {
  const approval = (more: object = {}): Control => ({
    type: "approve",
    message: "Publish?",
    deadlineMs: null,
    onDeadline: "reject",
    onReject: "skip",
    ...more,
  });

  it("holds the run without an attempt until a person decides", () => {
    const run = waitingFor(approval());
    expect(run.step("wait")).toMatchObject({ status: "held", awaits: "decision", attempts: 0, startedAt: 0 });
    expect(run.commands()).toEqual([]);
    run.at(70).tell(decided("wait", "approved", "ana", "looks right"));
    expect(run.step("wait")).toMatchObject({
      status: "succeeded",
      awaits: null,
      output: { decision: "approved", by: "ana", note: "looks right", at: 70 },
    });
    expect(run.asked("notify")).toMatchObject([{ event: "success", step: "wait" }]);
    expect(run.statuses("next")).toEqual({ next: "queued" });
  });

  it("that is rejected is skipped, or fails, as it was told", () => {
    const skipped = waitingFor(approval()).tell(decided("wait", "rejected", "ana", "too few rows"));
    expect(skipped.step("wait")).toMatchObject({ status: "skipped", reason: "rejected by ana: too few rows" });
    expect(skipped.statuses("next")).toEqual({ next: "skipped" });
    const failing = waitingFor(approval({ onReject: "fail" })).tell(decided("wait", "rejected"));
    expect(failing.step("wait")).toMatchObject({
      status: "failed",
      error: { code: "APPROVAL_REJECTED", message: 'Step "wait" was rejected by ana', retryable: false },
    });
    expect(failing.statuses("next")).toEqual({ next: "upstream-failed" });
  });

  it.each([
    ["approve", { status: "succeeded", output: { decision: "approved", by: "deadline" } }],
    ["reject", { status: "skipped", reason: "rejected by deadline: nobody decided within 1d" }],
    ["fail", { status: "failed", error: { code: "TASK_TIMEOUT" } }],
  ] as const)("that nobody decides may %s at its deadline", (onDeadline, expected) => {
    const run = waitingFor(approval({ deadlineMs: 24 * hour, onDeadline }));
    expect(run.commands()).toEqual([
      { type: "set-timer", step: "wait", item: null, epoch: 0, timer: "deadline", at: 24 * hour },
    ]);
    expect(run.tell(fired("wait", 0, "deadline")).step("wait")).toMatchObject(expected);
  });

  it("is decided once, and only while it is asked for", () => {
    const run = waitingFor(approval({ deadlineMs: 5 })).tell(decided("wait", "approved"));
    const before = run.state();
    run.tell(
      decided("wait", "rejected"),
      fired("wait", 0, "deadline"),
      decided("next", "approved"),
      decided("x", "approved"),
    );
    expect(run.state()).toBe(before);
  });
});

describe("a wait for another run", () => {
  const upstream = (more: object = {}): Control => ({
    type: "await-run",
    pipeline: "raw_orders",
    step: null,
    offset: 0,
    deadlineMs: null,
    onDeadline: "fail",
    ...more,
  });

  it("holds the step until it is told that the run is there", () => {
    const run = waitingFor(upstream());
    expect(run.step("wait")).toMatchObject({ status: "held", awaits: "run", attempts: 0 });
    expect(run.commands()).toEqual([{ type: "watch", step: "wait", awaits: "run" }]);
    run.tell(met("wait", "run", { runs: ["raw_orders-1"] }));
    expect(run.step("wait")).toMatchObject({ status: "succeeded", awaits: null, output: { runs: ["raw_orders-1"] } });
  });

  it.each([
    ["fail", { status: "failed", error: { code: "TASK_TIMEOUT" } }],
    ["skip", { status: "skipped", reason: "raw_orders had no such run within 2h" }],
  ] as const)("may %s at its deadline", (onDeadline, expected) => {
    const run = waitingFor(upstream({ deadlineMs: 2 * hour, onDeadline }));
    expect(run.tell(fired("wait", 0, "deadline")).step("wait")).toMatchObject(expected);
  });

  it("ends with the run that is cancelled, and with a mark", () => {
    expect(waitingFor(upstream()).tell(cancelled()).step("wait")).toMatchObject({ status: "cancelled", awaits: null });
    const run = waitingFor(upstream()).tell(marked("wait", "succeeded"));
    expect(run.statuses()).toEqual({ wait: "succeeded", next: "queued" });
  });
});

describe("a step that depends on its past", () => {
  it("is held once all else is ready, and then begins as it would have", () => {
    const run = story(planOf([{ name: "a" }, { name: "b", dependsOn: ["a"], dependsOnPast: true, lateMs: 100 }]));
    expect(run.statuses("b")).toEqual({ b: "waiting" });
    run.tell(succeeded("a"));
    expect(run.step("b")).toMatchObject({ status: "held", awaits: "past", startedAt: null });
    expect(run.commands().slice(1)).toEqual([{ type: "watch", step: "b", awaits: "past" }]);
    run.at(500).tell(met("b", "past"));
    expect(run.step("b")).toMatchObject({ status: "queued", awaits: null, startedAt: 500 });
    expect(run.commands()).toEqual([
      { type: "start-attempt", step: "b", item: null, epoch: 1 },
      { type: "set-timer", step: "b", item: null, epoch: 0, timer: "late", at: 600 },
    ]);
  });

  it("is not held when it can't start anyway", () => {
    const run = story(planOf([{ name: "a" }, { name: "b", dependsOn: ["a"], dependsOnPast: true }]));
    expect(run.tell(failed("a", 1, finalFailure)).statuses("b")).toEqual({ b: "upstream-failed" });
  });

  it("may then wait for something else: the word about its past, told twice, does not count for that", () => {
    const control = {
      type: "await-run",
      pipeline: "p",
      step: null,
      offset: 0,
      deadlineMs: 50,
      onDeadline: "skip",
    } as const;
    const run = story(planOf([{ name: "wait", control, dependsOnPast: true }]));
    const before = run.state();
    run.tell(met("wait", "run"), decided("wait", "approved"), fired("wait", 0, "deadline"));
    expect(run.state(), "it waits for its past only").toBe(before);
    run.at(200).tell(met("wait", "past"), met("wait", "past"));
    expect(run.step("wait")).toMatchObject({ status: "held", awaits: "run", startedAt: 200 });
    expect(run.commands()).toEqual([
      { type: "watch", step: "wait", awaits: "run" },
      { type: "set-timer", step: "wait", item: null, epoch: 0, timer: "deadline", at: 250 },
    ]);
    expect(run.tell(met("wait", "run")).state().status).toBe("succeeded");
  });

  it("may be mapped", () => {
    const plan = planOf([
      { name: "list" },
      { name: "map", dependsOn: ["list"], dependsOnPast: true, control: { type: "map", over: ["list"], batch: null } },
    ]);
    const run = story(plan)
      .tell(succeeded("list", 1, ["a"]))
      .tell(met("map", "past"));
    expect(run.commands()).toEqual([{ type: "start-attempt", step: "map", item: 0, epoch: 1 }]);
  });
});
