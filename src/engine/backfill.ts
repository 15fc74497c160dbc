// A backfill: the runs of a range of partitions, a few at a time. It is a label on run requests; given again, it
// starts what has not succeeded yet and leaves the rest alone.
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Plan } from "../pipeline/plan.ts";
import { partitionKeys } from "../pipeline/partition.ts";
import type { BackfillRecord, RunRecord, RunStore } from "./run-store.ts";
import type { FinishedRun, Scheduler } from "./scheduler.ts";

export interface BackfillRequest {
  readonly plan: Plan;
  /** First and last partition key, both included. */
  readonly from: string;
  readonly to: string;
  /** Runs at the same time. */
  readonly parallel: number;
  /** Run every partition again, even those that succeeded. */
  readonly reprocess: boolean;
}

export interface BackfillResult {
  readonly backfill: BackfillRecord;
  /** The newest run of each partition, in the order of the partitions. */
  readonly runs: readonly RunRecord[];
  /** How many runs this call started. */
  readonly started: number;
}

export interface BackfillContext {
  readonly store: RunStore;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly randomId: () => string;
  /** Runs of an earlier process that are being finished, by id. */
  readonly recovered: ReadonlyMap<string, Promise<FinishedRun>>;
  /** No new run is started once this is aborted. */
  readonly signal: AbortSignal;
}

/** Resolves when every run has ended; rejects with USAGE for a range that can't be, and when nothing can be made durable. */
export async function runBackfill(request: BackfillRequest, context: BackfillContext): Promise<BackfillResult> {
  const { plan, from, to } = request;
  if (!Number.isSafeInteger(request.parallel) || request.parallel < 1) {
    throw new SluiceError("USAGE", `A backfill can't do ${request.parallel} runs at a time`, {
      hint: "Use a whole number from 1 up.",
    });
  }
  const { store, clock } = context;
  const keys = partitionKeys(plan.partitions!, from, to);
  const known = request.reprocess ? null : await store.findBackfill(plan.pipeline, plan.version, from, to);
  const backfill: BackfillRecord = known ?? {
    id: `${plan.pipeline}-${from}-${to}-${context.randomId()}`,
    pipeline: plan.pipeline,
    version: plan.version,
    from,
    to,
    status: "running",
    createdAt: clock.now(),
    finishedAt: null,
  };
  if (known === null) await store.createBackfill(backfill);
  else await store.finishBackfill(backfill.id, "running", clock.now());

  const newest = new Map<string, RunRecord>();
  // Newest first, so the first one met for a partition is the one that counts.
  for (const run of await store.runs({ backfill: backfill.id, limit: Number.MAX_SAFE_INTEGER })) {
    if (run.partition !== null && !newest.has(run.partition)) newest.set(run.partition, run);
  }
  let started = 0;
  const order: string[] = [];
  const lane = async (): Promise<void> => {
    for (const key of keys) {
      order.push(key);
      if (context.signal.aborted) continue;
      const before = newest.get(key);
      const resumed = before === undefined ? undefined : context.recovered.get(before.id);
      if (resumed !== undefined) newest.set(key, (await resumed).record);
      if (newest.get(key)?.status === "succeeded") continue;
      // A run that was resumed and then failed has had its retries; the same command given again starts it anew.
      if (resumed !== undefined && newest.get(key)?.status === "failed") continue;
      started += 1;
      newest.set(key, (await context.scheduler.start({ plan, partition: key, backfill: backfill.id })).record);
    }
  };
  // All lanes draw from one generator, so partitions start in order and the range is never a list in memory.
  await Promise.all(Array.from({ length: request.parallel }, lane));

  const runs = order.sort().flatMap((key) => newest.get(key) ?? []);
  const status = context.signal.aborted
    ? "cancelled"
    : runs.every((run) => run.status === "succeeded")
      ? "succeeded"
      : runs.some((run) => run.status === "failed")
        ? "failed"
        : "cancelled";
  const finishedAt = clock.now();
  await store.finishBackfill(backfill.id, status, finishedAt);
  return { backfill: { ...backfill, status, finishedAt }, runs, started };
}
