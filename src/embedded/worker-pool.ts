// The executor of the embedded host: a pool of warm worker processes. The first is started at once, because it loads
// the project's definitions; others when there is more to do than there are workers for. A worker that dies costs the
// attempt it was running, and is replaced when it is needed.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import { fromFailure, SluiceError } from "../errors.ts";
import type { Assignment, AttemptEnd, Executor, Outcome } from "../engine/executor.ts";
import { processTimer } from "../engine/timer.ts";
import type { LogLine } from "../log.ts";
import type { FromWorker, LoadedProject, ToWorker, WorkerStart } from "./messages.ts";

export interface WorkerPoolOptions {
  readonly configPath: string;
  readonly homeFolder: string;
}

export interface WorkerPool extends Executor {
  /** The project's definitions, as the first worker loaded them. */
  readonly project: LoadedProject;
  /** Worker processes at most. */
  readonly size: number;
  /** Ends the workers, and waits until they have ended. */
  close(): Promise<void>;
}

interface Job {
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  readonly onLog: (line: LogLine) => void;
  readonly resolve: (end: AttemptEnd) => void;
  startedAt: number;
}

interface Worker {
  readonly process: ChildProcess;
  ready: boolean;
  job: Job | null;
  /** Ends the job: clears its timers and hands its outcome on. */
  end: ((outcome: Outcome) => void) | null;
}

/** How long a worker may take to stop an attempt before it is killed, in milliseconds. */
const stopGrace = 2_000;

const timer = processTimer(systemClock);

/** Resolves when the first worker has loaded the project; rejects with the reason when it can't be loaded. */
export async function openWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  const limit = Math.min(availableParallelism(), 4);
  const workers = new Set<Worker>();
  const queue: Job[] = [];
  let closed = false;
  let size = limit;

  const first = Promise.withResolvers<LoadedProject>();
  spawn(
    (project) => first.resolve(project),
    (error) => first.reject(error),
  );
  const project = await first.promise.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  size = project.workers ?? limit;

  function spawn(onLoaded: (project: LoadedProject) => void, onFailed: (error: SluiceError) => void): void {
    const start: WorkerStart = {
      configPath: options.configPath,
      homeFolder: options.homeFolder,
      memory: `${Math.max(512, Math.floor((totalmem() * 0.6) / size / 2 ** 20))}MB`,
    };
    const child = fork(workerModule(), [JSON.stringify(start)], {
      // What user code prints must not mix with the data that a command prints.
      stdio: ["ignore", 2, 2, "ipc"],
      execArgv: ["--disable-warning=ExperimentalWarning"],
      serialization: "advanced",
    });
    const worker: Worker = { process: child, ready: false, job: null, end: null };
    workers.add(worker);
    child.on("message", (message: FromWorker) => {
      switch (message.type) {
        case "loaded":
          worker.ready = true;
          onLoaded(message.project);
          return dispatch();
        case "load-failed":
          workers.delete(worker);
          child.kill();
          return onFailed(fromFailure(message.failure));
        case "log":
          return worker.job?.onLog(message.line);
        case "succeeded":
          return worker.end?.({
            type: "succeeded",
            output: message.result.output ?? null,
            rows: message.result.rows ?? null,
            assets: message.result.assets ?? [],
          });
        case "failed":
          return worker.end?.({ type: "failed", error: message.failure });
      }
    });
    child.on("error", () => {});
    child.on("exit", (code, signal) => {
      workers.delete(worker);
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      if (worker.end !== null) worker.end({ type: "lost", reason: `its process ended with ${how}` });
      else if (!worker.ready)
        onFailed(new SluiceError("WORKER_LOST", `The worker process ended with ${how} before it was ready`));
      if (!closed) dispatch();
    });
  }

  /** Gives waiting jobs to idle workers, the oldest run's first, and starts a worker when all are taken. */
  function dispatch(): void {
    for (const worker of workers) {
      if (queue.length === 0) return;
      if (worker.ready && worker.job === null) assign(worker, queue.shift()!);
    }
    const starting = [...workers].filter((worker) => !worker.ready).length;
    if (queue.length > starting && workers.size < size && !closed) {
      spawn(
        () => {},
        (error) => queue.shift()?.resolve({ outcome: { type: "lost", reason: error.message }, startedAt: Date.now() }),
      );
    }
  }

  function assign(worker: Worker, job: Job): void {
    let killer: NodeJS.Timeout | null = null;
    let timedOut = false;
    const stop = (): void => {
      post(worker, { type: "stop" });
      killer ??= setTimeout(() => worker.process.kill("SIGKILL"), stopGrace);
    };
    const { timeoutMs } = job.assignment;
    const cancelTimeout =
      timeoutMs === null
        ? null
        : timer(systemClock.now() + timeoutMs, () => {
            timedOut = true;
            stop();
          });
    worker.job = job;
    worker.end = (outcome) => {
      if (killer !== null) clearTimeout(killer);
      cancelTimeout?.();
      job.signal.removeEventListener("abort", stop);
      worker.job = null;
      worker.end = null;
      job.resolve({
        outcome: timedOut && outcome.type !== "succeeded" ? timeoutOutcome(job.assignment) : outcome,
        startedAt: job.startedAt,
      });
      dispatch();
    };
    job.startedAt = Date.now();
    job.signal.addEventListener("abort", stop);
    post(worker, { type: "run", assignment: job.assignment });
    if (job.signal.aborted) stop();
  }

  async function close(): Promise<void> {
    closed = true;
    const ended = [...workers].map((worker) => once(worker.process, "exit"));
    // Whatever a worker still does is fenced and repeatable, so it needs no gentle end.
    for (const worker of workers) worker.process.kill("SIGKILL");
    await Promise.all(ended);
  }

  return {
    project,
    size,
    run: (assignment, signal, onLog) =>
      new Promise((resolve) => {
        const job: Job = { assignment, signal, onLog, resolve, startedAt: Date.now() };
        const later = queue.findIndex((other) => other.assignment.priority > assignment.priority);
        queue.splice(later === -1 ? queue.length : later, 0, job);
        dispatch();
      }),
    close,
  };
}

function timeoutOutcome(assignment: Assignment): Outcome {
  return {
    type: "failed",
    error: {
      code: "TASK_TIMEOUT",
      message: `Step "${assignment.step}" ran longer than its timeout of ${assignment.timeoutMs} ms`,
      retryable: true,
    },
  };
}

function post(worker: Worker, message: ToWorker): void {
  // A worker that has just died is dealt with by its exit event.
  if (worker.process.connected) worker.process.send(message, () => {});
}

/** The worker's entry: `.js` in the built package, `.ts` when the sources run as they are. */
function workerModule(): string {
  return fileURLToPath(new URL(`./worker-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
}
