// What the updates of assets ask for, of a pipeline that runs when they are brought up to date: a pure function of the
// updates and of what was handled before. A partitioned pipeline is run for the partitions that were updated.
import type { Plan } from "../../pipeline/plan.ts";
import type { UpdateSchedule } from "../../pipeline/schedule.ts";
import type { RunRequest, ScheduleState } from "../stores/request-store.ts";
import type { AssetUpdate } from "../stores/run-store.ts";
import type { Moment } from "./schedule-tick.ts";

/** Is this the time the schedule is for? */
export function isInForce(
  { from, to }: { readonly from: number | null; readonly to: number | null },
  now: number,
): boolean {
  return (from === null || now >= from) && (to === null || now < to);
}

/**
 * The run of a pipeline without partitions: one for all updates since the last. At the first look there is no past: what was
 * updated before the pipeline was there is not made up for.
 */
export function updatesDue(
  plan: Plan,
  schedule: UpdateSchedule,
  state: ScheduleState,
  newest: ReadonlyMap<string, number>,
  moment: Moment,
): { readonly requests: readonly RunRequest[]; readonly state: ScheduleState } {
  const position = Math.max(0, ...schedule.assets.map((asset) => newest.get(asset) ?? 0));
  if (!wasLookedAt(state)) return { requests: [], state: { ...state, handledTick: 0, handledUpdate: position } };
  const isNew = (asset: string): boolean => (newest.get(asset) ?? 0) > state.handledUpdate;
  const met = schedule.mode === "any" ? schedule.assets.some(isNew) : schedule.assets.every(isNew);
  if (!met) return { requests: [], state };
  const requests = isInForce(schedule, moment.now) ? [requestOf(plan, position, null, moment)] : [];
  return { requests, state: { ...state, handledUpdate: position } };
}

/** No tick is ever handled of a schedule without times: 0 says that its updates are. */
export function wasLookedAt({ handledTick }: ScheduleState): boolean {
  return handledTick === 0;
}

/**
 * Partitions of the pipeline that a stretch of updates is about, each with the position of its last one. An update of an
 * asset without partitions is about those of the moment: the slice of time that has ended last, or all of a list.
 */
export function updatedPartitions(
  schedule: UpdateSchedule,
  updates: readonly AssetUpdate[],
  partitionsOf: (update: AssetUpdate) => readonly string[],
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const update of updates) {
    if (!schedule.assets.includes(update.asset)) continue;
    for (const partition of partitionsOf(update)) found.set(partition, update.position);
  }
  return found;
}

/** Positions of the newest updates of an asset, 0 for none: of one partition, and of the asset as a whole. */
export interface PartitionUpdate {
  readonly partition: number;
  readonly whole: number;
}

/** Has every asset been updated for the partition since the last run that updates asked for? One without partitions, ever. */
export function allUpdated(updates: readonly PartitionUpdate[], firedAt: number): boolean {
  return updates.every(({ partition, whole }) => partition > firedAt || whole > 0);
}

export function requestOf(plan: Plan, position: number, partition: string | null, moment: Moment): RunRequest {
  const key = `${keyPrefix(plan.pipeline)}${position}`;
  return {
    key: partition === null ? key : `${key}:${partition}`,
    pipeline: plan.pipeline,
    partition,
    params: moment.params,
    trigger: "update",
    scheduledFor: null,
    backfill: null,
    notBefore: moment.now,
    createdAt: moment.now,
  };
}

/** The position that a request was made at, by its key; 0 for the key of another kind of request. */
export function positionOfKey(pipeline: string, key: string): number {
  const prefix = keyPrefix(pipeline);
  if (!key.startsWith(prefix)) return 0;
  const position = Number(key.slice(prefix.length).split(":", 1)[0]);
  return Number.isSafeInteger(position) ? position : 0;
}

function keyPrefix(pipeline: string): string {
  return `update:${pipeline}:`;
}
