// What steps made by waitFor wait for must be there: a wait for a pipeline that nobody defined would never end.
import { SluiceError } from "../errors.ts";
import { firstPartition, overlappingPartitions } from "./partition.ts";
import type { Control, Plan } from "./plan.ts";

type AwaitRun = Extract<Control, { type: "await-run" }>;

/**
 * DEFINITION_INVALID when a step waits for a pipeline or a step that isn't there, or for partitions that its own say nothing
 * about. To be called with all pipelines of a project.
 */
export function checkAwaited(pipelines: Iterable<{ readonly plan: Plan }>): void {
  const plans = new Map([...pipelines].map(({ plan }) => [plan.pipeline, plan]));
  for (const plan of plans.values()) {
    for (const { name, control } of plan.steps) {
      if (control.type === "await-run") checkWait(plan, name, control, plans);
    }
  }
}

function checkWait(plan: Plan, step: string, control: AwaitRun, plans: ReadonlyMap<string, Plan>): void {
  const invalid = (what: string, hint: string): SluiceError =>
    new SluiceError("DEFINITION_INVALID", `Step "${step}" of pipeline "${plan.pipeline}" ${what}`, {
      hint,
      details: { pipeline: plan.pipeline, step, awaits: control.pipeline },
    });
  const other = plans.get(control.pipeline);
  if (other === undefined || other === plan) {
    const known = [...plans.keys()].filter((name) => name !== plan.pipeline).join(", ");
    throw invalid(
      other === plan
        ? "waits for its own pipeline"
        : `waits for the pipeline "${control.pipeline}", which there is not`,
      other === plan ? "Use dependsOnPast to wait for the partition before." : `There are ${known || "no others"}.`,
    );
  }
  if (control.step !== null && other.steps.every(({ name }) => name !== control.step)) {
    throw invalid(
      `waits for the step "${control.step}", which the pipeline "${other.pipeline}" does not have`,
      `It has ${other.steps.map(({ name }) => name).join(", ")}.`,
    );
  }
  if (plan.partitions === null || other.partitions === null) {
    if (control.offset === 0) return;
    throw invalid("waits with an offset, and there are no partitions to count by", "Leave out the offset.");
  }
  try {
    overlappingPartitions(plan.partitions, firstPartition(plan.partitions).key, control.offset, other.partitions);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw invalid(`can't wait for "${other.pipeline}": ${error.message}`, error.hint ?? "");
  }
}
