// sluice mark: a person says how a step ends, whatever it is doing.
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { actOnRun, noWaitOption } from "../run-action.ts";

export const command: CommandDefinition = {
  examples: ['sluice mark retail_daily-2011-01-04-1c9f03aa load --as succeeded --reason "loaded by hand"'],
  description:
    "Ends a step that has not ended yet, as a person says, and lets the run go on from there. An attempt under way is " +
    "stopped. The reason is kept with the step.",
  arguments: [
    { name: "run", description: "id of the run, or as much of its beginning as names it alone" },
    { name: "step", description: "name of the step" },
  ],
  options: [
    {
      name: "as",
      value: "end",
      description: "how it ends",
      choices: ["succeeded", "failed", "skipped"],
      required: true,
    },
    { name: "reason", value: "text", description: "why", required: true },
    noWaitOption,
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const as = input.text("as") as "succeeded" | "failed" | "skipped";
  const step = input.argument("step");
  return actOnRun(context, {
    run: input.argument("run"),
    wait: !input.flag("no-wait"),
    instruction: async ({ id }) => ({
      instruction: { type: "mark", run: id, step, as, reason: input.text("reason")! },
      step,
    }),
    said: ({ id }) => `${step} of ${id} is marked ${as}`,
  });
}
