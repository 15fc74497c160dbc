// Distinct values of whole numbers, counted by bits where they lie close together: as many as a set of them has.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../../src/dataset/session.ts";
import { quotePath, sql } from "../../../../src/dataset/sql.ts";
import { distinctCountOf } from "../../../../src/quality/expectations/distinct.ts";
import { evaluate } from "../../../../src/quality/expectations/evaluate.ts";
import type { Expectation } from "../../../../src/quality/expectations/expectation.ts";
import { sourceOf } from "../../../../src/quality/expectations/source.ts";
import { between, distinctCount, distinctShare, unique } from "../../../../src/quality/index.ts";

let folder: string;
let session: Session;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-distinct-"));
  session = await openSession({ temporaryFolder: join(folder, "spill") });
});
afterAll(() => {
  session.close();
  rmSync(folder, { recursive: true });
});

/** A dataset of one file per query. */
async function datasetOf(...queries: readonly string[]): Promise<Dataset> {
  const files = queries.map((_, at) => join(folder, `${Math.random().toString(36).slice(2)}-${at}.parquet`));
  let rows = 0;
  for (const [at, query] of queries.entries())
    rows += await session.run(`COPY (${query}) TO ${quotePath(files[at]!)} (FORMAT parquet)`);
  const columns = await session.describe(queries[0]!);
  return { kind: "dataset", files, columns, rows, bytes: 0, hash: "" };
}

async function results(dataset: Dataset, expectations: readonly Expectation[], on: Session = session) {
  return (await evaluate({ session: on, dataset, expectations, asOf: 0 })).results;
}

/** The SQL by which distinct values of `x` are counted. */
async function countingOf(dataset: Dataset): Promise<string> {
  const source = await sourceOf(session, dataset);
  return (await distinctCountOf(source, new Set(['"x"'])))('"x"', "");
}

const list = (type: string, values: readonly (string | null)[]): string =>
  `SELECT CAST(unnest([${values.map((value) => (value === null ? "NULL" : `'${value}'`)).join(", ")}]) AS ${type}) AS x`;

describe("distinct whole numbers", () => {
  const cases: readonly (readonly [string, readonly (string | null)[], "bits" | "table"])[] = [
    ["BIGINT", ["1", "2", "2", null, "5"], "bits"],
    ["BIGINT", ["-7", "-7", "-3", "0", "12"], "bits"],
    ["BIGINT", ["9223372036854775807", "9223372036854775800", null, "9223372036854775807"], "bits"],
    ["BIGINT", ["-9223372036854775808", "-9223372036854775800"], "bits"],
    ["BIGINT", ["-9223372036854775808", "9223372036854775807", "0"], "table"],
    ["BIGINT", ["0", "1000", "2000"], "table"],
    ["UBIGINT", ["18446744073709551615", "18446744073709551614", "18446744073709551615"], "bits"],
    ["INTEGER", ["-2147483648", "-2147483640", "-2147483648"], "bits"],
    ["INTEGER", ["-2147483648", "2147483647"], "table"],
    ["UINTEGER", ["4294967295", "4294967290"], "bits"],
    ["TINYINT", ["-128", "127", "127", "3"], "table"],
    ["HUGEINT", ["1", "2", "2"], "table"],
    ["DECIMAL(9,2)", ["1.00", "1.01", "1.01"], "table"],
    ["DOUBLE", ["1", "NaN", "NaN", "2"], "table"],
    ["VARCHAR", ["1", "2", "2"], "table"],
    ["BIGINT", [null, null], "table"],
  ];
  it.each(cases)("of %s %j are counted exactly", async (type, values, manner) => {
    const dataset = await datasetOf(list(type, values));
    expect((await countingOf(dataset)).includes("bitstring_agg")).toBe(manner === "bits");
    const there = values.filter((value) => value !== null && value !== "NaN");
    const distinct = new Set(there).size;
    const [repeats, count, share] = await results(dataset, [unique("x"), distinctCount("x"), distinctShare("x")]);
    const repeated = there.filter((value) => there.filter((other) => other === value).length > 1);
    expect(repeats).toMatchObject({
      success: repeated.length === 0,
      rows: values.length,
      missing: values.length - there.length,
      unexpected: { count: repeated.length },
    });
    expect(count!.observed).toBe(distinct);
    expect(share!.observed).toBe(there.length === 0 ? null : distinct / there.length);
  });

  it("are counted over all files, among rows that meet a condition, and by group", async () => {
    const dataset = await datasetOf(
      "SELECT i AS x, i % 3 AS g FROM range(-50, 50) t(i)",
      "SELECT i AS x, i % 3 AS g FROM range(40, 90) t(i)",
    );
    expect(await countingOf(dataset)).toContain('bitstring_agg("x", -50, 89)');
    const [all, some, none, grouped] = await results(dataset, [
      unique("x"),
      unique("x", { where: sql`x < 40` }),
      distinctCount("x", { where: sql`x > 1000`, equals: 0 }),
      distinctCount("x", { by: "g" }),
    ]);
    expect(all).toMatchObject({ success: false, unexpected: { count: 20 } });
    expect(some).toMatchObject({ success: true, rows: 90 });
    expect(none).toMatchObject({ success: true, observed: 0 });
    expect(grouped!.groupCount).toBe(5);
  });

  it("are counted one by one where the footers say less than there is", async () => {
    const dataset = await datasetOf("SELECT i // 2 AS x FROM range(20) t(i)");
    const lying: Session = {
      ...session,
      rows: async (text, values) =>
        text.includes("stats_min_value")
          ? [{ name: "x", low: "0", high: "3", known: true }]
          : session.rows(text, values),
    };
    const [count, repeats] = await results(dataset, [distinctCount("x"), unique("x")], lying);
    expect(count).toMatchObject({ success: true, observed: 10 });
    expect(repeats).toMatchObject({ success: false, unexpected: { count: 20 } });
    expect(count!.error).toBeUndefined();
  });
});

describe("the rows that are shown", () => {
  it("are the first of all, also where the dataset's start has too few", async () => {
    const query = "SELECT i AS x, i % 100000 AS y, CASE WHEN i = 200000 THEN 5 END AS z FROM range(300000) t(i)";
    const dataset = await datasetOf(query);
    const [often, seldom, last] = await results(dataset, [
      between("x", { min: 10 }),
      between("y", { min: 1 }),
      between("z", { max: 1 }),
    ]);
    expect(often!.unexpected).toMatchObject({ count: 10, records: [1, 2, 3, 4, 5] });
    expect(seldom!.unexpected).toMatchObject({ count: 3, records: [1, 100_001, 200_001] });
    expect(last!.unexpected).toMatchObject({ count: 1, records: [200_001], sample: [{ z: 5 }] });
  });
});
