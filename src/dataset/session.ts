// The columnar session: one embedded DuckDB per worker process, in memory, spilling to the project's own folder.
// It runs SQL and hands out small results as plain JSON-safe rows. Large results never pass through here: they are
// written as Parquet by write-dataset.ts.
import type { DuckDBConnection, DuckDBPreparedStatement } from "@duckdb/node-api";
import { diskFull, SluiceError } from "../errors.ts";
import type { Column } from "./dataset.ts";
import type { SqlValue } from "./sql.ts";

export interface SessionOptions {
  /** Where the engine spills what doesn't fit in memory. */
  readonly temporaryFolder: string;
  /** Such as "2GB". @default a quarter of the machine's memory */
  readonly memory?: string;
  /** @default 1, which also makes sums of floating-point numbers reproducible */
  readonly threads?: number;
}

/** Up to so many rows, planning a statement well takes longer than running it badly. */
const fewRows = 20_000;

/** A row as JSON: 64-bit integers and decimals that a number can't hold exactly are strings. */
export type Row = Readonly<Record<string, unknown>>;

export interface Session {
  /**
   * Says how many rows the statements from here on are about; null when that isn't known. Over few rows the optimizer
   * costs more than it saves, and is left out. What comes out is the same.
   */
  expect(rows: number | null): void;
  /** Runs statements; returns the number of rows that the last one changed or wrote. */
  run(text: string): Promise<number>;
  /** All rows of a query with a small result. */
  rows(text: string, values?: readonly SqlValue[]): Promise<Row[]>;
  /** The columns a query would have; nothing is run. */
  describe(text: string): Promise<Column[]>;
  /** The connection itself, for appenders and streams. */
  readonly connection: DuckDBConnection;
  /** Stops the running query, which then fails. */
  interrupt(): void;
  close(): void;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  // Loaded here and not with this file: a worker whose steps move no rows does without the engine.
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", {
    threads: String(options.threads ?? 1),
    temp_directory: options.temporaryFolder,
    ...(options.memory === undefined ? {} : { memory_limit: options.memory }),
    // Nothing is ever fetched: an extension that isn't built in is an error at once, not a wait for the network.
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  // An option of the built-in ICU extension, which an instance does not know before it is up.
  await connection.run("SET TimeZone = 'UTC'");
  let optimizers: string | null = null;
  let wanted: "all" | "none" = "all";
  let current: "all" | "none" = "all";
  const prepared = async (): Promise<void> => {
    if (wanted === current) return;
    if (wanted === "none") optimizers ??= await optimizerNames(connection);
    await connection.run(`SET disabled_optimizers = '${wanted === "none" ? optimizers : ""}'`);
    current = wanted;
  };
  const attempt = async <T>(text: string, work: () => Promise<T>): Promise<T> => {
    try {
      await prepared();
      return await work();
    } catch (cause) {
      throw queryError(text, cause);
    }
  };
  return {
    connection,
    expect: (rows) => {
      wanted = rows !== null && rows <= fewRows ? "none" : "all";
    },
    run: async (text) => {
      const result = await attempt(text, () => connection.run(text));
      return result.rowsChanged;
    },
    rows: async (text, values = []) => {
      // An empty list of values would still take the prepared path, which plans the query twice.
      const bound = values.length === 0 ? undefined : values.map(bindable);
      const reader = await attempt(text, () => connection.runAndReadAll(text, bound));
      return reader.getRowObjectsJson() as Row[];
    },
    describe: async (text) => {
      const statement = await attempt(text, () => connection.prepare(text));
      try {
        return columnsOf(statement);
      } finally {
        statement.destroySync();
      }
    },
    interrupt: () => connection.interrupt(),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

function columnsOf(statement: DuckDBPreparedStatement): Column[] {
  return Array.from({ length: statement.columnCount }, (_, position) => ({
    name: statement.columnName(position),
    type: statement.columnType(position).toString(),
  }));
}

function bindable(value: SqlValue): string | number | bigint | boolean | null {
  return value instanceof Date ? value.toISOString() : value;
}

function queryError(text: string, cause: unknown): SluiceError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const line = message.split("\n", 1)[0] ?? message;
  if (/no space left on device|Could not write|disk.*full/i.test(message)) {
    return diskFull(line, cause);
  }
  return new SluiceError("QUERY_FAILED", line, { details: { sql: text }, cause });
}

async function optimizerNames(connection: DuckDBConnection): Promise<string> {
  const reader = await connection.runAndReadAll("SELECT string_agg(name, ',') FROM duckdb_optimizers()");
  return String(reader.getRows()[0]?.[0] ?? "");
}
