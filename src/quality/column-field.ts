// A column's field, from the shape of its values: how text is decoded, what null means, and which conditions have a twin
// on the decoded value itself. What has none stays a shape and is judged on the value as JSON.
import type { FieldCheck } from "./schema-check.ts";
import type { Field, FieldKind } from "./schema.ts";
import { allOf, isAnything, type JsonType, type Shape, typeOfValue, typesOf } from "./shape.ts";

export function fieldOfShape(name: string, shape: Shape, optional: boolean): Field {
  const ofNull = holdsForNull(shape);
  const kind = kindOf(typesOf(shape));
  const parts = kind === "json" || kind === "any" ? { checks: [], rest: [shape] } : splitParts(partsOf(shape), kind);
  const rest = allOf(parts.rest);
  const nullAs = ofNull === true || !optional ? "null" : "absent";
  return {
    name,
    kind,
    timeZone: null,
    nullAs,
    acceptsNull: nullAs === "absent" || ofNull === true,
    checks: parts.checks,
    shape: isAnything(rest) ? null : rest,
    residual: [],
  };
}

function kindOf(types: ReadonlySet<JsonType>): FieldKind {
  const names = [...types].filter((type) => type !== "null");
  const only = (...wanted: JsonType[]): boolean => names.length > 0 && names.every((type) => wanted.includes(type));
  if (only("string")) return "text";
  if (only("integer")) return "integer";
  if (only("integer", "number")) return "number";
  if (only("boolean")) return "truth";
  return only("array", "object") ? "json" : "any";
}

/** The conditions that all hold of a value that is not null. */
function partsOf(shape: Shape): readonly Shape[] {
  if (shape.op === "all") return shape.of.flatMap(partsOf);
  if (shape.op === "some") {
    const others = shape.of.filter((part) => !isNullOnly(part));
    if (others.length === 1) return partsOf(others[0]!);
  }
  return [shape];
}

function isNullOnly(shape: Shape): boolean {
  const types = typesOf(shape);
  return types.size === 1 && types.has("null");
}

const jsonTypes: Readonly<Partial<Record<FieldKind, JsonType>>> = {
  text: "string",
  integer: "number",
  number: "number",
  truth: "boolean",
};

function splitParts(parts: readonly Shape[], kind: FieldKind): { checks: FieldCheck[]; rest: Shape[] } {
  const checks: FieldCheck[] = [];
  const rest: Shape[] = [];
  for (const part of parts) {
    switch (part.op) {
      case "types":
        // The kind says it, except that a number may have to be a whole one by another of the conditions.
        if (kind === "number" && !part.types.includes("number")) rest.push(part);
        break;
      case "text":
        if (kind === "text") checks.push(part.check);
        break;
      case "number":
        if (kind === "integer" || kind === "number") checks.push(part.check);
        break;
      case "decimalMultiple":
        if (kind === "integer" && Number.isSafeInteger(part.step)) checks.push({ op: "multipleOf", step: part.step });
        else if (kind === "integer" || kind === "number") rest.push(part);
        break;
      case "among": {
        const values = part.values.filter((value) => typeOfValue(value) === jsonTypes[kind]);
        if (values.length > 0) checks.push({ op: "isIn", values: values as (string | number | boolean)[] });
        else rest.push(part);
        break;
      }
      case "items":
      case "item":
      case "contains":
      case "unique":
      case "size":
      case "has":
      case "property":
      case "matching":
      case "others":
      case "names":
        break;
      default:
        rest.push(part);
    }
  }
  return { checks, rest };
}

/** What the shape says of null; null if only the validator knows. */
export function holdsForNull(shape: Shape): boolean | null {
  switch (shape.op) {
    case "types":
      return shape.types.includes("null");
    case "among":
      return shape.values.includes(null);
    case "all":
      return fold(shape.of.map(holdsForNull), false);
    case "some":
      return fold(shape.of.map(holdsForNull), true);
    case "one": {
      const truths = shape.of.map(holdsForNull);
      return truths.includes(null) ? null : truths.filter((truth) => truth === true).length === 1;
    }
    case "not": {
      const truth = holdsForNull(shape.of);
      return truth === null ? null : !truth;
    }
    case "when": {
      const condition = holdsForNull(shape.condition);
      return condition === null ? null : holdsForNull(condition ? shape.consequence : shape.otherwise);
    }
    case "unknown":
      return null;
    default:
      return true;
  }
}

function fold(truths: readonly (boolean | null)[], decisive: boolean): boolean | null {
  if (truths.includes(decisive)) return decisive;
  return truths.includes(null) ? null : !decisive;
}
