// What is asked of the engine, as programs and people see it: runs that wait to begin, and backfills.
import type { BackfillRecord, BackfillStatus, RunRequest } from "../engine/stores/request-store.ts";
import type { BackfillMode } from "../engine/stores/instruction.ts";
import type { Json } from "../json.ts";
import type { PartitionSelection } from "../pipeline/partition.ts";
import { isoTime } from "./run-view.ts";
import { listed } from "./sentence.ts";

export interface RequestView {
  /** One run per key, ever. */
  readonly key: string;
  readonly pipeline: string;
  readonly partition: string | null;
  readonly params: Json;
  readonly trigger: RunRequest["trigger"];
  readonly scheduledFor: string | null;
  readonly backfill: string | null;
  /** It does not begin before. */
  readonly notBefore: string;
  readonly createdAt: string;
}

export interface BackfillView {
  readonly id: string;
  readonly pipeline: string;
  /** Hash of the plan when it was asked for. */
  readonly version: string;
  readonly selection: PartitionSelection;
  readonly mode: BackfillMode;
  /** Runs at a time. */
  readonly parallel: number;
  /** How many partitions the selection has, and how many of them have been looked at. */
  readonly total: number;
  readonly position: number;
  /** How many runs it has asked for, and how those ended. */
  readonly requested: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly status: BackfillStatus;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

export function viewRequest(request: RunRequest): RequestView {
  return {
    key: request.key,
    pipeline: request.pipeline,
    partition: request.partition,
    params: request.params,
    trigger: request.trigger,
    scheduledFor: isoTime(request.scheduledFor),
    backfill: request.backfill,
    notBefore: isoTime(request.notBefore),
    createdAt: isoTime(request.createdAt),
  };
}

export function viewBackfill(backfill: BackfillRecord): BackfillView {
  return {
    id: backfill.id,
    pipeline: backfill.pipeline,
    version: backfill.version,
    selection: backfill.selection,
    mode: backfill.mode,
    parallel: backfill.parallel,
    total: backfill.total,
    position: backfill.position,
    requested: backfill.requested,
    succeeded: backfill.succeeded,
    failed: backfill.failed,
    status: backfill.status,
    createdAt: isoTime(backfill.createdAt),
    finishedAt: isoTime(backfill.finishedAt),
  };
}

/** A selection of partitions in words: "2011-01-04 to 2011-01-09", "all", "day 2011-01-04, region eu and us". */
export function selectionText(selection: PartitionSelection): string {
  switch (selection.type) {
    case "all":
      return "all";
    case "range":
      return `${selection.from} to ${selection.to}`;
    case "keys":
      return listed(selection.keys, 4);
    case "each":
      return Object.entries(selection.dimensions)
        .map(([dimension, each]) => `${dimension} ${selectionText(each)}`)
        .join(", ");
  }
}
