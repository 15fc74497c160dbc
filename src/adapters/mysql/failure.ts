// What went wrong in MySQL or MariaDB, as an error that says what to do. By the server's error numbers
// (https://mariadb.com/kb/en/mariadb-error-code-reference/) and by the system's codes for a lost connection.
import { isSluiceError, SluiceError, type ErrorCode } from "../../errors.ts";

/** On which side the database stands. */
export type Side = "source" | "sink";

interface MysqlError {
  readonly code?: string;
  readonly errno?: number;
  readonly message?: string;
  readonly errors?: readonly MysqlError[];
}

interface Explanation {
  readonly numbers: readonly number[];
  readonly source: ErrorCode;
  readonly sink: ErrorCode;
  readonly retryable?: boolean;
  readonly hint: string;
}

const networkCode =
  /^(ECONN[A-Z]+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOENT|PROTOCOL_CONNECTION_LOST|PROTOCOL_SEQUENCE_TIMEOUT)$/;

const unavailable = {
  source: "SOURCE_UNAVAILABLE",
  sink: "SINK_UNAVAILABLE",
  retryable: true,
  hint: "Check that the server is up and reachable from here, then give the same command again; it resumes.",
} as const;

const explanations: readonly Explanation[] = [
  {
    // Too many connections, out of memory or disk, shutting down, killed, a lock that wasn't to be had, a deadlock.
    numbers: [1021, 1037, 1040, 1041, 1053, 1080, 1203, 1205, 1206, 1213, 1226, 1290, 1317, 1927, 2006, 2013],
    ...unavailable,
  },
  {
    numbers: [1045, 1698, 1862, 4151],
    source: "SOURCE_REFUSED",
    sink: "SINK_UNAVAILABLE",
    hint: "Check the user and the password in the connection's URL.",
  },
  {
    numbers: [1049, 1046],
    source: "SOURCE_REFUSED",
    sink: "SINK_UNAVAILABLE",
    hint: "Check the database's name in the connection's URL.",
  },
  {
    numbers: [1044, 1142, 1143, 1227, 1370],
    source: "SOURCE_REFUSED",
    sink: "SINK_UNAVAILABLE",
    hint: "Grant this user the right, or use another user.",
  },
  {
    numbers: [1146, 1051],
    source: "SOURCE_MISSING",
    sink: "SINK_SCHEMA",
    hint: "Check the table's name and database.",
  },
  { numbers: [1054], source: "SOURCE_COLUMNS", sink: "SINK_SCHEMA", hint: "Check the column's name." },
  { numbers: [1792], source: "QUERY_FAILED", sink: "SINK_UNAVAILABLE", hint: "This connection may only read here." },
  {
    numbers: [1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 1451, 1452, 3819, 4025],
    source: "QUERY_FAILED",
    sink: "SINK_SCHEMA",
    hint: "Make the rows fit the table's columns and constraints, or change the table.",
  },
];

/** The error for what the server or the connection to it reported; anything else, such as a full disk here, as it is. */
export function explainMysql(error: unknown, side: Side, place: string): unknown {
  if (isSluiceError(error) || !(error instanceof Error)) return error;
  const given = error as MysqlError;
  // Where a host has several addresses, the system reports one failure for each.
  const first = given.errors?.[0] ?? given;
  const number = first.errno ?? 0;
  const lost = networkCode.test(first.code ?? "");
  if (!lost && !(number > 0 && /^(ER_|HANDSHAKE|WARN_)|^\d/.test(first.code ?? String(number)))) return error;
  const found = lost ? unavailable : explanations.find((item) => item.numbers.includes(number));
  return new SluiceError(
    found?.[side] ?? "QUERY_FAILED",
    `MySQL, ${place}: ${oneLine(first.message ?? String(error))}`,
    {
      retryable: (found as Explanation | undefined)?.retryable ?? false,
      hint: found?.hint ?? "Check the query.",
      details: lost ? { code: first.code } : { errorNumber: number },
      cause: error,
    },
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").slice(0, 500);
}
