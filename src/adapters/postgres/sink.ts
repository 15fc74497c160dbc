// Loads into PostgreSQL in one transaction: the rows, and in the table `_sluice_loads` of the same schema the key of the
// load and its fence. Every loaded row says in the column `_sluice_partition` which partition it came with: that is how
// replace-partition knows its rows. Rows are deleted, never truncated, so that readers see the old ones or the new. Rows that
// are merged wait in a temporary table of the transaction.
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { LoadRequest, Sink, SinkContext, Table } from "../../connect/sink.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import { applyMerge, applyRetain, type LoadClient } from "../sql-load/apply.ts";
import { deletedColumn, partitionColumn } from "../sql-load/own-columns.ts";
import { stagedRows, type StagedRows } from "../sql-load/staged-rows.ts";
import { clearing, type LoadedColumn, type LoadShape } from "../sql-load/statements.ts";
import { withPostgres, type PostgresClient } from "./connection.ts";
import { copyInOptions, writeCsv } from "./csv.ts";
import { findEarlier, prepareLedger, recordLoad, storedPosition, storePositions } from "./ledger.ts";
import { postgresDialect } from "./dialect.ts";
import { prepareTable, presentColumns, tableColumns, type Target } from "./table.ts";
import { isBare, loadingExpression } from "./types.ts";

const stagedTable = "pg_temp.sluice_staged";

/** Loads into tables of the vendor "postgres". */
export const postgresSink: Sink = {
  capabilities: {
    writes: ["append", "replace", "replace-partition", "upsert", "delete-insert", "insert-only", "scd2", "retain"],
    effect: "exactly-once",
    widens: true,
  },
  load: loadRows,
  columns: (table, offered, context) =>
    withPostgres(table.connection, "sink", context, async (client) =>
      tableColumns(client, await targetOf(client, table), offered),
    ),
  position: (table, reader, context) =>
    withPostgres(table.connection, "sink", context, async (client) =>
      storedPosition(client, await targetOf(client, table), reader),
    ),
  sample: (table, columns, limit, context) =>
    withPostgres(table.connection, "sink", context, async (client) => {
      const { sql } = await targetOf(client, table);
      const names = columns.map((name) => quoteIdentifier(name)).join(", ");
      const { rows } = await client.query(`select ${names} from ${sql} limit ${limit}`);
      return rows.map((row) => Object.fromEntries(columns.map((name, position) => [name, row[position] ?? null])));
    }),
};

async function loadRows(request: LoadRequest, context: SinkContext): Promise<{ readonly loaded: number }> {
  context.signal.throwIfAborted();
  const folder = join(context.home, "tmp");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `load-${randomUUID()}.csv`);
  const staged = await stagedRows(request, context.session);
  const direct = typeof request.write === "string";
  try {
    // Before the transaction, which then holds its locks for as short as can be.
    if (request.dataset.rows > 0) await writeRowsAsCsv(request, staged, direct, await context.session(), path);
    return await withPostgres(request.table.connection, "sink", context, async (client) => {
      const target = await targetOf(client, request.table);
      await prepareLedger(client, target);
      return loadOnce(client, target, request, staged, path, context.signal);
    });
  } finally {
    await rm(path, { force: true });
  }
}

async function loadOnce(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
  staged: StagedRows,
  path: string,
  signal: AbortSignal,
): Promise<{ loaded: number }> {
  // One load of a table at a time. A worker that stops between two statements is cut off, so that the lock comes free.
  await client.query(`begin; set local timezone = 'UTC'; set local datestyle = 'ISO, YMD';
    set local idle_in_transaction_session_timeout = '60s';
    select pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`sluice load ${target.sql}`)}, 0))`);
  const earlier = await findEarlier(client, target, request);
  if (earlier !== null) {
    await client.query("commit");
    return { loaded: earlier };
  }
  await storePositions(client, target, request.positions ?? []);
  const loaded = await writeRows(client, target, request, staged, path, signal);
  await recordLoad(client, target, request, loaded);
  signal.throwIfAborted();
  await client.query("commit");
  return { loaded };
}

async function writeRows(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
  staged: StagedRows,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const { write, partition, dataset } = request;
  // What is not there has nothing to lose.
  if (typeof write === "object" && write.by === "retain" && (await presentColumns(client, target)) === null) return 0;
  const columns = await prepareTable(client, target, request, staged.columns);
  if (typeof write === "string") {
    const clear = clearing(write, target.sql, partition, postgresDialect);
    if (clear !== null) await client.query(clear);
    const names = [...columns.map(({ name }) => quoteIdentifier(name)), partitionColumn];
    return dataset.rows === 0 ? 0 : copyRows(client, `${target.sql} (${names.join(", ")})`, path, signal);
  }
  await stageTable(client, target, columns, staged.marksDeleted);
  if (dataset.rows > 0) await copyRows(client, stagedTable, path, signal);
  // Its statistics decide how the rows are matched.
  await client.query(`analyze ${stagedTable}`);
  const shape: LoadShape = { target: target.sql, staged: stagedTable, columns, partition };
  const asked: LoadClient = {
    execute: async (statement) => {
      signal.throwIfAborted();
      await client.query(statement);
    },
    value: async (query) => (await client.query(query)).rows[0]?.[0] ?? null,
  };
  return write.by === "merge"
    ? applyMerge(asked, request, write, shape, postgresDialect)
    : applyRetain(asked, request, write, shape, postgresDialect);
}

/** Makes the temporary table of rows that are to be merged: the table's own types, none of its constraints. */
async function stageTable(
  client: PostgresClient,
  target: Target,
  columns: readonly LoadedColumn[],
  marksDeleted: boolean,
): Promise<void> {
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
  const mark = marksDeleted ? `, null::boolean as ${deletedColumn}` : "";
  await client.query(
    `create temporary table ${stagedTable} on commit drop as select ${names}${mark} from ${target.sql} with no data`,
  );
}
async function copyRows(client: PostgresClient, into: string, path: string, signal: AbortSignal): Promise<number> {
  const copy = client.copyFrom(`copy ${into} from stdin ${copyInOptions}`);
  await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), copy, { signal });
  return copy.rowCount;
}

async function writeRowsAsCsv(
  { partition }: LoadRequest,
  { columns, marksDeleted, rows }: StagedRows,
  direct: boolean,
  session: Session,
  path: string,
): Promise<void> {
  const expressions = [
    ...columns.map((column) => [loadingExpression(column), !isBare(column)] as const),
    ...(marksDeleted ? [[deletedColumn, false] as const] : []),
    ...(direct ? [[partition === null ? "NULL" : quoteLiteral(partition), true] as const] : []),
  ];
  const list = expressions.map(([expression], position) => `${expression} AS c${position}`);
  const quoted = expressions.flatMap(([, isQuoted], position) => (isQuoted ? [`c${position}`] : []));
  await writeCsv(session, `SELECT ${list.join(", ")} FROM ${rows}`, path, quoted);
}

async function targetOf(client: PostgresClient, { name, connection }: Table): Promise<Target> {
  const path = name.split(".");
  const schema = path.length > 1 ? path[0]! : (await client.query("select current_schema()")).rows[0]?.[0];
  if (schema === null || schema === undefined) {
    throw new SluiceError(
      "SINK_SCHEMA",
      `There is no schema for the table ${connection.name}.${name}: the search_path names none that exists`,
      {
        hint: 'Name the schema too, such as table("public.sales").',
      },
    );
  }
  const table = path.at(-1)!;
  return { asset: `${connection.name}.${name}`, schema, table, sql: quoteIdentifier(schema, table) };
}
