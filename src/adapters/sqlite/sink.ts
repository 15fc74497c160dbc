// Loads into a SQLite file: the rows wait in a temporary table of the connection, then one write transaction of the file takes
// them, the key of the load and the positions. Other writers wait for that transaction only, readers not at all where the file
// keeps a write-ahead log, which a file has that the first load made.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { LoadRequest, Sink, SinkContext, Table } from "../../connect/sink.ts";
import type { SqliteSettings } from "../../connect/sqlite.ts";
import type { Column } from "../../dataset/dataset.ts";
import type { Row } from "../../dataset/session.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import { standardSql, type LoadDialect } from "../sql-load/dialect.ts";
import type { Destination } from "../sql-load/destination.ts";
import { storedPosition } from "../sql-load/ledger.ts";
import { loadOnce } from "../sql-load/load-once.ts";
import { deletedColumn, isOwn } from "../sql-load/own-columns.ts";
import { stagedRows, type StagedRows } from "../sql-load/staged-rows.ts";
import type { PresentColumn } from "../sql-load/table-changes.ts";
import { inTurn } from "../sql-load/turns.ts";
import { engineType, fits, loadingExpression, loadingType } from "./load-types.ts";
import { explainSink } from "./sink-failure.ts";

const stagedTable = "temp.sluice_staged";

/** Loads into tables of the vendor "sqlite". */
export const sqliteSink: Sink = {
  capabilities: {
    writes: ["append", "replace", "replace-partition", "upsert", "delete-insert", "insert-only", "scd2", "retain"],
    effect: "exactly-once",
    widens: false,
  },
  load: async (request, context) => {
    context.signal.throwIfAborted();
    const staged = await stagedRows(request, context.session);
    const path = pathOf(request.table, context);
    // The engine's session streams one result at a time, and SQLite blocks the thread that would have to go on.
    return inTurn(() =>
      within(path, true, async (database) => {
        await stage(database, staged, request, context);
        return loadOnce(destinationOf(database, request.table), request, staged, context.signal);
      }),
    );
  },
  columns: (table, offered, context) =>
    reading(table, context, null, async (database) => {
      const present = presentColumns(database, table.name);
      if (present === null) return null;
      return present
        .filter(({ name }) => !isOwn(name))
        .map(({ name, type, fillsItself }) => {
          const column = offered.find((other) => other.name === name);
          const same = column === undefined ? null : fits(column, type);
          return { name, type: engineType(type), native: type, optional: fillsItself, fits: same };
        });
    }),
  position: (table, reader, context) =>
    reading(table, context, null, async (database) => {
      if (presentColumns(database, "_sluice_positions") === null) return null;
      return storedPosition(destinationOf(database, table), reader);
    }),
  sample: (table, columns, limit, context) =>
    reading(table, context, [], async (database) => {
      if (presentColumns(database, table.name) === null) return [];
      const names = columns.map((name) => quoteIdentifier(name)).join(", ");
      const statement = database.prepare(`SELECT ${names} FROM ${quoteIdentifier(table.name)} LIMIT ${limit}`);
      statement.setReadBigInts(true);
      const plain = (value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);
      return statement
        .all()
        .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])) as Row);
    }),
};

function pathOf({ connection }: Table, context: SinkContext): string {
  const given = context.resolve((connection.settings as unknown as SqliteSettings).path);
  return isAbsolute(given) ? given : join(context.folder, given);
}

async function within<T>(path: string, writes: boolean, work: (database: DatabaseSync) => Promise<T>): Promise<T> {
  let database: DatabaseSync | undefined;
  try {
    const made = writes && !existsSync(path);
    if (made) mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path, { readOnly: !writes, timeout: 10_000 });
    if (made) database.exec("PRAGMA journal_mode = WAL");
    // FULL: a commit survives the loss of power, not only of the process.
    if (writes) database.exec("PRAGMA synchronous = FULL");
    return await work(database);
  } catch (error) {
    throw explainSink(error, path);
  } finally {
    database?.close();
  }
}

async function reading<T>(
  table: Table,
  context: SinkContext,
  missing: T,
  work: (database: DatabaseSync) => Promise<T>,
): Promise<T> {
  const path = pathOf(table, context);
  return existsSync(path) ? within(path, false, work) : missing;
}

function presentColumns(database: DatabaseSync, table: string): readonly PresentColumn[] | null {
  const rows = database.prepare("SELECT name, type, dflt_value, pk, hidden FROM pragma_table_xinfo(?)").all(table) as {
    name: string;
    type: string;
    dflt_value: string | null;
    pk: number;
    hidden: number;
  }[];
  if (rows.length === 0) return null;
  // An integer primary key numbers itself.
  return rows.map(({ name, type, dflt_value: preset, pk, hidden }) => ({
    name,
    type,
    fillsItself: preset !== null || hidden !== 0 || (pk === 1 && /^INTEGER$/i.test(type)),
  }));
}

/** Fills the temporary table, a batch of rows at a time. */
async function stage(
  database: DatabaseSync,
  { columns, marksDeleted, rows }: StagedRows,
  { dataset }: LoadRequest,
  context: SinkContext,
): Promise<void> {
  const mark: readonly Column[] = marksDeleted ? [{ name: deletedColumn, type: "BOOLEAN" }] : [];
  const all = [...columns, ...mark];
  const definitions = all.map((column) => `${quoteIdentifier(column.name)} ${loadingType(column)}`);
  database.exec(`CREATE TEMP TABLE sluice_staged (${definitions.join(", ")})`);
  if (dataset.rows === 0) return;
  const insert = database.prepare(`INSERT INTO ${stagedTable} VALUES (${all.map(() => "?").join(", ")})`);
  const session = await context.session();
  const query = `SELECT ${all.map(loadingExpression).join(", ")} FROM ${rows}`;
  const result = await session.connection.stream(query);
  for await (const batch of result.yieldRows()) {
    context.signal.throwIfAborted();
    database.exec("BEGIN");
    for (const row of batch) insert.run(...row.map(bindable));
    database.exec("COMMIT");
  }
}

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === "bigint" || typeof value === "number" || typeof value === "string")
    return value;
  return (value as { readonly bytes: Uint8Array }).bytes;
}

const dialect: LoadDialect = {
  ...standardSql,
  quote: quoteIdentifier,
  text: (value) => `'${value.replaceAll("'", "''")}'`,
  // One form, so that text compares as the times do.
  time: (utc) => `'${utc}'`,
  timeText: (expression) => expression,
  same: (left, right) => `${left} IS ${right} COLLATE BINARY`,
};

function destinationOf(database: DatabaseSync, table: Table): Destination {
  const target = quoteIdentifier("main", table.name);
  const rows: Destination["rows"] = async (query) => {
    const statement = database.prepare(query);
    statement.setReadBigInts(true);
    return statement.all().map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
  };
  return {
    dialect,
    types: { loadingType, fits, text: "TEXT", integer: "INTEGER", long: "TEXT", time: "TEXT TIMESTAMPTZ" },
    target,
    name: table.name,
    loads: "main._sluice_loads",
    positions: "main._sluice_positions",
    execute: async (statement) => database.exec(statement),
    rows,
    value: async (query) => (await rows(query))[0]?.[0] ?? null,
    presentColumns: async () => presentColumns(database, table.name),
    begin: async () => database.exec("BEGIN IMMEDIATE"),
    widening: (column) => {
      throw new SluiceError("SINK_SCHEMA", `A SQLite file can't change the type of the column "${column}"`, {
        hint: "Make the table anew, or load into another one.",
      });
    },
    indexing: (columns) =>
      `CREATE INDEX ${quoteIdentifier("main", `${table.name} by ${columns.join(", ")}`)} ON ${quoteIdentifier(table.name)} (${columns.map((name) => quoteIdentifier(name)).join(", ")})`,
    stage: async () => stagedTable,
    schemaDone: async () => {},
    commit: async () => database.exec("COMMIT"),
    rollback: async () => {
      if (database.isTransaction) database.exec("ROLLBACK");
    },
  };
}
