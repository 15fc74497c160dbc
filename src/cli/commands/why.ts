// sluice why: what each step of a run waits for, or why it ended as it did.
import { openReader } from "../../embedded/reader.ts";
import { explainRun } from "../../monitor/explain.ts";
import { viewRun } from "../../monitor/run-view.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice why retail_daily-2011-01-04",
    "sluice why retail_daily-2011-01-04 --json | jq '.steps[] | select(.status == \"waiting\") | .waitsFor'",
  ],
  description:
    "Says what each step of a run waits for, or why it ended as it did; and of a run that was interrupted, how to go on with it.",
  arguments: [{ name: "run", description: "id of the run, or as much of its beginning as names it alone" }],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const { record } = await reader.findRun(input.argument("run"));
  const store = reader.runs();
  const explanation = explainRun({
    record,
    steps: await store.steps(record.id),
    plan: await store.plan(record.version),
    holder: reader.holder(),
    now: Date.now(),
  });
  await context.output.result({ run: viewRun(record), ...explanation }, () => {
    const table = formatTable(
      [{ title: "step" }, { title: "status" }, { title: "why" }],
      explanation.steps.map((step) => [step.name, step.status, step.because]),
    );
    const next =
      explanation.command === null
        ? ""
        : `\n${explanation.interrupted ? "Resume it" : "Run it again"} with: ${explanation.command}\n`;
    return `${record.id}: ${explanation.summary}\n\n${table}${next}`;
  });
  return 0;
}
