// What is printed when a run has ended, and the exit code that says how: the same for a run of this process's own, and
// for one that another process ran.
import type { RunRecord } from "../engine/stores/run-store.ts";
import type { EngineReader } from "../embedded/reader.ts";
import { runCommand, shellWord } from "../monitor/sentence.ts";
import { viewDocument } from "../monitor/run-view.ts";
import type { RequestView } from "../monitor/request-view.ts";
import type { CommandContext } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { runTitle } from "./progress.ts";
import { failedStep, runExitCode, runText } from "./run-text.ts";

/** Prints a run as it stands, and says on stderr why it did not succeed. Returns the exit code. */
export async function reportRun(
  { output }: CommandContext,
  store: EngineReader,
  record: RunRecord,
  interrupted: boolean = false,
): Promise<number> {
  const document = viewDocument(record, await store.steps(record.id));
  await output.result({ ...document, request: null }, () => runText(document));
  if (record.status === "running") return exitCodes.ok;
  const failed = record.status === "failed" ? failedStep(document) : undefined;
  const title = runTitle(record);
  if (failed?.error) {
    const { code, message, hint } = failed.error;
    output.error({
      code,
      message: `${title}: step ${failed.name} failed: ${message}`,
      retryable: false,
      hint: hint ?? `See: sluice why ${shellWord(record.id)}`,
    });
  } else if (record.status === "failed") {
    const reason = document.steps.find((step) => step.reason !== null)?.reason;
    output.error({
      code: "TASK_FAILED",
      message: `${title} failed${reason ? `: ${reason}` : ""}`,
      retryable: false,
      hint: `See: sluice why ${shellWord(record.id)}`,
    });
  } else if (record.status === "cancelled") {
    const reason = document.steps.find((step) => step.status === "cancelled")?.reason;
    output.error({
      code: "CANCELLED",
      message: interrupted || !reason ? `${title} was interrupted` : `${title} was cancelled: ${reason}`,
      retryable: true,
      hint:
        record.rerunOf === null && interrupted
          ? "Give the same command to run it again."
          : `Run it again with: ${record.rerunOf === null ? runCommand(record.pipeline, record.partition) : `sluice rerun ${shellWord(record.id)}`}`,
    });
  }
  return interrupted ? exitCodes.interrupted : runExitCode(document);
}

/** Prints a run that was asked for and has not begun. */
export async function reportRequest({ output }: CommandContext, request: RequestView): Promise<number> {
  await output.result(
    { run: null, steps: [], request },
    () => `${runTitle(request)} is asked for as ${request.key}, and has not begun\n`,
  );
  output.note(`what it waits for: sluice why ${shellWord(request.key)}`);
  return exitCodes.ok;
}
