// The catalog of an embedded warehouse: which tables there are, which Parquet files hold their rows, and which loads have
// happened. One SQLite file; whoever reads it sees one committed state.
import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { Connection } from "../../config.ts";
import { openDatabase, type Database } from "../sqlite/database.ts";

/** Partition of rows that were loaded without one. */
export const noPartition = "";

const migrations: readonly string[] = [
  `
  -- columns: JSON [{name, type}]; it only ever grows at the end.
  CREATE TABLE tables (name TEXT PRIMARY KEY, columns TEXT NOT NULL) STRICT, WITHOUT ROWID;
  -- column_count: the file has the first so many columns of its table, in any order.
  CREATE TABLE files (
    id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, partition TEXT NOT NULL, name TEXT NOT NULL,
    rows INTEGER NOT NULL, column_count INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX files_of_table ON files (table_name, partition);
  CREATE TABLE _sluice_loads (
    table_name TEXT NOT NULL, load_key TEXT NOT NULL, partition TEXT NOT NULL, fence INTEGER NOT NULL,
    rows INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (table_name, load_key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE fences (
    table_name TEXT NOT NULL, partition TEXT NOT NULL, fence INTEGER NOT NULL, PRIMARY KEY (table_name, partition)
  ) STRICT, WITHOUT ROWID;
  -- Files that a table has let go, and when (milliseconds).
  CREATE TABLE released (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE upkeep (id INTEGER PRIMARY KEY CHECK (id = 1), collected_at INTEGER NOT NULL) STRICT;
  `,
  `
  -- How far readers have read what their loads of a table brought; position is JSON.
  CREATE TABLE _sluice_positions (
    table_name TEXT NOT NULL, reader TEXT NOT NULL, position TEXT NOT NULL, PRIMARY KEY (table_name, reader)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** Where the warehouse of a connection lies. */
export function lakeFolder(
  connection: Pick<Connection, "name" | "settings">,
  places: { readonly folder: string; readonly home: string },
): string {
  const own = connection.settings["folder"];
  if (typeof own !== "string") return join(places.home, "lake", connection.name);
  return isAbsolute(own) ? own : resolve(places.folder, own);
}

/** Where the Parquet files of a warehouse are. */
export function dataFolder(folder: string): string {
  return join(folder, "data");
}

function catalogPath(folder: string): string {
  return join(folder, "catalog.db");
}

const open = new Map<string, { readonly database: Database; readonly inode: number }>();

/**
 * The catalog for writing, made when it isn't there. It stays open as long as the process: closing the last connection
 * to a SQLite file costs more than a load.
 */
export function writableCatalog(folder: string): Database {
  const path = catalogPath(folder);
  const known = open.get(path);
  if (known !== undefined) {
    if (statSync(path, { throwIfNoEntry: false })?.ino === known.inode) return known.database;
    // Somebody has removed the folder, perhaps made it anew.
    known.database.close();
    open.delete(path);
  }
  const database = openDatabase(path, { migrations });
  open.set(path, { database, inode: statSync(path).ino });
  return database;
}

/** Calls `read` on one snapshot of the catalog; null where there is none yet. */
export function withCatalog<T>(folder: string, read: (database: Database) => T): T | null {
  const path = catalogPath(folder);
  if (!existsSync(path)) return null;
  const database = openDatabase(path, { migrations, readOnly: true });
  try {
    return database.snapshot(() => {
      // Another process may be about to make it.
      const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
      return version === 0 ? null : read(database);
    });
  } finally {
    database.close();
  }
}
