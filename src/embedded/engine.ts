// The embedded host, assembled: the state folder with its lock, the SQLite store, the worker pool and the scheduler, and
// the inbox by which other processes reach it. One open engine per state folder.
import { randomBytes } from "node:crypto";
import { availableParallelism, totalmem } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openEngineStore } from "../adapters/sqlite/engine-store.ts";
import { systemClock, type Clock } from "../clock.ts";
import { homeFolder } from "../config.ts";
import type { Failure, SluiceError } from "../errors.ts";
import type { EngineStore } from "../engine/stores/engine-store.ts";
import type { AttemptLogLine, RunRecord } from "../engine/stores/run-store.ts";
import { createScheduler, type FinishedRun, type Scheduler } from "../engine/scheduler/scheduler.ts";
import type { RunState } from "../engine/state-machine/state.ts";
import type { Timer } from "../engine/scheduler/timer.ts";
import { canonicalJson, type Json } from "../json.ts";
import type { Plan } from "../pipeline/plan.ts";
import { writeEngineNote } from "./engine-note.ts";
import type { Fault } from "./faults.ts";
import { homeAt, lockHome, type Home } from "./home.ts";
import { watchInbox } from "./instruction-inbox.ts";
import type { LoadedProject } from "./messages.ts";
import type { StandIns } from "./stand-ins.ts";
import { openWorkerPool, type WorkerPool } from "./worker-pool.ts";

export interface EngineOptions {
  /** Path of the project's configuration file. */
  readonly configPath: string;
  /** The command as it was typed: shown to whoever finds the folder locked. */
  readonly command: string;
  /** Are schedules kept, and so runs begun that nobody asks for? @default false */
  readonly schedules?: boolean;
  /** Does what an earlier process left unfinished go on? @default true */
  readonly resume?: boolean;
  readonly onChange?: (run: RunRecord, state: RunState) => void;
  readonly onLog?: (line: AttemptLogLine) => void;
  /** Told of what can't be worked out for a pipeline, such as its schedule. It is tried again. */
  readonly onTrouble?: (pipeline: string, failure: Failure) => void;
  /** The state folder. @default the project's */
  readonly home?: string;
  /** What a test asks for. */
  readonly clock?: Clock;
  readonly timer?: Timer;
  readonly faults?: readonly Fault[];
  readonly standIns?: StandIns;
  /** Puts something between the scheduler and its store. */
  readonly storeWrapper?: (store: EngineStore) => EngineStore;
}

export interface Engine extends Pick<Scheduler, "instruct" | "finished" | "requested" | "settled" | "previewBackfill"> {
  readonly home: Home;
  readonly store: EngineStore;
  /** Pipelines by name, as they are now. */
  readonly plans: ReadonlyMap<string, Plan>;
  /** All that was loaded of the project, as it is now. */
  readonly project: LoadedProject;
  /** Ids of the worker processes. */
  readonly workers: readonly number[];
  /** How many runs of an earlier process are being finished. */
  readonly recovered: number;
  /** Resolves, with why, when nothing can be made durable any more, as on a full disk; nothing is done from then on. */
  readonly broken: Promise<SluiceError>;
  /**
   * Runs a pipeline once, and resolves when the run has ended, and with it all else that can go on by itself. A run of the
   * same pipeline, partition and params that was left unfinished is finished instead, unless a key is given.
   */
  run(
    pipeline: string,
    request?: { readonly partition?: string | null; readonly params?: Json; readonly key?: string },
  ): Promise<FinishedRun>;
  /**
   * Loads the project's files as they are now. New runs get what they define; runs under way go on as they began. When
   * they can't be loaded it rejects with what is wrong, and all stays as it was.
   */
  reload(): Promise<void>;
  /** Attempts that have been handed to workers and have not ended. */
  readonly underWay: number;
  /**
   * Starts no attempt any more, and resolves when those under way have ended, or after so many milliseconds. What is left
   * by then ends with `close`, and is made again by whoever opens the engine next.
   */
  drain(limitMs: number): Promise<void>;
  /** Cancels everything under way, and begins nothing more. */
  cancel(reason: string): void;
  close(): Promise<void>;
}

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const home = homeAt(options.home ?? homeFolder(dirname(options.configPath)));
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    closers.push(lockHome(home, options.command).release);
    const unfinished = new Map<string, string>();
    // The worker loads the project while the store is opened.
    const opening = openWorkerPool({
      configPath: options.configPath,
      homeFolder: home.folder,
      unfinished: () => new Set(unfinished.values()),
      ...(options.faults === undefined ? {} : { faults: options.faults }),
      ...(options.standIns === undefined ? {} : { standIns: options.standIns }),
    });
    closers.push(() => opening.then(closePool, () => {}));
    const store = (options.storeWrapper ?? same)(openEngineStore(home.state));
    closers.push(store.close);
    const pool = await opening;
    // Workers end before the store does: what they would still say has nowhere to go.
    closers.push(pool.close);
    return await assemble(options, { home, store, pool, unfinished, closers, close });
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  readonly home: Home;
  readonly store: EngineStore;
  readonly pool: WorkerPool;
  /** Plan versions of the runs that have not ended, by run. */
  readonly unfinished: Map<string, string>;
  readonly closers: (() => void | Promise<void>)[];
  readonly close: () => Promise<void>;
}

async function assemble(
  options: EngineOptions,
  { home, store, pool, unfinished, closers, close }: Parts,
): Promise<Engine> {
  const { schedules = false, onLog, onTrouble, timer } = options;
  const machine = { cpus: availableParallelism(), memory: memoryOfMachine() };
  const broken = Promise.withResolvers<SluiceError>();
  let plans = plansOf(pool.project);
  const scheduler = createScheduler({
    store,
    executor: pool,
    clock: options.clock ?? systemClock,
    randomId: () => randomBytes(6).toString("hex"),
    plans: () => plans,
    get pools() {
      return pool.project.pools;
    },
    get projectHooks() {
      return pool.project.hooks;
    },
    machine,
    schedules,
    prepareParams: pool.parseParams,
    onBroken: broken.resolve,
    onChange: (run, state) => {
      if (run.status === "running") unfinished.set(run.id, run.version);
      else unfinished.delete(run.id);
      options.onChange?.(run, state);
    },
    ...(timer === undefined ? {} : { timer }),
    ...(onLog === undefined ? {} : { onLog }),
    ...(onTrouble === undefined ? {} : { onTrouble }),
  });
  closers.push(scheduler.stop);
  const leaveNote = (): void =>
    writeEngineNote(home, {
      schedules,
      pools: pool.project.pools,
      capacity: pool.capacity,
      workers: pool.size,
      machine,
      versions: Object.fromEntries([...plans].map(([name, { version }]) => [name, version])),
    });
  leaveNote();
  const left = await scheduler.recover({ resume: options.resume ?? true });
  for (const { id, version, status } of left) if (status === "running") unfinished.set(id, version);
  const inbox = watchInbox(home, store, scheduler.wake);
  closers.push(inbox.close);

  /** The run that an earlier process left unfinished, and that does what is asked. */
  const leftRun = async (pipeline: string, partition: string | null, params: Json): Promise<RunRecord | undefined> => {
    const plan = plans.get(pipeline);
    const found = left.find(
      (run) => run.pipeline === pipeline && run.partition === partition && run.version === plan?.version,
    );
    if (found === undefined || params === null) return found;
    return canonicalJson(await pool.parseParams(pipeline, params)) === canonicalJson(found.params) ? found : undefined;
  };

  const { instruct, finished, requested, settled, previewBackfill, cancelAll } = scheduler;
  return {
    home,
    store,
    get plans() {
      return plans;
    },
    get project() {
      return pool.project;
    },
    get workers() {
      return pool.processes;
    },
    recovered: options.resume === false ? 0 : left.length,
    broken: broken.promise,
    instruct,
    finished,
    requested,
    settled,
    previewBackfill,
    run: async (pipeline, { partition = null, params = null, key } = {}) => {
      const interrupted = key === undefined ? await leftRun(pipeline, partition, params) : undefined;
      const run = await (interrupted === undefined
        ? scheduler.start({ pipeline, partition, params, ...(key === undefined ? {} : { key }) })
        : finished(interrupted.id));
      await settled();
      return run;
    },
    reload: async () => {
      plans = plansOf(await pool.reload());
      leaveNote();
      scheduler.plansChanged();
    },
    get underWay() {
      return scheduler.underWay;
    },
    drain: async (limitMs) => {
      const tooLong = new AbortController();
      const limit = sleep(limitMs, undefined, { signal: tooLong.signal, ref: true }).catch(() => {});
      await Promise.race([scheduler.drain(), limit]);
      tooLong.abort();
    },
    cancel: cancelAll,
    close,
  };
}

function plansOf({ plans }: LoadedProject): ReadonlyMap<string, Plan> {
  return new Map(plans.map((plan) => [plan.pipeline, plan]));
}

/** What this process may use: a container's limit where there is one. */
function memoryOfMachine(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function closePool(pool: WorkerPool): Promise<void> {
  return pool.close();
}

function same(store: EngineStore): EngineStore {
  return store;
}
