// sqlite(path): a SQLite file to read from and to load into. Reading never creates it; the first load does.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Table } from "./sink.ts";
import { sqlConnection, type SqlConnection } from "./sql-connection.ts";

export interface SqliteSettings {
  readonly path: Setting;
}

/** A SQLite file, under its name: tables to load into, tables and queries to extract. */
export interface SqliteConnection extends SqlConnection {
  /** A table to load into. The file and the table are created by the first load when they are missing. */
  table(name: string): Table;
}

/**
 * A SQLite file; a relative path starts at the project's folder.
 *
 * ```ts
 * defineConfig({ connections: { shop: sqlite("data/shop.db") } })
 * ```
 */
export function sqlite(path: Setting): ConnectionFactory<SqliteConnection> {
  const settings = { path } satisfies SqliteSettings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "sqlite", settings });
    return Object.freeze({
      ...sqlConnection(connection, () => "?"),
      table: (table: string): Table => {
        if (table === "" || table.includes(".") || /^sqlite_/i.test(table)) {
          throw new SluiceError("DEFINITION_INVALID", `"${table}" can't be the name of a table of "${name}"`, {
            hint: "A SQLite file has no schemas: give the table's name alone, without a dot.",
          });
        }
        return Object.freeze({ kind: "sluice.table", connection, name: table });
      },
    });
  };
}
