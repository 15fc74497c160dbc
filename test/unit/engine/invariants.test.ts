// Each invariant finds what it is there for: a good state, spoilt in one place.
import { describe, expect, it } from "vitest";
import { assertInvariants } from "../../../src/engine/state-machine/invariants.ts";
import type { RunState, StepState } from "../../../src/engine/state-machine/state.ts";
import { NamedList } from "../../../src/named-list.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { cancelled, failed, finalFailure, planOf, succeeded } from "./plans.ts";
import { story } from "./story.ts";

const plan = planOf([
  { name: "list" },
  { name: "size", dependsOn: ["list"], control: { type: "map", over: ["list"], batch: null } },
  { name: "end", dependsOn: ["size"] },
  { name: "other" },
]);
const { state } = (() => {
  const run = story(plan)
    .tell(succeeded("list", 1, ["a", "b", "c"]))
    .tell(succeeded("size", 1, "A", 0));
  return { state: run.state() };
})();
const item = state.steps.get("size")!.items![1]!;

const withStep = (of: RunState, name: string, change: Partial<StepState>): RunState => ({
  ...of,
  steps: of.steps.with(name, { ...of.steps.get(name)!, ...change }),
});
const ended = { finishedAt: 9 } as const;

const spoilt: readonly [string, RunState, RegExp][] = [
  ["a queued step without an attempt", withStep(state, "other", { attempts: 0 }), /other is queued without an attempt/],
  ["a retry without a timer", withStep(state, "other", { status: "retrying" }), /other is retrying without a timer/],
  ["a sensor that sleeps without one", withStep(state, "other", { status: "sleeping" }), /sleeping without a timer/],
  ["a timer that wakes nothing", withStep(state, "other", { wakeAt: 5 }), /other is queued with a timer/],
  ["a hold on nothing", withStep(state, "other", { status: "held" }), /other is held and waits for nothing/],
  ["an answer nobody waits for", withStep(state, "other", { awaits: "run" }), /other is queued and waits for run/],
  [
    "a mapped step without open items",
    withStep(state, "size", { items: [state.steps.get("size")!.items![0]!] }),
    /size is mapped and has no open item/,
  ],
  ["a mapped step without items", withStep(state, "size", { items: null }), /size is mapped and has no open item/],
  [
    "an end with open items",
    withStep(withStep(state, "size", { status: "succeeded", ...ended }), "end", {
      status: "queued",
      attempts: 1,
      startedAt: 9,
    }),
    /size is succeeded and has an open item/,
  ],
  [
    "an item that is tried again without a timer",
    withStep(state, "size", { items: [item, { ...item, status: "retrying" }] }),
    /size has an item 1 that is retrying without a timer/,
  ],
  [
    "an item without an attempt",
    withStep(state, "size", { items: [{ ...item, attempts: 0 }] }),
    /size has an item 0 that is queued without/,
  ],
  [
    "an item that failed for no reason",
    withStep(state, "size", { items: [{ ...item, status: "failed", ...ended }, item] }),
    /item 0 that failed without an error/,
  ],
  ["an end without a time", withStep(state, "other", { status: "succeeded" }), /other is succeeded and has no end/],
  ["a time of an end that has not come", withStep(state, "other", ended), /other is queued and has an end/],
  [
    "a failure without an error",
    withStep(state, "other", { status: "failed", ...ended }),
    /other failed without an error/,
  ],
  [
    "a success with an error",
    withStep(state, "other", { status: "succeeded", error: finalFailure, ...ended }),
    /other succeeded with an error/,
  ],
  ["an output of what has not succeeded", withStep(state, "other", { output: 1 }), /other is queued and has an output/],
  [
    "a start that the trigger rule forbids",
    withStep(state, "end", { status: "queued", attempts: 1, startedAt: 3 }),
    /end started although not all-succeeded before it/,
  ],
  [
    "a wait for nothing",
    withStep(state, "other", { status: "waiting", attempts: 0, startedAt: null }),
    /other waits for nothing/,
  ],
  [
    "a run that waits while it is being ended",
    { ...state, ending: { as: "cancelled", reason: "x" } },
    /end waits, and the run is being ended/,
  ],
  ["a running run with an end", { ...state, ...ended }, /the run is running and has an end/],
  ["a run that ended with steps open", { ...state, status: "failed", ...ended }, /the run ended with size open/],
  ["a run that ended at no time", { ...state, status: "failed" }, /the run is failed and has no end/],
  [
    "a step without a state",
    { ...state, steps: NamedList.from([["list", state.steps.get("list")!]]) },
    /size has no state/,
  ],
];

describe("the invariants", () => {
  it("hold of a good state", () => {
    expect(() => assertInvariants(plan, state)).not.toThrow();
  });

  it.each(spoilt)("find %s", (_what, bad, message) => {
    expect(() => assertInvariants(plan, bad)).toThrow(message);
    expect(() => assertInvariants(plan, bad)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });

  it.each(spoilt.filter(([, bad]) => bad.steps.get("size") !== undefined && bad.steps !== state.steps))(
    "find %s where only that has changed",
    (_what, bad, message) => {
      expect(() => assertInvariants(plan, bad, state)).toThrow(message);
    },
  );

  it("find a run that nothing will wake", () => {
    const simple = planOf({ a: [] });
    const begun = story(simple).state();
    const left = withStep(begun, "a", { status: "succeeded", ...ended });
    expect(() => assertInvariants(simple, left)).toThrow(/the run waits for nothing/);
    expect(() => assertInvariants(simple, left, begun)).toThrow(/the run waits for nothing/);
  });

  it("find a step that is held by its past although it may not start", () => {
    const held = withStep(state, "end", { status: "held", awaits: "past" });
    expect(() => assertInvariants(plan, held, state)).toThrow(/end started although not all-succeeded before it/);
  });

  it("find a step that was left waiting when what it waited for ended", () => {
    const simple = planOf({ a: [], b: ["a"] });
    const begun = story(simple).state();
    const forgotten = withStep(begun, "a", { status: "succeeded", ...ended });
    expect(() => assertInvariants(simple, forgotten)).toThrow(/b waits for nothing/);
    expect(() => assertInvariants(simple, forgotten, begun)).toThrow(/b waits for nothing/);
  });

  it("find an end that was taken back", () => {
    const changed = withStep(state, "list", { output: "other" });
    expect(() => assertInvariants(plan, changed, state)).toThrow(/list had succeeded and is succeeded/);
  });

  it("find a teardown that runs too early, or with nothing to tear down", () => {
    const torn: Plan = planOf([
      { name: "cluster" },
      { name: "work", dependsOn: ["cluster"] },
      { name: "stop", dependsOn: ["cluster", "work"], teardownOf: "cluster" },
    ]);
    const begun = story(torn).tell(succeeded("cluster")).state();
    const early = withStep(begun, "stop", { status: "queued", attempts: 1, startedAt: 3 });
    expect(() => assertInvariants(torn, early)).toThrow(/stop started before work had ended/);
    const none = story(torn)
      .tell(failed("cluster", 1, finalFailure))
      .state();
    const idle = withStep(none, "stop", { status: "failed", error: finalFailure, attempts: 1, startedAt: 3 });
    expect(() => assertInvariants(torn, idle)).toThrow(/stop started although cluster had not succeeded/);
    expect(() =>
      assertInvariants(torn, story(torn).tell(succeeded("cluster")).tell(cancelled()).state()),
    ).not.toThrow();
  });

  it("look at no item that has not changed, when told what has", () => {
    const bad = withStep(state, "size", { items: state.steps.get("size")!.items!.with(0, { ...item, attempts: 0 }) });
    expect(() => assertInvariants(plan, bad, state, [{ step: "size", items: [0] }])).toThrow(/item 0/);
    expect(() => assertInvariants(plan, bad, state, [{ step: "size", items: [1] }])).not.toThrow();
  });
});
