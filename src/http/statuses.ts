// The HTTP status that each error code gives.
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorCode } from "../errors.ts";

const byErrorCode: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
  USAGE: 400,
  CONFIG_NOT_FOUND: 500,
  CONFIG_INVALID: 500,
  DEFINITION_INVALID: 500,
  UNKNOWN_CONNECTION: 404,
  REFERENCE_UNRESOLVED: 500,
  DEPENDENCY_MISSING: 501,
  NOT_FOUND: 404,
  HOME_BUSY: 503,
  HOME_UNUSABLE: 500,
  DISK_FULL: 507,
  SOURCE_MISSING: 502,
  SOURCE_COLUMNS: 502,
  SOURCE_MALFORMED: 502,
  SOURCE_UNAVAILABLE: 503,
  SOURCE_REFUSED: 502,
  ADDRESS_REFUSED: 502,
  SINK_SCHEMA: 502,
  SINK_UNAVAILABLE: 503,
  FENCED: 409,
  CONTRACT_MISMATCH: 422,
  CONTRACT_FAILED: 422,
  ACCOUNTING: 500,
  GATE_CLOSED: 409,
  QUERY_FAILED: 400,
  TASK_FAILED: 500,
  TASK_TIMEOUT: 504,
  RUN_TIMEOUT: 504,
  APPROVAL_REJECTED: 409,
  WORKER_LOST: 500,
  CANCELLED: 503,
  INTERNAL: 500,
};

export function statusOf(code: ErrorCode): ContentfulStatusCode {
  return byErrorCode[code];
}
