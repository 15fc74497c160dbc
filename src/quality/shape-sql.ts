// The meaning of a shape in SQL, over JSON values. Every condition is true, false, or null where only the validator in
// JS can tell; AND, OR and NOT carry that null as logic has it, so that what SQL does know still decides.
import { quoteLiteral } from "../dataset/sql.ts";
import type { Json } from "../json.ts";
import { checkSql } from "./check-sql.ts";
import { literalSql } from "./expression-sql.ts";
import type { ExactPattern } from "./pattern.ts";
import { isAnything, type JsonType, type Shape } from "./shape.ts";

/** Where a condition looks: the SQL of a JSON value, or the row itself, whose properties are columns. */
export interface Place {
  /** SQL of the JSON value, never an SQL null; null for the row. */
  readonly json: string | null;
  /** May an object name a key twice? JS keeps the last, the engine finds the first. */
  readonly mayRepeatKeys: boolean;
  /** Of the row: a column's value as JSON, and SQL that is true where it is there; undefined for other names. */
  readonly column?: (name: string) => { readonly value: string; readonly present: string } | undefined;
}

const undecided = "CAST(NULL AS BOOLEAN)";
/** Longer conditions cost more to plan than they save. */
const longest = 60_000;

/** SQL of `shape` at `place`: true, false or null. */
export function shapeSql(shape: Shape, place: Place): string {
  const sql = write(shape, place, 0);
  return sql.length > longest ? undecided : sql;
}

function write(shape: Shape, place: Place, depth: number): string {
  const x = place.json;
  const inner = (part: Shape, at: Place = place): string => write(part, at, depth);
  switch (shape.op) {
    case "all":
      return joined(
        shape.of.map((part) => inner(part)),
        "AND",
        "true",
      );
    case "some":
      return joined(
        shape.of.map((part) => inner(part)),
        "OR",
        "false",
      );
    case "one":
      return counted(`[${shape.of.map((part) => inner(part)).join(", ")}]`, 1, 1, depth);
    case "not":
      return `(NOT ${inner(shape.of)})`;
    case "when": {
      const condition = inner(shape.condition);
      return `((NOT ${condition} OR ${inner(shape.consequence)}) AND (${condition} OR ${inner(shape.otherwise)}))`;
    }
    case "unknown":
      return undecided;
    case "has":
    case "property":
      if (x === null) return rowProperty(shape, place, depth);
      break;
    case "types":
      if (x === null) return String(shape.types.includes("object"));
      break;
    default:
      break;
  }
  // Of a row, whatever is not about one of its columns is left to the validator.
  if (x === null) return undecided;
  return writeValue(shape, x, place, depth);
}

function writeValue(shape: Shape, x: string, place: Place, depth: number): string {
  const type = `json_type(${x})`;
  const when = (name: string, condition: string): string => `(${type} <> '${name}' OR ${condition})`;
  const ofObject = (condition: string): string => when("OBJECT", guarded(condition, x, place));
  const variable = `e${depth}`;
  const element = (json: string): Place => ({ json, mayRepeatKeys: place.mayRepeatKeys });
  const deeper = (part: Shape, json: string): string => write(part, element(json), depth + 1);
  const everyKey = (of: Shape, wanted: string | null, patterns: readonly ExactPattern[]): string => {
    const keys = wanted === null ? `json_keys(${x})` : `list_filter(json_keys(${x}), lambda ${variable}: ${wanted})`;
    const condition = isNothing(of)
      ? `(len(${keys}) = 0)`
      : every(keys, variable, deeper(of, `json_extract(${x}, ${pointerSql(variable)})`));
    // Names on which the engines' patterns may part.
    const doubtful = patterns.some(({ exactFor }) => exactFor !== "always");
    const strange = `len(list_filter(json_keys(${x}), lambda ${variable}: strlen(${variable}) <> length(${variable}))) > 0`;
    return ofObject(doubtful ? `CASE WHEN ${strange} THEN NULL ELSE ${condition} END` : condition);
  };
  const matches = (pattern: ExactPattern): string => `regexp_matches(${variable}, ${quoteLiteral(pattern.source)})`;
  switch (shape.op) {
    case "types":
      return joined(
        shape.types.map((name) => typeSql(name, x)),
        "OR",
        "false",
      );
    case "among":
      return joined(
        shape.values.map((value) => equalsSql(value, x, place)),
        "OR",
        "false",
      );
    case "text":
      return when("VARCHAR", checkSql(shape.check, textSql(x)));
    case "number":
      return `(NOT ${isNumber(x)} OR ${finite(x, checkSql(shape.check, doubleSql(x)))})`;
    case "decimalMultiple":
      return `(NOT ${isNumber(x)} OR ${decimalMultiple(doubleSql(x), shape.step)})`;
    case "items": {
      if (isAnything(shape.of)) return "true";
      const all = `json_extract(${x}, '$[*]')`;
      const items = shape.from === 0 ? all : `list_slice(${all}, ${shape.from + 1}, NULL)`;
      return when("ARRAY", every(items, variable, deeper(shape.of, variable)));
    }
    case "item":
      return when(
        "ARRAY",
        `(json_array_length(${x}) <= ${shape.at} OR ${write(shape.of, element(`json_extract(${x}, '/${shape.at}')`), depth)})`,
      );
    case "contains": {
      const hits = `list_transform(json_extract(${x}, '$[*]'), lambda ${variable}: ${deeper(shape.of, variable)})`;
      return when("ARRAY", counted(hits, shape.min, shape.max, depth));
    }
    case "unique":
      return when("ARRAY", uniqueSql(x, variable, depth));
    case "size": {
      const size = shape.of === "array" ? `json_array_length(${x})` : `len(json_keys(${x}))`;
      const limits = [`${size} >= ${shape.min}`, ...(shape.max === null ? [] : [`${size} <= ${shape.max}`])];
      const condition = `(${limits.join(" AND ")})`;
      return shape.of === "array" ? when("ARRAY", condition) : ofObject(condition);
    }
    case "has":
      return when("OBJECT", `json_exists(${x}, ${quoteLiteral(pointer(shape.name))})`);
    case "property": {
      if (isAnything(shape.of)) return "true";
      const path = quoteLiteral(pointer(shape.name));
      const value = write(shape.of, element(`json_extract(${x}, ${path})`), depth);
      return ofObject(`(NOT json_exists(${x}, ${path}) OR ${value})`);
    }
    case "matching":
      return everyKey(shape.of, matches(shape.pattern), [shape.pattern]);
    case "others": {
      if (isAnything(shape.of)) return "true";
      const known = [
        ...(shape.names.length === 0
          ? []
          : [`${variable} IN (${shape.names.map((name) => quoteLiteral(name)).join(", ")})`]),
        ...shape.patterns.map(matches),
      ];
      return everyKey(shape.of, known.length === 0 ? null : `NOT ${joined(known, "OR", "false")}`, shape.patterns);
    }
    case "names":
      return when("OBJECT", every(`json_keys(${x})`, variable, deeper(shape.of, `CAST(to_json(${variable}) AS JSON)`)));
    default:
      return undecided;
  }
}

function isNothing(shape: Shape): boolean {
  return shape.op === "some" && shape.of.length === 0;
}

function rowProperty(shape: Shape & { op: "has" | "property" }, place: Place, depth: number): string {
  const column = place.column?.(shape.name);
  // The dataset's columns are the contract's: a name without a column is a key that is not there.
  if (column === undefined) return shape.op === "has" ? "false" : "true";
  if (shape.op === "has") return column.present;
  const value = write(shape.of, { json: column.value, mayRepeatKeys: place.mayRepeatKeys }, depth);
  return `(NOT ${column.present} OR ${value})`;
}

function joined(parts: readonly string[], operator: "AND" | "OR", empty: string): string {
  const telling = parts.filter((part) => part !== empty);
  const decisive = operator === "AND" ? "false" : "true";
  if (telling.includes(decisive)) return decisive;
  return telling.length === 0 ? empty : telling.length === 1 ? telling[0]! : `(${telling.join(` ${operator} `)})`;
}

/** A null among the parts leaves the whole open unless one part is false. */
function every(list: string, variable: string, condition: string): string {
  const next = `${variable}b`;
  return `list_reduce(list_transform(${list}, lambda ${variable}: ${condition}), lambda ${variable}, ${next}: ${variable} AND ${next}, true)`;
}

/** Are between `min` and `max` parts of the list of truths true, whatever those are that are null? */
function counted(list: string, min: number, max: number | null, depth: number): string {
  const l = `l${depth}`;
  const sure = `len(list_filter(${l}, lambda h${depth}: h${depth}))`;
  const open = `(len(${l}) - list_count(${l}))`;
  const low = `WHEN ${sure} + ${open} < ${min} THEN false`;
  const high = max === null ? "" : ` WHEN ${sure} > ${max} THEN false`;
  const settled = max === null ? `${sure} >= ${min}` : `${sure} >= ${min} AND ${sure} + ${open} <= ${max}`;
  return `list_transform([${list}], lambda ${l}: CASE ${low}${high} WHEN ${settled} THEN true END)[1]`;
}

function guarded(condition: string, x: string, place: Place): string {
  if (!place.mayRepeatKeys) return condition;
  return `CASE WHEN len(json_keys(${x})) <> len(list_distinct(json_keys(${x}))) THEN NULL ELSE ${condition} END`;
}

function pointer(name: string): string {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function pointerSql(name: string): string {
  return `concat('/', replace(replace(${name}, '~', '~0'), '/', '~1'))`;
}

const numberTypes = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')";

function isNumber(x: string): string {
  return `(json_type(${x}) IN ${numberTypes})`;
}

/** As JS has it: a double, whatever the digits were. */
function doubleSql(x: string): string {
  return `TRY_CAST(${x} AS DOUBLE)`;
}

function textSql(x: string): string {
  return `json_extract_string(${x}, '$')`;
}

/** A number beyond the range of doubles is infinite in JS; validators differ in what that is. */
function finite(x: string, condition: string): string {
  return `CASE WHEN isfinite(${doubleSql(x)}) THEN ${condition} END`;
}

function typeSql(name: JsonType, x: string): string {
  switch (name) {
    case "integer":
      return `(${isNumber(x)} AND ${finite(x, `trunc(${doubleSql(x)}) = ${doubleSql(x)}`)})`;
    case "number":
      return `(${isNumber(x)} AND ${finite(x, "true")})`;
    case "string":
      return `(json_type(${x}) = 'VARCHAR')`;
    default:
      return `(json_type(${x}) = '${name.toUpperCase()}')`;
  }
}

function equalsSql(value: Json, x: string, place: Place): string {
  if (typeof value === "number") {
    return `(${isNumber(x)} AND ${finite(x, `${doubleSql(x)} = ${literalSql(value)}`)})`;
  }
  if (typeof value === "string") {
    return `(json_type(${x}) = 'VARCHAR' AND ${textSql(x)} = ${literalSql(value)})`;
  }
  if (value === null) return `(json_type(${x}) = 'NULL')`;
  if (typeof value === "boolean") return `(json_type(${x}) = 'BOOLEAN' AND TRY_CAST(${x} AS BOOLEAN) = ${value})`;
  if (Array.isArray(value)) {
    const items = value.map((item, at) => equalsSql(item as Json, `json_extract(${x}, '/${at}')`, place));
    return `(json_type(${x}) = 'ARRAY' AND ${joined([`json_array_length(${x}) = ${value.length}`, ...items], "AND", "true")})`;
  }
  const entries = Object.entries(value);
  const properties = entries.flatMap(([name, item]) => {
    const path = quoteLiteral(pointer(name));
    return [`json_exists(${x}, ${path})`, equalsSql(item as Json, `json_extract(${x}, ${path})`, place)];
  });
  const same = joined([`len(json_keys(${x})) = ${entries.length}`, ...properties], "AND", "true");
  return `(json_type(${x}) = 'OBJECT' AND ${guarded(same, x, place)})`;
}

/** Texts, numbers, truths and nulls are told apart here; two nested values are compared in JS. */
function uniqueSql(x: string, variable: string, depth: number): string {
  const double = doubleSql(variable);
  const known =
    `CASE json_type(${variable}) WHEN 'VARCHAR' THEN concat('s', ${textSql(variable)}) ` +
    `WHEN 'NULL' THEN 'null' WHEN 'BOOLEAN' THEN concat('b', CAST(TRY_CAST(${variable} AS BOOLEAN) AS VARCHAR)) ` +
    `WHEN 'ARRAY' THEN NULL WHEN 'OBJECT' THEN NULL ` +
    `ELSE CASE WHEN ${double} = 0 THEN 'n0' WHEN isfinite(${double}) THEN concat('n', CAST(${double} AS VARCHAR)) END END`;
  const list = `list_transform(json_extract(${x}, '$[*]'), lambda ${variable}: ${known})`;
  const l = `l${depth}`;
  return (
    `list_transform([${list}], lambda ${l}: CASE WHEN len(list_distinct(${l})) < list_count(${l}) THEN false ` +
    `WHEN len(${l}) - list_count(${l}) <= 1 THEN true END)[1]`
  );
}

/** Decided in decimals where these hold both numbers exactly; elsewhere a remainder that is plainly there is enough. */
function decimalMultiple(value: string, step: number): string {
  const text = String(step);
  const decimals = /^\d{1,15}(?:\.\d{1,15})?$/.test(text);
  const exact = decimals
    ? `WHEN ${value} = 0 OR (abs(${value}) >= 0.1 AND abs(${value}) < 1e15) THEN TRY_CAST(CAST(${value} AS VARCHAR) AS DECIMAL(38, 18)) % CAST('${text}' AS DECIMAL(38, 18)) = 0`
    : "";
  const quotient = `(${value} / CAST('${text}' AS DOUBLE))`;
  const plain = `WHEN abs(${quotient}) < 1e9 AND abs(${quotient} - round(${quotient})) > 1e-4 THEN false`;
  return `CASE WHEN NOT isfinite(${value}) THEN NULL ${exact} ${plain} END`;
}
