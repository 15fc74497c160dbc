// What went wrong in PostgreSQL, as an error that says what to do. By SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html) and by the system's codes for a lost connection.
import { isSluiceError, SluiceError, type ErrorCode } from "../../errors.ts";

/** On which side the database stands. */
export type Side = "source" | "sink";

interface PostgresError {
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly where?: string;
  readonly errors?: readonly PostgresError[];
}

interface Explanation {
  readonly pattern: RegExp;
  readonly source: ErrorCode;
  readonly sink: ErrorCode;
  readonly retryable?: boolean;
  readonly hint: string;
}

// ENOENT is a Unix socket that isn't there.
const networkCode = /^(ECONN[A-Z]+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOENT)$/;

const explanations: readonly Explanation[] = [
  {
    // Lost connections, and also: too many connections, out of disk or memory, shutting down, a deadlock, a lock that wasn't to be had.
    pattern: /^(E[A-Z_]{4,}$|08|40|53|57P|58|55P03|25P03)/,
    source: "SOURCE_UNAVAILABLE",
    sink: "SINK_UNAVAILABLE",
    retryable: true,
    hint: "Check that the server is up and reachable from here, then give the same command again; it resumes.",
  },
  {
    pattern: /^28/,
    source: "SOURCE_REFUSED",
    sink: "SINK_UNAVAILABLE",
    hint: "Check the user and the password in the connection's URL, and the server's pg_hba.conf.",
  },
  {
    pattern: /^3D000/,
    source: "SOURCE_REFUSED",
    sink: "SINK_UNAVAILABLE",
    hint: "Check the database's name in the connection's URL.",
  },
  {
    pattern: /^42501/,
    source: "SOURCE_REFUSED",
    sink: "SINK_UNAVAILABLE",
    hint: "Grant this user the right, or use another user.",
  },
  {
    pattern: /^(42P01|3F000)/,
    source: "SOURCE_MISSING",
    sink: "SINK_SCHEMA",
    hint: "Check the table's name and schema.",
  },
  { pattern: /^42703/, source: "SOURCE_COLUMNS", sink: "SINK_SCHEMA", hint: "Check the column's name." },
  { pattern: /^25006/, source: "QUERY_FAILED", sink: "SINK_UNAVAILABLE", hint: "This connection may only read here." },
  {
    pattern: /^(22|23|42804|42846)/,
    source: "QUERY_FAILED",
    sink: "SINK_SCHEMA",
    hint: "Make the rows fit the table's columns and constraints, or change the table.",
  },
];

/** The error for what PostgreSQL or the connection to it reported; anything else, such as a full disk here, as it is. */
export function explainPostgres(error: unknown, side: Side, place: string): unknown {
  if (isSluiceError(error) || !(error instanceof Error)) return error;
  const given = error as PostgresError;
  // Where a host has several addresses, the system reports one failure for each.
  const first = given.errors?.[0] ?? given;
  const message = oneLine(first.message ?? String(error));
  // pg reports a connection that ended or never came about without a code.
  const lost = /connection terminated|timeout expired|connection error|not queryable/i.test(message);
  const code = first.code ?? (lost ? "08006" : "");
  if (!/^[0-9A-Z]{5}$/.test(code) && !networkCode.test(code)) return error;
  const found = explanations.find((item) => item.pattern.test(code));
  const where = first.where === undefined ? "" : ` (${oneLine(first.where).slice(0, 200)})`;
  const theirHint = first.hint === undefined ? "" : `${oneLine(first.hint)} `;
  return new SluiceError(found?.[side] ?? "QUERY_FAILED", `PostgreSQL, ${place}: ${message}${where}`, {
    retryable: found?.retryable ?? false,
    hint: `${theirHint}${found?.hint ?? "Check the query."}`,
    details: { sqlState: code },
    cause: error,
  });
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
