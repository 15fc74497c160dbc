// Rows of the run store's tables, and what the engine knows them as.
import type { AttemptLogLine, AttemptRecord, BackfillRecord, RunRecord, StoredStep } from "../../engine/run-store.ts";
import type { RunStatus, StepState } from "../../engine/state.ts";
import type { Failure } from "../../errors.ts";
import type { LogFields, LogLevel } from "../../log.ts";
import type { RowCounts } from "../../pipeline/step.ts";

export interface RunRow {
  id: string;
  sequence: number;
  pipeline: string;
  version: string;
  partition: string | null;
  backfill: string | null;
  status: RunStatus;
  revision: number;
  created_at: number;
  finished_at: number | null;
}

export interface StepRow {
  name: string;
  kind: string;
  status: StepState["status"];
  attempts: number;
  failures: number;
  losses: number;
  wake_at: number | null;
  output: string | null;
  rows_in: number | null;
  rows_out: number | null;
  rows_duplicate: number | null;
  rows_quarantined: number | null;
  assets: string;
  error: string | null;
  reason: string | null;
  started_at: number | null;
  finished_at: number | null;
}

export interface AttemptRow {
  run_id: string;
  step: string;
  attempt: number;
  status: AttemptRecord["status"];
  started_at: number;
  finished_at: number;
  error: string | null;
}

export interface LogRow {
  position: number;
  run_id: string;
  step: string;
  attempt: number;
  at: number;
  level: LogLevel;
  message: string;
  fields: string | null;
}

export interface BackfillRow {
  id: string;
  pipeline: string;
  version: string;
  first: string;
  last: string;
  status: RunStatus;
  created_at: number;
  finished_at: number | null;
}

export function toRecord(row: RunRow): RunRecord {
  return {
    id: row.id,
    sequence: row.sequence,
    pipeline: row.pipeline,
    version: row.version,
    partition: row.partition,
    backfill: row.backfill,
    status: row.status,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}

export function toStep(row: StepRow): StoredStep {
  const rows: RowCounts | null =
    row.rows_in === null
      ? null
      : {
          in: row.rows_in,
          out: row.rows_out ?? 0,
          duplicate: row.rows_duplicate ?? 0,
          quarantined: row.rows_quarantined ?? 0,
        };
  return {
    name: row.name,
    kind: row.kind,
    status: row.status,
    attempts: row.attempts,
    failures: row.failures,
    losses: row.losses,
    wakeAt: row.wake_at,
    output: parse(row.output),
    rows,
    assets: JSON.parse(row.assets) as string[],
    error: parse(row.error) as Failure | null,
    reason: row.reason,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

export function toAttempt(row: AttemptRow): AttemptRecord {
  return {
    runId: row.run_id,
    step: row.step,
    attempt: row.attempt,
    status: row.status,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    error: parse(row.error) as Failure | null,
  };
}

export function toLogLine(row: LogRow): AttemptLogLine & { position: number } {
  const fields = parse(row.fields) as LogFields | null;
  return {
    position: row.position,
    runId: row.run_id,
    step: row.step,
    attempt: row.attempt,
    at: row.at,
    level: row.level,
    message: row.message,
    ...(fields === null ? {} : { fields }),
  };
}

export function toBackfill(row: BackfillRow): BackfillRecord {
  return {
    id: row.id,
    pipeline: row.pipeline,
    version: row.version,
    from: row.first,
    to: row.last,
    status: row.status,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}

export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function parse(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}
