// What the scheduler's process and its workers say to each other: plain data over the child process's channel.
import type { Failure } from "../errors.ts";
import type { Assignment } from "../engine/executor.ts";
import type { LogLine } from "../log.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { StepResult } from "../pipeline/step.ts";

/** How a worker is started; passed as JSON in its only argument. */
export interface WorkerStart {
  readonly configPath: string;
  readonly homeFolder: string;
  /** Memory for the query engine, such as "4096MB". */
  readonly memory: string;
}

export interface LoadedProject {
  readonly plans: readonly Plan[];
  /** File of each pipeline by name, relative to the project's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Vendor of each connection by name. */
  readonly connections: Readonly<Record<string, string>>;
  /** As configured; undefined for the default. */
  readonly workers: number | undefined;
}

export type ToWorker =
  | { readonly type: "run"; readonly assignment: Assignment }
  /** Stop the attempt under way; the worker is killed if it doesn't. */
  | { readonly type: "stop" };

export type FromWorker =
  | { readonly type: "loaded"; readonly project: LoadedProject }
  | { readonly type: "load-failed"; readonly failure: Failure }
  | { readonly type: "log"; readonly line: LogLine }
  | { readonly type: "succeeded"; readonly result: StepResult }
  | { readonly type: "failed"; readonly failure: Failure };
