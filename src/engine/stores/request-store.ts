// Port: what is asked of the scheduler and what it has promised to do by itself: requests for runs, instructions from
// outside, schedules, backfills and partitions that were added by hand. As everywhere, a store decides nothing.
import type { Failure } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { PartitionSelection } from "../../pipeline/partition.ts";
import type { BackfillMode, InstructionRecord } from "./instruction.ts";
import type { RunTrigger } from "./run-store.ts";

/** A run that was asked for and has not begun. */
export interface RunRequest {
  /** One run per key, ever: asking again is harmless. */
  readonly key: string;
  readonly pipeline: string;
  readonly partition: string | null;
  readonly params: Json;
  readonly trigger: RunTrigger;
  readonly scheduledFor: number | null;
  readonly backfill: string | null;
  /** Not started before this time. */
  readonly notBefore: number;
  readonly createdAt: number;
}

/** What is known of a pipeline's schedule beside its plan. */
export interface ScheduleState {
  readonly pipeline: string;
  readonly paused: boolean;
  /** The tick up to which all is done (cron, interval), null before the first look. */
  readonly handledTick: number | null;
  /** The asset update up to which all is done (on-update). */
  readonly handledUpdate: number;
}

export type BackfillStatus = "running" | "succeeded" | "failed" | "cancelled";

/** A backfill: requests for runs of a selection of partitions, made a few at a time. */
export interface BackfillRecord {
  readonly id: string;
  readonly pipeline: string;
  readonly version: string;
  readonly selection: PartitionSelection;
  readonly mode: BackfillMode;
  /** Runs at a time. */
  readonly parallel: number;
  /** How many partitions of the selection have been looked at. */
  readonly position: number;
  /** How many partitions the selection has. */
  readonly total: number;
  /** How many runs it has asked for, and how those ended. */
  readonly requested: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly status: BackfillStatus;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

/** What is known of the partitions of a pipeline, by the newest run of each. */
export interface PartitionStatus {
  readonly partition: string;
  readonly runId: string;
  readonly status: "running" | "succeeded" | "failed" | "cancelled";
  /** Has any run of it succeeded? */
  readonly everSucceeded: boolean;
}

/** How much the scheduler still has to do, of the pipelines that have something. */
export interface Backlog {
  /** `oldest` is the first of the times before which they do not begin. */
  readonly requests: readonly { readonly pipeline: string; readonly count: number; readonly oldest: number }[];
  /** Those that have not ended. */
  readonly backfills: readonly { readonly pipeline: string; readonly count: number }[];
}

export interface RequestStore {
  /** Adds the requests whose keys are new (no request and no run has them) and stores the schedule's state, in one transaction. Returns how many were added. */
  addRequests(requests: readonly RunRequest[], schedule?: ScheduleState): Promise<number>;
  /** Those that may start now, in the order they were added; of one pipeline, or of all. Backfills' apart from others'. */
  dueRequests(now: number, options: { pipeline?: string; backfills: boolean; limit: number }): Promise<RunRequest[]>;
  /** When the earliest request that is not due yet becomes so; null when there is none. */
  nextRequestAt(now: number): Promise<number | null>;
  /** Pipelines that have requests which may start now. */
  pipelinesWithRequests(now: number): Promise<readonly string[]>;
  /** All that wait, the oldest first, at most `limit` (1000). With `key`, that one alone. */
  requests(filter: { key?: string; pipeline?: string; backfill?: string; limit?: number }): Promise<RunRequest[]>;
  /** How much waits, in the order of the pipelines' names. */
  backlog(): Promise<Backlog>;
  /** Takes requests back. Returns how many there were. */
  dropRequests(filter: { key: string } | { backfill: string } | { pipeline: string }): Promise<number>;

  /** Adding one again, by its id, changes nothing. */
  addInstruction(record: InstructionRecord): Promise<void>;
  /** Unanswered, in the order they were added. */
  openInstructions(limit: number): Promise<InstructionRecord[]>;
  /** The first answer counts. */
  answerInstruction(id: string, answer: { at: number; result: Json; error: Failure | null }): Promise<void>;
  instruction(id: string): Promise<InstructionRecord | null>;

  schedules(): Promise<readonly ScheduleState[]>;
  saveSchedule(state: ScheduleState): Promise<void>;

  createBackfill(backfill: BackfillRecord): Promise<void>;
  /** Stores how far it has come, and the requests of that stretch, in one transaction. */
  advanceBackfill(backfill: BackfillRecord, requests: readonly RunRequest[]): Promise<void>;
  backfill(id: string): Promise<BackfillRecord | null>;
  /** The newest first, at most `limit` (50). */
  backfills(filter: { pipeline?: string; status?: BackfillStatus; limit?: number }): Promise<BackfillRecord[]>;

  /**
   * By the newest run of each: of the named partitions that have one, in the order of the names; without names of all,
   * in the order of their keys, after the key `after`, at most `limit` (1000).
   */
  partitionStatuses(
    pipeline: string,
    options: { keys?: readonly string[]; after?: string; limit?: number },
  ): Promise<PartitionStatus[]>;

  addPartitionKeys(set: string, keys: readonly string[], at: number): Promise<number>;
  removePartitionKeys(set: string, keys: readonly string[]): Promise<number>;
  /** Keys of a dynamic set in the order they were added, after the key `after`, at most `limit` (all of them). */
  partitionKeys(set: string, options?: { after?: string; limit?: number }): Promise<readonly string[]>;
  /** Tells whether anything was written by another process since the last call. */
  changedByOthers(): boolean;
}
