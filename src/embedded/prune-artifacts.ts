// Deletes the artifacts that nothing refers to any more, beside whatever process works on the project.
import { setTimeout as sleep } from "node:timers/promises";
import { deleteArtifact, oldArtifacts, type OldArtifact } from "../adapters/file-system/artifact-retention.ts";
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import type { EngineStore } from "../engine/stores/engine-store.ts";
import type { Home } from "./home.ts";

export interface PrunedArtifacts {
  /** How many were deleted: Parquet files of datasets, and outputs too big for a run's state. */
  readonly artifacts: number;
  readonly bytes: number;
}

/** An attempt that began this long before the oldest one known to be under way may have begun and not be known yet, in milliseconds. */
const margin = 3_600_000;
/** A result may be on its way from the cache to a run's state for so many milliseconds, and so in neither. */
const betweenLooks = 1_000;
/** Artifacts that are looked for at a time: what is remembered stays small, whatever there is. */
const batchSize = 200_000;

/** What was kept before this was not kept by an attempt that is under way, and whose output no state has yet. */
async function safeBefore(store: EngineStore): Promise<number> {
  const began = (await store.live()).map(({ startedAt }) => startedAt);
  return began.reduce((oldest, startedAt) => Math.min(oldest, startedAt), Date.now()) - margin;
}

/** Deletes artifacts that were kept before a time and that no run and no cached result names. */
export async function pruneArtifacts(store: EngineStore, home: Home, prunedBefore: number): Promise<PrunedArtifacts> {
  const before = Math.min(prunedBefore, await safeBefore(store));
  let [artifacts, bytes] = [0, 0];
  for (const batch of batchesOf(oldArtifacts(home.artifacts, before))) {
    const unneeded = new Map(batch.map((artifact) => [artifact.hash, artifact]));
    await takeOutNeeded(unneeded, store, home);
    if (unneeded.size === 0) continue;
    await sleep(betweenLooks);
    await takeOutNeeded(unneeded, store, home);
    for (const artifact of unneeded.values()) {
      const size = deleteArtifact(artifact, before);
      if (size === null) continue;
      artifacts += 1;
      bytes += size;
    }
  }
  return { artifacts, bytes };
}

function* batchesOf(found: Iterable<OldArtifact>): Generator<OldArtifact[]> {
  let batch: OldArtifact[] = [];
  for (const artifact of found) {
    batch.push(artifact);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** Whatever an output names by its hash is needed, wherever in it: rather one too many. */
async function takeOutNeeded(unneeded: Map<string, OldArtifact>, store: EngineStore, home: Home): Promise<void> {
  const kept = openArtifactStore({ artifacts: home.artifacts, temporary: home.temporary });
  const known = new Set<string>();
  const spilled: string[] = [];
  const look = (json: string): void => {
    for (const [hash] of json.matchAll(/[0-9a-f]{64}/g)) unneeded.delete(hash);
    for (const [, hash] of json.matchAll(/"\$artifact":"([0-9a-f]{64})"/g)) {
      if (!known.has(hash!)) spilled.push(hash!);
      known.add(hash!);
    }
  };
  await store.outputs(look);
  // An output that was too big for the state may name datasets in its turn.
  for (let hash = spilled.pop(); hash !== undefined; hash = spilled.pop()) await kept.json(hash).then(look, () => {});
}
