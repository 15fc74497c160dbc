// Random row schemas with random rows, judged in every way there is: by Zod and by the JSON Schema that Zod makes of the
// same schema, each on single rows and in the columnar pass. All must say the same.
import fc from "fast-check";
import { z } from "zod";
import type { Column, Dataset } from "../../../src/dataset/dataset.ts";
import { SluiceError } from "../../../src/errors.ts";
import { cellClass, decodeInto } from "../../../src/quality/cell.ts";
import { contract } from "../../../src/quality/contract.ts";
import type { Contract } from "../../../src/quality/index.ts";
import type { Bench, Judged } from "./judging.ts";

interface RandomColumn {
  readonly schema: z.core.$ZodType;
  /** The column's type in the dataset. */
  readonly type: string;
  /** Cells as text; null is a null. */
  readonly cell: fc.Arbitrary<string | null>;
}

export interface RandomCase {
  readonly columns: readonly RandomColumn[];
  readonly strict: boolean;
  readonly rows: readonly (readonly (string | null)[])[];
}

// Patterns with the flag that JSON Schema gives them.
const patterns = [/^a/u, /^[A-Z]?\d{2,4}$/u, /^.{1,3}$/u, /b|é/u, /^\S+@\S+\.[a-z]+$/u, /^(?=.*\d)\w+$/u, /[^a-c]$/u];
const words = [
  "",
  "a",
  "ab",
  "A12",
  "12",
  "é",
  "😀",
  "a😀b",
  "b@c.de",
  "x1",
  "tRue",
  "null",
  "7",
  "-3.5",
  "a\nb",
  "\u00a0",
  "1e3",
  "aaaaaa",
];
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...words) },
  fc.string({ unit: "grapheme", maxLength: 6 }).filter((text) => text.isWellFormed() && !text.includes("\0")),
);
const anyNumber = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -12, max: 120 }) },
  fc.constantFrom(0.5, -3.5, 1e3, 99.99, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

const textSchema = fc
  .record({
    min: fc.option(fc.nat(3), { freq: 2 }),
    max: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 2 }),
    pattern: fc.option(fc.constantFrom(...patterns), { freq: 3 }),
    format: fc.option(fc.constantFrom("email", "uuid", "datetime", "starts"), { freq: 6 }),
  })
  .map(({ min, max, pattern, format }): z.ZodType => {
    let schema: z.ZodString = z.string();
    if (min !== null) schema = schema.min(min);
    if (max !== null) schema = schema.max(max);
    if (pattern !== null) schema = schema.regex(pattern);
    if (format === "email") return z.email();
    if (format === "uuid") return z.uuid();
    if (format === "datetime") return z.iso.datetime();
    return format === "starts" ? schema.startsWith("a") : schema;
  });
const numberSchema = fc
  .record({
    whole: fc.boolean(),
    min: fc.option(fc.integer({ min: -5, max: 5 }), { freq: 2 }),
    max: fc.option(fc.integer({ min: 3, max: 100 }), { freq: 2 }),
    above: fc.option(fc.constantFrom(0, 0.5), { freq: 5 }),
    step: fc.option(fc.integer({ min: 2, max: 5 }), { freq: 5 }),
  })
  .map(({ whole, min, max, above, step }): z.ZodType => {
    let schema: z.ZodNumber = whole ? z.int() : z.number();
    if (min !== null) schema = schema.min(min);
    if (max !== null) schema = schema.max(max);
    if (above !== null) schema = schema.gt(above);
    if (step !== null && whole) schema = schema.multipleOf(step);
    return schema;
  });
const fixedSchema = fc.constantFrom<z.ZodType>(
  z.boolean(),
  z.enum(["a", "ab", "é"]),
  z.literal([1, 7, -3.5]),
  z.literal("null"),
  z.literal(true),
);
const scalar = fc.oneof(textSchema, numberSchema, fixedSchema);

const { nested } = fc.letrec<{ value: z.ZodType; nested: z.ZodType }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthSize: "small" },
    scalar,
    scalar.map((schema) => schema.nullable()),
    tie("nested"),
  ),
  nested: fc.oneof(
    fc
      .tuple(tie("value"), fc.option(fc.nat(2)), fc.option(fc.integer({ min: 1, max: 4 })))
      .map(([element, min, max]) => {
        const schema = z.array(element);
        return max === null ? schema.min(min ?? 0) : schema.max(max).min(min ?? 0);
      }),
    fc
      .tuple(tie("value"), tie("value"), fc.boolean(), fc.boolean())
      .map(([a, b, optional, strict]) => (strict ? z.strictObject : z.object)({ a, b: optional ? b.optional() : b })),
    fc.tuple(tie("value"), tie("value")).map(([first, second]) => z.tuple([first, second])),
    tie("value").map((value) => z.record(z.string(), value)),
    fc.tuple(tie("value"), tie("value")).map(([left, right]) => z.union([z.array(left), z.object({ a: right })])),
  ),
}));

const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    anyText,
    anyNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c", "é/~"), tie("value"), { maxKeys: 3 }),
  ),
})).value;

/** Mostly what fits, so that one broken part is not hidden behind another. */
function nearJson(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const { def } = schema._zod as unknown as { def: Record<string, never> & { type: string } };
  const fitting = (): fc.Arbitrary<unknown> => {
    switch (def.type) {
      case "string":
        return anyText;
      case "number":
        return anyNumber;
      case "boolean":
        return fc.boolean();
      case "enum":
      case "literal":
        return fc.constantFrom<unknown>(...(schema._zod.values as Set<unknown>));
      case "nullable":
        return fc.option(nearJson(def["innerType"]!));
      case "optional":
        return nearJson(def["innerType"]!);
      case "array":
        return fc.array(nearJson(def["element"]!), { maxLength: 3 });
      case "tuple":
        return fc.tuple(...(def["items"]! as z.core.$ZodType[]).map(nearJson));
      case "record":
        return fc.dictionary(fc.constantFrom("a", "b", "é"), nearJson(def["valueType"]!), { maxKeys: 3 });
      case "union":
        return fc.oneof(...(def["options"]! as z.core.$ZodType[]).map(nearJson));
      case "object": {
        const shape = def["shape"]! as Record<string, z.core.$ZodType>;
        const known = Object.fromEntries(Object.entries(shape).map(([key, part]) => [key, nearJson(part)]));
        return fc.oneof({ weight: 6, arbitrary: fc.record(known) }, fc.record(known, { requiredKeys: [] }));
      }
      default:
        return anyJson;
    }
  };
  return fc.oneof({ weight: 5, arbitrary: fitting() }, { weight: 1, arbitrary: anyJson });
}

const column: fc.Arbitrary<RandomColumn> = fc
  .tuple(fc.oneof(scalar, nested), fc.constantFrom("plain", "plain", "nullable", "optional"), fc.boolean())
  .map(([schema, presence, asText]) => {
    const full = presence === "nullable" ? schema.nullable() : presence === "optional" ? schema.optional() : schema;
    const { type } = schema._zod.def;
    const isText = type === "string" || type === "enum" || (type === "literal" && schema._zod.values!.has("null"));
    const near = nearJson(schema);
    const nulls = (cell: fc.Arbitrary<string>): fc.Arbitrary<string | null> => fc.option(cell, { freq: 12 });
    if (isText)
      return {
        schema: full,
        type: "VARCHAR",
        cell: nulls(fc.oneof({ weight: 5, arbitrary: anyText }, anyNumber.map(String))),
      };
    if (type === "number" || (type === "literal" && !schema._zod.values!.has(true))) {
      if (asText)
        return {
          schema: full,
          type: "VARCHAR",
          cell: nulls(fc.oneof({ weight: 5, arbitrary: anyNumber.map(String) }, anyText)),
        };
      return { schema: full, type: "DOUBLE", cell: nulls(anyNumber.map((value) => String(value))) };
    }
    if (type === "boolean" || type === "literal")
      return { schema: full, type: asText ? "VARCHAR" : "BOOLEAN", cell: nulls(fc.boolean().map(String)) };
    return { schema: full, type: "JSON", cell: nulls(near.map((value) => JSON.stringify(value))) };
  });

/** Cases of `rows` rows each. */
export function randomCase(rows: number): fc.Arbitrary<RandomCase> {
  return fc.tuple(fc.array(column, { minLength: 1, maxLength: 4 }), fc.boolean()).chain(([columns, strict]) =>
    fc.array(fc.tuple(...columns.map(({ cell }) => cell)), { minLength: rows, maxLength: rows }).map((cells) => ({
      columns,
      strict,
      rows: mostlyValid(columns, cells),
      [fc.toStringMethod]: () => JSON.stringify(cells[0]),
    })),
  );
}

/** In four rows of five, broken cells give way to a valid one of their column, so that rows break in one place at a time. */
function mostlyValid(
  columns: readonly RandomColumn[],
  rows: readonly (readonly (string | null)[])[],
): (string | null)[][] {
  const good = columns.map((one, position) => rows.map((cells) => cells[position]!).find((cell) => fits(one, cell)));
  return rows.map((cells, row) =>
    cells.map((cell, position) => {
      const mended = good[position];
      const isKept = row % 5 === position || mended === undefined || fits(columns[position]!, cell);
      return isKept ? cell : mended;
    }),
  );
}

function fits({ schema, type }: RandomColumn, cell: string | null): boolean {
  const value = cell === null ? null : type === "JSON" ? (JSON.parse(cell) as unknown) : cell;
  const values = type === "JSON" || cell === null ? [value] : [cell, Number(cell), cell === "true"];
  return values.some((one) => z.safeParse(schema, one).success);
}

/** Judges every row in every way; throws at the first that is not the same in all. Returns how many were valid. */
export async function checkCase(bench: Bench, { columns, strict, rows }: RandomCase): Promise<number> {
  const shape = Object.fromEntries(columns.map(({ schema }, position) => [`c${position}`, schema]));
  const row = strict ? z.strictObject(shape) : z.object(shape);
  const described = z.toJSONSchema(row, { target: "draft-2020-12", io: "input" });
  const judges = { Zod: contract("c", { row }), "JSON Schema": contract("c", { row: described as never }) };
  const types = columns.map(({ type }, position): Column => ({ name: `c${position}`, type }));
  const records = rows.map((cells) => Object.fromEntries(cells.map((cell, position) => [`c${position}`, cell])));
  const dataset = await bench.dataset(types, records);
  const verdicts: Record<string, boolean[]> = {};
  for (const [name, judge] of Object.entries(judges)) {
    verdicts[`${name}, row by row`] = records.map((cells) => judge.safeParse(decoded(judge, types, cells)).success);
    verdicts[`${name}, without reasons`] = records.map((cells) => judge.accepts(decoded(judge, types, cells)));
    const broken = new Set((await judged(bench, judge, dataset, described)).broken.map(({ record }) => record));
    verdicts[`${name}, columnar`] = records.map((_, position) => !broken.has(position + 1));
  }
  const [[, expected]] = Object.entries(verdicts) as [[string, boolean[]]];
  for (const [name, found] of Object.entries(verdicts)) {
    const at = found.findIndex((verdict, position) => verdict !== expected[position]);
    if (at >= 0)
      throw new Error(
        `${name} says ${found[at]} of ${JSON.stringify(rows[at])}, Zod row by row says ${expected[at]}: ${JSON.stringify(described)}`,
      );
  }
  return expected.filter(Boolean).length;
}

async function judged(bench: Bench, judge: Contract, dataset: Dataset, described: unknown): Promise<Judged> {
  try {
    return await bench.judge(judge, dataset);
  } catch (cause) {
    const details = cause instanceof SluiceError ? JSON.stringify(cause.details) : "";
    throw new Error(`${String(cause)} ${details} ${JSON.stringify(described)}`, { cause });
  }
}

function decoded(judge: Contract, types: readonly Column[], cells: Readonly<Record<string, string | null>>): unknown {
  const row: Record<string, unknown> = {};
  for (const field of judge.schema.fields)
    decodeInto(row, field, cells[field.name] ?? null, cellClass(types.find(({ name }) => name === field.name)!.type));
  return row;
}
