// Two samples of numbers, compared by every measure at once: for tests and notebooks. The step `drift` works on counts
// instead (number-drift.ts), so that a baseline can be kept; what both compute is the same.
import { SluiceError } from "../../errors.ts";
import { binCounts, criticalIndex, jensenShannon, quantileEdges, stabilityIndex } from "./bins.ts";
import { cramerVonMises } from "./cramer-von-mises.ts";
import { kolmogorovTail, twoSampleTail } from "./kolmogorov.ts";
import { mannWhitney } from "./ranks.ts";

/** How far two samples of numbers are apart, by each measure. */
export interface NumberComparison {
  /** Kolmogorov-Smirnov: the largest difference of the cumulative shares, 0 to 1. */
  readonly ks: number;
  /** Probability of so large a difference by chance: exact up to a million pairs, by its limit above. */
  readonly ksP: number;
  /** The same by the limit, with nm/(n+m) values. */
  readonly ksLimitP: number;
  /** Earth mover's distance, in the unit of the values. */
  readonly wasserstein: number;
  /** In standard deviations of the reference; null when it has none. */
  readonly wassersteinShare: number | null;
  /** Null where a sample has one value. */
  readonly cramerVonMisesP: number | null;
  readonly mannWhitneyP: number;
  /** Inner edges of the bins: quantiles of the reference. */
  readonly edges: readonly number[];
  readonly referenceCounts: readonly number[];
  readonly currentCounts: readonly number[];
  readonly psi: number;
  /** What PSI exceeds by chance once in a hundred times. */
  readonly psiCritical: number;
  /** Jensen-Shannon distance of the bins, base 2. */
  readonly jensenShannon: number;
}

/**
 * Compares two samples of numbers; NaN is left out.
 *
 * ```ts
 * compareNumbers([1, 2, 2, 3], [2, 3, 3, 4]).wasserstein;
 * ```
 */
export function compareNumbers(
  reference: readonly number[],
  current: readonly number[],
  options: { /** @default 10 */ readonly bins?: number } = {},
): NumberComparison {
  const a = sorted(reference);
  const b = sorted(current);
  if (a.length === 0 || b.length === 0) {
    throw new SluiceError("USAGE", "compareNumbers() needs at least one number on each side", {
      hint: "NaN does not count.",
    });
  }
  const [n, m] = [a.length, b.length];
  const { ks, wasserstein } = distances(a, b);
  const edges = quantileEdges(a, options.bins ?? 10);
  const [referenceCounts, currentCounts] = [binCounts(a, edges), binCounts(b, edges)];
  const mean = a.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(a.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n);
  const ksLimitP = kolmogorovTail(ks, Math.round((n * m) / (n + m)));
  return {
    ks,
    ksP: n * m <= 1_000_000 ? twoSampleTail(ks, n, m) : ksLimitP,
    ksLimitP,
    wasserstein,
    wassersteinShare: deviation === 0 ? null : wasserstein / deviation,
    cramerVonMisesP: cramerVonMises(a, b),
    mannWhitneyP: mannWhitney(a, b),
    edges,
    referenceCounts,
    currentCounts,
    psi: stabilityIndex(referenceCounts, currentCounts),
    psiCritical: criticalIndex(n, m, edges.length + 1, 0.01),
    jensenShannon: jensenShannon(referenceCounts, currentCounts),
  };
}

function sorted(values: readonly number[]): number[] {
  return values.filter((value) => !Number.isNaN(value)).sort((x, y) => x - y);
}

/** One walk over both sorted samples: between two neighbours the cumulative shares stand still. */
function distances(a: readonly number[], b: readonly number[]): { ks: number; wasserstein: number } {
  let [i, j, ks, wasserstein] = [0, 0, 0, 0];
  while (i < a.length || j < b.length) {
    const at = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    while (i < a.length && a[i]! <= at) i += 1;
    while (j < b.length && b[j]! <= at) j += 1;
    const difference = Math.abs(i / a.length - j / b.length);
    ks = Math.max(ks, difference);
    const next = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    if (next < Infinity) wasserstein += difference * (next - at);
  }
  return { ks, wasserstein };
}
