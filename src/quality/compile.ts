// Compiles a contract, for a dataset with certain columns, into the SQL of one columnar pass: per field and per rule
// one bit that says "broken", and a flag for rows that only the validator in JS can judge. Nothing is approximated.
import type { Column } from "../dataset/dataset.ts";
import { quoteLiteral } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import { cellClass, type CellClass, cellText } from "./cell.ts";
import { type Contract, ruleBit } from "./contract.ts";
import { columnsOf } from "./expression.ts";
import { expressionSql, literalSql } from "./expression-sql.ts";
import type { FieldCheck } from "./schema-check.ts";
import type { Field } from "./schema.ts";
import { timestampSql } from "./timestamp.ts";

/** What SQL says about one field, in terms of a cell. Texts are SQL; a null stands for "always" or "never". */
interface FieldSql {
  readonly field: Field;
  /** The value in the row's own type, null where the cell has no such value: the cell itself, or a name for `decoded`. */
  readonly value: string;
  readonly decoded: string | null;
  readonly type: string;
  /** True where the value is broken for sure; never null. */
  readonly broken: string | null;
  /** True where JS must judge; never null. */
  readonly undecided: string | null;
}

export interface CompiledContract {
  /** Columns of the valid rows. */
  readonly columns: readonly Column[];
  /** Values to be decoded from cells before anything else, each `SQL AS name`. */
  readonly decoded: readonly string[];
  /** What is broken about single columns, each `SQL AS name`, in terms of cells and decoded values. */
  readonly flags: readonly string[];
  /** Names of the valid rows' values, cells or decoded, in the order of `columns`. */
  readonly values: readonly string[];
  /** SQL of the mask words, in terms of all of these; `bits` says what each bit stands for, fields first, then rules. */
  readonly masks: readonly string[];
  readonly bits: readonly string[];
  /** SQL that is true where only JS can judge the row; null if there is no such row. */
  readonly undecided: string | null;
  /** Why JS judges, per column, for people: empty if SQL decides everything. */
  readonly residual: readonly string[];
}

/** Bits in one word: a BIGINT without its sign, and one to spare. */
export const bitsPerWord = 62;
const safe = Number.MAX_SAFE_INTEGER;
const exactMultiples = 1e14;

/** `cellOf(position)` is the SQL of the dataset's column at that position; columns are known to match the contract. */
export function compileContract(
  contract: Contract,
  columns: readonly Column[],
  cellOf: (position: number) => string,
): CompiledContract {
  const parts = contract.schema.fields.map((field, index) => {
    const position = columns.findIndex((column) => column.name === field.name);
    const name = `v${index}`;
    return position < 0
      ? missingField(field, name)
      : compileField(contract.name, field, name, cellOf(position), columns[position]!.type);
  });
  const byName = new Map(parts.map((part) => [part.field.name, part]));
  // A flag is named once and read twice or more: repeated conditions are what makes a query slow to plan.
  const flagNames = new Map(
    parts.flatMap((part, index) => (part.broken === null ? [] : [[part.field.name, `b${index}`]])),
  );
  const broken = parts.map((part) => flagNames.get(part.field.name) ?? null);
  for (const rule of contract.rules) {
    // A rule applies only where the columns it reads are valid by themselves.
    const sound = columnsOf(rule.expression).flatMap((name) => flagNames.get(name) ?? []);
    const condition = `${expressionSql(rule.expression, (name) => byName.get(name)!.value)} IS FALSE`;
    broken.push([...sound.map((text) => `NOT ${text}`), `(${condition})`].join(" AND "));
  }
  const undecided = [
    ...parts.flatMap((part) => part.undecided ?? []),
    ...(contract.schema.residual.length > 0 ? ["true"] : []),
  ];
  return {
    columns: parts.map((part) => ({ name: part.field.name, type: part.type })),
    decoded: parts.flatMap((part) => (part.decoded === null ? [] : [`${part.decoded} AS ${part.value}`])),
    flags: parts.flatMap((part) =>
      part.broken === null ? [] : [`${part.broken} AS ${flagNames.get(part.field.name)!}`],
    ),
    values: parts.map((part) => part.value),
    masks: masksOf(broken),
    bits: [...parts.map((part) => part.field.name), ...contract.rules.map((rule) => ruleBit(rule.name))],
    undecided:
      undecided.length === 0
        ? null
        : undecided.includes("true")
          ? "true"
          : undecided.map((text) => `(${text})`).join(" OR "),
    residual: [
      ...contract.schema.residual,
      ...contract.schema.fields.flatMap((field) => field.residual.map((reason) => `${field.name}: ${reason}`)),
    ],
  };
}

function masksOf(broken: readonly (string | null)[]): string[] {
  const words: string[] = [];
  for (let start = 0; start < broken.length; start += bitsPerWord) {
    const terms = broken
      .slice(start, start + bitsPerWord)
      .flatMap((text, bit) => (text === null ? [] : [`CASE WHEN ${text} THEN ${1n << BigInt(bit)} ELSE 0 END`]));
    words.push(terms.length === 0 ? "CAST(0 AS BIGINT)" : `CAST(${terms.join(" + ")} AS BIGINT)`);
  }
  return words;
}

const storedTypes = {
  text: "VARCHAR",
  integer: "BIGINT",
  number: "DOUBLE",
  truth: "BOOLEAN",
  time: "TIMESTAMP WITH TIME ZONE",
} as const;

function missingField(field: Field, name: string): FieldSql {
  const type = field.kind === "json" || field.kind === "any" ? "VARCHAR" : storedTypes[field.kind];
  const undecided = field.residual.length > 0 ? "true" : null;
  const broken = undecided !== null || field.acceptsNull ? null : "true";
  return { field, value: name, decoded: `CAST(NULL AS ${type})`, type, broken, undecided };
}

function compileField(contract: string, field: Field, name: string, cell: string, type: string): FieldSql {
  const from = cellClass(type);
  if (field.kind === "json" || field.kind === "any") {
    return { field, value: cell, decoded: null, type, ...verdictOf(field, cell, cell, null) };
  }
  if (from === "nested") {
    throw new SluiceError(
      "CONTRACT_MISMATCH",
      `The column "${field.name}" holds nested values (${type}); contract "${contract}" wants ${field.kind}`,
      {
        hint: "Take the value out of it in a transform step, or describe it with z.object or z.array.",
      },
    );
  }
  const text = cellText(cell, type);
  const sql = decodedSql(field, cell, text, from);
  const stored = storedTypes[field.kind];
  if (sql === cell) return { field, value: cell, decoded: null, type: stored, ...verdictOf(field, cell, cell, text) };
  const verdict = verdictOf(field, cell, sql === null ? null : name, text);
  return { field, value: name, decoded: sql ?? `CAST(NULL AS ${stored})`, type: stored, ...verdict };
}

/** The decoded value; null (in JS) if no cell of this class can be one. */
function decodedSql(field: Field, cell: string, text: string, from: CellClass): string | null {
  const isText = from === "text" || from === "other" || from === "instant";
  const double = from === "decimal" ? `CAST(${text} AS DOUBLE)` : `CAST(${cell} AS DOUBLE)`;
  switch (field.kind) {
    case "text":
      return isText ? text : null;
    case "integer":
      if (isText) return integerFromText(text);
      if (from === "integer") return `CASE WHEN ${cell} BETWEEN -${safe} AND ${safe} THEN CAST(${cell} AS BIGINT) END`;
      // NaN is above every number, so the range rejects it too.
      return from === "truth"
        ? null
        : `CASE WHEN abs(${double}) <= ${safe} AND trunc(${double}) = ${double} THEN CAST(${double} AS BIGINT) END`;
    case "number":
      if (isText) return numberFromText(text);
      if (from === "integer") return `CASE WHEN ${cell} BETWEEN -${safe} AND ${safe} THEN CAST(${cell} AS DOUBLE) END`;
      return from === "truth" ? null : `CASE WHEN isfinite(${double}) THEN ${double} END`;
    case "truth":
      if (from === "truth") return cell;
      return isText ? `CASE ${text} WHEN 'true' THEN true WHEN 'false' THEN false END` : null;
    case "time":
      if (from === "instant")
        return `CASE WHEN isfinite(${cell}) AND year(${cell}) BETWEEN 1 AND 9999 THEN ${cell} END`;
      return isText ? timestampSql(text, field.timeZone ?? "UTC") : null;
    default:
      return null;
  }
}

function integerFromText(text: string): string {
  const value = `TRY_CAST(${text} AS BIGINT)`;
  return `CASE WHEN ${value} BETWEEN -${safe} AND ${safe} AND regexp_matches(${text}, '\\A[+-]?[0-9]+\\z') THEN ${value} END`;
}

function numberFromText(text: string): string {
  const value = `TRY_CAST(${text} AS DOUBLE)`;
  const shaped = `regexp_matches(${text}, '\\A[+-]?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?\\z')`;
  return `CASE WHEN isfinite(${value}) AND ${shaped} THEN ${value} END`;
}

function verdictOf(
  field: Field,
  cell: string,
  value: string | null,
  text: string | null,
): Pick<FieldSql, "broken" | "undecided"> {
  if (field.residual.length > 0) return { broken: null, undecided: "true" };
  if (value === null) return { broken: field.acceptsNull ? `(${cell} IS NOT NULL)` : "true", undecided: null };
  // Checks of a point in time are on its text, as the validator's are.
  const checked = field.kind === "time" ? text! : value;
  const decodes = field.kind === "text" || value === cell ? [] : [`${value} IS NOT NULL`];
  const holds = [...decodes, ...field.checks.map((check) => checkSql(check, checked))];
  const doubts = [...new Set(field.checks.flatMap((check) => doubtSql(check, checked) ?? []))];
  const undecided = doubts.length === 0 ? null : `coalesce(${doubts.join(" OR ")}, false)`;
  return { broken: brokenSql(cell, holds, field.acceptsNull), undecided };
}

function brokenSql(cell: string, holds: readonly string[], acceptsNull: boolean): string | null {
  if (holds.length === 0) return acceptsNull ? null : `(${cell} IS NULL)`;
  const all = `coalesce(${holds.join(" AND ")}, false)`;
  return acceptsNull ? `(${cell} IS NOT NULL AND NOT ${all})` : `(NOT ${all})`;
}

function checkSql(check: FieldCheck, value: string): string {
  switch (check.op) {
    case "pattern": {
      const matches = `regexp_matches(${value}, ${quoteLiteral(check.pattern.source)})`;
      const doubt = doubtSql(check, value);
      return doubt === null ? matches : `(${doubt} OR ${matches})`;
    }
    case "minLength":
      return check.limit === 1 ? `(${value} <> '')` : `(length(${value}) >= ${literalSql(check.limit)})`;
    case "maxLength":
      return `(length(${value}) <= ${literalSql(check.limit)})`;
    case "minimum":
      return `(${value} ${check.inclusive ? ">=" : ">"} ${literalSql(check.limit)})`;
    case "maximum":
      return `(${value} ${check.inclusive ? "<=" : "<"} ${literalSql(check.limit)})`;
    case "multipleOf":
      return `(${doubtSql(check, value)!} OR ${value} % ${literalSql(check.step)} = 0)`;
    case "startsWith":
      return `starts_with(${value}, ${quoteLiteral(check.text)})`;
    case "endsWith":
      return `ends_with(${value}, ${quoteLiteral(check.text)})`;
    case "contains":
      return `contains(${value}, ${quoteLiteral(check.text)})`;
    case "isIn":
      return `(${value} IN (${check.values.map(literalSql).join(", ")}))`;
  }
}

/** Where the meaning of a check in the two engines may part, JS decides. */
function doubtSql(check: FieldCheck, value: string): string | null {
  // Zod's remainder forgives rounding errors, in proportion to the value: from here on that is more than a whole number.
  if (check.op === "multipleOf") return `(abs(${value}) > ${exactMultiples})`;
  if (check.op !== "pattern" || check.pattern.exactFor === "always") return null;
  const beyondAscii = `strlen(${value}) <> length(${value})`;
  if (check.pattern.exactFor === "ascii") return `(${beyondAscii})`;
  return `(${beyondAscii} AND regexp_matches(${value}, '[\\x{10000}-\\x{10FFFF}]'))`;
}
