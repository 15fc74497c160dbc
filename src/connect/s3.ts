// s3({…}): a bucket of an S3-compatible store, to read files from and to keep tables of files in. Plain data; requests are made by
// adapters/s3.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import type { JsonObject } from "../json.ts";
import { csvRequest, type CsvOptions } from "./csv.ts";
import { excelRequest, type ExcelOptions } from "./excel.ts";
import { fileSource } from "./file-source.ts";
import { filesTable, type FilesTable, type TableFormat } from "./folder.ts";
import { jsonRequest, type JsonlOptions, type JsonOptions } from "./json-files.ts";
import { parquetRequest, type ParquetOptions } from "./parquet.ts";
import type { Source } from "./source.ts";

/** Which bucket, and who asks. */
export interface S3Options {
  readonly bucket: Setting;
  /** Where the store answers, such as "https://minio.example.com". @default Amazon's, by the region */
  readonly endpoint?: Setting;
  /** Such as "eu-central-1". @default "us-east-1" */
  readonly region?: Setting;
  readonly accessKeyId: Setting;
  readonly secretAccessKey: Setting;
  readonly sessionToken?: Setting;
  /** What the keys of tables begin with, such as "warehouse/". Patterns of sources are whole keys. @default "" */
  readonly prefix?: string;
  /** What tables are written as. @default "parquet" */
  readonly format?: TableFormat;
}

/** A bucket, under its name. A pattern is a key, a glob over keys ("in/*.csv"), or with `/` at its end all below it. */
export interface S3Connection extends Connection {
  readonly vendor: "s3";
  /** As `csv(…)`, for objects of the bucket. */
  csv(pattern: string, options?: CsvOptions): Source;
  /** As `jsonl(…)`. */
  jsonl(pattern: string, options?: JsonlOptions): Source;
  /** As `json(…)`. */
  json(pattern: string, options?: JsonOptions): Source;
  /** As `parquet(…)`. */
  parquet(pattern: string, options?: ParquetOptions): Source;
  /** As `excel(…)`. */
  excel(pattern: string, options?: ExcelOptions): Source;
  /** A table to load into, `name` or `schema.name`: objects, and a manifest per load that names them. */
  table(name: string): FilesTable;
}

export interface S3Settings {
  readonly bucket: Setting;
  readonly endpoint: Setting | null;
  readonly region: Setting;
  readonly accessKeyId: Setting;
  readonly secretAccessKey: Setting;
  readonly sessionToken: Setting | null;
  readonly prefix: string;
  readonly format: TableFormat;
}

/**
 * A bucket of Amazon S3 or of a store that speaks its protocol. It needs the package `@aws-sdk/client-s3`. Tables need a store that
 * refuses to overwrite when it is asked to (`If-None-Match`); one that doesn't is an error at the first load.
 *
 * ```ts
 * import { env } from "sluice";
 *
 * export const config = defineConfig({
 *   connections: {
 *     inbox: s3({
 *       bucket: "inbox",
 *       region: "eu-central-1",
 *       accessKeyId: env("AWS_ACCESS_KEY_ID"),
 *       secretAccessKey: env("AWS_SECRET_ACCESS_KEY"),
 *     }),
 *   },
 * });
 * ```
 */
export function s3(options: S3Options): ConnectionFactory<S3Connection> {
  const settings = {
    bucket: options.bucket,
    endpoint: options.endpoint ?? null,
    region: options.region ?? "us-east-1",
    accessKeyId: options.accessKeyId,
    secretAccessKey: options.secretAccessKey,
    sessionToken: options.sessionToken ?? null,
    prefix: options.prefix ?? "",
    format: options.format ?? "parquet",
  } satisfies S3Settings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "s3", settings });
    const source = (format: string, request: JsonObject): Source => fileSource("s3", connection, { format, request });
    return Object.freeze({
      ...connection,
      vendor: "s3",
      csv: (pattern: string, given: CsvOptions = {}) => source("csv", csvRequest(pattern, given)),
      jsonl: (pattern: string, given: JsonlOptions = {}) => source("json", jsonRequest("jsonl", pattern, given)),
      json: (pattern: string, given: JsonOptions = {}) => source("json", jsonRequest("json", pattern, given)),
      parquet: (pattern: string, given: ParquetOptions = {}) => source("parquet", parquetRequest(pattern, given)),
      excel: (pattern: string, given: ExcelOptions = {}) => source("excel", excelRequest(pattern, given)),
      table: (table: string) => filesTable(connection, table),
    });
  };
}
