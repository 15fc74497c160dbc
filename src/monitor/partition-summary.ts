// The partitions of a pipeline by how they stand: counts, and ranges of neighbours that stand alike. However many
// partitions there are, what is kept is a handful of ranges.
import type { PartitionStatus } from "../engine/stores/request-store.ts";

/** `missing`: it has no run; else how its newest run stands. */
export type PartitionState = "missing" | PartitionStatus["status"];

export const partitionStates: readonly PartitionState[] = ["missing", "running", "succeeded", "failed", "cancelled"];

/** Neighbours that stand alike. */
export interface PartitionRange {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly status: PartitionState;
}

export interface PartitionSummary {
  readonly pipeline: string;
  readonly total: number;
  readonly counts: Readonly<Record<PartitionState, number>>;
  /** How many have no run that succeeded, however their newest one stands: what `--only missing` would run. */
  readonly neverSucceeded: number;
  readonly ranges: readonly PartitionRange[];
  /** How many ranges there are beyond those listed. */
  readonly moreRanges: number;
}

export interface RangeBuilder {
  /** Adds the next partitions in order: one, or `count` neighbours from `from` to `to`. */
  add(range: PartitionRange, everSucceeded: boolean): void;
  summary(pipeline: string): PartitionSummary;
}

/** @param lists Which partitions the ranges are of; all are counted. @param limit Ranges listed at most. */
export function buildRanges(
  lists: (state: PartitionState, everSucceeded: boolean) => boolean,
  limit: number,
): RangeBuilder {
  const counts = { missing: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  const ranges: PartitionRange[] = [];
  let open: PartitionRange | null = null;
  let neverSucceeded = 0;
  let more = 0;
  const close = (): void => {
    if (open === null) return;
    if (ranges.length < limit) ranges.push(open);
    else more += 1;
    open = null;
  };
  return {
    add: (range, everSucceeded) => {
      counts[range.status] += range.count;
      if (!everSucceeded) neverSucceeded += range.count;
      if (!lists(range.status, everSucceeded)) return close();
      if (open?.status === range.status) {
        open = { ...open, to: range.to, count: open.count + range.count };
        return;
      }
      close();
      open = range;
    },
    summary: (pipeline) => {
      close();
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      return { pipeline, total, counts, neverSucceeded, ranges, moreRanges: more };
    },
  };
}
