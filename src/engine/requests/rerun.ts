// The state a run begins with that runs an earlier one again: what is outside its scope keeps the result it had.
import { SluiceError } from "../../errors.ts";
import type { Plan, PlanStep } from "../../pipeline/plan.ts";
import { freshItem, freshStep, initialState } from "../state-machine/initial-state.ts";
import type { Instruction } from "../stores/instruction.ts";
import { planGraph, type PlanGraph } from "../state-machine/plan-graph.ts";
import type { ItemState, RunState, StepState } from "../state-machine/state.ts";
import { NamedList } from "../../named-list.ts";

/** What is run again: see the instruction to do so. */
export type RerunScope = Pick<Extract<Instruction, { readonly type: "rerun" }>, "scope" | "step">;

export interface PreviousRun {
  readonly runId: string;
  readonly state: RunState;
  /** The plan it was run with; the one it is run again with may be another. */
  readonly plan: Plan;
}

/**
 * The state of a run that is about to start, with the results it takes over.
 *
 * @throws {SluiceError} USAGE when the run has not ended, or the scope needs a step and none is named; NOT_FOUND when the
 * plan has no step of that name.
 */
export function rerunState(plan: Plan, previous: PreviousRun, { scope, step }: RerunScope, now: number): RunState {
  const named = namedStep(plan, scope, step);
  if (previous.state.status === "running") {
    throw new SluiceError("USAGE", `Run ${previous.runId} has not ended`, {
      hint: "Wait for its end, or cancel it; then run it again.",
    });
  }
  const graph = planGraph(plan);
  const changed = changedSteps(graph, previous.plan);
  const again = stepsToRun(graph, previous.state, scope, named, changed);
  const forOthers = setUpsAndTeardowns(graph, again);
  const steps = graph.steps.map((planned, position): [string, StepState] => {
    const before = previous.state.steps.get(planned.name);
    if (before === undefined || changed.has(position)) return [planned.name, freshStep];
    if (!again.has(position) && !forOthers.has(position)) return [planned.name, keep(before, previous.runId)];
    const over = planned.control.type === "map" ? planned.control.over : [];
    const sameInputs =
      graph.dependencies[position]!.every((other) => !again.has(other)) &&
      over.every((name) => !forOthers.has(graph.positions.get(name)!));
    return [planned.name, renew(before, previous.runId, sameInputs, scope === "from-failed")];
  });
  return { ...initialState(plan, now), steps: NamedList.from(steps) };
}

function namedStep({ pipeline, steps }: Plan, scope: RerunScope["scope"], step: string | null): string | null {
  if (scope !== "step" && scope !== "only") return null;
  if (step === null) {
    throw new SluiceError("USAGE", "Which step is to be run again was not said", { hint: "Name it: --step NAME." });
  }
  if (steps.some(({ name }) => name === step)) return step;
  throw new SluiceError("NOT_FOUND", `Pipeline ${pipeline} has no step ${step}`, {
    hint: `Its steps are ${steps.map(({ name }) => name).join(", ")}.`,
  });
}

/** Steps without a result that would fit the plan as it is now: those that are new or changed, and what follows them. */
function changedSteps({ steps, dependencies }: PlanGraph, planBefore: Plan): Set<number> {
  const shapes = new Map(planBefore.steps.map((planned) => [planned.name, shapeOf(planned)]));
  const changed = new Set<number>();
  for (const [position, planned] of steps.entries()) {
    if (shapes.get(planned.name) !== shapeOf(planned) || dependencies[position]!.some((other) => changed.has(other)))
      changed.add(position);
  }
  return changed;
}

/** Steps that are run again for their own sake, or because a step before them is. */
function stepsToRun(
  { steps, dependencies }: PlanGraph,
  before: RunState,
  scope: RerunScope["scope"],
  named: string | null,
  changed: ReadonlySet<number>,
): Set<number> {
  const again = new Set<number>(changed);
  for (const [position, { name }] of steps.entries()) {
    const chosen =
      scope === "all" || name === named || (scope === "from-failed" && before.steps.get(name)?.status !== "succeeded");
    const follows = scope !== "only" && dependencies[position]!.some((other) => again.has(other));
    if (chosen || follows) again.add(position);
  }
  return again;
}

/** What a result depends on beside the code of the step. */
function shapeOf({ kind, control, dependsOn, when, teardownOf }: PlanStep): string {
  const conditions = when.map(({ step, outcome }) => `${step} ${outcome}`);
  return JSON.stringify([
    kind,
    control.type === "map" ? control : control.type,
    [...dependsOn].sort(),
    conditions.sort(),
    teardownOf,
  ]);
}

/**
 * What was set up has been torn down since. A step that is run again needs it anew, and it must be torn down again; what
 * else had used it is not run again for that.
 */
function setUpsAndTeardowns({ steps, positions, dependencies }: PlanGraph, again: ReadonlySet<number>): Set<number> {
  const needed = new Set<number>();
  for (const [teardown, { teardownOf }] of steps.entries()) {
    if (teardownOf === null) continue;
    const used = dependencies[teardown]!.some((other) => again.has(other));
    if (used) needed.add(teardown).add(positions.get(teardownOf)!);
  }
  return needed;
}

function keep(before: StepState, runId: string): StepState {
  // Its assets are not updated once more, so nothing that waits for updates is to hear of them.
  return { ...before, assets: [], reusedFrom: before.reusedFrom ?? runId };
}

function renew(before: StepState, runId: string, sameInputs: boolean, keepItems: boolean): StepState {
  // Done once more on purpose, or from other inputs, it is to have an effect once more.
  if (before.status === "succeeded" || !sameInputs) return freshStep;
  // What did not succeed may have had its effect all the same: under the old key, doing it again changes nothing.
  const effectRun = before.effectRun ?? runId;
  const items = keepItems ? (before.items?.map(renewItem) ?? null) : null;
  return { ...freshStep, effectRun, items };
}

function renewItem(item: ItemState): ItemState {
  return item.status === "succeeded" ? { ...item, assets: [] } : freshItem;
}
