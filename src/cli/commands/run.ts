// sluice run: runs a pipeline once, with live progress; here, or in the process that works on the project already.
import type { Json } from "../../json.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { withAccess, type EngineAccess } from "../engine-access.ts";
import { followOther, followOwn, reportStarted, runProgress, type StartedRun } from "../follow-run.ts";
import { paramOptions, paramsOf } from "../params.ts";
import { reportRun } from "../run-end.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice run retail_daily --partition 2011-01-04",
    "sluice run retail_daily --partition 2011-01-04 --json | jq .run.status",
    "sluice run report --param minRows=5",
  ],
  description:
    "Runs a pipeline once and waits for its end. Where another process works on the project (sluice serve), that one is " +
    "asked to run it, and the run is followed from here. A run of the same pipeline and partition that was " +
    "interrupted is finished instead. Running a partition again replaces what it did before.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    {
      name: "partition",
      value: "key",
      description: "which partition, such as 2011-01-04; needed where the pipeline has partitions",
    },
    ...paramOptions,
    { name: "no-wait", description: "ask for the run and end; a scheduler runs it (sluice serve)" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const progress = runProgress(context);
  try {
    return await withAccess(
      context,
      { wait: !input.flag("no-wait"), onChange: progress.onChange, onLog: progress.onLog },
      async (access) => {
        const { engine, reader } = access;
        const pipeline = input.argument("pipeline");
        const partition = input.text("partition") ?? null;
        for (const plan of engine?.plans.values() ?? []) progress.plans.set(plan.version, plan);
        const params = paramsOf(input, await schemaOf(access, pipeline));
        if (engine !== null && !input.flag("no-wait")) {
          const { record, interrupted } = await followOwn(context, engine, () =>
            engine.run(pipeline, { partition, params }),
          );
          progress.stop();
          return reportRun(context, reader.store(), record, interrupted);
        }
        const started = (await access.instruct({ type: "run", pipeline, partition, params, key: null })) as StartedRun;
        if (input.flag("no-wait")) return reportStarted(context, access, started);
        const record = await followOther(context, access, started, progress);
        progress.stop();
        return reportRun(context, reader.store(), record);
      },
    );
  } finally {
    progress.stop();
  }
}

/** JSON Schema of a pipeline's params, as far as it is known without loading the project's code. */
async function schemaOf({ engine, reader }: EngineAccess, pipeline: string): Promise<Json> {
  const own = engine?.plans.get(pipeline);
  if (own !== undefined) return own.params;
  const version = reader.note()?.versions[pipeline];
  return version === undefined ? null : ((await reader.store().plan(version))?.params ?? null);
}
