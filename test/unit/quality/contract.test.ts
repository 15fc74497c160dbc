import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { col, contract, rule, timestamp, type RowOf } from "../../../src/quality/index.ts";

const invoiceLine = contract("invoice_line", {
  row: z.strictObject({
    invoice_no: z.string().regex(/^[CA]?\d{6}$/),
    quantity: z.int(),
    invoice_date: timestamp({ timeZone: "Europe/London" }),
    unit_price: z.number().positive(),
    customer_id: z.string().regex(/^\d+$/).nullable(),
    country: z.string().min(1),
  }),
  rules: [rule("cancellations_are_negative", col("invoice_no").startsWith("C").eq(col("quantity").lt(0)))],
});
const line = {
  invoice_no: "536365",
  quantity: 6,
  invoice_date: "2010-12-01 08:26:00",
  unit_price: 2.55,
  customer_id: null,
  country: "France",
};

describe("a contract on one object", () => {
  it("is the TypeScript type of the row", () => {
    expectTypeOf<RowOf<typeof invoiceLine>>().toEqualTypeOf<{
      invoice_no: string;
      quantity: number;
      invoice_date: string;
      unit_price: number;
      customer_id: string | null;
      country: string;
    }>();
  });

  it("returns a valid row as it is", () => {
    expect(invoiceLine.parse(line)).toEqual(line);
    expect(invoiceLine.safeParse(line)).toEqual({ success: true, data: line });
  });

  it.each([
    [{ invoice_no: "X1" }, "invoice_no", "pattern", "X1"],
    [{ quantity: 1.5 }, "quantity", "integer", 1.5],
    [{ quantity: "6" }, "quantity", "type", "6"],
    [{ quantity: -6 }, "invoice_no,quantity", "cancellations_are_negative", { invoice_no: "536365", quantity: -6 }],
    [{ invoice_date: "2010-02-30 08:26" }, "invoice_date", "timestamp", "2010-02-30 08:26"],
    [{ unit_price: 0 }, "unit_price", "minimum", 0],
    [{ unit_price: Number.NaN }, "unit_price", "type", "NaN"],
    [{ country: "" }, "country", "minLength", ""],
    [{ country: null }, "country", "required", null],
    [{ country: undefined }, "country", "required", null],
    [{ colour: "red" }, "colour", "unrecognized", "red"],
  ])("says of %j what is wrong: path, rule and value", (change, path, ruleName, value) => {
    const verdict = invoiceLine.safeParse({ ...line, ...change });
    expect(verdict).toMatchObject({ success: false, issues: [{ path, rule: ruleName, value }] });
    expect(verdict.success ? [] : verdict.issues).toHaveLength(1);
  });

  it("reports every broken column, and no rule over a column that is broken by itself", () => {
    const verdict = invoiceLine.safeParse({ ...line, quantity: "many", unit_price: -1 });
    expect(verdict).toMatchObject({ issues: [{ path: "quantity" }, { path: "unit_price" }] });
  });

  it("throws one readable line from parse, with all issues in the details", () => {
    expect(() => invoiceLine.parse({ ...line, quantity: 0.5, country: "" })).toThrow(
      expect.objectContaining({
        code: "CONTRACT_FAILED",
        message: "Not a valid invoice_line: quantity: Invalid input: expected int, received number (and 1 more)",
        details: expect.objectContaining({ issues: [expect.anything(), expect.anything()] }),
      }),
    );
  });

  it("rejects what is no object at all", () => {
    for (const value of [null, 5, "x", [], undefined]) expect(invoiceLine.safeParse(value).success).toBe(false);
  });

  it("fails an identifier with one character too few", () => {
    const userEvent = contract("user_event", {
      row: z.strictObject({ event_id: z.string().regex(/^evt_[a-zA-Z0-9]{16}$/) }),
    });
    expect(userEvent.safeParse({ event_id: "evt_abcdefghij012345" }).success).toBe(true);
    expect(userEvent.safeParse({ event_id: "evt_abcdefghij01234" })).toMatchObject({
      issues: [{ path: "event_id", rule: "pattern" }],
    });
  });

  it("does not let a refinement change a value behind its back", () => {
    const sly = contract("sly", { row: z.object({ link: z.url() }) });
    expect(sly.safeParse({ link: " https://example.org" })).toMatchObject({
      issues: [{ path: "link", rule: "unchanged" }],
    });
  });

  it("describes itself: another limit, rule or refinement is another description", () => {
    const of = (schema: z.ZodType) => JSON.stringify(contract("c", { row: z.object({ a: schema }) }).description);
    const texts = [
      of(z.string()),
      of(z.string().min(1)),
      of(z.string().min(2)),
      of(z.string().regex(/a/)),
      of(z.string().refine((a) => a > "x")),
      of(z.string().refine((a) => a > "y")),
      of(z.int()),
      of(z.string().nullable()),
      of(timestamp({ timeZone: "UTC" })),
    ];
    expect(new Set(texts).size).toBe(texts.length);
    expect(of(z.string().min(1))).toBe(of(z.string().min(1)));
  });
});

describe("a contract is refused when it is defined", () => {
  it.each<[string, () => z.core.$ZodObject, RegExp]>([
    ["a transform", () => z.object({ a: z.string().transform((a) => a) }), /column "a" changes its value \(pipe\)/],
    ["a default", () => z.object({ a: z.string().default("x") }), /changes its value \(default\)/],
    ["a coercion", () => z.object({ a: z.coerce.number() }), /coerces its value/],
    ["a trim", () => z.object({ a: z.string().trim() }), /changes its value \(trim/],
    ["a catch", () => z.object({ a: z.string().catch("x") }), /changes its value \(catch\)/],
    [
      "a nested transform",
      () => z.object({ a: z.array(z.object({ b: z.string().toLowerCase() })) }),
      /changes a value inside it/,
    ],
    ["a date", () => z.object({ a: z.date() }), /is a z.date\(\)/],
    ["a bigint", () => z.object({ a: z.bigint() }), /is a z.bigint\(\)/],
    ["a loose object", () => z.looseObject({ a: z.string() }), /takes any other column/],
    ["no columns", () => z.object({}), /has no columns/],
    ["two columns of one name", () => z.object({ a: z.string(), A: z.string() }), /differs from "a" only in case/],
  ])("with %s", (_, row, message) => {
    expect(() => contract("c", { row: row() })).toThrow(
      expect.objectContaining({
        code: "DEFINITION_INVALID",
        message: expect.stringMatching(message),
        hint: expect.any(String),
      }),
    );
  });

  it("with two rules of one name, a bad name, or an unknown time zone", () => {
    const twice = [rule("r", col("a").eq("x")), rule("r", col("a").eq("y"))];
    expect(() => contract("c", { row: z.object({ a: z.string() }), rules: twice })).toThrow(/two rules named "r"/);
    expect(() => contract("Invoice Line", { row: z.object({ a: z.string() }) })).toThrow(/not a plain lower-case name/);
    expect(() => timestamp({ timeZone: "Mars/Olympus" })).toThrow(/"Mars\/Olympus" is not a time zone/);
    expect(() => timestamp({ timeZone: "+05:30" })).toThrow(/"\+05:30" is not a time zone/);
  });
});
