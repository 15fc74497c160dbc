// The records of JSON files, one after the other, in bounded memory: lines of JSONL, or the elements of a document's array.
// Here a record is text or a parsed value; what its fields are is columns.ts' work.
import { isUtf8 } from "node:buffer";
import type { JsonRequest } from "../../connect/json-files.ts";
import type { Content } from "../files/content.ts";
import { malformed } from "../files/malformed.ts";
import { faultPosition, kindOf, parseJson, segments, valueAt } from "../http/json.ts";

/** One record: what it is, or why it can't be told. */
export interface JsonRecord {
  /** Its line, from 1; of a document's array its position, from 1. */
  readonly place: number;
  readonly value: unknown;
  /** As it stands in the file; null for an element of a document. */
  readonly text: string | null;
  readonly fault: { readonly rule: "json" | "encoding"; readonly what: string } | null;
}

/** A longer line is not held, in bytes. */
const longestLine = 128 * 1024 * 1024;

/** Batches of records; each batch is one piece of the file. */
export function recordsIn(
  content: Content,
  file: string,
  request: JsonRequest,
  signal: AbortSignal,
): AsyncIterable<readonly JsonRecord[]> {
  return request.shape === "lines" ? lineRecords(content, file, signal) : elements(content, file, request, signal);
}

async function* lineRecords(
  content: Content,
  file: string,
  signal: AbortSignal,
): AsyncGenerator<readonly JsonRecord[]> {
  let rest: Buffer[] = [];
  let held = 0;
  let line = 0;
  const read = (bytes: Buffer): JsonRecord[] => {
    const records: JsonRecord[] = [];
    const lines = isUtf8(bytes) ? bytes.toString("utf8").split("\n") : wholeLines(bytes);
    // What is behind the last line feed is no line.
    if (lines.at(-1) === "") lines.pop();
    for (const text of lines) {
      line += 1;
      const plain = line === 1 && typeof text === "string" && text.startsWith("\ufeff") ? text.slice(1) : text;
      if (typeof plain !== "string") {
        const what = `line ${line} is not valid UTF-8`;
        records.push({
          place: line,
          value: undefined,
          text: plain.toString("utf8"),
          fault: { rule: "encoding", what },
        });
      } else if (/\S/.test(plain)) records.push(parsed(plain, line));
    }
    return records;
  };
  for await (const chunk of content.whole === null ? content.chunks(signal) : [content.whole]) {
    signal.throwIfAborted();
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      yield read(Buffer.concat([...rest, chunk.subarray(0, end)]));
      [rest, held] = [[], 0];
    }
    if (end < chunk.length) rest.push(chunk.subarray(end));
    held += chunk.length - end;
    if (held > longestLine) {
      throw malformed(
        file,
        `line ${line + 1} is longer than ${longestLine} bytes`,
        "A file that is one JSON document is read by json(…).",
        { line: line + 1 },
      );
    }
  }
  if (held > 0) yield read(Buffer.concat(rest));
}

/** Lines of bytes of which some are no text. */
function wholeLines(bytes: Buffer): (string | Buffer)[] {
  const lines: (string | Buffer)[] = [];
  for (let start = 0; start <= bytes.length;) {
    const feed = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, feed === -1 ? bytes.length : feed);
    lines.push(isUtf8(line) ? line.toString("utf8") : line);
    if (feed === -1) break;
    start = feed + 1;
  }
  return lines;
}

function parsed(text: string, line: number): JsonRecord {
  try {
    return checked(parseExact(text), line, text, `line ${line}`);
  } catch {
    const at = faultPosition(text);
    const what = `line ${line} is not JSON${at === null ? "" : ` (at character ${at + 1})`}`;
    return { place: line, value: undefined, text, fault: { rule: "json", what } };
  }
}

function checked(value: unknown, place: number, text: string | null, where: string): JsonRecord {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value) && !isRaw(value);
  if (!isObject) {
    const what = `${where} is ${kindOf(value)}, not an object`;
    return { place, value, text, fault: { rule: "json", what } };
  }
  // Half of a surrogate pair is JSON, but no text: nothing that is written in UTF-8 can keep it.
  if (text === null || /\\u[dD][89a-fA-F]/.test(text)) {
    if (/\\ud[89a-f]/.test(JSON.stringify(value)) && hasHalfPair(value))
      return { place, value, text, fault: { rule: "encoding", what: `${where} holds half of a surrogate pair` } };
  }
  return { place, value, text, fault: null };
}

function hasHalfPair(value: unknown): boolean {
  if (typeof value === "string") return !value.isWellFormed();
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, item]) => !key.isWellFormed() || hasHalfPair(item));
}

/** A number that JavaScript would write otherwise than it stands there. */
const riskyNumber = /\d{16}|\d\.\d*0(?!\d)|\d\.\d{7}|\d[eE][+-]?\d|-0/;

function parseExact(text: string): unknown {
  return riskyNumber.test(text) ? parseJson(text) : JSON.parse(text);
}

function isRaw(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

async function* elements(
  content: Content,
  file: string,
  request: JsonRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly JsonRecord[]> {
  const text = await wholeText(content, file, request, signal);
  let document: unknown;
  try {
    document = parseExact(text);
  } catch {
    const at = faultPosition(text);
    throw malformed(
      file,
      `is not JSON${at === null ? "" : ` (at character ${at + 1})`}`,
      "A file with an object on each line is read by jsonl(…).",
      { position: at },
    );
  }
  const path = segments(request.records);
  const found = valueAt(document, path);
  if (!Array.isArray(found)) {
    const where = path.length === 0 ? "" : ` at "${path.join(".")}"`;
    const keys = typeof document === "object" && document !== null ? Object.keys(document).slice(0, 12) : [];
    throw malformed(
      file,
      `has ${found === undefined ? "nothing" : kindOf(found)}${where} where the array of records should be`,
      keys.length === 0
        ? "Name a file whose document is an array."
        : `Name the path to it, such as records: "${keys[0]}"; its keys are ${keys.join(", ")}.`,
      { records: path, keys },
    );
  }
  for (let start = 0; start < found.length; start += 2048) {
    signal.throwIfAborted();
    yield found
      .slice(start, start + 2048)
      .map((value: unknown, position) => checked(value, start + position + 1, null, `record ${start + position + 1}`));
  }
}

async function wholeText(content: Content, file: string, request: JsonRequest, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content.whole === null ? content.chunks(signal) : [content.whole]) {
    bytes += chunk.length;
    if (bytes > request.maxBytes) {
      throw malformed(
        file,
        `is larger than ${request.maxBytes} bytes`,
        "Have it written as JSONL, which is read line by line, or raise maxBytes.",
      );
    }
    parts.push(chunk);
  }
  const whole = Buffer.concat(parts);
  if (!isUtf8(whole))
    throw malformed(file, "is not valid UTF-8", 'If it is in another encoding, say so: encoding: "windows-1252".');
  return whole.toString("utf8").replace(/^\ufeff/, "");
}
