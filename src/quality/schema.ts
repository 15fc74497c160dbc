// Reads a Zod row schema into fields: what the columnar pass can judge exactly, and what only the validator itself can.
// It walks Zod's definitions, because JSON Schema drops refinements in silence. A construct it does not know is never
// passed over: it is refused here, or judged in JS on every row.
import type { z } from "zod";
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import { holdsForNull } from "./column-field.ts";
import { isPlainValue } from "./plain-text.ts";
import { type CheckDraft, type FieldCheck, readCheck } from "./schema-check.ts";
import { refuseTwins } from "./shape-row.ts";
import type { Shape } from "./shape.ts";
import { zodShape } from "./zod-shape.ts";

/** How a field's value looks in a row: text and numbers are decoded from text columns accordingly. */
export type FieldKind = "text" | "integer" | "number" | "truth" | "time" | "json" | "any";

/** One column of the row, as the compiler needs it. */
export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  /** For kind "time": the zone of wall-clock times. */
  readonly timeZone: string | null;
  /** What a null of a dataset is in the row: null, or a key that is not there. */
  readonly nullAs: "null" | "absent";
  /** Is a null of a dataset valid? Null: only the validator knows. */
  readonly acceptsNull: boolean | null;
  /** Conditions with an exact twin in SQL; all must hold. */
  readonly checks: readonly FieldCheck[];
  /** A condition on the value as JSON, beside the checks. */
  readonly shape: Shape | null;
  /** Why values of this field are judged in JS, one by one; empty if the columnar pass decides. */
  readonly residual: readonly string[];
}

/** A row schema, read. */
export interface RowSchema {
  readonly fields: readonly Field[];
  /** Extra columns are a mismatch, rather than dropped. */
  readonly strict: boolean;
  /** A condition on the row as an object, beside those on its columns. */
  readonly shape: Shape | null;
  /** Why whole rows are judged in JS. */
  readonly residual: readonly string[];
}

type AnyDef = z.core.$ZodTypeDef & Readonly<Record<string, unknown>>;

export function readRow(contract: string, row: z.core.$ZodObject): RowSchema {
  const def = row._zod.def;
  if (def.type !== "object")
    refuse(contract, "", `its row is a z.${String(def.type)}()`, "Use z.strictObject({…}) or z.object({…}).");
  const catchall = def.catchall?._zod.def.type;
  if (catchall !== undefined && catchall !== "never") {
    refuse(
      contract,
      "",
      "its row takes any other column (looseObject or catchall)",
      "Use z.strictObject, or z.object, which drops extra columns.",
    );
  }
  const names = Object.keys(def.shape);
  if (names.length === 0) refuse(contract, "", "its row has no columns", "Name at least one.");
  refuseTwins(contract, names);
  return {
    fields: names.map((name) => readField(contract, name, def.shape[name]!)),
    strict: catchall === "never",
    shape: null,
    residual: (def.checks ?? []).map(() => "a refinement of the whole row"),
  };
}

interface Draft extends CheckDraft {
  takesNull: boolean;
  takesAbsent: boolean;
  shape: Shape | null;
}

function newDraft(): Draft {
  return { kind: "any", timeZone: null, takesNull: false, takesAbsent: false, checks: [], shape: null, residual: [] };
}

function readField(contract: string, name: string, schema: z.core.$ZodType): Field {
  const draft = newDraft();
  readInto(draft, schema, (what, hint) => refuse(contract, name, what, hint));
  const nullAs = !draft.takesNull && draft.takesAbsent ? "absent" : "null";
  return {
    name,
    kind: draft.kind,
    timeZone: draft.timeZone,
    nullAs,
    acceptsNull: acceptsNull(draft, schema, nullAs),
    checks: draft.checks,
    shape: draft.shape,
    residual: draft.residual,
  };
}

function acceptsNull(draft: Draft, schema: z.core.$ZodType, nullAs: Field["nullAs"]): boolean | null {
  if (draft.residual.length > 0) return null;
  // What is unknown inside is not asked about null, unless it stands for the whole value.
  if (draft.shape !== null && nullAs === "null" && !draft.takesNull && holdsForNull(draft.shape) === null) return null;
  return accepts(schema, nullAs === "null" ? null : undefined);
}

type Refuse = (what: string, hint: string) => never;

function readInto(draft: Draft, schema: z.core.$ZodType, fail: Refuse): void {
  const def = schema._zod.def as AnyDef;
  if (def["coerce"] === true)
    fail("coerces its value", "Text columns are decoded strictly by the contract itself; use the type without coerce.");
  switch (def.type) {
    case "nullable":
    case "optional":
    case "nonoptional":
    case "readonly":
      readInto(draft, def["innerType"] as z.core.$ZodType, fail);
      if (def.type === "nullable") {
        draft.takesNull = true;
        // A column of JSON has nulls of its own.
        if (draft.shape !== null) draft.shape = { op: "some", of: [{ op: "types", types: ["null"] }, draft.shape] };
      }
      if (def.type === "optional") draft.takesAbsent = true;
      if (def.type === "nonoptional") draft.takesAbsent = false;
      if ((def.checks ?? []).length > 0) draft.residual.push(`a check on a ${def.type} value`);
      for (const check of def.checks ?? []) readCheck(draft, check, fail);
      return;
    case "string":
      draft.kind = "text";
      break;
    case "number":
      draft.kind = "number";
      break;
    case "boolean":
      draft.kind = "truth";
      break;
    case "enum":
    case "literal":
      readValues(draft, schema, fail);
      break;
    case "any":
    case "unknown":
      draft.takesNull = true;
      break;
    case "null":
      draft.takesNull = true;
      draft.residual.push("z.null()");
      break;
    case "template_literal":
      draft.kind = "text";
      draft.residual.push("a template literal");
      break;
    case "union":
      readUnion(draft, schema, def["options"] as readonly z.core.$ZodType[], fail);
      return;
    case "custom":
      draft.residual.push("a custom type");
      break;
    case "object":
    case "array":
    case "tuple":
    case "record":
    case "intersection":
    case "lazy":
      refuseTransforms(schema, fail, new Set());
      draft.kind = "json";
      draft.shape = zodShape(schema);
      // Its checks are read with it.
      return;
    case "transform":
    case "pipe":
    case "default":
    case "prefault":
    case "catch":
      fail(
        `changes its value (${def.type})`,
        "A contract says what is valid; change values in a transform step before it.",
      );
      break;
    case "date":
      fail("is a z.date(), which no text or column is", 'Use timestamp({ timeZone: "…" }) or z.iso.datetime().');
      break;
    default:
      fail(
        `is a z.${def.type}(), which a contract can't hold yet`,
        "Use text, numbers, booleans, enums, timestamp(), or nested objects and arrays.",
      );
  }
  // A format such as z.email() or z.int() is its own first check.
  if (def["check"] !== undefined && def.type !== "custom") readCheck(draft, schema as never, fail);
  for (const check of def.checks ?? []) readCheck(draft, check, fail);
}

function readValues(draft: Draft, schema: z.core.$ZodType, fail: Refuse): void {
  const values = [...(schema._zod.values ?? [])];
  if (values.includes(null)) draft.takesNull = true;
  if (values.includes(undefined)) draft.takesAbsent = true;
  const plain = values.filter((value) => value !== null && value !== undefined);
  const types = new Set(plain.map((value) => typeof value));
  if (types.has("bigint") || types.has("symbol"))
    fail("has a literal that no column holds", "Use text, numbers or booleans.");
  const [type] = types;
  draft.kind = types.size !== 1 ? "any" : type === "string" ? "text" : type === "number" ? "number" : "truth";
  if (plain.some((value) => !isPlainValue(value as Json))) draft.residual.push("a literal that SQL can't hold");
  else if (types.size !== 1)
    draft.shape = { op: "among", values: values.filter((value) => value !== undefined) as Json[] };
  else draft.checks.push({ op: "isIn", values: plain as (string | number | boolean)[] });
}

function readUnion(draft: Draft, schema: z.core.$ZodType, options: readonly z.core.$ZodType[], fail: Refuse): void {
  const drafts = options.map((option) => {
    const part = newDraft();
    readInto(part, option, fail);
    return { part, isNull: option._zod.def.type === "null" };
  });
  draft.takesNull = drafts.some(({ part }) => part.takesNull);
  draft.takesAbsent = drafts.some(({ part }) => part.takesAbsent);
  const kinds = new Set(drafts.filter(({ isNull }) => !isNull).map(({ part }) => part.kind));
  // One kind decodes text in one way; several would leave open whether "5" is a text or a number.
  const isNumber = [...kinds].every((kind) => kind === "integer" || kind === "number");
  draft.kind = kinds.size === 1 ? [...kinds][0]! : kinds.size > 0 && isNumber ? "number" : "any";
  if (draft.kind === "time") draft.kind = "text";
  draft.shape = zodShape(schema);
}

const valueChanging = new Set(["transform", "pipe", "default", "prefault", "catch"]);

function refuseTransforms(schema: unknown, fail: Refuse, seen: Set<unknown>): void {
  if (typeof schema !== "object" || schema === null || seen.has(schema)) return;
  seen.add(schema);
  const def = (schema as Partial<z.core.$ZodType>)._zod?.def as AnyDef | undefined;
  if (def === undefined) {
    for (const item of Object.values(schema)) refuseTransforms(item, fail, seen);
    return;
  }
  if (valueChanging.has(def.type) || def["coerce"] === true) {
    fail(
      `changes a value inside it (${def.type})`,
      "A contract says what is valid; change values in a transform step before it.",
    );
  }
  if (def.type === "lazy") refuseTransforms((def["getter"] as () => unknown)(), fail, seen);
  for (const check of def.checks ?? []) {
    if (check._zod.def.check === "overwrite")
      fail("changes a value inside it", "Change values in a transform step before it.");
  }
  for (const key of [
    "shape",
    "element",
    "items",
    "rest",
    "keyType",
    "valueType",
    "left",
    "right",
    "options",
    "innerType",
    "catchall",
  ]) {
    refuseTransforms(def[key], fail, seen);
  }
}

function accepts(schema: z.core.$ZodType, value: unknown): boolean {
  const result = schema._zod.run({ value, issues: [] }, { async: false });
  return !(result instanceof Promise) && result.issues.length === 0;
}

function refuse(contract: string, field: string, what: string, hint: string): never {
  const where = field === "" ? "" : `column "${field}" `;
  throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": ${where}${what}`, {
    hint,
    details: { contract, column: field },
  });
}
