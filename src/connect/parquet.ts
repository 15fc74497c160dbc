// Parquet files as a source: what to read. Reading is the adapter's work.
import type { Sql } from "../dataset/sql.ts";
import type { JsonObject } from "../json.ts";
import { checkFiles, fileColumns, fileSource, type FileColumn } from "./file-source.ts";
import type { Source } from "./source.ts";

/** Which columns of the files are taken. */
export interface ParquetOptions {
  /**
   * The columns to take, by the name they get: a name in the files, or an SQL expression over the files' columns.
   * @default all of them, under their own names
   */
  readonly columns?: Readonly<Record<string, string | Sql>>;
}

/** What the adapter is asked to read. */
export interface ParquetRequest extends JsonObject {
  readonly pattern: string;
  /** In the order in which they come out; null for all. */
  readonly columns: readonly FileColumn[] | null;
  readonly whenMissing: "fail";
}

/**
 * Parquet files: one, all that match a glob, or all of a folder ("data/"). Columns keep their types; all files must have the
 * same ones. What a folder is called (`day=2026-01-31`) is no column.
 *
 * Fails with SOURCE_MISSING, SOURCE_COLUMNS (files differ, or lack a column) or SOURCE_MALFORMED (not such a file, or a damaged one).
 *
 * ```ts
 * extract(parquet("data/day=*\/*.parquet", { columns: { user_id: "user_id", day: sql`date_trunc('day', created_at)` } }));
 * ```
 */
export function parquet(pattern: string, options: ParquetOptions = {}): Source {
  return fileSource("parquet", null, parquetRequest(pattern, options));
}

/** What `parquet(…)` and a bucket's `parquet(…)` ask for. */
export function parquetRequest(pattern: string, options: ParquetOptions): ParquetRequest {
  checkFiles("parquet", pattern, { columns: options.columns });
  return { pattern, columns: fileColumns("parquet", pattern, options.columns), whenMissing: "fail" };
}
