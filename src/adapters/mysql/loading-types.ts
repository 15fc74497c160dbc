// How the engine's types lie in MySQL and MariaDB, and how a value is written there as a literal. Nothing is narrowed: strict
// mode refuses what doesn't fit, and a column that would round is refused before.
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import type { DestinationTypes } from "../sql-load/destination.ts";

interface Loading {
  readonly type: string;
  /** Types, as information_schema names them, that take every value unchanged or refuse it. */
  readonly fits: RegExp;
}

const numbers = /^(tinyint|smallint|mediumint|int|bigint|decimal|double)/;
const wholeNumbers = /^(tinyint|smallint|mediumint|int|bigint|decimal)/;
const instants = /^(datetime|timestamp)\(6\)/;
const texts =
  /^(?!(tinyint|smallint|mediumint|int|bigint|decimal|float|double|date|time|timestamp|datetime|year|bit|.*blob|.*binary)\b)/;

const loadingTypes: Readonly<Record<string, Loading>> = {
  BOOLEAN: { type: "tinyint(1)", fits: /^tinyint\(1\)/ },
  TINYINT: { type: "tinyint", fits: numbers },
  SMALLINT: { type: "smallint", fits: numbers },
  UTINYINT: { type: "tinyint unsigned", fits: numbers },
  USMALLINT: { type: "smallint unsigned", fits: numbers },
  INTEGER: { type: "int", fits: numbers },
  UINTEGER: { type: "int unsigned", fits: numbers },
  BIGINT: { type: "bigint", fits: wholeNumbers },
  UBIGINT: { type: "bigint unsigned", fits: wholeNumbers },
  FLOAT: { type: "float", fits: /^(float|double)/ },
  DOUBLE: { type: "double", fits: /^double/ },
  DATE: { type: "date", fits: /^(date|datetime\(\d\)|datetime)$/ },
  TIME: { type: "time(6)", fits: /^time\(6\)/ },
  TIMESTAMP: { type: "datetime(6)", fits: instants },
  TIMESTAMP_S: { type: "datetime(6)", fits: instants },
  TIMESTAMP_MS: { type: "datetime(6)", fits: instants },
  "TIMESTAMP WITH TIME ZONE": { type: "datetime(6)", fits: instants },
  UUID: { type: "char(36) character set ascii collate ascii_bin", fits: /^(char\(36\)|varchar|uuid|.*text)/ },
  BLOB: { type: "longblob", fits: /^.*blob/ },
  JSON: { type: "json", fits: /^(json|longtext)/ },
};

/** `collation` compares text letter by letter, spaces at the end included. */
export function typesWith(collation: string): DestinationTypes {
  const text = (type: string): string => `${type} character set utf8mb4 collate ${collation}`;
  const loadingType = (column: Column): string => {
    const decimal = decimalOf(column.type);
    if (decimal !== null)
      return decimal.scale > 30 ? text("longtext") : `decimal(${decimal.precision},${decimal.scale})`;
    return loadingTypes[column.type]?.type ?? (isNested(column.type) ? "json" : text("longtext"));
  };
  return {
    loadingType,
    fits,
    text: text("varchar(255)"),
    integer: "bigint",
    long: text("longtext"),
    time: "datetime(6)",
  };
}

/** Does a column of this type, as information_schema has it, take the dataset's column as it is? */
export function fits(column: Column, present: string): boolean {
  const decimal = decimalOf(column.type);
  if (decimal !== null) {
    const there = /^decimal\(\d+,(\d+)\)/.exec(present);
    if (there === null) return decimal.scale > 30 && present.startsWith("longtext");
    return Number(there[1]) >= decimal.scale;
  }
  return (loadingTypes[column.type]?.fits ?? (isNested(column.type) ? /^(json|longtext)/ : texts)).test(present);
}

const engineTypes: readonly (readonly [RegExp, string])[] = [
  [/^tinyint\(1\)/, "BOOLEAN"],
  [/^bigint.*unsigned/, "UBIGINT"],
  [/^bigint/, "BIGINT"],
  [/^(int|mediumint).*unsigned/, "UINTEGER"],
  [/^(int|mediumint)/, "INTEGER"],
  [/^smallint.*unsigned/, "USMALLINT"],
  [/^smallint|^year/, "SMALLINT"],
  [/^tinyint.*unsigned/, "UTINYINT"],
  [/^tinyint/, "TINYINT"],
  [/^double/, "DOUBLE"],
  [/^float/, "FLOAT"],
  [/^date$/, "DATE"],
  [/^datetime/, "TIMESTAMP"],
  [/^timestamp/, "TIMESTAMP WITH TIME ZONE"],
  [/^time/, "TIME"],
  [/blob|binary/, "BLOB"],
  [/^json/, "JSON"],
  [/^uuid/, "UUID"],
];

export function engineType(native: string): string {
  const decimal = /^decimal\((\d+),(\d+)\)/.exec(native);
  if (decimal !== null && Number(decimal[1]) <= 38) return `DECIMAL(${decimal[1]},${decimal[2]})`;
  return engineTypes.find(([pattern]) => pattern.test(native))?.[1] ?? "VARCHAR";
}

/** The engine's expression for the literal of a value, where a backslash is a letter like any other. */
export function literalExpression(column: Column): string {
  const name = quoteIdentifier(column.name);
  return `coalesce(${valueExpression(column, name)}, 'NULL')`;
}

function valueExpression({ type }: Column, name: string): string {
  if (type === "BOOLEAN") return `CASE WHEN ${name} THEN '1' ELSE CASE WHEN NOT ${name} THEN '0' END END`;
  if (type === "FLOAT" || type === "DOUBLE") {
    const digits = `CAST(${name} AS VARCHAR)`;
    // With an exponent the server reads a double; without one, a decimal. Infinity has no digits, and is refused there.
    return `CASE WHEN isnan(${name}) THEN NULL WHEN isinf(${name}) THEN '''' || ${digits} || '''' WHEN contains(${digits}, 'e') THEN ${digits} ELSE ${digits} || 'e0' END`;
  }
  if (type === "BLOB") return `'x''' || hex(${name}) || ''''`;
  if (/^(U?(TINY|SMALL|BIG)?INT(EGER)?|DECIMAL\(.*\))$/.test(type)) return `CAST(${name} AS VARCHAR)`;
  const text =
    type === "TIMESTAMP WITH TIME ZONE"
      ? `CAST(${name} AT TIME ZONE 'UTC' AS VARCHAR)`
      : `CAST(${isNested(type) ? `to_json(${name})` : name} AS VARCHAR)`;
  return `'''' || replace(${text}, '''', '''''') || ''''`;
}

function decimalOf(type: string): { readonly precision: number; readonly scale: number } | null {
  const match = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  return match === null ? null : { precision: Number(match[1]), scale: Number(match[2]) };
}

function isNested(type: string): boolean {
  return /(\]|^(STRUCT|MAP|UNION)\(.*\))$/s.test(type);
}
