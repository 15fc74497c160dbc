// Random plans with everything that a plan can have, and random histories over them: what happens to a run is made from
// a list of numbers, so that a failing case can be made smaller and played again.
import * as fc from "fast-check";
import { initialState } from "../../../src/engine/state-machine/initial-state.ts";
import {
  isEnd,
  type AttemptKey,
  type Command,
  type RunEvent,
  type RunState,
  type StepStatus,
} from "../../../src/engine/state-machine/state.ts";
import { transition } from "../../../src/engine/state-machine/transition.ts";
import type { ChangedStep } from "../../../src/engine/state-machine/state.ts";
import type { Control, Plan, TriggerRule } from "../../../src/pipeline/plan.ts";
import { finalFailure, planOf, retryableFailure, type StepDraft } from "./plans.ts";
import { deepFreeze } from "./story.ts";

const rules: readonly TriggerRule[] = [
  "all-succeeded",
  "all-succeeded",
  "all-succeeded",
  "all-failed",
  "all-done",
  "all-done-min-one-succeeded",
  "all-skipped",
  "one-succeeded",
  "one-failed",
  "one-done",
  "none-failed",
  "none-failed-min-one-succeeded",
  "none-skipped",
  "always",
];

const controlTypes = [
  "run",
  "run",
  "run",
  "map",
  "map",
  "map",
  "sense",
  "short-circuit",
  "approve",
  "await-run",
] as const;

const stepShape = fc.record({
  edges: fc.array(fc.nat(), { maxLength: 4 }),
  trigger: fc.constantFrom(...rules),
  control: fc.constantFrom(...controlTypes),
  condition: fc.option(fc.record({ on: fc.nat(), outcome: fc.constantFrom("x", "y") }), { freq: 3 }),
  past: fc.nat(9),
  late: fc.boolean(),
  deadline: fc.boolean(),
  onDeadline: fc.constantFrom("fail" as const, "skip" as const),
  onReject: fc.constantFrom("fail" as const, "skip" as const),
  retry: fc.record({
    limit: fc.nat(2),
    delayMs: fc.constantFrom(0, 10, 1_000),
    backoff: fc.constantFrom("constant" as const, "exponential" as const),
    maxDelayMs: fc.constantFrom(5, 4_000),
    jitter: fc.constantFrom(0, 0.5),
  }),
});
type StepShape = typeof stepShape extends fc.Arbitrary<infer Shape> ? Shape : never;

/** Plans of 1 to 10 steps, and at most two teardowns. A step may depend on any before it. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    shapes: fc.array(stepShape, { minLength: 1, maxLength: 10 }),
    setUps: fc.array(fc.nat(), { maxLength: 2 }),
    timeout: fc.boolean(),
    late: fc.boolean(),
  })
  .map(({ shapes, setUps, timeout, late }) => {
    const steps = shapes.map(draftOf);
    const torn = [...new Set(setUps.map((setUp) => `s${setUp % steps.length}`))];
    return planOf([...steps, ...torn.map((setUp) => teardownOf(setUp, steps))], {
      timeoutMs: timeout ? 60_000 : null,
      lateMs: late ? 30_000 : null,
    });
  });

function draftOf(shape: StepShape, position: number): StepDraft {
  const dependsOn = position === 0 ? [] : [...new Set(shape.edges.map((edge) => `s${edge % position}`))];
  const { condition } = shape;
  return {
    name: `s${position}`,
    dependsOn,
    trigger: shape.trigger,
    control: controlOf(shape, dependsOn),
    when:
      condition === null || dependsOn.length === 0
        ? []
        : [{ step: dependsOn[condition.on % dependsOn.length]!, outcome: condition.outcome }],
    dependsOnPast: shape.past === 0,
    lateMs: shape.late ? 20_000 : null,
    retry: shape.retry,
  };
}

function controlOf({ control, deadline, onDeadline, onReject }: StepShape, dependsOn: readonly string[]): Control {
  const deadlineMs = deadline ? 50_000 : null;
  switch (control) {
    case "map":
      if (dependsOn.length === 0) return { type: "run" };
      return { type: "map", over: dependsOn.slice(0, 2), batch: onReject === "skip" ? 10 : null };
    case "sense":
      return { type: "sense", everyMs: 1_000, deadlineMs, onDeadline };
    case "approve":
      return {
        type: "approve",
        message: "?",
        deadlineMs,
        onDeadline: onDeadline === "skip" ? "approve" : "reject",
        onReject,
      };
    case "await-run":
      return { type: "await-run", pipeline: "other", step: null, offset: 0, deadlineMs, onDeadline };
    default:
      return { type: control };
  }
}

function teardownOf(setUp: string, steps: readonly StepDraft[]): StepDraft {
  const reach = new Set([setUp]);
  for (const { name, dependsOn } of steps) if (dependsOn?.some((other) => reach.has(other))) reach.add(name);
  return { name: `stop_${setUp}`, dependsOn: [...reach], teardownOf: setUp };
}

/** What steps put out: labels, lists, datasets, yes and no. Chosen by a number. */
function outputFor(choice: number): unknown {
  const outputs = [
    "x",
    "y",
    ["x", "y"],
    [1, 2, 3],
    [],
    false,
    true,
    null,
    { kind: "dataset", rows: 25 },
    { $artifact: "h", bytes: 1, length: 2 },
  ];
  return outputs[choice % outputs.length];
}

/** The same, but mostly something that can be mapped over where a step does. */
export function outputOfStep(plan: Plan, step: string, choice: number): unknown {
  const isMapped = plan.steps.some(({ control }) => control.type === "map" && control.over.includes(step));
  return isMapped && choice % 5 > 0 ? [[1, 2, 3], ["x"], ["y", "x"]][choice % 3] : outputFor(choice);
}

export interface Move {
  readonly event: RunEvent;
  readonly before: RunState;
  readonly after: RunState;
  readonly commands: readonly Command[];
  readonly changed: readonly ChangedStep[];
  readonly now: number;
}

interface OpenWork extends AttemptKey {
  readonly status: StepStatus;
}

/** Attempts that are under way, and what waits for a timer or a word from outside. */
export function openWork(plan: Plan, state: RunState): OpenWork[] {
  return plan.steps.flatMap(({ name }): OpenWork[] => {
    const { status, attempts, items } = state.steps.get(name)!;
    if (isEnd(status) || status === "waiting") return [];
    if (status !== "mapped") return [{ step: name, item: null, epoch: attempts, status }];
    const all = items!.map((work, item) => ({ step: name, item, epoch: work.attempts, status: work.status }));
    return all.filter((work) => !isEnd(work.status));
  });
}

/** What lets this piece of work go on, one way or the other. */
function wordAbout(work: OpenWork, plan: Plan, state: RunState, choice: number): RunEvent {
  const { status, ...key } = work;
  const rest = Math.floor(choice / 16);
  switch (status) {
    case "retrying":
      return { type: "timer-fired", ...key, timer: "retry" };
    case "sleeping":
      return { type: "timer-fired", ...key, timer: "check" };
    case "held": {
      const { awaits } = state.steps.get(key.step)!;
      if (awaits !== "decision")
        return { type: "await-met", step: key.step, awaits: awaits!, output: outputOfStep(plan, key.step, rest) };
      return {
        type: "decided",
        step: key.step,
        decision: rest % 2 === 0 ? "approved" : "rejected",
        by: "ana",
        note: null,
      };
    }
  }
  const isSensor = plan.steps.find(({ name }) => name === key.step)!.control.type === "sense";
  switch (choice % 16) {
    case 0:
    case 1:
      return { type: "attempt-failed", ...key, error: retryableFailure };
    case 2:
      return { type: "attempt-failed", ...key, error: finalFailure };
    case 3:
      return { type: "attempt-lost", ...key, cause: "worker-died", reason: "signal" };
    case 4:
      return { type: "attempt-lost", ...key, cause: "scheduler-stopped", reason: "stopped" };
    case 5:
    case 6:
      if (isSensor) return { type: "attempt-unmet", ...key };
  }
  const rows = rest % 3 === 0 ? { in: rest % 7, out: 1, duplicate: 0, quarantined: 0 } : null;
  const output = outputOfStep(plan, key.step, rest);
  return { type: "attempt-succeeded", ...key, output, rows, assets: rest % 5 === 0 ? ["lake.a"] : [] };
}

/** Something that has no business to be said now: old, twice, too early, of nothing that exists, or by a person. */
function noise(plan: Plan, history: readonly Move[], choice: number): RunEvent {
  const rest = Math.floor(choice / 16);
  const step = rest % 11 === 0 ? "no_such_step" : plan.steps[rest % plan.steps.length]!.name;
  const item = rest % 3 === 0 ? null : (rest % 7) - 1;
  const key = { step, item, epoch: rest % 4 };
  switch (choice % 16) {
    case 0:
      return { type: "started" };
    case 1:
      return { type: "attempt-succeeded", ...key, output: "x", rows: null, assets: [] };
    case 2:
      return { type: "attempt-failed", ...key, error: retryableFailure };
    case 3:
      return { type: "attempt-lost", ...key, cause: "worker-died", reason: "signal" };
    case 4:
      return { type: "attempt-unmet", ...key };
    case 5:
      return { type: "timer-fired", ...key, timer: (["retry", "check", "deadline", "late"] as const)[rest % 4]! };
    case 6:
      return { type: "timer-fired", step, item: null, epoch: 0, timer: rest % 2 === 0 ? "deadline" : "late" };
    case 7:
      return { type: "run-timer-fired", timer: rest % 4 === 0 ? "timeout" : "late" };
    case 8:
      return { type: "await-met", step, awaits: rest % 2 === 0 ? "run" : "past", output: null };
    case 9:
      return { type: "decided", step, decision: rest % 2 === 0 ? "approved" : "rejected", by: "bo", note: "no" };
    case 10:
      return {
        type: "marked",
        step,
        as: (["succeeded", "failed", "skipped"] as const)[rest % 3]!,
        by: "bo",
        reason: "hm",
      };
    case 11:
      return rest % 3 === 0 ? { type: "cancelled", reason: "asked for" } : { type: "started" };
    default:
      return history[rest % history.length]!.event;
  }
}

/** The history that the choices make, and then on to its end, by answers to all that is open. */
export function play(plan: Plan, choices: readonly number[], from: RunState = initialState(plan, 0)): Move[] {
  const history: Move[] = [];
  let state = deepFreeze(from);
  let now = 1_000;
  const tell = (event: RunEvent): void => {
    now += 1 + (history.length % 7) * 100;
    const { state: after, commands, changed } = transition(plan, state, deepFreeze(event), now);
    history.push({ event, before: state, after: deepFreeze(after), commands, changed, now });
    state = after;
  };
  tell({ type: "started" });
  for (const choice of choices) {
    const open = openWork(plan, state);
    const rest = Math.floor(choice / 4);
    if (choice % 4 === 0 || open.length === 0) tell(noise(plan, history, rest));
    else tell(wordAbout(open[rest % open.length]!, plan, state, Math.floor(rest / 7)));
  }
  // From here on each word ends an attempt for good or lets one begin, so a run that waits for ever is found out.
  for (let round = 0; state.status === "running"; round += 1) {
    const work = openWork(plan, state)[0];
    if (work === undefined || round > 1_000) throw new Error("the run doesn't come to its end");
    tell(wordAbout(work, plan, state, 7 + 16 * round));
  }
  return history;
}

/** Checks `law` on random histories over random plans. */
export function holds(law: (plan: Plan, history: readonly Move[]) => void, numRuns = 300): void {
  fc.assert(
    fc.property(anyPlan, fc.array(fc.nat(10_000_000), { maxLength: 60 }), (plan, choices) =>
      law(plan, play(plan, choices)),
    ),
    { numRuns },
  );
}
