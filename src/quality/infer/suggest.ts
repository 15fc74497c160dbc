// From a profile to a schema for each column: the narrowest that a person would have written, not the narrowest that fits.
import { cellClass } from "../cell.ts";
import { type ColumnProfile, distinctValues, type Shape } from "../profile/profile.ts";
import type { Call, Suggestion } from "./suggestion.ts";

/** Up to so many different texts are a set, where each occurs ten times on average. */
const enumLimit = 20;
const repeatsOfEnum = 10;

/** The schema that a column's profile suggests. */
export function suggest(column: ColumnProfile): Suggestion {
  const { nulls, rows } = column;
  const remarks: string[] = [];
  const base = nulls === rows ? unknownValues(rows, remarks) : valuesOf(column, remarks);
  if (nulls > 0 && nulls < rows) remarks.push(`null in ${percent(nulls / rows)}`);
  const isOpen = base[0]!.name === "unknown";
  const calls: Call[] = nulls > 0 && !isOpen ? [...base, call("nullable")] : base;
  return { column: column.name, calls, remarks };
}

export function call(name: Call["name"], ...given: Call["arguments"]): Call {
  return { name, arguments: given };
}

function unknownValues(rows: number, remarks: string[]): Call[] {
  remarks.push(rows === 0 ? "no rows to learn from" : "nothing but nulls");
  return [call("unknown")];
}

function valuesOf(column: ColumnProfile, remarks: string[]): Call[] {
  const { type } = column;
  switch (cellClass(type)) {
    case "truth":
      return [call("boolean")];
    case "integer":
    case "double":
    case "decimal":
      return numbers(column, remarks);
    case "instant":
      return [call("timestamp", "UTC")];
    case "nested":
      remarks.push(`a ${type.length > 30 ? "nested value" : type}: not looked into`);
      return [call("unknown")];
    case "text":
      return texts(column, remarks);
    default:
      if (type === "DATE") return [call("iso.date")];
      if (type === "UUID") return [call("uuid")];
      if (type.startsWith("TIMESTAMP")) {
        remarks.push("in which zone were these times written?");
        return [call("timestamp", "UTC")];
      }
      return [call("string")];
  }
}

function numbers(column: ColumnProfile, remarks: string[]): Call[] {
  const { numbers: found, rows, nulls } = column;
  const { min, max, whole, negative, nans, infinite } = found!;
  if (min === null || max === null || nans + infinite > 0) {
    remarks.push(`${nans + infinite} of them NaN or infinite`);
    return [call("unknown")];
  }
  const isWhole = whole === rows - nulls && Math.max(-min, max) <= Number.MAX_SAFE_INTEGER;
  remarks.push(min === max ? `always ${short(min)}` : `${short(min)} to ${short(max)}`);
  if (isWhole && isKey(column)) remarks.push("every value differs");
  return [call(isWhole ? "int" : "number"), ...(negative === 0 ? [call("nonnegative")] : [])];
}

function texts(column: ColumnProfile, remarks: string[]): Call[] {
  const { values, texts: found, rows, nulls } = column;
  const there = rows - nulls;
  const shape = (Object.keys(found!.shapes ?? {}) as Shape[]).find((name) => found!.shapes![name] === there);
  switch (shape) {
    case "truth":
      return [call("boolean")];
    case "integer":
    case "number":
      if (isKey(column)) remarks.push("every value differs");
      return [call(shape === "integer" ? "int" : "number")];
    case "date":
      return [call("iso.date")];
    case "timestamp":
      remarks.push("in which zone were these times written?");
      return [call("timestamp", "UTC")];
    case "uuid":
    case "email":
      if (isKey(column)) remarks.push("every value differs");
      return [call(shape)];
    default:
      break;
  }
  const different = distinctValues(column);
  if (values?.complete === true && different <= enumLimit && there >= different * repeatsOfEnum && found!.empty === 0) {
    return [call("enum", values.top.map(({ value }) => value).sort())];
  }
  if (isKey(column)) remarks.push("every value differs");
  else remarks.push(`${different.toLocaleString("en-US")} different`);
  if (found!.empty > 0) remarks.push(`empty in ${percent(found!.empty / there)}`);
  const pattern = patternOf(column);
  if (pattern !== null) return [call("string"), call("regex", pattern)];
  return [call("string"), ...(found!.empty === 0 ? [call("min", 1)] : [])];
}

/** As many different values as rows, as far as that is known: an estimate is right to a few per cent. */
function isKey(column: ColumnProfile): boolean {
  return column.nulls === 0 && column.rows > 20 && distinctValues(column) === column.rows;
}

/** `^o-\d+$`: where all values that were kept begin alike, with letters, and go on with digits. */
function patternOf({ values }: ColumnProfile): string | null {
  const known = values?.top.map(({ value }) => value) ?? [];
  const prefix = /^[A-Za-z]+[-_:/]?/.exec(known[0] ?? "")?.[0];
  if (prefix === undefined || known.length < 20) return null;
  const rest = known.map((value) => (value.startsWith(prefix) ? value.slice(prefix.length) : ""));
  if (!rest.every((digits) => /^\d+$/.test(digits))) return null;
  return `^${prefix.replaceAll("/", "\\/")}\\d+$`;
}

function percent(share: number): string {
  return share < 0.001 ? "fewer than 0.1 %" : `${(share * 100).toFixed(1)} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
