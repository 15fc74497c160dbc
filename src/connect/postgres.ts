// postgres(url): a PostgreSQL database to read from and to load into.
import type { ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import { changesSource, type ChangesOptions } from "./postgres-changes.ts";
import type { Table } from "./sink.ts";
import type { Source } from "./source.ts";
import { sqlConnection, tablePath, type SqlConnection } from "./sql-connection.ts";

export interface PostgresSettings {
  readonly url: Setting;
}

/** A PostgreSQL database, under its name: tables to load into, tables and queries to extract. */
export interface PostgresConnection extends SqlConnection {
  /** A table to load into; `name` may be qualified: "staging.sales". It is created by the first load when it is missing. */
  table(name: string): Table;
  /**
   * Experimental: what changed in a table, by logical replication (the server needs `wal_level = logical`, the table a primary
   * key). The first reading is the table as it is, the next ones its changes, in their order, with `_op` ("read", "insert",
   * "update", "delete"), `_deleted` and `_lsn` beside the columns.
   *
   * ```ts
   * const changes = step("changes", extract(shop.changes("orders"), {
   *   incremental: { cursor: bookmark(), into: warehouse.table("orders") },
   * }));
   * step("loaded", load(changes, warehouse.table("orders"), { write: merge("order_id", { deleted: "_deleted" }) }));
   * ```
   */
  changes(table: string, options?: ChangesOptions): Source;
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
      changes: (table: string, options: ChangesOptions = {}) => changesSource(connection, table, options),
    });
  };
}
