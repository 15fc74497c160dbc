import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { col, contract, rule, timestamp } from "../../../src/quality/index.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const sale = contract("sale", {
  row: z.strictObject({
    id: z.string().min(1),
    amount: z.number().positive(),
    sold_at: timestamp({ timeZone: "UTC" }),
    paid: z.boolean().nullable(),
    n: z.int(),
  }),
});
const columns = ["id", "amount", "sold_at", "paid", "n"];
const good = { id: "a", amount: "1.5", sold_at: "2026-01-01 00:00", paid: "true", n: "3" };

describe("a validate step", () => {
  it("hands on valid rows in their order, with the contract's columns and types", async () => {
    const dataset = await bench.dataset([...columns].reverse(), [
      good,
      { ...good, id: "b", paid: null },
      { ...good, id: "" },
      { ...good, id: "c" },
    ]);
    const { output, rows, valid } = await bench.judge(sale, dataset);
    expect(rows).toEqual({ in: 4, out: 3, duplicate: 0, quarantined: 1 });
    expect(output.columns).toEqual([
      { name: "id", type: "VARCHAR" },
      { name: "amount", type: "DOUBLE" },
      { name: "sold_at", type: "TIMESTAMP WITH TIME ZONE" },
      { name: "paid", type: "BOOLEAN" },
      { name: "n", type: "BIGINT" },
    ]);
    expect(valid).toEqual(
      ["a", "b", "c"].map((id) => ({
        id,
        amount: 1.5,
        sold_at: "2026-01-01 00:00:00+00",
        paid: id === "b" ? null : true,
        n: "3",
      })),
    );
    const described = await bench.session.describe(`FROM read_parquet('${output.files[0]!}')`);
    expect(described).toEqual(output.columns);
  });

  it("sets a broken row aside with its position, the row as delivered, and its reasons", async () => {
    const dataset = await bench.dataset(columns, [good, { ...good, amount: "1,5", n: "2.0" }]);
    const { broken } = await bench.judge(sale, dataset);
    expect(broken).toMatchObject([
      {
        record: 2,
        row: { ...good, amount: "1,5", n: "2.0" },
        reasons: [
          { path: "amount", rule: "type", value: "1,5" },
          { path: "n", rule: "type", value: "2.0" },
        ],
      },
    ]);
  });

  it("keeps repeats by default; drops them before validation if asked, nulls being equal, and keeps the first", async () => {
    const rows = [
      good,
      { ...good, id: "b", paid: null },
      good,
      { ...good, n: "x" },
      { ...good, id: "b", paid: null },
      { ...good, n: "x" },
      good,
    ];
    const dataset = await bench.dataset(columns, rows);
    expect((await bench.judge(sale, dataset)).rows).toEqual({ in: 7, out: 5, duplicate: 0, quarantined: 2 });
    const { rows: counts, valid, broken } = await bench.judge(sale, dataset, { duplicates: "drop" });
    expect(counts).toEqual({ in: 7, out: 2, duplicate: 4, quarantined: 1 });
    expect(valid.map((row) => row["id"])).toEqual(["a", "b"]);
    expect(broken.map(({ record }) => record)).toEqual([4]);
  });

  it("counts positions and finds repeats over all files of a dataset", async () => {
    const first = await bench.dataset(columns, [good, { ...good, id: "b" }]);
    const second = await bench.dataset(columns, [{ ...good, n: "x" }, good]);
    const both: Dataset = { ...first, files: [...first.files, ...second.files, ...first.files], rows: 6 };
    const { rows, valid, broken } = await bench.judge(sale, both, { duplicates: "drop" });
    expect(rows).toEqual({ in: 6, out: 2, duplicate: 3, quarantined: 1 });
    expect(valid.map((row) => row["id"])).toEqual(["a", "b"]);
    expect(broken.map(({ record }) => record)).toEqual([3]);
  });

  it("empties the quarantine when the partition has no broken rows any more", async () => {
    await bench.judge(sale, await bench.dataset(columns, [{ ...good, n: "x" }]));
    expect((await bench.judge(sale, await bench.dataset(columns, [good]))).broken).toEqual([]);
    await bench.judge(sale, await bench.dataset(columns, [{ ...good, n: "x" }]));
    const nothing: Dataset = { kind: "dataset", files: [], columns: [], rows: 0, bytes: 0, hash: "" };
    const { output, rows, broken } = await bench.judge(sale, nothing);
    expect({ rows, broken, names: output.columns.map(({ name }) => name) }).toEqual({
      rows: { in: 0, out: 0, duplicate: 0, quarantined: 0 },
      broken: [],
      names: columns,
    });
  });

  it("fails instead, if told so, and says what is wrong with the first row", async () => {
    const dataset = await bench.dataset(columns, [good, { ...good, amount: "0" }, { ...good, amount: "-1" }]);
    await expect(bench.judge(sale, dataset, { onInvalid: "fail" })).rejects.toMatchObject({
      code: "CONTRACT_FAILED",
      message:
        '2 rows break contract "sale" on step "lines"; the first is row 2: amount: Too small: expected number to be >0',
    });
    expect((await bench.judge(sale, await bench.dataset(columns, [good]), { onInvalid: "fail" })).rows?.out).toBe(1);
  });

  it("stops with ACCOUNTING when the dataset does not hold the rows it says", async () => {
    const dataset = await bench.dataset(columns, [good, { ...good, n: "x" }]);
    for (const rows of [1, 3]) {
      await expect(bench.judge(sale, { ...dataset, rows }, { duplicates: "drop" })).rejects.toMatchObject({
        code: "ACCOUNTING",
      });
      await expect(bench.judge(sale, { ...dataset, rows })).rejects.toMatchObject({ code: "ACCOUNTING" });
    }
  });

  it("stops with ACCOUNTING when quarantine keeps fewer rows than it was given", async () => {
    const dataset = await bench.dataset(columns, [good, { ...good, n: "x" }, { ...good, n: "y" }]);
    const { replace } = bench.quarantine;
    const leaky = {
      ...bench.quarantine,
      replace: async (...given: Parameters<typeof replace>) => (await replace(...given)) - 1,
    };
    await expect(bench.judge(sale, dataset, {}, leaky)).rejects.toMatchObject({
      code: "ACCOUNTING",
      message: "3 rows in (3 read) are not 1 valid + 0 duplicate + 1 quarantined (2 failed)",
    });
  });

  it("judges more rules than fit in one mask", async () => {
    const names = Array.from({ length: 130 }, (_, position) => `c${position}`);
    const wide = contract("wide", {
      row: z.strictObject(Object.fromEntries(names.map((name) => [name, z.int().min(0)]))),
    });
    const row = Object.fromEntries(names.map((name) => [name, "1"]));
    const dataset = await bench.dataset(names, [row, ...names.map((name) => ({ ...row, [name]: "-1" }))]);
    const { broken, rows } = await bench.judge(wide, dataset);
    expect(rows).toMatchObject({ out: 1, quarantined: 130 });
    expect(broken.map(({ reasons }) => reasons[0]?.path)).toEqual(names);
  });

  it("asks the validator in JS only where SQL can't decide, and lets pass what it finds valid", async () => {
    const even = contract("even", {
      row: z.object({ id: z.string().refine((id) => Number(id) % 2 === 0), n: z.int() }),
    });
    const rows = Array.from({ length: 5000 }, (_, position) => ({
      id: String(position),
      n: position % 1000 === 0 ? "x" : "1",
    }));
    const { rows: counts, valid } = await bench.judge(even, await bench.dataset(["id", "n"], rows));
    expect(counts).toEqual({ in: 5000, out: 2495, duplicate: 0, quarantined: 2505 });
    expect(valid.slice(0, 3).map((row) => row["id"])).toEqual(["2", "4", "6"]);
  });

  it("judges nested values by their own schema", async () => {
    const tagged = contract("tagged", {
      row: z.object({ tags: z.array(z.string().min(1)), place: z.object({ city: z.string() }).nullable() }),
    });
    const dataset = await writeQuery(
      bench.session,
      bench.artifacts,
      `SELECT * FROM (VALUES (['a', 'b'], {'city': 'Oslo'}), (['a', ''], {'city': 'Oslo'}), (['a'], {'city': NULL}), (NULL, NULL), ([], NULL)) AS t(tags, place)`,
    );
    const { broken, rows } = await bench.judge(tagged, dataset);
    expect(rows).toMatchObject({ out: 2, quarantined: 3 });
    expect(broken.map(({ reasons }) => reasons.map(({ path, rule: name }) => [path, name]))).toEqual([
      [["tags.1", "minLength"]],
      [["place.city", "required"]],
      [["tags", "required"]],
    ]);
  });

  it("loses no digit of a number inside JSON: not of a valid row, not in quarantine, and not when that is replayed", async () => {
    const nested = contract("nested", {
      row: z.strictObject({ id: z.int(), box: z.looseObject({ order: z.number() }) }),
    });
    const json = [
      { name: "id", type: "VARCHAR" },
      { name: "box", type: "JSON" },
    ];
    const texts = [
      '{"order":9007199254740993}',
      '{"order":1,"far":[{"deep":-12345678901234567890}]}',
      '{"order":0.12345678901234567891}',
      '{"order":1,"huge":1e999,"tiny":1e-999}',
    ];
    const good = await bench.dataset(
      json,
      texts.map((box, id) => ({ id: String(id), box })),
    );
    expect((await bench.judge(nested, good)).valid.map(({ box }) => box)).toEqual(texts);
    const bad = await bench.dataset(
      json,
      texts.map((box) => ({ id: "x", box })),
    );
    const { broken } = await bench.judge(nested, bad);
    expect(broken.map(({ row }) => row["box"])).toEqual(texts);
    // What lies there is what a replay writes.
    const again = await bench.dataset(
      json,
      broken.map(({ row }, id) => ({ ...row, id: String(id) })),
    );
    expect((await bench.judge(nested, again)).valid.map(({ box }) => box)).toEqual(texts);
    // Nor does a text in quotes become a number, or a null of JSON one of the table's.
    const single = contract("single", { row: z.strictObject({ id: z.int(), box: z.any() }) });
    const alone = ['"123"', '"abc"', "null", "true", "5", null];
    const odd = await bench.dataset(
      json,
      alone.map((box) => ({ id: "x", box })),
    );
    const aside = (await bench.judge(single, odd)).broken.map(({ row }, id) => ({ ...row, id: String(id) }));
    const written = await bench.dataset(json, aside);
    expect((await bench.judge(single, written)).valid.map(({ box }) => box)).toEqual(alone);
    // Numbers that JavaScript has exactly stay what they are.
    const plain = { order: 9007199254740991, list: [0, 0.1, 1e21, 9007199254740992, 100000000000000000000] };
    const kept = await bench.dataset(json, [{ id: "x", box: JSON.stringify(plain) }]);
    expect((await bench.judge(nested, kept)).broken[0]!.row["box"]).toEqual(plain);
  });

  it("takes a missing optional column, and drops extra ones of a plain object", async () => {
    const loose = contract("loose", { row: z.object({ id: z.string(), note: z.string().optional() }) });
    const { output, valid } = await bench.judge(loose, await bench.dataset(["id", "extra"], [{ id: "a", extra: "b" }]));
    expect(output.columns.map(({ name }) => name)).toEqual(["id", "note"]);
    expect(valid).toEqual([{ id: "a", note: null }]);
  });

  it.each([
    [
      ["id", "amount", "soldAt", "paid", "n"],
      'the column "sold_at" is missing; the dataset has "soldAt", which it probably was renamed to',
    ],
    [["id", "amount", "sold_at", "paid"], 'the column "n" is missing'],
    [
      ["ID", "amount", "sold_at", "paid", "n"],
      'the column "id" is missing; the dataset has "ID", which it probably was renamed to',
    ],
    [[...columns, "colour"], 'the dataset has the column "colour", which the contract does not name'],
  ])("refuses a dataset with columns %j", async (names, what) => {
    await expect(bench.judge(sale, await bench.dataset(names, [{}]))).rejects.toMatchObject({
      code: "CONTRACT_MISMATCH",
      message: `Contract "sale" on step "lines": ${what}`,
    });
  });

  it("judges columns whose names need quoting", async () => {
    const odd = contract("odd", {
      row: z.strictObject({ 'a "b"': z.int(), select: z.string(), "x.y": z.int().min(5), rid: z.int() }),
    });
    const dataset = await bench.dataset(
      ['a "b"', "select", "x.y", "rid"],
      [
        { 'a "b"': "1", select: "x", "x.y": "5", rid: "7" },
        { 'a "b"': "1", select: "x", "x.y": "4", rid: "7" },
      ],
    );
    expect((await bench.judge(odd, dataset)).broken.map(({ reasons }) => reasons[0]?.path)).toEqual(["x.y"]);
  });
});

const retail = new URL("../../../../shared/data/retail/", import.meta.url);

describe.skipIf(!existsSync(retail))("the year of real invoice lines (needs ../shared/data/retail)", () => {
  const invoiceLine = contract("invoice_line", {
    row: z.strictObject({
      invoice_no: z.string().regex(/^[CA]?\d{6}$/),
      stock_code: z.string().min(1),
      description: z.string().nullable(),
      quantity: z.int(),
      invoice_date: timestamp({ timeZone: "Europe/London" }),
      unit_price: z.number().positive(),
      customer_id: z.string().regex(/^\d+$/).nullable(),
      country: z.string().min(1),
    }),
    rules: [
      rule("quantity_not_zero", col("quantity").ne(0)),
      rule("cancellations_are_negative", col("invoice_no").startsWith("C").eq(col("quantity").lt(0))),
    ],
  });
  const day = (file: string): Promise<Dataset> =>
    writeQuery(
      bench.session,
      bench.artifacts,
      `SELECT InvoiceNo AS invoice_no, StockCode AS stock_code, nullif(Description, '') AS description, Quantity AS quantity,
         InvoiceDate AS invoice_date, UnitPrice AS unit_price, regexp_replace(nullif(CustomerID, ''), '\\.0$', '') AS customer_id, Country AS country
       FROM read_csv('${new URL(file, retail).pathname}', all_varchar = true, header = true)`,
    );

  it("has 3,054 valid, 44 duplicate and 10 quarantined lines on 2010-12-01", async () => {
    const { rows } = await bench.judge(invoiceLine, await day("2010-12-01.csv.gz"), { duplicates: "drop" });
    expect(rows).toEqual({ in: 3108, out: 3054, duplicate: 44, quarantined: 10 });
  });

  it("has 366,129 valid, 2,848 duplicate and 1,954 quarantined lines in all", async () => {
    const total = { in: 0, out: 0, duplicate: 0, quarantined: 0 };
    for (const file of readdirSync(retail).filter((name) => name.endsWith(".csv.gz"))) {
      const { rows } = await bench.judge(invoiceLine, await day(file), { duplicates: "drop" });
      for (const name of ["in", "out", "duplicate", "quarantined"] as const) total[name] += rows![name];
    }
    expect(total).toEqual({ in: 370_931, out: 366_129, duplicate: 2848, quarantined: 1954 });
  }, 180_000);
});
