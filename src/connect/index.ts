// The public entry "sluice/connect": the places data comes from and goes to.
export { csv, type CsvOptions } from "./csv.ts";
export { excel, type ExcelOptions } from "./excel.ts";
export {
  apiKey,
  basic,
  bearer,
  http,
  oauth2,
  type Auth,
  type GetOptions,
  type HttpConnection,
  type HttpOptions,
  type JsonColumn,
  type OAuth2Options,
  type RangeParameters,
  type RateLimitOptions,
  type StaticAuth,
} from "./http.ts";
export type { EndpointOptions } from "./http-endpoint.ts";
export {
  cursor,
  linkHeader,
  nextPage,
  offset,
  pageNumber,
  type JsonPath,
  type OffsetOptions,
  type PageNumberOptions,
  type Pages,
} from "./http-pages.ts";
export { files, type FilesTable, type FolderConnection, type FolderOptions, type TableFormat } from "./folder.ts";
export { json, jsonl, type FieldColumn, type JsonlOptions, type JsonOptions } from "./json-files.ts";
export { inbox, type DeliveryId, type InboxConnection, type InboxOptions, type ReceivedOptions } from "./inbox.ts";
export {
  signature,
  standardWebhooks,
  stripeSignature,
  type Signature,
  type SignatureOptions,
} from "./inbox-signature.ts";
export { duckdb, type DuckdbConnection } from "./duckdb.ts";
export { lake, type LakeConnection, type LakeOptions, type LakeTable } from "./lake.ts";
export { mysql, type MysqlConnection } from "./mysql.ts";
export type { FromNewFiles } from "./new-files.ts";
export { parquet, type ParquetOptions } from "./parquet.ts";
export { postgres, type PostgresConnection } from "./postgres.ts";
export type { ChangesOptions } from "./postgres-changes.ts";
export {
  bookmark,
  transaction,
  type FromPosition,
  type FromWindow,
  type IncrementalOptions,
  type StateCursor,
  type TransactionCursor,
} from "./incremental.ts";
export { s3, type S3Connection, type S3Options } from "./s3.ts";
export type { SchemaContract, SchemaMode } from "./schema-contract.ts";
export type { Table } from "./sink.ts";
export type { SqlConnection } from "./sql-connection.ts";
export { sqlite, type SqliteConnection } from "./sqlite.ts";
export { singer, type SingerConnection, type SingerOptions, type StreamOptions, type TapSetting } from "./singer.ts";
export type { Source } from "./source.ts";
export { webhook, type WebhookOptions } from "./webhook.ts";
export {
  merge,
  retain,
  type Merge,
  type MergeOptions,
  type MergeStrategy,
  type Retain,
  type RetainOptions,
  type WriteDisposition,
} from "./write-disposition.ts";
