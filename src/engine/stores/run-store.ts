// Port: where runs are kept. A store makes things durable and answers questions; it decides nothing.
// `commit` is atomic: all of a batch or none of it, and durable when it returns. Runs that have ended slow nothing:
// every question costs what its answer holds, and what is still open, however much has been before.
import type { Failure } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { LogLine } from "../../log.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { RowCounts } from "../../pipeline/step.ts";
import type { HookNotice } from "../attempts/executor.ts";
import type { ChangedStep, ItemState, ItemStatus, RunState, RunStatus, StepState } from "../state-machine/state.ts";

/** Who or what asked for a run. */
export type RunTrigger = "manual" | "schedule" | "update" | "event" | "backfill" | "rerun";

export interface RunRecord {
  readonly id: string;
  /** Grows by one with each run of the project. */
  readonly sequence: number;
  readonly pipeline: string;
  /** Hash of the plan the run was started with. */
  readonly version: string;
  /** Key of the partition, or null. */
  readonly partition: string | null;
  readonly params: Json;
  readonly trigger: RunTrigger;
  /** Key of the request that it came from: one run per key. */
  readonly requestKey: string;
  /** The time the run is for by its schedule: the tick, put off or made up for; null when none is. */
  readonly scheduledFor: number | null;
  /** The backfill that asked for it, or null. */
  readonly backfill: string | null;
  /** The run it runs again, or null. */
  readonly rerunOf: string | null;
  readonly status: RunStatus;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

export interface StoredRun {
  readonly record: RunRecord;
  readonly state: RunState;
  /** Counts commits; a commit names the one it was made from. */
  readonly revision: number;
}

export interface NewRun extends Omit<RunRecord, "sequence" | "status" | "finishedAt"> {
  readonly state: RunState;
}

export interface RunUpdate {
  readonly runId: string;
  /** The commit fails, whole, when the run has moved on from this revision. */
  readonly expectedRevision: number;
  readonly state: RunState;
  /** Steps that differ from the revision before. */
  readonly changed: readonly ChangedStep[];
}

/** One ended try at a step or an item. */
export interface AttemptRecord {
  readonly runId: string;
  readonly step: string;
  readonly item: number | null;
  readonly attempt: number;
  readonly status: "succeeded" | "failed" | "lost" | "cancelled";
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly error: Failure | null;
}

/** An attempt that has been handed to a worker and has not ended: the lease of the slots it holds. */
export interface LiveAttempt {
  readonly runId: string;
  readonly step: string;
  readonly item: number | null;
  readonly attempt: number;
  readonly startedAt: number;
}

export interface AttemptLogLine extends LogLine {
  readonly runId: string;
  readonly step: string;
  readonly item: number | null;
  readonly attempt: number;
}

/** A result worth keeping for runs to come. */
export interface CachedResult {
  readonly key: string;
  readonly runId: string;
  readonly output: unknown;
  readonly rows: RowCounts | null;
  readonly assets: readonly string[];
  readonly at: number;
}

/** Something a hook is to be told, until it has been. */
export interface StoredNotice {
  readonly notice: HookNotice;
  readonly attempts: number;
  /** When it is to be told next; null once it was, or was given up. */
  readonly dueAt: number | null;
  readonly deliveredAt: number | null;
  readonly error: Failure | null;
}

export interface NoticeCounts {
  readonly waiting: number;
  readonly failed: number;
}

export interface CommitBatch {
  readonly updates: readonly RunUpdate[];
  readonly attempts: readonly AttemptRecord[];
  readonly logs: readonly AttemptLogLine[];
  /** What hooks are to be told, from now on. A key that is there already is left as it is. */
  readonly notices: readonly HookNotice[];
  readonly cached: readonly CachedResult[];
  /** Attempts under way that are not stored as such yet; those in `attempts` are no longer live. */
  readonly live: readonly LiveAttempt[];
}

/** One update of an asset by a step that succeeded. */
export interface AssetUpdate {
  /** Grows with each update. */
  readonly position: number;
  readonly asset: string;
  readonly partition: string | null;
  readonly runId: string;
  readonly at: number;
}

export interface RunFilter {
  readonly pipeline?: string;
  readonly partition?: string;
  readonly status?: RunStatus;
  readonly backfill?: string;
  /** Only runs of a lower sequence: the last one of a page, for the page after it. */
  readonly before?: number;
  /** @default 50 */
  readonly limit?: number;
}

/** A step of a run, as the store keeps it. Its items are read by themselves. */
export interface StoredStep extends Omit<StepState, "items"> {
  readonly name: string;
  readonly kind: string;
  /** How many items there are by status; null for a step that is not mapped, or not yet. */
  readonly items: Readonly<Record<ItemStatus, number>> | null;
}

/**
 * What `/metrics` is computed from: one row per pipeline, or per pipeline and step. Runs that were pruned stay counted.
 * A step whose result was taken from another run (`reusedFrom`) did no work, and is not counted.
 */
export interface RunStatistics {
  readonly runs: readonly { pipeline: string; status: RunStatus; count: number; seconds: number }[];
  readonly last: readonly {
    pipeline: string;
    /** Null when no run has ended yet, or none has succeeded. */
    finishedAt: number | null;
    succeededAt: number | null;
    durationSeconds: number | null;
  }[];
  readonly steps: readonly {
    pipeline: string;
    step: string;
    kind: string;
    status: StepState["status"];
    count: number;
    attempts: number;
    seconds: number;
    rowsIn: number;
    rowsOut: number;
    duplicate: number;
    quarantined: number;
  }[];
  readonly assets: readonly { asset: string; updatedAt: number }[];
}

export interface RunStore {
  /** Does nothing when the version is known; otherwise it was first seen at `at`. */
  savePlan(plan: Plan, at: number): Promise<void>;
  plan(version: string): Promise<Plan | null>;
  /** Versions of a pipeline, the newest first, with when each was first seen. */
  versions(pipeline: string): Promise<readonly { readonly version: string; readonly at: number }[]>;
  /**
   * Stores runs and takes the requests of their keys from the queue, in one transaction. A key that has a run already
   * makes none: what comes back is the runs that were made. Their plans must have been saved.
   */
  createRuns(runs: readonly NewRun[]): Promise<StoredRun[]>;
  /**
   * FENCED when a run has moved on from the revision that its update was made from; INTERNAL when it has ended, which
   * is for good. Attempts, lines, notices of runs that are not there (any more) are dropped.
   */
  commit(batch: CommitBatch): Promise<void>;

  /** The oldest first. */
  unfinishedRuns(): Promise<StoredRun[]>;
  /** The run whose id is `id`, or begins with it when only one does. */
  run(id: string): Promise<StoredRun | null>;
  runByRequest(key: string): Promise<RunRecord | null>;
  /** Runs whose ids begin with a text, in the order of their ids, at most `limit`: the one that it names whole comes first. */
  runsNamed(beginning: string, limit: number): Promise<RunRecord[]>;
  /** Newest first. */
  runs(filter: RunFilter): Promise<RunRecord[]>;
  /** The newest run of a pipeline and partition; with `succeeded`, the newest that did. */
  newestRun(pipeline: string, partition: string | null, succeeded?: boolean): Promise<RunRecord | null>;
  /** Steps of a run in plan order. */
  steps(runId: string): Promise<StoredStep[]>;
  /** Items of a mapped step in order, from position `from`, at most `limit`. */
  items(
    runId: string,
    step: string,
    options?: { from?: number; limit?: number; status?: ItemStatus },
  ): Promise<(ItemState & { position: number })[]>;
  /** By when they began; those that began at once in the order of steps, items and attempts. */
  attempts(runId: string, options?: { step?: string; limit?: number }): Promise<AttemptRecord[]>;
  /** Attempts under way, of one run or of all: the oldest run's first, in the order of steps, items and attempts. */
  live(runId?: string): Promise<LiveAttempt[]>;
  /** Makes ended attempts, lost, of all that are stored as live: for a scheduler that has just begun. */
  endLive(at: number, reason: string): Promise<void>;
  /** In the order they were written, from position `after`, at most `limit`; with `tail`, the last of them. */
  logs(
    runId: string,
    options?: { step?: string; item?: number; attempt?: number; after?: number; limit?: number; tail?: boolean },
  ): Promise<(AttemptLogLine & { position: number })[]>;
  /** The newest result under the key made at or after `since`. */
  cached(key: string, since: number): Promise<CachedResult | null>;
  /** Updates after a position, oldest first, at most `limit` (1000). */
  assetUpdates(after: number, limit?: number): Promise<AssetUpdate[]>;
  /** The newest update of an asset; with a partition, of that partition. */
  newestUpdate(asset: string, partition?: string | null): Promise<AssetUpdate | null>;
  /** Those that are to be told now, the longest due first. */
  dueNotices(now: number, limit: number): Promise<StoredNotice[]>;
  /** When the next notice is due; null when none is. */
  nextNoticeAt(): Promise<number | null>;
  /** What came of telling: delivered (`dueAt` null, no error), to be told again, or given up (`dueAt` null, an error). */
  noticeTold(key: string, outcome: { at: number; dueAt: number | null; error: Failure | null }): Promise<void>;
  /** In the order they were made. */
  notices(runId: string): Promise<StoredNotice[]>;
  /** How many are still to be told, and how many were given up. */
  noticeCounts(): Promise<NoticeCounts>;
  statistics(): Promise<RunStatistics>;
  /**
   * Deletes runs that ended before a time, with all that hangs on them, and cached results, asset updates and answered
   * instructions from before it. Nothing that the engine decides by goes: of each pipeline and partition the newest
   * `keep` runs (one at least) and the newest that succeeded stay, and so does the newest update of each asset and
   * partition. The key of a deleted run may make a run again. Works in small transactions, so that others come between.
   * @returns How many runs were deleted.
   */
  prune(before: number, keep: number): Promise<number>;
  /**
   * Hands over the JSON of every output that is kept: of cached results, of items and of steps. Runs that are made or go on
   * meanwhile are among them. Works in stretches, so that others come between.
   */
  outputs(look: (json: string) => void): Promise<void>;
  close(): void;
}
