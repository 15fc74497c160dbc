// Opens a DuckDB file for reading, and looks whether it, or the folder that it would be made in, may be written.
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import { openSession } from "../../dataset/session.ts";
import { quoteLiteral } from "../../dataset/sql.ts";
import { mayWrite, placeOf } from "../file-system/access.ts";
import { attached, pathOf, withFile } from "./file.ts";

/** Checks connections of the vendor "duckdb". */
export const checkDuckdb: ConnectionCheck = async (connection, context) => {
  const path = pathOf({ kind: "sluice.table", connection, name: "" }, context);
  if (!existsSync(path)) {
    const writes = mayWrite(placeOf(dirname(path)));
    return { server: `the DuckDB file ${path}, which the first load makes`, as: null, reads: null, writes };
  }
  const session = await openSession({ temporaryFolder: tmpdir() });
  try {
    const query = `SELECT count(*)::VARCHAR AS tables FROM duckdb_tables() WHERE database_name = ${quoteLiteral(attached)} AND NOT internal`;
    const rows = await withFile(
      path,
      "read",
      async () => session,
      (open) => open.rows(query),
    );
    const tables = String(rows?.[0]?.["tables"] ?? "0");
    const server = `the DuckDB file ${path}, ${tables} ${tables === "1" ? "table" : "tables"}`;
    return { server, as: null, reads: true, writes: mayWrite(path) };
  } finally {
    session.close();
  }
};
