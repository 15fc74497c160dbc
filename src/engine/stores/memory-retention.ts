// What goes from the store in memory when it is pruned, and what stays because the engine decides by it.
import type { MemoryRun, MemoryTables } from "./memory-tables.ts";
import type { AssetUpdate } from "./run-store.ts";

/** Takes out the runs that ended before a time; of each pipeline and partition the newest `keep` stay, and its newest success. */
export function pruneRuns(tables: MemoryTables, before: number, keep: number): MemoryRun[] {
  const newer = new Map<string, number>();
  const gone: MemoryRun[] = [];
  for (const run of [...tables.runs.values()].reverse()) {
    const { pipeline, partition, finishedAt } = run.record;
    const key = JSON.stringify([pipeline, partition]);
    const count = newer.get(key) ?? 0;
    newer.set(key, count + 1);
    if (finishedAt === null || finishedAt >= before || count < Math.max(1, keep)) continue;
    if (tables.partitions.get(pipeline)!.get(partition)!.succeeded !== run) gone.push(run);
  }
  for (const { record } of gone) {
    tables.runs.delete(record.id);
    tables.byRequest.delete(record.requestKey);
  }
  return gone;
}

/** Those that stay: from the time on, and the newest of each asset and partition. */
export function keptUpdates(updates: readonly AssetUpdate[], before: number): AssetUpdate[] {
  const newest = new Map(updates.map((update) => [JSON.stringify([update.asset, update.partition]), update]));
  return updates.filter(
    (update) => update.at >= before || newest.get(JSON.stringify([update.asset, update.partition])) === update,
  );
}
