// Reads a plain JSON Schema (draft 2020-12) into a shape. A keyword that a contract can't hold to the letter is refused
// when the contract is made: never passed over, except for the notes that say nothing about validity.
import { SluiceError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { type JsonFormat, jsonFormats } from "./json-schema-format.ts";
import { exactPattern } from "./pattern.ts";
import { patternChecks } from "./pattern-checks.ts";
import { isPlainText, isPlainValue } from "./plain-text.ts";
import type { FieldCheck } from "./schema-check.ts";
import { allOf, anything, type JsonType, nothing, type Shape, unknown } from "./shape.ts";

/** A JSON Schema, draft 2020-12, as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** assert: a value that is not of its format is not valid · annotate: formats say nothing, as JSON Schema has it. */
export type FormatMode = "assert" | "annotate";

const dialect = "https://json-schema.org/draft/2020-12/schema";
const notes = new Set(
  "$comment $defs title description default examples deprecated readOnly writeOnly contentEncoding contentMediaType contentSchema".split(
    " ",
  ),
);
const typeNames = new Set<string>(["null", "boolean", "integer", "number", "string", "array", "object"]);

export interface JsonSchemaReading {
  readonly contract: string;
  readonly root: unknown;
  readonly formats: FormatMode;
  /** Schemas that are being read, to find those that hold themselves. */
  readonly open: readonly string[];
}

/** The shape of `schema` at `path` (a JSON pointer) of `reading.root`; DEFINITION_INVALID for what can't be held. */
export function readJsonSchema(reading: JsonSchemaReading, schema: unknown = reading.root, path = "#"): Shape {
  if (schema === true) return anything;
  if (schema === false) return nothing;
  if (!isObject(schema)) refuse(reading, path, "is neither an object nor a boolean");
  const parts: Shape[] = [];
  for (const keyword of Object.keys(schema)) {
    const read = keywords[keyword];
    if (read !== undefined) {
      parts.push(...read({ reading, schema, value: schema[keyword], path: `${path}/${escaped(keyword)}` }));
    } else if (keyword === "$schema" || keyword === "$id") checkIdentity(reading, schema, keyword, path);
    else if (keyword === "$defs") readDefinitions(reading, schema, path);
    else if (!notes.has(keyword) && !keyword.startsWith("x-")) {
      refuse(reading, path, `has the keyword "${keyword}", which a contract can't hold`);
    }
  }
  if (isObject(schema["$defs"])) readDefinitions(reading, schema, path);
  return allOf(parts);
}

interface Keyword {
  readonly reading: JsonSchemaReading;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly value: unknown;
  readonly path: string;
}

type Read = (keyword: Keyword) => readonly Shape[];

const keywords: Readonly<Record<string, Read>> = {
  type: ({ reading, value, path }) => {
    const types = Array.isArray(value) ? (value as unknown[]) : [value];
    if (types.length === 0 || !types.every((type) => typeof type === "string" && typeNames.has(type)))
      refuse(reading, path, `is ${JSON.stringify(value)}, not a type`);
    return [{ op: "types", types: types as JsonType[] }];
  },
  enum: ({ reading, value, path }) => {
    if (!Array.isArray(value) || value.length === 0) refuse(reading, path, "is not a list of values");
    return [among(value as Json[])];
  },
  const: ({ value }) => [among([value as Json])],
  minimum: (keyword) => [numberCheck({ op: "minimum", limit: numberOf(keyword), inclusive: true })],
  exclusiveMinimum: (keyword) => [numberCheck({ op: "minimum", limit: numberOf(keyword), inclusive: false })],
  maximum: (keyword) => [numberCheck({ op: "maximum", limit: numberOf(keyword), inclusive: true })],
  exclusiveMaximum: (keyword) => [numberCheck({ op: "maximum", limit: numberOf(keyword), inclusive: false })],
  multipleOf: (keyword) => {
    const step = numberOf(keyword);
    if (step <= 0) refuse(keyword.reading, keyword.path, "is not above 0");
    return [{ op: "decimalMultiple", step }];
  },
  minLength: (keyword) => [textCheck({ op: "minLength", limit: countOf(keyword) })],
  maxLength: (keyword) => [textCheck({ op: "maxLength", limit: countOf(keyword) })],
  pattern: ({ reading, value, path }) => [patternShape(regexOf(reading, value, path))],
  format: ({ reading, value, path }) => {
    if (reading.formats === "annotate") return [];
    const format = jsonFormats()[String(value)];
    if (format === undefined)
      refuse(reading, path, `is "${String(value)}", a format that a contract can't assert`, formatHint());
    return [formatShape(String(value), format)];
  },
  properties: ({ reading, value, path }) =>
    entriesOf(reading, value, path).map(([name, of]): Shape => {
      // JS objects give this name a meaning of their own.
      if (name === "__proto__") refuse(reading, path, 'names a property "__proto__"');
      const shape = readJsonSchema(reading, of, `${path}/${escaped(name)}`);
      return isPlainText(name) ? { op: "property", name, of: shape } : unknown("a property with a stray character");
    }),
  required: ({ reading, value, path }) => namesOf(reading, value, path).map(has),
  additionalProperties: ({ reading, schema, value, path }) => {
    const names = isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
    const patterns = isObject(schema["patternProperties"]) ? Object.keys(schema["patternProperties"]) : [];
    const of = readJsonSchema(reading, value, path);
    const exact = patterns.map((pattern) => exactPattern(regexOf(reading, pattern, path)));
    if (exact.includes(null) || !names.every(isPlainText)) return [unknown("names that SQL can't match")];
    return [{ op: "others", names, patterns: exact.filter((pattern) => pattern !== null), of }];
  },
  patternProperties: ({ reading, value, path }) =>
    entriesOf(reading, value, path).map(([source, schema]): Shape => {
      const pattern = exactPattern(regexOf(reading, source, path));
      const of = readJsonSchema(reading, schema, `${path}/${escaped(source)}`);
      return pattern === null ? unknown(`the pattern ${source}`) : { op: "matching", pattern, of };
    }),
  propertyNames: ({ reading, value, path }) => [{ op: "names", of: readJsonSchema(reading, value, path) }],
  minProperties: (keyword) => [{ op: "size", of: "object", min: countOf(keyword), max: null }],
  maxProperties: (keyword) => [{ op: "size", of: "object", min: 0, max: countOf(keyword) }],
  dependentRequired: ({ reading, value, path }) =>
    entriesOf(reading, value, path).map(([name, names]) =>
      whenPresent(name, allOf(namesOf(reading, names, path).map(has))),
    ),
  dependentSchemas: ({ reading, value, path }) =>
    entriesOf(reading, value, path).map(([name, schema]) =>
      whenPresent(name, readJsonSchema(reading, schema, `${path}/${escaped(name)}`)),
    ),
  prefixItems: ({ reading, value, path }) =>
    listOf(reading, value, path).map((schema, at) => ({
      op: "item",
      at,
      of: readJsonSchema(reading, schema, `${path}/${at}`),
    })),
  items: ({ reading, schema, value, path }) => {
    const from = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"].length : 0;
    return [{ op: "items", from, of: readJsonSchema(reading, value, path) }];
  },
  contains: ({ reading, schema, value, path }) => {
    const min = schema["minContains"] === undefined ? 1 : countOf({ reading, value: schema["minContains"], path });
    const max = schema["maxContains"] === undefined ? null : countOf({ reading, value: schema["maxContains"], path });
    return [{ op: "contains", of: readJsonSchema(reading, value, path), min, max }];
  },
  minContains: (keyword) => (countOf(keyword), []),
  maxContains: (keyword) => (countOf(keyword), []),
  minItems: (keyword) => [{ op: "size", of: "array", min: countOf(keyword), max: null }],
  maxItems: (keyword) => [{ op: "size", of: "array", min: 0, max: countOf(keyword) }],
  uniqueItems: ({ reading, value, path }) => {
    if (typeof value !== "boolean") refuse(reading, path, "is not a boolean");
    return value ? [{ op: "unique" }] : [];
  },
  allOf: ({ reading, value, path }) => readAll(reading, value, path),
  anyOf: ({ reading, value, path }) => [{ op: "some", of: readAll(reading, value, path) }],
  oneOf: ({ reading, value, path }) => [{ op: "one", of: readAll(reading, value, path) }],
  not: ({ reading, value, path }) => [{ op: "not", of: readJsonSchema(reading, value, path) }],
  if: ({ reading, schema, value, path }) => {
    const branch = (name: "then" | "else"): Shape =>
      schema[name] === undefined ? anything : readJsonSchema(reading, schema[name], path.replace(/if$/, name));
    const condition = readJsonSchema(reading, value, path);
    return [{ op: "when", condition, consequence: branch("then"), otherwise: branch("else") }];
  },
  // Without an "if" they say nothing; with one, it reads them.
  // oxlint-disable-next-line unicorn/no-thenable
  then: ({ reading, value, path }) => (readJsonSchema(reading, value, path), []),
  else: ({ reading, value, path }) => (readJsonSchema(reading, value, path), []),
  $ref: ({ reading, value, path }) => {
    if (typeof value !== "string" || !/^#(?:\/|$)/.test(value))
      refuse(reading, path, `is ${JSON.stringify(value)}, not a place in this schema`, 'Use "#/$defs/NAME".');
    if (reading.open.includes(value)) return [unknown(`${value}, which holds itself`)];
    const target = resolve(reading, value, path);
    return [readJsonSchema({ ...reading, open: [...reading.open, value] }, target, value)];
  },
};

function readAll(reading: JsonSchemaReading, value: unknown, path: string): Shape[] {
  const list = listOf(reading, value, path);
  if (list.length === 0) refuse(reading, path, "is an empty list");
  return list.map((schema, at) => readJsonSchema(reading, schema, `${path}/${at}`));
}

/** Definitions are read even if nothing refers to them: a keyword that can't be held is found when the contract is made. */
function readDefinitions(reading: JsonSchemaReading, schema: Readonly<Record<string, unknown>>, path: string): void {
  for (const [name, definition] of entriesOf(reading, schema["$defs"], `${path}/$defs`)) {
    const at = `${path}/$defs/${escaped(name)}`;
    if (!reading.open.includes(at)) readJsonSchema({ ...reading, open: [...reading.open, at] }, definition, at);
  }
}

function checkIdentity(
  reading: JsonSchemaReading,
  schema: Readonly<Record<string, unknown>>,
  keyword: "$schema" | "$id",
  path: string,
): void {
  if (schema !== reading.root)
    refuse(reading, path, `has the keyword "${keyword}" below the root, which a contract can't hold`);
  if (keyword === "$schema" && schema["$schema"] !== dialect)
    refuse(reading, path, `is written in ${JSON.stringify(schema["$schema"])}`, `Contracts read ${dialect}.`);
}

function resolve(reading: JsonSchemaReading, reference: string, path: string): unknown {
  let found: unknown = reading.root;
  for (const part of reference.split("/").slice(1)) {
    let name: string;
    try {
      name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    } catch {
      refuse(reading, path, `is "${reference}", which is not a pointer`);
    }
    found = isObject(found) || Array.isArray(found) ? (found as Record<string, unknown>)[name] : undefined;
  }
  if (found === undefined) refuse(reading, path, `is "${reference}", where nothing is`);
  return found;
}

function among(values: readonly Json[]): Shape {
  return values.every(isPlainValue) ? { op: "among", values } : unknown("a value that SQL can't hold");
}

function numberCheck(check: FieldCheck): Shape {
  return { op: "number", check };
}

function textCheck(check: FieldCheck): Shape {
  return { op: "text", check };
}

function patternShape(regex: RegExp): Shape {
  const checks = patternChecks(regex);
  return checks === null
    ? unknown(`the pattern ${String(regex)}, which has no exact twin in SQL`)
    : allOf(checks.map(textCheck));
}

function formatShape(name: string, { check, pattern, except }: JsonFormat): Shape {
  if (check instanceof RegExp) return patternShape(check);
  const open = unknown(`the format "${name}"`);
  if (pattern === undefined || except === undefined) return open;
  const special = allOf([textCheck({ op: "contains", text: except }), open]);
  return { op: "some", of: [{ op: "not", of: isText }, patternShape(pattern), special] };
}

const isText: Shape = { op: "types", types: ["string"] };

function has(name: string): Shape {
  return isPlainText(name) ? { op: "has", name } : unknown("a name with a stray character");
}

/** As a condition on objects that have the property; of other values it says nothing. */
function whenPresent(name: string, consequence: Shape): Shape {
  const present = allOf([{ op: "types", types: ["object"] }, has(name)]);
  return { op: "when", condition: present, consequence, otherwise: anything };
}

function numberOf({ reading, value, path }: Omit<Keyword, "schema">): number {
  if (typeof value !== "number" || !Number.isFinite(value)) refuse(reading, path, "is not a number");
  return value;
}

function countOf({ reading, value, path }: Omit<Keyword, "schema">): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(reading, path, "is not a count");
  return value as number;
}

function regexOf(reading: JsonSchemaReading, value: unknown, path: string): RegExp {
  try {
    if (typeof value === "string") return new RegExp(value, "u");
  } catch {
    // Said below.
  }
  return refuse(reading, path, `${JSON.stringify(value)} is not a regular expression of ECMAScript with the flag u`);
}

function namesOf(reading: JsonSchemaReading, value: unknown, path: string): string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string"))
    refuse(reading, path, "is not a list of names");
  return value as string[];
}

function listOf(reading: JsonSchemaReading, value: unknown, path: string): unknown[] {
  return Array.isArray(value) ? value : refuse(reading, path, "is not a list");
}

function entriesOf(reading: JsonSchemaReading, value: unknown, path: string): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : refuse(reading, path, "is not an object");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function escaped(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

function formatHint(): string {
  return `It can assert ${Object.keys(jsonFormats()).join(", ")}.`;
}

function refuse({ contract }: JsonSchemaReading, path: string, what: string, hint?: string): never {
  throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": its JSON Schema at ${path} ${what}`, {
    hint: hint ?? "Write it with the keywords that docs/guides/contracts.md lists.",
    details: { contract, path },
  });
}
