// The columns of a warehouse's table, and whether rows fit them. They only ever grow at the end, so that older files stay valid.
import type { LoadRequest } from "../../connect/sink.ts";
import { writeName } from "../../connect/write-disposition.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { SluiceError } from "../../errors.ts";
import { historyColumns, isOwn, validToColumn } from "../sql-load/own-columns.ts";
import type { Database } from "../sqlite/database.ts";

export function knownColumns(catalog: Database, table: string): readonly Column[] | null {
  const row = catalog.prepare("SELECT columns FROM tables WHERE name = ?").get(table) as
    | { columns: string }
    | undefined;
  return row === undefined ? null : (JSON.parse(row.columns) as Column[]);
}

/**
 * The table's columns after a load: those it has, then those that are new. Throws SINK_SCHEMA where the rows don't fit, and for
 * a load that would break a table's history.
 */
export function grownColumns(
  known: readonly Column[] | null,
  offered: readonly Column[],
  request: LoadRequest,
): readonly Column[] {
  const { table, dataset, write } = request;
  const name = writeName(write);
  if (known?.some((column) => column.name === validToColumn) === true && name !== "scd2" && name !== "replace") {
    throw schemaError(
      table,
      `the table keeps history, which a load with "${name}" would break`,
      dataset,
      'Load with merge(key, { strategy: "scd2" }), or into another table.',
    );
  }
  // Of a table that is replaced no file stays, so its history ends.
  const present = (known ?? []).filter((column) => name !== "replace" || !isOwn(column.name));
  for (const column of present) {
    if (isOwn(column.name)) continue;
    const other = offered.find((one) => one.name === column.name);
    if (other === undefined) {
      if (name === "upsert") continue;
      throw schemaError(
        table,
        `column "${column.name}" (${column.type}) is missing from the rows`,
        dataset,
        "Add it, as null if need be, or load into another table.",
      );
    }
    if (other.type !== column.type) {
      throw schemaError(
        table,
        `column "${column.name}" is ${column.type} there and ${other.type} in the rows`,
        dataset,
        "Cast it in a transform, or load into another table.",
      );
    }
  }
  const history: readonly Column[] =
    name === "scd2" ? historyColumns.map((one) => ({ name: one, type: "TIMESTAMP WITH TIME ZONE" })) : [];
  const isNew = ({ name: one }: Column): boolean => !present.some((column) => column.name === one);
  const columns = [...present, ...offered.filter(isNew), ...history.filter(isNew)];
  const twice = columns.find(
    (column, position) =>
      columns.findIndex((other) => other.name.toLowerCase() === column.name.toLowerCase()) < position,
  );
  if (twice !== undefined) {
    throw schemaError(
      table,
      `two columns would be named "${twice.name}"`,
      dataset,
      "Rename one of them; upper and lower case count as the same.",
    );
  }
  return columns;
}

export function keepColumns(
  catalog: Database,
  table: string,
  columns: readonly Column[],
  known: readonly Column[] | null,
): void {
  if (JSON.stringify(columns) === JSON.stringify(known)) return;
  catalog
    .prepare("INSERT INTO tables (name, columns) VALUES (?, ?) ON CONFLICT DO UPDATE SET columns = excluded.columns")
    .run(table, JSON.stringify(columns));
}

export function schemaError(table: LoadRequest["table"], what: string, dataset: Dataset, hint: string): SluiceError {
  return new SluiceError("SINK_SCHEMA", `The rows do not fit ${tableName(table)}: ${what}`, {
    hint,
    details: { table: tableName(table), columns: dataset.columns },
  });
}

export function tableName({ connection, name }: LoadRequest["table"]): string {
  return `${connection.name}.${name}`;
}
