// The public entry `sluice/quality`: what users write contracts and gates with.
export { contract, type Contract, type ContractOptions, type RowOf, type Verdict } from "./contract.ts";
export { checkFile, type CheckFileOptions, type FileReport } from "./check-file.ts";
export type { FormatMode, JsonSchema } from "./json-schema.ts";
export type { StandardSchema } from "./standard-schema.ts";
export { col, rule, type Literal, type Operand, type Rule, type Term } from "./expression.ts";
export { gate, type GateInput, type GateOptions, type GateReport } from "./gate.ts";
export type { Baseline } from "./drift/baseline.ts";
export { compareCounts, type CountComparison } from "./drift/compare-counts.ts";
export { compareNumbers, type NumberComparison } from "./drift/compare-numbers.ts";
export { drift, type DriftOptions } from "./drift/drift.ts";
export type { ColumnDrift, DriftBin, DriftMeasure, DriftReport, DriftVerdict } from "./drift/result.ts";
export type { Issue } from "./issue.ts";
export { mergeProfiles } from "./profile/merge-profiles.ts";
export { distinctValues, type ColumnProfile, type Profile } from "./profile/profile.ts";
export { timestamp, type TimestampOptions } from "./timestamp.ts";
export { validate, type ValidateOptions } from "./validate.ts";
export type {
  ExpectationReport,
  ExpectationResult,
  GroupResult,
  UnexpectedRows,
} from "../dataset/expectation-report.ts";
export {
  completeness,
  distinctCount,
  distinctShare,
  maximum,
  mean,
  measure,
  median,
  minimum,
  mostCommon,
  quantiles,
  standardDeviation,
  sum,
} from "./expectations/aggregate-rules.ts";
export type { Bound, Bounds } from "./expectations/bounds.ts";
export { expect, type ExpectOptions } from "./expectations/expect.ts";
export type { UsualOptions } from "./expectations/anomaly.ts";
export { columnsUnchanged, freshness, usual } from "./expectations/history-rules.ts";
export { chiSquare, klDivergence } from "./expectations/distribution-rules.ts";
export type {
  Condition,
  Expectation,
  ExpectationOptions,
  RowOptions,
  ScopeOptions,
} from "./expectations/expectation.ts";
export { custom, noRows, references, sameResult } from "./expectations/query-rules.ts";
export {
  differentColumns,
  equalColumns,
  greaterThan,
  pairIn,
  satisfies,
  sumOfColumns,
  uniqueTogether,
} from "./expectations/row-rules.ts";
export { association, follows, followsBins } from "./expectations/sample-rules.ts";
export { distinctContains, distinctEquals, distinctWithin } from "./expectations/set-rules.ts";
export {
  columnCount,
  columnsAre,
  columnsInOrder,
  hasColumn,
  rowCount,
  sameRowCount,
} from "./expectations/table-rules.ts";
export {
  dateFormat,
  lengths,
  like,
  matches,
  matchesJson,
  notLike,
  notMatches,
  readableDate,
  validJson,
} from "./expectations/text-rules.ts";
export {
  between,
  decreasing,
  hasType,
  increasing,
  isNull,
  noneOf,
  notNull,
  oneOf,
  unique,
  zScores,
} from "./expectations/value-rules.ts";
