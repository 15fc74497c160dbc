import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Column } from "../../../src/dataset/dataset.ts";
import { cellClass, decodeInto } from "../../../src/quality/cell.ts";
import { col, contract, rule, timestamp } from "../../../src/quality/index.ts";
import type { Contract } from "../../../src/quality/contract.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const nasty = [
  "",
  " ",
  "0",
  "-0",
  "+5",
  "007",
  "5.0",
  "5.",
  ".5",
  "1e3",
  "1E+5",
  "1e999",
  "-1e999",
  "1e-400",
  "1_000",
  "0x1F",
  " 42",
  "42 ",
  "42\n",
  "1,5",
  "NaN",
  "nan",
  "inf",
  "Infinity",
  "-Infinity",
  "true",
  "false",
  "TRUE",
  "t",
  "yes",
  "1",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "-9007199254740991",
  "99999999999999999999999",
  "000000000000000000000000000000000000000000000000009",
  "0.1",
  "0.30000000000000004",
  "1.7976931348623157e308",
  "123456789012345678901234567890.5",
  "2.2250738585072011e-308",
  "5e-324",
  "abc",
  "ABC",
  "aBc",
  "é",
  "e\u0301",
  "\u00a0",
  "\u2028",
  "\ufeff",
  "\u212a",
  "\u017f",
  "ß",
  "ÿ",
  "\ue000",
  "😀",
  "a😀b",
  "👨‍👩‍👧",
  "😀😀",
  "line\nbreak",
  "tab\there",
  "\r",
  "\v",
  "C123456",
  "A123456",
  "123456",
  "1234567",
  "c123456",
  "C12345",
  "C123456\n",
  "١٢٣",
  "null",
  "a.b",
  "a-b",
  "a]b",
  "[",
  "\\",
  "'",
  '"',
  "%",
  "_",
  "x".repeat(70),
  "2010-12-01 08:26:00",
  "2010-12-01T08:26",
  "2010-02-30 08:26:00",
  "2012-02-29 00:00",
  "2011-03-27 01:30:00",
  "2010-12-01",
  "2010-12-01 24:00:00",
  "2010-12-01T08:26:00Z",
  "2010-12-01T08:26:00.123456+02:00",
  "2010-12-01 08:26-0530",
  "0000-01-01 00:00:00",
  "0001-01-01T00:00:00+14:00",
  "2010-12-01 08:26:61",
  "evt_abcdefghij012345",
  "evt_abcdefghij01234",
  "ada@example.org",
  "ada@example",
  "click",
  "3fa85f64-5717-4562-b3fc-2c963f66afa6",
  "2026-01-01T00:00:00Z",
];
const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...nasty) },
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.integer().map(String),
  fc.double().map(String),
  fc.string({ unit: fc.constantFrom("a", "C", "1", " ", "é", "😀", "\n", "\u00a0", "_", "-"), maxLength: 7 }),
);
// A NUL can't be part of a text column's value that came from a file, and half a character can't be UTF-8.
const text = anyText.filter((value) => value.isWellFormed() && !value.includes("\0"));

interface Case {
  readonly title: string;
  /** A valid row, as text. */
  readonly good: Readonly<Record<string, string>>;
  readonly contract: Contract;
}

const cases: readonly Case[] = [
  {
    title: "invoice lines",
    good: { a: "C123456", b: "-5", c: "2010-12-01 08:26:00", d: "0.5", e: "abb" },
    contract: contract("invoice_line", {
      row: z.strictObject({
        a: z.string().regex(/^[CA]?\d{6}$/),
        b: z.int(),
        c: timestamp({ timeZone: "Europe/London" }),
        d: z.number().positive(),
        e: z.string().min(1).nullable(),
      }),
      rules: [
        rule("not_zero", col("b").ne(0)),
        rule("cancelled", col("a").startsWith("C").eq(col("b").lt(0))),
        rule("dear", col("d").gt(col("b")).or(col("e").isNull())),
        rule("long", col("e").length().le(3).or(col("e").endsWith("b"))),
      ],
    }),
  },
  {
    title: "formats and enums",
    good: {
      a: "ada@example.org",
      b: "3fa85f64-5717-4562-b3fc-2c963f66afa6",
      c: "click",
      d: "2026-01-01T00:00:00Z",
      e: "5",
    },
    contract: contract("formats", {
      row: z.strictObject({
        a: z.email(),
        b: z.uuid().nullable(),
        c: z.enum(["click", "abc", "é", "it's"]).nullable(),
        d: z.iso.datetime().or(z.literal("abc")),
        e: z.literal([1, 5, 1000]).nullable(),
      }),
    }),
  },
  {
    title: "patterns that part outside ASCII or the basic plane",
    good: { a: "ab", b: "xyz", c: "kx", d: "abc", e: "a1" },
    contract: contract("patterns", {
      row: z.strictObject({
        a: z.string().regex(/^.{1,3}$/),
        b: z.string().regex(/^[^a-c]*$/),
        c: z.string().regex(/[k-s]\S/i),
        d: z.string().regex(/^\s*\w+\b|\u00e9$/),
        e: z
          .string()
          .regex(/^(?=.*\d)\w+$/)
          .nullable(),
      }),
    }),
  },
  {
    title: "numbers with limits, booleans and lengths",
    good: { a: "1", b: "2.5", c: "true", d: "abc", e: "9" },
    contract: contract("limits", {
      row: z.strictObject({
        a: z.int32().min(-3).nullable(),
        b: z.number().gte(-0.5).lt(1e6),
        c: z.boolean().nullable(),
        d: z.string().min(2).max(5).includes("a"),
        e: z.int().multipleOf(3).optional(),
      }),
      rules: [
        rule(
          "flag_or_small",
          col("c")
            .eq(true)
            .or(
              col("a")
                .le(2)
                .and(col("b").isIn([0, 1, 0.5]).not()),
            ),
        ),
        rule("order", col("d").gt("a")),
      ],
    }),
  },
  {
    title: "refinements in JS",
    good: { a: "ab", b: "5", c: "http://a.b", d: "x", e: "y" },
    contract: contract("refined", {
      row: z
        .strictObject({
          a: z.string().refine((value) => value.length % 2 === 0),
          b: z.union([z.int().min(0), z.literal(-7)]).nullable(),
          c: z.url().nullable(),
          d: z.any(),
          e: z.string().nullable(),
        })
        .refine((row) => row.e !== "abc"),
      rules: [rule("b_small", col("b").lt(1000))],
    }),
  },
];

const names = ["a", "b", "c", "d", "e"];

/** What the JS validator says about a row of cells, decoded by the contract's own reading of cells. */
function rowInJs(
  judge: Contract,
  columns: readonly Column[],
  cells: Readonly<Record<string, string | null>>,
): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const field of judge.schema.fields) {
    const column = columns.find(({ name }) => name === field.name)!;
    decodeInto(row, field, cells[field.name] ?? null, cellClass(column.type));
  }
  return row;
}

async function checkAgreement(
  judge: Contract,
  columns: readonly Column[],
  cells: readonly Readonly<Record<string, string | null>>[],
): Promise<number> {
  const rows = cells.map((row) => rowInJs(judge, columns, row));
  const isValid = rows.map((row) => judge.safeParse(row).success);
  const { broken, valid, rows: counts } = await bench.judge(judge, await bench.dataset(columns, cells));
  const expected = isValid.flatMap((ok, position) => (ok ? [] : [position + 1]));
  expect(broken.map(({ record }) => record)).toEqual(expected);
  expect(counts).toEqual({
    in: cells.length,
    out: cells.length - expected.length,
    duplicate: 0,
    quarantined: expected.length,
  });
  const passed = rows.filter((_, position) => isValid[position]);
  for (const { name, kind } of judge.schema.fields) {
    if (kind !== "integer" && kind !== "number" && kind !== "truth") continue;
    const written = valid.map((row) => (row[name] === null || kind === "truth" ? row[name] : Number(row[name])));
    expect(written.map((value) => (value === 0 ? 0 : value))).toEqual(
      passed.map((row) => (row[name] === 0 ? 0 : (row[name] ?? null))),
    );
  }
  return expected.length;
}

describe.each(cases)("one verdict, columnar and in JS: $title", ({ contract: judge, good }) => {
  it("for a valid row, which makes the cases below meaningful", async () => {
    expect(
      await checkAgreement(
        judge,
        names.map((name) => ({ name, type: "VARCHAR" })),
        [good],
      ),
    ).toBe(0);
  });

  it("for columns of text", async () => {
    const columns = names.map((name) => ({ name, type: "VARCHAR" }));
    // Mostly valid, so that one broken column is not hidden behind another.
    const cell = (name: string) =>
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(good[name]!) },
        { weight: 1, arbitrary: fc.option(text, { freq: 8 }) },
      );
    const row = fc.record(Object.fromEntries(names.map((name) => [name, cell(name)])));
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 40, maxLength: 80, size: "max" }), async (rows) => {
        await checkAgreement(judge, columns, rows as never);
      }),
      { numRuns: 15 },
    );
  });

  it("for every nasty text in every column", async () => {
    const columns = names.map((name) => ({ name, type: "VARCHAR" }));
    const rows = names.flatMap((name) => nasty.map((value) => ({ ...good, [name]: value })));
    await checkAgreement(judge, columns, rows);
  });

  it("for columns that already have types", async () => {
    const types: Record<string, fc.Arbitrary<string>> = {
      BIGINT: fc.oneof(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        fc.integer({ min: -9, max: 9 }).map(String),
        fc.constantFrom("9007199254740991", "9007199254740992"),
      ),
      UTINYINT: fc.nat(255).map(String),
      DOUBLE: fc.oneof(
        fc
          .double()
          .map((value) =>
            Number.isNaN(value) ? "nan" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value),
          ),
        fc.integer({ min: -9, max: 9 }).map(String),
      ),
      "DECIMAL(18,3)": fc.integer({ min: -5000, max: 5000 }).map((value) => (value / 1000).toFixed(3)),
      BOOLEAN: fc.constantFrom("true", "false"),
      DATE: fc.constantFrom("2010-12-01", "1999-01-31"),
      TIMESTAMP: fc.constantFrom("2010-12-01 08:26:00", "1999-01-31 23:59:59.5"),
      "TIMESTAMP WITH TIME ZONE": fc.constantFrom("2010-12-01 08:26:00+00", "1999-01-31 23:59:59.5+00"),
      VARCHAR: text,
    };
    const table = fc
      .array(fc.constantFrom(...Object.keys(types)), { minLength: names.length, maxLength: names.length })
      .chain((chosen) =>
        fc.record({
          columns: fc.constant(names.map((name, position) => ({ name, type: chosen[position]! }))),
          rows: fc.array(
            fc.record(
              Object.fromEntries(
                names.map((name, position) => [name, fc.option(types[chosen[position]!]!, { freq: 8 })]),
              ),
            ),
            {
              minLength: 5,
              maxLength: 30,
            },
          ),
        }),
      );
    await fc.assert(
      fc.asyncProperty(table, async ({ columns, rows }) => {
        await checkAgreement(judge, columns, rows as never);
      }),
      { numRuns: 25 },
    );
  });
});
