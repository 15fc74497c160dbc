// Keys of the dynamic sets of partitions, kept at hand: what is due by a schedule is worked out without waiting.
import type { DynamicKeys, Partitions } from "../../pipeline/partition.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";

export interface DynamicSets {
  /** The keys of the sets that these partitions are made of. */
  keysFor(partitions: Partitions | null): Promise<DynamicKeys>;
  /** The set has changed. */
  forget(set: string): void;
}

export function createDynamicSets(store: Pick<KeptStore, "partitionKeys">): DynamicSets {
  const sets = new Map<string, readonly string[]>();
  let changes = 0;

  async function keysOf(set: string): Promise<readonly string[]> {
    const known = sets.get(set);
    if (known !== undefined) return known;
    const before = changes;
    const keys = await store.partitionKeys(set);
    // What was read while the set changed may be of before: good for who asked then, and for nobody after.
    if (changes === before) sets.set(set, keys);
    return keys;
  }

  return {
    keysFor: async (partitions) => {
      const found = new Map<string, readonly string[]>();
      for (const set of setsOf(partitions)) found.set(set, await keysOf(set));
      return (set) => found.get(set) ?? [];
    },
    forget: (set) => {
      changes += 1;
      sets.delete(set);
    },
  };
}

/** Names of the dynamic sets that partitions are made of. */
export function setsOf(partitions: Partitions | null): string[] {
  if (partitions === null) return [];
  if (partitions.type === "combined") return Object.values(partitions.dimensions).flatMap(setsOf);
  return partitions.type === "dynamic" ? [partitions.set] : [];
}
