// Plans and events for the engine's tests.
import type { Failure } from "../../../src/errors.ts";
import type { AttemptKey, RunEvent, StepTimer } from "../../../src/engine/state-machine/state.ts";
import { makePlan, type Plan, type PlanStep } from "../../../src/pipeline/plan.ts";
import type { RetryPolicy } from "../../../src/pipeline/retry.ts";

export const retryOnce: RetryPolicy = {
  limit: 1,
  delayMs: 1_000,
  backoff: "exponential",
  maxDelayMs: 60_000,
  jitter: 0,
};

/** A step with nothing special about it but what is given. */
export type StepDraft = Partial<PlanStep> & Pick<PlanStep, "name">;

/** By name, what each step depends on; or the steps with whatever is special about them. */
export type StepDrafts = Readonly<Record<string, readonly string[]>> | readonly StepDraft[];

export function stepOf(draft: StepDraft): PlanStep {
  return {
    kind: "task",
    control: { type: "run" },
    dependsOn: [],
    when: [],
    trigger: "all-succeeded",
    teardownOf: null,
    dependsOnPast: false,
    retry: retryOnce,
    timeoutMs: null,
    lateMs: null,
    pools: {},
    concurrency: null,
    priority: 0,
    resources: { cpus: 0, memory: 0 },
    cache: null,
    hooks: [],
    config: null,
    ...draft,
  };
}

/** A plan with every field: `planOf({ a: [], b: ["a"] })`, or `planOf([{ name: "a" }, { name: "b", dependsOn: ["a"], trigger: "all-done" }])`. */
export function planOf(drafts: StepDrafts, more: Partial<Omit<Plan, "steps" | "version">> = {}): Plan {
  const steps = Array.isArray(drafts)
    ? (drafts as readonly StepDraft[])
    : Object.entries(drafts as Readonly<Record<string, readonly string[]>>).map(([name, dependsOn]) => ({
        name,
        dependsOn,
      }));
  return makePlan({
    pipeline: "orders",
    partitions: null,
    schedule: null,
    maxActiveRuns: 16,
    timeoutMs: null,
    lateMs: null,
    hooks: [],
    params: null,
    steps: steps.map(stepOf),
    ...more,
  });
}

export const retryableFailure: Failure = { code: "SOURCE_UNAVAILABLE", message: "no answer", retryable: true };
export const finalFailure: Failure = { code: "SOURCE_MISSING", message: "no such file", retryable: false };

/** Names an attempt: the step's first, unless told otherwise. */
const attempt = (step: string, epoch = 1, item: number | null = null): AttemptKey => ({ step, item, epoch });

export const succeeded = (step: string, epoch = 1, output: unknown = null, item: number | null = null): RunEvent => ({
  type: "attempt-succeeded",
  ...attempt(step, epoch, item),
  output,
  rows: null,
  assets: [],
});
export const unmet = (step: string, epoch = 1): RunEvent => ({ type: "attempt-unmet", ...attempt(step, epoch) });
export const failed = (
  step: string,
  epoch = 1,
  error: Failure = retryableFailure,
  item: number | null = null,
): RunEvent => ({ type: "attempt-failed", ...attempt(step, epoch, item), error });
export const lost = (
  step: string,
  epoch = 1,
  cause: "worker-died" | "scheduler-stopped" = "worker-died",
  item: number | null = null,
): RunEvent => ({ type: "attempt-lost", ...attempt(step, epoch, item), cause, reason: "signal SIGSEGV" });
export const fired = (step: string, epoch = 1, timer: StepTimer = "retry", item: number | null = null): RunEvent => ({
  type: "timer-fired",
  ...attempt(step, epoch, item),
  timer,
});
export const met = (step: string, awaits: "run" | "past" = "run", output: unknown = null): RunEvent => ({
  type: "await-met",
  step,
  awaits,
  output,
});
export const decided = (
  step: string,
  decision: "approved" | "rejected",
  by = "ana",
  note: string | null = null,
): RunEvent => ({ type: "decided", step, decision, by, note });
export const marked = (step: string, as: "succeeded" | "failed" | "skipped", reason = "by hand"): RunEvent => ({
  type: "marked",
  step,
  as,
  by: "ana",
  reason,
});
export const cancelled = (reason = "asked for"): RunEvent => ({ type: "cancelled", reason });
