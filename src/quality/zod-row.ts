// A row written in Zod: read by schema.ts, judged by Zod itself.
import { safeParse, z } from "zod";
import { SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import { issueAt, issuesOf } from "./issue.ts";
import type { Finding, RowReading } from "./row-reading.ts";
import { readRow } from "./schema.ts";

export function readZodRow(contract: string, row: z.core.$ZodObject): RowReading {
  const schema = readRow(contract, row);
  // Only what is judged in JS can change a value behind the definition's back (z.url() trims, superRefine may assign).
  const watched =
    schema.residual.length > 0 ? schema.fields : schema.fields.filter((field) => field.residual.length > 0);
  const { shape, checks = [] } = row._zod.def;
  const whole = checks.length === 0 ? undefined : new z.core.$ZodAny({ type: "any", checks: [...checks] });
  let fast: z.core.$ZodObject | undefined;
  const judge = (value: unknown): Finding => {
    const parsed = run(contract, row, value);
    const found = parsed.success ? [] : parsed.error.issues;
    const issues = issuesOf(found, value);
    const broken = new Set(found.map((issue) => String(issue.path[0] ?? "")));
    if (parsed.success && typeof value === "object" && value !== null) {
      for (const { name } of watched) {
        const before = (value as Record<string, unknown>)[name];
        if (isUnchanged(before, (parsed.data as Record<string, unknown>)[name])) continue;
        issues.push(issueAt([name], "unchanged", value, "the schema would change this value"));
        broken.add(name);
      }
    }
    return { issues, broken, data: parsed.success ? parsed.data : undefined };
  };
  return {
    vendor: "zod",
    schema,
    description: describe(row),
    validator: {
      judge,
      test: (value) => {
        // Compiled by Zod at the first use: the same verdict several times as fast, without the reasons.
        fast ??= z.core.compile(row);
        const parsed = run(contract, fast, value);
        return (
          parsed.success && watched.every(({ name }) => isUnchanged(fieldOf(value, name), fieldOf(parsed.data, name)))
        );
      },
      testField: (name, value) => {
        const parsed = run(contract, shape[name]!, value);
        return parsed.success && isUnchanged(value, parsed.data);
      },
      ...(whole === undefined
        ? {}
        : {
            testWhole: (value: unknown) => {
              const parsed = run(contract, whole, value);
              return parsed.success && parsed.data === value;
            },
          }),
      namesColumns: true,
    },
  };
}

function fieldOf(row: unknown, name: string): unknown {
  return (row as Readonly<Record<string, unknown>>)[name];
}

/** Values inside of a nested one are not looked at: what could change them has been refused. */
function isUnchanged(before: unknown, after: unknown): boolean {
  return (typeof before === "object" && before !== null) || Object.is(before, after);
}

function run(contract: string, schema: z.core.$ZodType, value: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return safeParse(schema, value) as z.ZodSafeParseResult<unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": a refinement of its row threw: ${reason}`, {
      hint: "A refinement must answer at once for any value, without a promise.",
      cause,
    });
  }
}

/** A schema as JSON, refinements by their source text; the same schema has the same description in every process. */
function describe(root: unknown): Json {
  const path: unknown[] = [];
  const visit = (value: unknown): Json => {
    if (value === null || value === undefined) return null;
    if (
      typeof value === "function" ||
      value instanceof RegExp ||
      typeof value === "bigint" ||
      typeof value === "symbol"
    )
      return String(value);
    if (typeof value !== "object")
      return typeof value === "number" && !Number.isFinite(value) ? String(value) : (value as Json);
    if (path.includes(value)) return "…";
    path.push(value);
    try {
      if (Array.isArray(value)) return value.map(visit);
      if (value instanceof Set || value instanceof Map) return [...value].map(visit);
      const inner = (value as { _zod?: { def?: unknown } })._zod?.def;
      return Object.fromEntries(Object.entries((inner ?? value) as object).map(([key, item]) => [key, visit(item)]));
    } finally {
      path.pop();
    }
  };
  const described = visit(root);
  // Deep schemas with shared parts would otherwise weigh down every plan.
  return JSON.stringify(described).length > 20_000 ? { hash: contentHash(described) } : described;
}
