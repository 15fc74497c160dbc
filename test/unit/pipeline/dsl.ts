// Small pieces of pipelines for tests: a step that does nothing, and ways to call the code of one.
import { expect } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/log.ts";
import type { Plan, PlanStep } from "../../../src/pipeline/plan.ts";
import type { StepContext, StepSpec } from "../../../src/pipeline/step.ts";
import { task } from "../../../src/pipeline/task.ts";

export const noop = task(async () => {});

export const invalid = (message: string | RegExp): unknown =>
  expect.objectContaining({
    code: "DEFINITION_INVALID",
    message: expect.stringMatching(typeof message === "string" ? new RegExp(`^(?!.*\\n).*${message}`) : message),
    hint: expect.any(String),
  });

export const usage = (message: RegExp): unknown =>
  expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message), hint: expect.any(String) });

export function stepContext(parts: Partial<StepContext> = {}): StepContext {
  return {
    runId: "run-1",
    pipeline: "orders",
    step: "a",
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: 1_000_001,
    idempotencyKey: "key",
    inputs: {},
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    folder: "/nowhere",
    ...parts,
  };
}

/** What the code of a step comes to. */
export function call(spec: StepSpec<unknown, never> | undefined, parts: Partial<StepContext> = {}): Promise<unknown> {
  return spec!.execute(stepContext(parts), undefined as never);
}

export function planned(plan: Plan, name: string): PlanStep {
  return plan.steps.find((step) => step.name === name)!;
}
