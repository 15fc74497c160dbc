// Plans and events for the engine's tests.
import * as fc from "fast-check";
import type { Failure } from "../../../src/errors.ts";
import type { RunEvent } from "../../../src/engine/state.ts";
import { makePlan, type Plan } from "../../../src/pipeline/plan.ts";
import type { RetryPolicy } from "../../../src/pipeline/retry.ts";

export const retryOnce: RetryPolicy = { limit: 1, delayMs: 1_000, backoff: "exponential", maxDelayMs: 60_000 };

/** A plan from its edges: `planOf({ a: [], b: ["a"] })`. */
export function planOf(
  edges: Readonly<Record<string, readonly string[]>>,
  retry: RetryPolicy = retryOnce,
  name = "orders",
): Plan {
  return makePlan({
    pipeline: name,
    partitions: null,
    steps: Object.entries(edges).map(([step, dependsOn]) => ({
      name: step,
      kind: "task",
      dependsOn,
      retry,
      timeoutMs: null,
      config: null,
    })),
  });
}

export const retryableFailure: Failure = { code: "SOURCE_UNAVAILABLE", message: "no answer", retryable: true };
export const finalFailure: Failure = { code: "SOURCE_MISSING", message: "no such file", retryable: false };

export const succeeded = (step: string, epoch = 1, output: unknown = null): RunEvent => ({
  type: "attempt-succeeded",
  step,
  epoch,
  output,
  rows: null,
  assets: [],
});
export const failed = (step: string, epoch = 1, error: Failure = retryableFailure): RunEvent => ({
  type: "attempt-failed",
  step,
  epoch,
  error,
});
export const lost = (
  step: string,
  epoch = 1,
  cause: "worker-died" | "scheduler-stopped" = "worker-died",
): RunEvent => ({
  type: "attempt-lost",
  step,
  epoch,
  cause,
  reason: "signal SIGSEGV",
});
export const fired = (step: string, epoch = 1): RunEvent => ({ type: "timer-fired", step, epoch });

/** Plans of 1 to 12 steps; a step may depend on any before it. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .array(
    fc.record({
      edges: fc.array(fc.nat(), { maxLength: 4 }),
      retry: fc.record({
        limit: fc.nat(3),
        delayMs: fc.constantFrom(0, 10, 1_000),
        backoff: fc.constantFrom("constant" as const, "exponential" as const),
        maxDelayMs: fc.constantFrom(5, 4_000),
      }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drafts) =>
    makePlan({
      pipeline: "random",
      partitions: null,
      steps: drafts.map(({ edges, retry }, position) => ({
        name: `s${position}`,
        kind: "task",
        dependsOn: position === 0 ? [] : [...new Set(edges.map((edge) => `s${edge % position}`))],
        retry,
        timeoutMs: null,
        config: null,
      })),
    }),
  );
