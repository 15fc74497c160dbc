import { describe, expect, it } from "vitest";
import { z } from "zod";
import * as v from "valibot";
import { col, contract, rule, timestamp } from "../../../../src/quality/index.ts";
import type { Contract } from "../../../../src/quality/contract.ts";
import { userEvent } from "../../../../bench/quality/events.ts";
import { bothWays } from "./judging-lines.ts";

const of = (row: z.ZodObject, rules: Contract["rules"] = []): Contract => contract("c", { row, rules });
const one = (schema: z.ZodType): Contract => of(z.strictObject({ a: schema }));

/** How many of `values` go the quick way, behind a first line that shows the layout; both ways say the same. */
async function quickOf(judge: Contract, lines: readonly string[], shown: string): Promise<number> {
  const { quick, slow } = await bothWays(judge, [shown, ...lines].map((line) => `${line}\n`).join(""));
  expect(quick.rows).toBe(slow.rows);
  expect(quick.failing).toEqual(slow.failing);
  return slow.asked - quick.asked;
}

const inA = (values: readonly string[]): string[] => values.map((value) => `{"a":${value}}`);

describe("lines that are known by their pattern", () => {
  it("are all the valid ones of an ordinary file, but the first", async () => {
    const event = {
      user_id: "user_1",
      event_id: "evt_cfcd208495d565ef",
      event_type: "click",
      created_at: "2026-01-01T00:00:00Z",
      age: 20,
      email: "user.one@mail.example.com",
      amount: 9.5,
      country: "TW",
      score: 0.25,
      session: 1,
    };
    const lines = Array.from({ length: 2000 }, (_, at) =>
      JSON.stringify({
        ...event,
        user_id: `ü_${at}`,
        age: at % 160,
        amount: at % 7 === 0 ? null : at / 8,
        score: (at % 101) / 100,
      }),
    );
    const { quick, slow } = await bothWays(userEvent, `${lines.join("\n")}\n`);
    expect(quick.failing).toEqual(slow.failing);
    expect(slow.failing.length).toBe(
      Array.from({ length: 2000 }, (_, at) => at % 160).filter((age) => age > 150).length,
    );
    expect(quick.asked).toBe(slow.failing.length + 1);
  });

  it.each<[string, z.ZodType, string[], number]>([
    ["texts", z.string(), [`"a"`, `""`, `"é😀"`, `"a\\n\\u00e9"`, `"\u2028"`, `"\u007f"`], 6],
    ["texts that are none", z.string(), [`"a\\x"`, `"a\tb"`, `"a\\"`, `"a`, `'a'`, `"\\u12"`, `1`, `null`], 0],
    ["lengths in code points", z.string().min(2).max(3), [`"😀😀😀"`, `"😀"`, `"abc"`, `"abcd"`, `"\\u00e9e"`], 2],
    ["a length of one, with escapes", z.string().min(1), [`""`, `"\\n"`, `"a"`], 2],
    ["anything up to the end", z.string().regex(/^.*$/), [`"a b"`, `""`, `"a","b":"c"`, `"a\\"b"`], 2],
    ["anything but", z.string().regex(/^[^a]+$/), [`"b"`, `"a"`, `"b","c":"d"`, `""`, `"😀"`], 1],
    ["a search", z.string().regex(/a.b/u), [`"xxa😀bxx"`, `"a","b":"b"`, `"ab"`], 1],
    ["alternatives with anchors inside", z.string().regex(/^a|b$|^$/), [`"ax"`, `"xb"`, `""`, `"xa"`, `"bx"`], 3],
    ["words at the ends", z.string().regex(/\bcat\b/), [`"cat"`, `"a cat"`, `"scat"`, `"cats"`, `"é cat é"`], 3],
    ["without regard to case", z.string().regex(/^k[a-s]$/i), [`"KA"`, `"ks"`, `"kſ"`, `"\u212aa"`, `"kt"`], 2],
    ["halves of characters", z.string().regex(/^..$/), [`"ab"`, `"😀"`, `"é1"`, `"abc"`], 2],
    ["a lookahead", z.string().regex(/^(?!no)(?=.*\d)\w+$/), [`"a1"`, `"no1"`, `"ab"`], 1],
    [
      "beginnings, ends, parts",
      z.string().startsWith("a").endsWith("z").includes("m"),
      [`"amz"`, `"az"`, `"a m z"`],
      2,
    ],
    ["parts that are escaped", z.string().startsWith('"'), [`"\\"a"`, `""`, `"a"`], 0],
    ["empty parts", z.string().startsWith("").endsWith("").min(2), [`"ab"`, `""`], 1],
    ["enums", z.enum(["a", 'q"', "é", "\n"]), [`"a"`, `"q\\""`, `"é"`, `"\\n"`, `"\\u000a"`, `"b"`], 4],
    ["formats", z.email(), [`"a@b.cd"`, `"a@b"`, `"a..b@c.de"`], 1],
    [
      "times",
      timestamp({ timeZone: "UTC" }),
      [
        `"2010-12-01 08:26"`,
        `"2011-02-29 00:00"`,
        `"0000-01-01 00:00"`,
        `"2010-04-31T00:00Z"`,
        `"2012-02-29 00:00"`,
        `"2010-12-31T23:59:59.5+01:00"`,
      ],
      2,
    ],
    [
      "whole numbers",
      z.int(),
      ["0", "7", "-7", "-0", "5.0", "1e2", "9007199254740991", "9007199254740993", "01", "+1", "999999999999999"],
      4,
    ],
    [
      "whole numbers with limits",
      z.int().min(-12).max(150),
      ["-12", "-13", "0", "99", "100", "149", "150", "151", "-1"],
      7,
    ],
    ["whole numbers above", z.int().gt(99).lt(1001), ["99", "100", "1000", "1001"], 2],
    ["multiples", z.int().multipleOf(3), ["3", "4", "-6", "0", "300000000000000"], 3],
    ["numbers", z.number(), ["1", "-1.5", "1e3", "1E-7", "1e400", "1e999", "-0", ".5", "5.", "00", "1e+22", "NaN"], 6],
    ["numbers not below zero", z.number().nonnegative(), ["0", "0.0", "-0", "-0.0", "1e9", "-1", "1e400", "12.5"], 4],
    ["numbers above zero", z.number().positive(), ["0", "0.00", "0.01", "1e-400", "3", "3.5"], 3],
    [
      "numbers between whole limits",
      z.number().min(-1).max(1),
      ["1", "1.0", "1.01", "0.5", "-0.5", "-1.0", "-1.5", "0"],
      6,
    ],
    ["numbers that are rounded to a limit", z.number().lt(1), ["0.9", "0.99999999999999999999", "1", "-3"], 2],
    ["numbers between other limits", z.number().gt(0.5).max(1.5), ["0.5", "0.51", "1.5", "1.50", "1.6"], 3],
    ["numbers beyond digits", z.number().max(1e18), ["1e17", "1e19", "5"], 2],
    ["literals", z.literal([1, 5.5, -3]), ["1", "5.5", "-3", "1.0", "2"], 3],
    ["truths", z.boolean(), ["true", "false", "True", "1", "null"], 2],
    ["one truth", z.literal(true), ["true", "false"], 1],
    ["nulls", z.int().max(9).nullable(), ["null", "9", "10", "nul"], 2],
    ["anything", z.any(), ["1", `"a"`, "null", "true", "[1]", "tru"], 4],
    ["refinements", z.string().refine((text) => text !== "odd"), [`"even"`, `"odd"`, `"\\u006fdd"`, "1"], 1],
    ["unions", z.union([z.int().min(0), z.literal("none")]), ["1", "-1", `"none"`, `"some"`], 2],
    ["formats that are more than a pattern", z.url(), [`"http://a.b"`, `"a.b"`], 1],
  ])("%s", async (_title, schema, values, quick) => {
    // The first of them that is valid shows the layout, unless another line has.
    const valid = inA(values).find((line) => {
      try {
        return schema.safeParse((JSON.parse(line) as { a: unknown }).a).success;
      } catch {
        return false;
      }
    });
    expect(await quickOf(one(schema), inA(values), valid ?? '{"a":1}')).toBe(quick);
  });

  it("count in UTF-16 units where the library does", async () => {
    const judge = contract("c", { row: v.strictObject({ a: v.pipe(v.string(), v.minLength(2), v.maxLength(3)) }) });
    expect(await quickOf(judge, inA([`"ab"`, `"abc"`, `"abcd"`, `"😀"`, `"😀😀"`, `"é"`]), `{"a":"ab"}`)).toBe(2);
  });

  it("of a JSON Schema, whose nested parts have no pattern", async () => {
    const flat = contract("c", {
      row: { type: "object", properties: { a: { type: "integer", minimum: 1 } }, required: ["a"] },
    });
    expect(await quickOf(flat, ['{"a":1}', '{"a":0}', '{"a":2.0}'], '{"a":3}')).toBe(1);
    const nested = contract("c", { row: { type: "object", properties: { a: { type: "array" } } } });
    expect(await quickOf(nested, ['{"a":[1]}', '{"a":[]}'], '{"a":[]}')).toBe(0);
  });
});

describe("keys and layouts", () => {
  const judge = of(z.strictObject({ a: z.int(), b: z.string().optional(), c: z.int().nullish() }));

  it("may be missing where an accepted line has shown it", async () => {
    const lines = [
      '{"a":1,"c":3}',
      '{"a":1}',
      '{"a":2}',
      '{"a":2,"b":"x"}',
      '{"a":2,"c":null}',
      '{"b":"x"}',
      '{"a":1,"b":null}',
    ];
    // Two lines show that c, then b may be missing.
    expect(await quickOf(judge, lines, '{"a":1,"b":"x","c":3}')).toBe(3);
  });

  it("are told apart by order and white space, and learnt one by one", async () => {
    const lines = [
      '{ "a" : 1 , "b" : "x" }',
      '{ "a" : 1 , "b" : "y" }',
      '{"b":"x","a":1}',
      '{"b":"y","a":2}',
      '{"a":1,"b":"x"}',
    ];
    expect(await quickOf(judge, lines, '{"a":1,"b":"x"}')).toBe(3);
  });

  it("that come twice, that differ, or that are written with escapes go the slow way", async () => {
    const lines = [
      '{"a":1,"a":"x"}',
      '{"a":"x","a":1}',
      '{"a":1,"d":1}',
      '{"\\u0061":1}',
      '{"a":1,}',
      '{"a":1}}',
      '{"a":1} x',
    ];
    expect(await quickOf(judge, lines, '{"a":1}')).toBe(0);
    const proto = ['{"a":1,"__proto__":{"a":"x"}}', '{"a":1,"__proto__":1}', '{"a":1,"__proto__":2}'];
    expect(await quickOf(of(z.object({ a: z.int() })), proto, '{"a":1,"__proto__":1}')).toBe(0);
  });

  it("that the contract doesn't name may have any plain value, where it allows them", async () => {
    const open = of(z.object({ a: z.int() }));
    const lines = ['{"a":1,"x":"y"}', '{"a":1,"x":null}', '{"a":1,"x":[1]}', '{"a":1,"x":1e999}', '{"a":1,"x":tru}'];
    expect(await quickOf(open, lines, '{"a":1,"x":1}')).toBe(2);
  });

  it("come in lines that end in CRLF, in empty lines, behind a byte order mark, and without a last newline", async () => {
    const crlf = '\ufeff{"a":1}\r\n{"a":2}\r\n\r\n\n{"a":"x"}\r\n{"a":3}\r\n{"a":4}\n{"a":5}';
    const { quick, slow } = await bothWays(judge, crlf);
    expect(quick.failing).toEqual(slow.failing);
    expect([quick.rows, slow.rows]).toEqual([6, 6]);
    // The first of each way to end a line, the broken one, and the last.
    expect(quick.asked).toBe(4);
    expect((await bothWays(judge, '{"a":1}\n\ufeff{"a":1}\n')).quick.failing).toHaveLength(1);
  });

  it("stand in bytes that are no UTF-8", async () => {
    const text = of(z.strictObject({ a: z.string().regex(/^.$/u) }));
    const bytes = Buffer.concat([
      Buffer.from('{"a":"x"}\n{"a":"'),
      Buffer.from([0xff]),
      Buffer.from('"}\n{"a":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from('"}\n'),
    ]);
    const { quick, slow } = await bothWays(text, bytes);
    expect(quick.failing).toEqual(slow.failing);
    expect(slow.failing.map(({ record }) => record)).toEqual([3]);
  });

  it("stand in lines longer than what is read at once", async () => {
    const text = of(z.strictObject({ a: z.string().regex(/é$/) }));
    const long = "ü".repeat(900_000);
    const lines = [`x${long}é`, long, `${long}${long}é`, "é", "e", `${long}é`].map((a) => JSON.stringify({ a }));
    const { quick, slow } = await bothWays(text, ['{"a":"é"}', ...lines, ...lines].join("\n"));
    expect(quick.failing).toEqual(slow.failing);
    expect(quick.rows).toBe(13);
    expect(slow.failing).toHaveLength(4);
  });

  it("are given up where hardly a line is known, and many ways of writing are learnt", async () => {
    const escaped = of(z.strictObject({ a: z.string().min(2) }));
    const lines = Array.from({ length: 10_000 }, (_, at) => `{"a":"\\u0061${at % 10}"}`);
    expect(await quickOf(escaped, lines, '{"a":"bb"}')).toBe(0);
    const names = Array.from("abcdefghijkl");
    const many = of(z.strictObject(Object.fromEntries(names.map((name) => [name, z.int().optional()]))));
    const some = Array.from({ length: 3000 }, (_, at) =>
      JSON.stringify(
        Object.fromEntries(
          names.filter((_name, bit) => bit === 0 || (at * 7919) & (1 << bit)).map((name) => [name, at]),
        ),
      ),
    );
    expect(await quickOf(many, some, some[0]!)).toBeGreaterThan(2900);
  });

  it("number in the hundreds", async () => {
    const names = Array.from({ length: 600 }, (_, at) => `column_${at}`);
    const wide = of(
      z.strictObject(Object.fromEntries(names.map((name) => [name, z.string().min(1).max(99).nullable()]))),
    );
    const line = (text: string | null): string => JSON.stringify(Object.fromEntries(names.map((name) => [name, text])));
    expect(await quickOf(wide, [line("a"), line("é"), line(null), line("")], line("b"))).toBe(3);
  });
});

describe("conditions beyond one column", () => {
  it("are judged on the columns that they read", async () => {
    const judge = of(z.strictObject({ a: z.int(), b: z.string().optional(), c: z.number().nullable() }), [
      rule("order", col("a").le(col("c"))),
      rule("named", col("b").startsWith("x").or(col("a").gt(5))),
    ]);
    const lines = [
      '{"a":1,"b":"x","c":2}',
      '{"a":3,"b":"x","c":2}',
      '{"a":3,"b":"\\u0078","c":null}',
      '{"a":1,"b":"y","c":2}',
    ];
    expect(await quickOf(judge, lines, '{"a":1,"b":"x","c":1.5}')).toBe(2);
    expect(await quickOf(judge, ['{"a":1,"c":2}', '{"a":9,"c":2}'], '{"a":1,"c":null}')).toBe(1);
  });

  it("leave no line to the patterns where the row is judged as a whole", async () => {
    const whole = contract("c", { row: z.strictObject({ a: z.int() }).refine(({ a }) => a !== 3) });
    expect(await quickOf(whole, ['{"a":1}', '{"a":3}'], '{"a":1}')).toBe(0);
  });
});
