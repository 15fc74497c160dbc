// postgres(url): a PostgreSQL database to read from and to load into.
import type { ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import type { Table } from "./sink.ts";
import { sqlConnection, tablePath, type SqlConnection } from "./sql-connection.ts";

export interface PostgresSettings {
  readonly url: Setting;
}

/** A PostgreSQL database, under its name: tables to load into, tables and queries to extract. */
export interface PostgresConnection extends SqlConnection {
  /** A table to load into; `name` may be qualified: "staging.sales". It is created by the first load when it is missing. */
  table(name: string): Table;
}

/**
 * A PostgreSQL database. It needs the packages `pg` and `pg-copy-streams`.
 *
 * ```ts
 * defineConfig({ connections: { warehouse: postgres(env("WAREHOUSE_URL")) } })
 * ```
 */
export function postgres(url: Setting): ConnectionFactory<PostgresConnection> {
  const settings = { url } satisfies PostgresSettings as unknown as JsonObject;
  return (name) => {
    const connection = Object.freeze({ name, vendor: "postgres", settings });
    return Object.freeze({
      ...sqlConnection(connection, (position) => `$${position}`),
      table: (table: string): Table => {
        tablePath(table);
        return Object.freeze({ kind: "sluice.table", connection, name: table });
      },
    });
  };
}
