// From measures to verdicts: is a change beyond what matters, and beyond what chance explains, given how many were looked at?
import type { ColumnDrift, DriftMeasure, DriftReport } from "./result.ts";

/** A measure before all others are known. */
export type RawMeasure = Omit<DriftMeasure, "adjustedP" | "alarm">;

/** A column that was measured, or why it could not be. */
export interface MeasuredColumn extends Pick<
  ColumnDrift,
  "column" | "kind" | "referenceRows" | "currentRows" | "bins"
> {
  readonly measures: readonly RawMeasure[];
  /** Why there are no measures; null where there are. */
  readonly obstacle: { readonly verdict: "insufficient data" | "not compared"; readonly reason: string } | null;
}

/** Where not even such a PSI would stand out, silence says nothing. */
const blind = 0.5;

/**
 * Benjamini and Hochberg (1995): the i-th smallest of k p-values, times k/i, never above a larger one's. Of those at or
 * below a level, at most that share is expected to be false.
 */
export function adjust(values: readonly number[]): number[] {
  const order = values.map((_, position) => position).sort((a, b) => values[b]! - values[a]!);
  const result = Array.from<number>({ length: values.length });
  let least = 1;
  for (const [position, at] of order.entries()) {
    least = Math.min(least, (values[at]! * values.length) / (values.length - position));
    result[at] = least;
  }
  return result;
}

/** Verdicts of all columns at once. `level`: the share of false alarms, per comparison, that is put up with. */
export function judgeColumns(columns: readonly MeasuredColumn[], level: number): ColumnDrift[] {
  const adjusted = adjust(columns.flatMap(({ measures }) => measures.map(({ p }) => p)));
  let next = 0;
  return columns.map(({ obstacle, ...column }): ColumnDrift => {
    const measures = column.measures.map((measure): DriftMeasure => {
      const adjustedP = adjusted[next]!;
      next += 1;
      return { ...measure, adjustedP, alarm: adjustedP <= level && measure.effect >= measure.threshold };
    });
    if (obstacle !== null) return { ...column, measures, ...obstacle };
    const alarms = measures.filter(({ alarm }) => alarm);
    if (alarms.length > 0) return { ...column, measures, verdict: "drift", reason: alarms.map(tell).join("; ") };
    const unseen = measures.find(({ measure, critical }) => measure === "psi" && critical !== null && critical > blind);
    if (unseen !== undefined) {
      const reason = `nothing stands out, but with so few rows only a PSI above ${round(unseen.critical!)} would`;
      return { ...column, measures, verdict: "insufficient data", reason };
    }
    return { ...column, measures, verdict: "stable", reason: "no change beyond the threshold and beyond chance" };
  });
}

const names: Readonly<Record<DriftMeasure["measure"], string>> = {
  psi: "PSI",
  wasserstein: "the values moved by",
  "jensen-shannon": "the shares moved by",
  centre: "the centre moved by",
  spread: "the spread moved by",
};

function tell({ measure, effect, threshold, adjustedP }: DriftMeasure): string {
  return `${names[measure]} ${round(effect)} (threshold ${threshold}, p ${adjustedP < 0.0001 ? "< 0.0001" : round(adjustedP)})`;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

export function overall(columns: readonly ColumnDrift[]): DriftReport["verdict"] {
  if (columns.some(({ verdict }) => verdict === "drift")) return "drift";
  return columns.some(({ verdict }) => verdict === "stable") ? "stable" : "insufficient data";
}
