// sluice profile: what is in a table or a file, column by column.
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { distinctValues, type ColumnProfile } from "../../quality/profile/profile.ts";
import { quantileOf } from "../../quality/profile/histogram.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatCount, formatTable, plural } from "../table.ts";

export const command: CommandDefinition = {
  examples: ["sluice profile warehouse.sales", "sluice profile data/training.parquet -o model/training.profile.json"],
  description:
    "Says what is in each column of a table (CONNECTION.TABLE) or a file (.csv, .parquet, .jsonl): nulls, different values, " +
    "range, and what is frequent. With -o the profile is written as JSON: the drift step takes it for a baseline, and profiles " +
    "of parts can be merged.",
  arguments: [{ name: "target", description: "a table or a file" }],
  options: [
    { name: "output", short: "o", value: "file", description: "write the profile there" },
    { name: "categories", value: "columns", description: "columns of numbers that are names, such as status,branch" },
  ],
  run,
};

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  // The query engine is large, and the help of this command can do without it.
  const { openRows } = await import("../../embedded/table-or-file.ts");
  const { profileRelation } = await import("../../quality/profile/scan.ts");
  const rows = await openRows({
    target: input.argument("target"),
    folder: context.io.cwd,
    configPath: context.configPath,
  });
  try {
    const categories = (input.text("categories") ?? "").split(",").filter((name) => name !== "");
    const profile = await profileRelation(rows.session, rows.relation, rows.columns, { shapes: true, categories });
    const output = input.text("output");
    if (output !== undefined) await writeFile(resolve(context.io.cwd, output), `${JSON.stringify(profile, null, 1)}\n`);
    await context.output.result(profile, () =>
      formatTable(
        [
          { title: "column" },
          { title: "type" },
          { title: "nulls", align: "right" },
          { title: "different", align: "right" },
          { title: "range" },
        ],
        profile.columns.map((column) => [
          column.name,
          column.type,
          column.rows === 0 ? "-" : `${((column.nulls / column.rows) * 100).toFixed(column.nulls === 0 ? 0 : 1)} %`,
          formatCount(distinctValues(column)),
          rangeText(column),
        ]),
      ),
    );
    context.output.note(
      `${plural(profile.rows, "row")} of ${rows.title}${output === undefined ? "" : `; the profile is in ${output}`}`,
    );
    return 0;
  } finally {
    await rows.close();
  }
}

function rangeText({ numbers, texts, times, values, vectors }: ColumnProfile): string {
  const short = (value: number): string => String(Number(value.toPrecision(6)));
  if (vectors !== null) return `${vectors.dimensions} dimensions`;
  if (numbers !== null && numbers.min !== null && numbers.max !== null) {
    const median = quantileOf(numbers.histogram, 0.5, numbers.min, numbers.max);
    return `${short(numbers.min)} to ${short(numbers.max)}, median ${short(median)}`;
  }
  if (times !== null) return `${times.first} to ${times.last}`;
  if (values !== null && values.top.length > 0 && (values.top[0]!.count > 1 || values.complete)) {
    const shown = values.top.slice(0, 3).map(({ value, count }) => `${value} (${formatCount(count)})`);
    return [...shown, ...(values.top.length > 3 ? ["…"] : [])].join(", ");
  }
  return texts === null ? "" : `${texts.minLength} to ${texts.maxLength} characters`;
}
