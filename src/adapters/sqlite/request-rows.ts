// Rows of requests, instructions, schedules and backfills, and what the engine knows them as.
import type { Instruction, InstructionRecord } from "../../engine/stores/instruction.ts";
import type { BackfillRecord, BackfillStatus, RunRequest, ScheduleState } from "../../engine/stores/request-store.ts";
import type { RunTrigger } from "../../engine/stores/run-store.ts";
import type { Json } from "../../json.ts";
import type { PartitionSelection } from "../../pipeline/partition.ts";
import { json, parsed, type ColumnValue } from "./row-values.ts";

export interface RequestRow {
  key: string;
  pipeline: string;
  partition: string | null;
  params: string;
  trigger: RunTrigger;
  scheduled_for: number | null;
  backfill: string | null;
  not_before: number;
  created_at: number;
}

export interface InstructionRow {
  id: string;
  instruction: string;
  by: string;
  created_at: number;
  answered_at: number | null;
  result: string | null;
  error: string | null;
}

export interface ScheduleRow {
  pipeline: string;
  paused: number;
  handled_tick: number | null;
  handled_update: number;
}

export interface BackfillRow {
  id: string;
  pipeline: string;
  version: string;
  selection: string;
  mode: BackfillRecord["mode"];
  parallel: number;
  looked_at: number;
  total: number;
  requested: number;
  succeeded: number;
  failed: number;
  status: BackfillStatus;
  created_at: number;
  finished_at: number | null;
}

export const requestColumns =
  "key, pipeline, partition, params, trigger, scheduled_for, backfill, of_backfill, not_before, created_at";

/** In the order of `requestColumns`. */
export function requestValues(request: RunRequest): ColumnValue[] {
  return [
    request.key,
    request.pipeline,
    request.partition,
    JSON.stringify(request.params),
    request.trigger,
    request.scheduledFor,
    request.backfill,
    request.backfill === null ? 0 : 1,
    request.notBefore,
    request.createdAt,
  ];
}

export function toRequest(row: RequestRow): RunRequest {
  return {
    key: row.key,
    pipeline: row.pipeline,
    partition: row.partition,
    params: JSON.parse(row.params) as Json,
    trigger: row.trigger,
    scheduledFor: row.scheduled_for,
    backfill: row.backfill,
    notBefore: row.not_before,
    createdAt: row.created_at,
  };
}

export const instructionColumns = "id, instruction, by, created_at, answered_at, result, error";

/** In the order of `instructionColumns`. */
export function instructionValues(record: InstructionRecord): ColumnValue[] {
  return [
    record.id,
    JSON.stringify(record.instruction),
    record.by,
    record.createdAt,
    record.answeredAt,
    json(record.result),
    json(record.error),
  ];
}

export function toInstruction(row: InstructionRow): InstructionRecord {
  return {
    id: row.id,
    instruction: JSON.parse(row.instruction) as Instruction,
    by: row.by,
    createdAt: row.created_at,
    answeredAt: row.answered_at,
    result: parsed<Json>(row.result),
    error: parsed(row.error),
  };
}

export function toSchedule(row: ScheduleRow): ScheduleState {
  return {
    pipeline: row.pipeline,
    paused: row.paused === 1,
    handledTick: row.handled_tick,
    handledUpdate: row.handled_update,
  };
}

export const backfillColumns =
  "id, pipeline, version, selection, mode, parallel, looked_at, total, requested, succeeded, failed, status, created_at, finished_at";

/** In the order of `backfillColumns`. */
export function backfillValues(backfill: BackfillRecord): ColumnValue[] {
  return [
    backfill.id,
    backfill.pipeline,
    backfill.version,
    JSON.stringify(backfill.selection),
    backfill.mode,
    backfill.parallel,
    backfill.position,
    backfill.total,
    backfill.requested,
    backfill.succeeded,
    backfill.failed,
    backfill.status,
    backfill.createdAt,
    backfill.finishedAt,
  ];
}

export function toBackfill(row: BackfillRow): BackfillRecord {
  return {
    id: row.id,
    pipeline: row.pipeline,
    version: row.version,
    selection: JSON.parse(row.selection) as PartitionSelection,
    mode: row.mode,
    parallel: row.parallel,
    position: row.looked_at,
    total: row.total,
    requested: row.requested,
    succeeded: row.succeeded,
    failed: row.failed,
    status: row.status,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}
