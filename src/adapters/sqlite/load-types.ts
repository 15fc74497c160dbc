// How the engine's types lie in a SQLite file. SQLite keeps 64-bit integers, doubles, text and bytes exactly and nothing else:
// decimals and times are text, and the declared type says of what ("TEXT DECIMAL(18,4)"), which gives the column the affinity
// of text, so that no digit is lost.
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";

const declared: Readonly<Record<string, string>> = {
  BOOLEAN: "BOOLEAN",
  TINYINT: "INTEGER",
  SMALLINT: "INTEGER",
  INTEGER: "INTEGER",
  BIGINT: "INTEGER",
  UTINYINT: "INTEGER",
  USMALLINT: "INTEGER",
  UINTEGER: "INTEGER",
  UBIGINT: "TEXT DECIMAL(20,0)",
  FLOAT: "REAL",
  DOUBLE: "REAL",
  BLOB: "BLOB",
  DATE: "TEXT DATE",
  TIME: "TEXT TIME",
  TIMESTAMP: "TEXT TIMESTAMP",
  TIMESTAMP_S: "TEXT TIMESTAMP",
  TIMESTAMP_MS: "TEXT TIMESTAMP",
  "TIMESTAMP WITH TIME ZONE": "TEXT TIMESTAMPTZ",
  UUID: "TEXT UUID",
};

/** The declared type of a new column. */
export function loadingType(column: Column): string {
  if (column.type.startsWith("DECIMAL(")) return `TEXT ${column.type}`;
  return declared[column.type] ?? (isJson(column.type) ? "TEXT JSON" : "TEXT");
}

/** Does a column that is declared so keep every value as it is? By its affinity (https://sqlite.org/datatype3.html §3.1). */
export function fits(column: Column, present: string): boolean {
  const mine = loadingType(column);
  if (mine.toUpperCase() === present.toUpperCase()) return true;
  const affinity = affinityOf(present);
  // Text that says what it holds isn't mixed with other text.
  if (/^TEXT \S/i.test(present)) return false;
  if (mine === "INTEGER" || mine === "BOOLEAN")
    return affinity === "INTEGER" || affinity === "NUMERIC" || affinity === "BLOB";
  if (mine === "REAL") return affinity === "REAL" || affinity === "BLOB";
  if (mine === "BLOB") return affinity === "BLOB";
  return affinity === "TEXT" || affinity === "BLOB";
}

function affinityOf(type: string): "INTEGER" | "TEXT" | "BLOB" | "REAL" | "NUMERIC" {
  if (/INT/i.test(type)) return "INTEGER";
  if (/CHAR|CLOB|TEXT/i.test(type)) return "TEXT";
  if (type === "" || /BLOB/i.test(type)) return "BLOB";
  return /REAL|FLOA|DOUB/i.test(type) ? "REAL" : "NUMERIC";
}

/** The engine's type for a declared one. */
export function engineType(present: string): string {
  const decimal = /^TEXT (DECIMAL\(\d+,\s*\d+\))$/i.exec(present);
  if (decimal !== null) return decimal[1]!.toUpperCase();
  const upper = present.toUpperCase();
  const named: Readonly<Record<string, string>> = {
    BOOLEAN: "BOOLEAN",
    "TEXT DATE": "DATE",
    "TEXT TIME": "TIME",
    "TEXT TIMESTAMP": "TIMESTAMP",
    "TEXT TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TEXT UUID": "UUID",
    "TEXT JSON": "JSON",
  };
  const affinity = affinityOf(present);
  return (
    named[upper] ?? { INTEGER: "BIGINT", TEXT: "VARCHAR", BLOB: "BLOB", REAL: "DOUBLE", NUMERIC: "DOUBLE" }[affinity]
  );
}

/** The engine's expression for a value as it is bound: an integer, a double, bytes or text. */
export function loadingExpression(column: Column): string {
  const name = quoteIdentifier(column.name);
  switch (loadingType(column)) {
    case "BOOLEAN":
    case "INTEGER":
      return `CAST(${name} AS BIGINT)`;
    case "REAL":
      return `CASE WHEN isnan(${name}) THEN NULL ELSE CAST(${name} AS DOUBLE) END`;
    case "BLOB":
      return name;
    case "TEXT JSON":
      return `CAST(to_json(${name}) AS VARCHAR)`;
    default:
      return `CAST(${name} AS VARCHAR)`;
  }
}

function isJson(type: string): boolean {
  return type === "JSON" || /(\]|^(STRUCT|MAP|UNION)\(.*\))$/s.test(type);
}
