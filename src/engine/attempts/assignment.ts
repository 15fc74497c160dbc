// What a worker is handed for an attempt, read off the run.
import { contentHash } from "../../json.ts";
import type { PlanStep } from "../../pipeline/plan.ts";
import type { ActiveRun } from "../scheduler/active-runs.ts";
import type { Assignment } from "./executor.ts";
import type { AttemptKey } from "../state-machine/state.ts";
import { outputOf } from "../state-machine/step-output.ts";

/** Attempts of one run stay below this, so that fences of later runs are always higher. */
const fenceSpan = 1_000_000;

export function assignmentOf(run: ActiveRun, planned: PlanStep, { step, item, epoch }: AttemptKey): Assignment {
  const { record, plan, state } = run;
  return {
    runId: record.id,
    pipeline: plan.pipeline,
    version: plan.version,
    partition: record.partition,
    params: record.params,
    step,
    item,
    attempt: epoch,
    fence: record.sequence * fenceSpan + epoch,
    idempotencyKey: idempotencyKey(state.steps.get(step)!.effectRun ?? record.id, step, item),
    outputs: outputsFor(run, planned),
    timeoutMs: planned.timeoutMs,
  };
}

/** Names an effect: the same for every attempt at it, in every run that tries again what an earlier one may have done. */
export function idempotencyKey(runId: string, step: string, item: number | null): string {
  return contentHash(item === null ? [runId, step] : [runId, step, item]).slice(0, 32);
}

/** Outputs of the steps before. All items of a mapped step get the very same object. */
export function outputsFor(run: ActiveRun, planned: PlanStep): Readonly<Record<string, unknown>> {
  const known = run.itemOutputs.get(planned.name);
  if (known !== undefined) return known;
  const outputs: Record<string, unknown> = {};
  for (const name of planned.dependsOn) outputs[name] = outputOf(run.state.steps.get(name)!);
  if (planned.control.type === "map") run.itemOutputs.set(planned.name, outputs);
  return outputs;
}
