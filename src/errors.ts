// One error class for everything a user may meet. It promises a code from the table below, a one-line
// message that says what is wrong and where, and a hint that says what to do. It doesn't know exit codes
// (cli/) or HTTP statuses (http/).

/** Every code Sluice can raise, with what it means. The reference page is generated from this table. */
export const errorCodes = {
  USAGE: "The command or call was given arguments that do not fit.",
  CONFIG_NOT_FOUND: "No sluice.config.ts was found in this folder or above it.",
  CONFIG_INVALID: "sluice.config.ts, or a file it loads, could not be loaded or is not a valid definition.",
  DEFINITION_INVALID: "A pipeline, contract, feature view or index is defined in a way that can't work.",
  UNKNOWN_CONNECTION: "A connection is named that sluice.config.ts does not define.",
  REFERENCE_UNRESOLVED: "An env(...) or file(...) reference has no value on this machine.",
  DEPENDENCY_MISSING: "An optional package that this connection needs is not installed.",
  NOT_FOUND: "The named pipeline, run, table, feature view, entity or index does not exist.",
  HOME_BUSY: "Another sluice process is working on the same state folder.",
  HOME_UNUSABLE: "The state folder can't be created, read or written.",
  DISK_FULL: "The disk is full; nothing half-written was kept.",
  SOURCE_MISSING: "The file, table or address to read from does not exist.",
  SOURCE_COLUMNS: "The source's columns are not those the pipeline reads.",
  SOURCE_MALFORMED: "The source's content can't be read as what it is declared to be.",
  SOURCE_UNAVAILABLE: "The source did not answer, or answered that it can't now; trying again may help.",
  SOURCE_REFUSED: "The source answered that the request is not allowed or not valid.",
  ADDRESS_REFUSED: "A connection leads to an address of this machine or of a private network, which it does not allow.",
  SINK_SCHEMA: "The rows do not fit the columns of the table they are loaded into.",
  SINK_KEY: "A row has no value, or one that can't be told from another's, in the key by which it is to be merged.",
  SINK_REFUSED:
    "The destination refuses the rows, or the load would do more than it may, such as delete most of the table.",
  POSITION_UNREADABLE: "The position of an incremental reading can't be understood.",
  SINK_UNAVAILABLE: "The destination did not answer; trying again may help.",
  FENCED: "A newer attempt or run has taken over this piece of work; this one wrote nothing.",
  CONTRACT_MISMATCH: "The dataset lacks a column that the contract requires, or has one it forbids.",
  CONTRACT_FAILED: "The rows or the dataset break the contract and its policy is to fail.",
  EXPECTATION_FAILED: "A dataset does not meet an expectation whose severity is to fail.",
  DRIFT: "The data has drifted from its baseline and the step's policy is to fail.",
  ACCOUNTING: "Rows in is not rows valid + duplicate + quarantined.",
  GATE_CLOSED: "A gate's condition is not met; what follows it did not run.",
  QUERY_FAILED: "The SQL could not be run.",
  TASK_FAILED: "The code of a task threw an error.",
  TASK_TIMEOUT: "The task ran, or waited, longer than it may.",
  RUN_TIMEOUT: "The run took longer than its timeout.",
  APPROVAL_REJECTED: "A person rejected what an approval step asked, or nobody answered in time.",
  WORKER_LOST: "The process that ran the task died (a crash, out of memory, or a kill).",
  CANCELLED: "The run was cancelled.",
  INTERNAL: "A fault of Sluice itself; please report it.",
} as const;

/** A code from `errorCodes`. */
export type ErrorCode = keyof typeof errorCodes;

/** What an error says beside its code and message. */
export interface ErrorOptions {
  /** Would the same call succeed later, with nothing changed by a person? @default false */
  readonly retryable?: boolean;
  /** Plain data about the failure, safe to log and to show. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What the user should do, as a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for("sluice.error");

/** The error that everything here raises: a code, one line that says what is wrong, a hint that says what to do. */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SluiceError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    this.hint = options.hint;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Recognises our errors by brand, so that two copies of the package on one machine understand each other. */
export function isSluiceError(error: unknown): error is SluiceError {
  return typeof error === "object" && error !== null && brand in error;
}

/** An error as plain data: what is stored with a failed attempt and sent between processes. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly hint?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Any thrown value as plain data. What isn't ours is the task's own error, and worth another try. */
export function toFailure(error: unknown): Failure {
  if (isSluiceError(error)) {
    return {
      code: error.code,
      message: error.message,
      retryable: error.retryable,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    };
  }
  const system = systemFailure(error);
  if (system !== undefined) return system;
  return { code: "TASK_FAILED", message: firstLine(describe(error)), retryable: true };
}

function describe(error: unknown): string {
  // Node reports a refused connection as several errors, one per address, under an empty message.
  if (error instanceof AggregateError && error.message === "" && error.errors.length > 0)
    return describe(error.errors[0]);
  if (error instanceof Error) return error.message === "" ? error.name : `${error.name}: ${error.message}`;
  try {
    return typeof error === "object" && error !== null ? JSON.stringify(error) : String(error);
  } catch {
    return "something that can't be shown was thrown";
  }
}

export function fromFailure(failure: Failure): SluiceError {
  return new SluiceError(failure.code, failure.message, failure);
}

/** The error for a disk without space. `what` says what could not be written, or what the system said. */
export function diskFull(what: string, cause: unknown): SluiceError {
  return new SluiceError("DISK_FULL", `The disk is full: ${what}`, {
    hint: "Free some space, then give the same command again; it resumes.",
    cause,
  });
}

/** The error for files or folders of the state that may not be used. */
export function homeUnusable(message: string, cause: unknown): SluiceError {
  return new SluiceError("HOME_UNUSABLE", message, {
    hint: "Check the folder's owner and permissions, or point SLUICE_HOME at a folder you may write.",
    cause,
  });
}

function systemFailure(error: unknown): Failure | undefined {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const text = error instanceof Error ? error.message : "";
  if (code === "ENOSPC" || /no space left on device|database or disk is full/i.test(text)) {
    return toFailure(diskFull(firstLine(text), error));
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    const path = (error as NodeJS.ErrnoException).path;
    const what = `Not allowed to ${(error as NodeJS.ErrnoException).syscall ?? "use"} ${path ?? "a file"} (${code})`;
    return toFailure(homeUnusable(what, error));
  }
  return undefined;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
