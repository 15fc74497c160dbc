// Counts over the state of a run, kept from one transition to the next, so that a step with a thousand dependencies or a
// mapped step with ten thousand items is not counted again at each event. They say nothing that the state doesn't: for a
// state that they are not at hand for, they are counted anew.
import type { PlanGraph } from "./plan-graph.ts";
import { isEnd, type RunState, type StepState } from "./state.ts";
import { endKind, noEnds, type EndKind, type Ends } from "./trigger-rule.ts";

export interface Tally {
  readonly graph: PlanGraph;
  /** Of what each step waits for, by its position. */
  readonly ends: { -readonly [Kind in keyof Ends]: Ends[Kind] }[];
  /** Items that have not ended, of each step by its position. */
  readonly openItems: number[];
  openSteps: number;
}

const tallies = new WeakMap<RunState, Tally>();

/** The counts of a state. They are its taker's to change from now on, and go back with `keepTally`. */
export function takeTally(graph: PlanGraph, state: RunState): Tally {
  const kept = tallies.get(state);
  tallies.delete(state);
  return kept?.graph === graph ? kept : countAll(graph, state);
}

export function keepTally(state: RunState, tally: Tally): void {
  tallies.set(state, tally);
}

function countAll(graph: PlanGraph, state: RunState): Tally {
  const tally: Tally = {
    graph,
    ends: graph.dependencies.map((before) => noEnds(before.length)),
    openItems: state.steps.values().map(countOpenItems),
    openSteps: graph.steps.length,
  };
  for (const [position, { status }] of state.steps.values().entries()) {
    const kind = endKind(status);
    if (kind !== null) countEnd(tally, position, kind);
  }
  return tally;
}

/** A step has ended. */
export function countEnd(tally: Tally, position: number, kind: EndKind): void {
  tally.openSteps -= 1;
  for (const other of tally.graph.dependents[position]!) tally.ends[other]![kind] += 1;
}

function countOpenItems({ items }: StepState): number {
  return items?.reduce((count, { status }) => (isEnd(status) ? count : count + 1), 0) ?? 0;
}
