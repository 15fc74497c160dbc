// sluice backfills: the backfills there have been, and how far those are that have not ended.
import type { BackfillStatus } from "../../engine/stores/request-store.ts";
import { openReader } from "../../embedded/reader.ts";
import { selectionText, viewBackfill } from "../../monitor/request-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatCount, formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice backfills", "sluice backfills --status running --json | jq '.[0].id'"],
  description:
    "Lists backfills, newest first: which partitions, how many runs they have asked for, and how those ended.",
  options: [
    { name: "pipeline", value: "name", description: "only backfills of this pipeline" },
    {
      name: "status",
      value: "status",
      description: "only backfills that are",
      choices: ["running", "succeeded", "failed", "cancelled"],
    },
    { name: "limit", value: "n", description: "at most so many", number: {}, default: 50 },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const [pipeline, status] = [input.text("pipeline"), input.text("status") as BackfillStatus | undefined];
  const backfills = await reader.store().backfills({
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(status === undefined ? {} : { status }),
    limit: input.number("limit") ?? 50,
  });
  await context.output.result(backfills.map(viewBackfill), () =>
    formatTable(
      [
        { title: "backfill" },
        { title: "pipeline" },
        { title: "partitions" },
        { title: "mode" },
        { title: "status" },
        { title: "looked at", align: "right" },
        { title: "runs", align: "right" },
        { title: "succeeded", align: "right" },
        { title: "failed", align: "right" },
      ],
      backfills.map((backfill) => [
        backfill.id,
        backfill.pipeline,
        selectionText(backfill.selection),
        backfill.mode,
        backfill.status,
        `${formatCount(backfill.position)}/${formatCount(backfill.total)}`,
        formatCount(backfill.requested),
        formatCount(backfill.succeeded),
        formatCount(backfill.failed),
      ]),
    ),
  );
  if (backfills.length === 0) context.output.note("there is no such backfill");
  return 0;
}
