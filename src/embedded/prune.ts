// Deletes what is stored of old runs, beside whatever process works on the project: in small transactions, of which none
// touches what a scheduler decides by.
import { existsSync } from "node:fs";
import { openEngineStore } from "../adapters/sqlite/engine-store.ts";
import { openProfileStore } from "../adapters/sqlite/profile-store.ts";
import { openQuarantineStore } from "../adapters/sqlite/quarantine-store.ts";
import type { QuarantineStore } from "../quality/quarantine-store.ts";
import type { Home } from "./home.ts";
import { pruneArtifacts, type PrunedArtifacts } from "./prune-artifacts.ts";

export interface PrunedRuns extends PrunedArtifacts {
  /** How many runs were deleted; the artifacts are those that nothing refers to any more. */
  readonly runs: number;
}

/** @param before In milliseconds since the epoch. @param keep Newest runs of each pipeline and partition that stay. */
export async function pruneRuns(home: Home, before: number, keep: number): Promise<PrunedRuns> {
  let pruned: PrunedRuns = { runs: 0, artifacts: 0, bytes: 0 };
  await withStore(home.state, openEngineStore, async (store) => {
    const runs = await store.prune(before, keep);
    pruned = { runs, ...(await pruneArtifacts(store, home, before)) };
    return runs;
  });
  return pruned;
}

/** Deletes rows that were set aside before a time, and returns how many. */
export async function pruneQuarantine(home: Home, before: number): Promise<number> {
  return withStore(home.quarantine, openQuarantineStore, (store) => store.prune(before));
}

/** Profiles of each step that stay whatever their age: a drift step has to have something to compare with. */
const profilesKept = 30;

/** Deletes profiles of runs before a time, and returns how many. */
export async function pruneProfiles(home: Home, before: number): Promise<number> {
  return withStore(home.profiles, openProfileStore, (store) => store.prune(before, profilesKept));
}

/** Deletes quarantined rows, and returns how many. */
export async function dropQuarantine(home: Home, filter: Parameters<QuarantineStore["drop"]>[0]): Promise<number> {
  return withStore(home.quarantine, openQuarantineStore, (store) => store.drop(filter));
}

/** 0 where nothing was stored yet: a store isn't made to delete from it. */
async function withStore<S extends { close(): void }>(
  path: string,
  open: (path: string) => S,
  work: (store: S) => Promise<number>,
): Promise<number> {
  if (!existsSync(path)) return 0;
  const store = open(path);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
