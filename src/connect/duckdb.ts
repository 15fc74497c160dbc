// duckdb(path): a DuckDB database file to load into. One process has it open at a time, and only while it loads.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import type { Table } from "./sink.ts";
import { tablePath } from "./sql-connection.ts";

export interface DuckdbSettings {
  readonly path: Setting;
}

/** A DuckDB database file, under its name. */
export interface DuckdbConnection extends Connection {
  readonly vendor: "duckdb";
  /** A table to load into; `name` may be qualified: "staging.sales". File, schema and table are made by the first load. */
  table(name: string): Table;
}

/**
 * A DuckDB database file to load into; a relative path starts at the project's folder. DuckDB lets one process at a time
 * write a file, and nobody else even read it meanwhile: for a table that is read while it is loaded, use `lake()`.
 *
 * ```ts
 * defineConfig({ connections: { analytics: duckdb("data/analytics.duckdb") } })
 * ```
 */
export function duckdb(path: Setting): ConnectionFactory<DuckdbConnection> {
  const settings = { path } satisfies DuckdbSettings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "duckdb", settings });
    return Object.freeze({
      ...connection,
      vendor: "duckdb",
      table: (table: string): Table => {
        tablePath(table);
        return Object.freeze({ kind: "sluice.table", connection, name: table });
      },
    });
  };
}
