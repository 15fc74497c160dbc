// What comes of comparing: plain JSON that is kept, shown and decided by.

/** drift: further away than the threshold, and than chance explains · not compared: the column gives no ground to. */
export type DriftVerdict = "drift" | "stable" | "insufficient data" | "not compared";

/** One measure of one column. */
export interface DriftMeasure {
  /**
   * psi: Population Stability Index · wasserstein: how far the values moved, in robust standard deviations of the
   * reference · jensen-shannon: distance of the shares, 0 to 1 · centre: how far the centre of vectors moved, in their
   * spread · spread: how far their distances from the centre moved, as wasserstein.
   */
  readonly measure: "psi" | "wasserstein" | "jensen-shannon" | "centre" | "spread";
  readonly effect: number;
  /** Below it, a change is of no consequence. */
  readonly threshold: number;
  /** What the effect exceeds by chance once in a hundred times with so many rows; null where it isn't known in that unit. */
  readonly critical: number | null;
  /** Probability of so great a change by chance. */
  readonly p: number;
  /** The same, corrected for all measures of all columns (Benjamini-Hochberg). */
  readonly adjustedP: number;
  /** Is the effect at least the threshold, and the adjusted p at most the level? */
  readonly alarm: boolean;
}

/** What one column has come to. */
export interface ColumnDrift {
  readonly column: string;
  readonly kind: "number" | "category" | "vector";
  readonly verdict: DriftVerdict;
  /** A sentence for people. */
  readonly reason: string;
  readonly referenceRows: number;
  readonly currentRows: number;
  readonly measures: readonly DriftMeasure[];
  /** The same bins on both sides. */
  readonly bins: readonly DriftBin[];
}

/** How many rows a bin holds on each side. */
export interface DriftBin {
  /** A category, `1.5 to 3`, `null` or `NaN`. */
  readonly label: string;
  readonly reference: number;
  readonly current: number;
}

/** What the step `drift` hands on. */
export interface DriftReport {
  readonly kind: "drift-report";
  /** drift if any column drifted; stable if one at least could be judged. */
  readonly verdict: Exclude<DriftVerdict, "not compared">;
  /** What it was compared with, in words. */
  readonly baseline: string;
  readonly referenceRows: number;
  readonly currentRows: number;
  readonly columns: readonly ColumnDrift[];
}
