// CSV files as a source: what to read and under which names. Reading is the adapter's work. Every column is text: the
// contract, or a transform, gives it its type.
import { inlineSql, isSql, type Sql } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Source } from "./source.ts";

/** Which columns of the files are taken, and what a missing file means. */
export interface CsvOptions {
  /**
   * The columns to take, by the name they get: a name in the file's header, or an SQL expression over the file's columns,
   * whose result is taken as text. @default all of them, under their own names
   */
  readonly columns?: Readonly<Record<string, string | Sql>>;
  /** What it means that no file is there: the step fails, or there are no rows (then `columns` must be given). @default "fail" */
  readonly whenMissing?: "fail" | "empty";
  /** What columns mean that the file has and `columns` doesn't name. @default "ignore" */
  readonly extraColumns?: "ignore" | "fail";
  /** One ASCII character. @default "," */
  readonly delimiter?: string;
}

/** A column of a CSV source: from a column of the file, or from an expression over the file's columns. */
export type CsvColumn =
  | { readonly name: string; readonly column: string }
  | { readonly name: string; readonly expression: string };

/** What the adapter is asked to read. */
export interface CsvRequest extends JsonObject {
  readonly pattern: string;
  /** In the order in which they come out; null for all. */
  readonly columns: readonly CsvColumn[] | null;
  readonly whenMissing: "fail" | "empty";
  readonly extraColumns: "ignore" | "fail";
  readonly delimiter: string;
}

/**
 * One CSV file, or all that match a glob, relative to the project's folder; plain, gzip or zstd. UTF-8, quoted by `"`
 * (doubled inside; spaces around the quotes don't count), LF or CRLF, with a header line. An empty field is null; `""` is
 * the empty string. A line with nothing on it is no row, except in a file of one column, where it is a null.
 *
 * Fails with SOURCE_MISSING (no file), SOURCE_COLUMNS (a column isn't there) or SOURCE_MALFORMED (not such a file, or a
 * damaged one), and then leaves nothing behind. No row is skipped, cut or mended.
 *
 * ```ts
 * extract(csv("data/2011-01-04.csv.gz", {
 *   columns: { invoice_no: "InvoiceNo", customer_id: sql`regexp_replace("CustomerID", '\.0$', '')` },
 *   whenMissing: "empty",
 * }));
 * ```
 */
export function csv(pattern: string, options: CsvOptions = {}): Source {
  const { whenMissing = "fail", extraColumns = "ignore", delimiter = "," } = options;
  if (pattern === "")
    throw new SluiceError("DEFINITION_INVALID", "csv(…) is given an empty path", { hint: "Name a file, or a glob." });
  if (whenMissing === "empty" && options.columns === undefined) {
    throw new SluiceError("DEFINITION_INVALID", `csv("${pattern}") has whenMissing: "empty" but no columns`, {
      hint: "List the columns: without a file nothing else tells what they are.",
    });
  }
  if (!/^[\t\x20-\x7e]$/.test(delimiter) || delimiter === '"') {
    throw new SluiceError("DEFINITION_INVALID", `csv("${pattern}") has the delimiter ${JSON.stringify(delimiter)}`, {
      hint: 'Use one character, such as "," ";" or "\\t".',
    });
  }
  const columns =
    options.columns === undefined ? null : Object.entries(options.columns).map(([name, from]) => csvColumn(name, from));
  if (columns?.length === 0) {
    throw new SluiceError("DEFINITION_INVALID", `csv("${pattern}") has an empty list of columns`, {
      hint: "Name one, or leave `columns` out.",
    });
  }
  const request: CsvRequest = { pattern, columns, whenMissing, extraColumns, delimiter };
  return Object.freeze({ kind: "sluice.source", vendor: "csv", connection: null, request });
}

function csvColumn(name: string, from: string | Sql): CsvColumn {
  return isSql(from) ? { name, expression: inlineSql(from) } : { name, column: from };
}
