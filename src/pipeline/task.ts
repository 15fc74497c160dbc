// The general kind of step: a function of the user's.
import type { Json } from "../json.ts";
import type { Inputs, OutputsOf } from "./inputs.ts";
import type { StepContext, StepResult, StepSpec } from "./step.ts";

/**
 * A step that runs `work`. What it returns must be JSON, and small: it is kept in the run's state.
 *
 * ```ts
 * const token = step("token", task(async () => ({ issued: true })));
 * step("use", task({ token }, async ({ token }) => token.issued));
 * ```
 */
export function task<Output extends Json | void>(
  work: (inputs: {}, context: StepContext) => Promise<Output> | Output,
): StepSpec<Output>;
export function task<const I extends Inputs, Output extends Json | void>(
  inputs: I,
  work: (inputs: OutputsOf<I>, context: StepContext) => Promise<Output> | Output,
): StepSpec<Output>;
export function task(first: Inputs | TaskFunction, second?: TaskFunction): StepSpec<unknown> {
  const [inputs, work] = typeof first === "function" ? [{}, first] : [first, second as TaskFunction];
  return {
    kind: "task",
    inputs,
    config: { code: work.toString() },
    execute: async (context): Promise<StepResult> => ({
      output: (await work(context.inputs as never, context)) ?? null,
    }),
  };
}

type TaskFunction = (inputs: never, context: StepContext) => unknown;
