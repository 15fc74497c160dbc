// What the scheduler's process and its workers say to each other: plain data, a line of JSON each, over pipes. Most go
// through one pipe per direction, in order; taking jobs back has a pipe of its own, which a thread of the worker's
// answers even while user code keeps the main one busy.
import type { Assignment, HookNotice, Outcome } from "../engine/attempts/executor.ts";
import type { ContractExplanation } from "../quality/explain.ts";
import type { InboxSettings } from "../connect/inbox.ts";
import type { Failure } from "../errors.ts";
import type { Json } from "../json.ts";
import type { LogLine } from "../log.ts";
import type { HookEvent, Plan } from "../pipeline/plan.ts";
import type { Fault } from "./faults.ts";
import type { StandIns } from "./stand-ins.ts";

/** File descriptors in a worker. */
export const pipes = { fromScheduler: 3, toScheduler: 4, recalls: 5 } as const;

/** What a worker works on. */
export interface WorkerStart {
  readonly configPath: string;
  readonly homeFolder: string;
  /** Memory for the query engine, such as "4096MB", where the configuration names none. */
  readonly memory: string;
  /** What a test asks for. */
  readonly faults: readonly Fault[];
  readonly standIns: StandIns | null;
}

export interface LoadedProject {
  readonly plans: readonly Plan[];
  /** File of each pipeline by name, relative to the project's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Vendor of each connection by name. */
  readonly connections: Readonly<Record<string, string>>;
  /** What webhooks are sent to, by name. References are unresolved. */
  readonly inboxes: Readonly<Record<string, InboxSettings>>;
  /** As configured; null for the default. */
  readonly workers: number | null;
  /** Slots of each pool. */
  readonly pools: Readonly<Record<string, number>>;
  /** Of every contract that a step validates by, which rule runs where. */
  readonly contracts: readonly ContractExplanation[];
  /** Which hooks the project itself has. */
  readonly hooks: readonly HookEvent[];
}

/** What a worker can be asked to do. It does one thing at a time, in the order it was asked. */
export type Work =
  | {
      readonly type: "run";
      readonly assignment: Assignment;
      /** Which of the outputs are values that were sent before, by the name of their step. */
      readonly shared?: Readonly<Record<string, number>>;
    }
  | { readonly type: "notify"; readonly notice: HookNotice }
  | { readonly type: "params"; readonly pipeline: string; readonly raw: Json };

export type ToWorker =
  /** The first message. Not an argument of the process: those are short, and everyone on the machine can read them. */
  | { readonly type: "start"; readonly start: WorkerStart }
  | (Work & { readonly job: number })
  /** A value that several jobs will read. */
  | { readonly type: "share"; readonly number: number; readonly value: unknown }
  /** Stop this job if it is under way; the worker is killed if it doesn't. */
  | { readonly type: "stop"; readonly job: number };

export type FromWorker =
  | { readonly type: "loaded"; readonly project: LoadedProject }
  | { readonly type: "load-failed"; readonly failure: Failure }
  | { readonly type: "log"; readonly job: number; readonly line: LogLine }
  /** An attempt has ended: when it began, and how many milliseconds it took. */
  | {
      readonly type: "ended";
      readonly job: number;
      readonly outcome: Outcome;
      readonly startedAt: number;
      readonly ms: number;
    }
  /** What came of a call: a result, or a failure. */
  | { readonly type: "answered"; readonly job: number; readonly result: Json; readonly failure: Failure | null }
  /** The last word before the process ends of an error that nothing has caught. */
  | { readonly type: "died"; readonly failure: Failure };

/** Asks for these jobs back. */
export interface Recall {
  readonly jobs: readonly number[];
}

/** Those that had not begun, and now never will. */
export interface Recalled {
  readonly jobs: readonly number[];
}
