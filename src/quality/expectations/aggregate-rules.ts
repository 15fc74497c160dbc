// Expectations about a value that is measured over a column: sums, means, quantiles, extremes, shares.
import { inlineSql, isSql, type Sql } from "../../dataset/sql.ts";
import {
  type Bound,
  type Bounds,
  boundsSql,
  boundsText,
  roundedBoundsSql,
  checkBounds,
  describeBounds,
  describeValue,
} from "./bounds.ts";
import type { Aggregate, Check } from "./check.ts";
import {
  commonOptions,
  type Expectation,
  makeExpectation,
  refuseDefinition,
  type ScopeOptions,
} from "./expectation.ts";
import { measured, plainValue } from "./measure.ts";
import type { Table } from "./table.ts";

interface Kind {
  readonly name: string;
  /** "the mean of". */
  readonly words: string;
  readonly aggregate: (value: string) => Aggregate;
}

function numberRule({ name, words, aggregate }: Kind): NumberRule {
  return (column: string, bounds: Bounds & ScopeOptions = {}): Expectation => {
    checkBounds(name, bounds);
    return makeExpectation({
      name,
      columns: [column],
      title: `${words} ${column} is ${boundsText(bounds)}`,
      expected: describeBounds(bounds),
      options: commonOptions(bounds),
      check: (table) => measured(aggregate(numberCell(table, column)), (value) => roundedBoundsSql(value, bounds)),
    });
  };
}

/** true and false count as 1 and 0. */
function numberCell(table: Table, column: string): string {
  return table.classOf(column) === "truth"
    ? `CAST(${table.cell(column)} AS INTEGER)`
    : table.need(column, "number", "truth");
}

type NumberRule = (column: string, bounds?: Bounds & ScopeOptions) => Expectation;

/**
 * The mean of the values that are there is within bounds; of booleans it is the share of true.
 *
 * ```ts
 * import { mean } from "sluice/quality";
 * mean("age", { min: 18, max: 65 })
 * ```
 */
export const mean: NumberRule = numberRule({
  name: "mean",
  words: "the mean of",
  aggregate: (value) => (filter) => `avg(${value})${filter}`,
});

/** The median is within bounds; of an even number of values it is the mean of the two in the middle. */
export const median: NumberRule = numberRule({
  name: "median",
  words: "the median of",
  aggregate: (value) => (filter) => `quantile_cont(CAST(${value} AS DOUBLE), 0.5)${filter}`,
});

/** The sum is within bounds. */
export const sum: NumberRule = numberRule({
  name: "sum",
  words: "the sum of",
  aggregate: (value) => (filter) => `sum(${value})${filter}`,
});

/** The standard deviation of the sample (n - 1) is within bounds; of fewer than two values there is none. */
export const standardDeviation: NumberRule = numberRule({
  name: "standardDeviation",
  words: "the standard deviation of",
  aggregate: (value) => (filter) => `stddev_samp(CAST(${value} AS DOUBLE))${filter}`,
});

function extreme(name: "minimum" | "maximum", words: string, sqlName: "min" | "max"): ExtremeRule {
  return (column: string, bounds: Bounds<Bound> & ScopeOptions = {}): Expectation => {
    checkBounds(name, bounds, { any: true });
    return makeExpectation({
      name,
      columns: [column],
      title: `${words} ${column} is ${boundsText(bounds)}`,
      expected: describeBounds(bounds),
      options: commonOptions(bounds),
      check: (table) => {
        const cell = table.cell(column);
        return measured(
          (filter) => `${sqlName}(${cell})${filter}`,
          (value) => boundsSql(value, bounds, table.typeOf(column), table.classOf(column)),
          table.classOf(column),
        );
      },
    });
  };
}

type ExtremeRule = (column: string, bounds?: Bounds<Bound> & ScopeOptions) => Expectation;

/** The least value is within bounds: a number, a text (by code point) or a time. */
export const minimum: ExtremeRule = extreme("minimum", "the least", "min");

/** The greatest value is within bounds: a number, a text (by code point) or a time. */
export const maximum: ExtremeRule = extreme("maximum", "the greatest", "max");

/** The share of values that are there, 0 to 1, is within bounds. */
export function completeness(column: string, bounds: Bounds & ScopeOptions = {}): Expectation {
  checkBounds("completeness", bounds, { shares: true });
  return makeExpectation({
    name: "completeness",
    columns: [column],
    title: `the share of values that ${column} has is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: (table) => {
      const cell = table.cell(column);
      return measured(
        (filter) => `(count(${cell})${filter} / nullif(count(*)${filter}, 0))`,
        (value) => boundsSql(value, bounds, "DOUBLE", "number"),
      );
    },
  });
}

/** The number of distinct values is within bounds. */
export function distinctCount(column: string, bounds: Bounds & ScopeOptions = {}): Expectation {
  checkBounds("distinctCount", bounds, { counts: true });
  return makeExpectation({
    name: "distinctCount",
    columns: [column],
    title: `the number of distinct values of ${column} is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: (table) => {
      const cell = table.cell(column);
      return measured(
        (filter, distinct) => distinct(cell, filter),
        (value) => boundsSql(value, bounds, "BIGINT", "number"),
      );
    },
  });
}

/** The number of distinct values, as a share of the values that are there, is within bounds. */
export function distinctShare(column: string, bounds: Bounds & ScopeOptions = {}): Expectation {
  checkBounds("distinctShare", bounds, { shares: true });
  return makeExpectation({
    name: "distinctShare",
    columns: [column],
    title: `the share of distinct values of ${column} is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: (table) => {
      const cell = table.cell(column);
      return measured(
        (filter, distinct) => `(${distinct(cell, filter)} / nullif(count(${cell})${filter}, 0))`,
        (value) => boundsSql(value, bounds, "DOUBLE", "number"),
      );
    },
  });
}

/**
 * Quantiles are within bounds; between two values they are interpolated (type 7 of Hyndman and Fan, as R and NumPy do).
 *
 * ```ts
 * quantiles("amount", { 0.5: { min: 10, max: 50 }, 0.99: { max: 1000 } })
 * ```
 */
export function quantiles(
  column: string,
  bounds: Readonly<Record<number, Bounds>>,
  options: ScopeOptions = {},
): Expectation {
  const entries = Object.entries(bounds)
    .map(([level, limits]): [number, Bounds] => [Number(level), limits])
    .sort(([a], [b]) => a - b);
  if (entries.length === 0) refuseDefinition("quantiles", "there is no quantile", "Write { 0.5: { min: 10 } }.");
  for (const [level, limits] of entries) {
    if (!(level >= 0 && level <= 1)) refuseDefinition("quantiles", `${level} is no quantile`, "It is from 0 to 1.");
    checkBounds("quantiles", limits);
  }
  const levels = entries.map(([level]) => level);
  return makeExpectation({
    name: "quantiles",
    columns: [column],
    title: entries.map(([level, limits]) => `the ${level} quantile of ${column} is ${boundsText(limits)}`).join(", "),
    expected: Object.fromEntries(entries.map(([level, limits]) => [level, describeBounds(limits)])),
    measures: levels,
    options,
    check: (table): Check => {
      const value = `CAST(${table.need(column, "number")} AS DOUBLE)`;
      const all = (filter: string): string => `quantile_cont(${value}, [${levels.join(", ")}])${filter}`;
      const verdict: Aggregate = (filter) =>
        entries
          .map(([, limits], at) => boundsSql(`(${all(filter)})[${at + 1}]`, limits, "DOUBLE", "number"))
          .join(" AND ");
      return {
        type: "measure",
        aggregates: [all, verdict],
        judge: ([values, holds]) => ({
          success: holds === true,
          observed:
            values === null
              ? null
              : Object.fromEntries((values as unknown[]).map((item, at) => [String(levels[at]), plainValue(item)])),
        }),
      };
    },
  });
}

/**
 * An aggregate in SQL of your own is within bounds.
 *
 * ```ts
 * measure("revenue", sql`sum(quantity * unit_price)`, { min: 0 })
 * ```
 */
export function measure(name: string, aggregate: Sql, bounds: Bounds<Bound> & ScopeOptions = {}): Expectation {
  checkBounds("measure", bounds, { any: true });
  if (!isSql(aggregate)) refuseDefinition("measure", "there is no query", "Write measure(name, sql`sum(…)`, { … }).");
  const text = `(${inlineSql(aggregate)})`;
  return makeExpectation({
    name: "measure",
    columns: [],
    title: `${name} is ${boundsText(bounds)}`,
    expected: { name, sql: inlineSql(aggregate), ...describeBounds(bounds) },
    measures: name,
    options: commonOptions(bounds),
    check: () => ({
      ...measured(
        () => text,
        (value) => {
          const kinds = Object.values(describeBounds(bounds));
          const found = kinds.some((bound) => typeof bound === "string") ? "text" : "number";
          return boundsSql(value, bounds, "VARCHAR", found);
        },
      ),
      ownScan: true,
    }),
  });
}

/**
 * The most frequent value is one of these; where several are equally frequent, there is none, unless
 * `ties` lets one of them do.
 */
export function mostCommon(
  column: string,
  values: readonly Bound[],
  options: ScopeOptions & { readonly ties?: boolean } = {},
): Expectation {
  const ties = options.ties ?? false;
  if (!Array.isArray(values)) refuseDefinition("mostCommon", "there is no list of values", 'Write ["a", "b"].');
  return makeExpectation({
    name: "mostCommon",
    columns: [column],
    title: `the most common value of ${column} is one of ${values.map((value) => String(describeValue(value))).join(", ")}`,
    expected: { values: values.map(describeValue), ties },
    options: commonOptions(options),
    check: (table) => {
      const wanted = new Set(values.map((value) => JSON.stringify(describeValue(value))));
      return {
        type: "counts",
        value: table.cell(column),
        found: table.classOf(column),
        judge: (counts) => {
          const most = Math.max(...counts.map(({ count }) => count));
          const found = counts.filter(({ count }) => count === most).map(({ value }) => value);
          const inside = found.filter((value) => wanted.has(JSON.stringify(value))).length;
          // A tie that is not allowed has no most common value.
          const success = ties ? inside > 0 : found.length > 0 && inside === found.length && found.length === 1;
          return { success, observed: found };
        },
      };
    },
  });
}
