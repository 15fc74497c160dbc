// Excel workbooks as a source: which sheet, and which columns of it. Reading is the adapter's work.
import type { Sql } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { checkFiles, fileColumns, fileSource, type FileColumn } from "./file-source.ts";
import type { Source } from "./source.ts";

/** Which cells are read, and what a missing file or a ragged row means. */
export interface ExcelOptions {
  /** The sheet by its name, or by its position from 1. @default 1 */
  readonly sheet?: string | number;
  /** The row, from 1, with the columns' names; rows above it are not read. @default 1 */
  readonly header?: number;
  /** As for `csv(…)`. @default all columns, under their own names */
  readonly columns?: Readonly<Record<string, string | Sql>>;
  /** What it means that no file is there: the step fails, or there are no rows (then `columns` must be given). @default "fail" */
  readonly whenMissing?: "fail" | "empty";
  /**
   * What becomes of a row that has a value to the right of the last named column: the step fails, or the row goes to quarantine
   * as `{ file, line, text }`, its values as JSON. @default "fail"
   */
  readonly onMalformed?: "fail" | "quarantine";
}

/** What the adapter is asked to read. */
export interface ExcelRequest extends JsonObject {
  readonly pattern: string;
  readonly sheet: string | number;
  readonly header: number;
  /** In the order in which they come out; null for all. */
  readonly columns: readonly FileColumn[] | null;
  readonly whenMissing: "fail" | "empty";
  readonly onMalformed: "fail" | "quarantine";
}

/**
 * Sheets of Excel workbooks (.xlsx): one file, all that match a glob, or all of a folder ("data/"). Every column is text, as
 * in CSV: a number as its shortest digits, a date as `2026-01-31`, a moment as `2026-01-31T13:45:00`, `true` and `false`. What a
 * formula last gave counts. An empty cell is null, one with an error (`#N/A`) too; a row with nothing in it is no row. A workbook is held in memory while it is read.
 *
 * It needs the package `read-excel-file`.
 *
 * ```ts
 * extract(excel("data/prices.xlsx", { sheet: "Prices", columns: { sku: "Article", price: "List price" } }));
 * ```
 */
export function excel(pattern: string, options: ExcelOptions = {}): Source {
  return fileSource("excel", null, excelRequest(pattern, options));
}

/** What `excel(…)` and a bucket's `excel(…)` ask for. */
export function excelRequest(pattern: string, options: ExcelOptions): ExcelRequest {
  const { sheet = 1, header = 1, onMalformed = "fail" } = options;
  const whenMissing = checkFiles("excel", pattern, options);
  for (const [name, position] of Object.entries({ sheet, header })) {
    if (typeof position === "string" ? position !== "" : Number.isSafeInteger(position) && position >= 1) continue;
    throw new SluiceError("DEFINITION_INVALID", `excel("${pattern}") has ${name}: ${JSON.stringify(position)}`, {
      hint: "Positions are whole numbers from 1.",
    });
  }
  const columns = fileColumns("excel", pattern, options.columns);
  return { pattern, sheet, header, columns, whenMissing, onMalformed };
}
