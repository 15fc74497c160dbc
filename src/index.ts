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
export { extract, type ExtractOptions } from "./connect/extract.ts";
export { load, type LoadOptions } from "./connect/load.ts";
export type { Column, Dataset } from "./dataset/dataset.ts";
export type { LoadResult } from "./dataset/load-result.ts";
export { identifier, sql, type Identifier, type Sql, type SqlValue } from "./dataset/sql.ts";
export { map, type MapContext, type MapOptions, type RowsOptions } from "./dataset/map.ts";
export { transform } from "./dataset/transform.ts";
export { union, type UnionOptions } from "./dataset/union.ts";
export { errorCodes, isSluiceError, SluiceError, type ErrorCode, type ErrorOptions } from "./errors.ts";
export type { DescribedHook, Hook, HookContext, HookEvent, HookFunction, HookNotice, HookOptions } from "./hook.ts";
export type { Json } from "./json.ts";
export type { Duration } from "./pipeline/duration.ts";
export { approval, type Approval, type ApprovalOptions } from "./pipeline/approval.ts";
export { branch, type Choice } from "./pipeline/branch.ts";
export type { GroupContext, GroupFunction, StepFunction } from "./pipeline/builder.ts";
export type { ByteSize } from "./pipeline/byte-size.ts";
export type { Inputs, OutputsOf } from "./pipeline/inputs.ts";
export type { ParamsSchema } from "./pipeline/params.ts";
export { combine, dynamicPartitions, staticPartitions } from "./pipeline/partition-key.ts";
export type {
  CombinedPartitions,
  DynamicPartitions,
  Partition,
  PartitionOf,
  Partitions,
  StaticPartitions,
  TimePartition,
  TimePartitions,
} from "./pipeline/partition.ts";
export { pipeline, type BuildContext, type Pipeline, type PipelineOptions } from "./pipeline/pipeline.ts";
export type { TriggerRule } from "./pipeline/plan.ts";
export type { RetryOptions, RetryVerdict, StepRetryOptions } from "./pipeline/retry.ts";
export { all, any, type ScheduleOptions, type Updates } from "./pipeline/schedule.ts";
export { sensor, type SensorOptions } from "./pipeline/sensor.ts";
export { shortCircuit } from "./pipeline/short-circuit.ts";
export type { After, GroupOptions, SharedStepOptions, StepOptions } from "./pipeline/step-options.ts";
export type { RowCounts, StepContext, StepHandle, StepResult, StepSpec } from "./pipeline/step.ts";
export { task } from "./pipeline/task.ts";
export {
  daily,
  hourly,
  monthly,
  timeWindows,
  weekly,
  type DailyOptions,
  type TimeOptions,
  type TimeWindowOptions,
} from "./pipeline/time-partitions.ts";
export { waitFor, type AwaitedRun, type WaitForOptions } from "./pipeline/wait-for.ts";
export { when, type Condition } from "./pipeline/when.ts";
