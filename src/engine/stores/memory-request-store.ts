// The request half of the store in memory: what the port means, in its plainest form.
import { SluiceError } from "../../errors.ts";
import { copy, first, type MemoryPartition, type MemoryTables } from "./memory-tables.ts";
import type { BackfillRecord, PartitionStatus, RequestStore, RunRequest, ScheduleState } from "./request-store.ts";

export function createMemoryRequestStore(tables: MemoryTables): RequestStore {
  const { requests, instructions } = tables;
  const schedules = new Map<string, ScheduleState>();
  const backfills = new Map<string, BackfillRecord>();
  /** Keys of dynamic sets, in the order they were added, by the name of the set. */
  const sets = new Map<string, Set<string>>();

  const add = (wanted: readonly RunRequest[]): number => {
    const before = requests.size;
    for (const request of wanted)
      if (!requests.has(request.key) && !tables.byRequest.has(request.key)) requests.set(request.key, request);
    return requests.size - before;
  };
  const some = (limit: number, matches: (request: RunRequest) => boolean): RunRequest[] =>
    copy(first(requests.values(), limit, matches));
  const known = (id: string): BackfillRecord => {
    const backfill = backfills.get(id);
    if (backfill === undefined) throw new SluiceError("INTERNAL", `There is no backfill ${id}`);
    return backfill;
  };

  return {
    addRequests: async (wanted, schedule) => {
      const added = add(copy(wanted));
      if (schedule !== undefined) schedules.set(schedule.pipeline, copy(schedule));
      return added;
    },
    dueRequests: async (now, { pipeline, backfills: ofBackfills, limit }) =>
      some(
        limit,
        (request) =>
          request.notBefore <= now &&
          (request.backfill !== null) === ofBackfills &&
          (pipeline === undefined || request.pipeline === pipeline),
      ),
    nextRequestAt: async (now) => {
      const times = [...requests.values()].map(({ notBefore }) => notBefore).filter((time) => time > now);
      return times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b));
    },
    pipelinesWithRequests: async (now) => [
      ...new Set([...requests.values()].filter(({ notBefore }) => notBefore <= now).map(({ pipeline }) => pipeline)),
    ],
    requests: async ({ key, pipeline, backfill, limit = 1000 }) =>
      some(
        limit,
        (request) =>
          (key === undefined || request.key === key) &&
          (pipeline === undefined || request.pipeline === pipeline) &&
          (backfill === undefined || request.backfill === backfill),
      ),
    backlog: async () => ({
      requests: byPipeline(requests.values()).map(([pipeline, own]) => ({
        pipeline,
        count: own.length,
        oldest: own.map(({ notBefore }) => notBefore).reduce((a, b) => Math.min(a, b)),
      })),
      backfills: byPipeline([...backfills.values()].filter(({ status }) => status === "running")).map(
        ([pipeline, own]) => ({ pipeline, count: own.length }),
      ),
    }),
    dropRequests: async (filter) => {
      const before = requests.size;
      const [[field, value]] = Object.entries(filter) as [[keyof RunRequest, string]];
      for (const request of requests.values()) if (request[field] === value) requests.delete(request.key);
      return before - requests.size;
    },

    addInstruction: async (record) => {
      if (!instructions.has(record.id)) instructions.set(record.id, copy(record));
    },
    openInstructions: async (limit) =>
      copy(first(instructions.values(), limit, ({ answeredAt }) => answeredAt === null)),
    answerInstruction: async (id, { at, result, error }) => {
      const record = instructions.get(id);
      if (record === undefined || record.answeredAt !== null) return;
      instructions.set(id, copy({ ...record, answeredAt: at, result, error }));
    },
    instruction: async (id) => copy(instructions.get(id) ?? null),

    schedules: async () => copy([...schedules.values()]),
    saveSchedule: async (state) => void schedules.set(state.pipeline, copy(state)),

    createBackfill: async (backfill) => {
      if (backfills.has(backfill.id)) throw new SluiceError("INTERNAL", `There is already a backfill ${backfill.id}`);
      backfills.set(backfill.id, copy(backfill));
    },
    advanceBackfill: async (backfill, wanted) => {
      known(backfill.id);
      const stretch = copy(wanted);
      backfills.set(backfill.id, copy(backfill));
      add(stretch);
    },
    backfill: async (id) => copy(backfills.get(id) ?? null),
    backfills: async ({ pipeline, status, limit = 50 }) =>
      copy(
        first(
          [...backfills.values()].reverse(),
          limit,
          (backfill) =>
            (pipeline === undefined || backfill.pipeline === pipeline) &&
            (status === undefined || backfill.status === status),
        ),
      ),

    partitionStatuses: async (pipeline, { keys, after, limit = 1000 }) => {
      const partitions = tables.partitions.get(pipeline) ?? new Map<string | null, MemoryPartition>();
      if (keys !== undefined) return keys.flatMap((key) => statusOf(key, partitions.get(key)));
      const wanted = [...partitions.keys()].filter((key) => key !== null && (after === undefined || key > after));
      return (wanted as string[])
        .sort()
        .slice(0, limit)
        .flatMap((key) => statusOf(key, partitions.get(key)));
    },

    addPartitionKeys: async (set, keys) => {
      const all = sets.get(set) ?? new Set();
      const before = all.size;
      for (const key of keys) all.add(key);
      sets.set(set, all);
      return all.size - before;
    },
    removePartitionKeys: async (set, keys) => {
      const all = sets.get(set) ?? new Set();
      return [...new Set(keys)].filter((key) => all.delete(key)).length;
    },
    partitionKeys: async (set, { after, limit = Number.MAX_SAFE_INTEGER } = {}) => {
      const all = [...(sets.get(set) ?? [])];
      if (after !== undefined && !all.includes(after)) return [];
      return all.slice(after === undefined ? 0 : all.indexOf(after) + 1).slice(0, limit);
    },
    changedByOthers: () => false,
  };
}

function byPipeline<T extends { readonly pipeline: string }>(items: Iterable<T>): [string, T[]][] {
  return [...Map.groupBy(items, ({ pipeline }) => pipeline)].sort(([a], [b]) => (a < b ? -1 : 1));
}

function statusOf(partition: string, known: MemoryPartition | undefined): PartitionStatus[] {
  if (known === undefined) return [];
  const { id, status } = known.newest.record;
  return [{ partition, runId: id, status, everSucceeded: known.succeeded !== null }];
}
