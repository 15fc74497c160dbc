// Two sets of categories with their counts, compared by every measure at once.
import { SluiceError } from "../../errors.ts";
import { jensenShannon, stabilityIndex, total } from "./bins.ts";
import { chiSquareTail } from "./distributions.ts";

/** How far two sets of categories are apart, by each measure. */
export interface CountComparison {
  /** Chi-square of the two-row table, without a correction for continuity. */
  readonly chiSquare: number;
  readonly chiSquareP: number;
  readonly degrees: number;
  /** Strength of the association, 0 to 1. */
  readonly cramersV: number;
  /** Largest difference of a category's share. */
  readonly largest: number;
  /** Half the sum of all differences: the share of rows that would have to change. */
  readonly totalVariation: number;
  readonly hellinger: number;
  /** Jensen-Shannon distance, base 2: 0 the same, 1 nothing in common. */
  readonly jensenShannon: number;
  readonly psi: number;
}

/**
 * Compares how often each category occurs on two sides; one that is missing on a side occurs 0 times there.
 *
 * ```ts
 * compareCounts({ click: 50, view: 30 }, { click: 40, view: 35, buy: 5 }).chiSquareP;
 * ```
 */
export function compareCounts(
  reference: Readonly<Record<string, number>>,
  current: Readonly<Record<string, number>>,
): CountComparison {
  const names = [...new Set([...Object.keys(reference), ...Object.keys(current)])];
  const a = names.map((name) => reference[name] ?? 0);
  const b = names.map((name) => current[name] ?? 0);
  const [n, m] = [total(a), total(b)];
  if (!(n > 0 && m > 0)) {
    throw new SluiceError("USAGE", "compareCounts() needs at least one row on each side", {
      hint: "Check the counts.",
    });
  }
  const table = contingency(a, b);
  const differences = a.map((count, position) => Math.abs(count / n - b[position]! / m));
  const roots = a.map((count, position) => (Math.sqrt(count / n) - Math.sqrt(b[position]! / m)) ** 2);
  return {
    ...table,
    cramersV: table.degrees === 0 ? 0 : Math.sqrt(table.chiSquare / (n + m)),
    largest: Math.max(...differences),
    totalVariation: total(differences) / 2,
    hellinger: Math.sqrt(total(roots) / 2),
    jensenShannon: jensenShannon(a, b),
    psi: stabilityIndex(a, b),
  };
}

/** The chi-square test that two sets of counts come from one distribution; categories that nobody has are left out. */
export function contingency(
  reference: readonly number[],
  current: readonly number[],
): Pick<CountComparison, "chiSquare" | "chiSquareP" | "degrees"> {
  const [n, m] = [total(reference), total(current)];
  const pairs = reference.map((count, bin) => [count, current[bin]!] as const).filter(([a, b]) => a + b > 0);
  const degrees = Math.max(0, pairs.length - 1);
  const chiSquare = pairs.reduce((sum, [a, b]) => {
    const [expectedA, expectedB] = [((a + b) * n) / (n + m), ((a + b) * m) / (n + m)];
    return sum + (a - expectedA) ** 2 / expectedA + (b - expectedB) ** 2 / expectedB;
  }, 0);
  return { chiSquare, chiSquareP: chiSquareTail(chiSquare, degrees), degrees };
}
