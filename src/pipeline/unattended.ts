// What stands for the code of steps that have none: the engine lets them pass by itself.
import { SluiceError } from "../errors.ts";
import type { StepContext } from "./step.ts";

/** Never called: the engine starts no attempt at such a step. */
export function unattended(context: StepContext): Promise<never> {
  return Promise.reject(new SluiceError("INTERNAL", `Step "${context.step}" was run, and has nothing to run`));
}
