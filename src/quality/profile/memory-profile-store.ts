// Profiles in memory: for tests, and the shortest description of what the port means.
import type { ProfileEntry, ProfileStore } from "./profile-store.ts";

export function memoryProfileStore(): ProfileStore {
  let entries: ProfileEntry[] = [];
  return {
    record: async (entry) => {
      entries = [...entries.filter(({ runId, step }) => runId !== entry.runId || step !== entry.step), entry];
    },
    earlier: async ({ pipeline, step, partition, series, start, fence }, limit) => {
      const own = entries
        .filter((entry) => entry.pipeline === pipeline && entry.step === step && entry.accepted)
        .filter((entry) =>
          start === null
            ? entry.partition === partition && entry.fence < fence
            : entry.series === series && entry.start !== null && entry.start < start,
        )
        .sort((a, b) => b.fence - a.fence);
      if (start === null) return own.slice(0, limit);
      const newest = [...Map.groupBy(own, (entry) => entry.start).values()].map(([first]) => first!);
      return newest.sort((a, b) => (a.start! < b.start! ? 1 : -1)).slice(0, limit);
    },
    ofRun: async (runId) => entries.filter((entry) => entry.runId === runId).sort((a, b) => (a.step < b.step ? -1 : 1)),
    prune: async (before, keep) => {
      const kept = [...Map.groupBy(entries, ({ pipeline, step }) => JSON.stringify([pipeline, step])).values()].flatMap(
        (group) =>
          group
            .sort((a, b) => b.at - a.at || b.fence - a.fence)
            .filter((entry, position) => position < keep || entry.at >= before),
      );
      const deleted = entries.length - kept.length;
      entries = kept;
      return deleted;
    },
    close: () => {},
  };
}
