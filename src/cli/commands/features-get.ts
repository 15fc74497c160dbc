// sluice features get: the features of one entity, from the online store.
import { openReader } from "../../embedded/reader.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatTable } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    "sluice features get customer_activity 17850",
    "sluice features get customer_activity 17850 --as-of 2011-06-01T00:00:00Z --json | jq .features",
  ],
  description: "Reads the features of one entity, as they stand now or stood at an instant.",
  arguments: [
    { name: "view", description: "name of the feature view" },
    { name: "key", description: "key of the entity" },
  ],
  options: [
    {
      name: "as-of",
      value: "instant",
      description: "an instant in ISO 8601 (default: up to where the view is materialized)",
    },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  using reader = openReader(await context.configPath());
  const found = await reader.features(input.argument("view"), input.argument("key"), input.text("as-of"));
  await context.output.result(found, () => {
    const table = formatTable(
      [{ title: "feature" }, { title: "value", align: "right" }],
      Object.entries(found.features).map(([name, value]) => [name, valueText(value)]),
    );
    return `${found.entity} ${found.key} of ${found.view}, as of ${found.asOf}\n\n${table}`;
  });
  const { missing } = found.partitions;
  if (missing > 0)
    context.output.note(
      `${missing} partitions are materialized only in an older version of the view and do not count; run them again`,
    );
  return 0;
}

function valueText(value: unknown): string {
  return value === null ? "-" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
