// What must hold after every transition, checked in production too: a broken invariant is a fault of ours, and going
// on would spread it.
import { SluiceError } from "../errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import { isEnd, type RunState } from "./state.ts";

export function assertInvariants(plan: Plan, state: RunState): void {
  let open = 0;
  let nextEvent = 0;
  for (const planned of plan.steps) {
    const step = state.steps[planned.name];
    if (step === undefined) throw broken(plan, planned.name, "has no state");
    if (!isEnd(step.status)) open += 1;
    if (step.status === "queued" || step.status === "retrying") nextEvent += 1;
    if ((step.status === "retrying") !== (step.wakeAt !== null))
      throw broken(plan, planned.name, "retries without a timer");
    if (step.status !== "queued" && step.status !== "succeeded" && step.status !== "retrying") continue;
    for (const name of planned.dependsOn) {
      if (state.steps[name]?.status !== "succeeded")
        throw broken(plan, planned.name, `started before ${name} had succeeded`);
    }
  }
  if (state.status === "running" && nextEvent === 0) throw broken(plan, "the run", "waits for nothing");
  if (state.status !== "running" && open > 0) throw broken(plan, "the run", "ended with steps open");
}

function broken(plan: Plan, what: string, how: string): SluiceError {
  return new SluiceError("INTERNAL", `In pipeline ${plan.pipeline}, ${what} ${how}`, { hint: "Please report this." });
}
