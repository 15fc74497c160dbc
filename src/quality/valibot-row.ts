// A row written in Valibot: read from its own definitions, which are plain objects, judged by Valibot itself.
import { SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import { patternChecks } from "./pattern-checks.ts";
import { isPlainText, isPlainValue } from "./plain-text.ts";
import type { RowReading } from "./row-reading.ts";
import type { FieldCheck } from "./schema-check.ts";
import { allOf, anything, type JsonType, nothing, type Shape, typesOf, unknown } from "./shape.ts";
import { rowOfShape } from "./shape-row.ts";
import type { StandardIssue, StandardSchema } from "./standard-schema.ts";
import { standardValidator } from "./standard-validator.ts";

/** A schema, or an action in a pipe. */
interface Part {
  readonly kind: "schema" | "validation" | "transformation" | "metadata";
  readonly type: string;
  readonly requirement?: unknown;
  readonly pipe?: readonly Part[];
  readonly [property: string]: unknown;
}

type Refuse = (what: string, hint: string) => never;

export function readValibotRow(contract: string, row: StandardSchema): RowReading {
  const refuse: Refuse = (what, hint) => {
    throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": ${what}`, { hint, details: { contract } });
  };
  const root = row as unknown as Part;
  if (root.type !== "object" && root.type !== "strict_object")
    refuse(`its row is a v.${root.type}()`, "Use v.strictObject({…}) or v.object({…}).");
  const schema = rowOfShape(contract, shapeOf(root, refuse));
  const entries = root["entries"] as Readonly<Record<string, StandardSchema>>;
  return {
    vendor: "valibot",
    schema,
    description: describe(root),
    validator: standardValidator(contract, row, Object.keys(entries), {
      ruleOf,
      // With a check on the row as a whole, only the row can be asked.
      ...(schema.shape === null ? { columns: entries } : {}),
      namesColumns: true,
    }),
  };
}

function shapeOf(part: Part, refuse: Refuse): Shape {
  if (part["fallback"] !== undefined || part["default"] !== undefined)
    refuse(`changes a missing value (${part.type})`, "Fill values in by a transform step before the contract.");
  const [, ...actions] = part.pipe ?? [];
  const own = ownShape(part, refuse);
  // Limits compare whatever JS can compare; in SQL they are said of numbers alone.
  const isNumber = [...typesOf(own)].every((type) => type === "number" || type === "integer");
  return allOf([own, ...actions.map((action) => actionShape(action, isNumber, refuse))]);
}

function types(...names: JsonType[]): Shape {
  return { op: "types", types: names };
}

function ownShape(part: Part, refuse: Refuse): Shape {
  const inner = (key: string): Shape => shapeOf(part[key] as Part, refuse);
  const list = (key: string): Shape[] => (part[key] as readonly Part[]).map((item) => shapeOf(item, refuse));
  switch (part.type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return types(part.type);
    case "any":
    case "unknown":
      return anything;
    case "literal":
      return among([part["literal"]]);
    case "picklist":
    case "enum":
      return among(part["options"] as readonly unknown[]);
    case "nullable":
    case "nullish":
      return { op: "some", of: [types("null"), inner("wrapped")] };
    case "optional":
    case "exact_optional":
      return inner("wrapped");
    case "union":
    case "variant":
      return { op: "some", of: list("options") };
    case "array":
      return allOf([types("array"), { op: "items", from: 0, of: inner("item") }]);
    case "object":
    case "strict_object":
      return objectShape(part, refuse);
    case "date":
    case "bigint":
      return refuse(`has a v.${part.type}(), which no text or column is`, "Use text, numbers or booleans.");
    default:
      return unknown(`v.${part.type}()`);
  }
}

function among(values: readonly unknown[]): Shape {
  const plain = values.every(
    (value) => typeof value !== "bigint" && typeof value !== "symbol" && isPlainValue(value as Json),
  );
  return plain ? { op: "among", values: values as Json[] } : unknown("a literal that SQL can't hold");
}

function objectShape(part: Part, refuse: Refuse): Shape {
  const entries = Object.entries(part["entries"] as Readonly<Record<string, Part>>);
  const names = entries.map(([name]) => name);
  if (!names.every((name) => isPlainText(name) && name !== "__proto__")) return unknown("a key that SQL can't hold");
  const properties = entries.flatMap(([name, entry]): Shape[] => {
    const optional = entry.type === "optional" || entry.type === "exact_optional" || entry.type === "nullish";
    const presence: readonly Shape[] =
      optional || entry.type === "any" || entry.type === "unknown"
        ? []
        : ["undefinedable", "undefined", "union", "lazy", "custom"].includes(entry.type)
          ? [unknown("a key that may be missing")]
          : [{ op: "has", name }];
    return [...presence, { op: "property", name, of: shapeOf(entry, refuse) }];
  });
  const others: readonly Shape[] =
    part.type === "strict_object" ? [{ op: "others", names, patterns: [], of: nothing }] : [];
  return allOf([types("object"), ...properties, ...others]);
}

const harmless = new Set(["brand", "flavor", "readonly"]);

function actionShape(action: Part, isNumber: boolean, refuse: Refuse): Shape {
  if (action.kind === "schema") return shapeOf(action, refuse);
  if (action.kind === "metadata" || harmless.has(action.type)) return anything;
  if (action.kind === "transformation")
    return refuse(
      `changes its value (${action.type})`,
      "A contract says what is valid; change values in a transform step before it.",
    );
  const { requirement } = action;
  if (requirement instanceof RegExp) {
    const checks = requirement.global || requirement.sticky ? null : patternChecks(requirement);
    return checks === null
      ? unknown(`the pattern ${String(requirement)}, which has no exact twin in SQL`)
      : allOf(checks.map((check) => onlyText(check)));
  }
  return limitShape(action.type, requirement, isNumber) ?? unknown(`the check ${action.type}`);
}

/** Limits of texts count UTF-16 units here; those of arrays, items. */
function limitShape(type: string, limit: unknown, isNumber: boolean): Shape | undefined {
  const texts: Readonly<Record<string, FieldCheck["op"]>> = {
    starts_with: "startsWith",
    ends_with: "endsWith",
    includes: "contains",
  };
  if (typeof limit === "string" && isPlainText(limit) && texts[type] !== undefined)
    return onlyText({ op: texts[type], text: limit } as FieldCheck);
  if (type === "non_empty") return sized(1, null);
  if (type === "integer") return types("integer");
  if (type === "safe_integer") return allOf([types("integer"), ofNumber({ op: "whole" })]);
  if (type === "finite") return anything;
  if (typeof limit !== "number" || !Number.isFinite(limit)) return undefined;
  if (!isNumber && !type.endsWith("length")) return undefined;
  switch (type) {
    case "min_length":
      return Number.isSafeInteger(limit) ? sized(limit, null) : undefined;
    case "max_length":
      return Number.isSafeInteger(limit) ? sized(0, limit) : undefined;
    case "length":
      return Number.isSafeInteger(limit) ? sized(limit, limit) : undefined;
    case "min_value":
    case "gt_value":
      return ofNumber({ op: "minimum", limit, inclusive: type === "min_value" });
    case "max_value":
    case "lt_value":
      return ofNumber({ op: "maximum", limit, inclusive: type === "max_value" });
    case "multiple_of":
      return Number.isSafeInteger(limit) && limit !== 0 ? ofNumber({ op: "multipleOf", step: limit }) : undefined;
    default:
      return undefined;
  }
}

function ofNumber(check: FieldCheck): Shape {
  return { op: "number", check };
}

function onlyText(check: FieldCheck): Shape {
  return { op: "text", check };
}

function sized(min: number, max: number | null): Shape {
  return allOf([
    ...(min === 0 ? [] : [onlyText({ op: "minLength", limit: min, unit: "utf16" })]),
    ...(max === null ? [] : [onlyText({ op: "maxLength", limit: max, unit: "utf16" })]),
    { op: "size", of: "array", min, max },
  ]);
}

const ruleNames: Readonly<Record<string, string>> = {
  regex: "pattern",
  min_length: "minLength",
  max_length: "maxLength",
  non_empty: "minLength",
  min_value: "minimum",
  gt_value: "minimum",
  max_value: "maximum",
  lt_value: "maximum",
  multiple_of: "multipleOf",
  safe_integer: "integer",
  starts_with: "startsWith",
  ends_with: "endsWith",
  literal: "enum",
  picklist: "enum",
  check: "refine",
};

function ruleOf(issue: StandardIssue): string | undefined {
  const { kind, type, expected } = issue as { kind?: string; type?: string; expected?: string | null };
  if (type === undefined) return undefined;
  if (type === "strict_object" && expected === "never") return "unrecognized";
  return ruleNames[type] ?? (kind === "schema" && type !== "union" ? "type" : type);
}

function describe(root: unknown): Json {
  const text = JSON.stringify(root, (_key, value: unknown) => {
    if (typeof value === "function" || value instanceof RegExp || typeof value === "bigint") return String(value);
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
  return text.length > 20_000 ? { hash: contentHash(text) } : (JSON.parse(text) as Json);
}
