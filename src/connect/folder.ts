// files({ folder }): tables as folders of Parquet, CSV or JSONL files, which anything can read. Plain data; the files are
// written by adapters/files-table.
import type { Connection, ConnectionFactory } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Table } from "./sink.ts";
import type { Source } from "./source.ts";

/** What the files of a table are written as. */
export type TableFormat = "parquet" | "csv" | "jsonl";

/** Where tables of files lie, and as what they are written. */
export interface FolderOptions {
  /** Relative to the project's folder. */
  readonly folder: string;
  /** @default "parquet" */
  readonly format?: TableFormat;
}

/** A folder of tables, under its name. */
export interface FolderConnection extends Connection {
  readonly vendor: "folder";
  /** A table to load into, `name` or `schema.name`; it comes into being with the first load. */
  table(name: string): FilesTable;
}

/** A table that is files: a destination for `load`, and by `rows()` a source for `extract`. */
export interface FilesTable extends Table {
  /** A source for `extract`: all rows of the table, as of one load. */
  rows(): Source;
}

/**
 * Tables as folders of files. A table's folder holds `part-….parquet`, and `partition=<key>/part-….parquet` for loads of partitioned
 * pipelines; beside it, in `_sluice`, lie the table's manifests. A load is one new manifest: rows, load key and positions are
 * there together or not at all.
 *
 * ```ts
 * export const config = defineConfig({ connections: { exports: files({ folder: "data/exports" }) } });
 * ```
 */
export function files(options: FolderOptions): ConnectionFactory<FolderConnection> {
  if (options.folder === "") {
    throw new SluiceError("DEFINITION_INVALID", "files(…) is given an empty folder", {
      hint: 'Name one, such as "data/exports".',
    });
  }
  return (name) => {
    const settings: JsonObject = { folder: options.folder, format: options.format ?? "parquet" };
    const connection: Connection = Object.freeze({ name, vendor: "folder", settings });
    return Object.freeze({
      ...connection,
      vendor: "folder",
      table: (table: string) => filesTable(connection, table),
    });
  };
}

/** A table of a connection whose tables are files. */
export function filesTable(connection: Connection, name: string): FilesTable {
  if (!/^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/.test(name) || name === "_sluice") {
    throw new SluiceError("DEFINITION_INVALID", `"${name}" can't be the name of a table of "${connection.name}"`, {
      hint: 'Use lower-case letters, digits and _, starting with a letter: "sales" or "staging.sales".',
    });
  }
  return Object.freeze({
    kind: "sluice.table",
    connection,
    name,
    rows: (): Source =>
      Object.freeze({ kind: "sluice.source", vendor: connection.vendor, connection, request: { table: name } }),
  });
}
