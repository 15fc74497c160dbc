// sluice backfill: runs a pipeline for many partitions, and finishes what an earlier call left.
import { setImmediate as turn } from "node:timers/promises";
import { dynamicKeys, partitionStates } from "../../embedded/partition-states.ts";
import { previewBackfill, type BackfillPreview } from "../../engine/requests/backfill-preview.ts";
import type { BackfillMode } from "../../engine/stores/instruction.ts";
import type { BackfillRecord } from "../../engine/stores/request-store.ts";
import { canonicalJson } from "../../json.ts";
import type { PartitionSummary } from "../../monitor/partition-summary.ts";
import { fixSelection } from "../../pipeline/partition-selection.ts";
import { backfillOptions, checkTyped, modeOf, typedSelection } from "../backfill-request.ts";
import { followBackfillHere, reportAsked, reportBackfill, type BackfillWork } from "../backfill-end.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { currentDefinitions, partitionedPlan } from "../definitions.ts";
import { withAccess, type EngineAccess } from "../engine-access.ts";
import { exitCodes } from "../exit-codes.ts";
import { createProgress } from "../progress.ts";
import { formatCount, formatDuration, plural } from "../table.ts";
import { currentPlan } from "../../embedded/explanations.ts";
import { rangesText } from "./partitions.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice backfill retail_daily --from 2011-10-01 --to 2011-12-09",
    "sluice backfill retail_daily --from 2011-10-01 --to 2011-12-09 --dry-run",
    "sluice backfill retail_daily --all --only failed --json | jq .backfill.status",
  ],
  description:
    "Runs a pipeline for many partitions, a few at a time: those of a range, some, or all; of those, the ones that never " +
    "succeeded, unless it is told otherwise. Given again, the same command finishes what is left. Its runs go after " +
    "others, and never keep the schedule waiting.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: backfillOptions,
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  checkTyped(input);
  const mode = modeOf(input);
  if (input.flag("dry-run")) return preview(context, input, mode);
  const progress = createProgress({ io: context.io, now: Date.now, many: true });
  try {
    return await withAccess(context, { wait: !input.flag("no-wait"), onLog: progress.onLog }, async (access) => {
      const work = await ask(context, input, access, mode);
      if (input.flag("no-wait")) return reportAsked(context, access, work);
      const ended = await followBackfillHere(context, access, work, progress);
      progress.stop();
      return reportBackfill(context, access, work, ended);
    });
  } finally {
    progress.stop();
  }
}

/** Asks for the backfill; or finds the one that an earlier call has asked for, where that has not ended. */
async function ask(
  { output }: CommandContext,
  input: CommandInput,
  access: EngineAccess,
  mode: BackfillMode,
): Promise<BackfillWork> {
  const { engine, reader } = access;
  const pipeline = input.argument("pipeline");
  const plans = engine === null ? [await currentPlan(reader, pipeline)] : [...engine.plans.values()];
  const plan = partitionedPlan({ plans }, pipeline);
  const store = reader.store();
  const now = Date.now();
  const dynamic = await dynamicKeys(store, plan);
  const selection = typedSelection(input, plan.partitions, dynamic);
  const fixed = fixSelection(plan.partitions, selection, dynamic, now);
  const before = await partitionStates(store, plan, { selection, limit: 0, now });
  const same = (other: BackfillRecord): boolean =>
    other.mode === mode && [selection, fixed].some((own) => canonicalJson(own) === canonicalJson(other.selection));
  const unfinished = (await store.backfills({ pipeline, status: "running", limit: 1_000 })).find(same);
  if (unfinished !== undefined) {
    output.note(`going on with backfill ${unfinished.id}, which has not ended`);
    return { plan, selection, mode, before, backfill: unfinished, startedBefore: unfinished.requested };
  }
  const parallel = input.number("parallel") ?? (reader.note()?.workers ?? 2) * 2;
  const answer = await access.instruct({ type: "backfill", pipeline, selection, mode, parallel });
  const backfill = await reader.store().backfill((answer as { backfill: string }).backfill);
  return { plan, selection, mode, before, backfill: backfill!, startedBefore: 0 };
}

async function preview(context: CommandContext, input: CommandInput, mode: BackfillMode): Promise<number> {
  using definitions = await currentDefinitions(context);
  const { reader } = definitions;
  const plan = partitionedPlan(definitions, input.argument("pipeline"));
  const store = reader.store();
  const dynamic = await dynamicKeys(store, plan);
  const selection = typedSelection(input, plan.partitions, dynamic);
  const now = Date.now();
  const parallel = input.number("parallel") ?? (reader.note()?.workers ?? 2) * 2;
  const { pipeline, partitions } = plan;
  const asked = { pipeline, partitions, selection, mode, parallel };
  const previewed = await previewBackfill(store, asked, dynamic, now, turn);
  const { ranges, moreRanges } = await partitionStates(store, plan, {
    selection,
    lists: (state, everSucceeded) => mode === "all" || (mode === "failed" ? state === "failed" : !everSucceeded),
    limit: 100,
    now,
  });
  await context.output.result({ pipeline, selection, mode, parallel, ...previewed, ranges, moreRanges }, () =>
    previewText(previewed, { ranges, moreRanges, parallel }),
  );
  context.output.note("nothing was run; the same command without --dry-run does it");
  return exitCodes.ok;
}

function previewText(
  { total, toRun, running, estimateSeconds }: BackfillPreview,
  { ranges, moreRanges, parallel }: Pick<PartitionSummary, "ranges" | "moreRanges"> & { readonly parallel: number },
): string {
  const time =
    estimateSeconds === null || toRun === 0
      ? ""
      : `, in ${estimateSeconds === 0 ? "less than a second" : `about ${formatDuration(estimateSeconds * 1000)}`} by what such runs have taken`;
  const head = `${formatCount(toRun)} of ${plural(total, "partition")} would run, ${parallel} at a time${time}\n`;
  const busy =
    running === 0 ? "" : `${plural(running, "partition")} of them ${running === 1 ? "is" : "are"} under way already\n`;
  const more = moreRanges === 0 ? "" : `… and ${plural(moreRanges, "more range")}\n`;
  return `${head}${busy}${ranges.length === 0 ? "" : `\n${rangesText(ranges)}`}${more}`;
}
