// The embedded warehouse as a connection: what users name in sluice.config.ts, load into and query. The files and their
// catalog are the adapter's business.
import type { Connection, ConnectionFactory } from "../config.ts";
import { inlineSql, type Sql } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import type { Table } from "./sink.ts";
import type { Source } from "./source.ts";

/** Where the embedded warehouse lies. */
export interface LakeOptions {
  /** Where the files lie, relative to the project's folder. @default `lake/<connection name>` in the state folder */
  readonly folder?: string;
}

/** The embedded warehouse, under its name: tables to load into, and queries to extract. */
export interface LakeConnection extends Connection {
  readonly vendor: "lake";
  /** A table to load into, `name` or `schema.name`; it comes into being with the first load. */
  table(name: string): LakeTable;
  /** A source for `extract`: the rows of a query over the tables of this warehouse. */
  query(query: Sql): Source;
}

/** A table of the embedded warehouse: a destination for `load`, and by `rows()` a source for `extract`. */
export interface LakeTable extends Table {
  /** A source for `extract`: all rows of the table. */
  rows(): Source;
}

/**
 * The embedded warehouse: a folder of immutable Parquet files with a catalog, which any number of processes can read
 * while it is written.
 *
 * ```ts
 * export const config = defineConfig({ connections: { warehouse: lake() } });
 * ```
 */
export function lake(options: LakeOptions = {}): ConnectionFactory<LakeConnection> {
  return (name) => {
    const settings = options.folder === undefined ? {} : { folder: options.folder };
    const source = (connection: LakeConnection, query: string): Source =>
      Object.freeze({ kind: "sluice.source", vendor: "lake", connection, request: { query } });
    const connection: LakeConnection = Object.freeze({
      name,
      vendor: "lake",
      settings,
      table: (table: string): LakeTable => {
        checkTableName(name, table);
        return Object.freeze({
          kind: "sluice.table",
          connection,
          name: table,
          rows: () => source(connection, `FROM ${table}`),
        });
      },
      query: (query: Sql): Source => source(connection, inlineSql(query)),
    });
    return connection;
  };
}

function checkTableName(connection: string, table: string): void {
  if (/^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/.test(table)) return;
  throw new SluiceError("DEFINITION_INVALID", `"${table}" can't be the name of a table of "${connection}"`, {
    hint: 'Use lower-case letters, digits and _, starting with a letter: "sales" or "staging.sales".',
  });
}
