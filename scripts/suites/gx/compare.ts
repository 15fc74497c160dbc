// What a case expects against what Sluice found, in Great Expectations' words.
import type { ExpectationResult } from "../../../src/dataset/expectation-report.ts";
import type { GxTest } from "./cases.ts";

type Found = Readonly<Record<string, unknown>>;

/** The first thing that is not as the case says; null where all is. */
export function difference(type: string, test: GxTest, result: ExpectationResult): string | null {
  const found = inTheirWords(type, test, result);
  const expected = { ...test.out, ...(test.out["result"] as object | undefined) };
  for (const [key, value] of Object.entries(expected)) {
    const reason = compareKey(key, value, found, test.tolerance);
    if (reason !== null) return reason;
  }
  return null;
}

const unordered = new Set(["unexpected_list", "unexpected_index_list", "partial_unexpected_list"]);

function compareKey(key: string, value: unknown, found: Found, tolerance: number | undefined): string | null {
  if (key === "result" || key === "meta" || key === "value_counts") return null;
  const edge = /^observed_cdf_x_(0|-1)_(lt|gt|eq)$/.exec(key);
  if (edge !== null) {
    const edges = (found["observed_partition"] as { bins: number[] }).bins;
    const at = edges.at(Number(edge[1]))!;
    const holds = edge[2] === "lt" ? at < Number(value) : edge[2] === "gt" ? at > Number(value) : at === value;
    return holds ? null : `${key}: ${at}, not ${String(value)}`;
  }
  if (key === "details") {
    for (const [name, item] of Object.entries(value as object)) {
      // A remark of its own about types, and a curve that the weights say already.
      if (["partial_unexpected_counts_error", "observed_cdf", "expected_cdf"].includes(name)) continue;
      const reason = compareKey(name, item, found, tolerance);
      if (reason !== null) return reason;
    }
    return null;
  }
  if (key === "observed_value_list") {
    return (value as unknown[]).includes(found["observed_value"]) ? null : `observed ${text(found["observed_value"])}`;
  }
  if (!(key in found)) return `${key} is not known`;
  if (key === "missing_count" || key === "missing_percent") {
    if (value === null || found[key] === null) return null;
  }
  const same = unordered.has(key) ? sameItems(value, found[key]) : equal(value, found[key], tolerance);
  return same ? null : `${key}: ${text(found[key])}, not ${text(value)}`;
}

function text(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 200) ?? "nothing";
}

function sameItems(wanted: unknown, found: unknown): boolean {
  if (!Array.isArray(wanted) || !Array.isArray(found) || wanted.length !== found.length) return false;
  const rest = [...(found as unknown[])];
  return wanted.every((item) => {
    const at = rest.findIndex((other) => equal(item, other, undefined));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
}

/** Equal, numbers to seven digits or to the case's own tolerance, times however they are written. */
function equal(a: unknown, b: unknown, tolerance: number | undefined): boolean {
  if (typeof a === "number" && typeof b === "number")
    return a === b || Math.abs(a - b) <= (tolerance ?? 1e-7 * Math.abs(a) + 1e-12);
  if (typeof a === "string" && typeof b === "string") return a === b || time(a) === time(b);
  // A column of texts has numbers as texts.
  if (typeof a === "number" && typeof b === "string") return String(a) === b;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => equal(item, b[at], tolerance));
  if (typeof a === "object" && a !== null && typeof b === "object" && b !== null) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => equal((a as Found)[key], (b as Found)[key], tolerance));
  }
  return a === b;
}

function time(value: string): string {
  return value.replace("T", " ").replace(/(?:\.0+)?(?:Z|\+00)?$/, "");
}

function inTheirWords(type: string, test: GxTest, result: ExpectationResult): Found {
  const { unexpected, rows, missing } = result;
  const count = unexpected?.count ?? 0;
  const judged = (rows ?? 0) - (missing ?? 0);
  const sample = unexpected?.sample ?? [];
  const columns = result.columns;
  const values = sample.map((row) => {
    if (columns.length === 1) return row[columns[0]!];
    return type.includes("_pair_") ? columns.map((column) => row[column]) : row;
  });
  const counts =
    unexpected === undefined
      ? { element_count: rows ?? null, missing_count: null, missing_percent: null }
      : {
          element_count: rows,
          missing_count: missing,
          missing_percent: rows === 0 ? null : ((missing ?? 0) / (rows ?? 1)) * 100,
          unexpected_count: count,
          unexpected_percent: judged === 0 ? null : (count / judged) * 100,
          unexpected_percent_nonmissing: judged === 0 ? null : (count / judged) * 100,
          unexpected_percent_total: rows === 0 ? null : (count / (rows ?? 1)) * 100,
        };
  return {
    success: result.success,
    ...counts,
    ...(rows === undefined && unexpected === undefined ? { element_count: null } : {}),
    unexpected_list: values,
    partial_unexpected_list: values,
    unexpected_index_list: sample.map((row, at) => ({ ...row, pk_index: (unexpected?.records[at] ?? 0) - 1 })),
    observed_value: observedOf(type, test, result),
    ...detailsOf(result),
  };
}

function observedOf(type: string, { in: kwargs }: GxTest, { observed, details }: ExpectationResult): unknown {
  if (type === "expect_table_row_count_to_equal_other_table") {
    const { rows, ...other } = observed as { rows: number };
    return { self: rows, other: Object.values(other)[0] };
  }
  if (type === "unexpected_rows_expectation") return `${String(observed)} unexpected row${observed === 1 ? "" : "s"}`;
  if (type === "expect_column_quantile_values_to_be_between") {
    const levels = (kwargs["quantile_ranges"] as { quantiles: number[] }).quantiles;
    return { quantiles: levels, values: levels.map((level) => (observed as Record<string, number> | null)?.[level]) };
  }
  if (type.endsWith("_of_type")) return typeNames[observed as string] ?? observed;
  if (type === "expect_column_pair_cramers_phi_value_to_be_less_than" && observed === null) return null;
  void details;
  return observed;
}

/** What pandas calls the types. */
const typeNames: Readonly<Record<string, string>> = {
  VARCHAR: "object_",
  "TIMESTAMP WITH TIME ZONE": "DatetimeTZDtypeType",
  BIGINT: "int64",
  DOUBLE: "float64",
};

interface Weights {
  readonly bins?: readonly number[];
  readonly values?: readonly unknown[];
  readonly weights: readonly number[];
  readonly tails?: readonly number[];
}

function detailsOf({ details }: ExpectationResult): Found {
  const found = (details ?? {}) as {
    observed?: Weights;
    expected?: Weights;
    samples?: number;
    sampleSize?: number;
    missing?: string[];
    unexpected?: string[];
  };
  const partition = (weights: Weights | undefined): object | undefined => {
    if (weights === undefined) return undefined;
    const { tails, ...rest } = weights;
    return tails === undefined ? rest : { ...rest, tail_weights: tails };
  };
  return {
    observed_partition: partition(found.observed),
    expected_partition: partition(found.expected),
    bootstrap_samples: found.samples,
    bootstrap_sample_size: found.sampleSize,
    mismatched: {
      ...(found.unexpected === undefined ? {} : { unexpected: found.unexpected }),
      ...(found.missing === undefined ? {} : { missing: found.missing }),
    },
  };
}
