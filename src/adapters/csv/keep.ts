// The rows of a CSV file that are kept, without its header and those that were rejected: the second pass over a file that
// can't be read as it is.
import type { RejectedRow } from "../../connect/rejected-rows.ts";
import type { BadRow } from "./scan.ts";

/** Rejected rows longer than this are cut where they are kept, in bytes. */
const longestReject = 16 * 1024 * 1024;

/**
 * The bytes of `chunks` from `headerBytes` on, without those of the bad rows, which go to `reject` in their order. `before` is
 * how many rows other files hold before this one.
 */
export async function* keepGood(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  headerBytes: number,
  bad: readonly BadRow[],
  file: string,
  before: number,
  reject: (row: RejectedRow) => void,
): AsyncGenerator<Buffer> {
  let position = 0;
  let next = 0;
  let taken: Buffer[] = [];
  for await (const chunk of chunks) {
    let at = Math.min(chunk.length, Math.max(0, headerBytes - position));
    while (at < chunk.length) {
      const row = bad[next];
      const start = row === undefined ? chunk.length : row.start - position;
      if (row === undefined || start >= chunk.length) {
        yield chunk.subarray(at);
        break;
      }
      if (start > at) yield chunk.subarray(at, start);
      const end = Math.min(chunk.length, row.end - position);
      taken.push(chunk.subarray(Math.max(start, at), end));
      at = end;
      if (position + end === row.end) {
        for (const rejected of rejectedRows(row, Buffer.concat(taken), file, before)) reject(rejected);
        taken = [];
        next += 1;
      }
    }
    position += chunk.length;
  }
}

function* rejectedRows(row: BadRow, bytes: Buffer, file: string, before: number): Generator<RejectedRow> {
  if (row.lines === null) {
    yield rejected(row, bytes, file, row.line, before + row.record);
    return;
  }
  let start = 0;
  for (let line = 0; start < bytes.length; line += 1) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed === -1 ? bytes.length : feed + 1;
    yield rejected(row, bytes.subarray(start, end), file, row.line + line, before + row.record + line);
    start = end;
  }
}

function rejected(row: BadRow, bytes: Buffer, file: string, line: number, record: number): RejectedRow {
  const text = bytes
    .subarray(0, longestReject)
    .toString("utf8")
    .replace(/\r?\n$|\r$/, "");
  return {
    record,
    row: {
      file,
      line,
      text,
      ...(bytes.length > longestReject ? { cutFrom: bytes.length } : {}),
      // What is no text can't be told by text.
      ...(row.rule === "encoding" ? { base64: bytes.subarray(0, longestReject).toString("base64") } : {}),
    },
    reasons: [{ path: "", rule: row.rule, value: null, message: `${file}: ${row.what}` }],
  };
}
