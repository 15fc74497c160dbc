// How MySQL's types are read: each becomes the engine's type that holds the same values, and what has no such counterpart
// is the text that MySQL prints. A value that the engine's type can't hold is an error, never another value.
import type { PipedColumn } from "../../dataset/csv-pipe.ts";
import { quoteLiteral } from "../../dataset/sql.ts";
import type { Field, RawValue } from "./connection.ts";

/** A column as MySQL sends it and the engine reads it. */
export interface ReadingColumn extends PipedColumn {
  /** The expression that MySQL evaluates where the column itself would be rounded on its way; null elsewhere. */
  readonly select: string | null;
  /** The value's field of a CSV line. */
  readonly field: (value: RawValue) => string;
  /** Do MySQL, asked for the order of bytes, and the engine put its values into the same order? */
  readonly ordered: boolean;
}

// Codes and flags of the protocol (https://mariadb.com/kb/en/result-set-packets/).
const [tiny, short, long, float, double, nothing, timestamp, bigint, medium, date, time, datetime, year] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
];
const [bit, json, decimal, geometry] = [16, 245, 246, 255];
const unsigned = 32;
const binary = 63;

const integers: Readonly<Record<number, readonly [signed: string, unsigned: string]>> = {
  [tiny]: ["TINYINT", "UTINYINT"],
  [short]: ["SMALLINT", "USMALLINT"],
  [medium]: ["INTEGER", "UINTEGER"],
  [long]: ["INTEGER", "UINTEGER"],
  [bigint]: ["BIGINT", "UBIGINT"],
  [year]: ["SMALLINT", "SMALLINT"],
};

/** How a column that MySQL describes is read. */
export function readingColumn(field: Field): ReadingColumn {
  const { name, columnType: code } = field;
  const plain = { name, select: null, field: bare, ordered: true };
  const isUnsigned = (field.flags & unsigned) !== 0;
  // What BOOLEAN is in MySQL.
  if (code === tiny && field.columnLength === 1 && !isUnsigned)
    return {
      ...plain,
      type: "BOOLEAN",
      convert: (text) => onlyIf(name, text, `${text} IN ('0', '1')`, `${text} = '1'`),
    };
  const integer = integers[code];
  if (integer !== undefined) return { ...plain, type: isUnsigned ? integer[1] : integer[0] };
  switch (code) {
    case float:
      // As text, MySQL rounds a FLOAT to six digits.
      return { ...plain, type: "FLOAT", select: `${backticked(name)} + 0e0` };
    case double:
      return { ...plain, type: "DOUBLE" };
    case decimal:
      return decimalColumn(field, isUnsigned);
    case date:
      return { ...plain, type: "DATE", convert: (text) => calendar(name, text, "DATE") };
    case datetime:
      return { ...plain, type: "TIMESTAMP", convert: (text) => calendar(name, text, "TIMESTAMP") };
    case timestamp: {
      const type = "TIMESTAMP WITH TIME ZONE";
      // The session is in UTC.
      return { ...plain, type, convert: (text) => calendar(name, text, type) };
    }
    case bit:
      return field.columnLength === 1
        ? { ...plain, type: "BOOLEAN", field: bits, convert: (text) => `${text} = '1'` }
        : { ...plain, type: "UBIGINT", field: bits };
    case json:
      return { ...plain, type: "JSON", field: quoted, ordered: false };
    case time:
    case nothing:
      return { ...plain, type: "VARCHAR", field: quoted, ordered: false };
    default:
      return field.characterSet === binary || code === geometry
        ? { ...plain, type: "BLOB", field: hexadecimal, convert: (text) => `unhex(${text})`, ordered: false }
        : { ...plain, type: "VARCHAR", field: quoted };
  }
}

function decimalColumn(field: Field, isUnsigned: boolean): ReadingColumn {
  const { name, decimals } = field;
  // The length is that of the text: digits, a point, a sign.
  const precision = field.columnLength - (decimals > 0 ? 1 : 0) - (isUnsigned ? 0 : 1);
  if (precision > 38) return { name, type: "VARCHAR", select: null, field: quoted, ordered: false };
  return { name, type: `DECIMAL(${precision},${decimals})`, select: null, field: bare, ordered: true };
}

function bare(value: RawValue): string {
  return value.string() ?? "\\N";
}

function quoted(value: RawValue): string {
  const text = value.string();
  if (text === null) return "\\N";
  return text.includes('"') ? `"${text.replaceAll('"', '""')}"` : `"${text}"`;
}

function hexadecimal(value: RawValue): string {
  const bytes = value.buffer();
  return bytes === null ? "\\N" : `"${bytes.toString("hex")}"`;
}

function bits(value: RawValue): string {
  const bytes = value.buffer();
  return bytes === null ? "\\N" : String(BigInt(`0x${bytes.toString("hex") || "0"}`));
}

/** MySQL has days that no calendar has, such as 0000-00-00. */
function calendar(name: string, text: string, type: string): string {
  return onlyIf(name, text, `NOT (${text} LIKE '0000%' OR ${text} LIKE '%-00%')`, `CAST(${text} AS ${type})`);
}

function onlyIf(name: string, text: string, condition: string, value: string): string {
  const message = quoteLiteral(`column "${name}" holds `);
  return `CASE WHEN ${text} IS NULL OR ${condition} THEN ${value} ELSE error(${message} || ${text}) END`;
}

/** A name, quoted as MySQL always takes it for one. */
export function backticked(...path: readonly string[]): string {
  return path.map((part) => `\`${part.replaceAll("`", "``")}\``).join(".");
}
