// What must hold after every transition, checked in production too: a broken invariant is a fault of ours, and going
// on would spread it. It looks at the state alone, and not at what the state machine remembers of it.
import { SluiceError } from "../../errors.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { planGraph, type PlanGraph } from "./plan-graph.ts";
import { isEnd, type ChangedStep, type ItemState, type RunState, type StepState, type StepStatus } from "./state.ts";
import { endKind, noEnds, triggerVerdict, type Ends } from "./trigger-rule.ts";

/** What is wrong, as a sentence; null when nothing is. */
type Fault = string | null;

/**
 * Throws INTERNAL when the state of a run that has started can't be: in full; or, given the state it was made from, for
 * what has changed since. Who knows what has changed may say so, and spare it the search.
 */
export function assertInvariants(
  plan: Plan,
  state: RunState,
  changedFrom?: RunState,
  changed?: readonly ChangedStep[],
): void {
  const graph = planGraph(plan);
  const fault =
    changedFrom === undefined || state.status !== "running"
      ? faultOf(graph, state)
      : faultSince(graph, state, changedFrom, changed ?? differences(graph, changedFrom, state));
  if (fault === null) return;
  throw new SluiceError("INTERNAL", `In pipeline ${plan.pipeline}, ${fault}`, { hint: "Please report this." });
}

function faultOf(graph: PlanGraph, state: RunState): Fault {
  for (const [position, { name }] of graph.steps.entries()) {
    const step = state.steps.get(name);
    if (step === undefined) return `${name} has no state`;
    const fault = stepFault(step) ?? itemsFault(step, step.items?.keys() ?? []) ?? orderFault(graph, state, position);
    if (fault !== null) return `${name} ${fault}`;
  }
  return runFault(graph, state);
}

function faultSince(graph: PlanGraph, state: RunState, before: RunState, changed: readonly ChangedStep[]): Fault {
  let woken = false;
  for (const { step: name, items } of changed) {
    const position = graph.positions.get(name)!;
    const step = state.steps.at(position)!;
    const was = before.steps.at(position)!;
    const started = step.startedAt !== was.startedAt || step.status === "held";
    const fault =
      endedFault(was, step) ??
      stepFault(step) ??
      itemsFault(step, items) ??
      (started ? orderFault(graph, state, position) : null);
    if (fault !== null) return `${name} ${fault}`;
    woken ||= isAwake(step.status);
    if (!isEnd(step.status) || isEnd(was.status)) continue;
    const stuck = graph.dependents[position]!.find((other) => orderFault(graph, state, other) !== null);
    if (stuck !== undefined) return `${graph.steps[stuck]!.name} ${orderFault(graph, state, stuck)}`;
  }
  return woken || state === before ? null : runFault(graph, state);
}

/** An end is for good. */
function endedFault(before: StepState, after: StepState): Fault {
  return isEnd(before.status) && before !== after ? `had ${before.status} and is ${after.status}` : null;
}

/** Whatever is open has exactly what will wake it: an attempt, a timer, a watch or a decision, or an open item. */
function stepFault(step: StepState): Fault {
  const { status, attempts, awaits, items } = step;
  if ((status === "retrying" || status === "sleeping") !== (step.wakeAt !== null))
    return `is ${status} ${step.wakeAt === null ? "without" : "with"} a timer`;
  if ((status === "held") !== (awaits !== null)) return `is ${status} and waits for ${awaits ?? "nothing"}`;
  if (status === "queued" && attempts === 0) return "is queued without an attempt";
  // Open items are looked for from the last one on, as they end from the first one on.
  const open = items?.findLast((item) => !isEnd(item.status)) !== undefined;
  if (status === "mapped" && !open) return "is mapped and has no open item";
  if (status !== "mapped" && open && !isToBegin(step)) return `is ${status} and has an open item`;
  return resultFault(step);
}

/** What a re-run has taken over of a step's items lies ready until the step begins. */
function isToBegin({ status, startedAt }: StepState): boolean {
  return startedAt === null && !isEnd(status);
}

function itemsFault(step: StepState, positions: Iterable<number>): Fault {
  if (isToBegin(step)) return null;
  for (const position of positions) {
    const fault = itemFault(step.items![position]!);
    if (fault !== null) return `has an item ${position} that ${fault}`;
  }
  return null;
}

function itemFault(item: ItemState): Fault {
  if ((item.status === "retrying") !== (item.wakeAt !== null))
    return `is ${item.status} ${item.wakeAt === null ? "without" : "with"} a timer`;
  if (item.status === "queued" && item.attempts === 0) return "is queued without an attempt";
  return resultFault(item);
}

function resultFault(work: StepState | ItemState): Fault {
  const { status, error, output, finishedAt } = work;
  if (isEnd(status) !== (finishedAt !== null))
    return `is ${status} and ${finishedAt === null ? "has no" : "has an"} end`;
  if (status === "failed" && error === null) return "failed without an error";
  if (status === "succeeded" && error !== null) return "succeeded with an error";
  return status !== "succeeded" && output !== null ? `is ${status} and has an output` : null;
}

/** Nothing has begun that may not, and what has not begun waits for something that is open. */
function orderFault(graph: PlanGraph, state: RunState, position: number): Fault {
  const { trigger, teardownOf } = graph.steps[position]!;
  const step = state.steps.at(position)!;
  const statusAt = (other: number): StepStatus => state.steps.at(other)!.status;
  const isOpen = (other: number): boolean => !isEnd(statusAt(other));
  const before = graph.dependencies[position]!;
  if (step.status === "waiting") {
    if (state.ending !== null && teardownOf === null) return "waits, and the run is being ended";
    const waits = before.findLast(isOpen) ?? graph.shortCircuitsAbove[position]!.find(isOpen);
    return waits === undefined ? "waits for nothing" : null;
  }
  // A result that was taken over stands, whatever has become of the steps before it.
  const begun = step.startedAt !== null || !isEnd(step.status);
  if (!begun || step.reusedFrom !== null) return null;
  if (teardownOf !== null) {
    if (state.steps.get(teardownOf)!.status !== "succeeded") return `started although ${teardownOf} had not succeeded`;
    const early = before.find(isOpen);
    return early === undefined ? null : `started before ${graph.steps[early]!.name} had ended`;
  }
  const ends: { -readonly [Kind in keyof Ends]: Ends[Kind] } = noEnds(before.length);
  for (const other of before) {
    const kind = endKind(statusAt(other));
    if (kind !== null) ends[kind] += 1;
  }
  // Whatever ends later, a rule that let a step start still does.
  return triggerVerdict(trigger, ends) === "start" ? null : `started although not ${trigger} before it`;
}

/** A run is open as long as a step is, and then something will wake it. */
function runFault({ steps }: PlanGraph, state: RunState): Fault {
  // From the last step on: as a run goes on, what has ended is at its beginning.
  const awake = state.steps.values().findLast(({ status }) => isAwake(status));
  if (state.status === "running") {
    if (state.finishedAt !== null) return "the run is running and has an end";
    return awake === undefined ? "the run waits for nothing" : null;
  }
  if (state.finishedAt === null) return `the run is ${state.status} and has no end`;
  const open = state.steps.values().findIndex(({ status }) => !isEnd(status));
  return open === -1 ? null : `the run ended with ${steps[open]!.name} open`;
}

function isAwake(status: StepStatus): boolean {
  return status !== "waiting" && !isEnd(status);
}

function differences({ steps }: PlanGraph, before: RunState, after: RunState): ChangedStep[] {
  return steps.flatMap(({ name }, position) => {
    const [was, is] = [before.steps.at(position)!, after.steps.at(position)!];
    return was === is ? [] : [{ step: name, items: differingItems(was.items ?? [], is.items ?? []) }];
  });
}

function differingItems(before: readonly ItemState[], after: readonly ItemState[]): number[] {
  const positions: number[] = [];
  if (before === after) return positions;
  for (let position = 0; position < after.length; position += 1)
    if (before[position] !== after[position]) positions.push(position);
  return positions;
}
