// Drift of embeddings: has their centre moved, and has their distance from it changed? Both from a profile of the
// reference and a sample of the current vectors.
import { binCounts } from "./bins.ts";
import { distance, centreOf, type VectorProfile } from "../profile/vectors.ts";
import type { RawMeasure } from "./chance.ts";
import { chiSquareQuantile, chiSquareTail } from "./distributions.ts";
import { shiftOf, type Thresholds } from "./measure-numbers.ts";
import type { DriftBin } from "./result.ts";

/**
 * The squared distance of two centres is, by chance, a sum of squared normal variables, one per dimension that varies. Its
 * first three moments are known from the traces of the covariance matrix's powers, and a shifted chi-square variable with
 * the same moments has its tail (Pearson; Imhof 1961). It holds for any number of dimensions, and for fewer vectors too.
 */
export function measureVectors(
  reference: VectorProfile,
  vectors: readonly (readonly number[])[],
  thresholds: Thresholds,
): { readonly measures: RawMeasure[]; readonly bins: DriftBin[] } {
  const [n, m] = [reference.vectors, vectors.length];
  const moved = distance(reference.centre, centreOf(vectors)) ** 2;
  const byChance = (1 / n + 1 / m) * reference.spread;
  const { spread: c1, squaredSpread: c2, cubedSpread: c3 } = reference;
  const degrees = c2 ** 3 / c3 ** 2;
  const toChiSquare = (squared: number): number => (squared / (1 / n + 1 / m) - c1) * Math.sqrt(degrees / c2) + degrees;
  const fromChiSquare = (value: number): number => ((value - degrees) / Math.sqrt(degrees / c2) + c1) * (1 / n + 1 / m);
  const effectOf = (squared: number): number => Math.sqrt(Math.max(0, squared - byChance) / reference.spread);
  const known = reference.spread > 0;
  const centre: RawMeasure = {
    measure: "centre",
    effect: known ? effectOf(moved) : Math.sqrt(moved),
    threshold: thresholds.centre,
    critical: known ? effectOf(fromChiSquare(chiSquareQuantile(0.01, degrees))) : null,
    p: known ? chiSquareTail(toChiSquare(moved), degrees) : moved > 0 ? 0 : 1,
  };
  const distances = vectors.map((vector) => distance(vector, reference.centre));
  const counts = binCounts(distances, reference.distances.edges);
  const current = { counts, min: Math.min(...distances), max: Math.max(...distances) };
  const spread = shiftOf({ ...reference, histogram: reference.distances }, current, "spread", thresholds.wasserstein);
  const { edges, counts: before } = reference.distances;
  const bins = fifths(edges).map(({ label, from, to }): DriftBin => ({
    label,
    reference: sum(before.slice(from, to)),
    current: sum(counts.slice(from, to)),
  }));
  return { measures: [centre, spread], bins };
}

/** The distances in five parts. */
function fifths(edges: readonly number[]): { label: string; from: number; to: number }[] {
  const bins = edges.length + 1;
  const parts = Math.min(5, bins);
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [Math.floor((part * bins) / parts), Math.floor(((part + 1) * bins) / parts)];
    const [low, high] = [edges[from - 1], edges[to - 1]];
    const text = (value: number): string => value.toPrecision(3);
    const label = low === undefined ? `nearer than ${high === undefined ? "all" : text(high)}` : `from ${text(low)}`;
    return { label, from, to };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
