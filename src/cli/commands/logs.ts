// sluice logs: what the code of a run's steps logged, in order.
import { openReader } from "../../embedded/reader.ts";
import { viewLogLine, type LogView } from "../../monitor/run-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { oneLine } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice logs retail_daily-2011-01-04 --step clean",
    "sluice logs retail_daily-2011-01-04 --json | jq '.[].message'",
  ],
  description: "Prints what the steps of a run logged, in the order it was written.",
  arguments: [{ name: "run", description: "id of the run, or as much of its beginning as names it alone" }],
  options: [{ name: "step", value: "name", description: "only this step" }],
  run,
};

const pageSize = 1_000;

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const { record } = await reader.findRun(input.argument("run"));
  const step = input.text("step");
  const logs: LogView[] = [];
  for (let after = 0; ;) {
    const page = await reader
      .runs()
      .logs(record.id, { after, limit: pageSize, ...(step === undefined ? {} : { step }) });
    logs.push(...page.map(viewLogLine));
    if (page.length < pageSize) break;
    after = page.at(-1)!.position;
  }
  await context.output.result(logs, () => logs.map(logText).join(""));
  if (logs.length === 0) context.output.note("nothing was logged");
  return 0;
}

function logText(line: LogView): string {
  const fields = line.fields === null ? "" : ` ${JSON.stringify(line.fields)}`;
  return `${line.at} ${line.level.padEnd(5)} ${line.step}#${line.attempt} ${oneLine(line.message)}${fields}\n`;
}
