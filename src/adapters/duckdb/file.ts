// A DuckDB file, attached to the engine's session for one piece of work. The file is locked for that time: DuckDB lets one
// process write it, and then no other read it. Within a process the turns keep it open once, for two instances on one file
// would lose each other's rows without a word.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { DuckdbSettings } from "../../connect/duckdb.ts";
import type { SinkContext, Table } from "../../connect/sink.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteLiteral } from "../../dataset/sql.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { inTurn } from "../sql-load/turns.ts";

/** Under this name the file is attached. */
export const attached = "sluice_file";

export function pathOf({ connection }: Table, context: Pick<SinkContext, "resolve" | "folder">): string {
  const given = context.resolve((connection.settings as unknown as DuckdbSettings).path);
  return isAbsolute(given) ? given : join(context.folder, given);
}

/** Attaches the file, calls `work`, and lets go of it. Null where it is only to be read and isn't there. */
export function withFile<T>(
  path: string,
  mode: "read" | "write",
  open: () => Promise<Session>,
  work: (session: Session) => Promise<T>,
): Promise<T | null> {
  return inTurn(async () => {
    if (!existsSync(path)) {
      if (mode === "read") return null;
      mkdirSync(dirname(path), { recursive: true });
    }
    const session = await open();
    try {
      await session.run(`ATTACH ${quoteLiteral(path)} AS ${attached}${mode === "read" ? " (READ_ONLY)" : ""}`);
    } catch (error) {
      throw unavailable(error, path);
    }
    try {
      return await work(session);
    } finally {
      await session.run(`DETACH DATABASE ${attached}`);
    }
  });
}

function unavailable(error: unknown, path: string): unknown {
  if (!isSluiceError(error)) return error;
  const holder = /Conflicting lock is held in (.*?)(?: by user .*)?\. /.exec(error.message)?.[1];
  if (holder === undefined && !/lock/i.test(error.message)) {
    return new SluiceError("SINK_UNAVAILABLE", `${path} can't be opened as a DuckDB file: ${error.message}`, {
      hint: "Check the path, its rights, and which version of DuckDB made it.",
      cause: error,
    });
  }
  return new SluiceError(
    "SINK_UNAVAILABLE",
    `${path} is held by another process${holder === undefined ? "" : `: ${holder}`}`,
    {
      retryable: true,
      hint: "DuckDB lets one process at a time have a file that is written. Close it there, or load into lake(), which any number of processes read.",
      cause: error,
    },
  );
}
