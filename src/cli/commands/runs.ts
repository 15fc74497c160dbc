// sluice runs: the runs there have been, and those that are asked for and have not begun.
import type { RunRecord } from "../../engine/stores/run-store.ts";
import type { RunRequest } from "../../engine/stores/request-store.ts";
import type { RunStatus } from "../../engine/state-machine/state.ts";
import { openReader } from "../../embedded/reader.ts";
import { viewRequest } from "../../monitor/request-view.ts";
import { viewRun } from "../../monitor/run-view.ts";
import { shellWord } from "../../monitor/sentence.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatDuration, formatTable, plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice runs --pipeline retail_daily --status failed",
    "sluice runs --limit 5 --json | jq '.[0].id'",
    "sluice runs --waiting",
  ],
  description:
    "Lists runs, newest first; with --waiting, those that are asked for and have not begun, oldest first. For more than fit, " +
    "give the last one's id to --before.",
  options: [
    { name: "pipeline", value: "name", description: "only runs of this pipeline" },
    { name: "partition", value: "key", description: "only runs of this partition" },
    {
      name: "status",
      value: "status",
      description: "only runs that are",
      choices: ["running", "succeeded", "failed", "cancelled"],
    },
    { name: "backfill", value: "id", description: "only runs of this backfill" },
    { name: "waiting", description: "what is asked for and has not begun, in place of runs" },
    { name: "before", value: "run", description: "only runs older than this one" },
    { name: "limit", value: "n", description: "at most so many", number: {}, default: 50 },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const store = reader.store();
  const limit = input.number("limit") ?? 50;
  const filter = {
    ...given("pipeline", input.text("pipeline")),
    ...given("backfill", input.text("backfill")),
  };
  const waiting = (await store.backlog()).requests
    .filter(({ pipeline }) => filter.pipeline === undefined || pipeline === filter.pipeline)
    .reduce((sum, { count }) => sum + count, 0);
  if (input.flag("waiting")) {
    const requests = await store.requests({ ...filter, limit });
    await context.output.result(requests.map(viewRequest), () => requestsText(requests));
    if (requests.length === 0) context.output.note("nothing waits to begin");
    else if (requests.length < waiting)
      context.output.note(`${requests.length} of ${plural(waiting, "run")} that wait`);
    return 0;
  }
  const before = input.text("before");
  const records = await store.runs({
    ...filter,
    ...given("partition", input.text("partition")),
    ...given("status", input.text("status") as RunStatus | undefined),
    ...(before === undefined ? {} : { before: (await reader.findRun(before)).sequence }),
    limit,
  });
  await context.output.result(records.map(viewRun), () => runsText(records));
  if (records.length === 0) context.output.note("there is no such run");
  if (records.length === limit && !context.output.json)
    context.output.note(`for older ones: --before ${shellWord(records.at(-1)!.id)}`);
  if (waiting > 0) context.output.note(`${plural(waiting, "run")} more are asked for and wait: sluice runs --waiting`);
  return 0;
}

function given<K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: V };
}

function runsText(records: readonly RunRecord[]): string {
  return formatTable(
    [
      { title: "run" },
      { title: "pipeline" },
      { title: "partition" },
      { title: "status" },
      { title: "trigger" },
      { title: "created" },
      { title: "took", align: "right" },
    ],
    records.map((record) => [
      record.id,
      record.pipeline,
      record.partition ?? "-",
      record.status,
      record.trigger,
      new Date(record.createdAt).toISOString(),
      record.finishedAt === null ? "-" : formatDuration(record.finishedAt - record.createdAt),
    ]),
  );
}

function requestsText(requests: readonly RunRequest[]): string {
  return formatTable(
    [
      { title: "request" },
      { title: "pipeline" },
      { title: "partition" },
      { title: "trigger" },
      { title: "not before" },
      { title: "asked for" },
    ],
    requests.map((request) => [
      request.key,
      request.pipeline,
      request.partition ?? "-",
      request.trigger,
      new Date(request.notBefore).toISOString(),
      new Date(request.createdAt).toISOString(),
    ]),
  );
}
