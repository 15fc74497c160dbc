// The output of a step, as the steps after it read it.
import type { StepState } from "./state.ts";

/** What a step has put out; of a mapped step, the list of what its items have. Null when it has not succeeded. */
export function outputOf({ status, items, output }: StepState): unknown {
  if (status !== "succeeded") return null;
  return items === null ? output : items.map((item) => item.output);
}
