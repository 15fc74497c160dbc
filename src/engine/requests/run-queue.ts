// From a request to a run: whatever asks for a run leaves a request under a key, and a request becomes a run when its
// pipeline has room for one. One that can begin at once is never stored as a request. Backfills limit themselves.
import type { Clock } from "../../clock.ts";
import { fromFailure, SluiceError, toFailure } from "../../errors.ts";
import { describePartitions, partitionAt } from "../../pipeline/partition.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { ActiveRuns } from "../scheduler/active-runs.ts";
import type { DynamicSets } from "./dynamic-sets.ts";
import type { KeptStore } from "../scheduler/kept-store.ts";
import { createDuty, type Lane } from "../scheduler/lane.ts";
import type { RunRequest } from "../stores/request-store.ts";
import type { Beginning, RunStarter } from "./run-starter.ts";
import type { Timer } from "../scheduler/timer.ts";

/** Requests that are taken up at a time. */
const page = 200;
/** Milliseconds between two looks that nothing in particular is the reason for. */
const rounds = 30_000;

export interface RunQueueOptions {
  readonly store: Pick<
    KeptStore,
    "addRequests" | "dueRequests" | "dropRequests" | "nextRequestAt" | "pipelinesWithRequests" | "runByRequest"
  >;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly lane: Lane;
  readonly active: ActiveRuns;
  readonly starter: RunStarter;
  readonly sets: DynamicSets;
  readonly plans: () => ReadonlyMap<string, Plan>;
  readonly isBackfillRunning: (backfill: string) => boolean;
  /** A request was taken back: nobody wants it any more, or it can't be met. */
  readonly dropped: (request: RunRequest) => void;
  /** Nothing that was not asked for by a person begins any more. */
  readonly draining: () => boolean;
  /** A pipeline has no requests left that could begin if there were room. */
  readonly drained: (pipeline: string) => void;
  readonly failed: (error: unknown) => void;
}

/** What became of a request: a run, or a place in the queue. */
export type Asked = { readonly run: string } | { readonly request: string };

export interface RunQueue {
  /** Runs and backfills of before are known: begins what may begin. Nothing is looked at before. */
  open(): void;
  /** Begins a run if there is room, else leaves the request in the queue. Calls that come together are done together. */
  ask(request: RunRequest, plan: Plan): Promise<Asked>;
  /** A request of this pipeline was added, or there is room for one. */
  look(pipeline: string): void;
  /** Something may have changed for any of them. */
  lookAtAll(): void;
  /** A run has ended. */
  runEnded(pipeline: string): void;
  /** Are there requests of the pipeline that wait for room? */
  hasBacklog(pipeline: string): boolean;
  /** Resolves with the id of the run that the request becomes. */
  begun(key: string): Promise<string>;
  /** Whoever waits for requests to begin is told that they never will. */
  abandon(error: Error, keys?: readonly string[]): void;
  close(): void;
}

interface Asking {
  readonly request: RunRequest;
  readonly plan: Plan;
  readonly resolve: (asked: Asked) => void;
  readonly reject: (error: unknown) => void;
}

export function createRunQueue(options: RunQueueOptions): RunQueue {
  const { store, clock, timer, lane, active, starter } = options;
  const waiters = new Map<string, PromiseWithResolvers<string>>();
  /** Pipelines with requests that wait for room. */
  const backlog = new Set<string>();
  const toLookAt = new Set<string>();
  /** Nothing is known of what is in the store until all has been looked at once. */
  let all = true;
  let opened = false;
  let asking: Asking[] = [];
  let cancelWake: (() => void) | null = null;
  const looking = createDuty(lane, work, options.failed);
  const answering = createDuty(lane, answer, options.failed);

  async function answer(): Promise<void> {
    const batch = asking;
    asking = [];
    try {
      const known = new Map<string, Asked>();
      for (const { request } of batch) {
        const run = await store.runByRequest(request.key);
        if (run !== null) known.set(request.key, { run: run.id });
      }
      const fresh = batch.filter(({ request }) => !known.has(request.key));
      const { fitting, waiting } = divide(fresh);
      // Before anything is awaited: a run that ends meanwhile makes room for them.
      for (const { request } of waiting) backlog.add(request.pipeline);
      const records = await begin(fitting.map(({ request, plan }) => ({ request, plan })));
      for (const record of records) known.set(record.requestKey, { run: record.id });
      if (waiting.length > 0) {
        await store.addRequests(waiting.map(({ request }) => request));
        for (const { request } of waiting) look(request.pipeline);
      }
      for (const { request, resolve } of batch) resolve(known.get(request.key) ?? { request: request.key });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** Those for which there is room, and those that have to wait behind others. */
  function divide(batch: readonly Asking[]): {
    readonly fitting: readonly Asking[];
    readonly waiting: readonly Asking[];
  } {
    const counts = new Map<string, number>();
    const fitting: Asking[] = [];
    const waiting: Asking[] = [];
    for (const item of batch) {
      const { pipeline, maxActiveRuns } = item.plan;
      const count = counts.get(pipeline) ?? active.countOf(pipeline);
      const fits = count < maxActiveRuns && !backlog.has(pipeline) && item.request.notBefore <= clock.now();
      (fits ? fitting : waiting).push(item);
      if (fits) counts.set(pipeline, count + 1);
    }
    return { fitting, waiting };
  }

  async function begin(beginnings: readonly Beginning[]): ReturnType<RunStarter["begin"]> {
    const records = await starter.begin(beginnings);
    for (const record of records) {
      waiters.get(record.requestKey)?.resolve(record.id);
      waiters.delete(record.requestKey);
    }
    return records;
  }

  async function work(): Promise<void> {
    if (!opened || options.draining()) return;
    const now = clock.now();
    if (all) for (const pipeline of await store.pipelinesWithRequests(now)) toLookAt.add(pipeline);
    all = false;
    const pipelines = [...toLookAt];
    toLookAt.clear();
    const due: RunRequest[] = [];
    for (const pipeline of pipelines) due.push(...(await withRoom(pipeline, now)));
    const ofBackfills = await store.dueRequests(now, { backfills: true, limit: page });
    if (ofBackfills.length === page) looking.soon();
    const beginnings: Beginning[] = [];
    for (const request of [...due, ...ofBackfills]) {
      const plan = options.plans().get(request.pipeline);
      if (plan !== undefined && (await isStillWanted(request, plan))) beginnings.push({ request, plan });
    }
    await begin(beginnings);
    await setWake();
  }

  /** The requests of a pipeline that there is room for, those of backfills aside. */
  async function withRoom(pipeline: string, now: number): Promise<readonly RunRequest[]> {
    const plan = options.plans().get(pipeline);
    if (plan === undefined) return [];
    const room = Math.min(Math.max(0, plan.maxActiveRuns - active.countOf(pipeline)), page);
    const waited = backlog.has(pipeline);
    // A run that ends meanwhile makes room: whoever may be left over is to be looked at then.
    backlog.add(pipeline);
    // One more than there is room for tells whether any is left.
    const due = await store.dueRequests(now, { pipeline, backfills: false, limit: room + 1 });
    if (due.length > room) {
      if (room === page) toLookAt.add(pipeline);
    } else {
      backlog.delete(pipeline);
      if (waited) options.drained(pipeline);
    }
    return due.slice(0, room);
  }

  /** Partitions may have gone since it was made, and backfills may have been cancelled: what nobody wants any more is dropped. */
  async function isStillWanted(request: RunRequest, plan: Plan): Promise<boolean> {
    const { key, partition, backfill } = request;
    try {
      if (backfill !== null && !options.isBackfillRunning(backfill))
        throw new SluiceError("CANCELLED", `Backfill ${backfill} was cancelled`);
      await checkPartition(plan, partition, options.sets);
      return true;
    } catch (error) {
      await store.dropRequests({ key });
      abandon(fromFailure(toFailure(error)), [key]);
      options.dropped(request);
      return false;
    }
  }

  async function setWake(): Promise<void> {
    const now = clock.now();
    const next = (await store.nextRequestAt(now)) ?? Number.POSITIVE_INFINITY;
    // What waits for room is looked at when there is some; and every so often, as a net.
    const at = backlog.size > 0 ? Math.min(next, now + rounds) : next;
    cancelWake?.();
    cancelWake = null;
    if (at === Number.POSITIVE_INFINITY) return;
    cancelWake = timer(at, () => {
      all = true;
      looking.soon();
    });
  }

  function look(pipeline: string): void {
    toLookAt.add(pipeline);
    looking.soon();
  }

  function abandon(error: Error, keys: readonly string[] = [...waiters.keys()]): void {
    for (const key of keys) {
      waiters.get(key)?.reject(error);
      waiters.delete(key);
    }
  }

  return {
    open: () => {
      opened = true;
      looking.soon();
    },
    ask: (request, plan) =>
      new Promise((resolve, reject) => {
        asking.push({ request, plan, resolve, reject });
        answering.soon();
      }),
    look,
    lookAtAll: () => {
      all = true;
      looking.soon();
    },
    runEnded: (pipeline) => {
      if (backlog.has(pipeline)) look(pipeline);
    },
    hasBacklog: (pipeline) => backlog.has(pipeline),
    begun: (key) => {
      let waiter = waiters.get(key);
      if (waiter === undefined) {
        waiter = Promise.withResolvers();
        waiter.promise.catch(() => {});
        waiters.set(key, waiter);
      }
      return waiter.promise;
    },
    abandon,
    close: () => cancelWake?.(),
  };
}

/** Throws USAGE, in one line, when the pipeline has no such partition. */
export async function checkPartition(plan: Plan, partition: string | null, sets: DynamicSets): Promise<void> {
  const { pipeline, partitions } = plan;
  if (partitions === null) {
    if (partition === null) return;
    throw new SluiceError("USAGE", `Pipeline "${pipeline}" has no partitions`, { hint: "Leave the partition out." });
  }
  const dynamic = await sets.keysFor(partitions);
  if (partition !== null) return void partitionAt(partitions, partition, dynamic);
  throw new SluiceError("USAGE", `Pipeline "${pipeline}" needs a partition`, {
    hint: `Its partitions are ${describePartitions(partitions)}.`,
  });
}
