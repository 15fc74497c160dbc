// The state machine: transition(plan, state, event, now) -> { state, commands }. Pure; the only place that knows
// dependencies, retries and outcomes. Any event may arrive twice, late, or for an attempt that no longer counts:
// it then changes nothing.
import { retryDelay } from "../pipeline/retry.ts";
import type { Plan, PlanStep } from "../pipeline/plan.ts";
import { isEnd, type Command, type RunEvent, type RunState, type StepState } from "./state.ts";

export interface Transition {
  readonly state: RunState;
  readonly commands: readonly Command[];
}

/** A step whose worker dies this often in a row is failed: it is what kills the worker. */
export const lossLimit = 5;

/** The state of a run that has not started. */
export function initialState(plan: Plan): RunState {
  const fresh: StepState = {
    status: "waiting",
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
  return {
    status: "running",
    finishedAt: null,
    steps: Object.fromEntries(plan.steps.map((step) => [step.name, fresh])),
  };
}

export function transition(plan: Plan, state: RunState, event: RunEvent, now: number): Transition {
  if (state.status !== "running") return { state, commands: [] };
  const applied = apply(plan, state, event, now);
  return applied === null ? { state, commands: [] } : settle(plan, applied.state, applied.commands, now);
}

function apply(plan: Plan, state: RunState, event: RunEvent, now: number): Transition | null {
  if (event.type === "started") return { state, commands: [] };
  if (event.type === "cancelled") return cancel(plan, state, event.reason, now);
  const step = state.steps[event.step];
  const planned = plan.steps.find((item) => item.name === event.step);
  // The epoch check is what makes a late word harmless: only the current attempt is heard.
  if (step === undefined || planned === undefined || step.attempts !== event.epoch) return null;
  const change = (next: Partial<StepState>, commands: Command[] = []): Transition => ({
    state: withStep(state, event.step, { ...step, ...next }),
    commands,
  });
  switch (event.type) {
    case "attempt-succeeded":
      if (step.status !== "queued") return null;
      return change({
        status: "succeeded",
        output: event.output,
        rows: event.rows,
        assets: event.assets,
        error: null,
        losses: 0,
        finishedAt: now,
      });
    case "attempt-failed": {
      if (step.status !== "queued") return null;
      const failures = step.failures + 1;
      if (!event.error.retryable || failures > planned.retry.limit) {
        return change({ status: "failed", failures, losses: 0, error: event.error, finishedAt: now });
      }
      const at = now + retryDelay(planned.retry, failures);
      return change({ status: "retrying", failures, losses: 0, error: event.error, wakeAt: at }, [
        { type: "set-timer", step: event.step, epoch: event.epoch, at },
      ]);
    }
    case "attempt-lost": {
      if (step.status !== "queued") return null;
      const losses = step.losses + (event.cause === "worker-died" ? 1 : 0);
      if (losses < lossLimit) {
        const again = startAttempt(event.step, { ...step, losses }, now);
        return { state: withStep(state, event.step, again.step), commands: [again.command] };
      }
      return change({
        status: "failed",
        losses,
        error: {
          code: "WORKER_LOST",
          message: `The worker died ${losses} times in a row while running this step: ${event.reason}`,
          retryable: false,
          hint: "Look at the step's memory use and at native code that it calls.",
        },
        finishedAt: now,
      });
    }
    case "timer-fired": {
      if (step.status !== "retrying") return null;
      const next = startAttempt(event.step, step, now);
      return { state: withStep(state, event.step, next.step), commands: [next.command] };
    }
  }
}

/** Starts what has become ready, skips what can't run any more, and finishes the run when nothing is left. */
function settle(plan: Plan, before: RunState, given: readonly Command[], now: number): Transition {
  const steps: Record<string, StepState> = { ...before.steps };
  const commands = [...given];
  let moved = false;
  // Plan order is topological, so one pass sees every consequence.
  for (const planned of plan.steps) {
    const step = steps[planned.name]!;
    if (step.status !== "waiting") continue;
    const blocker = firstBlocker(planned, steps);
    if (blocker !== null) {
      steps[planned.name] = { ...step, status: "skipped", reason: blocker, finishedAt: now };
      moved = true;
    } else if (planned.dependsOn.every((name) => steps[name]!.status === "succeeded")) {
      const started = startAttempt(planned.name, step, now);
      steps[planned.name] = started.step;
      commands.push(started.command);
      moved = true;
    }
  }
  const all = Object.values(steps);
  if (!all.every((step) => isEnd(step.status))) return { state: moved ? { ...before, steps } : before, commands };
  const status = all.some((step) => step.status === "failed")
    ? "failed"
    : all.some((step) => step.status === "cancelled")
      ? "cancelled"
      : "succeeded";
  commands.push({ type: "finish-run", status });
  return { state: { status, steps, finishedAt: now }, commands };
}

function firstBlocker(planned: PlanStep, steps: Readonly<Record<string, StepState>>): string | null {
  for (const name of planned.dependsOn) {
    const status = steps[name]!.status;
    if (status === "failed" || status === "skipped" || status === "cancelled")
      return `${name} ${status === "failed" ? "failed" : `was ${status}`}`;
  }
  return null;
}

function startAttempt(name: string, step: StepState, now: number): { step: StepState; command: Command } {
  const epoch = step.attempts + 1;
  return {
    step: { ...step, status: "queued", attempts: epoch, wakeAt: null, startedAt: step.startedAt ?? now },
    command: { type: "start-attempt", step: name, epoch },
  };
}

function cancel(plan: Plan, state: RunState, reason: string, now: number): Transition {
  const steps: Record<string, StepState> = {};
  const commands: Command[] = [];
  for (const { name } of plan.steps) {
    const step = state.steps[name]!;
    if (isEnd(step.status)) {
      steps[name] = step;
      continue;
    }
    if (step.status === "queued") commands.push({ type: "stop-attempt", step: name, epoch: step.attempts });
    steps[name] = { ...step, status: "cancelled", wakeAt: null, reason, finishedAt: now };
  }
  return { state: { ...state, steps }, commands };
}

function withStep(state: RunState, name: string, step: StepState): RunState {
  return { ...state, steps: { ...state.steps, [name]: step } };
}
