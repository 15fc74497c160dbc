// Opens a SQLite file as a step would, for reading, and looks whether it is one.
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import type { SqliteSettings } from "../../connect/sqlite.ts";
import { SluiceError } from "../../errors.ts";
import { mayWrite } from "../file-system/access.ts";

/** Checks connections of the vendor "sqlite". */
export const checkSqlite: ConnectionCheck = async (connection, context) => {
  const given = context.resolve((connection.settings as unknown as SqliteSettings).path);
  const path = isAbsolute(given) ? given : join(context.folder, given);
  if (!existsSync(path)) {
    throw new SluiceError("SOURCE_MISSING", `There is no file ${path}`, {
      hint: "Check the path in sluice.config.ts; a relative one starts at its folder.",
    });
  }
  let tables: number;
  let version: string;
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    try {
      const row = database
        .prepare(
          "SELECT sqlite_version() AS version, (SELECT count(*) FROM sqlite_master WHERE type = 'table') AS tables",
        )
        .get() as { version: string; tables: number };
      ({ version, tables } = row);
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new SluiceError("SOURCE_REFUSED", `${path} can't be read as a SQLite file: ${(cause as Error).message}`, {
      hint: "Check that it is the right file, and that it may be read.",
      cause,
    });
  }
  return {
    server: `SQLite ${version}, ${tables} ${tables === 1 ? "table" : "tables"}`,
    as: null,
    reads: true,
    writes: mayWrite(path),
  };
};
