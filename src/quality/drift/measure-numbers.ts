// Drift of numbers from counts: PSI over quantile bins of the reference, and how far the values moved. The reference is
// kept as a histogram; the current rows were counted over its edges.
import type { NumberProfile } from "../profile/profile.ts";
import { coarsen, countOf, evenEdges, type Histogram, quantileOf, sharesBelow } from "../profile/histogram.ts";
import { criticalIndex, indexTail, stabilityIndex } from "./bins.ts";
import type { RawMeasure } from "./chance.ts";
import { kolmogorovTail } from "./kolmogorov.ts";
import type { DriftBin } from "./result.ts";

/** A column's numbers on one side. */
export interface NumberSide {
  readonly nulls: number;
  readonly nans: number;
  readonly min: number | null;
  readonly max: number | null;
  /** Counts over the reference's edges. */
  readonly counts: readonly number[];
}

export interface Thresholds {
  readonly psi: number;
  readonly wasserstein: number;
  readonly jensenShannon: number;
  readonly centre: number;
}

/** Ten bins, or five where a side has fewer rows than this: more bins are more ways to be wrong. */
const rowsForTenBins = 200;
/** Values on both sides without which a shift isn't judged. */
const leastValues = 30;

export function measureNumbers(
  reference: NumberProfile & { readonly nulls: number },
  current: NumberSide,
  thresholds: Thresholds,
): { readonly measures: RawMeasure[]; readonly bins: DriftBin[] } {
  const { histogram } = reference;
  const [n, m] = [countOf(histogram), countOf(current)];
  const edges = evenEdges(histogram, Math.min(n, m) >= rowsForTenBins ? 10 : 5);
  const bins: DriftBin[] = binsOf(
    edges,
    coarsen(histogram, edges),
    coarsen({ ...histogram, counts: current.counts }, edges),
  );
  // What is no number is a bin of its own: a column that goes null is drift, too.
  const apart = [
    { label: "NaN", reference: reference.nans, current: current.nans },
    { label: "null", reference: reference.nulls, current: current.nulls },
  ].filter((bin) => bin.reference + bin.current > 0);
  bins.push(...apart);
  const measures = [psiOf(bins, thresholds.psi)];
  if (n >= leastValues && m >= leastValues)
    measures.push(shiftOf(reference, current, "wasserstein", thresholds.wasserstein));
  return { measures, bins };
}

function psiOf(bins: readonly DriftBin[], threshold: number): RawMeasure {
  const [reference, current] = [bins.map((bin) => bin.reference), bins.map((bin) => bin.current)];
  const [n, m] = [countOf({ counts: reference }), countOf({ counts: current })];
  const effect = stabilityIndex(reference, current);
  return {
    measure: "psi",
    effect,
    threshold,
    critical: criticalIndex(n, m, bins.length, 0.01),
    p: bins.length < 2 ? 1 : indexTail(effect, n, m, bins.length),
  };
}

interface Spread {
  readonly histogram: Histogram;
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * Earth mover's distance in robust standard deviations of the reference, and the probability of the largest difference of
 * the cumulative shares. Both are taken at the reference's edges: exact where values are few, else the difference is at
 * most 1/200 too small, and the test errs to the side of silence.
 */
export function shiftOf(
  reference: Spread,
  current: Omit<NumberSide, "nulls" | "nans">,
  measure: "wasserstein" | "spread",
  threshold: number,
): RawMeasure {
  const { histogram } = reference;
  const [n, m] = [countOf(histogram), countOf(current)];
  const ours = sharesBelow(histogram);
  const theirs = sharesBelow(current);
  const gaps = ours.map((share, position) => theirs[position]! - share);
  const largest = Math.max(0, ...gaps.map(Math.abs));
  return {
    measure,
    effect: moved(reference, current, gaps) / scaleOf(reference),
    threshold,
    critical: null,
    p: kolmogorovTail(largest, (n * m) / (n + m)),
  };
}

function moved(
  { histogram, ...range }: Spread,
  current: Pick<NumberSide, "min" | "max">,
  gaps: readonly number[],
): number {
  const { edges, discrete } = histogram;
  const ends = [range.min, range.max, current.min, current.max].filter((end) => end !== null);
  if (ends.length === 0 || edges.length === 0) return 0;
  const [low, high] = [Math.min(edges[0]!, ...ends), Math.max(edges.at(-1)!, ...ends)];
  const points = [low, ...edges, high];
  const differences = [0, ...gaps, 0];
  let sum = 0;
  for (let position = 1; position < points.length; position += 1) {
    const width = points[position]! - points[position - 1]!;
    const [before, after] = [differences[position - 1]!, differences[position]!];
    // Values at their lower edges: the difference stands still up to the next. Otherwise it goes there in a straight line.
    sum += width * (discrete && position < points.length - 1 ? Math.abs(after) : areaBetween(before, after));
  }
  return sum;
}

/** Mean of |f| over a straight line from a to b. */
function areaBetween(a: number, b: number): number {
  return a * b >= 0 ? Math.abs(a + b) / 2 : (a * a + b * b) / (2 * Math.abs(a - b));
}

/** The interquartile range as a standard deviation; a wider range where half the values are one; their size where all are. */
function scaleOf({ histogram, min, max }: Spread): number {
  if (min === null || max === null) return 1;
  const range = (share: number, deviations: number): number =>
    (quantileOf(histogram, 1 - share, min, max) - quantileOf(histogram, share, min, max)) / deviations;
  return range(0.25, 1.349) || range(0.05, 3.29) || (max - min) / 6 || Math.abs(max) || 1;
}

function binsOf(edges: readonly number[], reference: readonly number[], current: readonly number[]): DriftBin[] {
  return reference.map((count, bin) => {
    const [low, high] = [edges[bin - 1], edges[bin]];
    const label =
      low === undefined
        ? high === undefined
          ? "any number"
          : `below ${short(high)}`
        : high === undefined
          ? `${short(low)} and above`
          : `${short(low)} to ${short(high)}`;
    return { label, reference: count, current: current[bin]! };
  });
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
