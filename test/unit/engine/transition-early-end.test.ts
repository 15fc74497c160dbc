// Cancelling, running out of time, tearing down, marking by hand, and being late.
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../../src/engine/state-machine/state.ts";
import { transition } from "../../../src/engine/state-machine/transition.ts";
import { initialState } from "../../../src/engine/state-machine/initial-state.ts";
import {
  cancelled,
  failed,
  finalFailure,
  fired,
  marked,
  planOf,
  retryableFailure,
  succeeded,
  type StepDraft,
} from "./plans.ts";
import { story } from "./story.ts";

const timedOut: RunEvent = { type: "run-timer-fired", timer: "timeout" };

describe("a run that is cancelled", () => {
  it("stops what is under way, cancels what is open, and keeps what has ended", () => {
    const run = story(planOf({ a: [], b: ["a"], c: [], d: ["b"] })).tell(succeeded("a"), failed("c"));
    run.at(50).tell(cancelled("interrupted"));
    expect(run.commands()).toEqual([
      { type: "stop-attempt", step: "b", item: null, epoch: 1 },
      { type: "finish-run", status: "cancelled" },
    ]);
    expect(run.state()).toMatchObject({
      status: "cancelled",
      finishedAt: 50,
      ending: { as: "cancelled", reason: "interrupted" },
    });
    expect(run.statuses()).toEqual({ a: "succeeded", b: "cancelled", c: "cancelled", d: "cancelled" });
    for (const name of ["b", "c", "d"])
      expect(run.step(name)).toMatchObject({ reason: "interrupted", wakeAt: null, finishedAt: 50 });
    expect(run.step("c").error, "why it was waiting stays to be read").toEqual(retryableFailure);
  });

  it("may not have started yet", () => {
    const plan = planOf({ a: [], b: ["a"] });
    const { state, commands } = transition(plan, initialState(plan, 0), cancelled("too late"), 3);
    expect(commands).toEqual([{ type: "finish-run", status: "cancelled" }]);
    expect(state).toMatchObject({ status: "cancelled", finishedAt: 3 });
  });

  it("has succeeded when that came first, though both are told at once", () => {
    const run = story(planOf({ a: [] })).tell(succeeded("a"), cancelled());
    expect(run.state()).toMatchObject({ status: "succeeded", ending: null });
  });
});

describe("a run that takes longer than it may", () => {
  it("fails, and says why", () => {
    const run = story(planOf({ a: [], b: ["a"] }, { timeoutMs: 7_200_000 })).tell(timedOut);
    const reason = "RUN_TIMEOUT: the run has taken longer than 2h";
    expect(run.state()).toMatchObject({ status: "failed", ending: { as: "failed", reason } });
    expect(run.step("a")).toMatchObject({ status: "cancelled", reason });
    expect(run.commands()).toEqual([
      { type: "stop-attempt", step: "a", item: null, epoch: 1 },
      { type: "notify", event: "failure", step: null, item: null, epoch: 0 },
      { type: "finish-run", status: "failed" },
    ]);
  });

  it("goes on when it has no limit", () => {
    const run = story(planOf({ a: [] }));
    const before = run.state();
    expect(run.tell(timedOut).state()).toBe(before);
  });
});

describe("a teardown", () => {
  /** cluster -> work -> report, and stop, which tears the cluster down. */
  const plan = planOf(
    [
      { name: "cluster" },
      { name: "work", dependsOn: ["cluster"] },
      { name: "report", dependsOn: ["work"] },
      { name: "stop", dependsOn: ["cluster", "work", "report"], teardownOf: "cluster" },
    ],
    { timeoutMs: 1_000 },
  );

  it("runs once everything after its set-up has ended", () => {
    const run = story(plan).tell(succeeded("cluster")).tell(succeeded("work"));
    expect(run.statuses("stop")).toEqual({ stop: "waiting" });
    run.tell(succeeded("report"));
    expect(run.statuses("stop")).toEqual({ stop: "queued" });
    expect(run.tell(succeeded("stop")).state().status).toBe("succeeded");
  });

  it("runs after a failure, and doesn't hide it", () => {
    const run = story(plan)
      .tell(succeeded("cluster"))
      .tell(failed("work", 1, finalFailure));
    expect(run.statuses("report", "stop")).toEqual({ report: "upstream-failed", stop: "queued" });
    expect(run.tell(succeeded("stop")).state().status).toBe("failed");
  });

  it("is skipped when nothing was set up", () => {
    const run = story(plan).tell(failed("cluster", 1, finalFailure));
    expect(run.step("stop")).toMatchObject({ status: "skipped", reason: "cluster failed" });
    expect(run.state().status).toBe("failed");
    const skipped = story(plan).tell(marked("cluster", "skipped"));
    expect(skipped.step("stop")).toMatchObject({ status: "skipped", reason: "cluster was skipped" });
    expect(skipped.state().status).toBe("succeeded");
  });

  it("that fails is recorded, and doesn't undo a success", () => {
    const run = story(plan).tell(succeeded("cluster")).tell(succeeded("work")).tell(succeeded("report"));
    run.tell(failed("stop", 1, finalFailure));
    expect(run.statuses("stop")).toEqual({ stop: "failed" });
    expect(run.asked("notify")).toMatchObject([
      { event: "failure", step: "stop" },
      { event: "success", step: null },
    ]);
    expect(run.state().status).toBe("succeeded");
  });

  it.each([
    ["cancelled", cancelled(), "cancelled"],
    ["out of time", timedOut, "failed"],
  ] as const)("runs when the run is %s, and the run ends after it", (_what, event, status) => {
    const run = story(plan).tell(succeeded("cluster")).tell(event);
    expect(run.commands()).toEqual([
      { type: "stop-attempt", step: "work", item: null, epoch: 1 },
      { type: "start-attempt", step: "stop", item: null, epoch: 1 },
    ]);
    expect(run.state().status).toBe("running");
    run.tell(failed("stop")).tell(fired("stop")).tell(succeeded("stop", 2));
    expect(run.state().status).toBe(status);
  });

  it("goes on undisturbed when it is running already", () => {
    const run = story(plan)
      .tell(succeeded("cluster"))
      .tell(failed("work", 1, finalFailure))
      .tell(cancelled());
    expect(run.commands()).toEqual([]);
    expect(run.statuses("stop")).toEqual({ stop: "queued" });
    expect(run.tell(succeeded("stop")).state().status).toBe("cancelled");
  });

  it("is cancelled too when it is told so again; the run's time is no such word", () => {
    const run = story(plan).tell(succeeded("cluster")).tell(cancelled("first"));
    const before = run.state();
    expect(run.tell(timedOut).state()).toBe(before);
    run.tell(cancelled("second"));
    expect(run.asked("stop-attempt")).toEqual([{ type: "stop-attempt", step: "stop", item: null, epoch: 1 }]);
    expect(run.step("stop")).toMatchObject({ status: "cancelled", reason: "second" });
    expect(run.state()).toMatchObject({ status: "cancelled", ending: { as: "cancelled", reason: "first" } });
  });

  it("waits for its set-up, whatever else it was told to wait for", () => {
    const run = story(planOf([{ name: "cluster" }, { name: "stop", teardownOf: "cluster" }]));
    expect(run.statuses("stop")).toEqual({ stop: "waiting" });
    expect(run.tell(succeeded("cluster")).statuses("stop")).toEqual({ stop: "queued" });
  });

  it("has nothing to do for a set-up that is cancelled with the run", () => {
    const run = story(plan).tell(cancelled());
    expect(run.statuses("cluster", "stop")).toEqual({ cluster: "cancelled", stop: "cancelled" });
  });
});

describe("a mark", () => {
  const plan = planOf({ a: [], b: ["a"], c: ["b"] });

  it("ends a step as told, stops its attempt, and lets what follows go on", () => {
    const run = story(plan).tell(marked("a", "succeeded", "done by hand"));
    expect(run.step("a")).toMatchObject({
      status: "succeeded",
      output: null,
      error: null,
      reason: "marked succeeded by ana: done by hand",
    });
    expect(run.commands()).toEqual([
      { type: "stop-attempt", step: "a", item: null, epoch: 1 },
      { type: "notify", event: "success", step: "a", item: null, epoch: 1 },
      { type: "start-attempt", step: "b", item: null, epoch: 1 },
    ]);
  });

  it("may fail or skip a step", () => {
    const run = story(plan).tell(marked("a", "failed"));
    expect(run.step("a")).toMatchObject({
      status: "failed",
      error: { code: "TASK_FAILED", message: 'Step "a" was marked failed by ana: by hand', retryable: false },
    });
    expect(run.state().status).toBe("failed");
    expect(story(plan).tell(marked("a", "skipped")).statuses()).toEqual({ a: "skipped", b: "skipped", c: "skipped" });
  });

  it("may come before the step's turn, or while it waits to be tried again", () => {
    const run = story(plan).tell(marked("c", "succeeded")).tell(failed("a"));
    expect(run.step("c")).toMatchObject({ status: "succeeded", startedAt: null });
    run.tell(marked("a", "succeeded"));
    expect(run.step("a")).toMatchObject({ status: "succeeded", wakeAt: null, error: null });
    expect(run.asked("stop-attempt"), "nothing is under way").toEqual([]);
    expect(run.tell(succeeded("b")).state().status).toBe("succeeded");
  });

  it("changes nothing about a step that has ended, or doesn't exist", () => {
    const run = story(plan).tell(succeeded("a"));
    const before = run.state();
    expect(run.tell(marked("a", "failed"), marked("no_such_step", "failed")).state()).toBe(before);
  });
});

describe("lateness", () => {
  const late: StepDraft = { name: "a", lateMs: 600 };

  it("of a step is told once, from its first start on, and changes nothing else", () => {
    const run = story(planOf([late]))
      .at(5)
      .tell(failed("a"))
      .tell(fired("a"));
    expect(run.asked("set-timer"), "a retry doesn't set it again").toEqual([]);
    run.tell(fired("a", 0, "late"));
    expect(run.step("a")).toMatchObject({ status: "queued", late: true });
    expect(run.commands()).toEqual([{ type: "notify", event: "late", step: "a", item: null, epoch: 2 }]);
    const before = run.state();
    expect(run.tell(fired("a", 0, "late")).state()).toBe(before);
  });

  it("is none of a step that has ended", () => {
    const run = story(planOf([late, { name: "b" }])).tell(succeeded("a"));
    const before = run.state();
    expect(run.tell(fired("a", 0, "late")).state()).toBe(before);
  });

  it("of a run is told once", () => {
    const run = story(planOf({ a: [] }, { lateMs: 600 }));
    run.tell({ type: "run-timer-fired", timer: "late" });
    expect(run.state().late).toBe(true);
    expect(run.commands()).toEqual([{ type: "notify", event: "late", step: null, item: null, epoch: 0 }]);
    const before = run.state();
    expect(run.tell({ type: "run-timer-fired", timer: "late" }).state()).toBe(before);
  });
});
