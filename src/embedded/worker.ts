// One worker process, from the scheduler's side: started, given jobs, stopped, killed. It works through its jobs one at
// a time, in the order they were given. Jobs that it has not begun can be had back, from a worker that is busy and from
// one that has died, so that no job is run twice and none is lost but the one that was under way.
import { spawn, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import { processTimer } from "../engine/scheduler/timer.ts";
import { fromFailure, SluiceError, toFailure, type Failure } from "../errors.ts";
import { jobNumbers } from "./claims.ts";
import type { Job, JobResult } from "./job.ts";
import { lineOf, lineReader } from "./message-lines.ts";
import {
  pipes,
  type FromWorker,
  type LoadedProject,
  type Recalled,
  type ToWorker,
  type WorkerStart,
} from "./messages.ts";
import { sharedValues } from "./shared-values.ts";

export interface WorkerEvents {
  /** It has loaded the project, or a job of its has ended. */
  onReady(): void;
  /** Jobs that it has not begun, in their order; they are the caller's again. */
  onReturned(jobs: readonly Job[]): void;
  onExit(): void;
}

export interface Worker {
  /** Undefined when the process could not even be started. */
  readonly pid: number | undefined;
  /** Rejects with what is wrong when the project can't be loaded. */
  readonly loaded: Promise<LoadedProject>;
  /** What it has loaded; null before it has. */
  readonly project: LoadedProject | null;
  /** The job under way. */
  readonly current: Job | null;
  /** How many jobs it was given that have not ended. */
  readonly held: number;
  /** How long they are likely to take, in milliseconds. */
  readonly load: number;
  /** Is the one under way taking so long that nothing should wait behind it? */
  readonly slow: boolean;
  /** When it last had something to do, in milliseconds since the epoch. */
  readonly idleSince: number;
  give(job: Job): void;
  kill(): void;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
}

/** How long a worker may take to stop a job before it is killed, in milliseconds. */
const stopGrace = 2_000;
/** How long a project may take to load, in milliseconds: one that never does would be waited for in silence. */
const loadLimit = 120_000;
/** When the job under way has taken so many milliseconds, those behind it are asked back. */
const slowAfter = 20;
/** How long what a dead worker has said may take to be read, in milliseconds. */
const readLimit = 1_000;

/** Node would let short-lived objects fill three times 32 MB before it looks: of each worker that is, and nothing is faster by it. */
const nodeOptions = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=16"];

const timer = processTimer(systemClock);

interface Held {
  readonly number: number;
  readonly job: Job;
  startedAt: number;
  /** Was it asked back? */
  asked: boolean;
  /** Why it is being stopped, when it is. */
  stopping: "timed-out" | "stopped" | null;
  cancelTimeout: (() => void) | null;
}

export function startWorker(start: WorkerStart, events: WorkerEvents): Worker {
  const child = spawn(process.execPath, [...nodeOptions, entry()], {
    // What user code prints must not mix with the data that a command prints.
    stdio: ["ignore", 2, 2, "pipe", "pipe", "pipe"],
  });
  const loaded = Promise.withResolvers<LoadedProject>();
  const ended = Promise.withResolvers<void>();
  // Whoever waits for it hears of a failure; nobody has to.
  loaded.promise.catch(() => {});
  const values = sharedValues();
  let held: Held[] = [];
  let project: LoadedProject | null = null;
  let numbered = 0;
  let unsent = "";
  let idleSince = Date.now();
  let lastWord: Failure | null = null;
  let killer: NodeJS.Timeout | null = null;
  let slowTimer: NodeJS.Timeout | null = null;
  let slow = false;
  let headSince = 0;
  let load = 0;

  post({ type: "start", start });
  const loadTimer = setTimeout(() => {
    loaded.reject(
      new SluiceError("CONFIG_INVALID", `The project has not loaded within ${loadLimit / 1000} s`, {
        hint: "A file of the project waits for something when it is loaded; do that inside a step.",
      }),
    );
    kill();
  }, loadLimit);

  const toWorker = pipeOf(child, pipes.fromScheduler);
  const recalls = pipeOf(child, pipes.recalls);
  // User code has the pipes at hand, too; a worker that says what none can say is not to be trusted with jobs.
  pipeOf(child, pipes.toScheduler)?.on("data", lineReader<FromWorker>(receive, kill));
  recalls?.on(
    "data",
    lineReader<Recalled>(({ jobs }) => takeBack(new Set(jobs)), kill),
  );
  whenOver(child, (how) => {
    clearTimeout(loadTimer);
    if (killer !== null) clearTimeout(killer);
    if (slowTimer !== null) clearTimeout(slowTimer);
    const reason = lastWord === null ? how : `${how}: ${lastWord.message}`;
    loaded.reject(new SluiceError("WORKER_LOST", `The worker process ended with ${reason} before it was ready`));
    project = null;
    // What it has said was read before this: only the first of the rest can have begun.
    const [begun, ...others] = held;
    held = [];
    ended.resolve();
    events.onExit();
    if (begun !== undefined) end(begun, { type: "lost", reason: `its process ended with ${reason}` });
    giveUp(others);
  });

  function receive(message: FromWorker): void {
    switch (message.type) {
      case "loaded":
        clearTimeout(loadTimer);
        project = message.project;
        loaded.resolve(project);
        return events.onReady();
      case "load-failed":
        loaded.reject(fromFailure(message.failure));
        return kill();
      case "died":
        lastWord = message.failure;
        return;
      case "log":
        return held.find((item) => item.number === message.job)?.job.onLog(message.line);
      case "ended":
        return finish(message.job, { type: "ended", outcome: message.outcome }, message);
      case "answered":
        return finish(message.job, { type: "answered", result: message.result, failure: message.failure });
    }
  }

  function finish(number: number, result: JobResult, watch?: { startedAt: number; ms: number }): void {
    // Not always the first: those before it were given back, and their answer, on a pipe of its own, comes later.
    const position = held.findIndex((item) => item.number === number);
    const item = held[position];
    if (item === undefined) return;
    held.splice(position, 1);
    if (position === 0) settleHead();
    end(item, result, watch);
    events.onReady();
  }

  /** Another job is the first now: it is under way. */
  function settleHead(): void {
    if (killer !== null) clearTimeout(killer);
    killer = null;
    headSince = Date.now();
    slow = false;
    const head = held[0];
    if (head === undefined) {
      idleSince = headSince;
      return;
    }
    head.startedAt = headSince;
    if (head.job.timeoutMs !== null)
      head.cancelTimeout = timer(headSince + head.job.timeoutMs, () => stop(head, "timed-out"));
    if (head.job.signal.aborted) stop(head, "stopped");
  }

  function stop(head: Held, why: "timed-out" | "stopped"): void {
    if (held[0] !== head) return;
    head.stopping ??= why;
    post({ type: "stop", job: head.number });
    killer ??= setTimeout(kill, stopGrace);
  }

  function end(item: Held, result: JobResult, watch?: { startedAt: number; ms: number }): void {
    load = held.length === 0 ? 0 : load - item.job.expected;
    item.cancelTimeout?.();
    const worked = result.type === "ended" && result.outcome.type !== "failed" && result.outcome.type !== "lost";
    const final = item.stopping === null || worked || result.type === "answered" ? result : { type: item.stopping };
    item.job.end({ ...final, startedAt: watch?.startedAt ?? item.startedAt, ms: watch?.ms ?? null });
  }

  function askBack(items: readonly Held[]): void {
    const wanted = items.filter((item) => !item.asked);
    for (const item of wanted) item.asked = true;
    if (wanted.length > 0) recalls?.write(lineOf({ jobs: wanted.map((item) => item.number) }));
  }

  /** What was asked back and had not begun is taken off the worker's hands. */
  function takeBack(numbers: ReadonlySet<number>): void {
    const head = held[0];
    const taken = held.filter((item) => numbers.has(item.number));
    held = held.filter((item) => !numbers.has(item.number));
    // The one before it had ended, so it was taken for begun.
    if (head !== held[0]) settleHead();
    giveUp(taken);
  }

  function giveUp(items: readonly Held[]): void {
    const wanted: Job[] = [];
    for (const item of items) {
      item.cancelTimeout?.();
      if (item.job.signal.aborted) {
        end(item, { type: "stopped" });
        continue;
      }
      load -= item.job.expected;
      wanted.push(item.job);
    }
    if (wanted.length > 0) events.onReturned(wanted);
  }

  function watchHead(): void {
    slowTimer ??= setTimeout(() => {
      slowTimer = null;
      if (held.length < 2) return;
      if (Date.now() - headSince < slowAfter) return watchHead();
      slow = true;
      askBack(held.slice(1));
    }, slowAfter);
  }

  function post(message: ToWorker): void {
    if (unsent === "") process.nextTick(flush);
    unsent += lineOf(message);
  }

  function flush(): void {
    const text = unsent;
    unsent = "";
    if (toWorker?.writable === true) toWorker.write(text);
  }

  function kill(): void {
    child.kill("SIGKILL");
  }

  return {
    pid: child.pid,
    loaded: loaded.promise,
    get project() {
      return project;
    },
    get current() {
      return held[0]?.job ?? null;
    },
    get held() {
      return held.length;
    },
    get load() {
      return load;
    },
    get slow() {
      return slow;
    },
    get idleSince() {
      return idleSince;
    },
    give: (job) => {
      numbered = (numbered % jobNumbers) + 1;
      const item: Held = { number: numbered, job, startedAt: 0, asked: false, stopping: null, cancelTimeout: null };
      job.onAbort = () => {
        if (held[0] === item) stop(item, "stopped");
        else askBack([item]);
      };
      load += job.expected;
      held.push(item);
      for (const message of values.messagesFor(job, numbered)) post(message);
      if (held.length === 1) settleHead();
      else watchHead();
    },
    kill,
    ended: ended.promise,
  };
}

/** A pipe to the process; there is none when it could not even be started. */
function pipeOf(child: ChildProcess, descriptor: number): Socket | undefined {
  const socket = (child.stdio as ChildProcess["stdio"] | undefined)?.[descriptor] as Socket | undefined;
  // A worker that has just died is dealt with by its exit.
  socket?.on("error", () => {});
  return socket?.setEncoding("utf8");
}

/** Calls back once the process has ended and all that it has said was read. */
function whenOver(child: ChildProcess, onOver: (how: string) => void): void {
  let over = false;
  const once = (how: string): void => {
    if (!over) onOver(how);
    over = true;
  };
  let how = "no word";
  child.on("error", (error) => {
    if (child.pid === undefined) once(`an error before it began: ${toFailure(error).message}`);
  });
  child.on("exit", (code, signal) => {
    how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    // A process of the user's that outlives the worker may keep its pipes open.
    setTimeout(() => once(how), readLimit);
  });
  child.on("close", () => once(how));
}

/** The worker's entry: `.js` in the built package, `.ts` when the sources run as they are. */
function entry(): string {
  return fileURLToPath(new URL(`./worker-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
}
