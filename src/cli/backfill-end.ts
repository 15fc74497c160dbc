// Waits for the end of a backfill, here or in another process, and says how it went.
import { followBackfill } from "../embedded/follow.ts";
import { partitionStates } from "../embedded/partition-states.ts";
import type { BackfillMode } from "../engine/stores/instruction.ts";
import type { BackfillRecord } from "../engine/stores/request-store.ts";
import type { EngineReader } from "../embedded/reader.ts";
import { SluiceError } from "../errors.ts";
import type { PartitionSummary } from "../monitor/partition-summary.ts";
import { viewBackfill, type BackfillView } from "../monitor/request-view.ts";
import { viewDocument, type RunDocument } from "../monitor/run-view.ts";
import { shellWord } from "../monitor/sentence.ts";
import { selectPartitions } from "../pipeline/partition-selection.ts";
import type { PartitionSelection } from "../pipeline/partition.ts";
import type { Plan } from "../pipeline/plan.ts";
import { dynamicKeys } from "../embedded/partition-states.ts";
import type { CommandContext } from "./command.ts";
import type { EngineAccess } from "./engine-access.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruptible.ts";
import type { Progress } from "./progress.ts";
import { failedStep, runExitCode, runsText } from "./run-text.ts";
import { plural } from "./table.ts";

export interface BackfillWork {
  readonly plan: Plan & { readonly partitions: NonNullable<Plan["partitions"]> };
  readonly selection: PartitionSelection;
  readonly mode: BackfillMode;
  /** How the partitions stood before. */
  readonly before: PartitionSummary;
  readonly backfill: BackfillRecord;
  /** How many runs it had asked for before this call. */
  readonly startedBefore: number;
}

export interface EndedBackfill {
  readonly backfill: BackfillRecord;
  readonly interrupted: boolean;
}

/** Runs that are listed one by one; what a larger backfill did is told in sums. */
const listedRuns = 1_000;

/** An interrupt cancels a backfill of this process's own, and only ends the waiting for another's. */
export async function followBackfillHere(
  { io, output }: CommandContext,
  { engine, reader, instruct }: EngineAccess,
  { plan, mode, before, backfill }: BackfillWork,
  progress: Progress,
): Promise<EndedBackfill> {
  const stopped = new AbortController();
  const expected = { missing: before.neverSucceeded, failed: before.counts.failed, all: before.total }[mode];
  const follow = (): Promise<BackfillRecord> =>
    followBackfill(reader, backfill.id, {
      signal: stopped.signal,
      onCount: ({ succeeded, failed, requested }) =>
        progress.onCount(plan.pipeline, succeeded + failed, failed, Math.max(expected, requested)),
    });
  if (engine !== null) {
    const target = {
      cancel: (reason: string) => {
        instruct({ type: "cancel-backfill", backfill: backfill.id }).catch(() => {});
        engine.cancel(reason);
      },
      close: engine.close,
    };
    const { value, interrupted } = await interruptible(io, target, async () => {
      const ended = await follow();
      await engine.settled();
      return ended;
    });
    return { backfill: (await reader.store().backfill(backfill.id)) ?? value, interrupted };
  }
  const release = io.onInterrupt(() => {
    const id = shellWord(backfill.id);
    stopped.abort(
      new SluiceError(
        "CANCELLED",
        `Stopped following; the backfill goes on in ${reader.holder() ?? "another process"}`,
        {
          hint: `How far it is: sluice backfills; to cancel it: sluice backfills cancel ${id}`,
        },
      ),
    );
  });
  try {
    output.note(`backfill ${backfill.id} is run by ${reader.holder() ?? "another process"}`);
    return { backfill: await follow(), interrupted: false };
  } finally {
    release();
  }
}

/** Prints a backfill that was asked for, and who goes on with it. */
export async function reportAsked(
  { output }: CommandContext,
  { engine }: EngineAccess,
  { selection, backfill, startedBefore }: BackfillWork,
): Promise<number> {
  if (engine !== null) output.note("no scheduler is running: it goes on when one does (sluice serve)");
  await output.result(
    { backfill: viewHere(backfill, selection, startedBefore), runs: [], moreRuns: 0 },
    () => `backfill ${backfill.id} is asked for\n`,
  );
  output.note(`how far it is: sluice backfills; to cancel it: sluice backfills cancel ${shellWord(backfill.id)}`);
  return exitCodes.ok;
}

/** As the command prints it: with the ends of a range, and how many runs this call has started. */
function viewHere(
  backfill: BackfillRecord,
  selection: PartitionSelection,
  startedBefore: number,
): BackfillView & { readonly from: string | null; readonly to: string | null; readonly started: number } {
  const { from, to } = selection.type === "range" ? selection : { from: null, to: null };
  return { ...viewBackfill(backfill), from, to, started: backfill.requested - startedBefore };
}

/** Prints the backfill and the newest run of each of its partitions; says on stderr how it ended. Returns the exit code. */
export async function reportBackfill(
  context: CommandContext,
  { engine, reader }: EngineAccess,
  work: BackfillWork,
  { backfill, interrupted }: EndedBackfill,
): Promise<number> {
  const store = reader.store();
  const { plan, selection, startedBefore, before } = work;
  const after = await partitionStates(store, plan, { selection, limit: 0, now: Date.now() });
  const { documents, more } = await newestRuns(store, work);
  const view = viewHere(backfill, selection, startedBefore);
  await context.output.result({ backfill: view, runs: documents, moreRuns: more }, () => runsText(documents));
  if (more > 0)
    context.output.note(
      `the table adds up the first ${plural(documents.length, "run")}; ${more} more are in: sluice runs --pipeline ${plan.pipeline}`,
    );
  if (interrupted || backfill.status === "cancelled") return reportCancelled(context, interrupted, after);
  if (backfill.failed > 0) return reportFailures(context, store, backfill, after.total, documents);
  if (view.started === 0 && before.neverSucceeded === 0 && (engine?.recovered ?? 0) === 0)
    context.output.note(`all ${plural(after.total, "partition")} had already succeeded; --reprocess runs them again`);
  return exitCodes.ok;
}

function reportCancelled({ output }: CommandContext, interrupted: boolean, after: PartitionSummary): number {
  const what = interrupted ? "interrupted" : "cancelled";
  output.error({
    code: "CANCELLED",
    message: `The backfill was ${what}; ${after.counts.succeeded} of ${plural(after.total, "partition")} have succeeded`,
    retryable: true,
    hint: "The same command, given again, finishes the rest.",
  });
  return exitCodes.interrupted;
}

async function reportFailures(
  { output }: CommandContext,
  store: EngineReader,
  backfill: BackfillRecord,
  total: number,
  documents: readonly RunDocument[],
): Promise<number> {
  let first = documents.find(({ run }) => run.status === "failed" && run.backfill === backfill.id);
  if (first === undefined) {
    const [record] = await store.runs({ backfill: backfill.id, status: "failed", limit: 1 });
    if (record !== undefined) first = viewDocument(record, await store.steps(record.id));
  }
  const error = first === undefined ? undefined : failedStep(first);
  const which =
    backfill.failed === 1
      ? `${first?.run.partition} failed`
      : `${backfill.failed} of ${plural(total, "partition")} failed, first ${first?.run.partition}`;
  const see = first === undefined ? "See: sluice runs --status failed" : `See: sluice why ${shellWord(first.run.id)}`;
  if (first === undefined || !error?.error) {
    output.error({ code: "TASK_FAILED", message: which, retryable: false, hint: see });
    return first === undefined ? exitCodeOf("TASK_FAILED") : runExitCode(first);
  }
  const { code, message, hint } = error.error;
  const full = `${which} at step ${error.name}: ${message}`;
  output.error({ code, message: full, retryable: false, hint: `${hint ?? ""} ${see}`.trim() });
  return runExitCode(first);
}

/** The newest run of each partition of the selection, in the partitions' order. */
async function newestRuns(
  store: EngineReader,
  { plan, selection }: BackfillWork,
): Promise<{ readonly documents: RunDocument[]; readonly more: number }> {
  const { count, keyAt } = selectPartitions(plan.partitions, selection, await dynamicKeys(store, plan), Date.now());
  const keys = Array.from({ length: Math.min(count, listedRuns) }, (_, place) => keyAt(place));
  const documents: RunDocument[] = [];
  for (const { runId } of await store.partitionStatuses(plan.pipeline, { keys, limit: keys.length })) {
    const [record] = await store.runsNamed(runId, 1);
    if (record !== undefined) documents.push(viewDocument(record, await store.steps(record.id)));
  }
  return { documents, more: Math.max(0, count - listedRuns) };
}
