// A run as programs and people see it: the shapes that the command line prints and the HTTP service answers with.
// Times are ISO 8601 in UTC; nothing of the engine's bookkeeping (revisions, epochs, outputs) is in them.
import type { ErrorCode, Failure } from "../errors.ts";
import type { AttemptLogLine, AttemptRecord, LiveAttempt, RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import type { Awaits, ItemState, ItemStatus, RunStatus, StepStatus } from "../engine/state-machine/state.ts";
import type { Json } from "../json.ts";
import type { LogFields, LogLevel } from "../log.ts";
import type { RowCounts } from "../pipeline/step.ts";

export interface RunView {
  readonly id: string;
  readonly pipeline: string;
  readonly partition: string | null;
  /** Hash of the plan it ran. */
  readonly version: string;
  readonly params: Json;
  /** Who or what asked for it. */
  readonly trigger: RunRecord["trigger"];
  /** The tick of the schedule that it is for. */
  readonly scheduledFor: string | null;
  /** Id of the backfill that asked for it. */
  readonly backfill: string | null;
  /** The run it runs again. */
  readonly rerunOf: string | null;
  readonly status: RunStatus;
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

/** How many items of a mapped step there are, by status. */
export type ItemCounts = Readonly<Record<ItemStatus, number>>;

export interface StepView {
  readonly name: string;
  readonly kind: string;
  readonly status: StepStatus;
  /** Attempts started; of a mapped step's items, see `items`. */
  readonly attempts: number;
  /** Null for a step that is not mapped, and before it is known how many there are. */
  readonly items: ItemCounts | null;
  /** Null for kinds that move no rows, and until the step has succeeded. */
  readonly rows: RowCounts | null;
  readonly error: ErrorView | null;
  /** Why it was skipped, cancelled or marked. */
  readonly reason: string | null;
  /** What it is held for. */
  readonly awaits: Awaits | null;
  /** When it is tried again, or looks again. */
  readonly wakeAt: string | null;
  /** The run its result was taken from. */
  readonly reusedFrom: string | null;
  readonly late: boolean;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** A run with its steps in plan order. */
export interface RunDocument {
  readonly run: RunView;
  readonly steps: readonly StepView[];
}

/** One item of a mapped step. */
export interface ItemView {
  readonly position: number;
  readonly status: ItemStatus;
  readonly attempts: number;
  readonly rows: RowCounts | null;
  readonly error: ErrorView | null;
  readonly wakeAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export interface AttemptView {
  readonly step: string;
  readonly item: number | null;
  readonly attempt: number;
  /** `running` while a worker has it. */
  readonly status: AttemptRecord["status"] | "running";
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly error: ErrorView | null;
}

export interface LogView {
  /** Where it stands in the log: what `--after` and `after` take. */
  readonly position: number;
  readonly at: string;
  readonly step: string;
  readonly item: number | null;
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
    params: record.params,
    trigger: record.trigger,
    scheduledFor: isoTime(record.scheduledFor),
    backfill: record.backfill,
    rerunOf: record.rerunOf,
    status: record.status,
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
    items: step.items,
    rows: step.rows,
    error: viewError(step.error),
    reason: step.reason,
    awaits: step.awaits,
    wakeAt: isoTime(step.wakeAt),
    reusedFrom: step.reusedFrom,
    late: step.late,
    startedAt: isoTime(step.startedAt),
    finishedAt: isoTime(step.finishedAt),
  };
}

export function viewDocument(record: RunRecord, steps: readonly StoredStep[]): RunDocument {
  return { run: viewRun(record), steps: steps.map(viewStep) };
}

export function viewItem(item: ItemState & { readonly position: number }): ItemView {
  return {
    position: item.position,
    status: item.status,
    attempts: item.attempts,
    rows: item.rows,
    error: viewError(item.error),
    wakeAt: isoTime(item.wakeAt),
    startedAt: isoTime(item.startedAt),
    finishedAt: isoTime(item.finishedAt),
  };
}

export function viewAttempt(attempt: AttemptRecord): AttemptView {
  return {
    step: attempt.step,
    item: attempt.item,
    attempt: attempt.attempt,
    status: attempt.status,
    startedAt: isoTime(attempt.startedAt),
    finishedAt: isoTime(attempt.finishedAt),
    error: viewError(attempt.error),
  };
}

export function viewLiveAttempt({ step, item, attempt, startedAt }: LiveAttempt): AttemptView {
  return { step, item, attempt, status: "running", startedAt: isoTime(startedAt), finishedAt: null, error: null };
}

export function viewLogLine(line: AttemptLogLine & { readonly position: number }): LogView {
  return {
    position: line.position,
    at: isoTime(line.at),
    step: line.step,
    item: line.item,
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
