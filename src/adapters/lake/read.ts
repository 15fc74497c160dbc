// Reading an embedded warehouse: its tables as they were at one commit, and the SQL that stands for each. It needs no lock
// and no writer, and works before the first load.
import { join } from "node:path";
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier, quotePath } from "../../dataset/sql.ts";
import { dataFolder, withCatalog } from "./catalog.ts";

export interface LakeTableState {
  /** `name` or `schema.name`. */
  readonly name: string;
  readonly columns: readonly Column[];
  /** Absolute paths of Parquet files, in the order of loading. */
  readonly files: readonly string[];
  readonly rows: number;
  /** By file: it holds the first so many of the table's columns. */
  readonly columnCounts: readonly number[];
}

/** All tables of the warehouse in `folder`, by name, as of one commit; [] where nothing was loaded yet. */
export function lakeTables(folder: string): LakeTableState[] {
  const data = dataFolder(folder);
  return (
    withCatalog(folder, (catalog) => {
      const files = Map.groupBy(
        catalog
          .prepare("SELECT table_name, name, rows, column_count FROM files ORDER BY id")
          .all() as unknown as FileRow[],
        (file) => file.table_name,
      );
      const tables = catalog.prepare("SELECT name, columns FROM tables ORDER BY name").all() as {
        name: string;
        columns: string;
      }[];
      return tables.map(({ name, columns }) => {
        const own = files.get(name) ?? [];
        return {
          name,
          columns: JSON.parse(columns) as Column[],
          files: own.map((file) => join(data, file.name)),
          rows: own.reduce((sum, file) => sum + file.rows, 0),
          columnCounts: own.map((file) => file.column_count),
        };
      });
    }) ?? []
  );
}

interface FileRow {
  readonly table_name: string;
  readonly name: string;
  readonly rows: number;
  readonly column_count: number;
}

/** A query for the rows of a table: `SELECT … FROM read_parquet([…])`. */
export function lakeRelation(table: LakeTableState): string {
  const present = Math.max(0, ...table.columnCounts);
  const columns = table.columns.map(({ name, type }, position) =>
    // A column that came with an empty load is in no file.
    position < present ? quoteIdentifier(name) : `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`,
  );
  if (table.files.length === 0) return `SELECT ${columns.join(", ")} WHERE false`;
  // By name only where files differ: it opens every file before the query begins.
  const differ = table.columnCounts.some((count) => count !== present);
  const files = table.files.map((path) => quotePath(path)).join(", ");
  return `SELECT ${columns.join(", ")} FROM read_parquet([${files}]${differ ? ", union_by_name = true" : ""})`;
}

/**
 * Statements that attach the warehouse to a session under `name`, with a view for each table, so that a query can say
 * `warehouse.sales` or `warehouse.staging.sales`. With `mentionedIn`, only tables whose names occur in that text. The views keep
 * showing this commit.
 */
export function attachLake(folder: string, name: string, mentionedIn?: string): string[] {
  const database = quoteIdentifier(name);
  const text = mentionedIn?.toLowerCase();
  const tables = lakeTables(folder).filter(
    (table) => text === undefined || text.includes(table.name.split(".").at(-1)!),
  );
  const schemas = new Set(tables.flatMap((table) => (table.name.includes(".") ? [table.name.split(".")[0]!] : [])));
  return [
    `ATTACH ':memory:' AS ${database}`,
    ...[...schemas].map((schema) => `CREATE SCHEMA IF NOT EXISTS ${database}.${quoteIdentifier(schema)}`),
    ...tables.map((table) => {
      const path = table.name.includes(".") ? table.name.split(".") : ["main", table.name];
      return `CREATE VIEW ${database}.${quoteIdentifier(...path)} AS ${lakeRelation(table)}`;
    }),
  ];
}
