// Applies staged rows to a table, within the load's transaction: the statements of the disposition, and the checks that only
// the database can make.
import type { LoadRequest } from "../../connect/sink.ts";
import type { Merge, Retain } from "../../connect/write-disposition.ts";
import { SluiceError } from "../../errors.ts";
import type { LoadDialect } from "./dialect.ts";
import { indistinct } from "./staged-rows.ts";
import { keptRows, latestTime, mergeStatements, repeatedKey, retainStatements, type LoadShape } from "./statements.ts";

/** What is asked of a database in one load. */
export interface LoadClient {
  execute(statement: string): Promise<void>;
  /** The first value of the first row, as text. */
  value(query: string): Promise<string | null>;
}

/** Returns how many rows of this load the table has then. */
export async function applyMerge(
  client: LoadClient,
  request: LoadRequest,
  merge: Merge,
  shape: LoadShape,
  dialect: LoadDialect,
): Promise<number> {
  if (merge.strategy !== "delete-insert") {
    const repeated = Number(await client.value(repeatedKey(merge.key, shape.staged, dialect)));
    if (repeated > 0) throw indistinct(request, repeated);
  }
  const own = utcText(request.at ?? Date.now());
  const at = merge.strategy === "scd2" ? (await client.value(latestTime(shape.target, own, dialect)))! : own;
  for (const statement of mergeStatements(merge, shape, at, dialect)) await client.execute(statement);
  const kept = merge.deleted === null ? `SELECT count(*) FROM ${shape.staged}` : keptRows(shape.staged, dialect);
  return Number(await client.value(kept));
}

/** Returns how many rows are left. */
export async function applyRetain(
  client: LoadClient,
  request: LoadRequest,
  retain: Retain,
  shape: LoadShape,
  dialect: LoadDialect,
): Promise<number> {
  const statements = retainStatements(retain.key, shape, dialect);
  const all = Number(await client.value(statements.all));
  const gone = Number(await client.value(statements.gone));
  if (gone > all * retain.maxDeleted) throw tooMany(request, retain, gone, all);
  if (gone > 0) await client.execute(statements.removal);
  return all - gone;
}

/** The error for a list of keys that would empty the table. */
export function tooMany({ table }: LoadRequest, { maxDeleted }: Retain, gone: number, all: number): SluiceError {
  return new SluiceError(
    "SINK_REFUSED",
    `${gone} of ${all} rows of ${table.connection.name}.${table.name} would be deleted, more than the share of ${maxDeleted} that may be`,
    {
      hint: "Nothing was deleted. Check that the list of keys is whole; if it is, raise `maxDeleted` for this load.",
      details: { gone, all, maxDeleted },
    },
  );
}

/** "2026-01-31 02:00:00.123+00", from milliseconds. */
export function utcText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("T", " ").replace("Z", "+00");
}
