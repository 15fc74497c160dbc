// How a run, a step and an item are before anything has happened to them.
import type { Plan } from "../../pipeline/plan.ts";
import type { ItemState, RunState, StepState, WorkState } from "./state.ts";
import { NamedList } from "../../named-list.ts";

const nothingYet: Omit<WorkState<never>, "status"> = {
  attempts: 0,
  failures: 0,
  losses: 0,
  wakeAt: null,
  output: null,
  rows: null,
  assets: [],
  error: null,
  reason: null,
  startedAt: null,
  finishedAt: null,
};

export const freshItem: ItemState = Object.freeze({ status: "queued", ...nothingYet });

export const freshStep: StepState = Object.freeze({
  status: "waiting",
  ...nothingYet,
  awaits: null,
  items: null,
  effectRun: null,
  reusedFrom: null,
  late: false,
});

/** The state of a run that is about to start: a `started` event lets it go. */
export function initialState(plan: Plan, now: number): RunState {
  return {
    status: "running",
    steps: NamedList.from(plan.steps.map(({ name }) => [name, freshStep])),
    startedAt: now,
    finishedAt: null,
    ending: null,
    late: false,
  };
}
