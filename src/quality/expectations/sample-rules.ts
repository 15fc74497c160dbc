// Expectations that need all values of a column, sorted, or all pairs of values of two: tests of fit and association.
import type { Json } from "../../json.ts";
import type { Finding, ValueCount } from "./check.ts";
import { checkPValue, type TestOptions } from "./distribution-rules.ts";
import {
  commonOptions,
  type Expectation,
  makeExpectation,
  refuseDefinition,
  type ScopeOptions,
} from "./expectation.ts";
import { type BinnedPartition, checkPartition, describePartition, isBinned, partitionCdf } from "./partition.ts";
import { betaI, gammaP, kolmogorovDistance, kolmogorovP, normalCdf, seeded, total } from "./probability.ts";

/** A distribution by name and parameters. */
export type Distribution =
  | { readonly type: "normal"; readonly mean: number; readonly deviation: number }
  | { readonly type: "uniform"; readonly min: number; readonly max: number }
  | { readonly type: "exponential"; readonly start?: number; readonly scale: number }
  | { readonly type: "gamma"; readonly shape: number; readonly start?: number; readonly scale: number }
  | { readonly type: "chi-square"; readonly degrees: number; readonly start?: number; readonly scale?: number }
  | {
      readonly type: "beta";
      readonly alpha: number;
      readonly beta: number;
      readonly start?: number;
      readonly scale?: number;
    };

function cdfOf(distribution: Distribution): (x: number) => number {
  switch (distribution.type) {
    case "normal":
      return (x) => normalCdf((x - distribution.mean) / distribution.deviation);
    case "uniform":
      return (x) => Math.min(1, Math.max(0, (x - distribution.min) / (distribution.max - distribution.min)));
    case "exponential":
      return (x) => 1 - Math.exp(-Math.max(0, (x - (distribution.start ?? 0)) / distribution.scale));
    case "gamma":
      return (x) => gammaP(distribution.shape, (x - (distribution.start ?? 0)) / distribution.scale);
    case "chi-square":
      return (x) => gammaP(distribution.degrees / 2, (x - (distribution.start ?? 0)) / (distribution.scale ?? 1) / 2);
    case "beta":
      return (x) =>
        betaI((x - (distribution.start ?? 0)) / (distribution.scale ?? 1), distribution.alpha, distribution.beta);
  }
}

/**
 * The Kolmogorov-Smirnov test does not reject that the column comes from this distribution, whose parameters must not
 * have been estimated from the same rows.
 *
 * ```ts
 * follows("wait", { type: "exponential", scale: 30 }, { pValue: 0.01 })
 * ```
 */
export function follows(column: string, distribution: Distribution, options: TestOptions = {}): Expectation {
  const { pValue = 0.05 } = options;
  checkPValue("follows", pValue);
  const { type, ...parameters } = distribution;
  if (Object.values(parameters).some((value) => !Number.isFinite(value)))
    refuseDefinition("follows", `a parameter of ${type} is not a number`, "Give it numbers.");
  return makeExpectation({
    name: "follows",
    columns: [column],
    title: `${column} follows a ${type} distribution (Kolmogorov-Smirnov, p at least ${pValue})`,
    expected: { distribution: { type, ...parameters } as Json, pValue },
    options: commonOptions(options),
    check: (table) => ({
      type: "sorted",
      value: table.need(column, "number"),
      judge: (sorted) => {
        if (sorted.length === 0) return { success: false, observed: null };
        const distance = kolmogorovDistance(sorted, cdfOf(distribution));
        const p = kolmogorovP(distance, sorted.length);
        return { success: p >= pValue, observed: p, details: { distance, n: sorted.length } };
      },
    }),
  });
}

export interface ResampleOptions extends TestOptions {
  /** Values drawn for each test: the fewer, the larger a difference must be to be seen. @default two per bin */
  readonly sampleSize?: number;
  /** Tests. @default 1000 */
  readonly samples?: number;
}

/**
 * Most small samples of the column pass the Kolmogorov-Smirnov test against binned weights: the share of them that does
 * is above `pValue`. Small samples see large differences only, whatever the number of rows. The samples are the same
 * whenever the rows are.
 */
export function followsBins(column: string, partition: BinnedPartition, options: ResampleOptions = {}): Expectation {
  const { pValue = 0.05, samples = 1000 } = options;
  checkPartition("followsBins", partition);
  checkPValue("followsBins", pValue);
  if (!isBinned(partition)) refuseDefinition("followsBins", "values are given", "Give it { bins, weights }.");
  if (partition.tails !== undefined || !partition.bins.every(Number.isFinite))
    refuseDefinition("followsBins", "the partition has tails", "Its bins must hold everything that is expected.");
  const size = options.sampleSize ?? partition.weights.length * 2;
  return makeExpectation({
    name: "followsBins",
    columns: [column],
    title: `small samples of ${column} are spread as expected (Kolmogorov-Smirnov)`,
    expected: { partition: describePartition(partition), pValue, samples, sampleSize: size },
    options: commonOptions(options),
    check: (table) => ({
      type: "sorted",
      value: table.need(column, "number"),
      judge: (sorted) => resample(sorted, partition, { pValue, samples, size }),
    }),
  });
}

function resample(
  sorted: Float64Array,
  partition: BinnedPartition,
  { pValue, samples, size }: { readonly pValue: number; readonly samples: number; readonly size: number },
): Finding {
  if (sorted.length === 0) return { success: false, observed: null };
  const cdf = partitionCdf(partition);
  const random = seeded(sorted.length);
  let passed = 0;
  for (let round = 0; round < samples; round += 1) {
    const drawn = Float64Array.from({ length: size }, () => sorted[Math.floor(random() * sorted.length)]!).sort();
    if (kolmogorovP(kolmogorovDistance(drawn, cdf), size) >= pValue) passed += 1;
  }
  const share = (1 + passed) / (samples + 1);
  const observed = observedBins(sorted, partition);
  return {
    success: share > pValue,
    observed: share,
    details: { samples, sampleSize: size, observed, expected: { bins: partition.bins, weights: partition.weights } },
  };
}

/** Weights of the rows in the bins, and in one more on each side where there are rows beyond. */
function observedBins(sorted: Float64Array, { bins }: BinnedPartition): { bins: number[]; weights: number[] } {
  const counts = bins.slice(1).map(() => 0);
  let [below, above, bin] = [0, 0, 0];
  for (const value of sorted) {
    if (value < bins[0]!) below += 1;
    else if (value > bins.at(-1)!) above += 1;
    else {
      while (bin < counts.length - 1 && value >= bins[bin + 1]!) bin += 1;
      counts[bin]! += 1;
    }
  }
  const n = sorted.length;
  return {
    bins: [...(below > 0 ? [sorted[0]!] : []), ...bins, ...(above > 0 ? [sorted[n - 1]!] : [])],
    weights: [...(below > 0 ? [below] : []), ...counts, ...(above > 0 ? [above] : [])].map((count) => count / n),
  };
}

type Binning = number | readonly (readonly (string | number)[])[];

export interface AssociationOptions extends ScopeOptions {
  /** The most it may be, 0 to 1. @default 0.1 */
  readonly max?: number;
  /** Into how many bins the first column is put, or its values in groups. Numbers get bins of equal width. @default 10 */
  readonly leftBins?: Binning;
  readonly rightBins?: Binning;
}

/** The association between two columns, as Cramér's V from 0 (none) to 1 (one tells the other), is at most `max`. */
export function association(left: string, right: string, options: AssociationOptions = {}): Expectation {
  const { max = 0.1, leftBins = 10, rightBins = 10 } = options;
  if (!(max >= 0 && max <= 1)) refuseDefinition("association", `max is ${String(max)}`, "It is from 0 to 1.");
  return makeExpectation({
    name: "association",
    columns: [left, right],
    title: `the association of ${left} and ${right} is at most ${max}`,
    expected: { max, leftBins: leftBins as Json, rightBins: rightBins as Json },
    options: commonOptions(options),
    check: (table) => {
      const isNumber = [left, right].map((column) => table.classOf(column) === "number");
      const cells = [left, right].map((column, at) =>
        isNumber[at] === true ? `CAST(${table.cell(column)} AS DOUBLE)` : table.cell(column),
      );
      return {
        type: "counts",
        value: `struct_pack(a := ${cells[0]}, b := ${cells[1]})`,
        found: "nested",
        judge: (counts) => {
          const value = cramersV(counts, [leftBins, rightBins]);
          return { success: value !== null && value <= max, observed: value };
        },
      };
    },
  });
}

function cramersV(counts: readonly ValueCount[], binnings: readonly [Binning, Binning]): number | null {
  const pairs = counts.map(({ value, count }) => ({ ...(value as { a: Json; b: Json }), count }));
  const [labelA, labelB] = [
    labeller(
      pairs.map(({ a, count }) => ({ value: a, count })),
      binnings[0],
    ),
    labeller(
      pairs.map(({ b, count }) => ({ value: b, count })),
      binnings[1],
    ),
  ];
  const cells = new Map<string, number>();
  const [rows, columns] = [new Map<string, number>(), new Map<string, number>()];
  const add = (into: Map<string, number>, key: string, count: number): void =>
    void into.set(key, (into.get(key) ?? 0) + count);
  for (const { a, b, count } of pairs) {
    const [row, column] = [labelA(a), labelB(b)];
    add(cells, JSON.stringify([row, column]), count);
    add(rows, row, count);
    add(columns, column, count);
  }
  const n = total([...rows.values()]);
  const smaller = Math.min(rows.size, columns.size) - 1;
  if (n === 0 || smaller < 1) return null;
  let statistic = 0;
  for (const [row, inRow] of rows) {
    for (const [column, inColumn] of columns) {
      const expected = (inRow * inColumn) / n;
      statistic += ((cells.get(JSON.stringify([row, column])) ?? 0) - expected) ** 2 / expected;
    }
  }
  return Math.min(1, Math.sqrt(statistic / n / smaller));
}

/** In which bin a value falls. A missing value is a bin of its own. */
function labeller(values: readonly ValueCount[], binning: Binning): (value: Json) => string {
  const missing = "(missing)";
  if (typeof binning !== "number") {
    const group = new Map(binning.flatMap((items, at) => items.map((item) => [JSON.stringify(item), `group ${at}`])));
    return (value) => (value === null ? missing : (group.get(JSON.stringify(value)) ?? JSON.stringify(value)));
  }
  const tally = new Map<string, number>();
  for (const { value, count } of values)
    if (value !== null) tally.set(JSON.stringify(value), (tally.get(JSON.stringify(value)) ?? 0) + count);
  if (tally.size <= binning) return (value) => (value === null ? missing : JSON.stringify(value));
  const numbers = values.map(({ value }) => value).filter((value) => typeof value === "number");
  if (numbers.length > 0) {
    const least = numbers.reduce((a, b) => Math.min(a, b));
    const width = (numbers.reduce((a, b) => Math.max(a, b)) - least) / binning;
    return (value) =>
      value === null ? missing : `bin ${Math.min(binning - 1, Math.floor(((value as number) - least) / width))}`;
  }
  // The most frequent ones stand for themselves; of equally frequent ones the first in order.
  const kept = new Set(
    [...tally]
      .sort(([a, m], [b, k]) => k - m || (a < b ? -1 : 1))
      .slice(0, binning)
      .map(([key]) => key),
  );
  return (value) => (value === null ? missing : kept.has(JSON.stringify(value)) ? JSON.stringify(value) : "(other)");
}
