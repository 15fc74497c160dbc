// One outcome of a branch, as something to come after.
import type { StepHandle } from "./step.ts";

/** What `when` makes: a step, and what its output must be. */
export interface Condition {
  readonly kind: "sluice.condition";
  readonly choice: StepHandle<unknown>;
  readonly outcome: string;
}

/** The outcome `label` of a branch: a step after it is skipped when the branch chose others. For `after`. */
export function when<Label extends string>(
  choice: StepHandle<Label | readonly Label[]>,
  label: NoInfer<Label>,
): Condition {
  return Object.freeze({ kind: "sluice.condition", choice, outcome: label });
}
