// Counts rows by reason while they pass.
import type { Issue } from "./issue.ts";
import type { ReasonCount } from "./quarantine-store.ts";

export interface ReasonCounter {
  /** Counts one row under each of its reasons, once. */
  add(reasons: readonly Issue[]): void;
  /** The most frequent first; equals by path and rule. */
  counts(): ReasonCount[];
}

export function createReasonCounter(): ReasonCounter {
  const counts = new Map<string, ReasonCount>();
  return {
    add: (reasons) => {
      const seen = new Set<string>();
      for (const { path, rule } of reasons) {
        const key = `${path}\0${rule}`;
        if (seen.has(key)) continue;
        seen.add(key);
        counts.set(key, { path, rule, count: (counts.get(key)?.count ?? 0) + 1 });
      }
    },
    counts: () =>
      [...counts].sort(([keyA, a], [keyB, b]) => b.count - a.count || (keyA < keyB ? -1 : 1)).map(([, count]) => count),
  };
}
