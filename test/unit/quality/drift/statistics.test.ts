import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { suite } from "../../../../scripts/suites/drift-oracle.ts";
import { criticalIndex, jensenShannon, quantileEdges, stabilityIndex } from "../../../../src/quality/drift/bins.ts";
import { adjust, judgeColumns, type MeasuredColumn } from "../../../../src/quality/drift/chance.ts";
import { contingency } from "../../../../src/quality/drift/compare-counts.ts";
import { chiSquareQuantile, chiSquareTail, normalTail } from "../../../../src/quality/drift/distributions.ts";
import { kolmogorovTail, twoSampleTail } from "../../../../src/quality/drift/kolmogorov.ts";
import { compareCounts, compareNumbers } from "../../../../src/quality/index.ts";

const oracle = fileURLToPath(new URL("../../../../../shared/suites/drift-oracle.json", import.meta.url));

describe("statistics of drift", () => {
  it.skipIf(!existsSync(oracle) && process.env["CI"] !== "true")(
    "agree with scipy on every case of ../shared/suites/drift-oracle.json, to 1e-6 (skipped where it is absent)",
    async () => {
      const cases = await suite(oracle);
      expect(cases.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
      expect(cases).toHaveLength(19);
    },
  );

  it("have the tails that tables have", () => {
    expect(chiSquareTail(3.841458820694124, 1)).toBeCloseTo(0.05, 10);
    expect(chiSquareTail(16.918977604620448, 9)).toBeCloseTo(0.05, 10);
    expect(chiSquareTail(1000, 9)).toBeLessThan(1e-200);
    expect(chiSquareQuantile(0.01, 9)).toBeCloseTo(21.665994333461924, 9);
    expect(normalTail(1.959963984540054)).toBeCloseTo(0.025, 12);
    expect(normalTail(-1)).toBeCloseTo(0.8413447460685429, 12);
    // Smirnov's table: 1.36 / √n for 5 % of large samples; for n = 10, 0.409.
    expect(kolmogorovTail(1.3581 / 100, 10_000)).toBeCloseTo(0.05, 3);
    expect(kolmogorovTail(0.40925, 10)).toBeCloseTo(0.05, 4);
    expect(twoSampleTail(1, 3, 4)).toBeCloseTo(2 / 35, 12);
  });

  it("go over from the exact distribution to its limit without a step", () => {
    for (const d of [0.05, 0.1, 0.13]) {
      expect(Math.abs(kolmogorovTail(d, 140) - kolmogorovTail(d, 141))).toBeLessThan(0.01);
    }
  });

  it("put equal edges together, and add half a row to empty bins", () => {
    expect(quantileEdges([0, 0, 0, 0, 1], 5)).toEqual([0, expect.closeTo(0.2, 9)]);
    expect(stabilityIndex([10, 0], [0, 10])).toBeCloseTo(2 * (10 / 11) * Math.log(21), 9);
    expect(criticalIndex(1000, 200, 10, 0.01)).toBeCloseTo(21.666 * 0.006, 4);
    expect(jensenShannon([1, 0], [0, 1])).toBe(1);
  });

  it("find nothing between equals, and everything between strangers", () => {
    const values = Array.from({ length: 100 }, (_, position) => position);
    expect(compareNumbers(values, values)).toMatchObject({ ks: 0, ksP: 1, wasserstein: 0, psi: 0, jensenShannon: 0 });
    expect(
      compareNumbers(
        values,
        values.map((value) => value + 1000),
      ),
    ).toMatchObject({ ks: 1, wasserstein: 1000 });
    expect(compareCounts({ a: 1 }, { b: 1 })).toMatchObject({ jensenShannon: 1, totalVariation: 1, largest: 1 });
    expect(() => compareNumbers([Number.NaN], [1])).toThrow(/at least one number/);
    expect(() => compareCounts({}, { a: 1 })).toThrow(/at least one row/);
  });

  it("don't take a new category for impossible", () => {
    const { chiSquareP, degrees } = contingency([50, 50, 0], [48, 51, 1]);
    expect(degrees).toBe(2);
    expect(chiSquareP).toBeGreaterThan(0.5);
  });
});

describe("chance", () => {
  it("is corrected for all that was looked at (Benjamini and Hochberg's own example)", () => {
    const values = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
    ];
    expect(adjust(values).filter((value) => value <= 0.05)).toHaveLength(4);
    expect(adjust([0.01, 0.02])).toEqual([0.02, 0.02]);
    expect(adjust([])).toEqual([]);
  });

  const column = (name: string, p: number, effect = 1): MeasuredColumn => ({
    column: name,
    kind: "number",
    referenceRows: 1000,
    currentRows: 1000,
    bins: [],
    obstacle: null,
    measures: [{ measure: "psi", effect, threshold: 0.1, critical: 0.04, p }],
  });

  it("lets one of fifty columns at 1 % pass, and stops it alone", () => {
    const fifty = Array.from({ length: 50 }, (_, position) => column(`c${position}`, position === 0 ? 0.009 : 0.5));
    expect(judgeColumns(fifty, 0.01).map(({ verdict }) => verdict)).not.toContain("drift");
    expect(judgeColumns(fifty.slice(0, 1), 0.01)[0]!.verdict).toBe("drift");
  });

  it("stops nothing that is too small to matter, however certain", () => {
    expect(judgeColumns([column("x", 0, 0.09)], 0.01)[0]!.verdict).toBe("stable");
  });
});
