// The shape of a Zod schema's valid JSON values: of what lies inside a column, and of unions. What Zod decides by code
// (refinements, formats that are more than a pattern) is left to Zod.
import { z } from "zod";
import type { Json } from "../json.ts";
import { isPlainText, isPlainValue } from "./plain-text.ts";
import { type CheckDraft, readCheck } from "./schema-check.ts";
import { allOf, anything, type JsonType, nothing, type Shape, unknown } from "./shape.ts";

type Schema = z.core.$ZodType;
type Def = z.core.$ZodTypeDef & Readonly<Record<string, unknown>>;

/** `open` holds the schemas around this one, to find those that hold themselves. */
export function zodShape(schema: Schema, open: readonly Schema[] = []): Shape {
  if (open.includes(schema)) return unknown("a schema that holds itself");
  const def = schema._zod.def as Def;
  const inner = (key: string): Shape => zodShape(def[key] as Schema, [...open, schema]);
  switch (def.type) {
    case "string":
    case "number":
      return scalar(schema, def.type);
    case "boolean":
      return withChecks(types("boolean"), def);
    case "null":
      return withChecks(types("null"), def);
    case "enum":
    case "literal":
      return withChecks(values(schema), def);
    case "any":
    case "unknown":
      return withChecks(anything, def);
    case "never":
      return nothing;
    case "nullable":
      return withChecks({ op: "some", of: [types("null"), inner("innerType")] }, def);
    case "optional":
    case "nonoptional":
    case "readonly":
      return withChecks(inner("innerType"), def);
    case "lazy":
      return zodShape((def["getter"] as () => Schema)(), [...open, schema]);
    case "union": {
      const options = (def["options"] as readonly Schema[]).map((option) => zodShape(option, [...open, schema]));
      return withChecks({ op: def["inclusive"] === false ? "one" : "some", of: options }, def);
    }
    case "array":
      return allOf([types("array"), { op: "items", from: 0, of: inner("element") }, ...sizes(def)]);
    case "tuple":
      return withChecks(tuple(def, [...open, schema]), def);
    case "object":
      return withChecks(object(def, [...open, schema]), def);
    case "record":
      return withChecks(record(def, [...open, schema]), def);
    default:
      return unknown(`z.${def.type}()`);
  }
}

function types(...names: JsonType[]): Shape {
  return { op: "types", types: names };
}

function withChecks(shape: Shape, { checks = [] }: Def): Shape {
  return checks.length === 0 ? shape : allOf([shape, unknown("a refinement inside")]);
}

function scalar(schema: Schema, type: "string" | "number"): Shape {
  const draft: CheckDraft = { kind: type === "string" ? "text" : "number", timeZone: null, checks: [], residual: [] };
  const def = schema._zod.def as Def;
  // What changes a value has been refused before.
  const fail = (what: string): never => draft.residual.push(what) as never;
  if (def["check"] !== undefined) readCheck(draft, schema as never, fail);
  for (const check of def.checks ?? []) readCheck(draft, check, fail);
  if (draft.kind === "time") draft.residual.push("a timestamp inside");
  return allOf([
    types(draft.kind === "integer" ? "integer" : type),
    ...(draft.kind === "integer" ? [{ op: "number", check: { op: "whole" } } as const] : []),
    ...draft.checks.map((check): Shape => ({ op: type === "string" ? "text" : "number", check })),
    ...draft.residual.map(unknown),
  ]);
}

function values(schema: Schema): Shape {
  const all = [...(schema._zod.values ?? [])].filter((value) => value !== undefined) as Json[];
  const plain = all.every((value) => typeof value !== "bigint" && typeof value !== "symbol" && isPlainValue(value));
  return plain ? { op: "among", values: all } : unknown("a literal that SQL can't hold");
}

function sizes({ checks = [] }: Def): Shape[] {
  return checks.map((check) => {
    const def = check._zod.def as unknown as Readonly<Record<string, unknown>>;
    const limit = def["minimum"] ?? def["maximum"] ?? def["length"];
    if (def["when"] !== undefined || !Number.isSafeInteger(limit)) return unknown("a refinement inside");
    const size = (min: number, max: number | null): Shape => ({ op: "size", of: "array", min, max });
    if (def["check"] === "min_length") return size(limit as number, null);
    if (def["check"] === "max_length") return size(0, limit as number);
    return def["check"] === "length_equals" ? size(limit as number, limit as number) : unknown("a refinement inside");
  });
}

function tuple(def: Def, open: readonly Schema[]): Shape {
  const items = def["items"] as readonly Schema[];
  const rest = def["rest"] as Schema | null;
  if (items.some((item) => item._zod.optin === "optional" || item._zod.optout === "optional"))
    return allOf([types("array"), unknown("a tuple with optional items")]);
  return allOf([
    types("array"),
    { op: "size", of: "array", min: items.length, max: rest === null ? items.length : null },
    ...items.map((item, at): Shape => ({ op: "item", at, of: zodShape(item, open) })),
    ...(rest === null ? [] : [{ op: "items", from: items.length, of: zodShape(rest, open) } as const]),
  ]);
}

function object(def: Def, open: readonly Schema[]): Shape {
  const shape = def["shape"] as Readonly<Record<string, Schema>>;
  const names = Object.keys(shape);
  if (!names.every((name) => isPlainText(name) && name !== "__proto__")) return unknown("a key that SQL can't hold");
  const properties = names.flatMap((name): Shape[] => {
    const absent = acceptsAbsent(shape[name]!);
    const of = zodShape(shape[name]!, open);
    const presence: Shape[] =
      absent === true ? [] : absent === false ? [{ op: "has", name }] : [unknown("a missing key")];
    return [...presence, { op: "property", name, of }];
  });
  const catchall = def["catchall"] as Schema | undefined;
  return allOf([
    types("object"),
    ...properties,
    ...(catchall === undefined ? [] : [{ op: "others", names, patterns: [], of: zodShape(catchall, open) } as const]),
  ]);
}

/** Null if asking is not safe. */
function acceptsAbsent(schema: Schema): boolean | null {
  try {
    const probe = new z.core.$ZodObject({ type: "object", shape: { key: schema } });
    const result = probe._zod.run({ value: {}, issues: [] }, { async: false });
    return result instanceof Promise ? null : result.issues.length === 0;
  } catch {
    return null;
  }
}

function record(def: Def, open: readonly Schema[]): Shape {
  const key = def["keyType"] as Schema;
  const isPlainKey = key._zod.def.type === "string" && (key._zod.def as Def)["check"] === undefined;
  if (!isPlainKey || (key._zod.def.checks ?? []).length > 0 || def["mode"] !== undefined)
    return allOf([types("object"), unknown("a record whose keys have rules")]);
  // Zod passes over a key of this name.
  return allOf([
    types("object"),
    { op: "others", names: ["__proto__"], patterns: [], of: zodShape(def["valueType"] as Schema, open) },
  ]);
}
