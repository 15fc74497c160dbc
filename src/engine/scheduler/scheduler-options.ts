// What a scheduler is given, and what it is to those who use it.
import type { Clock } from "../../clock.ts";
import type { Failure, SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { HookEvent, Plan } from "../../pipeline/plan.ts";
import type { FinishedRun } from "./active-runs.ts";
import type { BackfillPreview } from "../requests/backfill-preview.ts";
import type { EngineStore } from "../stores/engine-store.ts";
import type { Executor } from "../attempts/executor.ts";
import type { Instruction } from "../stores/instruction.ts";
import type { Machine } from "../attempts/needs.ts";
import type { AttemptLogLine, RunRecord } from "../stores/run-store.ts";
import type { ChangedStep, RunState } from "../state-machine/state.ts";
import type { Timer } from "./timer.ts";

export interface SchedulerOptions {
  readonly store: EngineStore;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Makes the random part of a run's id. With a million runs of one pipeline, it takes 48 bits to be safe. */
  readonly randomId: () => string;
  /** Pipelines by name, as they are now. Runs that have begun keep the plan they began with. */
  readonly plans: () => ReadonlyMap<string, Plan>;
  /** Slots of each pool. Read whenever it is needed: a getter may change it. @default none */
  readonly pools?: Readonly<Record<string, number>>;
  /** What attempts with `resources` share. @default no limit */
  readonly machine?: Machine;
  /** Which hooks the project itself has. @default none */
  readonly projectHooks?: readonly HookEvent[];
  /** Are schedules kept, and so runs begun that nobody asks for? @default false */
  readonly schedules?: boolean;
  /** Checks params and fills in defaults; rejects with USAGE. Not asked for pipelines without params. */
  readonly prepareParams?: (pipeline: string, raw: Json) => Promise<Json>;
  /** @default the process's own timers */
  readonly timer?: Timer;
  /** Resolves when everything that the current turn of the event loop still has to deliver has been. @default setImmediate */
  readonly endOfTurn?: () => Promise<void>;
  /** Told after each commit, once per run that changed; and of runs of an earlier process that go on waiting. Must not throw. */
  readonly onChange?: (run: RunRecord, state: RunState) => void;
  readonly onLog?: (line: AttemptLogLine) => void;
  /** Told of what can't be worked out for a pipeline: its schedule, a watch, a backfill. It is tried again. */
  readonly onTrouble?: (pipeline: string, failure: Failure) => void;
  /** Told once when nothing can be made durable any more: the scheduler does nothing from then on. */
  readonly onBroken?: (error: SluiceError) => void;
  /** @default those of the state machine */
  readonly invariants?: (plan: Plan, state: RunState, changedFrom?: RunState, changed?: readonly ChangedStep[]) => void;
}

/** A run that is asked for in this process. */
export interface StartRequest {
  readonly pipeline: string;
  /** @default null, for a pipeline without partitions */
  readonly partition?: string | null;
  /** @default all at their defaults */
  readonly params?: Json;
  /** Asking twice with one key makes one run. @default a key of its own */
  readonly key?: string;
}

export interface Scheduler {
  /**
   * Takes up what an earlier process left unfinished, and begins to keep schedules, backfills and what was asked meanwhile.
   * Runs of a plan that is no longer known are cancelled: their code is gone. To be called once, first.
   * @param options `resume: false` leaves everything where it is, for whoever only has something noted: nothing is run then,
   * and what other processes ask is left to the next scheduler.
   * @returns The runs that were left unfinished.
   */
  recover(options?: { readonly resume?: boolean }): Promise<readonly RunRecord[]>;
  /**
   * Does what is told. Resolves when it is durable: run → `{run}`, or `{request}` when it has to wait for room; rerun →
   * `{run}`; backfill → `{backfill, total}`; others say what they were about. Rejects with USAGE or NOT_FOUND, in one
   * line, when it can't be done.
   */
  instruct(instruction: Instruction, by: string): Promise<Json>;
  /** Resolves when the run has ended, however it ended. NOT_FOUND for a run that is not there. */
  finished(runId: string): Promise<FinishedRun>;
  /** The same for the run of a request, once it has begun. CANCELLED when the request is taken back. */
  requested(key: string): Promise<FinishedRun>;
  /** Asks for a run and resolves when it has ended. */
  start(request: StartRequest): Promise<FinishedRun>;
  /** What a backfill would do now. USAGE when it can't be meant. */
  previewBackfill(request: Omit<Extract<Instruction, { readonly type: "backfill" }>, "type">): Promise<BackfillPreview>;
  /**
   * Resolves when nothing is due, under way or waiting for its retry: all that is left waits for people, sensors, other
   * runs or its time. Rejects when nothing can be made durable any more.
   */
  settled(): Promise<void>;
  /** `plans`, `pools` or the machine have changed: new runs get the new plans. */
  plansChanged(): void;
  /** Other processes may have written to the store, or the executor may have more room. */
  wake(): void;
  /** Cancels every run that has not ended, and begins none that only a schedule, a backfill or a place in the queue asks for. */
  cancelAll(reason: string): void;
  /** Attempts that have been handed over and have not ended. */
  readonly underWay: number;
  /**
   * Starts no attempt any more. Resolves when those under way have ended, and what came of them is durable. Whatever else
   * comes about is still kept for the next scheduler, and `settled` no longer means that runs have ended.
   */
  drain(): Promise<void>;
  /** Does nothing from now on. Runs that have not ended stay as they are stored, and their promises open. */
  stop(): void;
}
