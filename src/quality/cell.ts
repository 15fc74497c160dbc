// How a cell of a dataset becomes a value of the row, in JS. Its twin in SQL is compile.ts. Cells travel as text, so
// that no digit is lost on the way.
import type { Json } from "../json.ts";
import type { Field, FieldKind } from "./schema.ts";

/** What the engine's column types come down to. */
export type CellClass = "text" | "other" | "integer" | "double" | "decimal" | "truth" | "instant" | "nested";

export function cellClass(type: string): CellClass {
  if (type === "VARCHAR") return "text";
  if (type === "JSON" || /^(?:STRUCT|MAP|UNION|LIST|ARRAY|VARIANT)\b|\[\d*\]$/.test(type)) return "nested";
  if (/^U?(?:TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(type)) return "integer";
  // Parquet has no integers of 128 bits: they are kept as DOUBLE.
  if (/^(?:DOUBLE|FLOAT|U?HUGEINT)$/.test(type)) return "double";
  if (type.startsWith("DECIMAL")) return "decimal";
  if (type === "BOOLEAN") return "truth";
  if (type === "TIMESTAMP WITH TIME ZONE") return "instant";
  return "other";
}

/** SQL of the text with which a cell travels. */
export function cellText(cell: string, type: string): string {
  switch (cellClass(type)) {
    case "text":
      return cell;
    case "double":
      // A FLOAT's own text is that of the shortest FLOAT, not of the number it is.
      return `CAST(CAST(${cell} AS DOUBLE) AS VARCHAR)`;
    case "nested":
      return type === "JSON" ? `CAST(${cell} AS VARCHAR)` : `CAST(to_json(${cell}) AS VARCHAR)`;
    default:
      return `CAST(${cell} AS VARCHAR)`;
  }
}

export const integerText: RegExp = /^[+-]?\d+$/;
export const numberText: RegExp = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The row's value of a cell that is not null; what can't be decoded stays what it is, and the validator rejects it. */
export function decodeCell(text: string, from: CellClass, kind: FieldKind): unknown {
  switch (from) {
    case "integer": {
      const value = Number(text);
      return Number.isSafeInteger(value) ? value : BigInt(text);
    }
    case "double":
    case "decimal":
      return numberOf(text);
    case "truth":
      return text === "true";
    case "nested":
      // The engine writes NaN and infinities into JSON, which is none then: no validator takes the text for a list.
      return parsedJson(text);
    default:
      return decodeText(text, kind);
  }
}

function decodeText(text: string, kind: FieldKind): unknown {
  if (kind === "integer" && integerText.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (kind === "number" && numberText.test(text)) return Number(text);
  if (kind === "truth" && (text === "true" || text === "false")) return text === "true";
  return kind === "json" ? parsedJson(text) : text;
}

function parsedJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** Up to 15 significant digits are the same after a number was made of them. */
const exactDigits = 15;

/** Is it the same when it is parsed, and written back by whoever replays it? */
function isPlainNested(text: string): boolean {
  return !/^\s*(?:"|null)/.test(text) && !hasInexactNumber(text);
}

function hasInexactNumber(text: string): boolean {
  // Most have no number that is long enough, or has an exponent.
  if (!/[\d.]{16}|\d[eE]/.test(text)) return false;
  let found = false;
  try {
    JSON.parse(text, function (this: unknown, _key: string, value: unknown, context?: { readonly source?: string }) {
      if (typeof value === "number") found ||= !isExact(value, context?.source ?? "");
      return value;
    });
  } catch {
    return false;
  }
  return found;
}

function isExact(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false;
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+|0+$/g, "");
  if (value === 0) return digits === "";
  return digits.length <= exactDigits || String(value) === source;
}

function numberOf(text: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  if (text === "-inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** Puts the cell's value into the row; a null is null or a missing key, as the field says. */
export function decodeInto(row: Record<string, unknown>, field: Field, text: string | null, from: CellClass): void {
  if (text !== null) row[field.name] = decodeCell(text, from, field.kind);
  else if (field.nullAs === "null") row[field.name] = null;
}

/**
 * A cell as it was delivered, as JSON: integers beyond 2^53, NaN and infinities are told as text; a nested value with a
 * number in it that JavaScript doesn't hold exactly is the text of the whole, and so is one that is a text or null by
 * itself, which would be written back as another. The validator judges the number that JavaScript
 * has, as the pass in SQL does; the data never goes through it.
 */
export function rawCell(text: string | null, from: CellClass): Json {
  if (text === null) return null;
  if (from === "nested" && !isPlainNested(text)) return text;
  const value = decodeCell(text, from, "text");
  if (typeof value === "bigint") return value.toString();
  return typeof value === "number" && !Number.isFinite(value) ? text : (value as Json);
}
