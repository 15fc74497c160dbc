// What a pipeline's schedule asks for at a moment: a pure function of the schedule, of what was handled before and of the
// time. Requests have keys that are the same however often they are made, so nothing runs twice, whatever the clock does.
import type { Json } from "../../json.ts";
import {
  firstPartition,
  overlappingPartitions,
  partitionsOfTick,
  type DynamicKeys,
  type Partitions,
} from "../../pipeline/partition.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { jitterOf, nextTick, ticksAfter, type CronSchedule, type IntervalSchedule } from "../../pipeline/schedule.ts";
import type { RunRequest, ScheduleState } from "../stores/request-store.ts";

export interface Due {
  readonly requests: readonly RunRequest[];
  readonly state: ScheduleState;
  /** When to look again; null when time alone brings nothing. */
  readonly wakeAt: number | null;
}

export interface Moment {
  readonly now: number;
  readonly dynamic: DynamicKeys;
  /** What a run is started with that nobody starts. */
  readonly params: Json;
}

export type TickSchedule = CronSchedule | IntervalSchedule;

/** Ticks that are made up for at a time: a year of hours must not be one transaction. */
export const ticksAtATime = 100;
/** A clock that was wrong by this much is not believed for ever, in milliseconds. */
const credible = 86_400_000;
/** No schedule has two ticks closer together than this, in milliseconds. */
const shortestInterval = 1_000;

/** The state of a schedule that was never looked at. */
export function newSchedule(pipeline: string): ScheduleState {
  return { pipeline, paused: false, handledTick: null, handledUpdate: 0 };
}

/** Runs for the ticks that have passed since those that were handled. While paused nothing is asked for, and nothing handled. */
export function ticksDue(plan: Plan, schedule: TickSchedule, state: ScheduleState, moment: Moment): Due {
  if (state.paused) return { requests: [], state, wakeAt: null };
  const { now } = moment;
  const handled = handledBefore(plan, schedule, state, now);
  const ticks = schedule.catchup
    ? ticksAfter(schedule, handled, now, ticksAtATime)
    : [lastTick(schedule, handled, now)].filter((tick) => tick !== null);
  const last = ticks.at(-1) ?? handled;
  return {
    requests: ticks.flatMap((tick) => requestsOf(plan, schedule, tick, moment)),
    state: last === state.handledTick ? state : { ...state, handledTick: last },
    wakeAt: nextTick(schedule, last),
  };
}

/** The tick up to which all is done. What was handled once stays so, also when the clock is put back. */
function handledBefore(plan: Plan, schedule: TickSchedule, { handledTick }: ScheduleState, now: number): number {
  // 0 is what a schedule by updates leaves behind, if the pipeline had one before.
  if (handledTick !== null && handledTick !== 0) return handledTick > now + credible ? now : handledTick;
  // At the first look there is a past only where it was asked for.
  const from = schedule.catchup ? (schedule.from ?? startOf(plan.partitions)) : null;
  return from === null ? now : Math.min(from - 1, now);
}

function startOf(partitions: Partitions | null): number | null {
  const start = partitions === null ? null : (firstPartition(partitions)?.start ?? null);
  return start === null ? null : Date.parse(start);
}

/** The last tick after one time and up to another, without counting through all that lie between. */
export function lastTick(schedule: TickSchedule, after: number, until: number): number | null {
  let last = nextTick(schedule, after);
  if (last === null || last > until) return null;
  // No tick lies after `clear` and up to `until`.
  for (let clear = until; clear - last >= shortestInterval;) {
    const middle = Math.floor((last + clear) / 2);
    const tick = nextTick(schedule, middle);
    if (tick !== null && tick <= until) last = tick;
    else clear = middle;
  }
  return last;
}

/** The partitions before that of a tick which are looked at for failed runs, the nearest first; [] where there is nothing to count by. */
export function partitionsBefore({ partitions }: Plan, schedule: TickSchedule, key: string | null): readonly string[] {
  if (partitions === null || key === null) return [];
  const distances = Array.from({ length: schedule.retryFailed ?? 0 }, (_unused, index) => -1 - index);
  return distances.flatMap((distance) => overlappingPartitions(partitions, key, distance, partitions));
}

/** A run of a partition again, for the tick of another. */
export function requestAgain(request: RunRequest, partition: string): RunRequest {
  return { ...request, key: `${request.key}:again:${partition}`, partition };
}

function requestsOf(plan: Plan, schedule: TickSchedule, tick: number, moment: Moment): RunRequest[] {
  const key = `schedule:${plan.pipeline}:${new Date(tick).toISOString()}`;
  return partitionsOfTick(plan.partitions, tick, moment.dynamic).map((partition) => ({
    key: partition === null ? key : `${key}:${partition}`,
    pipeline: plan.pipeline,
    partition,
    params: moment.params,
    trigger: "schedule",
    scheduledFor: tick,
    backfill: null,
    notBefore: tick + jitterOf(schedule, plan.pipeline, tick),
    createdAt: moment.now,
  }));
}
