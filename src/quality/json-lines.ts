// Judges a file of JSON lines in JS: each line is parsed, judged without reasons, and only those that fail are explained.
import { createReadStream } from "node:fs";
import type { Json, JsonObject } from "../json.ts";
import type { Contract } from "./contract.ts";
import { type Issue, jsonValue } from "./issue.ts";

const newline = 10;

/** Takes a row that is not valid, by its position from 1; the row itself is made only where it is wanted. */
export type TakeInvalid = (record: number, reasons: readonly Issue[], row: () => JsonObject) => void;

/** How many rows there are; `take` is given those that are not valid. Empty lines are none. */
export async function judgeLines(contract: Contract, path: string, take: TakeInvalid): Promise<number> {
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
    if (contract.accepts(value)) return;
    take(rows, contract.judge(value).issues, () => asObject(value as Json));
  };
  // Whole lines are cut out of the bytes, so that no character is split between two pieces.
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes: Buffer = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
    const end = bytes.lastIndexOf(newline) + 1;
    const text = bytes.toString("utf8", 0, end);
    for (let from = 0; from < text.length;) {
      const to = text.indexOf("\n", from);
      judge(text.slice(from, to));
      from = to + 1;
    }
    rest = bytes.subarray(end);
  }
  if (rest.length > 0) judge(rest.toString("utf8"));
  return rows;
}

function asObject(value: Json): JsonObject {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : { value };
}
