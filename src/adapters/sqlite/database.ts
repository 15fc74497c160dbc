// Opening a SQLite file the way Sluice uses it: one writer, many readers, durable commits.
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { diskFull, homeUnusable, SluiceError } from "../../errors.ts";

export interface Database {
  /**
   * A prepared statement, made once per text. A value that is used twice has a name (`$run`): Node 22 can't bind to
   * numbered parameters (`?1`).
   */
  prepare(text: string): StatementSync;
  /** Runs `work` in one write transaction: all of it or nothing. */
  transaction<T>(work: () => T): T;
  /** Runs `work`, which only reads, on one state of the file: what is committed meanwhile by others is not seen. */
  snapshot<T>(work: () => T): T;
  close(): void;
}

export interface DatabaseOptions {
  /** SQL texts in the order of their release; how many a file has had is kept in its `user_version`. */
  readonly migrations: readonly string[];
  /** Milliseconds to wait for another process's write. @default 10000 */
  readonly busyTimeout?: number;
  /** Open an existing file for reading only; nothing is created or migrated. */
  readonly readOnly?: boolean;
}

/** Opens (and creates, and migrates) the file at `path`. Commits are on disk when they return. */
export function openDatabase(path: string, options: DatabaseOptions): Database {
  const handle = open(path, options);
  const statements = new Map<string, StatementSync>();
  const prepare = (text: string): StatementSync => {
    let statement = statements.get(text);
    if (statement === undefined) {
      statement = handle.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };
  const within = <T>(begin: string, work: () => T): T => {
    prepare(begin).run();
    try {
      const result = work();
      prepare("COMMIT").run();
      return result;
    } catch (error) {
      if (handle.isTransaction) prepare("ROLLBACK").run();
      throw error;
    }
  };
  const transaction = <T>(work: () => T): T => within("BEGIN IMMEDIATE", work);
  const snapshot = <T>(work: () => T): T => within("BEGIN", work);
  try {
    if (options.readOnly !== true) migrate(handle, transaction, options.migrations);
    checkVersion(path, handle, options.migrations.length);
  } catch (error) {
    handle.close();
    throw error;
  }
  return { prepare, transaction, snapshot, close: () => handle.close() };
}

function open(path: string, options: DatabaseOptions): DatabaseSync {
  if (options.readOnly === true && !existsSync(path)) {
    throw new SluiceError("HOME_UNUSABLE", `There is no ${path} to read`, {
      hint: "It is made by the first run of a pipeline.",
    });
  }
  let handle: DatabaseSync | undefined;
  try {
    if (options.readOnly !== true) mkdirSync(dirname(path), { recursive: true });
    handle = new DatabaseSync(path, { readOnly: options.readOnly ?? false });
    handle.exec(`PRAGMA busy_timeout = ${options.busyTimeout ?? 10_000}`);
    if (options.readOnly !== true) {
      turnOnLog(handle, Date.now() + (options.busyTimeout ?? 10_000));
      // FULL: a commit survives the loss of power, not only of the process.
      handle.exec("PRAGMA synchronous = FULL");
      handle.exec("PRAGMA foreign_keys = ON");
    }
    return handle;
  } catch (cause) {
    handle?.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    // Not merely "full": the reason may hold the path.
    if (/database or disk is full|ENOSPC/i.test(reason)) {
      throw diskFull(`${path} can't be written`, cause);
    }
    throw homeUnusable(`${path} can't be opened: ${reason}`, cause);
  }
}

/** Two processes that make a file at once: SQLite refuses one of them at once, whatever the timeout, so it is asked again. */
function turnOnLog(handle: DatabaseSync, deadline: number): void {
  for (;;) {
    try {
      handle.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!/locked|busy/i.test(String(error)) || Date.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** A file of another version of Sluice is not touched: what its tables mean is not known here. */
function checkVersion(path: string, handle: DatabaseSync, known: number): void {
  const { user_version: version } = handle.prepare("PRAGMA user_version").get() as { user_version: number };
  // An empty file is one that is about to be made; whoever reads it finds out.
  if (version === known || version === 0) return;
  throw new SluiceError(
    "HOME_UNUSABLE",
    `${path} was made by ${version > known ? "a newer" : "an older"} version of Sluice (${version}, not ${known})`,
    {
      hint: version > known ? "Update Sluice." : "Run a pipeline once: it brings the file up to date.",
    },
  );
}

/** Applies the migrations that the file has not had yet, each in a transaction of its own. Never edit one that was released. */
function migrate(handle: DatabaseSync, transaction: <T>(work: () => T) => T, migrations: readonly string[]): void {
  const applied = (handle.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
  for (let version = applied; version < migrations.length; version += 1) {
    transaction(() => {
      // Another process may have come first.
      const current = (handle.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
      if (current > version) return;
      handle.exec(migrations[version]!);
      handle.exec(`PRAGMA user_version = ${version + 1}`);
    });
  }
}
