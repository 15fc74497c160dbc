// The words of the engine, as data.
//
// - run: one execution of a pipeline, for one partition (or none)
// - step: a node of the run's plan; here with its state
// - attempt: one try at a step, in one worker; attempts of a step are numbered 1, 2, 3 …
// - epoch: the number of the attempt whose word counts; what an older attempt says is ignored
// - event: something that has happened; command: something that must be made to happen
// - timer: a promise to send an event at a given time
import type { Failure } from "../errors.ts";
import type { RowCounts } from "../pipeline/step.ts";

/**
 * waiting: for steps before it · queued: an attempt is due and waits for a worker, or runs in one ·
 * retrying: waits for its timer · then one of the four ends.
 */
export type StepStatus = "waiting" | "queued" | "retrying" | "succeeded" | "failed" | "skipped" | "cancelled";
export type RunStatus = "running" | "succeeded" | "failed" | "cancelled";

export interface StepState {
  readonly status: StepStatus;
  /** Attempts started so far; also the epoch of the current one. */
  readonly attempts: number;
  /** How many of them failed by their own fault. */
  readonly failures: number;
  /** How many in a row were lost because their worker died. */
  readonly losses: number;
  /** When the timer fires, in milliseconds since the epoch; only while retrying. */
  readonly wakeAt: number | null;
  readonly output: unknown;
  readonly rows: RowCounts | null;
  readonly assets: readonly string[];
  readonly error: Failure | null;
  /** Why it was skipped or cancelled, as a sentence. */
  readonly reason: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface RunState {
  readonly status: RunStatus;
  readonly steps: Readonly<Record<string, StepState>>;
  readonly finishedAt: number | null;
}

export type RunEvent =
  | { readonly type: "started" }
  | {
      readonly type: "attempt-succeeded";
      readonly step: string;
      readonly epoch: number;
      readonly output: unknown;
      readonly rows: RowCounts | null;
      readonly assets: readonly string[];
    }
  | { readonly type: "attempt-failed"; readonly step: string; readonly epoch: number; readonly error: Failure }
  /** Nobody will hear of this attempt again: its worker died, or the scheduler that had started it stopped. */
  | {
      readonly type: "attempt-lost";
      readonly step: string;
      readonly epoch: number;
      readonly cause: "worker-died" | "scheduler-stopped";
      readonly reason: string;
    }
  | { readonly type: "timer-fired"; readonly step: string; readonly epoch: number }
  | { readonly type: "cancelled"; readonly reason: string };

export type Command =
  | { readonly type: "start-attempt"; readonly step: string; readonly epoch: number }
  | { readonly type: "stop-attempt"; readonly step: string; readonly epoch: number }
  | { readonly type: "set-timer"; readonly step: string; readonly epoch: number; readonly at: number }
  | { readonly type: "finish-run"; readonly status: Exclude<RunStatus, "running"> };

const ends: ReadonlySet<StepStatus> = new Set(["succeeded", "failed", "skipped", "cancelled"]);

export function isEnd(status: StepStatus): boolean {
  return ends.has(status);
}
