// A row written in ArkType: read from the JSON of its own nodes, judged by ArkType itself. A part that is not known here
// is left to ArkType.
import { SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import { patternChecks } from "./pattern-checks.ts";
import { isPlainText, isPlainValue } from "./plain-text.ts";
import type { RowReading } from "./row-reading.ts";
import { allOf, anything, type JsonType, nothing, type Shape, unknown } from "./shape.ts";
import { rowOfShape } from "./shape-row.ts";
import type { StandardIssue, StandardSchema } from "./standard-schema.ts";
import { standardValidator } from "./standard-validator.ts";

/** A node as `type.json` shows it: a keyword, a list of branches, or a list of constraints. */
type Node = string | readonly Node[] | { readonly [key: string]: unknown };
type Refuse = (what: string, hint: string) => never;

export function readArkTypeRow(contract: string, row: StandardSchema): RowReading {
  const refuse: Refuse = (what, hint) => {
    throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": ${what}`, { hint, details: { contract } });
  };
  const json = (row as unknown as { readonly json: Node }).json;
  if (Array.isArray(json)) refuse("its row is a union", "A row is one object; a column may be a union.");
  const schema = rowOfShape(contract, nodeShape(typeof json === "string" ? json : { ...json, domain: "row" }, refuse));
  const text = JSON.stringify(json);
  // Checks in code are only numbered in that JSON.
  const source = String((row as unknown as { readonly precompilation?: unknown }).precompilation ?? "");
  return {
    vendor: "arktype",
    schema,
    description:
      text.length + source.length > 20_000
        ? { hash: contentHash([text, source]) }
        : { nodes: json as Json, check: contentHash(source) },
    validator: standardValidator(
      contract,
      row,
      schema.fields.map(({ name }) => name),
      { ruleOf, namesColumns: false },
    ),
  };
}

function nodeShape(node: Node, refuse: Refuse): Shape {
  if (typeof node === "string") return domainShape(node);
  if (Array.isArray(node))
    return { op: "some", of: (node as readonly Node[]).map((branch) => nodeShape(branch, refuse)) };
  const { meta: _, ...constraints } = node as { readonly [key: string]: unknown };
  if ("morphs" in constraints)
    refuse("changes a value (a morph)", "A contract says what is valid; change values in a transform step before it.");
  return allOf(Object.entries(constraints).map(([key, value]) => constraintShape(key, value, constraints, refuse)));
}

function types(...names: JsonType[]): Shape {
  return { op: "types", types: names };
}

function domainShape(domain: unknown): Shape {
  if (domain === "string" || domain === "number") return types(domain);
  // A row is no list.
  if (domain === "row") return types("object");
  if (domain === "object")
    return { op: "some", of: [types("object"), allOf([types("array"), unknown("a list taken for an object")])] };
  return unknown(`the domain ${String(domain)}`);
}

function constraintShape(key: string, value: unknown, node: Readonly<Record<string, unknown>>, refuse: Refuse): Shape {
  switch (key) {
    case "domain":
      // To ArkType a list is an object too, but not one with keys of its own.
      return value === "object" && namesOf(node, ["required"]).some((name) => !/^(?:length|\d+)$/.test(name))
        ? types("object")
        : domainShape(value);
    case "unit":
      // A date, undefined or the like is shown as its text.
      return value === "undefined" || !isPlainValue(value as Json) || (typeof value === "object" && value !== null)
        ? unknown("a unit that JSON does not hold")
        : { op: "among", values: [value as Json] };
    case "pattern":
      return allOf((Array.isArray(value) ? value : [value]).map(patternShape));
    case "minLength":
    case "maxLength":
    case "exactLength":
      return lengthShape(key, value, node);
    case "min":
    case "max": {
      const limit = limitOf(value);
      if (limit === undefined) return unknown(`the limit ${JSON.stringify(value)}`);
      return { op: "number", check: { op: key === "min" ? "minimum" : "maximum", ...limit } };
    }
    case "divisor":
      if (value === 1) return types("integer");
      return Number.isSafeInteger(value)
        ? { op: "number", check: { op: "multipleOf", step: value as number } }
        : unknown("a multiple of a fraction");
    case "required":
    case "optional":
      return allOf(
        (value as readonly Property[]).map((property) => propertyShape(property, key === "required", refuse)),
      );
    case "undeclared":
      return value === "reject" && node["index"] === undefined
        ? { op: "others", names: namesOf(node), patterns: [], of: nothing }
        : value === "delete"
          ? anything
          : unknown(`undeclared keys: ${String(value)}`);
    case "proto":
      return value === "Array" ? types("array") : unknown(`instances of ${String(value)}`);
    case "sequence":
      return sequenceShape(value as Node, refuse);
    case "predicate":
      return unknown("a check in code");
    default:
      return unknown(`the constraint "${key}"`);
  }
}

interface Property {
  readonly key: string;
  readonly value: Node;
  readonly default?: unknown;
}

function namesOf(node: Readonly<Record<string, unknown>>, kinds = ["required", "optional"]): string[] {
  return kinds.flatMap((kind) => ((node[kind] ?? []) as readonly Property[]).map(({ key }) => key));
}

function propertyShape(property: Property, isRequired: boolean, refuse: Refuse): Shape {
  const { key: name, value } = property;
  if ("default" in property)
    refuse(
      `changes a missing value of "${name}" (a default)`,
      "Fill values in by a transform step before the contract.",
    );
  if (!isPlainText(name) || name === "__proto__") return unknown("a key that SQL can't hold");
  const shape: Shape = { op: "property", name, of: nodeShape(value, refuse) };
  return isRequired ? allOf([{ op: "has", name }, shape]) : shape;
}

function patternShape(value: unknown): Shape {
  const { rule, flags = "" } = (typeof value === "string" ? { rule: value } : value) as {
    rule: string;
    flags?: string;
  };
  const checks = /[gy]/.test(flags) ? null : patternChecks(new RegExp(rule, flags));
  return checks === null
    ? unknown(`the pattern /${rule}/${flags}, which has no exact twin in SQL`)
    : allOf(checks.map((check): Shape => ({ op: "text", check })));
}

/** Lengths of texts are in UTF-16 units. */
function lengthShape(key: string, value: unknown, node: Readonly<Record<string, unknown>>): Shape {
  const limit = limitOf(value);
  if (limit === undefined || !limit.inclusive || !Number.isSafeInteger(limit.limit)) return unknown("a length");
  const isList = node["proto"] === "Array";
  const min = key === "maxLength" ? 0 : limit.limit;
  const max = key === "minLength" ? null : limit.limit;
  if (isList) return { op: "size", of: "array", min, max };
  if (node["domain"] !== "string") return unknown("a length");
  return allOf([
    ...(min === 0 ? [] : [{ op: "text", check: { op: "minLength", limit: min, unit: "utf16" } } as const]),
    ...(max === null ? [] : [{ op: "text", check: { op: "maxLength", limit: max, unit: "utf16" } } as const]),
  ]);
}

function limitOf(value: unknown): { limit: number; inclusive: boolean } | undefined {
  if (typeof value === "number") return { limit: value, inclusive: true };
  const { rule, exclusive } = value as { rule?: unknown; exclusive?: unknown };
  return typeof rule === "number" ? { limit: rule, inclusive: exclusive !== true } : undefined;
}

function sequenceShape(sequence: Node, refuse: Refuse): Shape {
  const keys = typeof sequence === "object" && !Array.isArray(sequence) ? Object.keys(sequence) : [];
  const special = keys.filter((key) =>
    ["prefix", "optionals", "defaultables", "postfix", "variadic", "minVariadicLength"].includes(key),
  );
  if (special.length === 0) return { op: "items", from: 0, of: nodeShape(sequence, refuse) };
  if (special.some((key) => key !== "prefix")) return unknown("a list with optional or last items");
  const prefix = (sequence as unknown as { readonly prefix: readonly Node[] }).prefix;
  return allOf(prefix.map((item, at): Shape => ({ op: "item", at, of: nodeShape(item, refuse) })));
}

const ruleNames: Readonly<Record<string, string>> = {
  domain: "type",
  proto: "type",
  unit: "enum",
  union: "union",
  min: "minimum",
  max: "maximum",
  divisor: "multipleOf",
  predicate: "refine",
};

function ruleOf(issue: StandardIssue): string | undefined {
  const { code, expected } = issue as { code?: string; expected?: string };
  if (code === "divisor" && expected === "an integer") return "integer";
  return code === undefined ? undefined : (ruleNames[code] ?? code);
}
