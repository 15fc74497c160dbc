// sluice diff: how a pipeline's definition has changed since a run, or between two runs.
import { SluiceError } from "../../errors.ts";
import { planDiff, type PlanChange } from "../../pipeline/plan-diff.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { currentDefinitions, definedPlan } from "../definitions.ts";
import { formatTable, oneLine } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice diff retail_daily-2011-01-04-1c9f03aa",
    "sluice diff retail_daily-2011-01-04-1c9f03aa retail_daily-2011-01-04-77b0e21c",
  ],
  description:
    "Shows how the definition of a run's pipeline differs from what it is now, or from that of another run. A version is the " +
    "hash of the definition; code inside of functions counts as far as their text does.",
  arguments: [
    { name: "run", description: "id of the run, or as much of its beginning as names it alone" },
    { name: "other", description: "another run (default: the definition as it is now)", optional: true },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using definitions = await currentDefinitions(context);
  const { reader } = definitions;
  const record = await reader.findRun(input.argument("run"));
  const other = input.argument("other") === "" ? null : await reader.findRun(input.argument("other"));
  const stored = async (version: string): Promise<Plan> => {
    const plan = await reader.store().plan(version);
    if (plan !== null) return plan;
    throw new SluiceError("NOT_FOUND", `The definition of version ${version.slice(0, 12)} is not stored`);
  };
  const before = await stored(record.version);
  const after = other === null ? definedPlan(definitions, record.pipeline) : await stored(other.version);
  const changes = planDiff(before, after);
  await context.output.result(
    {
      pipeline: record.pipeline,
      before: { version: before.version, run: record.id },
      after: { version: after.version, run: other?.id ?? null },
      changes,
    },
    () => diffText(changes),
  );
  if (changes.length === 0) context.output.note("the definitions are the same");
  return 0;
}

function diffText(changes: readonly PlanChange[]): string {
  if (changes.length === 0) return "";
  return formatTable(
    [{ title: "what" }, { title: "before" }, { title: "after" }],
    changes.map(({ path, before, after }) => [path, ...changeTexts(before, after)]),
  );
}

const widest = 60;
/** How much of what is the same is shown before what differs. */
const lead = 15;

/** What was there and what is, each in one line; long texts from where they begin to differ. */
export function changeTexts(before: unknown, after: unknown): [string, string] {
  const [left, right] = [valueText(before), valueText(after)];
  let same = 0;
  while (same < Math.min(left.length, right.length) && left[same] === right[same]) same += 1;
  const from = Math.max(left.length, right.length) <= widest ? 0 : Math.max(0, same - lead);
  return [cut(left, from), cut(right, from)];
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return "-";
  return oneLine(typeof value === "string" ? value : JSON.stringify(value));
}

function cut(text: string, from: number): string {
  const rest = from === 0 ? text : `…${text.slice(from)}`;
  return rest.length > widest ? `${rest.slice(0, widest - 1)}…` : rest;
}
