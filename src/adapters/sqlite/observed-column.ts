// The type of a column of SQLite, whose values carry types of their own: it follows the declaration where the values fit it,
// else the values; a column of mixed values is text.
import type { PipedColumn } from "../../dataset/csv-pipe.ts";

type ObservedType = "BIGINT" | "DOUBLE" | "VARCHAR" | "BLOB";

/** Takes note of a column's values as they pass. */
export interface ObservedColumn {
  readonly name: string;
  /** Takes note of a value, and gives its field of a CSV line. */
  observe(value: unknown): string;
  /** The type of all values that have passed. */
  settled(): ObservedType;
  /** Can a column of that type take all values that have passed? */
  fits(type: ObservedType): boolean;
  /** Are numbers or bytes among the texts? */
  mixed(): boolean;
}

export function observeColumn(name: string, declared: string | null): ObservedColumn {
  let [integers, reals, texts, blobs, unsafe] = [false, false, false, false, false];
  const settled = (): ObservedType => {
    const affinity = affinityOf(declared);
    if (texts || (blobs && (integers || reals))) return "VARCHAR";
    if (blobs) return "BLOB";
    if (!integers && !reals) return affinity;
    if (!reals) return affinity === "DOUBLE" && !unsafe ? "DOUBLE" : "BIGINT";
    // A double can't hold integers beyond 2^53 beside the reals.
    return unsafe ? "VARCHAR" : "DOUBLE";
  };
  return {
    name,
    settled,
    fits: (type) => type === "VARCHAR" || !(integers || reals || texts || blobs) || type === settled(),
    observe: (value) => {
      if (typeof value === "string") {
        texts = true;
        return value.includes('"') ? `"${value.replaceAll('"', '""')}"` : `"${value}"`;
      }
      if (typeof value === "bigint") {
        integers = true;
        unsafe ||= value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER;
        return value.toString();
      }
      if (typeof value === "number") {
        reals = true;
        return String(value);
      }
      if (value === null || value === undefined) return "\\N";
      blobs = true;
      return `"${Buffer.from(value as Uint8Array).toString("hex")}"`;
    },
    mixed: () => [integers || reals, texts, blobs].filter(Boolean).length > 1,
  };
}

/** How the engine reads the fields of a column of that type. */
export function pipedColumn(name: string, type: ObservedType): PipedColumn {
  return type === "BLOB" ? { name, type, convert: (text) => `unhex(${text})` } : { name, type };
}

/** The column's type by its declaration (https://sqlite.org/datatype3.html §3.1), for when the values don't tell. */
function affinityOf(declared: string | null): ObservedType {
  if (declared === null) return "VARCHAR";
  if (/INT|BOOL/i.test(declared)) return "BIGINT";
  if (/CHAR|CLOB|TEXT/i.test(declared)) return "VARCHAR";
  if (/BLOB/i.test(declared)) return "BLOB";
  // NUMERIC keeps 12 as an integer beside 12.5: as DOUBLE the column has one type, whatever the day's values are.
  return /REAL|FLOA|DOUB|NUM|DEC/i.test(declared) ? "DOUBLE" : "VARCHAR";
}
