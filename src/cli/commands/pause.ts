// sluice pause: a pipeline's schedule asks for no more runs.
import type { CommandDefinition } from "../command.ts";
import { instructOnly } from "../instruct-only.ts";

export const command: CommandDefinition = {
  examples: ["sluice pause retail_daily"],
  description:
    "Pauses the schedule of a pipeline: it asks for no runs until it is unpaused. Runs under way go on, and a person can " +
    "still start some. Whether missed ticks are made up for when it is unpaused, the schedule says (catchup).",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  run: (context, input) => {
    const pipeline = input.argument("pipeline");
    return instructOnly(context, { type: "pause", pipeline }, () => ({
      value: { pipeline, paused: true },
      text: `the schedule of ${pipeline} is paused\n`,
    }));
  },
};
