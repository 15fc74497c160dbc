// Expectations on real datasets: verdicts, what is reported, and how often the dataset is read.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Dataset } from "../../../../src/dataset/dataset.ts";
import type { ExpectationResult } from "../../../../src/dataset/expectation-report.ts";
import { sql } from "../../../../src/dataset/sql.ts";
import { evaluate } from "../../../../src/quality/expectations/evaluate.ts";
import * as q from "../../../../src/quality/index.ts";
import { type Bench, openBench } from "../judging.ts";

let bench: Bench;
let orders: Dataset;
let customers: Dataset;
beforeAll(async () => {
  bench = await openBench();
  orders = await bench.dataset(
    [
      { name: "id", type: "BIGINT" },
      "country",
      { name: "amount", type: "DOUBLE" },
      { name: "at", type: "TIMESTAMP" },
      "note",
      { name: "customer", type: "BIGINT" },
    ],
    [
      { id: 1, country: "DE", amount: 10, at: "2026-01-01 00:00:00", note: "a", customer: 1 },
      { id: 2, country: "DE", amount: 20, at: "2026-01-02 00:00:00", note: "b", customer: 2 },
      { id: 3, country: "TW", amount: null, at: "2026-01-03 00:00:00", note: "c", customer: 3 },
      { id: 3, country: "TW", amount: -5, at: "2026-01-02 12:00:00", note: "d\u00a0x", customer: 9 },
      { id: 5, country: null, amount: "NaN", at: null, note: null, customer: null },
    ],
  );
  customers = await bench.dataset([{ name: "id", type: "BIGINT" }], [{ id: 1 }, { id: 2 }, { id: 3 }]);
});
afterAll(() => bench.close());

const others = (): ReadonlyMap<string, Dataset> => new Map([["customers", customers]]);
const judge = async (...expectations: q.Expectation[]) =>
  evaluate({ session: bench.session, dataset: orders, expectations, others: others(), asOf: Date.UTC(2026, 0, 4) });
const one = async (expectation: q.Expectation): Promise<ExpectationResult> => (await judge(expectation)).results[0]!;

describe("expectations on a dataset", () => {
  it("are judged in one scan where aggregates can tell", async () => {
    const { scans, results, rows } = await judge(
      q.rowCount({ min: 1, max: 10 }),
      q.columnCount({ equals: 6 }),
      q.notNull("id"),
      q.completeness("country", { min: 0.8 }),
      q.mean("amount", { min: 8, max: 9 }),
      q.median("amount", { equals: 10 }),
      q.minimum("at", { min: new Date("2026-01-01") }),
      q.maximum("amount", { max: 20 }),
      q.quantiles("amount", { 0: { equals: -5 }, 1: { max: 20 } }),
      q.oneOf("country", ["DE", "TW"]),
      q.lengths("country", { equals: 2 }),
      q.matches("country", /^[A-Z]{2}$/),
      q.unique("customer"),
      q.distinctCount("country", { equals: 2 }),
      q.satisfies("positive_or_tw", sql`amount > 0 or country = 'TW'`),
      q.references("customer", "customers", "id", { mostly: 0.7 }),
      q.measure("revenue", sql`sum(amount) filter (where amount > 0 and not isnan(amount))`, { equals: 30 }),
    );
    expect(results.filter(({ success }) => !success)).toEqual([]);
    // One for all; of the one that a row breaks, one to find the row and one to read it.
    expect([scans, rows]).toEqual([3, 5]);
    expect((await judge(q.rowCount(), q.notNull("id"), q.unique("customer"), q.mean("amount"))).scans).toBe(1);
  });

  it("say which rows are unexpected: how many, which share, where, and what they hold", async () => {
    const result = await one(q.between("amount", { min: 0, max: 15 }));
    expect(result).toMatchObject({
      expectation: "between",
      title: "amount is between 0 and 15",
      column: "amount",
      severity: "fail",
      success: false,
      rows: 5,
      missing: 2,
      unexpected: { count: 2, share: 2 / 3, records: [2, 4], sample: [{ amount: 20 }, { amount: -5 }] },
    });
  });

  it("count positions over all files of a dataset", async () => {
    const id = { name: "id", type: "BIGINT" };
    const more = await bench.dataset([id], [{ id: 7 }, { id: 1 }]);
    const twice = await evaluate({
      session: bench.session,
      dataset: { ...customers, files: [...customers.files, ...more.files], rows: 5 },
      expectations: [q.between("id", { max: 2 })],
      asOf: 0,
    });
    expect(twice.results[0]!.unexpected).toMatchObject({ count: 2, records: [3, 4], sample: [{ id: 3 }, { id: 7 }] });
  });

  it("look at rows that meet a condition, in SQL or as an expression", async () => {
    const inGermany = await judge(
      q.rowCount({ equals: 2, where: sql`country = ${"DE"}` }),
      q.notNull("amount", { where: q.col("country").eq("DE") }),
      q.mean("amount", { equals: 15, where: q.col("country").eq("DE") }),
      q.unique("id", { where: sql`country = 'DE'` }),
      q.measure("largest", sql`max(amount)`, { equals: 20, where: sql`country = 'DE'` }),
    );
    expect(inGermany.results.map(({ success, observed }) => [success, observed])).toEqual([
      [true, 2],
      [true, 0],
      [true, 15],
      [true, 0],
      [true, 20],
    ]);
  });

  it("hold for each group by itself", async () => {
    const { results, scans } = await judge(
      q.rowCount({ min: 2, by: "country" }),
      q.unique("id", { by: "country" }),
      q.increasing("at", { by: "country" }),
      q.distinctWithin("note", ["a", "b", "c"], { by: ["country"] }),
      q.matches("note", /^\S+$/, { by: "country" }),
    );
    expect(results.map(({ success, groupCount }) => [success, groupCount])).toEqual([
      [false, 3],
      [false, 3],
      [false, 3],
      [false, 3],
      [false, 3],
    ]);
    expect(results[0]).toMatchObject({
      observed: { groups: 3, failing: 1 },
      groups: [{ group: { country: null }, observed: 1 }, {}, {}],
    });
    expect(results[1]!.groups![0]).toEqual({
      group: { country: "TW" },
      success: false,
      observed: 1,
      rows: 2,
      unexpected: 2,
    });
    expect(results[2]!.unexpected).toMatchObject({ count: 1, records: [4] });
    expect(results[4]!.groups!.filter(({ success }) => !success)).toMatchObject([
      { group: { country: "TW" }, unexpected: 1 },
    ]);
    expect(scans).toBe(6);
  });

  it("pass with `mostly` while enough rows do", async () => {
    expect((await one(q.notNull("amount", { mostly: 0.6 }))).success).toBe(true);
    expect((await one(q.notNull("amount", { mostly: 0.61 }))).success).toBe(false);
  });

  it("that can't be judged say why, and take nothing from the others", async () => {
    const { results } = await judge(
      q.mean("country", { min: 1 }),
      q.notNull("amounts"),
      q.satisfies("broken", sql`no_such_function(id) > 1`),
      q.references("customer", "clients", "id"),
      q.between("country", { min: 3 }),
      q.standardDeviation("amount", { by: "id" }),
      q.noRows("syntax", sql`selec`),
      q.rowCount({ equals: 5 }),
    );
    expect(results.map(({ error }) => error?.split("\n")[0] ?? null)).toEqual([
      'the column "country" is VARCHAR, and this needs number or truth',
      'the dataset has no column "amounts"; it has "amount", which it probably was renamed to',
      expect.stringContaining("no_such_function"),
      'no dataset was given as "clients" (there is "customers")',
      "a column of VARCHAR can't be compared with 3",
      null,
      expect.stringContaining("syntax error"),
      null,
    ]);
    expect(results.at(-1)).toMatchObject({ success: true, observed: 5 });
  });

  it("give the verdict of JS where the engine's own would differ", async () => {
    // To JS a no-break space is white space; to the engine it is not.
    expect(await one(q.matches("note", /^\S+$/))).toMatchObject({
      success: false,
      unexpected: { count: 1, records: [4] },
    });
    expect(await one(q.matches("note", /^(?!b)/))).toMatchObject({
      success: false,
      unexpected: { count: 1, records: [2] },
    });
  });

  it("see repeats, order and outliers among other rows", async () => {
    expect(await one(q.unique("id"))).toMatchObject({
      unexpected: { count: 2, records: [3, 4], sample: [{ id: 3 }, { id: 3 }] },
    });
    expect(await one(q.uniqueTogether(["id", "country"]))).toMatchObject({ unexpected: { count: 2 } });
    expect(await one(q.increasing("at"))).toMatchObject({ unexpected: { count: 1, records: [4] } });
    expect(await one(q.zScores("id", { below: 1.5 }))).toMatchObject({ success: true });
    expect(await one(q.zScores("id", { below: 1.4 }))).toMatchObject({ success: false, unexpected: { records: [5] } });
  });

  it("run queries and code of one's own on the dataset and others", async () => {
    expect(await one(q.noRows("no_negative", sql`from dataset where amount < 0`))).toMatchObject({
      success: false,
      observed: 1,
      unexpected: { count: 1, sample: [{ id: 3, country: "TW" }] },
    });
    const same = q.sameResult(
      "ids",
      sql`select distinct customer from dataset where customer < 4`,
      sql`from customers`,
    );
    expect(await one(same)).toMatchObject({ success: true, observed: 1 });
    const own = q.custom("two_countries", async ({ rows }) => {
      const [found] = await rows(sql`select count(distinct country) as n from dataset`);
      return { success: Number(found?.["n"]) === 2, observed: Number(found?.["n"]) };
    });
    expect(await one(own)).toMatchObject({ success: true, observed: 2, title: "two_countries" });
    expect((await one(q.custom("odd", () => 3 as never))).error).toMatch(/answered 3/);
    expect(await one(q.sameRowCount("customers"))).toMatchObject({
      success: false,
      observed: { rows: 5, customers: 3 },
    });
  });

  it("judge JSON by a Zod schema or a JSON Schema, per text", async () => {
    const payloads = await bench.dataset(
      ["body"],
      [{ body: '{"a":1}' }, { body: '{"a":"x"}' }, { body: "{" }, { body: "[NaN]" }],
    );
    const { results } = await evaluate({
      session: bench.session,
      dataset: payloads,
      asOf: 0,
      expectations: [
        q.validJson("body"),
        q.matchesJson("body", z.object({ a: z.int() })),
        q.matchesJson("body", { type: "object", properties: { a: { type: "integer" } }, required: ["a"] }),
      ],
    });
    expect(results.map(({ unexpected }) => unexpected?.records)).toEqual([
      [3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ]);
  });

  it("of no rows: rules about rows hold, measures against bounds don't", async () => {
    const none = { ...orders, files: [], rows: 0 };
    const { results } = await evaluate({
      session: bench.session,
      dataset: none,
      asOf: 0,
      expectations: [
        q.notNull("id"),
        q.unique("id"),
        q.increasing("at"),
        q.mean("amount", { min: 0 }),
        q.mean("amount"),
        q.rowCount({ min: 1 }),
      ],
    });
    expect(results.map(({ success }) => success)).toEqual([true, true, true, false, true, false]);
  });

  it("name a column that was probably renamed", async () => {
    expect(await one(q.columnsAre(["ID", "country", "amount", "created_at", "note", "customer"]))).toMatchObject({
      success: false,
      details: { missing: ["ID", "created_at"], unexpected: ["id", "at"], probablyRenamed: { ID: "id" } },
    });
    expect(await one(q.columnsAre(["id", "note"], { others: true }))).toMatchObject({ success: true });
    expect(await one(q.hasColumn("notes"))).toMatchObject({
      success: false,
      details: { probablyRenamed: { notes: "note" } },
    });
  });
});

describe("a definition that can't work is refused at once", () => {
  it.each([
    ["a share above 1", () => q.notNull("a", { mostly: 1.1 }), "mostly is 1.1"],
    ["bounds the wrong way round", () => q.rowCount({ min: 2, max: 1 }), "its least value 2 is above its greatest, 1"],
    ["a count that is none", () => q.rowCount({ min: "1" as never }), 'min is "1"'],
    ["no bound", () => q.between("a", {}), "there is no bound"],
    ["null in a set", () => q.oneOf("a", [null as never]), "null is among the values"],
    ["no name", () => q.notNull(""), '"" is not a column'],
    ["weights that are no distribution", () => q.klDivergence("a", { values: ["x"], weights: [0.5] }), "add up to 0.5"],
    ["a format that is none", () => q.dateFormat("a", "%Q"), '"%Q" is not known'],
    ["a quantile that is none", () => q.quantiles("a", { 2: { min: 1 } }), "2 is no quantile"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
  });
});
