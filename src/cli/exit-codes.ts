// What a command's exit code says, and which code each error gives. 0 means that it did what was asked.
import type { ErrorCode } from "../errors.ts";

export const exitCodes = {
  ok: 0,
  /** The work failed: a task, a source, a destination, the machine. */
  failed: 1,
  /** The command was given arguments that do not fit. */
  usage: 2,
  /** Something must be changed in the project's files, its environment or on the machine before it can work. */
  configuration: 3,
  /** A check said no: a closed gate, a contract whose policy is to fail. */
  check: 4,
  /** The thing that was named does not exist. */
  notFound: 5,
  interrupted: 130,
} as const;

const byErrorCode: Readonly<Record<ErrorCode, number>> = {
  USAGE: exitCodes.usage,
  CONFIG_NOT_FOUND: exitCodes.configuration,
  CONFIG_INVALID: exitCodes.configuration,
  DEFINITION_INVALID: exitCodes.configuration,
  UNKNOWN_CONNECTION: exitCodes.configuration,
  REFERENCE_UNRESOLVED: exitCodes.configuration,
  DEPENDENCY_MISSING: exitCodes.configuration,
  NOT_FOUND: exitCodes.notFound,
  HOME_BUSY: exitCodes.failed,
  HOME_UNUSABLE: exitCodes.configuration,
  DISK_FULL: exitCodes.failed,
  SOURCE_MISSING: exitCodes.failed,
  SOURCE_COLUMNS: exitCodes.failed,
  SOURCE_MALFORMED: exitCodes.failed,
  SOURCE_UNAVAILABLE: exitCodes.failed,
  SOURCE_REFUSED: exitCodes.failed,
  ADDRESS_REFUSED: exitCodes.configuration,
  SINK_SCHEMA: exitCodes.failed,
  SINK_KEY: exitCodes.failed,
  SINK_REFUSED: exitCodes.failed,
  POSITION_UNREADABLE: exitCodes.failed,
  SINK_UNAVAILABLE: exitCodes.failed,
  FENCED: exitCodes.failed,
  CONTRACT_MISMATCH: exitCodes.check,
  CONTRACT_FAILED: exitCodes.check,
  EXPECTATION_FAILED: exitCodes.check,
  DRIFT: exitCodes.check,
  ACCOUNTING: exitCodes.failed,
  GATE_CLOSED: exitCodes.check,
  QUERY_FAILED: exitCodes.failed,
  TASK_FAILED: exitCodes.failed,
  TASK_TIMEOUT: exitCodes.failed,
  RUN_TIMEOUT: exitCodes.failed,
  APPROVAL_REJECTED: exitCodes.check,
  WORKER_LOST: exitCodes.failed,
  CANCELLED: exitCodes.interrupted,
  INTERNAL: exitCodes.failed,
};

export function exitCodeOf(code: ErrorCode): number {
  return byErrorCode[code];
}
