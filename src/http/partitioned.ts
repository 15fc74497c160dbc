// A pipeline that has partitions, for addresses that are about them.
import { SluiceError } from "../errors.ts";
import type { Plan } from "../pipeline/plan.ts";

/** The plan as one that has partitions; USAGE for one without. */
export function withPartitions(plan: Plan): Plan & { readonly partitions: NonNullable<Plan["partitions"]> } {
  const { partitions } = plan;
  if (partitions !== null) return { ...plan, partitions };
  throw new SluiceError("USAGE", `Pipeline "${plan.pipeline}" has no partitions`, {
    hint: `See its runs: /api/runs?pipeline=${plan.pipeline}`,
  });
}
