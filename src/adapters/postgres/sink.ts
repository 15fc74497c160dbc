// Loads into PostgreSQL in one transaction: the rows, and in the table `_sluice_loads` of the same schema the key of the
// load and its fence. Every loaded row says in the column `_sluice_partition` which partition it came with: that is how
// replace-partition knows its rows. Rows are deleted, never truncated, so that readers see the old ones or the new.
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { LoadRequest, Sink, SinkContext, Table } from "../../connect/sink.ts";
import type { Column } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import { withPostgres, type PostgresClient } from "./connection.ts";
import { copyInOptions, writeCsv } from "./csv.ts";
import { findEarlier, prepareLedger, recordLoad, storedPosition, storePositions } from "./ledger.ts";
import { partitionColumn, prepareTable, tableColumns, type Target } from "./table.ts";
import { loadingExpression } from "./types.ts";

/** Loads into tables of the vendor "postgres". */
export const postgresSink: Sink = {
  capabilities: { writes: ["append", "replace", "replace-partition"], effect: "exactly-once", widens: false },
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
  // A dataset read from a loaded table brings that table's mark along; the new rows get their own.
  const columns = request.dataset.columns.filter((column) => column.name !== partitionColumn);
  try {
    // Before the transaction, which then holds its locks for as short as can be.
    if (request.dataset.rows > 0) await writeRowsAsCsv(request, columns, await context.session(), path);
    return await withPostgres(request.table.connection, "sink", context, async (client) => {
      const target = await targetOf(client, request.table);
      await prepareLedger(client, target);
      return loadOnce(client, target, request, columns, path, context.signal);
    });
  } finally {
    await rm(path, { force: true });
  }
}

async function loadOnce(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
  columns: readonly Column[],
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
  await prepareTable(client, target, request, columns);
  if (request.write === "replace") await client.query(`delete from ${target.sql}`);
  if (request.write === "replace-partition")
    await client.query(`delete from ${target.sql} where ${partitionColumn} = $1`, [request.partition]);
  let loaded = 0;
  if (request.dataset.rows > 0) {
    const names = [...columns.map((column) => quoteIdentifier(column.name)), partitionColumn];
    const copy = client.copyFrom(`copy ${target.sql} (${names.join(", ")}) from stdin ${copyInOptions}`);
    await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), copy, { signal });
    loaded = copy.rowCount;
  }
  await recordLoad(client, target, request, loaded);
  signal.throwIfAborted();
  await client.query("commit");
  return { loaded };
}

async function writeRowsAsCsv(
  { dataset, partition }: LoadRequest,
  columns: readonly Column[],
  session: Session,
  path: string,
): Promise<void> {
  const values = [...columns.map(loadingExpression), partition === null ? "NULL" : quoteLiteral(partition)];
  await writeCsv(session, `SELECT ${values.join(", ")} FROM ${readDataset(dataset)}`, path);
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
