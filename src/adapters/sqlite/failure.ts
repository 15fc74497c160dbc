// What went wrong in reading a SQLite file, as an error that says what to do.
import { isSluiceError, SluiceError } from "../../errors.ts";

// SQLite's primary result codes (https://sqlite.org/rescode.html).
const [busy, locked, corrupt, notDatabase] = [5, 6, 11, 26];

/** The error for what SQLite reported; anything else as it is. */
export function explained(error: unknown, path: string): unknown {
  const code = (error as { errcode?: number }).errcode;
  if (isSluiceError(error) || !(error instanceof Error) || code === undefined) return error;
  const primary = code & 0xff;
  const message = error.message.split("\n", 1)[0] ?? "";
  const because = { cause: error, details: { path, errcode: code } };
  if (primary === busy || primary === locked) {
    return new SluiceError("SOURCE_UNAVAILABLE", `${path} is locked by another process`, {
      ...because,
      retryable: true,
      hint: "Try again when it is free.",
    });
  }
  if (primary === corrupt || primary === notDatabase) {
    return new SluiceError("SOURCE_MALFORMED", `${path} is not a sound SQLite database: ${message}`, {
      ...because,
      hint: "Check the path, then the file.",
    });
  }
  if (/^no such table/i.test(message)) {
    return new SluiceError("SOURCE_MISSING", `${path}: ${message}`, {
      ...because,
      hint: "Check the table's name in the query and the connection's path.",
    });
  }
  if (/^no such column/i.test(message)) {
    return new SluiceError("SOURCE_COLUMNS", `${path}: ${message}`, {
      ...because,
      hint: "Check the column's name in the query.",
    });
  }
  return new SluiceError("QUERY_FAILED", `${path}: ${message}`, { ...because, hint: "Check the query." });
}
