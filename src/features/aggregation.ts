// What a feature can be: an aggregation over an entity's events, a pivot of one, or a ratio of two. Plain data;
// what each means over no events is said here, and tile-sql.ts, merge.ts and offline-features.ts keep to it.
import { isSql, type Sql } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";

/** A column by its name, or an SQL expression over the columns of one row. NaN and infinities count as null. */
export type Input = string | Sql;

/** The last so many complete local days. */
export interface Window {
  readonly kind: "sluice.window";
  readonly days: number;
}

/** Which events a feature counts. */
export interface AggregationOptions {
  /** Only events for which this condition holds. */
  readonly where?: Sql;
  /** Only events of these days. @default all days */
  readonly window?: Window;
}

export type AggregationFunction = "count" | "countDistinct" | "sum" | "mean" | "min" | "max" | "activeDays";

/** A feature that sums up events, as plain data. */
export interface Aggregation {
  readonly kind: "sluice.aggregation";
  readonly function: AggregationFunction;
  /** Null where events themselves are counted. */
  readonly input: Input | null;
  readonly where: Sql | null;
  readonly window: Window | null;
}

/** One feature divided by another of the same view; null where the divisor is zero or null. */
export interface Ratio {
  readonly kind: "sluice.ratio";
  readonly numerator: string;
  readonly denominator: string;
}

/** One feature per value, and one for all others: `<name>_<value>`, `<name>_other`. */
export interface Pivot {
  readonly kind: "sluice.pivot";
  readonly of: Aggregation;
  readonly by: Input;
  readonly values: readonly string[];
}

/** What a feature view computes: an aggregation, a ratio of two, or one per value of a column. */
export type Feature = Aggregation | Ratio | Pivot;

/** A window of `count` complete local days, ending with the last one that is over: `days(7)`. */
export function days(count: number): Window {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new SluiceError("DEFINITION_INVALID", `A window can't be ${String(count)} days long`, {
      hint: "Give a positive whole number of days, such as days(7).",
    });
  }
  return Object.freeze({ kind: "sluice.window", days: count });
}

/** The number of events, or of those in which the input isn't null; 0 when there is none. */
export function count(options?: AggregationOptions): Aggregation;
export function count(input: Input, options?: AggregationOptions): Aggregation;
export function count(first?: Input | AggregationOptions, second?: AggregationOptions): Aggregation {
  const counted = typeof first === "string" || isSql(first);
  return aggregation("count", counted ? first : null, counted ? second : first);
}

/** The exact number of different values, compared as text; nulls don't count; 0 when there is none. */
export function countDistinct(input: Input, options?: AggregationOptions): Aggregation {
  return aggregation("countDistinct", input, options);
}

/**
 * The sum, exact: each value is rounded to 6 decimals, and the sum is below 10^32. 0 when there is nothing to add,
 * unlike SQL's null: a known customer's 7-day revenue without orders is 0.
 */
export function sum(input: Input, options?: AggregationOptions): Aggregation {
  return aggregation("sum", input, options);
}

/** The exact sum by the number of values that aren't null; null when there is none. */
export function mean(input: Input, options?: AggregationOptions): Aggregation {
  return aggregation("mean", input, options);
}

/** The smallest value: a number, a text (by code points), a date or an instant; null when there is none. */
export function min(input: Input, options?: AggregationOptions): Aggregation {
  return aggregation("min", input, options);
}

/** The largest value, of the types that `min` takes; null when there is none. */
export function max(input: Input, options?: AggregationOptions): Aggregation {
  return aggregation("max", input, options);
}

/** The number of local days with at least one event; 0 when there is none. */
export function activeDays(options?: AggregationOptions): Aggregation {
  return aggregation("activeDays", null, options);
}

/** One feature of the view by another, both numbers; null when either is null or the denominator is 0. */
export function ratio(numerator: string, denominator: string): Ratio {
  return Object.freeze({ kind: "sluice.ratio", numerator, denominator });
}

/**
 * One feature per value of `by`, named `<feature>_<value>`. Events whose value isn't listed, or is null, go to
 * `<feature>_other`, which is always there: the parts of a sum or a count add up to the whole.
 */
export function pivot(of: Aggregation, options: { readonly by: Input; readonly values: readonly string[] }): Pivot {
  return Object.freeze({ kind: "sluice.pivot", of, by: options.by, values: Object.freeze([...options.values]) });
}

/** Where a pivot puts what isn't listed. */
export const pivotRest = "other";

/** The values of a pivot, the rest included, each once. */
export function pivotValues(feature: Pivot): readonly string[] {
  return [...new Set([...feature.values, pivotRest])];
}

function aggregation(name: AggregationFunction, input: Input | null, options: AggregationOptions = {}): Aggregation {
  return Object.freeze({
    kind: "sluice.aggregation",
    function: name,
    input,
    where: options.where ?? null,
    window: options.window ?? null,
  });
}
