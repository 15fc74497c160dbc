// Numbers as edges and counts: the form in which a distribution is kept, merged and compared. Bin 0 lies below the first
// edge, bin i from edge i - 1 (included) to edge i, the last one from the last edge on: both ends are open.

export interface Histogram {
  readonly edges: readonly number[];
  /** One more than there are edges. */
  readonly counts: readonly number[];
  /** Are the edges all the values there are, rather than cuts between many? Then the values of a bin lie at its lower edge. */
  readonly discrete: boolean;
}

/** Up to so many different values, each is an edge. */
export const discreteLimit = 200;

/** Shares at which a column with more values is cut: each bin holds about 1/200 of the rows. */
export const cutShares: readonly number[] = Array.from({ length: 199 }, (_, position) => (position + 1) / 200);

export function countOf({ counts }: Pick<Histogram, "counts">): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The share of rows below each edge. */
export function sharesBelow({ counts }: Pick<Histogram, "counts">): number[] {
  const all = countOf({ counts });
  let below = 0;
  return counts.slice(0, -1).map((count) => (below += count) / all);
}

/** The value below which `share` of the rows lie: within a bin in proportion, or the value itself where they are discrete. */
export function quantileOf(histogram: Histogram, share: number, min: number, max: number): number {
  const { edges, counts, discrete } = histogram;
  const wanted = share * countOf(histogram);
  let below = 0;
  for (const [bin, count] of counts.entries()) {
    if (below + count >= wanted && count > 0) {
      const low = edges[bin - 1] ?? min;
      if (discrete) return low;
      const high = edges[bin] ?? max;
      return low + ((high - low) * Math.max(0, wanted - below)) / count;
    }
    below += count;
  }
  return max;
}

/** Counts in fewer bins: `edges` must be among the histogram's own. */
export function coarsen({ edges, counts }: Histogram, kept: readonly number[]): number[] {
  const result = Array.from({ length: kept.length + 1 }, () => 0);
  let bin = 0;
  for (const [position, count] of counts.entries()) {
    if (position > 0 && edges[position - 1] === kept[bin]) bin += 1;
    result[bin]! += count;
  }
  return result;
}

/** Of the histogram's edges, those that cut it into `bins` parts as equal as they can be; fewer where values repeat much. */
export function evenEdges(histogram: Histogram, bins: number): number[] {
  const shares = sharesBelow(histogram);
  const chosen = new Set<number>();
  for (let cut = 1; cut < bins; cut += 1) {
    let best = -1;
    for (const [position, share] of shares.entries()) {
      if (share <= 0 || share >= 1) continue;
      if (best < 0 || Math.abs(share - cut / bins) < Math.abs(shares[best]! - cut / bins)) best = position;
    }
    if (best >= 0) chosen.add(best);
  }
  return [...chosen].sort((a, b) => a - b).map((position) => histogram.edges[position]!);
}

export interface Ranged {
  readonly histogram: Histogram;
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * The histogram of both. With few different values it is exact; otherwise each side's share below any point is known to
 * within its own bin, 1/200 of its rows, and so is the share of both together.
 */
export function mergeHistograms(a: Ranged, b: Ranged): Histogram {
  if (a.min === null || a.max === null) return b.histogram;
  if (b.min === null || b.max === null) return a.histogram;
  const edges = [...new Set([...a.histogram.edges, ...b.histogram.edges])].sort((x, y) => x - y);
  const [n, m] = [countOf(a.histogram), countOf(b.histogram)];
  const discrete = a.histogram.discrete && b.histogram.discrete && edges.length <= discreteLimit;
  const below = edges.map((edge) => rowsBelow(a, edge) + rowsBelow(b, edge));
  const full: Histogram = { edges, counts: differences(below, n + m), discrete };
  if (edges.length <= discreteLimit) return full;
  const kept = evenEdges(full, cutShares.length + 1);
  return { edges: kept, counts: coarsen(full, kept), discrete: false };
}

function differences(below: readonly number[], all: number): number[] {
  return [...below, all].map((rows, position) => rows - (below[position - 1] ?? 0));
}

/** How many rows lie below a point; whole numbers, so that counts stay counts. */
function rowsBelow({ histogram, min, max }: Ranged, point: number): number {
  const { edges, counts, discrete } = histogram;
  let below = 0;
  for (const [bin, count] of counts.entries()) {
    const low = edges[bin - 1] ?? min!;
    const high = edges[bin] ?? max!;
    if (high <= point && bin < edges.length) {
      below += count;
      continue;
    }
    if (low >= point) return below;
    const part = discrete ? 1 : high > low ? Math.min(1, (point - low) / (high - low)) : 1;
    return below + Math.round(count * part);
  }
  return below;
}
