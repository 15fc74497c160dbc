// The kind of step that chooses a way: what comes after it says by `when(choice, "label")` which outcome it is there for.
import { SluiceError } from "../errors.ts";
import type { Inputs, OutputsOf } from "./inputs.ts";
import type { StepContext, StepResult, StepSpec } from "./step.ts";

/** What a branch may answer: one label, or several. */
export type Choice<Label extends string> = Label | readonly Label[];

/**
 * A step that chooses which of the steps after it run: those that come after `when(choice, label)` for a label that
 * `choose` returned. The others are skipped.
 *
 * ```ts
 * const route = step("route", branch(() => (new Date().getUTCDay() === 1 ? "full" : "quick")));
 * step("rebuild", task(async () => {}), { after: when(route, "full") });
 * step("refresh", task(async () => {}), { after: when(route, "quick") });
 * ```
 */
export function branch<const Label extends string>(
  choose: (inputs: {}, context: StepContext) => Promise<Choice<Label>> | Choice<Label>,
): StepSpec<Choice<Label>>;
export function branch<const I extends Inputs, const Label extends string>(
  inputs: I,
  choose: (inputs: OutputsOf<I>, context: StepContext) => Promise<Choice<Label>> | Choice<Label>,
): StepSpec<Choice<Label>>;
export function branch(first: Inputs | ChooseFunction, second?: ChooseFunction): StepSpec<Choice<string>> {
  const [inputs, choose] = typeof first === "function" ? [{}, first] : [first, second as ChooseFunction];
  return {
    kind: "branch",
    inputs,
    config: { code: choose.toString() },
    execute: async (context): Promise<StepResult<Choice<string>>> => {
      const chosen = await choose(context.inputs as never, context);
      if ([chosen].flat().every((label) => typeof label === "string")) return { output: chosen as Choice<string> };
      throw new SluiceError("TASK_FAILED", `The branch "${context.step}" answered with no label`, {
        hint: "Return one of its labels, or a list of them; an empty list skips all of them.",
      });
    },
  };
}

type ChooseFunction = (inputs: never, context: StepContext) => unknown;
