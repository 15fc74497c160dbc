import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertInvariants } from "../../../src/engine/state-machine/invariants.ts";
import { rerunState, type RerunScope } from "../../../src/engine/requests/rerun.ts";
import { isEnd, type RunState } from "../../../src/engine/state-machine/state.ts";
import { outputOf } from "../../../src/engine/state-machine/step-output.ts";
import { transition } from "../../../src/engine/state-machine/transition.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { cancelled, failed, finalFailure, planOf, succeeded } from "./plans.ts";
import { anyPlan, play } from "./random-runs.ts";
import { deepFreeze, story, type Story } from "./story.ts";

const again = (run: Story, scope: RerunScope["scope"], step: string | null = null, plan = run.plan): RunState =>
  deepFreeze(rerunState(plan, { runId: "run-1", state: run.state(), plan: run.plan }, { scope, step }, 0));

/** Names of the steps that are run again. */
const fresh = (state: RunState): string[] =>
  [...state.steps].flatMap(([name, { status }]) => (status === "waiting" ? [name] : []));

const chain = planOf({ a: [], b: ["a"], c: ["b"], d: ["c"], beside: [] });

/** a and beside succeeded, b failed, c and d could not start. */
const broken = (): Story =>
  story(chain).tell(succeeded("a", 1, "A"), failed("b", 1, finalFailure), succeeded("beside", 1, "B"));

/** All succeeded. */
const whole = (): Story =>
  story(chain).tell(succeeded("a"), succeeded("beside")).tell(succeeded("b")).tell(succeeded("c")).tell(succeeded("d"));

describe("the scope of a re-run", () => {
  it("from-failed is what did not succeed, and what follows it", () => {
    expect(fresh(again(broken(), "from-failed"))).toEqual(["b", "c", "d"]);
  });

  it("from-failed includes what had succeeded in spite of a failure before it", () => {
    const plan = planOf([
      { name: "a" },
      { name: "report", dependsOn: ["a"], trigger: "all-done" },
      { name: "b", dependsOn: ["a"] },
    ]);
    const run = story(plan)
      .tell(failed("a", 1, finalFailure))
      .tell(succeeded("report"));
    expect(fresh(again(run, "from-failed"))).toEqual(["a", "report", "b"]);
  });

  it("from-failed of a run that succeeded is nothing: the new run ends when it starts", () => {
    const run = story(chain, again(whole(), "from-failed"));
    expect(run.state()).toMatchObject({ status: "succeeded" });
    expect(run.commands()).toMatchObject([{ type: "notify", event: "success", step: null }, { type: "finish-run" }]);
  });

  it("from-failed of a cancelled run is what was cancelled", () => {
    const run = story(chain).tell(succeeded("a")).tell(cancelled());
    expect(fresh(again(run, "from-failed"))).toEqual(["b", "c", "d", "beside"]);
  });

  it("step is that step, and what follows it", () => {
    expect(fresh(again(whole(), "step", "b"))).toEqual(["b", "c", "d"]);
  });

  it("only is that step alone; the others keep whatever end they had", () => {
    const state = again(broken(), "only", "a");
    expect(fresh(state)).toEqual(["a"]);
    const run = story(chain, state).tell(succeeded("a"));
    expect(run.statuses("b", "c")).toEqual({ b: "failed", c: "upstream-failed" });
    expect(run.state().status).toBe("failed");
  });

  it("only leaves a cancelled run cancelled, where the last steps are", () => {
    const run = story(chain).tell(succeeded("a"), succeeded("beside")).tell(cancelled());
    expect(
      story(chain, again(run, "only", "b"))
        .tell(succeeded("b"))
        .state().status,
    ).toBe("cancelled");
  });

  it("only may come to nothing at once, without a timer being set", () => {
    const plan = planOf({ a: [], b: ["a"] }, { timeoutMs: 100 });
    const run = story(plan).tell(failed("a", 1, finalFailure));
    const next = story(plan, again(run, "only", "b"));
    expect(next.statuses()).toEqual({ a: "failed", b: "upstream-failed" });
    expect(next.asked("set-run-timer")).toEqual([]);
  });

  it("all is everything", () => {
    expect(fresh(again(whole(), "all"))).toEqual(["a", "b", "c", "d", "beside"]);
  });

  it("is refused of a run that has not ended, and of steps that don't exist", () => {
    expect(() => again(story(chain), "all")).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => again(whole(), "step")).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => again(whole(), "only", "no_such_step")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", message: "Pipeline orders has no step no_such_step" }),
    );
  });
});

describe("what is taken over", () => {
  it("keeps its result, says which run it is from, and updates no asset once more", () => {
    const run = story(planOf({ a: [], b: ["a"] }));
    run.tell({
      ...succeeded("a", 1, "A"),
      assets: ["lake.a"],
      rows: { in: 1, out: 1, duplicate: 0, quarantined: 0 },
    } as never);
    run.tell(failed("b", 1, finalFailure));
    const { steps } = again(run, "from-failed");
    expect(steps.get("a")).toEqual({ ...run.step("a"), assets: [], reusedFrom: "run-1" });
  });

  it("keeps the name of the first run over several re-runs", () => {
    const second = story(chain, again(broken(), "from-failed")).tell(failed("b", 1, finalFailure));
    const third = rerunState(
      chain,
      { runId: "run-2", state: second.state(), plan: chain },
      { scope: "from-failed", step: null },
      0,
    );
    expect(third.steps.get("a")).toMatchObject({ reusedFrom: "run-1", output: "A" });
  });

  it("is handed on to what is run again, which starts at once", () => {
    const run = story(chain, again(broken(), "from-failed"));
    expect(run.commands()).toEqual([{ type: "start-attempt", step: "b", item: null, epoch: 1 }]);
    run.tell(succeeded("b")).tell(succeeded("c")).tell(succeeded("d"));
    expect(run.state().status).toBe("succeeded");
  });
});

describe("the effect of a step that is run again", () => {
  const effects = (state: RunState) =>
    Object.fromEntries([...state.steps].map(([name, { effectRun }]) => [name, effectRun]));

  it("is the old one when it had not succeeded: it may have happened all the same", () => {
    expect(effects(again(broken(), "from-failed"))).toMatchObject({ a: null, b: "run-1", beside: null });
    const second = story(chain, again(broken(), "from-failed")).tell(failed("b", 1, finalFailure));
    const third = rerunState(
      chain,
      { runId: "run-2", state: second.state(), plan: chain },
      { scope: "from-failed", step: null },
      0,
    );
    expect(third.steps.get("b")!.effectRun).toBe("run-1");
  });

  it("is a new one when it had succeeded, or what it reads is made anew", () => {
    expect(effects(again(whole(), "step", "b"))).toMatchObject({ b: null, c: null });
    expect(effects(again(broken(), "all"))["b"], "a is run again, and may put out something else").toBeNull();
    expect(effects(again(broken(), "only", "b"))["b"]).toBe("run-1");
  });
});

describe("a mapped step that failed in part", () => {
  const plan = planOf([
    { name: "list" },
    { name: "size", dependsOn: ["list"], control: { type: "map", over: ["list"], batch: null } },
  ]);
  const partly = (): Story => {
    const run = story(plan).tell(succeeded("list", 1, ["a", "b", "c"]));
    run.tell({ ...succeeded("size", 1, "A", 0), assets: ["lake.a"] } as never, failed("size", 1, finalFailure, 1));
    return run.tell(succeeded("size", 1, "C", 2));
  };

  it("keeps the items that succeeded when it is run again from what failed", () => {
    const run = story(plan, again(partly(), "from-failed"));
    expect(run.commands()).toEqual([{ type: "start-attempt", step: "size", item: 1, epoch: 1 }]);
    expect(run.step("size")).toMatchObject({ status: "mapped", effectRun: "run-1", reusedFrom: null });
    run.tell(succeeded("size", 1, "B", 1));
    expect(outputOf(run.step("size"))).toEqual(["A", "B", "C"]);
    expect(run.step("size").assets, "item 0 has not updated it once more").toEqual([]);
  });

  it("keeps them too when the new run is cancelled before it has come to them", () => {
    const slow = planOf([{ name: "list" }, { ...plan.steps[1]!, dependsOnPast: true }]);
    const first = story(slow)
      .tell(succeeded("list", 1, ["a", "b"]))
      .tell({ type: "await-met", step: "size", awaits: "past", output: null });
    first.tell(succeeded("size", 1, "A", 0), failed("size", 1, finalFailure, 1));
    const second = story(slow, again(first, "from-failed"));
    expect(second.statuses("size")).toEqual({ size: "held" });
    second.tell(cancelled());
    expect(second.asked("stop-attempt")).toEqual([]);
    const third = story(slow, again(second, "from-failed")).tell({
      type: "await-met",
      step: "size",
      awaits: "past",
      output: null,
    });
    expect(third.asked("start-attempt")).toEqual([{ type: "start-attempt", step: "size", item: 1, epoch: 1 }]);
  });

  it("hears no word of its items before it has begun", () => {
    const slow = planOf([{ name: "list" }, { name: "wait" }, { ...plan.steps[1]!, dependsOn: ["list", "wait"] }]);
    const first = story(slow).tell(succeeded("list", 1, ["a", "b"]), succeeded("wait"));
    first.tell(succeeded("size", 1, "A", 0), failed("size", 1, finalFailure, 1));
    const state = again(first, "from-failed");
    for (const event of [succeeded("size", 0, "X", 1), failed("size", 0, finalFailure, 1)])
      expect(transition(slow, state, event, 1).state).toBe(state);
  });

  it("is done anew when it is mapped over what is set up anew", () => {
    const torn = planOf([
      { name: "list" },
      { ...plan.steps[1]! },
      { name: "stop", dependsOn: ["list", "size"], teardownOf: "list" },
    ]);
    const first = story(torn).tell(succeeded("list", 1, ["a", "b"]));
    first.tell(succeeded("size", 1, "A", 0), failed("size", 1, finalFailure, 1)).tell(succeeded("stop"));
    const second = story(torn, again(first, "from-failed"));
    expect(second.step("size")).toMatchObject({ items: null, effectRun: null });
    expect(second.tell(succeeded("list", 1, ["c", "d", "e"])).asked("start-attempt")).toHaveLength(3);
  });

  it("is done anew when there are not as many items as there were", () => {
    const state = again(partly(), "from-failed");
    const list = { ...state.steps.get("list")!, output: ["a", "b"] };
    const run = story(plan, { ...state, steps: state.steps.with("list", list) });
    expect(run.asked("start-attempt").map(({ item }) => item)).toEqual([0, 1]);
  });

  it("is done anew when the list is made anew, when it is named, and when it is mapped otherwise", () => {
    expect(again(partly(), "step", "list").steps.get("size")!.items).toBeNull();
    expect(again(partly(), "step", "size").steps.get("size")!.items).toBeNull();
    const other = planOf([{ name: "list" }, { ...plan.steps[1]!, control: { type: "map", over: ["list"], batch: 5 } }]);
    expect(again(partly(), "from-failed", null, other).steps.get("size")).toMatchObject({
      items: null,
      effectRun: null,
    });
  });
});

describe("set-ups and teardowns", () => {
  const plan = planOf([
    { name: "network" },
    { name: "cluster", dependsOn: ["network"] },
    { name: "load", dependsOn: ["cluster"] },
    { name: "report", dependsOn: ["load"] },
    { name: "aside" },
    { name: "stop", dependsOn: ["cluster", "load", "report"], teardownOf: "cluster" },
    { name: "unplug", dependsOn: ["network", "cluster", "load", "report"], teardownOf: "network" },
  ]);
  const run = (): Story =>
    story(plan).tell(succeeded("network"), succeeded("aside")).tell(succeeded("cluster")).tell(succeeded("load"));

  it("are run again for a step that needs them; what else had used them is not", () => {
    const failedAtReport = run()
      .tell(failed("report", 1, finalFailure))
      .tell(succeeded("stop"), succeeded("unplug"));
    const state = again(failedAtReport, "from-failed");
    expect(fresh(state)).toEqual(["network", "cluster", "report", "stop", "unplug"]);
    expect(state.steps.get("report")!.effectRun, "its data is the same").toBe("run-1");
    const next = story(plan, state).tell(succeeded("network")).tell(succeeded("cluster")).tell(succeeded("report"));
    expect(next.statuses("stop", "unplug")).toEqual({ stop: "queued", unplug: "queued" });
    expect(next.tell(succeeded("stop"), succeeded("unplug")).state().status).toBe("succeeded");
  });

  it("are run again for a step alone, and not for one that doesn't use them", () => {
    const ended = run().tell(succeeded("report")).tell(succeeded("stop"), succeeded("unplug"));
    expect(fresh(again(ended, "only", "load"))).toEqual(["network", "cluster", "load", "stop", "unplug"]);
    expect(fresh(again(ended, "only", "aside"))).toEqual(["aside"]);
  });

  it("leave a teardown that failed to be done again by itself: what it tears down is still there", () => {
    const left = run()
      .tell(succeeded("report"))
      .tell(failed("stop", 1, finalFailure), succeeded("unplug"));
    const next = story(plan, again(left, "from-failed"));
    expect(next.commands()).toEqual([{ type: "start-attempt", step: "stop", item: null, epoch: 1 }]);
  });
});

describe("a plan that has changed meanwhile", () => {
  const changes: [string, Plan, string[]][] = [
    ["only in the code of its steps", planOf(chain.steps.map((step) => ({ ...step, config: { code: 2 } }))), []],
    ["by a new step", planOf({ a: [], b: ["a"], c: ["b"], d: ["c"], beside: [], e: ["beside"] }), ["e"]],
    ["by a new dependency", planOf({ beside: [], a: ["beside"], b: ["a"], c: ["b"], d: ["c"] }), ["a", "b", "c", "d"]],
    [
      "by another kind of step",
      planOf(chain.steps.map((step) => (step.name === "c" ? { ...step, kind: "load" } : step))),
      ["c", "d"],
    ],
    [
      "by a condition",
      planOf(chain.steps.map((step) => (step.name === "d" ? { ...step, when: [{ step: "c", outcome: "x" }] } : step))),
      ["d"],
    ],
  ];
  it.each(changes)("%s", (_what, plan, expected) => {
    expect(fresh(again(whole(), "from-failed", null, plan))).toEqual(expected);
  });

  it("by a step that is not the one to be run: what follows it can't stay either", () => {
    const plan = planOf(chain.steps.map((step) => (step.name === "c" ? { ...step, kind: "load" } : step)));
    expect(fresh(again(whole(), "only", "beside", plan))).toEqual(["c", "d", "beside"]);
    expect(fresh(again(whole(), "only", "a", plan))).toEqual(["a", "c", "d"]);
  });

  it("drops the results of steps that are gone", () => {
    expect(again(whole(), "from-failed", null, planOf({ a: [] })).steps.names()).toEqual(["a"]);
  });
});

describe("for every plan, history and scope", () => {
  it("a re-run keeps the invariants, comes to its end, and leaves what is outside its scope as it was", () => {
    const choices = fc.array(fc.nat(10_000_000), { maxLength: 30 });
    const scopes = fc.constantFrom("from-failed", "step", "only", "all" as const);
    fc.assert(
      fc.property(anyPlan, choices, choices, scopes, fc.nat(), (plan, first, second, scope, step) => {
        const previous = { runId: "run-1", state: play(plan, first).at(-1)!.after, plan };
        const named = plan.steps[step % plan.steps.length]!.name;
        const state = rerunState(plan, previous, { scope, step: named }, 0);
        const history = play(plan, second, state);
        for (const [position, { before, after, changed }] of history.entries()) {
          assertInvariants(plan, after);
          if (position > 0) assertInvariants(plan, after, before, changed);
        }
        const last = history.at(-1)!.after;
        expect(last.status).not.toBe("running");
        for (const { name } of plan.steps) {
          expect(isEnd(last.steps.get(name)!.status)).toBe(true);
          if (state.steps.get(name)!.status === "waiting") continue;
          expect(last.steps.get(name)).toEqual({
            ...previous.state.steps.get(name),
            assets: [],
            reusedFrom: expect.any(String),
          });
        }
      }),
      { numRuns: 300 },
    );
  });
});
