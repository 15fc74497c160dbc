// Port: where runs are kept. A store makes things durable and answers questions; it decides nothing.
// `commit` is atomic: all of a batch or none of it, and durable when it returns.
import type { Failure } from "../errors.ts";
import type { LogLine } from "../log.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { RunState, RunStatus, StepState } from "./state.ts";

export interface RunRecord {
  readonly id: string;
  /** Grows by one with each run of the project. */
  readonly sequence: number;
  readonly pipeline: string;
  /** Hash of the plan the run was started with. */
  readonly version: string;
  /** Key of the partition, or null. */
  readonly partition: string | null;
  /** The backfill that asked for it, or null. */
  readonly backfill: string | null;
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

export interface NewRun {
  readonly id: string;
  readonly pipeline: string;
  readonly version: string;
  readonly partition: string | null;
  readonly backfill: string | null;
  readonly createdAt: number;
  readonly state: RunState;
}

export interface RunUpdate {
  readonly runId: string;
  /** The commit fails, whole, when the run has moved on from this revision. */
  readonly expectedRevision: number;
  readonly state: RunState;
  /** Names of the steps that differ from the revision before. */
  readonly changed: readonly string[];
}

/** One ended try at a step. */
export interface AttemptRecord {
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly status: "succeeded" | "failed" | "lost" | "cancelled";
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly error: Failure | null;
}

export interface AttemptLogLine extends LogLine {
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
}

export interface CommitBatch {
  readonly updates: readonly RunUpdate[];
  readonly attempts: readonly AttemptRecord[];
  readonly logs: readonly AttemptLogLine[];
}

export interface BackfillRecord {
  readonly id: string;
  readonly pipeline: string;
  readonly version: string;
  readonly from: string;
  readonly to: string;
  readonly status: RunStatus;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

export interface RunFilter {
  readonly pipeline?: string;
  readonly partition?: string;
  readonly status?: RunStatus;
  readonly backfill?: string;
  /** @default 50 */
  readonly limit?: number;
}

/** A step of a run, as the store keeps it. */
export interface StoredStep extends StepState {
  readonly name: string;
  readonly kind: string;
}

/** What `/metrics` is computed from: one row per pipeline, or per pipeline and step. */
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
  savePlan(plan: Plan): Promise<void>;
  plan(version: string): Promise<Plan | null>;
  createRuns(runs: readonly NewRun[]): Promise<StoredRun[]>;
  commit(batch: CommitBatch): Promise<void>;

  createBackfill(backfill: BackfillRecord): Promise<void>;
  finishBackfill(id: string, status: RunStatus, at: number): Promise<void>;
  /** The newest backfill of exactly this range and version. */
  findBackfill(pipeline: string, version: string, from: string, to: string): Promise<BackfillRecord | null>;

  unfinishedRuns(): Promise<StoredRun[]>;
  /** The run whose id is `id`, or begins with it when only one does. */
  run(id: string): Promise<StoredRun | null>;
  /** Newest first. */
  runs(filter: RunFilter): Promise<RunRecord[]>;
  /** Steps of a run in plan order. */
  steps(runId: string): Promise<StoredStep[]>;
  attempts(runId: string): Promise<AttemptRecord[]>;
  /** In the order they were written, from position `after`, at most `limit`. */
  logs(
    runId: string,
    options: { step?: string; after?: number; limit?: number },
  ): Promise<(AttemptLogLine & { position: number })[]>;
  statistics(): Promise<RunStatistics>;
  close(): void;
}
