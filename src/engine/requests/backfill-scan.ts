// Which partitions of a stretch a backfill is to run, by how they stand. Pure.
import type { BackfillMode } from "../stores/instruction.ts";
import type { BackfillRecord, PartitionStatus, RunRequest } from "../stores/request-store.ts";
import type { Json } from "../../json.ts";

/** What becomes of a partition that a backfill comes to. */
export type Verdict =
  /** It is run. */
  | "run"
  /** The backfill has run it before, without success, and runs it again. */
  | "run-again"
  | "leave";

/** @param own Whether this backfill has run the partition before: it has been cancelled, or has failed, and was resumed. */
export function verdictOn(mode: BackfillMode, status: PartitionStatus | undefined, own: boolean): Verdict {
  if (status === undefined) return mode === "failed" ? "leave" : "run";
  // Whatever asked for it, it is under way.
  if (status.status === "running") return mode === "all" && !own ? "run" : "leave";
  if (own) return status.status === "succeeded" ? "leave" : "run-again";
  switch (mode) {
    case "missing":
      return status.everSucceeded ? "leave" : "run";
    case "failed":
      return status.status === "failed" ? "run" : "leave";
    case "all":
      return "run";
  }
}

/** Under this key a backfill runs a partition for the first time. */
export function backfillKey(backfill: string, partition: string): string {
  return `backfill:${backfill}:${partition}`;
}

/** @param before The newest run of the partition, when the backfill runs it again. */
export function backfillRequest(
  { id, pipeline }: BackfillRecord,
  partition: string,
  before: string | null,
  params: Json,
  now: number,
): RunRequest {
  const key = backfillKey(id, partition);
  return {
    key: before === null ? key : `${key}:${before}`,
    pipeline,
    partition,
    params,
    trigger: "backfill",
    scheduledFor: null,
    backfill: id,
    notBefore: now,
    createdAt: now,
  };
}
