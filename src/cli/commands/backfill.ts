// sluice backfill: runs a pipeline for a range of partitions, and finishes what an earlier call left.
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { openEngine } from "../../embedded/engine.ts";
import { viewBackfill, viewDocument, type RunDocument } from "../../monitor/run-view.ts";
import { partitionKeys } from "../../pipeline/partition.ts";
import { exitCodes } from "../exit-codes.ts";
import { interruptible } from "../interruptible.ts";
import { createProgress } from "../progress.ts";
import { failedStep, runExitCode, runsText } from "../run-text.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice backfill retail_daily --from 2011-10-01 --to 2011-12-09",
    "sluice backfill retail_daily --from 2011-10-01 --to 2011-12-09 --json | jq .backfill.status",
  ],
  description:
    "Runs a pipeline for every partition of a range. Given again, the same command runs what has not succeeded " +
    "yet and leaves the rest alone.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    { name: "from", value: "key", description: "first partition", required: true },
    { name: "to", value: "key", description: "last partition, included", required: true },
    {
      name: "parallel",
      value: "n",
      description: "runs at the same time (default: twice the worker processes)",
      number: { maximum: 1024 },
    },
    { name: "reprocess", description: "run every partition again, even those that succeeded" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const { io, output } = context;
  const pipeline = input.argument("pipeline");
  const [from, to] = [input.text("from")!, input.text("to")!];
  let total = 0;
  const progress = createProgress({ io, now: Date.now, expected: () => total });
  const engine = await openEngine({
    configPath: await context.configPath(),
    command: context.typed,
    onChange: progress.onChange,
    onLog: progress.onLog,
  });
  try {
    const partitions = engine.plans.get(pipeline)?.partitions;
    if (partitions) for (const _key of partitionKeys(partitions, from, to)) total += 1;
    if (engine.recovered > 0)
      output.note(`finishing ${plural(engine.recovered, "run")} that an earlier process left unfinished`);
    const parallel = input.number("parallel");
    const range = { from, to, reprocess: input.flag("reprocess"), ...(parallel === undefined ? {} : { parallel }) };
    const { value: result, interrupted } = await interruptible(io, engine, () => engine.backfill(pipeline, range));
    const documents: RunDocument[] = [];
    for (const record of result.runs) documents.push(viewDocument(record, await engine.store.steps(record.id)));
    progress.stop();
    await output.result({ backfill: viewBackfill(result.backfill, result.started), runs: documents }, () =>
      runsText(documents),
    );
    return report(context, documents, { total, interrupted, idle: result.started === 0 && engine.recovered === 0 });
  } finally {
    progress.stop();
    await engine.close();
  }
}

/** Says on stderr how it ended, and returns the exit code. */
function report(
  { output }: CommandContext,
  documents: readonly RunDocument[],
  { total, interrupted, idle }: { total: number; interrupted: boolean; idle: boolean },
): number {
  const succeeded = documents.filter(({ run }) => run.status === "succeeded").length;
  if (interrupted) {
    const message = `The backfill was interrupted; ${succeeded} of ${plural(total, "partition")} have succeeded`;
    output.error({
      code: "CANCELLED",
      message,
      retryable: true,
      hint: "The same command, given again, finishes the rest.",
    });
    return exitCodes.interrupted;
  }
  const failed = documents.filter(({ run }) => run.status === "failed");
  const first = failed[0];
  const error = first === undefined ? undefined : failedStep(first);
  if (first !== undefined && error?.error) {
    const { code, message } = error.error;
    const hint = `${error.error.hint ?? ""} See: sluice why ${first.run.id}`.trim();
    const which =
      failed.length === 1
        ? `${first.run.partition} failed`
        : `${failed.length} of ${plural(total, "partition")} failed, first ${first.run.partition}`;
    output.error({ code, message: `${which} at step ${error.name}: ${message}`, retryable: false, hint });
    return runExitCode(first);
  }
  if (idle && succeeded === total) {
    output.note(`all ${plural(total, "partition")} had already succeeded; --reprocess runs them again`);
  }
  return documents.map(runExitCode).find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}
