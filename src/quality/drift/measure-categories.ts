// Drift of categories from counts: Jensen-Shannon distance of the shares, with the chi-square test. What is rare is pooled.
import { jensenShannon } from "./bins.ts";
import { contingency } from "./compare-counts.ts";
import { chiSquareQuantile } from "./distributions.ts";
import type { RawMeasure } from "./chance.ts";
import type { DriftBin } from "./result.ts";

/** Fewer rows than this are to be expected of no category: below, chi-square promises what it can't keep (Cochran 1954). */
const leastExpected = 5;

/** @param bins One per category, with what neither side names as "other" and nulls as "null". */
export function measureCategories(
  bins: readonly DriftBin[],
  threshold: number,
): { readonly measures: RawMeasure[]; readonly bins: DriftBin[] } {
  const pooled = poolRare(bins);
  const [reference, current] = [pooled.map((bin) => bin.reference), pooled.map((bin) => bin.current)];
  const effect = jensenShannon(reference, current);
  const { chiSquareP } = contingency(reference, current);
  return {
    measures: [
      { measure: "jensen-shannon", effect, threshold, critical: criticalDistance(reference, current), p: chiSquareP },
    ],
    bins: pooled,
  };
}

/** Under no drift 8·ln 2·nm/(n+m)·JS² is about chi-square: both are the same quadratic form near zero. */
function criticalDistance(reference: readonly number[], current: readonly number[]): number {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const [n, m] = [sum(reference), sum(current)];
  return Math.sqrt((chiSquareQuantile(0.01, reference.length - 1) * (1 / n + 1 / m)) / (8 * Math.LN2));
}

function poolRare(bins: readonly DriftBin[]): DriftBin[] {
  const n = bins.reduce((sum, bin) => sum + bin.reference, 0);
  const m = bins.reduce((sum, bin) => sum + bin.current, 0);
  const expected = (bin: DriftBin): number => ((bin.reference + bin.current) * Math.min(n, m)) / (n + m);
  const named = bins.filter((bin) => bin.label !== "other" && expected(bin) >= leastExpected);
  const rest = bins.filter((bin) => !named.includes(bin));
  const other = rest.reduce(
    (sum, bin) => ({ label: "other", reference: sum.reference + bin.reference, current: sum.current + bin.current }),
    { label: "other", reference: 0, current: 0 },
  );
  return other.reference + other.current === 0 ? named : [...named, other];
}
