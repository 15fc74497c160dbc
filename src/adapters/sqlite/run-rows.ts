// Rows of runs and of all that hangs on them, and what the engine knows them as.
import type {
  AssetUpdate,
  AttemptLogLine,
  AttemptRecord,
  CachedResult,
  LiveAttempt,
  RunRecord,
  RunTrigger,
  StoredNotice,
  StoredRun,
} from "../../engine/stores/run-store.ts";
import type { HookNotice } from "../../engine/attempts/executor.ts";
import type { Awaits, ItemState, RunState, RunStatus, StepState, WorkState } from "../../engine/state-machine/state.ts";
import type { Failure } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { LogFields, LogLevel } from "../../log.ts";
import { counts, itemOf, json, names, namesText, parsed, type ColumnValue, type CountColumns } from "./row-values.ts";

export interface RunRow {
  id: string;
  sequence: number;
  pipeline: string;
  version: string;
  partition: string | null;
  params: string;
  trigger: RunTrigger;
  request_key: string;
  scheduled_for: number | null;
  backfill: string | null;
  rerun_of: string | null;
  status: RunStatus;
  revision: number;
  created_at: number;
  started_at: number;
  finished_at: number | null;
  ending: string | null;
  late: number;
}

/** Columns that steps and items have alike. */
interface WorkRow<Status> extends CountColumns {
  status: Status;
  attempts: number;
  failures: number;
  losses: number;
  wake_at: number | null;
  output: string | null;
  assets: string;
  error: string | null;
  reason: string | null;
  started_at: number | null;
  finished_at: number | null;
}

export interface StepRow extends WorkRow<StepState["status"]> {
  position: number;
  name: string;
  kind: string;
  awaits: Awaits | null;
  item_count: number | null;
  effect_run: string | null;
  reused_from: string | null;
  late: number;
}

export interface ItemRow extends WorkRow<ItemState["status"]> {
  step: number;
  position: number;
}

/** An attempt at a step, or at an item of it; -1 for none. */
interface AttemptKeyRow {
  step: number;
  item: number;
  attempt: number;
}

export interface AttemptRow extends AttemptKeyRow {
  status: AttemptRecord["status"];
  started_at: number;
  finished_at: number;
  error: string | null;
}

export interface LiveRow extends AttemptKeyRow {
  started_at: number;
}

export interface LogRow extends AttemptKeyRow {
  position: number;
  at: number;
  level: LogLevel;
  message: string;
  fields: string | null;
}

export interface NoticeRow {
  notice: string;
  attempts: number;
  due_at: number | null;
  delivered_at: number | null;
  error: string | null;
}

export interface CachedRow extends CountColumns {
  key: string;
  run_id: string;
  output: string | null;
  assets: string;
  at: number;
}

export interface UpdateRow {
  position: number;
  asset: string;
  partition: string | null;
  run_id: string;
  at: number;
}

export function toRecord(row: RunRow): RunRecord {
  return {
    id: row.id,
    sequence: row.sequence,
    pipeline: row.pipeline,
    version: row.version,
    partition: row.partition,
    params: JSON.parse(row.params) as Json,
    trigger: row.trigger,
    requestKey: row.request_key,
    scheduledFor: row.scheduled_for,
    backfill: row.backfill,
    rerunOf: row.rerun_of,
    status: row.status,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}

export function toRun(row: RunRow, steps: RunState["steps"]): StoredRun {
  const state: RunState = {
    status: row.status,
    steps,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    ending: parsed(row.ending),
    late: row.late === 1,
  };
  return { record: toRecord(row), state, revision: row.revision };
}

export const workColumns =
  "status, attempts, failures, losses, wake_at, output, rows_in, rows_out, rows_duplicate, rows_quarantined, assets, error, reason, started_at, finished_at";

/** In the order of `workColumns`. */
export function workValues(work: WorkState<string>): ColumnValue[] {
  const { rows } = work;
  return [
    work.status,
    work.attempts,
    work.failures,
    work.losses,
    work.wakeAt,
    json(work.output),
    rows === null ? null : rows.in,
    rows === null ? null : rows.out,
    rows === null ? null : rows.duplicate,
    rows === null ? null : rows.quarantined,
    namesText(work.assets),
    json(work.error),
    work.reason,
    work.startedAt,
    work.finishedAt,
  ];
}

export const stepColumns: string = `${workColumns}, awaits, item_count, effect_run, reused_from, late`;

/** In the order of `stepColumns`. */
export function stepValues(step: StepState): ColumnValue[] {
  const values = workValues(step);
  values.push(step.awaits, step.items === null ? null : step.items.length, step.effectRun, step.reusedFrom);
  values.push(step.late ? 1 : 0);
  return values;
}

function toWork<Status>(row: WorkRow<Status>): WorkState<Status> {
  return {
    status: row.status,
    attempts: row.attempts,
    failures: row.failures,
    losses: row.losses,
    wakeAt: row.wake_at,
    output: parsed(row.output),
    rows: counts(row),
    assets: names(row.assets),
    error: parsed<Failure>(row.error),
    reason: row.reason,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

export function toStep(row: StepRow): Omit<StepState, "items"> {
  return {
    ...toWork(row),
    awaits: row.awaits,
    effectRun: row.effect_run,
    reusedFrom: row.reused_from,
    late: row.late === 1,
  };
}

export function toItem(row: ItemRow): ItemState {
  return toWork(row);
}

export function toAttempt(row: AttemptRow, runId: string, step: string): AttemptRecord {
  return {
    runId,
    step,
    item: itemOf(row.item),
    attempt: row.attempt,
    status: row.status,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    error: parsed<Failure>(row.error),
  };
}

export function toLive(row: LiveRow, runId: string, step: string): LiveAttempt {
  return { runId, step, item: itemOf(row.item), attempt: row.attempt, startedAt: row.started_at };
}

export function toLogLine(row: LogRow, runId: string, step: string): AttemptLogLine & { position: number } {
  const fields = parsed<LogFields>(row.fields);
  return {
    position: row.position,
    runId,
    step,
    item: itemOf(row.item),
    attempt: row.attempt,
    at: row.at,
    level: row.level,
    message: row.message,
    ...(fields === null ? {} : { fields }),
  };
}

export function toNotice(row: NoticeRow): StoredNotice {
  return {
    notice: JSON.parse(row.notice) as HookNotice,
    attempts: row.attempts,
    dueAt: row.due_at,
    deliveredAt: row.delivered_at,
    error: parsed<Failure>(row.error),
  };
}

export function toCached(row: CachedRow): CachedResult {
  return {
    key: row.key,
    runId: row.run_id,
    output: parsed(row.output),
    rows: counts(row),
    assets: names(row.assets),
    at: row.at,
  };
}

export function toUpdate(row: UpdateRow): AssetUpdate {
  return { position: row.position, asset: row.asset, partition: row.partition, runId: row.run_id, at: row.at };
}
