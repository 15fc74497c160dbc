// What goes when the store is pruned. It is done in small transactions, and what the engine decides by stays: the
// newest run and the newest success of each pipeline and partition, and the newest update of each asset and partition.
import { setImmediate } from "node:timers/promises";
import type { Database } from "./database.ts";
import { all } from "./run-queries.ts";

/** Rows that one query looks at, or one transaction deletes, before others have their turn. */
const stretch = 1_000;
/** Runs whose outputs are read at a time: each may have many, of up to 64 KiB. */
const outputStretch = 20;

export async function prune(database: Database, before: number, keep: number): Promise<number> {
  const count = await pruneRuns(database, before, Math.max(1, keep));
  await pruneUpdates(database, before);
  await pruneRest(database, "DELETE FROM cached WHERE key IN (SELECT key FROM cached WHERE at < ? LIMIT ?)", before);
  await pruneRest(
    database,
    `DELETE FROM instructions WHERE position IN (
       SELECT position FROM instructions WHERE answered_at IS NOT NULL AND answered_at < ? LIMIT ?)`,
    before,
  );
  return count;
}

/** Cached results come first: one that a run takes meanwhile is found with the run. */
export async function eachOutput(database: Database, look: (json: string) => void): Promise<void> {
  type Row = { readonly output: string | null };
  const tell = (rows: readonly Row[]): void => {
    for (const { output } of rows) if (output !== null) look(output);
  };
  for (let after = ""; ;) {
    const rows = all<Row & { readonly key: string }>(
      database,
      "SELECT key, output FROM cached WHERE key > ? ORDER BY key LIMIT ?",
      after,
      stretch,
    );
    tell(rows);
    if (rows.length < stretch) break;
    after = rows.at(-1)!.key;
    await setImmediate();
  }
  // Asked for anew each time: runs that were made meanwhile come in the end.
  for (let after = 0; after < last(database, "SELECT max(sequence) AS last FROM runs"); after += outputStretch) {
    const [from, to] = [after, after + outputStretch];
    for (const table of ["items", "steps"])
      tell(all<Row>(database, `SELECT output FROM ${table} WHERE run_sequence > ? AND run_sequence <= ?`, from, to));
    await setImmediate();
  }
}

async function pruneRuns(database: Database, before: number, keep: number): Promise<number> {
  const newest = last(database, "SELECT max(sequence) AS last FROM runs");
  let count = 0;
  for (let after = 0; after < newest; after += stretch) {
    const found = database
      .prepare(
        `SELECT sequence FROM runs AS old
         WHERE sequence > $after AND sequence <= $after + $stretch AND status <> 'running' AND finished_at < $before
         AND NOT EXISTS (SELECT 1 FROM partitions WHERE pipeline = old.pipeline
                         AND partition = coalesce(old.partition, '') AND succeeded = old.sequence)
         AND EXISTS (SELECT 1 FROM runs AS newer
                     WHERE newer.pipeline = old.pipeline AND newer.partition IS old.partition
                     AND newer.status IN ('running', 'succeeded', 'failed', 'cancelled')
                     AND newer.sequence > old.sequence LIMIT 1 OFFSET $keep - 1)
         ORDER BY sequence`,
      )
      .all({ $after: after, $stretch: stretch, $before: before, $keep: keep }) as { sequence: number }[];
    const left = found.map(({ sequence }) => sequence);
    count += left.length;
    while (left.length > 0) {
      database.transaction(() => {
        for (let deleted = 0; deleted < stretch && left.length > 0;) deleted += deleteRun(database, left.shift()!);
      });
      await setImmediate();
    }
    await setImmediate();
  }
  return count;
}

/** Returns how many rows that were. */
function deleteRun(database: Database, sequence: number): number {
  const owned = ["steps", "items", "attempts", "live", "logs", "notices"].map(
    (table) => database.prepare(`DELETE FROM ${table} WHERE run_sequence = ?`).run(sequence).changes,
  );
  database.prepare("DELETE FROM runs WHERE sequence = ?").run(sequence);
  return owned.reduce<number>((sum, changes) => sum + Number(changes), 1);
}

async function pruneUpdates(database: Database, before: number): Promise<void> {
  const newest = last(database, "SELECT max(position) AS last FROM asset_updates");
  for (let after = 0; after < newest; after += stretch) {
    database
      .prepare(
        `DELETE FROM asset_updates WHERE position IN (
           SELECT position FROM asset_updates AS old
           WHERE position > $after AND position <= $after + $stretch AND at < $before
           AND EXISTS (SELECT 1 FROM asset_updates AS newer WHERE newer.asset = old.asset
                       AND newer.partition IS old.partition AND newer.position > old.position))`,
      )
      .run({ $after: after, $stretch: stretch, $before: before });
    await setImmediate();
  }
}

async function pruneRest(database: Database, text: string, before: number): Promise<void> {
  while (database.prepare(text).run(before, stretch).changes !== 0) await setImmediate();
}

function last(database: Database, text: string): number {
  return all<{ last: number | null }>(database, text)[0]!.last ?? 0;
}
