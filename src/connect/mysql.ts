// mysql(url): a MySQL or MariaDB database to read from.
import type { ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import { sqlConnection, type SqlConnection } from "./sql-connection.ts";

export interface MysqlSettings {
  readonly url: Setting;
}

/**
 * A MySQL or MariaDB database. It needs the package `mysql2`.
 *
 * ```ts
 * defineConfig({ connections: { shop: mysql(env("SHOP_URL")) } })
 * ```
 */
export function mysql(url: Setting): ConnectionFactory<SqlConnection> {
  const settings = { url } satisfies MysqlSettings as unknown as JsonObject;
  return (name) => sqlConnection({ name, vendor: "mysql", settings }, () => "?", backticked);
}

/** MySQL takes "a" for a text unless it is set up otherwise; `a` is always a name. */
function backticked(...path: readonly string[]): string {
  return path.map((part) => `\`${part.replaceAll("`", "``")}\``).join(".");
}
