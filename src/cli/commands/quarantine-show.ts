// sluice quarantine show: rows that a contract set aside, with what is wrong with each.
import { openReader } from "../../embedded/reader.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { oneLine, plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice quarantine show retail_daily --partition 2010-12-01",
    "sluice quarantine show retail_daily --json | jq '.[0].reasons'",
  ],
  description:
    "Shows quarantined rows as they were delivered, each with its reasons. Of a partition, the rows of its newest " +
    "run are kept; of a step that reads on from where it was, those of each run.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    { name: "partition", value: "key", description: "only rows of this partition (default: all, the newest first)" },
    { name: "step", value: "name", description: "only rows that this step set aside" },
    { name: "run", value: "id", description: "only rows that this run set aside" },
    { name: "limit", value: "n", description: "at most so many rows", number: {}, default: 20 },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const pipeline = input.argument("pipeline");
  const [partition, step, limit] = [input.text("partition"), input.text("step"), input.number("limit") ?? 20];
  const run = input.text("run");
  const filter = {
    ...(partition === undefined ? {} : { partition }),
    ...(step === undefined ? {} : { step }),
    ...(run === undefined ? {} : { run }),
  };
  const rows = await reader.quarantinedRows(pipeline, { ...filter, limit });
  await context.output.result(rows, () =>
    rows
      .map((row) => {
        const reasons = row.reasons.map(
          (reason) => `   ${oneLine(reason.message)} (${reason.rule}, value ${JSON.stringify(reason.value)})\n`,
        );
        const partition = row.partition === null ? "" : `${row.partition} `;
        return `${partition}${row.step}, record ${row.record}: ${JSON.stringify(row.row)}\n${reasons.join("")}`;
      })
      .join("\n"),
  );
  const total = (await reader.quarantine({ ...filter, pipeline })).reduce((sum, group) => sum + group.rows, 0);
  if (rows.length === 0) context.output.note("no such row is in quarantine");
  else if (total > rows.length) context.output.note(`${rows.length} of ${plural(total, "row")}; --limit shows more`);
  return 0;
}
