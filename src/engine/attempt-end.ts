// What comes back from an executor, made fit to be kept: plain JSON, whatever the code of a step handed back or logged.
// Something that can't be stored must cost the attempt that made it, never the commit it would share with others.
import { SluiceError, toFailure, type Failure } from "../errors.ts";
import type { LogLine } from "../log.ts";
import type { RowCounts } from "../pipeline/step.ts";
import type { AttemptEnd, Outcome } from "./executor.ts";
import type { AttemptRecord } from "./run-store.ts";

/** The end of an attempt with an output that is JSON; one that can't be is a failure. */
export function plainEnd(step: string, end: AttemptEnd): AttemptEnd {
  return { startedAt: Math.trunc(end.startedAt), outcome: plainOutcome(step, end.outcome) };
}

function plainOutcome(step: string, outcome: Outcome): Outcome {
  if (outcome.type === "lost") return outcome;
  if (outcome.type === "failed") return { type: "failed", error: plainFailure(outcome.error) };
  try {
    const { rows, assets } = outcome;
    // What is kept is what is handed on: a step after this one gets the same value whether or not there was a restart.
    const output: unknown = JSON.parse(JSON.stringify(outcome.output ?? null) ?? "null");
    if (rows !== null && !countable(rows))
      throw new TypeError(`its row counts are not whole numbers: ${JSON.stringify(rows)}`);
    return { type: "succeeded", output, rows, assets };
  } catch (cause) {
    return {
      type: "failed",
      error: {
        code: "TASK_FAILED",
        message: `Step "${step}" returned something that is not JSON: ${(cause as Error).message.split("\n", 1)[0]}`,
        retryable: false,
        hint: "Return small plain data; write 64-bit integers as strings, and rows as datasets.",
      },
    };
  }
}

function countable({ in: rowsIn, out, duplicate, quarantined }: RowCounts): boolean {
  return [rowsIn, out, duplicate, quarantined].every((count) => Number.isSafeInteger(count) && count >= 0);
}

function plainFailure(error: Failure): Failure {
  if (error.details === undefined) return error;
  return { ...error, details: plainFields(error.details) };
}

export function plainLine(line: LogLine): LogLine {
  return line.fields === undefined ? line : { ...line, fields: plainFields(line.fields) };
}

/** As JSON: big integers as text, and what has no JSON at all as a note that it was there. */
function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain = (item: unknown): unknown => {
    try {
      const text = JSON.stringify(item, (_key, inner: unknown) =>
        typeof inner === "bigint" ? inner.toString() : inner,
      );
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return "[not JSON]";
    }
  };
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, plain(item)]));
}

/** What is kept of an ended attempt. `aborted`: it was told to stop. */
export function attemptRecord(
  identity: Pick<AttemptRecord, "runId" | "step" | "attempt">,
  { outcome, startedAt }: AttemptEnd,
  aborted: boolean,
  now: number,
): AttemptRecord {
  return {
    ...identity,
    status: aborted && outcome.type !== "succeeded" ? "cancelled" : outcome.type,
    startedAt,
    finishedAt: now,
    error: errorOf(outcome),
  };
}

function errorOf(outcome: Outcome): Failure | null {
  if (outcome.type === "succeeded") return null;
  return outcome.type === "failed" ? outcome.error : toFailure(new SluiceError("WORKER_LOST", outcome.reason));
}
