// CSV files as a source: what to read and under which names. Reading is the adapter's work. Every column is text: the
// contract, or a transform, gives it its type.
import type { Sql } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { checkFiles, fileColumns, fileEncoding, fileSource, type FileColumn } from "./file-source.ts";
import type { Source } from "./source.ts";

/** Which columns of the files are taken, and what a missing file or a broken row means. */
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
  /**
   * What becomes of a row that breaks the format: the step fails, or the row goes to quarantine as `{ file, line, text }` with
   * the reason, and the others are read. What breaks the header fails in any case. @default "fail"
   */
  readonly onMalformed?: "fail" | "quarantine";
  /**
   * The files' encoding, by a name of the WHATWG standard: "windows-1252", "latin1", "shift_jis", "utf-16le" … A byte order
   * mark in a file says more. @default "utf-8"
   */
  readonly encoding?: string;
}

/** A column of a CSV source. */
export type CsvColumn = FileColumn;

/** What the adapter is asked to read. */
export interface CsvRequest extends JsonObject {
  readonly pattern: string;
  /** In the order in which they come out; null for all. */
  readonly columns: readonly CsvColumn[] | null;
  readonly whenMissing: "fail" | "empty";
  readonly extraColumns: "ignore" | "fail";
  readonly delimiter: string;
  readonly onMalformed: "fail" | "quarantine";
  /** In lower case; null for UTF-8. */
  readonly encoding: string | null;
}

/**
 * One CSV file, or all that match a glob, or all of a folder ("data/in/"), relative to the project's folder; plain, gzip or
 * zstd. UTF-8, or UTF-16 with a byte order mark, or what `encoding` says; quoted by `"` (doubled inside; spaces around the
 * quotes don't count), LF or CRLF, with a header line. An empty field is null; `""` is the empty string. A line with nothing
 * on it is no row, except in a file of one column, where it is a null.
 *
 * Fails with SOURCE_MISSING (no file), SOURCE_COLUMNS (a column isn't there) or SOURCE_MALFORMED (not such a file, or a
 * damaged one), and then leaves nothing behind. No row is skipped, cut or mended.
 *
 * ```ts
 * extract(csv("data/2011-01-04.csv.gz", {
 *   columns: { invoice_no: "InvoiceNo", customer_id: sql`regexp_replace("CustomerID", '\.0$', '')` },
 *   whenMissing: "empty",
 *   onMalformed: "quarantine",
 * }));
 * ```
 */
export function csv(pattern: string, options: CsvOptions = {}): Source {
  return fileSource("csv", null, csvRequest(pattern, options));
}

/** What `csv(…)` and a bucket's `csv(…)` ask for. */
export function csvRequest(pattern: string, options: CsvOptions): CsvRequest {
  const { extraColumns = "ignore", delimiter = ",", onMalformed = "fail" } = options;
  const whenMissing = checkFiles("csv", pattern, options);
  if (!/^[\t\x20-\x7e]$/.test(delimiter) || delimiter === '"') {
    throw new SluiceError("DEFINITION_INVALID", `csv("${pattern}") has the delimiter ${JSON.stringify(delimiter)}`, {
      hint: 'Use one character, such as "," ";" or "\\t".',
    });
  }
  const columns = fileColumns("csv", pattern, options.columns);
  const encoding = fileEncoding("csv", pattern, options.encoding);
  return { pattern, columns, whenMissing, extraColumns, delimiter, onMalformed, encoding };
}
