// Attempts and calls as jobs for a worker, and what became of them as the scheduler wants to hear it.
import type { Assignment, AttemptEnd, HookNotice, Outcome } from "../engine/attempts/executor.ts";
import type { ErrorCode, Failure } from "../errors.ts";
import type { Json } from "../json.ts";
import type { LogLine } from "../log.ts";
import { createJob, type Job, type JobEnd } from "./job.ts";
import type { LoadedProject } from "./messages.ts";
import type { Pace } from "./pace.ts";

/** How long a schema may take, in milliseconds. How long hooks may, the scheduler says. */
const schemaLimit = 10_000;

/** Names of the steps whose outputs all items of a mapped step read; none for an attempt at a step that is not mapped. */
export function sharedOutputs(project: LoadedProject): (assignment: Assignment) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  for (const { version, steps } of project.plans) {
    for (const { name, control, dependsOn } of steps) {
      if (control.type === "map") known.set(`${version}/${name}`, dependsOn);
    }
  }
  return ({ version, step, item }) => (item === null ? [] : (known.get(`${version}/${step}`) ?? []));
}

export function attemptJob(
  assignment: Assignment,
  options: {
    readonly signal: AbortSignal;
    readonly shares: readonly string[];
    readonly pace: Pace;
    readonly onLog: (line: LogLine) => void;
    readonly onEnd: (end: AttemptEnd) => void;
  },
): Job {
  const kind = `${assignment.pipeline}/${assignment.step}`;
  return createJob({
    work: { type: "run", assignment },
    kind,
    version: assignment.version,
    timeoutMs: assignment.timeoutMs,
    signal: options.signal,
    shares: options.shares,
    onLog: options.onLog,
    onEnd: (end) => {
      if (end.ms !== null) options.pace.note(kind, end.ms);
      options.onEnd({ outcome: outcomeOf(assignment, end), startedAt: end.startedAt });
    },
  });
}

function outcomeOf(assignment: Assignment, end: JobEnd): Outcome {
  const what = `${assignment.item === null ? "Step" : `Item ${assignment.item} of step`} "${assignment.step}"`;
  const failed = (code: ErrorCode, message: string, retryable: boolean, hint?: string): Outcome => ({
    type: "failed",
    error: { code, message, retryable, ...(hint === undefined ? {} : { hint }) },
  });
  switch (end.type) {
    case "ended":
      return end.outcome;
    case "lost":
      return { type: "lost", reason: end.reason };
    case "timed-out":
      return failed("TASK_TIMEOUT", `${what} ran longer than its timeout of ${assignment.timeoutMs} ms`, true);
    case "stopped":
      return failed("CANCELLED", `${what} was stopped`, false);
    case "unknown-version":
      return failed(
        "CONFIG_INVALID",
        `Pipeline "${assignment.pipeline}" was changed while it was running`,
        false,
        "Run it again: that runs the new version.",
      );
    case "answered":
      return failed("INTERNAL", `${what} was answered like a call`, false);
  }
}

export interface CallAnswer {
  readonly result: Json;
  readonly failure: Failure | null;
}

/** What a worker is asked beside attempts. */
export type Call =
  | { readonly type: "notify"; readonly notice: HookNotice }
  | { readonly type: "params"; readonly pipeline: string; readonly raw: Json };

export function callJob(
  work: Call,
  options: {
    readonly version: string | null;
    readonly signal: AbortSignal;
    readonly onAnswer: (answer: CallAnswer) => void;
  },
): Job {
  return createJob({
    work,
    kind: work.type,
    version: options.version,
    timeoutMs: work.type === "params" ? schemaLimit : null,
    signal: options.signal,
    shares: [],
    onLog: () => {},
    onEnd: (end) => options.onAnswer(end.type === "answered" ? end : { result: null, failure: callFailure(work, end) }),
  });
}

function callFailure(work: Call, end: JobEnd): Failure {
  const what = work.type === "notify" ? `The hook for ${work.notice.event}` : `The schema of "${work.pipeline}"`;
  switch (end.type) {
    case "timed-out":
      return { code: "TASK_TIMEOUT", message: `${what} took longer than ${schemaLimit / 1000} s`, retryable: true };
    case "stopped":
      return { code: "CANCELLED", message: `${what} was stopped before it came back`, retryable: true };
    case "lost":
      return { code: "WORKER_LOST", message: `${what} could not be asked: ${end.reason}`, retryable: true };
    default:
      return { code: "CONFIG_INVALID", message: `${what} belongs to a version that is gone`, retryable: false };
  }
}
