// How the engine's types correspond to PostgreSQL's when loading; reading-types.ts has the other way. Nothing is narrowed:
// what has no exact counterpart travels as text.
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";

const namedTypes: Readonly<Record<string, string>> = {
  boolean: "BOOLEAN",
  smallint: "SMALLINT",
  integer: "INTEGER",
  bigint: "BIGINT",
  real: "FLOAT",
  "double precision": "DOUBLE",
  date: "DATE",
  "time without time zone": "TIME",
  "timestamp without time zone": "TIMESTAMP",
  "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
  uuid: "UUID",
  bytea: "BLOB",
  interval: "INTERVAL",
  json: "JSON",
  jsonb: "JSON",
};

/** The engine's type for one that PostgreSQL calls so (format_type); VARCHAR for what has no counterpart. */
export function engineType(native: string): string {
  const decimal = /^numeric\((\d+),(\d+)\)$/.exec(native);
  if (decimal !== null && Number(decimal[1]) <= 38) return `DECIMAL(${decimal[1]},${decimal[2]})`;
  // Times may have a precision: "timestamp(3) with time zone".
  return namedTypes[native.replace(/\(\d+\)/, "")] ?? "VARCHAR";
}

interface Loading {
  /** The type that a new table's column gets. */
  readonly type: string;
  /** Types, as format_type names them, that take every value unchanged or refuse it. Text does, always. */
  readonly fits: RegExp;
}

const wholeNumbers = /^(smallint|integer|bigint|numeric)/;
const numbers = /^(smallint|integer|bigint|numeric|double precision)/;
const localTimes = /^timestamp without time zone$/;
// An enum or an extension's type goes by its own name, and the server parses text for it strictly. For a number or a time
// the pipeline casts: text such as "2011-01-04 10:00" would lose its hour in a date column.
const texts = /^(?!(smallint|integer|bigint|numeric|real|double|money|boolean|date|time|timestamp|interval|bytea)\b)/;

const loadingTypes: Readonly<Record<string, Loading>> = {
  BOOLEAN: { type: "boolean", fits: /^boolean$/ },
  TINYINT: { type: "smallint", fits: numbers },
  SMALLINT: { type: "smallint", fits: numbers },
  UTINYINT: { type: "smallint", fits: numbers },
  USMALLINT: { type: "integer", fits: numbers },
  INTEGER: { type: "integer", fits: numbers },
  UINTEGER: { type: "bigint", fits: numbers },
  BIGINT: { type: "bigint", fits: wholeNumbers },
  UBIGINT: { type: "numeric(20,0)", fits: wholeNumbers },
  HUGEINT: { type: "numeric(39,0)", fits: wholeNumbers },
  UHUGEINT: { type: "numeric(39,0)", fits: wholeNumbers },
  FLOAT: { type: "real", fits: /^(real|double precision)$/ },
  DOUBLE: { type: "double precision", fits: /^(double precision|numeric)$/ },
  DATE: { type: "date", fits: /^(date|timestamp without time zone)$/ },
  TIME: { type: "time", fits: /^time without time zone$/ },
  TIMESTAMP: { type: "timestamp", fits: localTimes },
  TIMESTAMP_S: { type: "timestamp", fits: localTimes },
  TIMESTAMP_MS: { type: "timestamp", fits: localTimes },
  "TIMESTAMP WITH TIME ZONE": { type: "timestamptz", fits: /^timestamp with time zone$/ },
  UUID: { type: "uuid", fits: /^uuid$/ },
  BLOB: { type: "bytea", fits: /^bytea$/ },
  INTERVAL: { type: "interval", fits: /^interval$/ },
  JSON: { type: "jsonb", fits: /^jsonb?$/ },
  VARCHAR: { type: "text", fits: texts },
};

/** The PostgreSQL type of a new column for a dataset's. */
export function loadingType(column: Column): string {
  const decimal = decimalOf(column.type);
  if (decimal !== null) return `numeric(${decimal.precision},${decimal.scale})`;
  return loadingTypes[column.type]?.type ?? (isNested(column.type) ? "jsonb" : "text");
}

/** Does a column that PostgreSQL calls `present` (format_type) take the dataset's column as it is? */
export function fits(column: Column, present: string): boolean {
  if (/^(text|character varying)/.test(present)) return true;
  const decimal = decimalOf(column.type);
  if (decimal !== null) {
    const there = /^numeric(?:\((\d+),(-?\d+)\))?$/.exec(present);
    if (there === null) return false;
    // PostgreSQL would round what has more decimals than the column.
    return there[2] === undefined || Number(there[2]) >= decimal.scale;
  }
  return (loadingTypes[column.type]?.fits ?? (isNested(column.type) ? /^jsonb?$/ : /^text$/)).test(present);
}

/** The engine's expression for the text that PostgreSQL parses back to the same value. */
export function loadingExpression(column: Column): string {
  const name = quoteIdentifier(column.name);
  if (column.type === "BLOB") return `'\\x' || lower(hex(${name}))`;
  if (column.type === "FLOAT" || column.type === "DOUBLE") return `CASE WHEN isnan(${name}) THEN NULL ELSE ${name} END`;
  return isNested(column.type) ? `to_json(${name})` : name;
}

/** Is the text of its values never in need of quotes: digits, signs, points and colons? */
export function isBare({ type }: Column): boolean {
  return /^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|TIME|TIMESTAMP.*|UUID)$/.test(
    type,
  );
}

function decimalOf(type: string): { readonly precision: number; readonly scale: number } | null {
  const match = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  return match === null ? null : { precision: Number(match[1]), scale: Number(match[2]) };
}

function isNested(type: string): boolean {
  return /(\]|^(STRUCT|MAP|UNION)\(.*\))$/s.test(type);
}
