// What went wrong in loading a SQLite file, as an error that says what to do. By SQLite's primary result codes
// (https://sqlite.org/rescode.html).
import { diskFull, isSluiceError, SluiceError } from "../../errors.ts";

const [busy, locked, readOnly, corrupt, full, cantOpen, constraint, notDatabase] = [5, 6, 8, 11, 13, 14, 19, 26];

export function explainSink(error: unknown, path: string): unknown {
  const code = (error as { errcode?: number }).errcode;
  if (isSluiceError(error) || !(error instanceof Error) || code === undefined) return error;
  const message = error.message.split("\n", 1)[0] ?? "";
  const because = { cause: error, details: { path, errcode: code } };
  switch (code & 0xff) {
    case busy:
    case locked:
      return new SluiceError("SINK_UNAVAILABLE", `${path} is locked by another process`, {
        ...because,
        retryable: true,
        hint: "Try again when it is free.",
      });
    case full:
      return diskFull(`${path} can't be written`, error);
    case readOnly:
    case cantOpen:
      return new SluiceError("SINK_UNAVAILABLE", `${path} can't be written: ${message}`, {
        ...because,
        hint: "Check the path and its rights.",
      });
    case corrupt:
    case notDatabase:
      return new SluiceError("SINK_UNAVAILABLE", `${path} is not a sound SQLite database: ${message}`, {
        ...because,
        hint: "Check the path, then the file.",
      });
    case constraint:
      return new SluiceError("SINK_SCHEMA", `${path}: ${message}`, {
        ...because,
        hint: "Make the rows fit the table's columns and constraints, or change the table.",
      });
    default:
      return new SluiceError("SINK_SCHEMA", `${path}: ${message}`, { ...because, hint: "Check the table." });
  }
}
