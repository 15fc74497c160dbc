// Reads a query of a SQLite file: opened for reading only, never created, a batch of rows in memory at a time.
// SQLite's values carry types of their own, so a column's type follows its declaration where the values fit it, else
// the values; a column of mixed values is text. BLOBs become lower-case hexadecimal text.
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { BoundValue, SqlRequest } from "../../connect/sql-connection.ts";
import type { SqliteSettings } from "../../connect/sqlite.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { writeRows } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";

type Row = Readonly<Record<string, unknown>>;

const batchSize = 2048;

/** Reads sources of the vendor "sqlite". */
export const sqliteSource: SourceAdapter = async (source: Source, context: SourceContext): Promise<Dataset> => {
  const { text, values } = source.request as unknown as SqlRequest;
  const given = context.resolve((source.connection!.settings as unknown as SqliteSettings).path);
  const path = isAbsolute(given) ? given : join(context.folder, given);
  context.signal.throwIfAborted();
  // Opening a file that isn't there would fail with a message that doesn't say so.
  if (!existsSync(path)) {
    throw new SluiceError(
      "SOURCE_MISSING",
      `The SQLite file ${path} of the connection "${source.connection!.name}" does not exist`,
      {
        hint: "Check the path in sluice.config.ts; a relative one starts at its folder.",
        details: { path },
      },
    );
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    const statement = database.prepare(text);
    statement.setReadBigInts(true);
    const columns = statement.columns().map(({ name, type }) => observeColumn(name, type));
    checkNames(
      columns.map((column) => column.name),
      path,
    );
    const unsettled = columns.map(({ name }) => ({ name, type: "VARCHAR" }));
    const batches = batchesOf(statement, values.map(bound), columns, context.signal);
    return await writeRows(await context.session(), context.artifacts, unsettled, batches, () =>
      columns.map((column) => column.settled()),
    );
  } catch (error) {
    throw explained(error, path);
  } finally {
    database?.close();
  }
};

async function* batchesOf(
  statement: StatementSync,
  values: readonly SQLInputValue[],
  columns: readonly ObservedColumn[],
  signal: AbortSignal,
): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for (const row of statement.iterate(...values) as Iterable<Row>) {
    batch.push(Object.fromEntries(columns.map((column) => [column.name, column.observe(row[column.name])])));
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
    // SQLite works on this thread: without a pause no cancellation could arrive.
    await setImmediate();
    signal.throwIfAborted();
  }
  if (batch.length > 0) yield batch;
}

interface ObservedColumn {
  readonly name: string;
  /** Takes note of a value and gives its text. */
  observe(value: unknown): string | null;
  settled(): Column;
}

function observeColumn(name: string, declared: string | null): ObservedColumn {
  let [integers, reals, others, unsafe] = [false, false, false, false];
  return {
    name,
    observe: (value) => {
      if (value === null || value === undefined) return null;
      if (typeof value === "bigint") {
        integers = true;
        unsafe ||= value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER;
        return value.toString();
      }
      if (typeof value === "number") {
        reals = true;
        return String(value);
      }
      others = true;
      return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
    },
    settled: () => {
      const affinity = affinityOf(declared);
      if (others) return { name, type: "VARCHAR" };
      if (!integers && !reals) return { name, type: affinity };
      if (!reals) return { name, type: affinity === "DOUBLE" && !unsafe ? "DOUBLE" : "BIGINT" };
      // A double can't hold integers beyond 2^53 beside the reals.
      return { name, type: unsafe ? "VARCHAR" : "DOUBLE" };
    },
  };
}

/** The column's type by its declaration (https://sqlite.org/datatype3.html §3.1), for when the values don't tell. */
function affinityOf(declared: string | null): "BIGINT" | "DOUBLE" | "VARCHAR" {
  if (declared === null) return "VARCHAR";
  if (/INT/i.test(declared)) return "BIGINT";
  if (/CHAR|CLOB|TEXT|BLOB/i.test(declared)) return "VARCHAR";
  // NUMERIC keeps 12 as an integer beside 12.5: as DOUBLE the column has one type, whatever the day's values are.
  return /REAL|FLOA|DOUB|NUM|DEC/i.test(declared) ? "DOUBLE" : "VARCHAR";
}

function checkNames(names: readonly string[], path: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name.toLowerCase())) {
      throw new SluiceError("QUERY_FAILED", `The query on ${path} has two columns named "${name}"`, {
        hint: "Give one of them another name: … as other_name.",
      });
    }
    seen.add(name.toLowerCase());
  }
  if (names.length === 0)
    throw new SluiceError("QUERY_FAILED", `The query on ${path} has no columns`, { hint: "A source is a SELECT." });
}

function bound(value: BoundValue): SQLInputValue {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "object" && value !== null ? BigInt(value.bigint) : value;
}

// SQLite's primary result codes (https://sqlite.org/rescode.html).
const [busy, locked, corrupt, notDatabase] = [5, 6, 11, 26];

function explained(error: unknown, path: string): unknown {
  const code = (error as { errcode?: number }).errcode;
  if (isSluiceError(error) || !(error instanceof Error) || code === undefined) return error;
  const primary = code & 0xff;
  const message = error.message.split("\n", 1)[0] ?? "";
  const because = { cause: error, details: { path, errcode: code } };
  if (primary === busy || primary === locked) {
    return new SluiceError("SOURCE_UNAVAILABLE", `${path} is locked by another process`, {
      ...because,
      retryable: true,
      hint: "Try again when it is free.",
    });
  }
  if (primary === corrupt || primary === notDatabase) {
    return new SluiceError("SOURCE_MALFORMED", `${path} is not a sound SQLite database: ${message}`, {
      ...because,
      hint: "Check the path, then the file.",
    });
  }
  if (/^no such table/i.test(message)) {
    return new SluiceError("SOURCE_MISSING", `${path}: ${message}`, {
      ...because,
      hint: "Check the table's name in the query and the connection's path.",
    });
  }
  if (/^no such column/i.test(message)) {
    return new SluiceError("SOURCE_COLUMNS", `${path}: ${message}`, {
      ...because,
      hint: "Check the column's name in the query.",
    });
  }
  return new SluiceError("QUERY_FAILED", `${path}: ${message}`, { ...because, hint: "Check the query." });
}
