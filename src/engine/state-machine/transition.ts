// The state machine: transition(plan, state, event, now) -> { state, commands }. Pure; the only place that knows
// dependencies, retries and outcomes. Any event may arrive twice, late, or for an attempt that no longer counts:
// it then changes nothing.
import type { Plan } from "../../pipeline/plan.ts";
import { attemptFailed, attemptLost, attemptSucceeded, attemptUnmet } from "./attempt-events.ts";
import { openDraft, type Draft, type Transition } from "./draft.ts";
import { endEarly, marked } from "./early-end.ts";
import { settle } from "./settle.ts";
import type { RunEvent, RunState } from "./state.ts";
import { runTimerFired, setRunTimers, stepTimerFired } from "./timer-events.ts";
import { awaitMet, decided } from "./waiting-step.ts";

export type { Transition } from "./draft.ts";
export { initialState } from "./initial-state.ts";

/** What an event makes of a run. The state comes back as it was, the very same object, when the event changes nothing. */
export function transition(plan: Plan, state: RunState, event: RunEvent, now: number): Transition {
  return transitionAll(plan, state, [event], now);
}

/** The same for events one after the other. What they don't touch stays the same object, in the run and in its steps. */
export function transitionAll(plan: Plan, state: RunState, events: readonly RunEvent[], now: number): Transition {
  const draft = openDraft(plan, state, now);
  for (const event of events) {
    if (draft.run().status !== "running") break;
    apply(draft, event);
  }
  return draft.close();
}

function apply(draft: Draft, event: RunEvent): void {
  if (event.type === "started") return start(draft);
  happen(draft, event);
  settle(draft);
}

/** Lets the run go. Told again, it finds no step to start. */
function start(draft: Draft): void {
  draft.review([...draft.graph.steps.keys()]);
  const moved = settle(draft);
  if (moved && draft.run().status === "running") setRunTimers(draft);
}

function happen(draft: Draft, event: Exclude<RunEvent, { readonly type: "started" }>): void {
  switch (event.type) {
    case "attempt-succeeded":
      return attemptSucceeded(draft, event);
    case "attempt-unmet":
      return attemptUnmet(draft, event);
    case "attempt-failed":
      return attemptFailed(draft, event);
    case "attempt-lost":
      return attemptLost(draft, event);
    case "timer-fired":
      return stepTimerFired(draft, event);
    case "run-timer-fired":
      return runTimerFired(draft, event);
    case "await-met":
      return awaitMet(draft, event);
    case "decided":
      return decided(draft, event);
    case "marked":
      return marked(draft, event);
    case "cancelled":
      return endEarly(draft, "cancelled", event.reason);
  }
}
