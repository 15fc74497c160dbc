// JSON and JSONL files as sources: what to read and as which types. Reading is the adapter's work.
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { checkFiles, checkNotEmpty, fileEncoding, fileSource } from "./file-source.ts";
import type { JsonPath } from "./http-pages.ts";
import type { Source } from "./source.ts";

/** A column of the result: where its value lies in a record, and its type in the words of the columnar engine. */
export interface FieldColumn {
  readonly from: JsonPath;
  /**
   * "JSON" keeps the value as it is: `1` and `"1"` stay apart, a `null` and a missing key as well, and numbers keep every
   * digit. Another type ("BIGINT", "DECIMAL(12,2)", "TIMESTAMP WITH TIME ZONE" …) takes a value that is exactly one of it, as a
   * number or as text; "VARCHAR" takes any as text. @default "JSON"
   */
  readonly type?: string;
  /** May every record lack it? Then it is null; else that is an error. @default false */
  readonly optional?: boolean;
}

/** Which fields are taken, and what a missing file or a broken line means. */
export interface JsonlOptions {
  /** The columns by name. @default every key that a record has, as "JSON", in the order in which they are first met */
  readonly columns?: Readonly<Record<string, JsonPath | FieldColumn>>;
  /** What it means that no file is there: the step fails, or there are no rows (then `columns` must be given). @default "fail" */
  readonly whenMissing?: "fail" | "empty";
  /**
   * What becomes of a record that is not JSON, no object, or has a value that is not of its column's type: the step fails, or
   * the record goes to quarantine as `{ file, line, text }` with the reason. @default "fail"
   */
  readonly onMalformed?: "fail" | "quarantine";
  /** As for `csv(…)`. @default "utf-8" */
  readonly encoding?: string;
}

/** Where the records are in a document, beside what JSONL has. */
export interface JsonOptions extends JsonlOptions {
  /** Where the array of records lies: "data.items". @default the document itself is the array */
  readonly records?: JsonPath;
  /** A larger document (decompressed) is refused, because it is held in memory. In bytes. @default 268435456 (256 MiB) */
  readonly maxBytes?: number;
}

/** What the adapter is asked to read. */
export interface JsonRequest extends JsonObject {
  readonly pattern: string;
  readonly shape: "lines" | "document";
  /** In the order in which they come out; null for all keys. */
  readonly columns:
    | readonly {
        readonly name: string;
        readonly from: string | readonly string[];
        readonly type: string;
        readonly optional: boolean;
      }[]
    | null;
  readonly records: string | readonly string[];
  readonly whenMissing: "fail" | "empty";
  readonly onMalformed: "fail" | "quarantine";
  readonly encoding: string | null;
  readonly maxBytes: number;
}

/**
 * Files with a JSON object on each line (JSONL, NDJSON): one, all that match a glob, or all of a folder ("data/"); plain, gzip
 * or zstd. A line of nothing but spaces is no record. Of a key that an object has twice, the last one counts.
 *
 * Fails with SOURCE_MISSING, SOURCE_COLUMNS (no record has a column) or SOURCE_MALFORMED, and then leaves nothing behind.
 *
 * ```ts
 * extract(jsonl("data/*.jsonl.gz", {
 *   columns: { event_id: { from: "id", type: "BIGINT" }, at: { from: "meta.at", type: "TIMESTAMP WITH TIME ZONE" }, payload: "data" },
 *   onMalformed: "quarantine",
 * }));
 * ```
 */
export function jsonl(pattern: string, options: JsonlOptions = {}): Source {
  return fileSource("json", null, jsonRequest("jsonl", pattern, options));
}

/**
 * Files that are one JSON document each, with an array of records: the document itself, or at `records`. The rest is as for
 * `jsonl(…)`; a document is held in memory while it is read.
 *
 * ```ts
 * extract(json("data/products.json", { records: "data.items", columns: { sku: { from: "code", type: "VARCHAR" } } }));
 * ```
 */
export function json(pattern: string, options: JsonOptions = {}): Source {
  return fileSource("json", null, jsonRequest("json", pattern, options));
}

/** What `jsonl(…)`, `json(…)` and a bucket's ones ask for. */
export function jsonRequest(format: "jsonl" | "json", pattern: string, options: JsonOptions): JsonRequest {
  const whenMissing = checkFiles(format, pattern, options);
  const { maxBytes = 256 * 1024 * 1024 } = options;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new SluiceError("DEFINITION_INVALID", `${format}("${pattern}") has maxBytes: ${maxBytes}`, {
      hint: "Give a whole number of bytes.",
    });
  }
  const columns =
    options.columns === undefined
      ? null
      : Object.entries(options.columns).map(([name, column]) => {
          const { from, type = "JSON", optional = false } = isField(column) ? column : { from: column };
          return { name, from, type, optional };
        });
  if (columns !== null) checkNotEmpty(format, pattern, columns);
  return {
    pattern,
    shape: format === "jsonl" ? "lines" : "document",
    columns,
    records: options.records ?? "",
    whenMissing,
    onMalformed: options.onMalformed ?? "fail",
    encoding: fileEncoding(format, pattern, options.encoding),
    maxBytes,
  };
}

function isField(column: JsonPath | FieldColumn): column is FieldColumn {
  return typeof column === "object" && !Array.isArray(column);
}
