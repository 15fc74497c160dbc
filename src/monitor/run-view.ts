// A run as programs and people see it: the shapes that the command line prints and the HTTP service answers with.
// Times are ISO 8601 in UTC; nothing of the engine's bookkeeping (revisions, epochs, outputs) is in them.
import type { ErrorCode, Failure } from "../errors.ts";
import type { AttemptLogLine, AttemptRecord, BackfillRecord, RunRecord, StoredStep } from "../engine/run-store.ts";
import type { RunStatus, StepStatus } from "../engine/state.ts";
import type { LogFields, LogLevel } from "../log.ts";
import type { RowCounts } from "../pipeline/step.ts";

export interface RunView {
  readonly id: string;
  readonly pipeline: string;
  readonly partition: string | null;
  /** Hash of the plan it ran. */
  readonly version: string;
  readonly status: RunStatus;
  /** Id of the backfill that asked for it. */
  readonly backfill: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

export interface ErrorView {
  readonly code: ErrorCode;
  readonly message: string;
  /** Would the same call succeed later, with nothing changed by a person? */
  readonly retryable: boolean;
  readonly hint: string | null;
}

export interface StepView {
  readonly name: string;
  readonly kind: string;
  readonly status: StepStatus;
  /** Attempts started. */
  readonly attempts: number;
  /** Null for kinds that move no rows, and until the step has succeeded. */
  readonly rows: RowCounts | null;
  readonly error: ErrorView | null;
  /** Why it was skipped or cancelled. */
  readonly reason: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** A run with its steps in plan order. */
export interface RunDocument {
  readonly run: RunView;
  readonly steps: readonly StepView[];
}

export interface AttemptView {
  readonly step: string;
  readonly attempt: number;
  readonly status: AttemptRecord["status"];
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly error: ErrorView | null;
}

export interface BackfillView {
  readonly id: string;
  readonly pipeline: string;
  /** Hash of the plan. */
  readonly version: string;
  readonly from: string;
  readonly to: string;
  readonly status: RunStatus;
  /** Runs that this call started; 0 when everything had been done before. */
  readonly started: number;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

export interface LogView {
  readonly at: string;
  readonly step: string;
  readonly attempt: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | null;
}

export function viewRun(record: RunRecord): RunView {
  return {
    id: record.id,
    pipeline: record.pipeline,
    partition: record.partition,
    version: record.version,
    status: record.status,
    backfill: record.backfill,
    createdAt: isoTime(record.createdAt),
    finishedAt: isoTime(record.finishedAt),
  };
}

export function viewStep(step: StoredStep): StepView {
  return {
    name: step.name,
    kind: step.kind,
    status: step.status,
    attempts: step.attempts,
    rows: step.rows,
    error: viewError(step.error),
    reason: step.reason,
    startedAt: isoTime(step.startedAt),
    finishedAt: isoTime(step.finishedAt),
  };
}

export function viewDocument(record: RunRecord, steps: readonly StoredStep[]): RunDocument {
  return { run: viewRun(record), steps: steps.map(viewStep) };
}

export function viewAttempt(attempt: AttemptRecord): AttemptView {
  return {
    step: attempt.step,
    attempt: attempt.attempt,
    status: attempt.status,
    startedAt: isoTime(attempt.startedAt),
    finishedAt: isoTime(attempt.finishedAt),
    error: viewError(attempt.error),
  };
}

export function viewBackfill(backfill: BackfillRecord, started: number): BackfillView {
  return {
    id: backfill.id,
    pipeline: backfill.pipeline,
    version: backfill.version,
    from: backfill.from,
    to: backfill.to,
    status: backfill.status,
    started,
    createdAt: isoTime(backfill.createdAt),
    finishedAt: isoTime(backfill.finishedAt),
  };
}

export function viewLogLine(line: AttemptLogLine): LogView {
  return {
    at: isoTime(line.at),
    step: line.step,
    attempt: line.attempt,
    level: line.level,
    message: line.message,
    fields: line.fields ?? null,
  };
}

/** An error without its details: those may be large, and are for programs that read the store. */
export function viewError<F extends Failure | null>(error: F): ErrorView | (F & null);
export function viewError(error: Failure | null): ErrorView | null {
  if (error === null) return null;
  const { code, message, retryable, hint } = error;
  return { code, message, retryable, hint: hint ?? null };
}

/** Milliseconds since the epoch as ISO 8601 in UTC. */
export function isoTime(at: number): string;
export function isoTime(at: number | null): string | null;
export function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
