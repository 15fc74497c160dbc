// The words of the engine, as data.
//
// - run: one execution of a pipeline, for one partition (or none)
// - step: a node of the run's plan; here with its state
// - item: one element of what a mapped step works through; attempts are made at items then, not at the step
// - attempt: one try at a step or item, in one worker; numbered 1, 2, 3 …
// - epoch: the number of the attempt whose word counts; what an older attempt says is ignored
// - event: something that has happened; command: something that must be made to happen
// - timer: a promise to send an event at a given time
import type { Failure } from "../../errors.ts";
import type { HookEvent } from "../../pipeline/plan.ts";
import type { RowCounts } from "../../pipeline/step.ts";
import type { NamedList } from "../../named-list.ts";

/**
 * waiting: for steps before it · held: for something outside the run, see `awaits` · queued: an attempt is due and waits
 * for a worker, or runs in one · retrying: for the timer of its next try · sleeping: a sensor between two checks ·
 * mapped: its items are under way · then one of the five ends.
 */
export type StepStatus =
  | "waiting"
  | "held"
  | "queued"
  | "retrying"
  | "sleeping"
  | "mapped"
  | "succeeded"
  | "failed"
  | "upstream-failed"
  | "skipped"
  | "cancelled";
export type ItemStatus = "queued" | "retrying" | "succeeded" | "failed" | "cancelled";
export type RunStatus = "running" | "succeeded" | "failed" | "cancelled";

/** What a held step waits for: a person's decision, or runs of other partitions or pipelines. */
export type Awaits = "decision" | "run" | "past";

/** What attempts are made at: a step, or an item of one. */
export interface WorkState<Status> {
  readonly status: Status;
  /** Attempts started so far; also the epoch of the current one. */
  readonly attempts: number;
  /** How many of them failed by their own fault, since it last started anew. */
  readonly failures: number;
  /** How many in a row were lost because their worker died. */
  readonly losses: number;
  /** When the timer fires, in milliseconds since the epoch; only while retrying or sleeping. */
  readonly wakeAt: number | null;
  readonly output: unknown;
  readonly rows: RowCounts | null;
  readonly assets: readonly string[];
  readonly error: Failure | null;
  /** Why it was skipped, cancelled or marked, as a sentence. */
  readonly reason: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export type ItemState = WorkState<ItemStatus>;

export interface StepState extends WorkState<StepStatus> {
  /** Only while held. */
  readonly awaits: Awaits | null;
  /** The items of a mapped step, once it is known how many there are. */
  readonly items: readonly ItemState[] | null;
  /** The run whose id is part of this step's idempotency key; null for the run itself. A re-run keeps the first one's. */
  readonly effectRun: string | null;
  /** The run this step's result was taken from, by a re-run or from the cache. */
  readonly reusedFrom: string | null;
  /** Has it been reported as late? */
  readonly late: boolean;
}

export interface RunState {
  readonly status: RunStatus;
  readonly steps: NamedList<StepState>;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /** Set when the run is to end before its steps have: it ends like this once its teardowns have ended. */
  readonly ending: { readonly as: "cancelled" | "failed"; readonly reason: string } | null;
  readonly late: boolean;
}

/** A step that differs from the state before. */
export interface ChangedStep {
  readonly step: string;
  /** Positions of the items that differ; all of them when the items have only now been made. */
  readonly items: readonly number[];
}

/** An attempt at a step, or at one of its items. */
export interface AttemptKey {
  readonly step: string;
  /** Position of the item; null for a step that is not mapped. */
  readonly item: number | null;
  readonly epoch: number;
}

/**
 * retry: the next try is due · check: a sensor's next check is · deadline: it has waited too long for what it waits for ·
 * late. The last two are about a step, whatever its attempt: their epoch is 0.
 */
export type StepTimer = "retry" | "check" | "deadline" | "late";
export type RunTimer = "timeout" | "late";

export type RunEvent =
  | { readonly type: "started" }
  | (AttemptKey & {
      readonly type: "attempt-succeeded";
      readonly output: unknown;
      readonly rows: RowCounts | null;
      readonly assets: readonly string[];
      /** The run whose result was found in the cache; absent when an attempt was made. */
      readonly cachedFrom?: string;
    })
  /** A sensor has looked, and what it waits for is not there yet. */
  | (AttemptKey & { readonly type: "attempt-unmet" })
  | (AttemptKey & { readonly type: "attempt-failed"; readonly error: Failure })
  /** Nobody will hear of this attempt again: its worker died, or the scheduler that had started it stopped. */
  | (AttemptKey & {
      readonly type: "attempt-lost";
      readonly cause: "worker-died" | "scheduler-stopped";
      readonly reason: string;
    })
  | (AttemptKey & { readonly type: "timer-fired"; readonly timer: StepTimer })
  | { readonly type: "run-timer-fired"; readonly timer: RunTimer }
  /** What a held step waits for is there; `awaits` as in the `watch` that is answered. */
  | {
      readonly type: "await-met";
      readonly step: string;
      readonly awaits: "run" | "past";
      readonly output: unknown;
    }
  | {
      readonly type: "decided";
      readonly step: string;
      readonly decision: "approved" | "rejected";
      readonly by: string;
      readonly note: string | null;
    }
  /** A person has said how a step ends, whatever it is doing. */
  | {
      readonly type: "marked";
      readonly step: string;
      readonly as: "succeeded" | "failed" | "skipped";
      readonly by: string;
      readonly reason: string;
    }
  | { readonly type: "cancelled"; readonly reason: string };

export type EventOf<Type extends RunEvent["type"]> = Extract<RunEvent, { readonly type: Type }>;

export type Command =
  | (AttemptKey & { readonly type: "start-attempt" })
  | (AttemptKey & { readonly type: "stop-attempt" })
  | (AttemptKey & { readonly type: "set-timer"; readonly timer: StepTimer; readonly at: number })
  | { readonly type: "set-run-timer"; readonly timer: RunTimer; readonly at: number }
  /** Tell this step (`await-met`) when the runs it waits for have succeeded; they may have already. */
  | { readonly type: "watch"; readonly step: string; readonly awaits: "run" | "past" }
  /** Call the hooks of this event, if there are any; `step` is null for those of the run. */
  | {
      readonly type: "notify";
      readonly event: HookEvent;
      readonly step: string | null;
      readonly item: number | null;
      readonly epoch: number;
    }
  | { readonly type: "finish-run"; readonly status: Exclude<RunStatus, "running"> };

const ends: ReadonlySet<StepStatus> = new Set(["succeeded", "failed", "upstream-failed", "skipped", "cancelled"]);

export function isEnd(status: StepStatus): boolean {
  return ends.has(status);
}
