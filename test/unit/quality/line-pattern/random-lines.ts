// Random contracts with random lines, written in several ways, and damaged in some.
import fc from "fast-check";
import * as v from "valibot";
import { z } from "zod";
import type { Contract } from "../../../../src/quality/contract.ts";
import { col, contract, rule, timestamp } from "../../../../src/quality/index.ts";

export interface RandomLines {
  readonly contract: Contract;
  readonly lines: readonly string[];
}

const patterns = [
  /^.*$/,
  /[^a]+/,
  /^[^a-c]*$/u,
  /^a|b$|^$/,
  /\bab?\b/,
  /^\S+@\S+$/,
  /\s/,
  /^\W*\w{1,3}\W?$/,
  /^(?=.*\d)\w+$/,
  /^(?!a)[\s\S]{1,4}$/,
  /^[k-s]+$/i,
  /[^K]\D$/i,
  /(?:a|ab)(?:c|bcd)?$/,
  /^(?:a*)*?b{0,2}$/u,
  /[\u{1f600}-\u{1f64f}é]/u,
  /["\\\n]/,
];
const text = z.string();
const textSchema = fc.oneof(
  fc.constantFrom(...patterns).map((pattern): z.ZodType => text.regex(pattern)),
  fc.tuple(fc.nat(3), fc.nat(4)).map(([min, more]): z.ZodType => text.min(min).max(min + more)),
  fc
    .tuple(fc.constantFrom(...patterns), fc.constantFrom(...patterns), fc.nat(2))
    .map(([left, right, min]): z.ZodType => text.regex(left).regex(right).min(min)),
  fc.constantFrom<z.ZodType>(
    text,
    text.startsWith("a"),
    text.endsWith('"'),
    text.includes("\\"),
    z.enum(["a", 'a"', "é", ""]),
    z.email(),
    z.uuid(),
    z.iso.datetime(),
    z.ipv4(),
    timestamp({ timeZone: "Europe/London" }),
    text.refine((value) => value.length % 2 === 0),
    text.lowercase(),
  ),
);
const limit = fc.oneof(fc.integer({ min: -30, max: 120 }), fc.constantFrom(0, -0, 0.5, 1e15, 99, 100, 2 ** 53));
const numberSchema = fc
  .tuple(
    fc.boolean(),
    fc.option(limit, { freq: 2 }),
    fc.option(limit, { freq: 2 }),
    fc.boolean(),
    fc.boolean(),
    fc.nat(9),
  )
  .map(([whole, low, high, above, below, step]): z.ZodType => {
    let schema: z.ZodNumber = whole ? z.int() : z.number();
    if (low !== null) schema = above ? schema.gt(low) : schema.min(low);
    if (high !== null) schema = below ? schema.lt(high) : schema.max(high);
    return whole && step > 7 ? schema.multipleOf(step) : schema;
  });
const fieldSchema = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: textSchema },
      { weight: 3, arbitrary: numberSchema },
      fc.constantFrom<z.ZodType>(
        z.boolean(),
        z.literal([1, 5.5, -3]),
        z.literal(true),
        z.any(),
        z.union([z.int(), z.literal("a")]),
      ),
    ),
    fc.constantFrom("plain", "plain", "nullable", "optional", "nullish"),
  )
  .map(([schema, presence]) =>
    presence === "nullable"
      ? schema.nullable()
      : presence === "optional"
        ? schema.optional()
        : presence === "nullish"
          ? schema.nullish()
          : schema,
  );

// As they stand in a line; not all of them are JSON.
const textValue = fc.oneof(
  fc.constantFrom(
    '"a"',
    '"ab"',
    '"abc"',
    '""',
    '"é"',
    '"😀"',
    '"a\\"b"',
    '"\\u0061"',
    '"a1"',
    '"K"',
    '"\u017f"',
    '"\u2028"',
  ),
  fc.constantFrom(
    '"a\\"',
    '"a\tb"',
    '"\\x"',
    '"a","c0":"b"',
    '"a@b.cd"',
    '"2026-01-01T00:00:00Z"',
    '"2012-02-29 10:00"',
    '"127.0.0.1"',
  ),
  fc
    .string({ unit: fc.constantFrom("a", "b", "k", "1", " ", "é", "😀", "@", "."), maxLength: 5 })
    .map((value) => JSON.stringify(value)),
  fc
    .string({ unit: "grapheme", maxLength: 4 })
    .filter((value) => value.isWellFormed())
    .map((value) => JSON.stringify(value)),
);
const numberValue = fc.oneof(
  fc.integer({ min: -35, max: 125 }).map(String),
  fc.integer({ min: -350, max: 1250 }).map((value) => String(value / 10)),
  fc.constantFrom(
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1e400",
    "1e3",
    "1E-400",
    "9007199254740993",
    "01",
    "+1",
    "1.",
    ".5",
    "5.0",
    "-1e2",
    "99.99999999999999999999",
    "100.0000000000000000001",
    "0.50",
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);
const value = fc.oneof(
  { weight: 5, arbitrary: textValue },
  { weight: 5, arbitrary: numberValue },
  fc.constantFrom("true", "false", "null", "[]", "{}", "nul", "", '["a"]', "NaN"),
);

const style = fc.constantFrom(
  ["{", ":", ",", "}"],
  ["{", ":", ",", "}"],
  ["{ ", ": ", ", ", " }"],
  ["{", " :\t", " , ", "}\r"],
) as fc.Arbitrary<[string, string, string, string]>;

/** Lines of the keys c0, c1 … in any selection and order, some of them twice, some with a key of no column. */
function lineOf(columns: number): fc.Arbitrary<string> {
  const ordinary = Array.from({ length: columns }, (_, at) => `"c${at}"`);
  const keys = fc.oneof(
    { weight: 8, arbitrary: fc.constant(ordinary) },
    fc.shuffledSubarray(ordinary),
    fc.subarray(ordinary),
    fc.array(fc.constantFrom(...ordinary, '"x"', '"__proto__"', '"\\u0063\\u0030"', '"toString"'), { maxLength: 5 }),
  );
  const whole = fc
    .tuple(keys, style, fc.array(value, { minLength: 6, maxLength: 6 }))
    .map(
      ([names, [open, colon, comma, close], values]) =>
        open + names.map((name, at) => `${name}${colon}${values[at]}`).join(comma) + close,
    );
  const damaged = fc
    .tuple(whole, fc.nat(200), fc.nat(3), fc.constantFrom("", '"', "\\", ",", "}", "1", " ", "\ufeff"))
    .map(([line, at, cut, put]) => line.slice(0, at) + put + line.slice(at + cut))
    .filter((line) => line.isWellFormed());
  return fc.oneof({ weight: 6, arbitrary: whole }, damaged);
}

/** A contract and `count` lines, most of which are near to it. */
export function randomLines(count: number): fc.Arbitrary<RandomLines> {
  return fc
    .tuple(fc.array(fieldSchema, { minLength: 1, maxLength: 4 }), fc.boolean(), fc.boolean(), fc.nat(3))
    .chain(([schemas, strict, ruled, library]) => {
      const shape = Object.fromEntries(schemas.map((schema, at) => [`c${at}`, schema]));
      const row = strict ? z.strictObject(shape) : z.object(shape);
      const rules = ruled ? [rule("there", col("c0").isNull().not())] : [];
      const judge = (library === 0 ? inJsonSchema(row, rules) : null) ?? contract("c", { row, rules });
      return fc.array(lineOf(schemas.length), { minLength: count, maxLength: count }).map((lines) => ({
        contract: judge,
        lines: withMended(judge, schemas, lines),
        [fc.toStringMethod]: () => JSON.stringify(judge.description),
      }));
    });
}

/** Nearly the same row as a JSON Schema, where it is one: refinements and flags of patterns are lost. */
function inJsonSchema(row: z.ZodObject, rules: Contract["rules"]): Contract | null {
  try {
    return contract("c", { row: z.toJSONSchema(row, { io: "input" }) as never, rules });
  } catch {
    return null;
  }
}

/** Values that fit are put together into lines of their own, so that the file has some that are valid. */
function withMended(judge: Contract, schemas: readonly z.ZodType[], lines: readonly string[]): string[] {
  const fitting = schemas.map((schema) => goodValues.filter((text) => schema.safeParse(JSON.parse(text)).success));
  if (fitting.some((list) => list.length === 0)) return [...lines];
  const mended = lines.map((_, at) => {
    const entries = fitting.map((list, column) => `"c${column}":${list[(at * (column + 7)) % list.length]!}`);
    return `{${entries.join(",")}}`;
  });
  return lines.flatMap((line, at) => [mended[at]!, line]);
}

const goodValues = [
  ...fc.sample(textValue, { numRuns: 150, seed: 7 }),
  ...fc.sample(numberValue, { numRuns: 150, seed: 7 }),
  '"3fa85f64-5717-4562-b3fc-2c963f66afa6"',
  "true",
  "false",
  "null",
].filter((text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
});

/** The same row in Valibot, whose texts are counted in UTF-16 units. */
export const inValibot: Contract = contract("c", {
  row: v.object({
    c0: v.pipe(v.string(), v.minLength(1), v.maxLength(3), v.regex(/^[^b]*$/)),
    c1: v.optional(v.pipe(v.number(), v.integer(), v.minValue(-3), v.maxValue(100))),
    c2: v.nullable(v.picklist(["a", "é"])),
  }),
});

export const valibotLines: fc.Arbitrary<readonly string[]> = fc.array(lineOf(3), { minLength: 30, maxLength: 30 });
