// sluice unpause: a pipeline's schedule asks for runs again.
import type { CommandDefinition } from "../command.ts";
import { instructOnly } from "../instruct-only.ts";

export const command: CommandDefinition = {
  examples: ["sluice unpause retail_daily"],
  description: "Lets the schedule of a paused pipeline ask for runs again.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  run: (context, input) => {
    const pipeline = input.argument("pipeline");
    return instructOnly(context, { type: "unpause", pipeline }, () => ({
      value: { pipeline, paused: false },
      text: `the schedule of ${pipeline} is on\n`,
    }));
  },
};
