// The executor of the embedded host: warm worker processes and the jobs that wait for them. The first worker is started
// at once, because it loads the project's definitions; others when there is more to do than there are workers for. A job
// goes to a worker that has loaded its version: when the project's files change, workers of both kinds live side by side.
import { availableParallelism, totalmem } from "node:os";
import { fromFailure, toFailure } from "../errors.ts";
import type { Executor } from "../engine/attempts/executor.ts";
import type { Json } from "../json.ts";
import { attemptJob, callJob, sharedOutputs, type Call, type CallAnswer } from "./attempt-job.ts";
import type { Fault } from "./faults.ts";
import type { Job } from "./job.ts";
import { createJobQueue, type JobQueue } from "./job-queue.ts";
import type { LoadedProject } from "./messages.ts";
import { createPace, mayGiveAhead, short, worthHolding } from "./pace.ts";
import type { StandIns } from "./stand-ins.ts";
import { startWorker, type Worker } from "./worker.ts";

export interface WorkerPoolOptions {
  readonly configPath: string;
  readonly homeFolder: string;
  /** Plan versions that runs which have not ended may still need. @default none */
  readonly unfinished?: () => ReadonlySet<string>;
  /** How long a worker may be idle, as long as there is another, in milliseconds. @default 60 000 */
  readonly idleLimit?: number;
  /** What a test asks for. */
  readonly faults?: readonly Fault[];
  readonly standIns?: StandIns;
}

export interface WorkerPool extends Executor {
  /** The project's definitions, as they were loaded last. */
  readonly project: LoadedProject;
  /** Worker processes at most; hooks, params and older versions may have some beside them for a while. */
  readonly size: number;
  /** Ids of the processes there are. */
  readonly processes: readonly number[];
  /** The params of a run as the pipeline's own schema makes them of what was given; throws what the schema finds wrong. */
  parseParams(pipeline: string, raw: Json): Promise<Json>;
  /**
   * Loads the project's files as they are now: new runs use them, and runs under way keep the workers that have their
   * versions. When they can't be loaded it rejects with what is wrong, and all stays as it was.
   */
  reload(): Promise<LoadedProject>;
  /** Kills the workers, and waits until they have ended. */
  close(): Promise<void>;
}

/** A worker in the pool. */
interface Member {
  readonly worker: Worker;
  /** Counts reloads: it has loaded the files as they were then, or later. */
  readonly generation: number;
  /** Plan versions that it has. */
  versions: ReadonlySet<string>;
}

/** Calls that are answered at a time. */
const callsAtMost = 2;
/** How long one may be idle that has only versions nobody needs any more, in milliseconds. */
const uselessLimit = 2_000;
/** How often the idle ones are looked through, in milliseconds. */
const idleEvery = 1_000;
/** After a worker could not load the project, none is started beside the others for so many milliseconds. */
const spawnPause = 5_000;

/** Resolves when the first worker has loaded the project; rejects with the reason when it can't be loaded. */
export async function openWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  const limit = Math.min(availableParallelism(), 4);
  const idleLimit = options.idleLimit ?? 60_000;
  const unfinished = options.unfinished ?? (() => new Set<string>());
  const members = new Set<Member>();
  /** Killed, and not ended yet. */
  const leaving = new Set<Worker>();
  const attempts = createJobQueue();
  const calls = createJobQueue();
  const pace = createPace();
  let generation = 0;
  let size = limit;
  let closed = false;
  let notBefore = 0;
  let idleTimer: NodeJS.Timeout | null = null;
  let reloading: Promise<unknown> = Promise.resolve();

  let project = await spawn(0).worker.loaded.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  let newest = versionsOf(project);
  let sharesOf = sharedOutputs(project);
  size = project.workers ?? limit;

  function spawn(of: number): Member {
    const worker = startWorker(
      {
        configPath: options.configPath,
        homeFolder: options.homeFolder,
        memory: `${Math.max(512, Math.floor((totalmem() * 0.6) / size / 2 ** 20))}MB`,
        faults: options.faults ?? [],
        standIns: options.standIns ?? null,
      },
      {
        onReady: () => {
          if (member.versions.size === 0) member.versions = versionsOf(worker.project!);
          dispatch();
        },
        onReturned: (jobs) => {
          for (const job of jobs) queueOf(job).add(job);
          dispatch();
        },
        onExit: () => {
          members.delete(member);
          leaving.delete(worker);
          // After what it held has been handed back.
          setImmediate(dispatch);
        },
      },
    );
    const member: Member = { worker, generation: of, versions: new Set() };
    members.add(member);
    return member;
  }

  /** Starts a worker beside the others. When it can't load the project, jobs wait for the others, if there are any. */
  function spawnMore(): void {
    spawn(generation).worker.loaded.catch((error: unknown) => {
      notBefore = Date.now() + spawnPause;
      if (closed || [...members].some(({ worker }) => worker.project !== null)) return;
      const lost = { type: "lost", reason: toFailure(error).message, startedAt: Date.now(), ms: null } as const;
      for (const queue of [attempts, calls]) for (const job of queue.all()) queue.take(job).end(lost);
    });
  }

  /** Gives what waits to the workers. */
  function dispatch(): void {
    if (closed) return;
    if (calls.size > 0) dispatchCalls();
    if (attempts.size > 0) dispatchAttempts();
    if (members.size > 1) idleTimer ??= setTimeout(dismissIdle, idleEvery);
  }

  function dispatchAttempts(): void {
    giveToIdle(attempts, Infinity);
    giveAhead();
    if (attempts.size === 0) return;
    const own = [...members].filter((member) => member.generation === generation && !onCall(member));
    if (attempts.size > own.filter(isStarting).length && own.length < size && Date.now() >= notBefore) spawnMore();
    seekVersions(attempts);
  }

  /** Hooks and params don't wait behind attempts, which may take hours: an idle worker answers, or one of their own. */
  function dispatchCalls(): void {
    const room = callsAtMost - [...members].filter(onCall).length;
    giveToIdle(calls, room);
    if (calls.size === 0 || room <= 0) return;
    const enough = [...members].some(isStarting) || members.size >= size + callsAtMost;
    if (!enough && Date.now() >= notBefore) spawnMore();
    seekVersions(calls);
  }

  function giveToIdle(queue: JobQueue, atMost: number): void {
    let given = 0;
    for (const member of members) {
      if (queue.size === 0 || given >= atMost) return;
      if (member.worker.held > 0) continue;
      const job = queue.first((version) => has(member, version));
      if (job === undefined) continue;
      give(member, queue.take(job));
      given += 1;
    }
  }

  /** While attempts are short, busy workers are given some ahead of time, so that none stands idle between two. */
  function giveAhead(): void {
    for (;;) {
      const job = attempts.first();
      if (job === undefined) return;
      const expected = pace.expected(job.kind);
      let best: Member | null = null;
      for (const member of members) {
        const { worker } = member;
        if (!has(member, job.version) || worker.slow || onCall(member) || !mayGiveAhead(worker, expected)) continue;
        if (best === null || worker.held < best.worker.held) best = member;
      }
      if (best === null) return;
      give(best, attempts.take(job));
    }
  }

  /** A version that no worker has is looked for once, in case the files are again as they were; if they are not, that is that. */
  function seekVersions(queue: JobQueue): void {
    if ([...members].some(isStarting)) return;
    for (const version of queue.versions) {
      if (version === null || [...members].some((member) => has(member, version))) continue;
      let look = false;
      for (const job of queue.all().filter((waiting) => waiting.version === version)) {
        if (job.sought) queue.take(job).end({ type: "unknown-version", startedAt: Date.now(), ms: null });
        else look = job.sought = true;
      }
      if (look) return spawnMore();
    }
  }

  /** Can it run jobs of the version? The newest workers that have a version go before older ones, so that those can end. */
  function has(member: Member, version: string | null): boolean {
    if (version === null) return member.generation === generation && !isStarting(member);
    return member.versions.has(version) && (member.generation === generation || !newest.has(version));
  }

  function give({ worker }: Member, job: Job): void {
    job.expected = pace.expected(job.kind) ?? short;
    worker.give(job);
  }

  function queueOf(job: Job): JobQueue {
    return job.work.type === "run" ? attempts : calls;
  }

  function call(work: Call, version: string | null, signal: AbortSignal): Promise<CallAnswer> {
    return new Promise((onAnswer) => {
      calls.add(callJob(work, { version, signal, onAnswer }));
      dispatch();
    });
  }

  /** Ends workers that have had nothing to do for a while: all but one of the newest, and older ones that no run needs. */
  function dismissIdle(): void {
    idleTimer = null;
    const needed = unfinished();
    const own = [...members].filter((member) => member.generation === generation);
    let spare = own.length - 1;
    for (const member of members) {
      const { worker, versions } = member;
      if (worker.project === null || worker.held > 0) continue;
      const idle = Date.now() - worker.idleSince;
      const useless =
        member.generation < generation && ![...versions].some((version) => needed.has(version) && !newest.has(version));
      const tooMany = member.generation === generation && spare > 0 && idle >= idleLimit;
      if (!tooMany && !(useless && idle >= uselessLimit)) continue;
      if (tooMany) spare -= 1;
      members.delete(member);
      leaving.add(worker);
      worker.kill();
    }
    if (members.size > 1 && !closed) idleTimer = setTimeout(dismissIdle, idleEvery);
  }

  async function load(): Promise<LoadedProject> {
    const member = spawn(generation + 1);
    const loaded = await member.worker.loaded;
    generation += 1;
    project = loaded;
    newest = versionsOf(loaded);
    sharesOf = sharedOutputs(loaded);
    size = loaded.workers ?? limit;
    dispatch();
    return loaded;
  }

  async function close(): Promise<void> {
    closed = true;
    if (idleTimer !== null) clearTimeout(idleTimer);
    const all = [...[...members].map(({ worker }) => worker), ...leaving];
    // Whatever a worker still does is fenced and repeatable, so it needs no gentle end.
    for (const worker of all) worker.kill();
    await Promise.all(all.map((worker) => worker.ended));
  }

  return {
    get project() {
      return project;
    },
    get size() {
      return size;
    },
    get processes() {
      return [...members].map(({ worker }) => worker.pid).filter((pid) => pid !== undefined);
    },
    get capacity() {
      return size * worthHolding(pace.median());
    },
    run: (assignment, signal, onLog) =>
      new Promise((onEnd) => {
        attempts.add(attemptJob(assignment, { signal, shares: sharesOf(assignment), pace, onLog, onEnd }));
        dispatch();
      }),
    notify: async (notice, signal) => {
      // Hooks are best called as they were when the run began; if that version is gone, as they are now.
      const there = [...members].some((member) => member.versions.has(notice.version));
      const answer = await call({ type: "notify", notice }, there ? notice.version : null, signal);
      return answer.failure;
    },
    parseParams: async (pipeline, raw) => {
      const { result, failure } = await call({ type: "params", pipeline, raw }, null, new AbortController().signal);
      if (failure !== null) throw fromFailure(failure);
      return result;
    },
    reload: () => {
      // One after the other: the last one asked for is the one that stays.
      const done = reloading.then(load, load);
      reloading = done.catch(() => {});
      return done;
    },
    close,
  };
}

function versionsOf(project: LoadedProject): ReadonlySet<string> {
  return new Set(project.plans.map((plan) => plan.version));
}

function isStarting({ worker }: Member): boolean {
  return worker.project === null;
}

function onCall({ worker }: Member): boolean {
  const current = worker.current;
  return current !== null && current.work.type !== "run";
}
