import { type } from "arktype";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { Column } from "../../../src/dataset/dataset.ts";
import { contract, type Contract, type RowOf } from "../../../src/quality/index.ts";
import { type Bench, openBench } from "./judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const types = ["click", "purchase", "signup", "logout", "view"] as const;
const eventId = /^evt_[a-zA-Z0-9]{16}$/;
const jsonSchema = {
  type: "object",
  properties: {
    user_id: { type: "string", minLength: 1, maxLength: 64 },
    event_id: { type: "string", pattern: "^evt_[a-zA-Z0-9]{16}$" },
    event_type: { enum: types },
    age: { type: "integer", minimum: 0, maximum: 150 },
    amount: { anyOf: [{ type: "number", minimum: 0 }, { type: "null" }] },
    tags: { type: "array", items: { type: "string", minLength: 1 } },
  },
  required: ["user_id", "event_id", "event_type", "age", "amount"],
  additionalProperties: false,
} as const;

const zod = contract("user_event", {
  row: z.strictObject({
    user_id: z.string().min(1).max(64),
    event_id: z.string().regex(eventId),
    event_type: z.enum(types),
    age: z.int().min(0).max(150),
    amount: z.number().nonnegative().nullable(),
    tags: z.array(z.string().min(1)).optional(),
  }),
});
const valibot = contract("user_event", {
  row: v.strictObject({
    user_id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
    event_id: v.pipe(v.string(), v.regex(eventId)),
    event_type: v.picklist(types),
    age: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(150)),
    amount: v.nullable(v.pipe(v.number(), v.minValue(0))),
    tags: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
  }),
});
const arktype = contract("user_event", {
  row: type({
    "+": "reject",
    user_id: "1 <= string <= 64",
    event_id: eventId,
    event_type: "'click' | 'purchase' | 'signup' | 'logout' | 'view'",
    age: "0 <= number.integer <= 150",
    amount: "number >= 0 | null",
    "tags?": "(string > 0)[]",
  }),
});
const plain = contract("user_event", { row: jsonSchema });

const contracts: readonly (readonly [string, Contract])[] = [
  ["zod", zod],
  ["valibot", valibot],
  ["arktype", arktype],
  ["json-schema", plain],
];
const columns: readonly Column[] = [
  ...["user_id", "event_id", "event_type"].map((name) => ({ name, type: "VARCHAR" })),
  { name: "age", type: "BIGINT" },
  { name: "amount", type: "DOUBLE" },
  { name: "tags", type: "VARCHAR[]" },
];
const good = {
  user_id: "u1",
  event_id: "evt_abcdefghij012345",
  event_type: "view",
  age: "3",
  amount: "1.5",
  tags: "[a]",
};
const changes: readonly (readonly [Readonly<Record<string, string | null>>, readonly (readonly [string, string])[]])[] =
  [
    [{}, []],
    [{ amount: null, tags: null }, []],
    [{ user_id: "" }, [["user_id", "minLength"]]],
    [{ user_id: "😀".repeat(64) }, [["user_id", "maxLength"]]],
    [{ user_id: "x".repeat(65) }, [["user_id", "maxLength"]]],
    [{ event_id: "evt_abc123def456gh7" }, [["event_id", "pattern"]]],
    [{ event_type: "buy" }, [["event_type", "enum"]]],
    [{ event_type: null }, [["event_type", "required"]]],
    [{ age: "151" }, [["age", "maximum"]]],
    [
      { age: null, amount: "-0.5" },
      [
        ["age", "required"],
        ["amount", "minimum"],
      ],
    ],
    [{ tags: "['', b]" }, [["tags.0", "minLength"]]],
  ];

describe.each(contracts)("a contract in %s", (vendor, judge) => {
  it("knows what it was written in, and leaves nothing to JS that SQL can say", () => {
    expect(judge.vendor).toBe(vendor);
    expect(judge.columns).toEqual(expect.arrayContaining(columns.map(({ name }) => name)));
    expect(judge.schema.fields.flatMap(({ residual }) => residual)).toEqual([]);
  });

  it("gives the same verdict on a dataset and on one object, with the same words", async () => {
    // How long a text is, is where the libraries part: in code points for Zod and JSON Schema, else in UTF-16 units.
    const isUtf16 = vendor === "valibot" || vendor === "arktype";
    const expected = changes.map(([change, reasons]) => (change.user_id?.startsWith("😀") && !isUtf16 ? [] : reasons));
    const dataset = await bench.dataset(
      columns,
      changes.map(([change]) => ({ ...good, ...change })),
    );
    const { broken } = await bench.judge(judge, dataset);
    const found = changes.map((_, position) => {
      const row = broken.find(({ record }) => record === position + 1);
      return (row?.reasons ?? []).map(({ path, rule }) => [path, rule]);
    });
    if (vendor === "arktype") {
      // Of a union ArkType says only that no branch fits.
      expect(found.map((reasons) => reasons.map(([path]) => path))).toEqual(
        expected.map((reasons) => reasons.map(([path]) => path)),
      );
    } else expect(found.map((reasons) => reasons.filter(([, rule]) => rule !== "union"))).toEqual(expected);
    const objects = changes.map(([change]) => {
      const { age, amount, tags, ...texts } = { ...good, ...change };
      const list = tags === "[a]" ? ["a"] : tags === null ? undefined : ["", "b"];
      const numbers = { age: age === null ? null : Number(age), amount: amount === null ? null : Number(amount) };
      return { ...texts, ...numbers, ...(list === undefined ? {} : { tags: list }) };
    });
    expect(objects.map((object) => judge.safeParse(object).success)).toEqual(
      expected.map((reasons) => reasons.length === 0),
    );
    expect(judge.safeParse({ ...objects[0], colour: "red" }).success).toBe(false);
    expect(judge.safeParse([]).success).toBe(false);
  });
});

describe("a library's schema", () => {
  it("is the row's type", () => {
    interface Event {
      user_id: string;
      event_id: string;
      event_type: (typeof types)[number];
      age: number;
      amount: number | null;
      tags?: string[] | undefined;
    }
    expectTypeOf<RowOf<typeof zod>>().toEqualTypeOf<Event>();
    expectTypeOf<RowOf<typeof valibot>>().toEqualTypeOf<Event>();
    expectTypeOf<RowOf<typeof arktype>>().toExtend<Event>();
    const typed = contract<Event>("user_event", { row: jsonSchema });
    expectTypeOf<RowOf<typeof typed>>().toEqualTypeOf<Event>();
  });

  it.each<[string, () => unknown]>([
    ["a transform of Valibot", () => contract("c", { row: v.object({ a: v.pipe(v.string(), v.trim()) }) })],
    ["a default of Valibot", () => contract("c", { row: v.object({ a: v.optional(v.string(), "x") }) })],
    ["a morph of ArkType", () => contract("c", { row: type({ a: "string.trim" }) })],
    ["a default of ArkType", () => contract("c", { row: type({ a: "string = 'x'" }) })],
    ["a union of rows", () => contract("c", { row: type({ a: "string" }).or({ b: "string" }) })],
    ["a row of Valibot that takes any key", () => contract("c", { row: v.looseObject({ a: v.string() }) })],
    ["something that is no schema", () => contract("c", { row: 5 as never })],
  ])("is refused with %s", (_, define) => {
    expect(define).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID", hint: expect.any(String) }));
  });

  it("keeps the flags of a pattern, which its JSON Schema would lose", async () => {
    const dataset = await bench.dataset(["a"], [{ a: "ABC" }, { a: "abc" }, { a: "xyz" }, { a: "ſbc" }]);
    for (const judge of [
      contract("c", { row: v.object({ a: v.pipe(v.string(), v.regex(/^[a-s]bc$/i)) }) }),
      contract("c", { row: type({ a: /^[a-s]bc$/i }) }),
    ])
      expect((await bench.judge(judge, dataset)).rows).toMatchObject({ out: 2, quarantined: 2 });
  });

  it("is asked about checks in code, on the rows that pass all others", async () => {
    let asked = 0;
    const check = (value: string): boolean => ((asked += 1), value !== "b");
    const dataset = await bench.dataset(
      ["a", "n"],
      [
        { a: "a", n: "1" },
        { a: "b", n: "1" },
        { a: "c", n: "x" },
      ],
    );
    const inValibot = contract("c", { row: v.object({ a: v.pipe(v.string(), v.check(check)), n: v.number() }) });
    const inArkType = contract("c", { row: type({ a: type("string").narrow(check), n: "number" }) });
    for (const judge of [inValibot, inArkType]) {
      asked = 0;
      const { broken } = await bench.judge(judge, dataset);
      expect(broken.map(({ record }) => record)).toEqual([2, 3]);
      // ArkType asks again for its reasons.
      expect(asked).toBeLessThanOrEqual(judge === inValibot ? 4 : 7);
    }
  });

  it("of a library that is not known is asked about every row", async () => {
    const row = {
      "~standard": {
        version: 1,
        vendor: "acme",
        validate: (value: unknown) => {
          const { a } = value as { a: unknown };
          return a === "odd" ? { issues: [{ message: "odd", path: ["a"] }] } : { value };
        },
        jsonSchema: { output: () => ({ type: "object", properties: { a: { type: "string" } }, required: ["a"] }) },
      },
    } as const;
    const judge = contract("c", { row });
    const { broken, rows } = await bench.judge(judge, await bench.dataset(["a"], [{ a: "even" }, { a: "odd" }]));
    expect(rows).toMatchObject({ out: 1, quarantined: 1 });
    expect(broken[0]).toMatchObject({
      record: 2,
      reasons: [{ path: "a", rule: "invalid", value: "odd", message: "a: odd" }],
    });
  });
});

describe("a JSON Schema", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["a keyword that is not one", { minLenght: 3 }, /keyword "minLenght"/],
    ["a keyword that looks at others' work", { unevaluatedProperties: false }, /unevaluatedProperties/],
    ["a reference to elsewhere", { $ref: "https://example.org/a.json" }, /not a place in this schema/],
    ["another dialect", { $schema: "http://json-schema.org/draft-07/schema#" }, /draft-07/],
    ["a pattern that is none", { properties: { a: { pattern: "(" } } }, /not a regular expression/],
    ["a type that is none", { properties: { a: { type: "float" } } }, /"float", not a type/],
    ["no columns", { properties: {} }, /no columns/],
    ["an open row of a certain shape", { additionalProperties: { type: "string" } }, /any other column/],
  ])("is refused with %s", (_, change, message) => {
    const row = { type: "object", properties: { a: { type: "string" } }, ...change };
    expect(() => contract("c", { row })).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID", message: expect.stringMatching(message) }),
    );
  });

  it("asserts formats only when told to", () => {
    const row = { type: "object", properties: { at: { type: "string", format: "date-time" } } };
    expect(contract("c", { row }).safeParse({ at: "soon" }).success).toBe(true);
    const judge = contract("c", { row, formats: "assert" });
    expect(judge.safeParse({ at: "soon" })).toMatchObject({ issues: [{ path: "at", rule: "date-time" }] });
    expect(judge.safeParse({ at: "2026-02-28T10:00:00Z" }).success).toBe(true);
    const odd = { type: "object", properties: { at: { type: "string", format: "iri" } } };
    expect(() => contract("c", { row: odd, formats: "assert" })).toThrow(/a format that a contract can't assert/);
  });

  it("judges conditions across columns without decoding a row", async () => {
    const judge = contract("payment", {
      row: {
        type: "object",
        properties: {
          kind: { enum: ["card", "cash"] },
          card: { type: "string", pattern: "^\\d{4}$" },
          sum: { type: "number" },
        },
        required: ["kind", "sum"],
        if: { properties: { kind: { const: "card" } } },
        // oxlint-disable-next-line unicorn/no-thenable
        then: { required: ["card"] },
        else: { properties: { card: false } },
        dependentRequired: { card: ["sum"] },
      },
    });
    const rows = [
      { kind: "card", card: "1234", sum: "1" },
      { kind: "card", card: null, sum: "1" },
      { kind: "cash", card: null, sum: "1" },
      { kind: "cash", card: "1234", sum: "1" },
    ];
    const { broken } = await bench.judge(judge, await bench.dataset(["kind", "card", "sum"], rows));
    expect(broken.map(({ record, reasons }) => [record, reasons[0]?.path])).toEqual([
      [2, "card"],
      [4, "card"],
    ]);
  });
});
