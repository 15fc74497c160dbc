// sluice query: SQL over the project's connections, for reading only.
import type { QueryResult } from "../../embedded/query.ts";
import { SluiceError } from "../../errors.ts";
import type { CommandContext, CommandDefinition, CommandInput } from "../command.ts";
import { formatTable, type TableColumn } from "../table.ts";

export const command: CommandDefinition = {
  examples: [
    'sluice query "select count(*) n from warehouse.sales" --json',
    'sluice query "select country, sum(quantity * unit_price) revenue from warehouse.sales group by all order by 2 desc limit 5"',
  ],
  description:
    "Runs a SELECT (DuckDB's SQL) over tables named CONNECTION.TABLE and prints its rows. It only reads, and sees " +
    "no file but those of the connections it names. In JSON, an integer that JavaScript can't hold exactly is a string, " +
    "and so is every decimal.",
  arguments: [{ name: "sql", description: "the query" }],
  run,
};

/** Rows that are printed for people. */
const shown = 200;

async function run(context: CommandContext, input: CommandInput): Promise<number> {
  // The query engine is large, and the help of this command can do without it.
  const { runQuery } = await import("../../embedded/query.ts");
  const interrupted = new AbortController();
  const release = context.io.onInterrupt(() =>
    interrupted.abort(new SluiceError("CANCELLED", "The query was interrupted")),
  );
  try {
    const result = await runQuery({
      configPath: await context.configPath(),
      sql: input.argument("sql"),
      signal: interrupted.signal,
    });
    try {
      if (context.output.json) await context.output.array(result.batches());
      else await printRows(context, result);
    } finally {
      await result.close();
    }
    return 0;
  } finally {
    release();
  }
}

async function printRows({ output }: CommandContext, result: QueryResult): Promise<void> {
  const rows: string[][] = [];
  let more = false;
  for await (const batch of result.batches()) {
    rows.push(
      ...batch.slice(0, shown - rows.length).map((row) => result.columns.map((column) => cellText(row[column.name]))),
    );
    more = rows.length === shown;
    if (more) break;
  }
  const columns = result.columns.map(({ name, numeric }): TableColumn => ({
    title: name,
    verbatim: true,
    align: numeric ? "right" : "left",
  }));
  await output.result(null, () => formatTable(columns, rows));
  if (more) output.note(`these are the first ${shown} rows; --json prints all, or say LIMIT`);
}

function cellText(value: unknown): string {
  return value === null || value === undefined
    ? "NULL"
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
}
