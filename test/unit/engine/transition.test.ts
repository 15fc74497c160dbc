// Order, retries, losses, and how a run ends: what holds for every pipeline.
import { describe, expect, it } from "vitest";
import { lossLimit } from "../../../src/engine/state-machine/attempt-events.ts";
import { initialState, transition, transitionAll } from "../../../src/engine/state-machine/transition.ts";
import { retryDelay } from "../../../src/pipeline/retry.ts";
import { cancelled, failed, finalFailure, fired, lost, planOf, retryableFailure, succeeded } from "./plans.ts";
import { story } from "./story.ts";

const starts = (...steps: string[]) =>
  steps.map((step) => ({ type: "start-attempt", step, item: null, epoch: 1 }) as const);

describe("steps", () => {
  it("start at once without dependencies, and when both sides of a diamond are done", () => {
    const run = story(planOf({ a: [], b: ["a"], c: ["a"], d: ["b", "c"], e: [] }));
    expect(run.commands()).toEqual(starts("a", "e"));
    expect(run.tell(succeeded("a")).asked("start-attempt")).toEqual(starts("b", "c"));
    expect(run.tell(succeeded("b")).asked("start-attempt")).toEqual([]);
    expect(run.tell(succeeded("c")).asked("start-attempt")).toEqual(starts("d"));
  });

  it("keep the output, the row counts and the assets of the attempt that succeeded", () => {
    const rows = { in: 10, out: 8, duplicate: 1, quarantined: 1 };
    const run = story(planOf({ a: [] })).at(7);
    run.tell({
      type: "attempt-succeeded",
      step: "a",
      item: null,
      epoch: 1,
      output: { n: 8 },
      rows,
      assets: ["warehouse.sales"],
    });
    expect(run.step("a")).toMatchObject({
      status: "succeeded",
      output: { n: 8 },
      rows,
      assets: ["warehouse.sales"],
      startedAt: 0,
      finishedAt: 7,
      reusedFrom: null,
    });
    expect(run.state()).toMatchObject({ status: "succeeded", startedAt: 0, finishedAt: 7 });
  });

  it("say which run a result from the cache is from", () => {
    const run = story(planOf({ a: [] })).tell({ ...succeeded("a"), cachedFrom: "orders-1" } as never);
    expect(run.step("a")).toMatchObject({ status: "succeeded", reusedFrom: "orders-1" });
  });

  it("end as upstream-failed behind a failure and as skipped behind a skipped step, and say why", () => {
    const plan = planOf([
      { name: "a" },
      { name: "b", dependsOn: ["a"] },
      { name: "c", dependsOn: ["b"] },
      { name: "only_if_a_fails", dependsOn: ["a"], trigger: "all-failed" },
    ]);
    const run = story(plan).tell(failed("a", 1, finalFailure));
    expect(run.step("b")).toMatchObject({ status: "upstream-failed", reason: "a failed", startedAt: null });
    expect(run.step("c")).toMatchObject({ status: "upstream-failed", reason: "b could not start" });
    expect(run.statuses("only_if_a_fails")).toEqual({ only_if_a_fails: "queued" });
    const other = story(plan).tell(succeeded("a"));
    expect(other.step("only_if_a_fails")).toMatchObject({ status: "skipped", reason: "a succeeded" });
  });

  it("name the first of many reasons, and count the others", () => {
    const run = story(
      planOf([
        { name: "a" },
        { name: "b" },
        { name: "c" },
        { name: "d", dependsOn: ["a", "b", "c"], trigger: "all-skipped" },
      ]),
    );
    run.tell(succeeded("a"), succeeded("b"), succeeded("c"));
    expect(run.step("d").reason).toBe("a succeeded");
    const together = story(
      planOf([
        { name: "a" },
        { name: "b" },
        { name: "c" },
        { name: "d", dependsOn: ["a", "b", "c"], trigger: "one-failed" },
      ]),
    );
    together.tell(succeeded("a"), succeeded("b"), succeeded("c"));
    expect(together.step("d")).toMatchObject({ status: "skipped", reason: "a succeeded, and 2 more" });
  });

  it("fail early for a failure that settles the matter, while the rest goes on", () => {
    const run = story(planOf({ a: [], slow: [], both: ["a", "slow"] })).tell(failed("a", 1, finalFailure));
    expect(run.statuses()).toEqual({ a: "failed", slow: "queued", both: "upstream-failed" });
  });

  it("don't wait for the rest where one is enough", () => {
    const plan = planOf([
      { name: "a" },
      { name: "b" },
      { name: "either", dependsOn: ["a", "b"], trigger: "one-succeeded" },
      { name: "always", dependsOn: ["a", "b"], trigger: "always" },
      { name: "all", dependsOn: ["a", "b"] },
    ]);
    const run = story(plan);
    expect(run.asked("start-attempt")).toEqual(starts("a", "b", "always"));
    expect(run.tell(succeeded("b")).asked("start-attempt")).toEqual(starts("either"));
    expect(run.statuses("all")).toEqual({ all: "waiting" });
  });
});

describe("retries", () => {
  const patient = { limit: 3, delayMs: 100, backoff: "exponential", maxDelayMs: 300, jitter: 0 } as const;

  it("come after the waits of the policy, and end with the last failure", () => {
    const run = story(planOf([{ name: "a", retry: patient }]));
    for (const [epoch, wait] of [
      [1, 100],
      [2, 200],
      [3, 300],
    ] as const) {
      run.at(epoch * 1_000).tell(failed("a", epoch));
      expect(run.step("a")).toMatchObject({ status: "retrying", failures: epoch, wakeAt: epoch * 1_000 + wait });
      expect(run.commands()).toEqual([
        { type: "set-timer", step: "a", item: null, epoch, timer: "retry", at: epoch * 1_000 + wait },
        { type: "notify", event: "retry", step: "a", item: null, epoch },
      ]);
      run.tell(fired("a", epoch));
      expect(run.commands()).toEqual([{ type: "start-attempt", step: "a", item: null, epoch: epoch + 1 }]);
      expect(run.step("a")).toMatchObject({ status: "queued", wakeAt: null, startedAt: 0 });
    }
    run.tell(failed("a", 4));
    expect(run.step("a")).toMatchObject({ status: "failed", attempts: 4, failures: 4, error: retryableFailure });
    expect(run.state().status).toBe("failed");
  });

  it("spread with jitter, the same way each time the same is told", () => {
    const retry = { ...patient, jitter: 0.5 };
    const plan = planOf([
      { name: "a", retry },
      { name: "b", retry },
    ]);
    const waits = () => {
      const run = story(plan).tell(failed("a"), failed("b"));
      return [run.step("a").wakeAt, run.step("b").wakeAt];
    };
    expect(waits()).toEqual(waits());
    expect(waits()[0]).not.toBe(waits()[1]);
    expect(waits()[0]).toBe(1 + retryDelay(retry, 1, "a - 1"));
  });

  it("are not made when trying again can't help", () => {
    const run = story(planOf([{ name: "a", retry: patient }])).tell(failed("a", 1, finalFailure));
    expect(run.step("a")).toMatchObject({ status: "failed", attempts: 1, error: finalFailure });
  });

  it("forget the error once an attempt succeeds", () => {
    const run = story(planOf([{ name: "a", retry: patient }]))
      .tell(failed("a"))
      .tell(fired("a"));
    expect(run.step("a").error, "it is still to be read why it is tried again").toEqual(retryableFailure);
    expect(run.tell(succeeded("a", 2)).step("a")).toMatchObject({ status: "succeeded", error: null, failures: 1 });
  });
});

describe("lost attempts", () => {
  it("are made again at once, until the worker has died five times in a row", () => {
    const run = story(planOf({ a: [] }));
    for (let epoch = 1; epoch < lossLimit; epoch += 1) {
      run.tell(lost("a", epoch));
      expect(run.commands()).toEqual([{ type: "start-attempt", step: "a", item: null, epoch: epoch + 1 }]);
    }
    expect(run.step("a")).toMatchObject({ status: "queued", attempts: 5, losses: 4, failures: 0 });
    run.tell(lost("a", 5));
    expect(run.step("a")).toMatchObject({ status: "failed", error: { code: "WORKER_LOST", retryable: false } });
    expect(run.step("a").error!.message).toMatch(/5 times in a row.*SIGSEGV/);
  });

  it("are forgotten when an attempt comes to its end", () => {
    const run = story(planOf({ a: [], b: [] })).tell(lost("a"), lost("b"));
    run.tell(succeeded("a", 2), failed("b", 2, finalFailure));
    expect([run.step("a").losses, run.step("b").losses]).toEqual([0, 0]);
  });

  it("count in a row only: a word from the step's own code begins anew", () => {
    const run = story(planOf({ a: [] }))
      .tell(lost("a", 1))
      .tell(lost("a", 2))
      .tell(lost("a", 3))
      .tell(lost("a", 4));
    run.tell(failed("a", 5)).tell(fired("a", 5)).tell(lost("a", 6));
    expect(run.step("a")).toMatchObject({ status: "queued", attempts: 7, losses: 1, failures: 1 });
  });

  it("don't count when it was the scheduler that stopped, however often", () => {
    const run = story(planOf({ a: [] }));
    for (let epoch = 1; epoch <= 50; epoch += 1) run.tell(lost("a", epoch, "scheduler-stopped"));
    expect(run.step("a")).toMatchObject({ status: "queued", attempts: 51, losses: 0, failures: 0 });
    expect(run.tell(succeeded("a", 51)).state().status).toBe("succeeded");
  });
});

describe("a run", () => {
  it.each([
    ["succeeded", "all its leaves have", { leaf: ["a"] }, ["succeeded"], "success"],
    ["failed", "a leaf has", { leaf: ["a"] }, ["failed"], "failure"],
  ] as const)("%s when %s", (status, _why, edges, [end], event) => {
    const run = story(planOf({ a: [], ...edges })).tell(succeeded("a"));
    run.tell(end === "succeeded" ? succeeded("leaf") : failed("leaf", 1, finalFailure));
    expect(run.state()).toMatchObject({ status, finishedAt: 2 });
    expect(run.commands().slice(-2)).toEqual([
      { type: "notify", event, step: null, item: null, epoch: 0 },
      { type: "finish-run", status },
    ]);
  });

  it("fails when a leaf could not start because of a failure before it", () => {
    const run = story(planOf({ a: [], b: ["a"] })).tell(failed("a", 1, finalFailure));
    expect(run.state().status).toBe("failed");
  });

  it("succeeds when the failure was dealt with by a step that follows it", () => {
    const plan = planOf([{ name: "a" }, { name: "mend", dependsOn: ["a"], trigger: "one-failed" }]);
    const run = story(plan)
      .tell(failed("a", 1, finalFailure))
      .tell(succeeded("mend"));
    expect(run.state().status).toBe("succeeded");
    expect(story(plan).tell(succeeded("a")).state().status, "a leaf that was skipped is no failure").toBe("succeeded");
  });

  it("fails beside a step that dealt with the failure, when another leaf could not start", () => {
    const plan = planOf([
      { name: "a" },
      { name: "mend", dependsOn: ["a"], trigger: "one-failed" },
      { name: "load", dependsOn: ["a"] },
    ]);
    const run = story(plan)
      .tell(failed("a", 1, finalFailure))
      .tell(succeeded("mend"));
    expect(run.state().status).toBe("failed");
  });

  it("goes on to the end of everything that can still be done", () => {
    const run = story(planOf({ a: [], b: [], c: ["b"] })).tell(failed("a", 1, finalFailure));
    expect(run.state().status).toBe("running");
    run.tell(succeeded("b")).tell(succeeded("c"));
    expect(run.state().status).toBe("failed");
  });

  it("hears nothing more once it has ended, not even a success", () => {
    const plan = planOf({ a: [] }, { timeoutMs: 10, lateMs: 5 });
    const { state } = transition(plan, story(plan).state(), cancelled(), 3);
    const late = [succeeded("a"), failed("a"), lost("a"), fired("a"), cancelled(), { type: "started" }] as const;
    for (const event of [...late, { type: "run-timer-fired", timer: "timeout" } as const])
      expect(transition(plan, state, event, 99)).toEqual({ state, commands: [], changed: [] });
  });

  it("sets its timers when it starts, and only then", () => {
    const plan = planOf({ a: [] }, { timeoutMs: 10_000, lateMs: 5_000 });
    const first = transition(plan, initialState(plan, 500), { type: "started" }, 700);
    expect(first.commands.slice(1)).toEqual([
      { type: "set-run-timer", timer: "timeout", at: 10_500 },
      { type: "set-run-timer", timer: "late", at: 5_500 },
    ]);
    const again = transition(plan, first.state, { type: "started" }, 800);
    expect(again).toEqual({ state: first.state, commands: [], changed: [] });
  });
});

describe("what comes back", () => {
  it("is the very state that was given when an event changes nothing", () => {
    const sensor = { type: "sense", everyMs: 1, deadlineMs: 5, onDeadline: "fail" } as const;
    const plan = planOf([
      { name: "a" },
      { name: "constructor" },
      { name: "b", dependsOn: ["a"], control: sensor, lateMs: 5 },
      { name: "c", control: { ...sensor, deadlineMs: null } },
    ]);
    const { state } = transition(plan, initialState(plan, 0), { type: "started" }, 0);
    const idle = [
      succeeded("a", 2),
      succeeded("a", 0),
      succeeded("a", 1, null, 0),
      succeeded("no_such_step"),
      succeeded("toString"),
      fired("a", 1),
      fired("a", 1, "check"),
      fired("a", 0, "late"),
      fired("a", 0, "deadline"),
      fired("b", 0, "late"),
      fired("b", 0, "deadline"),
      fired("c", 0, "deadline"),
      { type: "run-timer-fired", timer: "timeout" },
      { type: "run-timer-fired", timer: "late" },
      { type: "started" },
    ] as const;
    for (const event of idle) {
      const next = transition(plan, state, event, 5);
      expect(next.state, JSON.stringify(event)).toBe(state);
      expect(next).toMatchObject({ commands: [], changed: [] });
    }
  });

  it("shares what was not touched, and names what was", () => {
    const plan = planOf({ a: [], b: [], c: ["a"] });
    const { state } = transition(plan, initialState(plan, 0), { type: "started" }, 0);
    const next = transitionAll(plan, state, [succeeded("a"), succeeded("a")], 1);
    expect(next.state.steps.get("b")).toBe(state.steps.get("b"));
    expect(next.changed).toEqual([
      { step: "a", items: [] },
      { step: "c", items: [] },
    ]);
    expect(state.steps.get("a")!.status, "what was given is as it was").toBe("queued");
  });

  it("is right for the plan it is given, also when that is another than at the last event", () => {
    const { state } = transition(
      planOf({ a: [], b: [], c: ["a", "b"] }),
      initialState(planOf({ a: [], b: [], c: [] }), 0),
      { type: "started" },
      0,
    );
    const sooner = planOf({ a: [], b: [], c: ["a"] });
    expect(transition(sooner, state, succeeded("a"), 1).state.steps.get("c")!.status).toBe("queued");
  });

  it("can be taken up from any state, also one that has been gone on from already", () => {
    const plan = planOf({ a: [], b: [], join: ["a", "b"] });
    const { state } = transition(plan, initialState(plan, 0), { type: "started" }, 0);
    const one = transition(plan, state, succeeded("a"), 1).state;
    const other = transition(plan, state, failed("b", 1, finalFailure), 1).state;
    expect(transition(plan, one, succeeded("b"), 2).state.steps.get("join")!.status).toBe("queued");
    expect(transition(plan, other, succeeded("a"), 2).state.status).toBe("failed");
    expect(transition(plan, one, failed("b", 1, finalFailure), 2).state.status).toBe("failed");
  });
});
