// Keys of the dynamic sets of partitions, kept at hand: what is due by a schedule is worked out without waiting.
import type { DynamicKeys, Partitions } from "../pipeline/partition.ts";
import type { KeptStore } from "./kept-store.ts";

export interface DynamicSets {
  /** The keys of the sets that these partitions are made of. */
  keysFor(partitions: Partitions | null): Promise<DynamicKeys>;
  /** The set has changed. */
  forget(set: string): void;
}

export function createDynamicSets(store: Pick<KeptStore, "partitionKeys">): DynamicSets {
  const sets = new Map<string, readonly string[]>();
  return {
    keysFor: async (partitions) => {
      for (const set of setsOf(partitions)) if (!sets.has(set)) sets.set(set, await store.partitionKeys(set));
      return (set) => sets.get(set) ?? [];
    },
    forget: (set) => void sets.delete(set),
  };
}

/** Names of the dynamic sets that partitions are made of. */
export function setsOf(partitions: Partitions | null): string[] {
  if (partitions === null) return [];
  if (partitions.type === "combined") return Object.values(partitions.dimensions).flatMap(setsOf);
  return partitions.type === "dynamic" ? [partitions.set] : [];
}
