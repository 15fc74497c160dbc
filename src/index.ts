// The public entry "sluice": what a pipeline and a configuration are written with. The rooms have entries of their own:
// sluice/connect, sluice/quality, sluice/features, sluice/retrieval.
export {
  defineConfig,
  env,
  file,
  type Config,
  type ConfigOptions,
  type Connection,
  type ConnectionFactory,
  type EnvOptions,
  type Reference,
  type Setting,
} from "./config.ts";
export { extract } from "./connect/extract.ts";
export { load, type LoadOptions } from "./connect/load.ts";
export type { Column, Dataset } from "./dataset/dataset.ts";
export type { LoadResult } from "./dataset/load-result.ts";
export { identifier, sql, type Identifier, type Sql, type SqlValue } from "./dataset/sql.ts";
export { transform } from "./dataset/transform.ts";
export { errorCodes, isSluiceError, SluiceError, type ErrorCode, type ErrorOptions } from "./errors.ts";
export type { Json } from "./json.ts";
export type { Duration } from "./pipeline/duration.ts";
export { daily, type DailyOptions, type Partition, type Partitions } from "./pipeline/partition.ts";
export {
  pipeline,
  type BuildContext,
  type Pipeline,
  type PipelineOptions,
  type StepOptions,
} from "./pipeline/pipeline.ts";
export type { RetryOptions } from "./pipeline/retry.ts";
export type { RowCounts, StepContext, StepHandle, StepResult, StepSpec } from "./pipeline/step.ts";
export { task } from "./pipeline/task.ts";
