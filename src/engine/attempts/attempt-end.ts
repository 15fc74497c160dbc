// What comes back from an executor, made fit to be kept: plain JSON, whatever the code of a step handed back or logged.
// Something that can't be stored must cost the attempt that made it, never the commit it would share with others.
import { SluiceError, toFailure, type Failure } from "../../errors.ts";
import type { LogLine } from "../../log.ts";
import type { RowCounts } from "../../pipeline/step.ts";
import type { AttemptEnd, Outcome } from "./executor.ts";
import type { AttemptRecord } from "../stores/run-store.ts";
import type { AttemptKey, RunEvent } from "../state-machine/state.ts";

/**
 * The end of an attempt with an output that is JSON; one that can't be is a failure. `handedOver`: when it began for one
 * that can't say.
 */
export function plainEnd(step: string, end: AttemptEnd, handedOver: number): AttemptEnd {
  try {
    const startedAt = Math.trunc(end.startedAt);
    return {
      startedAt: Number.isSafeInteger(startedAt) ? startedAt : handedOver,
      outcome: plainOutcome(step, end.outcome),
    };
  } catch (error) {
    // Not even an end.
    return { startedAt: handedOver, outcome: { type: "lost", reason: toFailure(error).message } };
  }
}

function plainOutcome(step: string, outcome: Outcome): Outcome {
  if (outcome.type === "lost" || outcome.type === "unmet") return outcome;
  if (outcome.type === "failed") return { type: "failed", error: plainFailure(outcome.error) };
  try {
    const { rows, assets } = outcome;
    // What is kept is what is handed on: a step after this one gets the same value whether or not there was a restart.
    const output = plainOutput(outcome.output);
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

function plainOutput(output: unknown): unknown {
  switch (typeof output) {
    case "string":
    case "boolean":
      return output;
    case "number":
      return Number.isFinite(output) ? output : null;
    default:
      return output === null ? null : JSON.parse(JSON.stringify(output) ?? "null");
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
  runId: string,
  { step, item, epoch }: AttemptKey,
  { outcome, startedAt }: AttemptEnd,
  aborted: boolean,
  now: number,
): AttemptRecord {
  return {
    runId,
    step,
    item,
    attempt: epoch,
    status: statusOf(outcome, aborted),
    startedAt,
    finishedAt: now,
    error: errorOf(outcome),
  };
}

function statusOf({ type }: Outcome, aborted: boolean): AttemptRecord["status"] {
  // A sensor that has looked in vain has done what it was to do.
  if (type === "succeeded" || type === "unmet") return "succeeded";
  return aborted ? "cancelled" : type;
}

function errorOf(outcome: Outcome): Failure | null {
  if (outcome.type === "failed") return outcome.error;
  return outcome.type === "lost" ? toFailure(new SluiceError("WORKER_LOST", outcome.reason)) : null;
}

/** What the end of an attempt is to its run. */
export function eventOf({ step, item, epoch }: AttemptKey, { outcome }: AttemptEnd): RunEvent {
  switch (outcome.type) {
    case "succeeded": {
      const { output, rows, assets } = outcome;
      return { type: "attempt-succeeded", step, item, epoch, output, rows, assets };
    }
    case "unmet":
      return { type: "attempt-unmet", step, item, epoch };
    case "failed":
      return { type: "attempt-failed", step, item, epoch, error: outcome.error };
    case "lost":
      return { type: "attempt-lost", step, item, epoch, cause: "worker-died", reason: outcome.reason };
  }
}
