// The tables `_sluice_loads` and `_sluice_positions` of a schema: which loads its tables hold, and how far what they brought
// was read; both written in the transaction of the load itself. A row in `_sluice_loads` is the proof that its rows are there;
// nothing is ever taken from it.
import { checkUnmoved } from "../../connect/position.ts";
import type { LoadRequest } from "../../connect/sink.ts";
import type { Position } from "../../dataset/position.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { PostgresClient } from "./connection.ts";
import type { Target } from "./table.ts";

/** Makes the schema and the ledger when they are missing, in a transaction of its own. */
export async function prepareLedger(client: PostgresClient, target: Target): Promise<void> {
  const ledger = ledgerOf(target);
  const { rows } = await client.query(
    "select to_regclass($1) is not null and to_regclass($2) is not null, to_regnamespace($3) is not null",
    [ledger, positionsOf(target), quoteIdentifier(target.schema)],
  );
  const [hasLedgers, hasSchema] = rows[0]!;
  if (hasLedgers === "t") return;
  // "if not exists" alone is no protection against another session that creates the same thing at the same moment.
  await client.query(`begin;
    select pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`sluice schema ${target.schema}`)}, 0));
    ${hasSchema === "t" ? "" : `create schema if not exists ${quoteIdentifier(target.schema)};`}
    create table if not exists ${ledger} (
      table_name text not null,
      load_key text not null,
      partition text not null,
      fence bigint not null,
      rows bigint not null,
      loaded_at timestamptz not null default now(),
      primary key (table_name, load_key)
    );
    create index if not exists _sluice_loads_by_fence on ${ledger} (table_name, partition, fence);
    create table if not exists ${positionsOf(target)} (
      table_name text not null,
      reader text not null,
      position jsonb not null,
      stored_at timestamptz not null default now(),
      primary key (table_name, reader)
    );
    commit`);
}

/** The rows of this load when it has been done before; null when it is to be done. Throws FENCED when it was overtaken. */
export async function findEarlier(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
): Promise<number | null> {
  const ledger = ledgerOf(target);
  const { rows } = await client.query(
    `select (select max(fence) from ${ledger} where table_name = $1 and partition = $2),
            (select rows from ${ledger} where table_name = $1 and load_key = $3)`,
    [target.table, request.partition ?? "", request.loadKey],
  );
  const [highest, loaded] = rows[0]!;
  if (highest != null && BigInt(highest) > BigInt(request.fence)) {
    throw new SluiceError(
      "FENCED",
      `A newer load of ${target.asset}${request.partition === null ? "" : `, partition ${request.partition}`}, has been committed`,
      {
        hint: "Nothing was written; the newer load's rows stand.",
        details: { fence: request.fence, highest: Number(highest) },
      },
    );
  }
  if (loaded == null) return null;
  await client.query(`update ${ledger} set fence = greatest(fence, $3) where table_name = $1 and load_key = $2`, [
    target.table,
    request.loadKey,
    request.fence,
  ]);
  return Number(loaded);
}

export async function recordLoad(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
  loaded: number,
): Promise<void> {
  await client.query(
    `insert into ${ledgerOf(target)} (table_name, load_key, partition, fence, rows) values ($1, $2, $3, $4, $5)`,
    [target.table, request.loadKey, request.partition ?? "", request.fence, loaded],
  );
}

/** What the last load stored for this reader; null for nothing. */
export async function storedPosition(client: PostgresClient, target: Target, reader: string): Promise<Json> {
  const positions = positionsOf(target);
  const { rows: there } = await client.query("select to_regclass($1) is not null", [positions]);
  if (there[0]![0] !== "t") return null;
  const { rows } = await client.query(`select position from ${positions} where table_name = $1 and reader = $2`, [
    target.table,
    reader,
  ]);
  const text = rows[0]?.[0];
  return text == null ? null : (JSON.parse(text) as Json);
}

/** Moves positions on, in the load's transaction, which holds the table's lock. Throws FENCED for one that has been moved. */
export async function storePositions(
  client: PostgresClient,
  target: Target,
  positions: readonly Position[],
): Promise<void> {
  for (const position of positions) {
    checkUnmoved(await storedPosition(client, target, position.reader), position);
    await client.query(
      `insert into ${positionsOf(target)} (table_name, reader, position) values ($1, $2, $3)
       on conflict (table_name, reader) do update set position = excluded.position, stored_at = now()`,
      [target.table, position.reader, JSON.stringify(position.to)],
    );
  }
}

function positionsOf(target: Target): string {
  return quoteIdentifier(target.schema, "_sluice_positions");
}

function ledgerOf(target: Target): string {
  return quoteIdentifier(target.schema, "_sluice_loads");
}
