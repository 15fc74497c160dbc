import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { quoteLiteral } from "../../../src/dataset/sql.ts";
import { col, contract, rule } from "../../../src/quality/index.ts";
import type { Term } from "../../../src/quality/expression.ts";
import { evaluate } from "../../../src/quality/expression-js.ts";
import { expressionSql } from "../../../src/quality/expression-sql.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const texts = fc.constantFrom(
  "",
  "a",
  "ab",
  "b",
  "C1",
  "é",
  "e\u0301",
  "\ue000",
  "\uffff",
  "😀",
  "😀a",
  "A",
  "\ufeff",
  "it's",
);
const numbers = fc.constantFrom(0, -0, 1, -1, 0.1, 0.5, 1e-7, 2 ** 53 - 1, 1e300, -1e300, 3, 4);
const integers = fc.constantFrom(0, 1, -1, 3, 2 ** 53 - 1);
const columns = { t: "VARCHAR", u: "VARCHAR", n: "DOUBLE", i: "BIGINT", f: "BOOLEAN" } as const;
const row = fc.record({
  t: fc.option(texts),
  u: fc.option(texts),
  n: fc.option(numbers),
  i: fc.option(integers),
  f: fc.option(fc.boolean()),
});

const { condition } = fc.letrec<{ text: Term; number: Term; condition: Term }>((tie) => ({
  text: fc.constantFrom("t", "u").map(col),
  number: fc.oneof(
    fc.constantFrom("n", "i").map(col),
    tie("text").map((text) => text.length()),
  ),
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: "condition" },
    fc.constant(col("f")),
    fc
      .tuple(tie("text"), fc.oneof(tie("text"), texts), fc.constantFrom("eq", "ne", "lt", "le", "gt", "ge"))
      .map(([left, right, op]) => left[op](right)),
    fc
      .tuple(tie("number"), fc.oneof(tie("number"), numbers), fc.constantFrom("eq", "ne", "lt", "le", "gt", "ge"))
      .map(([left, right, op]) => left[op](right)),
    fc.tuple(tie("text"), texts, fc.constantFrom("startsWith", "endsWith")).map(([text, other, op]) => text[op](other)),
    fc.tuple(tie("text"), fc.array(texts, { minLength: 1, maxLength: 3 })).map(([text, values]) => text.isIn(values)),
    fc
      .tuple(tie("number"), fc.array(numbers, { minLength: 1, maxLength: 3 }))
      .map(([number, values]) => number.isIn(values)),
    fc.oneof(tie("text"), tie("number"), tie("condition")).map((term) => term.isNull()),
    fc
      .tuple(tie("condition"), tie("condition"), fc.constantFrom("and", "or", "eq", "ne"))
      .map(([left, right, op]) => left[op](right)),
    tie("condition").map((term) => term.not()),
  ),
}));

function literal(value: string | number | boolean | null, type: string): string {
  return `CAST(${value === null ? "NULL" : quoteLiteral(String(value))} AS ${type})`;
}

describe("the language of rules", () => {
  it("means the same in SQL and in JS, unknowns included", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(condition, row), { minLength: 20, maxLength: 30 }), async (cases) => {
        const selects = cases.map(([term, values]) =>
          expressionSql(term.expression, (name) =>
            literal(values[name as keyof typeof columns], columns[name as keyof typeof columns]),
          ),
        );
        // From a table, so that nothing is folded away in planning by other rules than those of execution.
        const [found] = await bench.session.rows(
          `SELECT ${selects.map((text, position) => `${text} AS x${position}`).join(", ")} FROM range(1)`,
        );
        expect(Object.values(found!)).toEqual(cases.map(([term, values]) => evaluate(term.expression, values)));
      }),
      { numRuns: 60 },
    );
  });

  it("lets a rule pass that meets a null, unless it asks for null", () => {
    const only = contract("c", {
      row: z.object({ a: z.int().nullable(), b: z.string() }),
      rules: [rule("positive", col("a").gt(0)), rule("known", col("a").isNull().not().or(col("b").ne("x")))],
    });
    expect(only.safeParse({ a: null, b: "y" }).success).toBe(true);
    expect(only.safeParse({ a: null, b: "x" })).toMatchObject({
      issues: [{ path: "a,b", rule: "known", value: { a: null, b: "x" } }],
    });
    expect(only.safeParse({ a: 0, b: "x" })).toMatchObject({ issues: [{ path: "a", rule: "positive", value: 0 }] });
  });

  it.each([
    ["an unknown column", rule("r", col("nope").eq(1)), /"nope", which the row has not/],
    ["a text compared with a number", rule("r", col("b").eq(1)), /compares a text with a number/],
    ["a value that is no condition", rule("r", col("a")), /is a number, not a condition/],
    ["an order of booleans", rule("r", col("a").gt(0).lt(true)), /orders true and false/],
    ["NaN", rule("r", col("a").eq(Number.NaN)), /compares with NaN/],
    ["no column", rule("r", col("a").isIn([])), /isIn\(\) without values/],
  ])("refuses %s when the contract is defined", (_, broken, message) => {
    const define = () => contract("c", { row: z.object({ a: z.int(), b: z.string() }), rules: [broken] });
    expect(define).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID", message: expect.stringMatching(message) }),
    );
  });
});
