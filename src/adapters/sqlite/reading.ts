// One reading of a SQLite file: opened for reading only, never created, in one transaction, and piped into Parquet while its
// rows are read. Types are known for sure only once all values have been seen: where the first ones have misled, the rows
// are read again.
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { pipeline } from "node:stream/promises";
import type { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { Source, SourceContext } from "../../connect/source.ts";
import type { BoundValue, SqlRequest } from "../../connect/sql-connection.ts";
import type { SqliteSettings } from "../../connect/sqlite.ts";
import { writeCsvPipe } from "../../dataset/csv-pipe.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { SluiceError } from "../../errors.ts";
import { explained } from "./failure.ts";
import { observeColumn, pipedColumn, type ObservedColumn } from "./observed-column.ts";

/** A query on an open file. */
export interface Query {
  readonly text: string;
  readonly values: readonly SQLInputValue[];
}

export interface OpenFile {
  readonly path: string;
  /** The query's columns and their declared types; throws where two have one name, or there are none. */
  columns(query: Query): readonly { readonly name: string; readonly declared: string | null }[];
  /** All rows of the query as a dataset, and what was seen of its columns' values. */
  read(query: Query): Promise<{ readonly dataset: Dataset; readonly observed: readonly ObservedColumn[] }>;
}

/** Opens the source's file for `work`, which sees one state of it. */
export async function withFile<T>(
  source: Source,
  context: SourceContext,
  work: (file: OpenFile, query: Query) => Promise<T>,
): Promise<T> {
  const { text, values } = source.request as unknown as SqlRequest;
  const given = context.resolve((source.connection!.settings as unknown as SqliteSettings).path);
  const path = isAbsolute(given) ? given : join(context.folder, given);
  context.signal.throwIfAborted();
  // Opening a file that isn't there would fail with a message that doesn't say so.
  if (!existsSync(path)) {
    throw new SluiceError(
      "SOURCE_MISSING",
      `The SQLite file ${path} of the connection "${source.connection!.name}" does not exist`,
      { hint: "Check the path in sluice.config.ts; a relative one starts at its folder.", details: { path } },
    );
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    const open = database;
    open.exec("begin");
    const file: OpenFile = {
      path,
      columns: (query) => columnsOf(open, query, path),
      read: (query) => readAll(open, query, path, context),
    };
    return await work(file, { text: text.replace(/[\s;]+$/, ""), values: values.map(bound) });
  } catch (error) {
    throw explained(error, path);
  } finally {
    database?.close();
  }
}

function columnsOf(database: DatabaseSync, query: Query, path: string): ReturnType<OpenFile["columns"]> {
  const columns = database.prepare(query.text).columns();
  checkNames(
    columns.map(({ name }) => name),
    path,
  );
  return columns.map(({ name, type }) => ({ name, declared: type }));
}

const batchSize = 2048;
const longBatch = 1_000_000;
/** A query whose values change from one reading to the next could go on for ever. */
const mostReadings = 4;

async function readAll(
  database: DatabaseSync,
  query: Query,
  path: string,
  context: SourceContext,
): ReturnType<OpenFile["read"]> {
  const declared = columnsOf(database, query, path);
  const fresh = (): ObservedColumn[] => declared.map((column) => observeColumn(column.name, column.declared));
  let observed = fresh();
  // The first rows are a good guess, and are read with the rest.
  let lines: Lines | null = linesOf(database, query, observed);
  const head = await lines.next();
  const whole = head.done === true || (head.value.rows < batchSize && head.value.text.length < longBatch);
  const few = whole ? { fewRows: batchSize } : {};
  let types = observed.map((column) => column.settled());
  for (let reading = 1; reading <= mostReadings; reading += 1) {
    const guessed = types;
    const state: Pass = { misled: false, rows: 0 };
    const produce = async (to: Writable): Promise<void> => {
      const first = lines !== null && head.done !== true ? [head.value] : [];
      const rest = lines ?? linesOf(database, query, (observed = fresh()));
      state.rows = 0;
      lines = null;
      await pipeline(checked(first, rest, state, guessed), to, { signal: context.signal });
    };
    const checked = async function* (
      first: readonly Batch[],
      rest: Lines,
      pass: Pass,
      expected: readonly ReturnType<ObservedColumn["settled"]>[],
    ): AsyncGenerator<string> {
      for (const batch of first) {
        pass.rows += batch.rows;
        yield batch.text;
      }
      for await (const batch of rest) {
        context.signal.throwIfAborted();
        pass.misled ||= !observed.every((column, index) => column.fits(expected[index]!));
        // What is left is looked at for its types only.
        if (pass.misled) continue;
        pass.rows += batch.rows;
        yield batch.text;
      }
    };
    const columns = declared.map(({ name }, index) => pipedColumn(name, guessed[index]!));
    const sending = async (to: Writable): Promise<number> => {
      await produce(to);
      types = observed.map((column) => column.settled());
      if (state.misled || types.some((type, index) => type !== guessed[index])) throw new Misled();
      return state.rows;
    };
    const written = await writeCsvPipe(await context.session(), context.artifacts, columns, sending, few).catch(
      (error: unknown) => {
        if (error instanceof Misled) return null;
        throw error;
      },
    );
    if (written !== null) return { dataset: written, observed };
  }
  throw new SluiceError("QUERY_FAILED", `The query on ${path} gives other values each time it is read`, {
    hint: "Take what is random out of it, or cast it to one type.",
  });
}

/** The values were of other types than the first of them. */
class Misled extends Error {}

interface Pass {
  /** Has a value passed that the guessed types don't take? */
  misled: boolean;
  rows: number;
}

interface Batch {
  readonly text: string;
  readonly rows: number;
}

type Lines = AsyncGenerator<Batch, void, undefined>;

/** The rows as lines of CSV, a batch at a time. */
async function* linesOf(database: DatabaseSync, query: Query, columns: readonly ObservedColumn[]): Lines {
  const statement = database.prepare(query.text);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  let [batch, rows] = ["", 0];
  for (const row of statement.iterate(...query.values) as Iterable<unknown>) {
    const values = row as readonly unknown[];
    for (let index = 0; index < columns.length; index += 1)
      batch += (index === 0 ? "" : ",") + columns[index]!.observe(values[index]);
    batch += "\n";
    rows += 1;
    if (rows < batchSize && batch.length < longBatch) continue;
    yield { text: batch, rows };
    [batch, rows] = ["", 0];
    // SQLite works on this thread: without a pause no cancellation could arrive.
    await setImmediate();
  }
  if (rows > 0) yield { text: batch, rows };
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
