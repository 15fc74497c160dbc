// sluice partitions: how the partitions of a pipeline stand, as ranges of neighbours that stand alike.
import { partitionStates } from "../../embedded/partition-states.ts";
import {
  partitionStates as states,
  type PartitionRange,
  type PartitionState,
  type PartitionSummary,
} from "../../monitor/partition-summary.ts";
import { describePartitions } from "../../pipeline/partition.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { currentDefinitions, partitionedPlan } from "../definitions.ts";
import { formatCount, formatTable, plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice partitions retail_daily", "sluice partitions retail_daily --status failed --json | jq .ranges"],
  description:
    "Counts the partitions of a pipeline by how the newest run of each stands, and lists them as ranges of neighbours that " +
    "stand alike. `missing` has no run. Of partitions of time without a last one, those that have ended are counted.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    { name: "status", value: "status", description: "list only those that are", choices: states },
    { name: "limit", value: "n", description: "list at most so many ranges", number: {}, default: 100 },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using definitions = await currentDefinitions(context);
  const plan = partitionedPlan(definitions, input.argument("pipeline"));
  const status = input.text("status") as PartitionState | undefined;
  const summary = await partitionStates(definitions.reader.store(), plan, {
    lists: (state) => status === undefined || state === status,
    limit: input.number("limit") ?? 100,
    now: Date.now(),
  });
  await context.output.result(summary, () => `${describePartitions(plan.partitions)}\n${summaryText(summary)}`);
  if (summary.moreRanges > 0) context.output.note(`${plural(summary.moreRanges, "more range")}; --limit shows more`);
  if (summary.neverSucceeded > 0 && !context.output.json) {
    const command = `sluice backfill ${plan.pipeline} --all --only missing`;
    context.output.note(`${formatCount(summary.neverSucceeded)} never succeeded; to run them: ${command}`);
  }
  return 0;
}

function summaryText({ total, counts, ranges }: PartitionSummary): string {
  const parts = states.filter((state) => counts[state] > 0).map((state) => `${formatCount(counts[state])} ${state}`);
  const head = `${plural(total, "partition")}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}\n`;
  return ranges.length === 0 ? head : `${head}\n${rangesText(ranges)}`;
}

/** Ranges as a table. */
export function rangesText(ranges: readonly PartitionRange[]): string {
  return formatTable(
    [{ title: "from" }, { title: "to" }, { title: "partitions", align: "right" }, { title: "status" }],
    ranges.map(({ from, to, count, status }) => [from, to, formatCount(count), status]),
  );
}
