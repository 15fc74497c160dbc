// Which loads the tables of an embedded warehouse hold, who has overtaken whom, and how far what they brought was read. All of
// it is asked and written within the transaction of the load itself.
import { checkUnmoved } from "../../connect/position.ts";
import type { LoadRequest } from "../../connect/sink.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Database } from "../sqlite/database.ts";
import { noPartition } from "./catalog.ts";
import { tableName } from "./table-columns.ts";

/** The rows of this load when it has been done before; null when it is to be done. Throws FENCED when it was overtaken. */
export function enter(catalog: Database, request: LoadRequest): number | null {
  const before = earlierLoad(catalog, request);
  if (before === null) checkFence(catalog, request);
  raiseFence(catalog, request);
  if (before === null) storePositions(catalog, request);
  return before;
}

export function record(
  catalog: Database,
  { table, loadKey, partition, fence }: LoadRequest,
  rows: number,
  now: number,
): void {
  catalog
    .prepare("INSERT INTO _sluice_loads (table_name, load_key, partition, fence, rows, at) VALUES (?, ?, ?, ?, ?, ?)")
    .run(table.name, loadKey, partition ?? noPartition, fence, rows, now);
}

export function positionIn(catalog: Database, table: string, reader: string): Json {
  const row = catalog
    .prepare("SELECT position FROM _sluice_positions WHERE table_name = ? AND reader = ?")
    .get(table, reader) as { position: string } | undefined;
  return row === undefined ? null : (JSON.parse(row.position) as Json);
}

function storePositions(catalog: Database, { table, positions = [] }: LoadRequest): void {
  for (const position of positions) {
    checkUnmoved(positionIn(catalog, table.name, position.reader), position);
    catalog
      .prepare(
        `INSERT INTO _sluice_positions (table_name, reader, position) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET position = excluded.position`,
      )
      .run(table.name, position.reader, JSON.stringify(position.to));
  }
}

export function earlierLoad(catalog: Database, { table, loadKey }: LoadRequest): number | null {
  const row = catalog
    .prepare("SELECT rows FROM _sluice_loads WHERE table_name = ? AND load_key = ?")
    .get(table.name, loadKey);
  return row === undefined ? null : (row as { rows: number }).rows;
}

export function checkFence(catalog: Database, { table, partition, fence }: LoadRequest): void {
  const where = partition ?? noPartition;
  const seen = catalog
    .prepare("SELECT fence FROM fences WHERE table_name = ? AND partition = ?")
    .get(table.name, where) as { fence: number } | undefined;
  if (seen !== undefined && fence < seen.fence) {
    const what = partition === null ? tableName(table) : `partition ${partition} of ${tableName(table)}`;
    throw new SluiceError("FENCED", `A newer run has loaded ${what}; this one wrote nothing`, {
      hint: "Nothing is lost: the newer run's rows stand.",
      details: { table: tableName(table), partition, fence, highest: seen.fence },
    });
  }
}

/** A replay counts as seen too: whoever is older than it has been overtaken. */
function raiseFence(catalog: Database, { table, partition, fence }: LoadRequest): void {
  catalog
    .prepare(
      `INSERT INTO fences (table_name, partition, fence) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET fence = max(fence, excluded.fence)`,
    )
    .run(table.name, partition ?? noPartition, fence);
}
