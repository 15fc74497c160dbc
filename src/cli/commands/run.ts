// sluice run: runs a pipeline once, with live progress.
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { openEngine } from "../../embedded/engine.ts";
import { viewDocument } from "../../monitor/run-view.ts";
import { exitCodes } from "../exit-codes.ts";
import { interruptible } from "../interruptible.ts";
import { createProgress, runTitle } from "../progress.ts";
import { failedStep, runExitCode, runText } from "../run-text.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice run retail_daily --partition 2011-01-04",
    "sluice run retail_daily --partition 2011-01-04 --json | jq .run.status",
  ],
  description:
    "Runs a pipeline once and waits for its end. A run of the same pipeline and partition that was interrupted is " +
    "finished instead. Running a partition again replaces what it did before.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    {
      name: "partition",
      value: "key",
      description: "which partition, such as 2011-01-04; needed where the pipeline has partitions",
    },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const { io, output } = context;
  const progress = createProgress({ io, now: Date.now, expected: () => null });
  const engine = await openEngine({
    configPath: await context.configPath(),
    command: context.typed,
    onChange: progress.onChange,
    onLog: progress.onLog,
  });
  try {
    if (engine.recovered > 0)
      output.note(`finishing ${plural(engine.recovered, "run")} that an earlier process left unfinished`);
    const { value: finished, interrupted } = await interruptible(io, engine, () =>
      engine.run(input.argument("pipeline"), input.text("partition") ?? null),
    );
    const document = viewDocument(finished.record, await engine.store.steps(finished.record.id));
    progress.stop();
    await output.result(document, () => runText(document));
    const failed = failedStep(document);
    const title = runTitle(finished.record);
    if (failed?.error) {
      const { code, message, hint } = failed.error;
      output.error({
        code,
        message: `${title}: step ${failed.name} failed: ${message}`,
        retryable: false,
        hint: hint ?? `See: sluice why ${finished.record.id}`,
      });
    } else if (document.run.status === "cancelled") {
      output.error({
        code: "CANCELLED",
        message: `${title} was interrupted`,
        retryable: true,
        hint: "Give the same command to run it again.",
      });
    }
    return interrupted ? exitCodes.interrupted : runExitCode(document);
  } finally {
    progress.stop();
    await engine.close();
  }
}
