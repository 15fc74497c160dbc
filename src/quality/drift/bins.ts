// Comparing two sets of counts over the same bins: PSI and Jensen-Shannon, and where the bins of numbers lie.
import { chiSquareQuantile, chiSquareTail } from "./distributions.ts";

/**
 * The quantile `share` of sorted values, between neighbours in proportion (the usual "linear" rule, as quantile_cont).
 */
export function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const low = Math.floor(position);
  const [below, above] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  const part = position - low;
  // From the nearer end, so that equal neighbours give exactly their value.
  return part < 0.5 ? below + (above - below) * part : above - (above - below) * (1 - part);
}

/** Inner edges of bins with equal shares of the sorted values; edges that coincide are one. */
export function quantileEdges(sorted: readonly number[], bins: number): number[] {
  const edges = Array.from({ length: bins - 1 }, (_, position) => quantile(sorted, (position + 1) / bins));
  return [...new Set(edges)];
}

/** Values per bin: below the first edge, from edge to edge, from the last edge on. A value on an edge counts above it. */
export function binCounts(values: readonly number[], edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of values) counts[binOf(value, edges)]! += 1;
  return counts;
}

function binOf(value: number, edges: readonly number[]): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Population Stability Index, Σ (q - p)·ln(q / p), with half a row added to every bin so that none is empty. */
export function stabilityIndex(reference: readonly number[], current: readonly number[]): number {
  const [n, m] = [total(reference), total(current)];
  const bins = reference.length;
  return reference.reduce((sum, count, bin) => {
    const p = (count + 0.5) / (n + 0.5 * bins);
    const q = (current[bin]! + 0.5) / (m + 0.5 * bins);
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

/**
 * What PSI exceeds by chance with probability `tail` when nothing has changed: (1/n + 1/m)·χ²(bins - 1).
 * From the limit distribution of PSI under no drift.
 */
export function criticalIndex(n: number, m: number, bins: number, tail: number): number {
  return (1 / n + 1 / m) * chiSquareQuantile(tail, bins - 1);
}

/** How probable a PSI of at least this is when nothing has changed. */
export function indexTail(index: number, n: number, m: number, bins: number): number {
  return chiSquareTail(index / (1 / n + 1 / m), bins - 1);
}

/** Jensen-Shannon distance: the root of the divergence, in base 2 from 0 (the same) to 1 (nothing in common). */
export function jensenShannon(reference: readonly number[], current: readonly number[]): number {
  const [n, m] = [total(reference), total(current)];
  const divergence = reference.reduce((sum, count, bin) => {
    const [p, q] = [count / n, current[bin]! / m];
    const middle = (p + q) / 2;
    return sum + (p === 0 ? 0 : (p / 2) * Math.log2(p / middle)) + (q === 0 ? 0 : (q / 2) * Math.log2(q / middle));
  }, 0);
  return Math.sqrt(Math.max(0, divergence));
}

export function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
