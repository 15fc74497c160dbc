// A run told event by event, for tests of the state machine. After each event the invariants must hold and what was
// given must be as it was.
import { assertInvariants } from "../../../src/engine/state-machine/invariants.ts";
import { initialState } from "../../../src/engine/state-machine/initial-state.ts";
import type {
  Command,
  ItemState,
  RunEvent,
  RunState,
  StepState,
  StepStatus,
} from "../../../src/engine/state-machine/state.ts";
import { NamedList } from "../../../src/named-list.ts";
import { transitionAll } from "../../../src/engine/state-machine/transition.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";

export interface Story {
  readonly plan: Plan;
  state(): RunState;
  /** What the last event, or the last events told together, asked for. */
  commands(): readonly Command[];
  /** Tells events, all at the same time: one millisecond after the last ones, or at `at`. */
  tell(...events: RunEvent[]): Story;
  at(now: number): Story;
  step(name: string): StepState;
  item(name: string, position: number): ItemState;
  /** By step, or of the named steps only. */
  statuses(...names: string[]): Record<string, StepStatus>;
  /** The last commands of one type. */
  asked<Type extends Command["type"]>(type: Type): Extract<Command, { readonly type: Type }>[];
}

/** A run that has started at time 0; `from` is its state before that. */
export function story(plan: Plan, from: RunState = initialState(plan, 0)): Story {
  let state = deepFreeze(from);
  let commands: readonly Command[] = [];
  let now = -1;
  const told: Story = {
    plan,
    state: () => state,
    commands: () => commands,
    tell: (...events) => {
      now += 1;
      const next = transitionAll(plan, state, deepFreeze(events), now);
      assertInvariants(plan, next.state);
      // The very first event has no state before it that would hold.
      if (events[0]?.type !== "started") assertInvariants(plan, next.state, state, next.changed);
      ({ commands } = next);
      state = deepFreeze(next.state);
      return told;
    },
    at: (time) => {
      now = time - 1;
      return told;
    },
    step: (name) => state.steps.get(name)!,
    item: (name, position) => state.steps.get(name)!.items![position]!,
    statuses: (...names) =>
      Object.fromEntries(
        [...state.steps]
          .filter(([name]) => names.length === 0 || names.includes(name))
          .map(([name, { status }]) => [name, status]),
      ),
    asked: <Type extends Command["type"]>(type: Type) =>
      commands.filter((command): command is Extract<Command, { readonly type: Type }> => command.type === type),
  };
  return told.tell({ type: "started" });
}

/** Makes a change to what was given throw. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of value instanceof NamedList ? [value.values()] : Object.values(value)) deepFreeze(inner);
  return value;
}
