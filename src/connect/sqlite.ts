// sqlite(path): a SQLite file to read from. It is only ever opened for reading and never created.
import type { ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import { sqlConnection, type SqlConnection } from "./sql-connection.ts";

export interface SqliteSettings {
  readonly path: Setting;
}

/**
 * A SQLite file as a source; a relative path starts at the project's folder.
 *
 * ```ts
 * defineConfig({ connections: { shop: sqlite("data/shop.db") } })
 * ```
 */
export function sqlite(path: Setting): ConnectionFactory<SqlConnection> {
  const settings = { path } satisfies SqliteSettings as unknown as JsonObject;
  return (name) => sqlConnection({ name, vendor: "sqlite", settings }, () => "?");
}
