// The state of a run while events are applied to it: a working copy that copies only what changes, notes what did, and
// gathers the commands. What it is opened on stays as it is.
import type { Plan } from "../../pipeline/plan.ts";
import { planGraph, type PlanGraph } from "./plan-graph.ts";
import { isEnd, type ChangedStep, type Command, type ItemState, type RunState, type StepState } from "./state.ts";
import { countEnd, keepTally, takeTally } from "./tally.ts";
import { endKind, type Ends } from "./trigger-rule.ts";

export interface Transition {
  readonly state: RunState;
  readonly commands: readonly Command[];
  /** What differs from the state before, in no particular order. */
  readonly changed: readonly ChangedStep[];
}

export type StepPatch = Partial<Omit<StepState, "items">>;
export type ItemPatch = Partial<ItemState>;

/** A run without its steps. */
export type RunHeader = Omit<RunState, "steps">;

export interface Draft {
  readonly graph: PlanGraph;
  readonly plan: Plan;
  readonly now: number;
  /** Not a getter: an object with an accessor is a class of its own to the runtime, and there is a draft per event. */
  run(): RunHeader;
  step(position: number): StepState;
  /** How what a step waits for has ended so far. */
  ends(position: number): Ends;
  openSteps(): number;
  openItems(position: number): number;
  patchRun(patch: Partial<RunHeader>): void;
  /** Changes a step. When it ends by that, whatever waits for it is due for review. */
  patchStep(position: number, patch: StepPatch): void;
  setItems(position: number, items: readonly ItemState[]): void;
  patchItem(position: number, item: number, patch: ItemPatch): void;
  command(command: Command): void;
  /** The named steps may have become ready. */
  review(positions: readonly number[]): void;
  nextToReview(): number | undefined;
  close(): Transition;
}

export function openDraft(plan: Plan, state: RunState, now: number): Draft {
  const graph = planGraph(plan);
  const tally = takeTally(graph, state);
  const commands: Command[] = [];
  const toReview: number[] = [];
  /** Positions of the steps that differ, each with the items that do. */
  const changed = new Map<number, Set<number>>();
  /** Lists of items that are ours to write to. */
  const ownItems = new Map<number, ItemState[]>();
  let reviewed = 0;
  let run = state;
  let steps: StepState[] | null = null;

  const nameOf = (position: number): string => graph.steps[position]!.name;
  const step = (position: number): StepState => (steps === null ? state.steps.at(position) : steps[position])!;

  function write(position: number, next: StepState): Set<number> {
    steps ??= state.steps.values().slice();
    steps[position] = next;
    let items = changed.get(position);
    if (items === undefined) changed.set(position, (items = new Set()));
    return items;
  }

  return {
    graph,
    plan,
    now,
    run: () => run,
    step,
    ends: (position) => tally.ends[position]!,
    openSteps: () => tally.openSteps,
    openItems: (position) => tally.openItems[position]!,
    patchRun: (patch) => void (run = { ...run, ...patch }),
    patchStep: (position, patch) => {
      const after = { ...step(position), ...patch };
      write(position, after);
      // Only open steps are ever changed, so an end here is a new one.
      const kind = endKind(after.status);
      if (kind === null) return;
      countEnd(tally, position, kind);
      toReview.push(...graph.dependents[position]!, ...(graph.belowShortCircuit.get(position) ?? []));
    },
    setItems: (position, items) => {
      const differing = write(position, { ...step(position), items });
      for (const item of items.keys()) differing.add(item);
      tally.openItems[position] = items.reduce((count, { status }) => (isEnd(status) ? count : count + 1), 0);
    },
    patchItem: (position, item, patch) => {
      let items = ownItems.get(position);
      if (items === undefined) {
        const before = step(position);
        ownItems.set(position, (items = before.items!.slice()));
        write(position, { ...before, items });
      }
      const after = { ...items[item]!, ...patch };
      items[item] = after;
      changed.get(position)!.add(item);
      if (isEnd(after.status)) tally.openItems[position]! -= 1;
    },
    command: (command) => void commands.push(command),
    review: (positions) => void toReview.push(...positions),
    nextToReview: () => (reviewed < toReview.length ? toReview[reviewed++] : undefined),
    close: () => {
      const after = steps === null ? run : { ...run, steps: state.steps.withValues(steps) };
      keepTally(after, tally);
      return {
        state: after,
        commands,
        changed: [...changed].map(([position, items]) => ({ step: nameOf(position), items: [...items] })),
      };
    },
  };
}
