// Attempts under way, as the store is to know them: readers see who holds which slot, and a scheduler that starts after a
// crash sees what was lost with the last one. Most attempts end before that is worth a write: only those that last are
// stored, with the next commit or, at the latest, after a second.
import type { LiveAttempt } from "../stores/run-store.ts";

/** How long an attempt may last without being stored, in milliseconds. */
export const unstoredFor = 1_000;
/** One that has lasted this long goes with a commit that happens anyway. */
const worthStoring = 250;

export interface LiveAttempts<Entry> {
  begin(entry: Entry, startedAt: number): void;
  /** Says whether the store knows of it, and so is to be told of its end. */
  end(entry: Entry): boolean;
  /** Those that are to be stored now. From then on they count as stored. */
  take(now: number): LiveAttempt[];
  readonly size: number;
  /** When the oldest that is not stored has to be; null when there is none. */
  dueAt(): number | null;
}

export function createLiveAttempts<Entry>(
  recordOf: (entry: Entry) => Omit<LiveAttempt, "startedAt">,
): LiveAttempts<Entry> {
  /** In the order in which they began. */
  const unstored = new Map<Entry, number>();
  const stored = new Set<Entry>();
  return {
    begin: (entry, startedAt) => void unstored.set(entry, startedAt),
    end: (entry) => {
      unstored.delete(entry);
      return stored.delete(entry);
    },
    take: (now) => {
      const taken: LiveAttempt[] = [];
      for (const [entry, startedAt] of unstored) {
        // Those behind it began later; a clock that was put back makes them wait for the next commit, no longer.
        if (now - startedAt < worthStoring) break;
        unstored.delete(entry);
        stored.add(entry);
        taken.push({ ...recordOf(entry), startedAt });
      }
      return taken;
    },
    get size() {
      return unstored.size + stored.size;
    },
    dueAt: () => {
      for (const startedAt of unstored.values()) return startedAt + unstoredFor;
      return null;
    },
  };
}
