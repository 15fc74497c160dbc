// What a test can ask of the run that it has made: how it ended, step by step, what rows there are, what was logged.
import type { EngineStore } from "../engine/stores/engine-store.ts";
import type { AttemptLogLine, AttemptRecord } from "../engine/stores/run-store.ts";
import type { FinishedRun } from "../engine/scheduler/scheduler.ts";
import type { RunStatus, StepStatus } from "../engine/state-machine/state.ts";
import { outputOf } from "../engine/state-machine/step-output.ts";
import type { DatasetRow, RowReader } from "../embedded/row-reader.ts";
import { SluiceError, type Failure } from "../errors.ts";
import type { RowCounts } from "../pipeline/step.ts";
import type { StoredQuarantinedRow } from "../quality/quarantine-store.ts";

/** How a step of a tested run ended. */
export interface TestedStep {
  readonly status: StepStatus;
  /** Attempts that were made; of a mapped step, at all its items. */
  readonly attempts: number;
  /** What it returned; of a mapped step, the list of what its items did. Null when it has not succeeded. */
  readonly output: unknown;
  readonly rows: RowCounts | null;
  readonly error: Failure | null;
  /** Why it was skipped, cancelled or marked, as a sentence. */
  readonly reason: string | null;
}

/** One try at a step or an item. */
export type TestedAttempt = Pick<AttemptRecord, "step" | "item" | "attempt" | "status" | "error">;

/** A line that a step has logged. */
export type TestedLogLine = Pick<AttemptLogLine, "step" | "item" | "attempt" | "level" | "message" | "fields">;

/** A run that has ended, with all that it left. Its files are there until `close`. */
export interface TestedRun extends AsyncDisposable {
  readonly id: string;
  readonly status: RunStatus;
  /** By name. */
  readonly steps: Readonly<Record<string, TestedStep>>;
  /** Every attempt, in the order in which they began. */
  readonly attempts: readonly TestedAttempt[];
  readonly logs: readonly TestedLogLine[];
  /** The rows of a step: those of its dataset, or of the table that it loaded into; NOT_FOUND when it has none. */
  rows(step: string): Promise<DatasetRow[]>;
  /** All rows of a table that was loaded into, such as "warehouse.orders"; NOT_FOUND when nothing was. */
  table(name: string): Promise<DatasetRow[]>;
  /** What was set aside, by one step or by all, with the reasons. */
  quarantine(step?: string): Promise<StoredQuarantinedRow[]>;
  /** Removes everything that the run left. */
  close(): Promise<void>;
}

export interface TestedRunOptions {
  readonly finished: FinishedRun;
  readonly store: EngineStore;
  readonly reader: RowReader;
  readonly close: () => Promise<void>;
}

/** Reads all that may be asked at once; rows are read when they are asked for. */
export async function testedRun({ finished, store, reader, close }: TestedRunOptions): Promise<TestedRun> {
  const { record, state } = finished;
  const attempts = await store.attempts(record.id, { limit: Number.MAX_SAFE_INTEGER });
  const logs = await store.logs(record.id, { limit: Number.MAX_SAFE_INTEGER });
  const steps: Record<string, TestedStep> = {};
  for (const [name, step] of state.steps) {
    const { status, rows, error, reason, items } = step;
    const made = items === null ? step.attempts : items.reduce((sum, item) => sum + item.attempts, 0);
    steps[name] = { status, attempts: made, output: await reader.output(outputOf(step)), rows, error, reason };
  }
  const stepNamed = (name: string): TestedStep => {
    const step = steps[name];
    if (step !== undefined) return step;
    throw new SluiceError("NOT_FOUND", `Pipeline "${record.pipeline}" has no step "${name}"`, {
      hint: `It has ${Object.keys(steps).join(", ")}.`,
    });
  };
  return {
    id: record.id,
    status: record.status,
    steps,
    // Without times: those of workers are real, and those of the engine have been skipped through.
    attempts: attempts.map(({ step, item, attempt, status, error }) => ({ step, item, attempt, status, error })),
    logs: logs.map(({ runId: _run, position: _position, at: _at, ...line }) => line),
    rows: async (name) => {
      const { output, status } = stepNamed(name);
      const rows = await reader.rowsBehind(output);
      if (rows !== null) return rows;
      throw new SluiceError(
        "NOT_FOUND",
        `Step "${name}" has no rows${status === "succeeded" ? "" : `: it ${status}`}`,
        {
          hint: "Steps that extract, transform, validate or load have; of others, read steps[…].output.",
        },
      );
    },
    table: (name) => reader.table(name),
    quarantine: async (name) => {
      if (name !== undefined) stepNamed(name);
      return reader.quarantine(record.pipeline, name);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
