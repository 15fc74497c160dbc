// The table `_sluice_loads`: which loads a schema's tables hold, written in the transaction of the load itself.
// A row in it is the proof that its rows are there; nothing is ever taken from it.
import type { LoadRequest } from "../../connect/sink.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import type { PostgresClient } from "./connection.ts";
import type { Target } from "./table.ts";

/** Makes the schema and the ledger when they are missing, in a transaction of its own. */
export async function prepareLedger(client: PostgresClient, target: Target): Promise<void> {
  const ledger = ledgerOf(target);
  const { rows } = await client.query("select to_regclass($1) is not null, to_regnamespace($2) is not null", [
    ledger,
    quoteIdentifier(target.schema),
  ]);
  const [hasLedger, hasSchema] = rows[0]!;
  if (hasLedger === "t") return;
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

function ledgerOf(target: Target): string {
  return quoteIdentifier(target.schema, "_sluice_loads");
}
