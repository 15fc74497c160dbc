// sluice quarantine drop: deletes rows of quarantine for good.
import { openReader } from "../../embedded/reader.ts";
import { dropQuarantine } from "../../embedded/prune.ts";
import { SluiceError } from "../../errors.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice quarantine drop retail_daily --partition 2010-12-01", "sluice quarantine drop retail_daily --all"],
  description:
    "Deletes quarantined rows for good: those of a partition, of a run, or with --all those of the whole pipeline.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    { name: "partition", value: "key", description: "rows of this partition" },
    { name: "step", value: "name", description: "only rows that this step set aside" },
    { name: "run", value: "id", description: "only rows that this run set aside" },
    { name: "all", description: "rows of all partitions, or of a pipeline without partitions" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const pipeline = input.argument("pipeline");
  const [partition, step, run] = [input.text("partition"), input.text("step"), input.text("run")];
  if ((partition !== undefined) === input.flag("all") && (run === undefined || input.flag("all"))) {
    throw new SluiceError("USAGE", "Which rows are to be deleted was not said", {
      hint: "Give --partition, --run or --all.",
    });
  }
  const filter = {
    pipeline,
    ...(partition === undefined ? {} : { partition }),
    ...(step === undefined ? {} : { step }),
    ...(run === undefined ? {} : { run }),
  };
  const dropped = await dropQuarantine(reader.home, filter);
  await context.output.result({ pipeline, dropped }, () => `${plural(dropped, "row")} deleted\n`);
  return 0;
}
