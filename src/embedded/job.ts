// A piece of work on its way through the worker pool: it waits, a worker has it, it ends. It ends exactly once, wherever
// it is; whoever holds it says what is to be done when its signal is aborted.
import type { Outcome } from "../engine/attempts/executor.ts";
import type { Failure } from "../errors.ts";
import type { Json } from "../json.ts";
import type { LogLine } from "../log.ts";
import type { Work } from "./messages.ts";

export interface JobOptions {
  readonly work: Work;
  readonly signal: AbortSignal;
  /** Milliseconds it may take once it has begun; null for no limit. */
  readonly timeoutMs: number | null;
  /** Plan version that its worker must have loaded; null for that of the newest. */
  readonly version: string | null;
  /** Names of the steps whose outputs other jobs read, too. */
  readonly shares: readonly string[];
  /** Jobs of one kind take about as long as one another. */
  readonly kind: string;
  readonly onLog: (line: LogLine) => void;
  readonly onEnd: (end: JobEnd) => void;
}

export interface Job extends Omit<JobOptions, "onEnd"> {
  /** Jobs are begun in this order. */
  readonly order: number;
  /** How long it is likely to take, in milliseconds, as it was seen when it was given to a worker. */
  expected: number;
  /** Was a worker started in search of its version? */
  sought: boolean;
  /** What its holder does when its signal is aborted. */
  onAbort: () => void;
  /** Has no effect after the first time. */
  end(end: JobEnd): void;
}

/** How a job ended. `startedAt` is when it began; `ms` how long it took by the worker's own watch, where that is known. */
export type JobEnd = JobResult & { readonly startedAt: number; readonly ms: number | null };

export type JobResult =
  | { readonly type: "ended"; readonly outcome: Outcome }
  | { readonly type: "answered"; readonly result: Json; readonly failure: Failure | null }
  /** Its time was up, and it was stopped. */
  | { readonly type: "timed-out" }
  /** Its signal was aborted, and it was stopped, if it had begun at all. */
  | { readonly type: "stopped" }
  /** No worker has the version that it needs, and none can be started. */
  | { readonly type: "unknown-version" }
  /** The worker died under it. */
  | { readonly type: "lost"; readonly reason: string };

let created = 0;

export function createJob({ onEnd, ...options }: JobOptions): Job {
  const { signal } = options;
  let over = false;
  const onAbort = (): void => job.onAbort();
  const job: Job = {
    ...options,
    order: (created += 1),
    expected: 0,
    sought: false,
    onAbort: () => {},
    end: (end) => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", onAbort);
      onEnd(end);
    },
  };
  signal.addEventListener("abort", onAbort);
  return job;
}
