// sluice report: what is known of a run's data, as one HTML page or as JSON.
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { knownSecrets } from "../../embedded/known-secrets.ts";
import { openReader } from "../../embedded/reader.ts";
import { reportPage } from "../../embedded/report-page.ts";
import { readRunReport } from "../../embedded/run-report.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice report retail_daily-2011-01-04-1c9f03aa -o report.html",
    "sluice report retail_daily-2011-01-04-1c9f03aa --json",
  ],
  description:
    "Writes a page about the data of a run: its steps, expectations, drift with histograms, a sample of the failing rows, and the " +
    "history of the pipeline. It is one file that needs no other; secrets are redacted.",
  arguments: [{ name: "run", description: "id of the run, or as much of its beginning as names it alone" }],
  options: [
    { name: "output", short: "o", value: "file", description: "write the page there (default: to the terminal)" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  const configPath = await context.configPath();
  using reader = openReader(configPath);
  const record = await reader.findRun(input.argument("run"));
  const report = await readRunReport(reader, record, await knownSecrets(configPath));
  const output = input.text("output");
  if (output !== undefined) await writeFile(resolve(context.io.cwd, output), reportPage(report));
  await context.output.result(report, () => (output === undefined ? reportPage(report) : ""));
  if (output !== undefined) context.output.note(`the report of ${record.id} is in ${output}`);
  return 0;
}
