// JSON that keeps every digit, and values in it by path. A number that a JS number would print differently
// (9007199254740993, 12.10) stays as the text it was.
import type { JsonPath } from "../../connect/http-pages.ts";

interface RawJson {
  readonly rawJSON: string;
}

// In every supported Node; the language's type declarations don't have them yet.
const exact = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

/** Parses; numbers that would change are kept as raw JSON, which `textOf` and `JSON.stringify` write as it was. */
export function parseJson(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? exact.rawJSON(source) : value,
  );
}

/** Where parsing fails, as a 0-based index into the text; null where that would take too long to find out. */
export function faultPosition(text: string): number | null {
  const fault = faultOf(text);
  if (fault === null) return null;
  if (fault.position !== null) return fault.position;
  if (text.length > 4 * 1024 * 1024) return null;
  // The engine doesn't always say where. The fault is at the end of the shortest prefix that fails for more than being cut off.
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const position = faultOf(text.slice(0, middle))?.position ?? 0;
    if (position < middle) high = middle;
    else low = middle + 1;
  }
  return Math.max(0, low - 1);
}

/** `position` is the length of the text where the text only ends too early. */
function faultOf(text: string): { readonly position: number | null } | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const message = (error as Error).message;
    if (/end of JSON input/.test(message)) return { position: text.length };
    const said = /at position (\d+)/.exec(message)?.[1];
    return { position: said === undefined ? null : Number(said) };
  }
}

export function segments(path: JsonPath): readonly string[] {
  if (typeof path !== "string") return path;
  return path === "" ? [] : path.split(".");
}

/** The value at `path`; undefined where there is none (JSON itself has no undefined). */
export function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null || exact.isRawJSON(value) || !Object.hasOwn(value, key))
      return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** A scalar as its text, an object or array as JSON text, null and undefined as null. */
export function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

/** What a value is, in a word for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && !exact.isRawJSON(value)) return "an object";
  return typeof value === "object" ? "a number" : `a ${typeof value}`;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !exact.isRawJSON(value);
}
