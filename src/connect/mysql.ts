// mysql(url): a MySQL or MariaDB database to read from and to load into.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import type { Table } from "./sink.ts";
import { sqlConnection, tablePath, type SqlConnection } from "./sql-connection.ts";

export interface MysqlSettings {
  readonly url: Setting;
}

/** A MySQL or MariaDB database, under its name: tables to load into, tables and queries to extract. */
export interface MysqlConnection extends SqlConnection {
  /** A table to load into; `name` may be qualified by a database: "staging.sales". It is created by the first load. */
  table(name: string): Table;
}

/**
 * A MySQL or MariaDB database. It needs the package `mysql2`.
 *
 * ```ts
 * defineConfig({ connections: { shop: mysql(env("SHOP_URL")) } })
 * ```
 */
export function mysql(url: Setting): ConnectionFactory<MysqlConnection> {
  const settings = { url } satisfies MysqlSettings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "mysql", settings });
    return Object.freeze({
      ...sqlConnection(connection, () => "?", backticked),
      table: (table: string): Table => {
        tablePath(table);
        return Object.freeze({ kind: "sluice.table", connection, name: table });
      },
    });
  };
}

/** MySQL takes "a" for a text unless it is set up otherwise; `a` is always a name. */
function backticked(...path: readonly string[]): string {
  return path.map((part) => `\`${part.replaceAll("`", "``")}\``).join(".");
}
