// Keeps the schedules: looks at each pipeline when its time has come or an asset it waits for was updated, and turns what
// is due into requests. What was asked for and how far a schedule is handled are stored in one transaction.
import type { Clock } from "../../clock.ts";
import type { Json } from "../../json.ts";
import { partitionAt, partitionsOfTick, type DynamicKeys, type Partitions } from "../../pipeline/partition.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { UpdateSchedule } from "../../pipeline/schedule.ts";
import type { DynamicSets } from "./dynamic-sets.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import { createDuty, type Lane } from "../scheduler/lane.ts";
import type { RunRequest, ScheduleState } from "../stores/request-store.ts";
import type { AssetUpdate } from "../stores/run-store.ts";
import {
  newSchedule,
  partitionsBefore,
  requestAgain,
  ticksDue,
  type Moment,
  type TickSchedule,
} from "./schedule-tick.ts";
import type { Timer } from "../scheduler/timer.ts";
import {
  allUpdated,
  isInForce,
  positionOfKey,
  requestOf,
  updatedPartitions,
  updatesDue,
  wasLookedAt,
} from "./update-due.ts";

/** Updates that are read at a time. */
const page = 1_000;
/** Every so often all schedules are looked at, whatever their timers say: a clock that jumped takes no timer with it. */
const rounds = 30_000;

export interface SchedulesOptions {
  readonly store: Pick<
    KeptStore,
    "addRequests" | "assetUpdates" | "newestRun" | "newestUpdate" | "requests" | "runs" | "saveSchedule" | "schedules"
  >;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly lane: Lane;
  readonly sets: DynamicSets;
  readonly plans: () => ReadonlyMap<string, Plan>;
  /** What a run is started with that nobody starts; null while that is not known yet. */
  readonly defaultParams: (plan: Plan) => { readonly params: Json } | null;
  readonly hasBacklog: (pipeline: string) => boolean;
  /** Requests of the pipeline were added. */
  readonly added: (pipeline: string) => void;
  /** Nothing is asked for any more. */
  readonly draining: () => boolean;
  /** What can't be worked out for one pipeline must not keep the others. */
  readonly troubled: (pipeline: string, error: unknown) => void;
  readonly failed: (error: unknown) => void;
}

export interface Schedules {
  /** Reads the stored states and, if it is to, begins to keep the schedules. */
  open(keep: boolean): Promise<void>;
  /** The plans have changed. */
  plansChanged(): void;
  /** Something may be due for the pipeline. */
  look(pipeline: string): void;
  assetsUpdated(assets: readonly string[]): void;
  isPaused(pipeline: string): boolean;
  /** In the lane. */
  pause(pipeline: string, paused: boolean): Promise<void>;
  close(): void;
}

export function createSchedules(options: SchedulesOptions): Schedules {
  const { store, clock, timer } = options;
  const states = new Map<string, ScheduleState>();
  const wakeAts = new Map<string, number>();
  const toLookAt = new Set<string>();
  /** Pipelines that run when an asset is updated, by asset. */
  const listeners = new Map<string, string[]>();
  let opened = false;
  let closed = false;
  let cancelWake: (() => void) | null = null;
  const looking = createDuty(options.lane, work, options.failed);

  async function work(): Promise<void> {
    if (!opened || options.draining()) return;
    const now = clock.now();
    for (const [pipeline, at] of wakeAts) if (at <= now) toLookAt.add(pipeline);
    const pipelines = [...toLookAt];
    toLookAt.clear();
    for (const pipeline of pipelines) {
      const plan = options.plans().get(pipeline);
      wakeAts.delete(pipeline);
      if (plan?.schedule == null) continue;
      try {
        await lookAt(plan);
      } catch (error) {
        wakeAts.set(pipeline, now + rounds);
        options.troubled(pipeline, error);
      }
    }
    setWake();
  }

  async function lookAt(plan: Plan): Promise<void> {
    const { pipeline, schedule, partitions } = plan;
    const state = stateOf(pipeline);
    if (schedule === null || schedule.type === "on-event" || state.paused) return;
    const known = options.defaultParams(plan);
    // Whoever works them out lets this be looked at again.
    if (known === null) return;
    const moment: Moment = { now: clock.now(), dynamic: await options.sets.keysFor(partitions), params: known.params };
    if (schedule.type === "on-update") return lookAtUpdates(plan, schedule, state, moment);
    // A long past is made up for as fast as runs of it get done.
    if (schedule.catchup && options.hasBacklog(pipeline)) return;
    const due = ticksDue(plan, schedule, state, moment);
    if (due.wakeAt !== null) wakeAts.set(pipeline, due.wakeAt);
    await keep(pipeline, state, due.state, [...due.requests, ...(await failedBefore(plan, schedule, due.requests))]);
  }

  /** What has failed before and is to be tried once more with the runs that are due. */
  async function failedBefore(
    plan: Plan,
    schedule: TickSchedule,
    requests: readonly RunRequest[],
  ): Promise<readonly RunRequest[]> {
    const again = new Map<string, RunRequest>();
    for (const request of requests) {
      for (const partition of partitionsBefore(plan, schedule, request.partition)) {
        if (again.has(partition) || requests.some((other) => other.partition === partition)) continue;
        const newest = await store.newestRun(plan.pipeline, partition);
        if (newest?.status === "failed") again.set(partition, requestAgain(request, partition));
      }
    }
    return [...again.values()];
  }

  async function lookAtUpdates(
    plan: Plan,
    schedule: UpdateSchedule,
    state: ScheduleState,
    moment: Moment,
  ): Promise<void> {
    const { pipeline, partitions } = plan;
    if (partitions === null || !wasLookedAt(state)) {
      const newest = new Map<string, number>();
      for (const asset of schedule.assets) newest.set(asset, (await store.newestUpdate(asset))?.position ?? 0);
      const due = updatesDue(plan, schedule, state, newest, moment);
      return keep(pipeline, state, due.state, due.requests);
    }
    const updates = await store.assetUpdates(state.handledUpdate, page);
    if (updates.length === 0) return;
    const found = updatedPartitions(schedule, updates, (update) => partitionsOf(partitions, update, moment.dynamic));
    const requests: RunRequest[] = [];
    for (const [partition, position] of isInForce(schedule, moment.now) ? found : []) {
      if (schedule.mode === "all" && !(await isComplete(plan, schedule, partition))) continue;
      requests.push(requestOf(plan, position, partition, moment));
    }
    await keep(pipeline, state, { ...state, handledUpdate: updates.at(-1)!.position }, requests);
    if (updates.length === page) look(pipeline);
  }

  /** Have all assets been updated for this partition since the last run that was asked for because of that? */
  async function isComplete({ pipeline }: Plan, { assets }: UpdateSchedule, partition: string): Promise<boolean> {
    const positions = await Promise.all(
      assets.map(async (asset) => ({
        partition: (await store.newestUpdate(asset, partition))?.position ?? 0,
        whole: (await store.newestUpdate(asset, null))?.position ?? 0,
      })),
    );
    const runs = await store.runs({ pipeline, partition, limit: 20 });
    const waiting = (await store.requests({ pipeline, limit: page })).filter((item) => item.partition === partition);
    const keys = [...runs.map(({ requestKey }) => requestKey), ...waiting.map(({ key }) => key)];
    return allUpdated(positions, Math.max(0, ...keys.map((key) => positionOfKey(pipeline, key))));
  }

  async function keep(
    pipeline: string,
    before: ScheduleState,
    after: ScheduleState,
    requests: readonly RunRequest[],
  ): Promise<void> {
    if (after === before && requests.length === 0) return;
    if (requests.length === 0) await store.saveSchedule(after);
    else await store.addRequests(requests, after);
    states.set(pipeline, after);
    if (requests.length > 0) options.added(pipeline);
  }

  function stateOf(pipeline: string): ScheduleState {
    return states.get(pipeline) ?? newSchedule(pipeline);
  }

  function setWake(): void {
    cancelWake?.();
    cancelWake = null;
    // What was being worked out when the scheduler ended would leave a timer behind, and keep the process.
    if (closed || wakeAts.size === 0) return;
    const next = Math.min(...wakeAts.values(), clock.now() + rounds);
    cancelWake = timer(next, looking.soon);
  }

  function look(pipeline: string): void {
    toLookAt.add(pipeline);
    looking.soon();
  }

  function plansChanged(): void {
    listeners.clear();
    for (const { pipeline, schedule } of options.plans().values()) {
      if (schedule === null) continue;
      toLookAt.add(pipeline);
      if (schedule.type !== "on-update") continue;
      for (const asset of schedule.assets) listeners.set(asset, [...(listeners.get(asset) ?? []), pipeline]);
    }
    looking.soon();
  }

  return {
    open: async (keep) => {
      for (const state of await store.schedules()) states.set(state.pipeline, state);
      opened = keep;
      if (keep) plansChanged();
    },
    plansChanged,
    look,
    assetsUpdated: (assets) => {
      for (const asset of assets) for (const pipeline of listeners.get(asset) ?? []) look(pipeline);
    },
    isPaused: (pipeline) => stateOf(pipeline).paused,
    pause: async (pipeline, paused) => {
      const state = { ...stateOf(pipeline), paused };
      await store.saveSchedule(state);
      states.set(pipeline, state);
      look(pipeline);
    },
    close: () => {
      closed = true;
      cancelWake?.();
    },
  };
}

/** The pipeline's partitions that an update is about: none when it was of a partition that the pipeline has not. */
function partitionsOf(partitions: Partitions, { partition, at }: AssetUpdate, dynamic: DynamicKeys): readonly string[] {
  if (partition === null) return partitionsOfTick(partitions, at, dynamic).filter((key) => key !== null);
  try {
    partitionAt(partitions, partition, dynamic);
    return [partition];
  } catch {
    return [];
  }
}
