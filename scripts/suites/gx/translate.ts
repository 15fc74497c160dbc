// Great Expectations' expectations in the words of Sluice: for each of its types, the call that means the same.
import { sql, identifier, type Sql } from "../../../src/dataset/sql.ts";
import type { Column } from "../../../src/dataset/dataset.ts";
import * as quality from "../../../src/quality/index.ts";

type Kwargs = Readonly<Record<string, any>>;
type Options = Parameters<typeof quality.notNull>[1];

export class Untranslatable extends Error {}

/** The expectation that means what the case says. Throws where the case's arguments are no sense. */
export function translate(type: string, kwargs: Kwargs, columns: readonly Column[]): quality.Expectation {
  const known = translations[type];
  if (known === undefined) throw new Untranslatable(`no expectation means ${type}`);
  const values = Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [name, parameterOf(value)]));
  return known(values, optionsOf(values, columns));
}

export const translations: Readonly<Record<string, (kwargs: Kwargs, options: Options) => quality.Expectation>> = {
  expect_table_row_count_to_be_between: (k, o) => quality.rowCount({ ...between(k), ...o }),
  expect_table_row_count_to_equal: (k, o) => quality.rowCount({ equals: k["value"], ...o }),
  expect_table_row_count_to_equal_other_table: (k) => quality.sameRowCount(k["other_table_name"]),
  expect_table_column_count_to_be_between: (k) => quality.columnCount(between(k)),
  expect_table_column_count_to_equal: (k) => quality.columnCount({ equals: k["value"] }),
  expect_table_columns_to_match_ordered_list: (k) => quality.columnsInOrder(k["column_list"]),
  // Whether other columns are allowed is the second argument's opposite. No set of columns asks for nothing.
  expect_table_columns_to_match_set: (k) =>
    quality.columnsAre(k["column_set"] ?? [], { others: k["column_set"] === null || k["exact_match"] === false }),
  expect_column_to_exist: (k) =>
    quality.hasColumn(k["column"], k["column_index"] === undefined ? {} : { position: k["column_index"] + 1 }),
  expect_column_values_to_be_null: (k, o) => quality.isNull(k["column"], o),
  expect_column_values_to_not_be_null: (k, o) => quality.notNull(k["column"], o),
  expect_column_proportion_of_non_null_values_to_be_between: (k, o) =>
    quality.completeness(k["column"], { ...between(k), ...o }),
  expect_column_values_to_be_of_type: (k, o) => quality.hasType(k["column"], typeName(k["type_"]), o),
  expect_column_values_to_be_in_type_list: (k, o) =>
    quality.hasType(k["column"], (k["type_list"] ?? []).map(typeName), o),
  expect_column_values_to_be_unique: (k, o) => quality.unique(k["column"], o),
  expect_column_proportion_of_unique_values_to_be_between: (k, o) =>
    quality.distinctShare(k["column"], { ...between(k), ...o }),
  expect_column_values_to_be_in_set: (k, o) => quality.oneOf(k["column"], setOf(k["value_set"]), o),
  expect_column_values_to_not_be_in_set: (k, o) => quality.noneOf(k["column"], setOf(k["value_set"]), o),
  expect_column_distinct_values_to_be_in_set: (k, o) => quality.distinctWithin(k["column"], setOf(k["value_set"]), o),
  expect_column_distinct_values_to_contain_set: (k, o) =>
    quality.distinctContains(k["column"], setOf(k["value_set"]), o),
  expect_column_distinct_values_to_equal_set: (k, o) => quality.distinctEquals(k["column"], setOf(k["value_set"]), o),
  expect_column_most_common_value_to_be_in_set: (k, o) =>
    quality.mostCommon(k["column"], setOf(k["value_set"]), { ties: k["ties_okay"] ?? false, ...o }),
  expect_column_unique_value_count_to_be_between: (k, o) => quality.distinctCount(k["column"], { ...between(k), ...o }),
  expect_column_values_to_be_between: (k, o) => quality.between(k["column"], { ...between(k), ...o }),
  expect_column_values_to_be_increasing: (k, o) =>
    quality.increasing(k["column"], { strictly: k["strictly"] ?? false, ...o }),
  expect_column_values_to_be_decreasing: (k, o) =>
    quality.decreasing(k["column"], { strictly: k["strictly"] ?? false, ...o }),
  expect_column_value_z_scores_to_be_less_than: (k, o) =>
    quality.zScores(k["column"], { below: k["threshold"], twoSided: k["double_sided"] ?? true, ...o }),
  expect_column_value_lengths_to_be_between: (k, o) => quality.lengths(k["column"], { ...between(k), ...o }),
  expect_column_value_lengths_to_equal: (k, o) => quality.lengths(k["column"], { equals: k["value"], ...o }),
  expect_column_values_to_match_regex: (k, o) => quality.matches(k["column"], pattern(k["regex"]), o),
  expect_column_values_to_not_match_regex: (k, o) => quality.notMatches(k["column"], pattern(k["regex"]), o),
  expect_column_values_to_match_regex_list: (k, o) =>
    quality.matches(k["column"], k["regex_list"].map(pattern), { match: k["match_on"] ?? "any", ...o }),
  expect_column_values_to_not_match_regex_list: (k, o) =>
    quality.notMatches(k["column"], k["regex_list"].map(pattern), o),
  expect_column_values_to_match_like_pattern: (k, o) => quality.like(k["column"], k["like_pattern"], o),
  expect_column_values_to_not_match_like_pattern: (k, o) => quality.notLike(k["column"], k["like_pattern"], o),
  expect_column_values_to_match_like_pattern_list: (k, o) =>
    quality.like(k["column"], k["like_pattern_list"], { match: k["match_on"] ?? "any", ...o }),
  expect_column_values_to_not_match_like_pattern_list: (k, o) =>
    quality.notLike(k["column"], k["like_pattern_list"], o),
  expect_column_values_to_match_strftime_format: (k, o) => quality.dateFormat(k["column"], k["strftime_format"], o),
  expect_column_values_to_be_dateutil_parseable: (k, o) => quality.readableDate(k["column"], o),
  expect_column_values_to_be_json_parseable: (k, o) => quality.validJson(k["column"], o),
  expect_column_values_to_match_json_schema: (k, o) => quality.matchesJson(k["column"], k["json_schema"], o),
  expect_column_min_to_be_between: (k, o) => quality.minimum(k["column"], { ...between(k), ...o }),
  expect_column_max_to_be_between: (k, o) => quality.maximum(k["column"], { ...between(k), ...o }),
  expect_column_mean_to_be_between: (k, o) => quality.mean(k["column"], { ...between(k), ...o }),
  expect_column_median_to_be_between: (k, o) => quality.median(k["column"], { ...between(k), ...o }),
  expect_column_sum_to_be_between: (k, o) => quality.sum(k["column"], { ...between(k), ...o }),
  expect_column_stdev_to_be_between: (k, o) => quality.standardDeviation(k["column"], { ...between(k), ...o }),
  expect_column_quantile_values_to_be_between: (k, o) => {
    const { quantiles: levels, value_ranges: ranges } = k["quantile_ranges"];
    const entries = (levels as number[]).map((level, at) => [
      level,
      between({ min_value: ranges[at][0], max_value: ranges[at][1] }),
    ]);
    return quality.quantiles(k["column"], Object.fromEntries(entries), o);
  },
  expect_column_kl_divergence_to_be_less_than: (k, o) =>
    quality.klDivergence(k["column"], k["partition_object"] === null ? null : partition(k["partition_object"]), {
      ...defined({
        max: k["threshold"],
        tailHoldout: k["tail_weight_holdout"],
        internalHoldout: k["internal_weight_holdout"],
      }),
      ...o,
    }),
  expect_column_chisquare_test_p_value_to_be_greater_than: (k, o) =>
    quality.chiSquare(k["column"], partition(k["partition_object"]) as never, {
      ...defined({ pValue: k["p"], tailHoldout: k["tail_weight_holdout"] }),
      ...o,
    }),
  expect_column_bootstrapped_ks_test_p_value_to_be_greater_than: (k, o) =>
    quality.followsBins(k["column"], partition(k["partition_object"]) as never, {
      ...defined({ pValue: k["p"], samples: k["bootstrap_samples"], sampleSize: k["bootstrap_sample_size"] }),
      ...o,
    }),
  expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than: (k, o) =>
    quality.follows(k["column"], distribution(k["distribution"], k["params"]), {
      ...defined({ pValue: k["p_value"] }),
      ...o,
    }),
  expect_column_pair_cramers_phi_value_to_be_less_than: (k, o) =>
    quality.association(k["column_A"], k["column_B"], {
      ...defined({
        max: k["threshold"],
        leftBins: k["bins_A"] ?? k["n_bins_A"],
        rightBins: k["bins_B"] ?? k["n_bins_B"],
      }),
      ...o,
    }),
  expect_column_pair_values_to_be_equal: (k, o) =>
    quality.equalColumns(k["column_A"], k["column_B"], { ...unjudged(k), ...o }),
  expect_column_pair_values_a_to_be_greater_than_b: (k, o) =>
    quality.greaterThan(k["column_A"], k["column_B"], { orEqual: k["or_equal"] ?? false, ...unjudged(k), ...o }),
  expect_column_pair_values_to_be_in_set: (k, o) =>
    quality.pairIn(k["column_A"], k["column_B"], k["value_pairs_set"], { ...unjudged(k), ...o }),
  expect_compound_columns_to_be_unique: (k, o) => quality.uniqueTogether(k["column_list"], { ...unjudged(k), ...o }),
  expect_multicolumn_sum_to_equal: (k, o) =>
    quality.sumOfColumns(k["column_list"], { equals: k["sum_total"], ...unjudged(k), ...o }),
  expect_select_column_values_to_be_unique_within_record: (k, o) =>
    quality.differentColumns(k["column_list"], { ...unjudged(k), ...o }),
  expect_multicolumn_values_to_be_unique: (k, o) =>
    quality.differentColumns(k["column_list"], { ...unjudged(k), ...o }),
  unexpected_rows_expectation: (k) => quality.noRows("unexpected rows", query(k["unexpected_rows_query"])),
  expect_query_results_to_match_comparison: (k) =>
    quality.sameResult("comparison", query(k["base_query"]), query(k["comparison_query"])),
};

function query(text: string): Sql {
  const strings = [text.replaceAll(/\{batch\}/g, "dataset")];
  return sql(Object.assign(strings, { raw: strings }));
}

function between({ min_value: min, max_value: max, strict_min: above, strict_max: below }: Kwargs) {
  return defined({ [above === true ? "above" : "min"]: min, [below === true ? "below" : "max"]: max });
}

function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], null | undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined),
  ) as never;
}

/** A missing value is never judged, so that null in a set stands for nothing. */
function setOf(values: readonly unknown[] | null): never {
  return values?.filter((value) => value !== null) as never;
}

function pattern(text: string): RegExp {
  return new RegExp(text);
}

function unjudged({ ignore_row_if: rule }: Kwargs): { unjudged?: "all" | "any" | "never" } {
  if (rule === undefined) return {};
  const rules: Readonly<Record<string, "all" | "any" | "never">> = {
    both_values_are_missing: "all",
    all_values_are_missing: "all",
    either_value_is_missing: "any",
    any_value_is_missing: "any",
    neither: "never",
    never: "never",
  };
  const known = rules[rule];
  if (known === undefined) throw new Error(`ignore_row_if is ${rule}`);
  return { unjudged: known };
}

function partition(object: Kwargs): never {
  if (object === null || typeof object !== "object") throw new Error("there is no partition");
  const { bins, values, weights, tail_weights: tails } = object;
  return defined({ bins, values, weights, tails }) as never;
}

function distribution(name: string, params: Kwargs | readonly number[]): Parameters<typeof quality.follows>[1] {
  const list = Array.isArray(params) ? (params as readonly number[]) : null;
  const get = (key: string, at: number): number | undefined =>
    list === null ? (params as Kwargs)[key] : (list[at] as number | undefined);
  switch (name) {
    case "norm":
      return { type: "normal", mean: get("mean", 0) ?? 0, deviation: get("std_dev", 1) ?? 1 };
    case "beta":
      return {
        type: "beta",
        alpha: get("alpha", 0)!,
        beta: get("beta", 1)!,
        ...defined({ start: get("loc", 2), scale: get("scale", 3) }),
      };
    case "gamma":
      return {
        type: "gamma",
        shape: get("alpha", 0)!,
        scale: get("scale", 2) ?? 1,
        ...defined({ start: get("loc", 1) }),
      };
    case "uniform":
      // What is called its greatest value is how wide it is.
      return { type: "uniform", min: get("min", 0) ?? 0, max: (get("min", 0) ?? 0) + (get("max", 1) ?? 1) };
    case "chi2":
      return {
        type: "chi-square",
        degrees: get("df", 0)!,
        ...defined({ start: get("loc", 1), scale: get("scale", 2) }),
      };
    case "expon":
      return { type: "exponential", scale: get("scale", 1) ?? 1, ...defined({ start: get("loc", 0) }) };
    default:
      throw new Error(`distribution ${name} is not known`);
  }
}

/** Names of types in pandas and in databases. */
function typeName(name: string): string {
  const names: Readonly<Record<string, string>> = {
    int: "integer",
    int64: "integer",
    float: "DOUBLE",
    float64: "DOUBLE",
    FLOAT: "DOUBLE",
    DOUBLE_PRECISION: "DOUBLE",
    NUMERIC: "DOUBLE",
    str: "text",
    string: "text",
    object: "text",
    object_: "text",
    O: "text",
    bool: "boolean",
    datetime64: "TIMESTAMP",
    Timestamp: "timestamp",
    datetime: "timestamp",
  };
  return names[name] ?? name;
}

/** What is worked out when the case runs: `now()`, `datetime(2003, 1, 1)`, less a `timedelta(weeks=52)`. */
function parameterOf(value: unknown): unknown {
  const text = (value as { $PARAMETER?: unknown } | null)?.$PARAMETER;
  if (typeof text !== "string") return value;
  const match = /^(now\(\)|datetime\(([\d, ]+)\))(?:\s*([-+])\s*timedelta\((\w+)=([\d*]+)\))?$/.exec(text.trim());
  if (match === null) throw new Untranslatable(`the parameter ${text} is not known`);
  const [year = 1970, month = 1, ...rest] = (match[2] ?? "").split(",").map(Number);
  const start = match[2] === undefined ? Date.now() : Date.UTC(year, month - 1, ...rest);
  const amount = (match[5] ?? "0").split("*").reduce((product, factor) => product * Number(factor), 1);
  const units: Readonly<Record<string, number>> = { weeks: 7 * 86_400_000, days: 86_400_000, hours: 3_600_000 };
  return new Date(start + (match[3] === "-" ? -1 : 1) * amount * (units[match[4] ?? "days"] ?? 0));
}

function optionsOf(kwargs: Kwargs, columns: readonly Column[]): NonNullable<Options> {
  const { mostly, row_condition: condition, condition_parser: parser } = kwargs;
  const options = defined({ mostly });
  if (condition === undefined || condition === null) return options;
  if (parser !== "pandas") throw new Error(`the parser ${String(parser)} is not known`);
  return { ...options, where: pandasCondition(condition, columns) };
}

/** `x!=1 & w!=6`: comparisons joined by & and |, where a missing value differs from every other, as pandas has it. */
function pandasCondition(text: string, columns: readonly Column[]): Sql {
  return text
    .split(/\s*([&|])\s*/)
    .map((part, at) => {
      if (at % 2 === 1) return part === "&" ? sql`and` : sql`or`;
      const match = /^\(*\s*(\w+)\s*(==|!=|>=|<=|>|<)\s*(?:"([^"]*)"|([-\d.]+))\s*\)*$/.exec(part.trim());
      if (match === null) throw new Untranslatable(`the condition ${part} is not known`);
      const [, name = "", operator = "", quoted, digits] = match;
      const isText = columns.find((column) => column.name === name)?.type === "VARCHAR";
      // A number is never equal to a text.
      if (quoted !== undefined && !isText) return operator === "!=" ? sql`true` : sql`false`;
      const value = quoted ?? (isText ? digits! : Number(digits));
      const column = identifier(name);
      if (operator === "==") return sql`(${column} is not distinct from ${value})`;
      if (operator === "!=") return sql`(${column} is distinct from ${value})`;
      const strings = ["(", ` ${operator} `, ")"];
      return sql(Object.assign(strings, { raw: strings }), column, value);
    })
    .reduce((all, part) => sql`${all} ${part}`);
}
