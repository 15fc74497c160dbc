// The kind of step that may end its branch early: when it says no, all that follows it is skipped.
import type { Inputs, OutputsOf } from "./inputs.ts";
import type { StepContext, StepResult, StepSpec } from "./step.ts";

/**
 * A step that lets what follows go on or not: on `false` every step after it, however far, is skipped, whatever its
 * trigger rule. Teardowns run.
 *
 * ```ts
 * const files = step("list", task(async () => ["a.csv"]));
 * step("any_files", shortCircuit({ files }, ({ files }) => files.length > 0));
 * ```
 */
export function shortCircuit(
  goesOn: (inputs: {}, context: StepContext) => Promise<boolean> | boolean,
): StepSpec<boolean>;
export function shortCircuit<const I extends Inputs>(
  inputs: I,
  goesOn: (inputs: OutputsOf<I>, context: StepContext) => Promise<boolean> | boolean,
): StepSpec<boolean>;
export function shortCircuit(first: Inputs | GoesOnFunction, second?: GoesOnFunction): StepSpec<boolean> {
  const [inputs, goesOn] = typeof first === "function" ? [{}, first] : [first, second as GoesOnFunction];
  return {
    kind: "short-circuit",
    inputs,
    config: { code: goesOn.toString() },
    control: { type: "short-circuit" },
    execute: async (context): Promise<StepResult<boolean>> => ({
      output: Boolean(await goesOn(context.inputs as never, context)),
    }),
  };
}

type GoesOnFunction = (inputs: never, context: StepContext) => unknown;
