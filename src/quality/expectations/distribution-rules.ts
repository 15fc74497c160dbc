// Expectations about how the values of a column are spread, held against weights that were written down.
import type { Json } from "../../json.ts";
import { literalSql } from "../expression-sql.ts";
import type { Check, Finding, MeasureCheck, ValueCount } from "./check.ts";
import {
  commonOptions,
  type Expectation,
  makeExpectation,
  refuseDefinition,
  type ScopeOptions,
} from "./expectation.ts";
import {
  type BinnedPartition,
  checkPartition,
  compareBins,
  describePartition,
  type Holdout,
  isBinned,
  type Partition,
  type ValuePartition,
} from "./partition.ts";
import { also } from "./value-rules.ts";
import { chiSquareP, klDivergenceOf, total } from "./probability.ts";

export interface KlOptions extends ScopeOptions {
  /** The most it may be, in nats. Without it the divergence is only recorded. */
  readonly max?: number;
  /** Weight set aside for what lies outside the bins or is not among the values, 0 to 1. @default 0 */
  readonly tailHoldout?: number;
  /** Weight set aside for bins in which nothing is expected, 0 to 1. @default 0 */
  readonly internalHoldout?: number;
}

/**
 * The Kullback-Leibler divergence of the column from an expected distribution is at most `max`. It is infinite, and
 * reported as null, where a value occurs that has no expected weight; the holdouts give such values some. Without an
 * expected distribution the column's deciles are recorded, from which one can be written.
 *
 * ```ts
 * klDivergence("plan", { values: ["free", "pro"], weights: [0.9, 0.1] }, { max: 0.1, tailHoldout: 0.01 })
 * ```
 */
export function klDivergence(column: string, partition: Partition | null, options: KlOptions = {}): Expectation {
  const holdout = { tail: options.tailHoldout ?? 0, internal: options.internalHoldout ?? 0 };
  const { max } = options;
  if (max !== undefined && !(max >= 0))
    refuseDefinition("klDivergence", `max is ${String(max)}`, "It is a number from 0.");
  if (partition !== null) {
    checkPartition("klDivergence", partition);
    checkHoldout(partition, holdout);
  }
  return makeExpectation({
    name: "klDivergence",
    columns: [column],
    title: `the divergence of ${column} from its expected distribution is ${max === undefined ? "recorded" : `at most ${max}`}`,
    expected: { partition: partition === null ? null : describePartition(partition), max: max ?? null, ...holdout },
    options: commonOptions(options),
    check: (table) => {
      if (partition === null) return recordDeciles(table.need(column, "number"));
      return isBinned(partition)
        ? binnedCheck(table.need(column, "number"), partition, holdout, max)
        : {
            type: "counts",
            value: table.cell(column),
            found: table.classOf(column),
            judge: (counts) => judgeValues(counts, partition, holdout.tail, max),
          };
    },
  });
}

function checkHoldout(partition: Partition, { tail, internal }: Holdout): void {
  const wrong = (what: string, hint: string): never => refuseDefinition("klDivergence", what, hint);
  for (const [name, value] of Object.entries({ tailHoldout: tail, internalHoldout: internal })) {
    if (!(value >= 0 && value <= 1)) wrong(`${name} is ${String(value)}`, "It is a share, from 0 to 1.");
  }
  if (!isBinned(partition)) {
    if (internal > 0) wrong("values have no bins between them to hold weight out for", "Use tailHoldout alone.");
    return;
  }
  if (tail > 0 && partition.tails !== undefined) wrong("the partition has tails already", "Leave tailHoldout out.");
  if (tail > 0 && partition.bins[0] === -Infinity && partition.bins.at(-1) === Infinity)
    wrong("the bins have no end, so nothing lies outside", "Leave tailHoldout out.");
}

/** Counts in bins, in one scan with everything else. */
function binnedCheck(
  cell: string,
  partition: BinnedPartition,
  holdout: Holdout,
  max: number | undefined,
): MeasureCheck {
  const { bins } = partition;
  const value = `CAST(${cell} AS DOUBLE)`;
  const count = (condition: string) => (filter: string) => `count(*)${also(filter, condition)}`;
  const inside = bins.slice(1).map((edge, at) => {
    const last = at === bins.length - 2;
    return count(`${value} >= ${literalSql(bins[at]!)} AND ${value} ${last ? "<=" : "<"} ${literalSql(edge)}`);
  });
  return {
    type: "measure",
    aggregates: [
      ...inside,
      count(`${value} < ${literalSql(bins[0]!)}`),
      count(`${value} > ${literalSql(bins.at(-1)!)}`),
    ],
    judge: (values) => {
      const counts = values.map(Number);
      const above = counts.pop()!;
      const below = counts.pop()!;
      if (total(counts) + below + above === 0) return { success: max === undefined, observed: null };
      const compared = compareBins(partition, counts, below, above, holdout);
      const divergence = klDivergenceOf(
        [compared.observedTails[0], ...compared.observed, compared.observedTails[1]],
        [compared.expectedTails[0], ...compared.expected, compared.expectedTails[1]],
      );
      return verdict(divergence, max, {
        observed: { bins: compared.bins, weights: compared.observed, tails: compared.observedTails },
        expected: { bins: compared.bins, weights: compared.expected, tails: compared.expectedTails },
      });
    },
  };
}

function verdict(divergence: number, max: number | undefined, details: Json): Finding {
  const observed = Number.isFinite(divergence) ? divergence : null;
  return { success: max === undefined || divergence <= max, observed, details };
}

function judgeValues(
  counts: readonly ValueCount[],
  partition: ValuePartition,
  tail: number,
  max: number | undefined,
): Finding {
  const n = total(counts.map(({ count }) => count));
  if (n === 0) return { success: max === undefined, observed: null };
  const { values, observed, expected } = alignValues(counts, partition, tail);
  const divergence = klDivergenceOf(observed, expected);
  return verdict(divergence, max, {
    observed: { values, weights: observed.map((count) => count / n) },
    expected: { values, weights: expected },
  });
}

/** Counts and weights by value, the expected values first; what is held out is shared by the values that are not expected. */
function alignValues(counts: readonly ValueCount[], partition: ValuePartition, tail: number) {
  const byKey = new Map(counts.map((item) => [JSON.stringify(item.value), item]));
  const named = new Set(partition.values.map((value) => JSON.stringify(value)));
  const unexpected = counts.filter(({ value }) => !named.has(JSON.stringify(value)));
  const scale = unexpected.length > 0 ? 1 - tail : 1;
  return {
    values: [...partition.values, ...unexpected.map(({ value }) => value)] as Json[],
    observed: [
      ...partition.values.map((value) => byKey.get(JSON.stringify(value))?.count ?? 0),
      ...unexpected.map(({ count }) => count),
    ],
    expected: [...partition.weights.map((weight) => weight * scale), ...unexpected.map(() => tail / unexpected.length)],
  };
}

function recordDeciles(cell: string): Check {
  const levels = Array.from({ length: 11 }, (_, at) => at / 10);
  return {
    type: "measure",
    aggregates: [(filter) => `quantile_cont(CAST(${cell} AS DOUBLE), [${levels.join(", ")}])${filter}`],
    judge: ([edges]) => {
      const bins = [...new Set((edges ?? []) as number[])];
      return { success: true, observed: null, details: { deciles: bins } };
    },
  };
}

export interface TestOptions extends ScopeOptions {
  /** The least p-value; below it the difference is not put down to chance. @default 0.05 */
  readonly pValue?: number;
}

export function checkPValue(name: string, pValue: number): void {
  if (!(pValue >= 0 && pValue <= 1))
    refuseDefinition(name, `pValue is ${String(pValue)}`, "It is a probability, from 0 to 1.");
}

/**
 * Pearson's chi-square test does not reject that the column's values come from this distribution. A value that has no
 * expected weight is rejected at once, unless `tailHoldout` gives such values some. With huge numbers of rows any
 * difference is significant: klDivergence() asks for its size instead.
 */
export function chiSquare(
  column: string,
  partition: ValuePartition,
  options: TestOptions & Pick<KlOptions, "tailHoldout"> = {},
): Expectation {
  const { pValue = 0.05, tailHoldout = 0 } = options;
  checkPartition("chiSquare", partition);
  checkPValue("chiSquare", pValue);
  if (isBinned(partition)) refuseDefinition("chiSquare", "bins are given", "Give it { values, weights }.");
  return makeExpectation({
    name: "chiSquare",
    columns: [column],
    title: `${column} is spread as expected (chi-square, p above ${pValue})`,
    expected: { partition: describePartition(partition), pValue, tailHoldout },
    options: commonOptions(options),
    check: (table) => ({
      type: "counts",
      value: table.cell(column),
      found: table.classOf(column),
      judge: (counts) => {
        const n = total(counts.map(({ count }) => count));
        if (n === 0) return { success: false, observed: null };
        const { values, observed, expected } = alignValues(counts, partition, tailHoldout);
        const statistic = observed.reduce((sum, count, at) => {
          const wanted = expected[at]! * n;
          return count === 0 && wanted === 0 ? sum : sum + (count - wanted) ** 2 / wanted;
        }, 0);
        const p = Number.isFinite(statistic) ? chiSquareP(statistic, values.length - 1) : 0;
        return {
          success: p > pValue,
          observed: p,
          details: {
            statistic: Number.isFinite(statistic) ? statistic : null,
            degrees: values.length - 1,
            observed: { values, weights: observed.map((count) => count / n) },
            expected: { values, weights: expected },
          },
        };
      },
    }),
  });
}
