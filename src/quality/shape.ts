// What a JSON value must be, as data: the common ground of JSON Schema and of the validators' own definitions. Every
// reader writes it, shape-sql.ts gives it its meaning in SQL. What a reader can't say exactly it says with `unknown`.
import type { Json } from "../json.ts";
import type { ExactPattern } from "./pattern.ts";
import type { FieldCheck } from "./schema-check.ts";

export type JsonType = "null" | "boolean" | "integer" | "number" | "string" | "array" | "object";

/** As in JSON Schema, a condition on one type holds for every value of another. */
export type Shape =
  | { readonly op: "types"; readonly types: readonly JsonType[] }
  | { readonly op: "among"; readonly values: readonly Json[] }
  /** Of a text or of a number. */
  | { readonly op: "text" | "number"; readonly check: FieldCheck }
  /** The value's decimal digits are a multiple of the step's, as JSON Schema has it. */
  | { readonly op: "decimalMultiple"; readonly step: number }
  | { readonly op: "all" | "some" | "one"; readonly of: readonly Shape[] }
  | { readonly op: "not"; readonly of: Shape }
  | { readonly op: "when"; readonly condition: Shape; readonly consequence: Shape; readonly otherwise: Shape }
  | { readonly op: "items"; readonly from: number; readonly of: Shape }
  | { readonly op: "item"; readonly at: number; readonly of: Shape }
  | { readonly op: "contains"; readonly of: Shape; readonly min: number; readonly max: number | null }
  | { readonly op: "unique" }
  | { readonly op: "size"; readonly of: "array" | "object"; readonly min: number; readonly max: number | null }
  | { readonly op: "has"; readonly name: string }
  | { readonly op: "property"; readonly name: string; readonly of: Shape }
  /** Properties whose names match the pattern. */
  | { readonly op: "matching"; readonly pattern: ExactPattern; readonly of: Shape }
  /** Properties with other names. */
  | {
      readonly op: "others";
      readonly names: readonly string[];
      readonly patterns: readonly ExactPattern[];
      readonly of: Shape;
    }
  | { readonly op: "names"; readonly of: Shape }
  /** Only the validator knows. */
  | { readonly op: "unknown"; readonly reason: string };

export const anything: Shape = { op: "all", of: [] };
export const nothing: Shape = { op: "some", of: [] };

export function unknown(reason: string): Shape {
  return { op: "unknown", reason };
}

/** All of `parts`, without needless nesting. */
export function allOf(parts: readonly Shape[]): Shape {
  const flat = parts.flatMap((part) => (part.op === "all" ? part.of : [part]));
  return flat.length === 1 ? flat[0]! : { op: "all", of: flat };
}

export function isAnything(shape: Shape): boolean {
  return shape.op === "all" && shape.of.length === 0;
}

/** Why parts of the shape are left to the validator, each reason once. */
export function unknownsIn(shape: Shape): string[] {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    if ((part as { op?: unknown }).op === "unknown") found.add((part as { reason: string }).reason);
    for (const inner of Object.values(part)) visit(inner);
  };
  visit(shape);
  return [...found];
}

const allTypes: readonly JsonType[] = ["null", "boolean", "number", "string", "array", "object"];

/** The types that a value of this shape may have; never too few. "integer" stands beside "number" only where it is meant. */
export function typesOf(shape: Shape): ReadonlySet<JsonType> {
  switch (shape.op) {
    case "types":
      return new Set(shape.types);
    case "among":
      return new Set(shape.values.map(typeOfValue));
    case "all":
      return shape.of.map(typesOf).reduce(meet, new Set(allTypes));
    case "some":
    case "one":
      return new Set(shape.of.flatMap((part) => [...typesOf(part)]));
    default:
      return new Set(allTypes);
  }
}

function meet(left: ReadonlySet<JsonType>, right: ReadonlySet<JsonType>): ReadonlySet<JsonType> {
  const both = new Set([...left].filter((type) => right.has(type)));
  if (left.has("integer") && right.has("number")) both.add("integer");
  if (right.has("integer") && left.has("number")) both.add("integer");
  return both;
}

export function typeOfValue(value: Json): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as JsonType;
}
