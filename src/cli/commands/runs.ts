// sluice runs: the runs there have been.
import { openReader } from "../../embedded/reader.ts";
import type { RunStatus } from "../../engine/state.ts";
import { viewRun } from "../../monitor/run-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatDuration, formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice runs --pipeline retail_daily --status failed", "sluice runs --limit 5 --json | jq '.[0].id'"],
  description: "Lists runs, newest first.",
  options: [
    { name: "pipeline", value: "name", description: "only runs of this pipeline" },
    { name: "partition", value: "key", description: "only runs of this partition" },
    {
      name: "status",
      value: "status",
      description: "only runs that are",
      choices: ["running", "succeeded", "failed", "cancelled"],
    },
    { name: "limit", value: "n", description: "at most so many", number: {}, default: 50 },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const { pipeline, partition, status } = {
    pipeline: input.text("pipeline"),
    partition: input.text("partition"),
    status: input.text("status") as RunStatus | undefined,
  };
  const records = await reader.runs().runs({
    limit: input.number("limit") ?? 50,
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(partition === undefined ? {} : { partition }),
    ...(status === undefined ? {} : { status }),
  });
  const runs = records.map(viewRun);
  await context.output.result(runs, () =>
    formatTable(
      [
        { title: "run" },
        { title: "pipeline" },
        { title: "partition" },
        { title: "status" },
        { title: "created" },
        { title: "took", align: "right" },
      ],
      records.map((record) => [
        record.id,
        record.pipeline,
        record.partition ?? "-",
        record.status,
        new Date(record.createdAt).toISOString(),
        record.finishedAt === null ? "-" : formatDuration(record.finishedAt - record.createdAt),
      ]),
    ),
  );
  if (runs.length === 0) context.output.note("there is no such run");
  return 0;
}
