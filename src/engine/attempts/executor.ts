// Port: what runs attempts. An executor starts the code of a step somewhere, and says how it ended. It knows no
// dependencies and no retries.
import type { Failure } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { LogLine } from "../../log.ts";
import type { HookEvent } from "../../pipeline/plan.ts";
import type { RowCounts } from "../../pipeline/step.ts";
import type { RunStatus, StepStatus } from "../state-machine/state.ts";

/** One attempt to be run. Plain data: it may cross to another process. */
export interface Assignment {
  readonly runId: string;
  readonly pipeline: string;
  readonly version: string;
  readonly partition: string | null;
  readonly params: Json;
  readonly step: string;
  /** Position of the item; null for a step that is not mapped. */
  readonly item: number | null;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly fence: number;
  readonly idempotencyKey: string;
  /** Outputs of the steps it depends on, by step name; null for one that has none. A mapped step's is the list of its items'. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Milliseconds the attempt may take; null for no limit. */
  readonly timeoutMs: number | null;
}

export type Outcome =
  | {
      readonly type: "succeeded";
      readonly output: unknown;
      readonly rows: RowCounts | null;
      readonly assets: readonly string[];
    }
  /** A sensor has looked, and its condition is not met yet. */
  | { readonly type: "unmet" }
  | { readonly type: "failed"; readonly error: Failure }
  | { readonly type: "lost"; readonly reason: string };

export interface AttemptEnd {
  readonly outcome: Outcome;
  /** When the code began to run, after any wait for a free worker. */
  readonly startedAt: number;
}

/** What a hook is told. `key` is the same each time the same thing is told. */
export interface HookNotice {
  readonly key: string;
  readonly event: HookEvent;
  readonly level: "step" | "pipeline" | "project";
  readonly runId: string;
  readonly pipeline: string;
  readonly version: string;
  readonly partition: string | null;
  readonly params: Json;
  readonly step: string | null;
  readonly item: number | null;
  readonly attempt: number | null;
  readonly status: RunStatus | StepStatus;
  readonly error: Failure | null;
  /** When it happened, in milliseconds since the epoch. */
  readonly at: number;
}

export interface Executor {
  /** Never rejects: whatever happens to the attempt is an outcome. Aborting the signal stops it. */
  run(assignment: Assignment, signal: AbortSignal, onLog: (line: LogLine) => void): Promise<AttemptEnd>;
  /** How many attempts are worth being handed over at once: more only wait in its queue. */
  readonly capacity: number;
  /** Calls the hook of the notice's level. Null when it took the notice; otherwise why it did not. */
  notify(notice: HookNotice, signal: AbortSignal): Promise<Failure | null>;
}
