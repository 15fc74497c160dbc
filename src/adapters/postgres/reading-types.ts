// How PostgreSQL's types are read: each becomes the engine's type that holds the same values, and what has no such
// counterpart is the text that PostgreSQL prints. A value that the engine's type can't hold is an error, never another value.
import type { PipedColumn } from "../../dataset/csv-pipe.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import type { Field } from "./connection.ts";

/** A column as it is selected from PostgreSQL and read by the engine. */
export interface ReadingColumn extends PipedColumn {
  /** The expression that PostgreSQL evaluates; it has no name yet. */
  readonly select: string;
  /** Do PostgreSQL and the engine put its values into the same order? */
  readonly ordered: boolean;
}

type Kind = "plain" | "float" | "bytes" | "date" | "time" | "numeric" | "text";

// Object ids of built-in types: fixed in pg_type.dat, the same in every server. Second: that of the array.
const types: readonly (readonly [id: number, array: number, engine: string, kind: Kind])[] = [
  [16, 1000, "BOOLEAN", "plain"],
  [20, 1016, "BIGINT", "plain"],
  [21, 1005, "SMALLINT", "plain"],
  [23, 1007, "INTEGER", "plain"],
  [26, 1028, "BIGINT", "plain"],
  [700, 1021, "FLOAT", "float"],
  [701, 1022, "DOUBLE", "float"],
  [1082, 1182, "DATE", "date"],
  [1083, 1183, "TIME", "plain"],
  [1114, 1115, "TIMESTAMP", "time"],
  [1184, 1185, "TIMESTAMP WITH TIME ZONE", "time"],
  [2950, 2951, "UUID", "plain"],
  [17, 1001, "BLOB", "bytes"],
  [114, 199, "JSON", "plain"],
  [3802, 3807, "JSON", "plain"],
  [5069, 271, "UBIGINT", "plain"],
  [1700, 1231, "VARCHAR", "numeric"],
  [25, 1009, "VARCHAR", "text"],
  [1043, 1015, "VARCHAR", "text"],
  [19, 1003, "VARCHAR", "text"],
];
const byId = new Map(types.map(([id, , engine, kind]) => [id, { engine, kind }]));
const byArrayId = new Map(types.map(([, id, engine, kind]) => [id, { engine, kind }]));

/** How a column that PostgreSQL describes is read. A domain counts as the type beneath it. */
export function readingColumn(field: Field): ReadingColumn {
  const { name } = field;
  const column = quoteIdentifier(name);
  const scalar = byId.get(field.dataTypeID);
  if (scalar !== undefined) {
    const type = scalar.kind === "numeric" ? decimalType(field.dataTypeModifier) : scalar.engine;
    const select = selected(scalar.kind, column);
    const ordered = type === "VARCHAR" ? scalar.kind === "text" : type !== "JSON" && type !== "BLOB";
    const convert = conversion(name, type, scalar.kind);
    return convert === undefined ? { name, type, select, ordered } : { name, type, select, ordered, convert };
  }
  const element = byArrayId.get(field.dataTypeID);
  if (element === undefined) return { name, type: "VARCHAR", select: column, ordered: false };
  const type = element.kind === "numeric" ? decimalType(field.dataTypeModifier) : element.engine;
  return {
    name,
    type: `${type}[]`,
    // Elements as texts in a JSON array: a number of JSON's would lose digits on its way.
    select: `to_json(${withoutNaN(element.kind, column, "array_replace")}::text[])`,
    ordered: false,
    convert: (text) => listConversion(name, text, type, element.kind),
  };
}

// numeric's modifier: precision in the upper 16 bits, scale in 11 bits with a sign, all plus 4.
function decimalType(modifier: number): string {
  if (modifier < 4) return "VARCHAR";
  const precision = (modifier - 4) >> 16;
  const scale = ((((modifier - 4) & 0x7ff) ^ 1024) - 1024) | 0;
  return precision <= 38 && scale >= 0 && scale <= precision ? `DECIMAL(${precision},${scale})` : "VARCHAR";
}

function selected(kind: Kind, column: string): string {
  return kind === "bytes" ? `encode(${column}, 'hex')` : withoutNaN(kind, column, "nullif");
}

function withoutNaN(kind: Kind, column: string, remove: "nullif" | "array_replace"): string {
  if (kind !== "float" && kind !== "numeric") return column;
  return remove === "nullif" ? `nullif(${column}, 'NaN')` : `array_replace(${column}, 'NaN', NULL)`;
}

function conversion(name: string, type: string, kind: Kind): PipedColumn["convert"] {
  if (kind === "bytes") return (text) => `unhex(${text})`;
  if (kind !== "date" && kind !== "time") return undefined;
  // The engine's CSV reader takes "0044-03-15 BC" for a day of our era, and a time it can't hold for null. A cast doesn't.
  return (text) =>
    `CASE WHEN ${outside(kind, text)} THEN error(${unreadable(name)} || ${text}) ELSE CAST(${text} AS ${type}) END`;
}

/** Infinity is a value of the engine's times, but a date of Parquet's can't be infinite. */
function outside(kind: Kind, text: string): string {
  return kind === "date" ? `${text} LIKE '%BC%' OR ${text} LIKE '%infinity%'` : `${text} LIKE '%BC%'`;
}

function listConversion(name: string, text: string, type: string, kind: Kind): string {
  const refused = kind === "date" || kind === "time" ? ` OR ${outside(kind, text)}` : "";
  const list = `from_json(${text}, '["VARCHAR"]')`;
  const exact = kind === "bytes" ? `list_transform(${list}, lambda x: unhex(x[3:]))` : `CAST(${list} AS ${type}[])`;
  return `CASE WHEN ${text} LIKE '[[%'${refused} THEN error(${unreadable(name)} || ${text}) ELSE ${exact} END`;
}

function unreadable(name: string): string {
  return quoteLiteral(`column ${quoteIdentifier(name)} holds `);
}
