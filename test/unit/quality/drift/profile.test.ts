import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSession, type Session } from "../../../../src/dataset/session.ts";
import { countOf, quantileOf, sharesBelow } from "../../../../src/quality/profile/histogram.ts";
import { distinctValues, mergeProfiles, type ColumnProfile, type Profile } from "../../../../src/quality/index.ts";
import { profileRelation } from "../../../../src/quality/profile/scan.ts";

let session: Session;
const folder = mkdtempSync(join(tmpdir(), "sluice-profile-"));
beforeAll(async () => {
  session = await openSession({ temporaryFolder: folder });
});
afterAll(() => {
  session.close();
  rmSync(folder, { recursive: true, force: true });
});

async function profileOf(query: string): Promise<Profile> {
  return profileRelation(session, `(${query})`, await session.describe(query), { shapes: true, rows: 1000 });
}
const column = (profile: Profile, name: string): ColumnProfile => profile.columns.find((item) => item.name === name)!;

describe("a profile", () => {
  it("says what is in each column", async () => {
    const profile = await profileOf(`SELECT * FROM (VALUES
      (1::DOUBLE, 'a', true, TIMESTAMPTZ '2026-01-01 00:00:00Z', '2026-01-01', [1.0::FLOAT, 2.0]),
      ('nan'::DOUBLE, 'b', false, NULL, '2026-02-01', [3.0::FLOAT, 2.0]),
      ('inf'::DOUBLE, 'a', NULL, TIMESTAMPTZ '2026-01-03 00:00:00Z', 'x', NULL),
      (NULL, '', true, NULL, NULL, NULL),
      (-2.5, NULL, true, NULL, '2026-02-01', [2.0::FLOAT, 2.0])) t(number, word, truth, "at", day, vector)`);
    expect(profile.rows).toBe(5);
    expect(column(profile, "number")).toMatchObject({
      nulls: 1,
      numbers: { nans: 1, infinite: 1, whole: 1, negative: 1, min: -2.5, max: 1, mean: -0.75 },
    });
    expect(column(profile, "number").numbers!.histogram).toEqual({
      edges: [-2.5, 1],
      counts: [0, 1, 2],
      discrete: true,
    });
    expect(column(profile, "word")).toMatchObject({
      nulls: 1,
      texts: { minLength: 0, maxLength: 1, empty: 1 },
      values: {
        complete: true,
        top: [
          { value: "a", count: 2 },
          { value: "", count: 1 },
          { value: "b", count: 1 },
        ],
      },
    });
    expect(column(profile, "truth").values!.top).toEqual([
      { value: "true", count: 3 },
      { value: "false", count: 1 },
    ]);
    expect(column(profile, "at").times).toEqual({ first: "2026-01-01 00:00:00+00", last: "2026-01-03 00:00:00+00" });
    expect(column(profile, "day").texts!.shapes).toMatchObject({ date: 3, timestamp: 0, integer: 0 });
    expect(column(profile, "vector").vectors).toMatchObject({ dimensions: 2, vectors: 3, centre: [2, 2] });
    expect(column(profile, "word")).toSatisfy((item: ColumnProfile) => distinctValues(item) === 3);
  });

  it("of no rows, and of nothing but nulls, is empty", async () => {
    for (const where of ["false", "true"]) {
      const profile = await profileOf(
        `SELECT NULL::DOUBLE AS n, NULL::VARCHAR AS t, NULL::FLOAT[] AS v WHERE ${where}`,
      );
      expect(column(profile, "n").numbers).toMatchObject({
        min: null,
        mean: null,
        histogram: { edges: [], counts: [0] },
      });
      expect(column(profile, "t")).toMatchObject({ texts: null, hashes: [] });
      expect(column(profile, "v").vectors).toBeNull();
      expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
    }
  });

  it("survives numbers at the end of what a number can say", async () => {
    const profile = await profileOf(`SELECT x FROM (VALUES (1e308::DOUBLE), (-1e308), (1e308), (1e308), (0)) t(x)`);
    expect(column(profile, "x").numbers).toMatchObject({ min: -1e308, max: 1e308 });
    expect(countOf(column(profile, "x").numbers!.histogram)).toBe(5);
  });

  it("estimates how many values there are", async () => {
    const profile = await profileOf("SELECT i % 7 AS few, i AS many FROM range(50000) t(i)");
    expect(distinctValues(column(profile, "few"))).toBe(7);
    expect(Math.abs(distinctValues(column(profile, "many")) - 50_000)).toBeLessThan(50_000 * 0.2);
  });

  it("cuts many values into bins of 1/200, each counted to the row", async () => {
    const profile = await profileOf("SELECT (i * 7919) % 10007 AS x FROM range(10007) t(i)");
    const { histogram } = column(profile, "x").numbers!;
    expect(histogram.discrete).toBe(false);
    expect(countOf(histogram)).toBe(10_007);
    for (const [position, edge] of histogram.edges.entries()) {
      expect(sharesBelow(histogram)[position]! * 10_007).toBeCloseTo(Math.ceil(edge), 6);
    }
    expect(Math.abs(quantileOf(histogram, 0.5, 0, 10_006) - 5003)).toBeLessThan(10_007 / 200);
  });
});

describe("a profile of columns whose values seldom repeat", () => {
  // Integers beyond 2^53 that are many, and few as numbers: these are looked at once more.
  const query = `SELECT i AS id, i // 2 AS pairs, 'event ' || i AS event, i % 7 AS few, CASE WHEN i % 3 = 0 THEN i END AS gaps,
      1152921504606846976 + i AS long, CAST(i / 100 AS DECIMAL(18, 2)) AS cents, i % 2 = 0 AS even,
      CASE WHEN i % 1000 = 0 THEN CAST('NaN' AS DOUBLE) WHEN i % 1000 = 1 THEN CAST('-inf' AS DOUBLE) ELSE i / 7 END AS ratio,
      CASE WHEN i < 20480 THEN 0 ELSE i END AS late, CASE WHEN i < 20480 THEN i ELSE 0 END AS early
    FROM range(60000) t(i)`;
  const manyRows = async (text: string, rows?: number): Promise<Profile> =>
    profileRelation(session, `(${text})`, await session.describe(text), rows === undefined ? {} : { rows });

  it("says what one of all their values would", async () => {
    const plain = await manyRows(query, 1000);
    const quick = await manyRows(query);
    for (const expected of plain.columns) {
      const found = column(quick, expected.name);
      const histogram = expected.numbers?.histogram;
      if (histogram === undefined || histogram.discrete) expect(found).toEqual(expected);
      else {
        expect({ ...found, numbers: { ...found.numbers!, histogram: null } }).toEqual({
          ...expected,
          numbers: { ...expected.numbers!, histogram: null },
        });
        expect(found.numbers!.histogram.discrete).toBe(false);
        expect(countOf(found.numbers!.histogram)).toBe(countOf(histogram));
      }
    }
    expect(column(quick, "long").numbers!.histogram.discrete).toBe(false);
    expect(column(quick, "ratio").numbers).toMatchObject({ nans: 60, infinite: 60, negative: 60 });
  });

  it("finds few numbers behind many integers", async () => {
    const text = "SELECT 1152921504606846976 + i % 25000 AS x FROM range(30000) t(i)";
    const { histogram } = column(await manyRows(text), "x").numbers!;
    expect(histogram).toEqual(column(await manyRows(text, 1000), "x").numbers!.histogram);
    expect(histogram.discrete).toBe(true);
  });

  it("can be put together from parts: the same hashes, and shares within 1/200", async () => {
    const parts = await Promise.all(
      [0, 1, 2].map(async (part) => manyRows(`FROM (${query}) WHERE id % 3 = ${part}`, 20_000)),
    );
    const [merged, whole] = [mergeProfiles(parts), await manyRows(query)];
    for (const expected of whole.columns) {
      const found = column(merged, expected.name);
      expect([found.rows, found.nulls, found.hashes]).toEqual([expected.rows, expected.nulls, expected.hashes]);
    }
    const { histogram } = column(merged, "id").numbers!;
    for (const [position, edge] of histogram.edges.entries())
      expect(Math.abs(sharesBelow(histogram)[position]! - edge / 60_000)).toBeLessThan(1 / 200);
  });
});

describe("merged profiles", () => {
  const rows = fc.array(
    fc.record({
      n: fc.option(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 }))),
      t: fc.option(fc.constantFrom("a", "b", "", "2026-01-01", "x@example.org")),
    }),
    { maxLength: 30 },
  );
  const table = (values: readonly { n: number | null; t: string | null }[]): string =>
    `SELECT CAST(r.n AS DOUBLE) AS n, CAST(r.t AS VARCHAR) AS t FROM (SELECT unnest(from_json('${JSON.stringify(values)}', '[{"n":"DOUBLE","t":"VARCHAR"}]')) AS r)`;

  it("are the profile of both tables together, wherever values are few", async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, async (a, b) => {
        const merged = mergeProfiles([await profileOf(table(a)), await profileOf(table(b))]);
        const whole = await profileOf(table([...a, ...b]));
        const withoutMean = (value: Profile): unknown => ({
          ...value,
          columns: value.columns.map((item) => ({
            ...item,
            numbers: item.numbers === null ? null : { ...item.numbers, mean: 0 },
          })),
        });
        expect(withoutMean(merged)).toEqual(withoutMean(whole));
        const means = [merged, whole].map((value) => column(value, "n").numbers?.mean ?? 0);
        expect(Math.abs(means[0]! - means[1]!)).toBeLessThan(1e-6);
      }),
      { numRuns: 25 },
    );
  });

  it("know the share below any point to within 1/200, where values are many", async () => {
    const a = "SELECT sin(i) * 100 AS x FROM range(5000) t(i)";
    const b = "SELECT cos(i * 1.7) * 300 + 50 AS x FROM range(3000) t(i)";
    const { histogram } = column(mergeProfiles([await profileOf(a), await profileOf(b)]), "x").numbers!;
    const [found] = await session.rows(
      `SELECT ${histogram.edges.map((edge, at) => `count(*) FILTER (x < ${edge}) AS e${at}`).join(", ")} FROM (${a} UNION ALL ${b})`,
    );
    const below = sharesBelow(histogram);
    const worst = Math.max(...below.map((share, at) => Math.abs(share - Number(found![`e${at}`]) / 8000)));
    expect(worst).toBeLessThanOrEqual(1 / 200 + 1e-9);
    expect(countOf(histogram)).toBe(8000);
  });

  it("estimate distinct values exactly as one scan would", async () => {
    const [a, b] = ["SELECT i AS x FROM range(3000) t(i)", "SELECT i + 1500 AS x FROM range(3000) t(i)"];
    const merged = column(mergeProfiles([await profileOf(a), await profileOf(b)]), "x");
    expect(merged.hashes).toEqual(column(await profileOf(`${a} UNION ALL ${b}`), "x").hashes);
  });

  it("take a column that one table lacks for null there", async () => {
    const merged = mergeProfiles([await profileOf("SELECT 1 AS a"), await profileOf("SELECT 1 AS a, 'x' AS b")]);
    expect(column(merged, "b")).toMatchObject({ rows: 2, nulls: 1, values: { top: [{ value: "x", count: 1 }] } });
  });
});
