// Port: what runs attempts. An executor starts the code of a step somewhere, and says how it ended. It knows no
// dependencies and no retries.
import type { Failure } from "../errors.ts";
import type { LogLine } from "../log.ts";
import type { RowCounts } from "../pipeline/step.ts";

/** One attempt to be run. Plain data: it may cross to another process. */
export interface Assignment {
  readonly runId: string;
  readonly pipeline: string;
  readonly version: string;
  readonly partition: string | null;
  readonly step: string;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly fence: number;
  readonly idempotencyKey: string;
  /** Outputs of the steps it depends on, by step name. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Milliseconds the attempt may take; null for no limit. */
  readonly timeoutMs: number | null;
  /** Lower goes first. */
  readonly priority: number;
}

export type Outcome =
  | {
      readonly type: "succeeded";
      readonly output: unknown;
      readonly rows: RowCounts | null;
      readonly assets: readonly string[];
    }
  | { readonly type: "failed"; readonly error: Failure }
  | { readonly type: "lost"; readonly reason: string };

export interface AttemptEnd {
  readonly outcome: Outcome;
  /** When the code began to run, after any wait for a free worker. */
  readonly startedAt: number;
}

export interface Executor {
  /** Never rejects: whatever happens to the attempt is an outcome. Aborting the signal stops it. */
  run(assignment: Assignment, signal: AbortSignal, onLog: (line: LogLine) => void): Promise<AttemptEnd>;
}
