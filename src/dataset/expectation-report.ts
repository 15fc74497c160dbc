// What came of the expectations on a dataset: plain records, kept with the output of the step that judged it. Whoever
// shows or exports them needs nothing but these.
import type { Json, JsonObject } from "../json.ts";

/** The verdict on one expectation, with what was seen. */
export interface ExpectationResult {
  /** Kind of the expectation: the name of the function that made it, such as "mean". */
  readonly expectation: string;
  /** The expectation as a sentence, such as "the mean of age is between 18 and 65". */
  readonly title: string;
  /** The first column that it speaks of; null when it speaks of the dataset. */
  readonly column: string | null;
  readonly columns: readonly string[];
  /** fail: the step fails with it · warn: the step goes on. */
  readonly severity: "fail" | "warn";
  readonly success: boolean;
  /** The measured value, or the share of unexpected rows; null when there was nothing to measure. */
  readonly observed: Json;
  /** What was asked for: bounds, sets, patterns. */
  readonly expected: Json;
  /** Rows that its condition (`where`) left. */
  readonly rows?: number;
  /** Of these, the rows that were not judged because a value was missing. */
  readonly missing?: number;
  /** Of rules about single rows only: the rows that break it. */
  readonly unexpected?: UnexpectedRows;
  /** The verdict per group, where it was asked for `by` columns; groups that fail come first. */
  readonly groups?: readonly GroupResult[];
  readonly groupCount?: number;
  /** More of what was seen, as the kind of expectation has it. */
  readonly details?: Json;
  /** Why it could not be judged, where it couldn't: such an expectation has not succeeded. */
  readonly error?: string;
}

/** The rows that break a rule about single rows. */
export interface UnexpectedRows {
  readonly count: number;
  /** count / (rows - missing), 0 to 1. */
  readonly share: number;
  /** The first of them: the columns that the expectation speaks of. */
  readonly sample: readonly JsonObject[];
  /** Positions of the sample's rows in the dataset, from 1. */
  readonly records: readonly number[];
}

/** The verdict on one group of rows. */
export interface GroupResult {
  readonly group: JsonObject;
  readonly success: boolean;
  readonly observed: Json;
  readonly rows?: number;
  readonly unexpected?: number;
}

/** All verdicts on one dataset. */
export interface ExpectationReport {
  readonly kind: "expectation-report";
  /** Of the dataset that was judged. */
  readonly rows: number;
  /** How often the dataset was read for all of them together. */
  readonly scans: number;
  readonly results: readonly ExpectationResult[];
}
