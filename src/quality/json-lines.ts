// Judges a file of JSON lines in JS. Most valid lines are known by their pattern (line-pattern/); each other line is parsed,
// judged without reasons, and only those that fail are explained.
import { open } from "node:fs/promises";
import type { Json, JsonObject } from "../json.ts";
import type { Contract } from "./contract.ts";
import { type Issue, jsonValue } from "./issue.ts";
import { type KnownLines, knownLines } from "./line-pattern/known-lines.ts";

const newline = 10;
const bytesRead = 1 << 20;
// Longer strings are kept apart by V8, and cost it more to throw away than to make.
const bytesDecoded = 1 << 16;

/** Takes a row that is not valid, by its position from 1; the row itself is made only where it is wanted. */
export type TakeInvalid = (record: number, reasons: readonly Issue[], row: () => JsonObject) => void;

/** How many rows there are; `take` is given those that are not valid. Empty lines are none. */
export async function judgeLines(
  contract: Contract,
  path: string,
  take: TakeInvalid,
  known: KnownLines = knownLines(contract),
): Promise<number> {
  let rows = 0;
  const judge = (text: string): void => {
    const line = rows === 0 && text.startsWith("\ufeff") ? text.slice(1) : text;
    if (line === "" || line === "\r") return;
    rows += 1;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = { path: "", rule: "json", value: jsonValue(line), message: `not JSON: ${message}` };
      return take(rows, [reason], () => ({ line }));
    }
    if (contract.accepts(value)) return known.learn(line);
    take(rows, contract.judge(value).issues, () => asObject(value as Json));
  };
  for await (const bytes of wholeLines(path)) {
    for (let first = 0; first < bytes.length;) {
      const end = endOfPart(bytes, first);
      const text = bytes.toString("utf8", first, end);
      first = end;
      for (let from = 0; from < text.length;) {
        const behind = known.endOfValid(text, from);
        if (behind >= 0) {
          rows += 1;
          from = behind;
          continue;
        }
        const found = text.indexOf("\n", from);
        const to = found < 0 ? text.length : found;
        judge(text.slice(from, to));
        from = to + 1;
      }
    }
  }
  return rows;
}

/** The bytes of a file, cut behind newlines, so that no character is split; each piece is there until the next. */
async function* wholeLines(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    let buffer = Buffer.allocUnsafe(bytesRead);
    let filled = 0;
    for (;;) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * filled);
      const { bytesRead: more } = await file.read(buffer, filled, buffer.length - filled);
      if (more === 0) break;
      const end = buffer.subarray(filled, filled + more).lastIndexOf(newline) + 1;
      const lines = end === 0 ? 0 : filled + end;
      filled += more;
      if (lines === 0) continue;
      yield buffer.subarray(0, lines);
      buffer.copyWithin(0, lines, filled);
      filled -= lines;
    }
    if (filled > 0) yield buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/** Where a part of whole lines that begins at `first` ends. */
function endOfPart(bytes: Buffer, first: number): number {
  const limit = first + bytesDecoded;
  if (limit >= bytes.length) return bytes.length;
  const last = bytes.subarray(first, limit).lastIndexOf(newline);
  if (last >= 0) return first + last + 1;
  const next = bytes.indexOf(newline, limit);
  return next < 0 ? bytes.length : next + 1;
}

function asObject(value: Json): JsonObject {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : { value };
}
