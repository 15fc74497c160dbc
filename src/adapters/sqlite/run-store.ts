// The run half of the engine's store on SQLite. Steps, items and attempts are rows, so that questions are answered by
// the database; a run's state is put together from them.
import type { RunStore } from "../../engine/stores/run-store.ts";
import type { Database } from "./database.ts";
import { createKnownRuns, loadPlan, type KnownRun } from "./known-runs.ts";
import {
  all,
  assetUpdates,
  dueNotices,
  findCached,
  findRun,
  listRuns,
  loadAttempts,
  loadItems,
  loadLive,
  loadLogs,
  loadSteps,
  newestRun,
  newestUpdate,
  nextNoticeAt,
  noticeCounts,
  one,
  runsNamed,
  unfinishedRuns,
} from "./run-queries.ts";
import { eachOutput, prune } from "./run-retention.ts";
import { json } from "./row-values.ts";
import { toNotice, toRecord, type NoticeRow, type RunRow } from "./run-rows.ts";
import { readStatistics } from "./run-totals.ts";
import { commit, createRuns, writeAttempt } from "./run-writes.ts";

export function createRunStore(database: Database): RunStore {
  const known = createKnownRuns(database);
  /** The run, and the position of the step if one is named; null when either is unknown: nothing is stored of it. */
  const placeOf = (runId: string, step?: string): { run: KnownRun; position: number | undefined } | null => {
    const run = known.find(runId);
    const position = step === undefined ? undefined : run?.plan.positions.get(step);
    return run === null || (step !== undefined && position === undefined) ? null : { run, position };
  };
  return {
    savePlan: async (plan, at) => {
      database
        .prepare("INSERT INTO plans (version, pipeline, plan, first_seen) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .run(plan.version, plan.pipeline, JSON.stringify(plan), at);
    },
    plan: async (version) => loadPlan(database, version),
    versions: async (pipeline) =>
      all(
        database,
        "SELECT version, first_seen AS at FROM plans WHERE pipeline = ? ORDER BY first_seen DESC, rowid DESC",
        pipeline,
      ),
    createRuns: async (runs) => createRuns(database, known, runs),
    commit: async (batch) => commit(database, known, batch),
    unfinishedRuns: async () => database.snapshot(() => unfinishedRuns(database)),
    run: async (id) => database.snapshot(() => findRun(database, id)),
    runByRequest: async (key) => {
      const row = one<RunRow>(database, "SELECT * FROM runs WHERE request_key = ?", key);
      return row === undefined ? null : toRecord(row);
    },
    runsNamed: async (beginning, limit) => runsNamed(database, beginning, limit),
    runs: async (filter) => database.snapshot(() => listRuns(database, filter)),
    newestRun: async (pipeline, partition, succeeded = false) => newestRun(database, pipeline, partition, succeeded),
    steps: async (runId) =>
      database.snapshot(() => {
        const run = known.find(runId);
        return run === null ? [] : loadSteps(database, run);
      }),
    items: async (runId, step, options = {}) => {
      const place = placeOf(runId, step);
      return place?.position === undefined ? [] : loadItems(database, place.run, place.position, options);
    },
    attempts: async (runId, { step, limit = Number.MAX_SAFE_INTEGER } = {}) => {
      const place = placeOf(runId, step);
      return place === null ? [] : loadAttempts(database, place.run, place.position, limit);
    },
    live: async (runId) => {
      if (runId === undefined) return loadLive(database, known, undefined);
      const run = known.find(runId);
      return run === null ? [] : loadLive(database, known, run);
    },
    endLive: async (at, reason) => {
      const error = { code: "WORKER_LOST", message: reason, retryable: true } as const;
      database.transaction(() => {
        for (const live of loadLive(database, known, undefined)) {
          const finishedAt = Math.max(at, live.startedAt);
          writeAttempt(database, known.find(live.runId), { ...live, status: "lost", finishedAt, error });
        }
      });
    },
    logs: async (runId, options = {}) => {
      const place = placeOf(runId, options.step);
      return place === null ? [] : loadLogs(database, place.run, place.position, options);
    },
    cached: async (key, since) => findCached(database, key, since),
    assetUpdates: async (after, limit = 1000) => assetUpdates(database, after, limit),
    newestUpdate: async (asset, partition) => newestUpdate(database, asset, partition),
    dueNotices: async (now, limit) => dueNotices(database, now, limit),
    nextNoticeAt: async () => nextNoticeAt(database),
    noticeTold: async (key, { at, dueAt, error }) => {
      database
        .prepare("UPDATE notices SET attempts = attempts + 1, due_at = ?, delivered_at = ?, error = ? WHERE key = ?")
        .run(dueAt, dueAt === null && error === null ? at : null, json(error), key);
    },
    notices: async (runId) => {
      const text =
        "SELECT * FROM notices WHERE run_sequence = (SELECT sequence FROM runs WHERE id = ?) ORDER BY position";
      return all<NoticeRow>(database, text, runId).map(toNotice);
    },
    noticeCounts: async () => noticeCounts(database),
    statistics: async () => database.snapshot(() => readStatistics(database)),
    prune: async (before, keep) => prune(database, before, keep),
    outputs: (look) => eachOutput(database, look),
    close: () => database.close(),
  };
}
