// sluice quarantine export: the rows of quarantine as lines of JSON, to look into, to send back, or to mend and replay.
import { createWriteStream } from "node:fs";
import { resolve } from "node:path";
import { finished } from "node:stream/promises";
import { openReader } from "../../embedded/reader.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice quarantine export retail_daily --partition 2010-12-01 -o rows.jsonl",
    "sluice quarantine export retail_daily | jq -c 'select(.reasons[].path == \"customer_id\") | .row'",
  ],
  description:
    "Writes quarantined rows, one JSON document a line: {pipeline, step, partition, runId, record, row, reasons}. A row is as it was " +
    "delivered. Mended in the file, the rows can be replayed: sluice quarantine replay --from.",
  arguments: [{ name: "pipeline", description: "name of the pipeline" }],
  options: [
    { name: "partition", value: "key", description: "only rows of this partition" },
    { name: "step", value: "name", description: "only rows that this step set aside" },
    { name: "run", value: "id", description: "only rows that this run set aside" },
    { name: "output", short: "o", value: "file", description: "write them there (default: to the terminal)" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const pipeline = input.argument("pipeline");
  const [partition, step, output] = [input.text("partition"), input.text("step"), input.text("output")];
  const run = input.text("run");
  const filter = {
    ...(partition === undefined ? {} : { partition }),
    ...(step === undefined ? {} : { step }),
    ...(run === undefined ? {} : { run }),
  };
  const file = output === undefined ? null : createWriteStream(resolve(context.io.cwd, output));
  let rows = 0;
  for await (const batch of reader.quarantinedBatches(pipeline, filter)) {
    rows += batch.length;
    const text = batch.map((row) => `${JSON.stringify({ pipeline, ...row, id: undefined })}\n`).join("");
    if (file === null) {
      if (!context.output.json) await context.io.stdout.write(text);
    } else if (!file.write(text)) await new Promise<void>((drained) => file.once("drain", () => drained()));
  }
  if (file !== null) {
    file.end();
    await finished(file);
  }
  if (context.output.json) await context.output.result({ pipeline, rows, file: output ?? null }, () => "");
  context.output.note(`${plural(rows, "row")}${output === undefined ? "" : ` in ${output}`}`);
  return 0;
}
