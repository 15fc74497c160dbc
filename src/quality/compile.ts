// Compiles a contract, for a dataset with certain columns, into the SQL of one columnar pass: per field and per rule
// one bit that says "broken", and a flag for rows that only the validator in JS can judge. Nothing is approximated.
import type { Column } from "../dataset/dataset.ts";
import { SluiceError } from "../errors.ts";
import { cellClass, type CellClass, cellText } from "./cell.ts";
import { type Contract, ruleBit } from "./contract.ts";
import { columnsOf } from "./expression.ts";
import { checkSql, doubtSql } from "./check-sql.ts";
import { expressionSql } from "./expression-sql.ts";
import type { Field, FieldKind } from "./schema.ts";
import { shapeSql } from "./shape-sql.ts";
import { timestampSql } from "./timestamp.ts";

/** What SQL says about one field, in terms of a cell. Texts are SQL. */
interface FieldSql {
  readonly field: Field;
  /** The value in the row's own type, null where the cell has no such value: the cell itself, or a name for `decoded`. */
  readonly value: string;
  readonly decoded: string | null;
  readonly type: string;
  /** The value as JSON, JSON's null for a null; null if it is never looked at as such. */
  readonly json: string | null;
  /** SQL that is true where the key is there in the row. */
  readonly present: string;
  readonly mayRepeatKeys: boolean;
  readonly verdict: VerdictSql;
}

/** True: valid by itself · false: broken for sure · null: only the validator knows. Without SQL: always valid. */
interface VerdictSql {
  readonly sql: string | null;
  readonly isOpen: boolean;
}

export interface CompiledContract {
  /** Columns of the valid rows. */
  readonly columns: readonly Column[];
  /** Values to be decoded from cells before anything else, each `SQL AS name`. */
  readonly decoded: readonly string[];
  /** Verdicts on single columns, each `SQL AS name`, in terms of cells and decoded values. */
  readonly flags: readonly string[];
  /** Names of the valid rows' values, cells or decoded, in the order of `columns`. */
  readonly values: readonly string[];
  /** SQL of the mask words, in terms of all of these; `bits` says what each bit stands for: fields, the row, then rules. */
  readonly masks: readonly string[];
  readonly bits: readonly string[];
  /** SQL of words with the same bits, set where only the validator knows; empty if SQL decides every row. */
  readonly open: readonly string[];
  /** Names of the bits that may be set in those words. */
  readonly openBits: readonly string[];
}

/** Bits in one word: a BIGINT without its sign, and one to spare. */
export const bitsPerWord = 62;
const safe = Number.MAX_SAFE_INTEGER;

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
  const whole = wholeRow(contract, byName);
  const verdicts = [...parts.map((part) => part.verdict), whole];
  // A verdict is named once and read twice or more: repeated conditions are what makes a query slow to plan.
  const names = verdicts.map(({ sql }, index) => (sql === null ? null : `p${index}`));
  const broken = names.map((text) => (text === null ? null : `${text} IS FALSE`));
  for (const rule of contract.rules) {
    // A rule applies only where the columns it reads are valid by themselves.
    const sound = columnsOf(rule.expression).flatMap(
      (name) => names[parts.findIndex((part) => part.field.name === name)] ?? [],
    );
    const condition = `${expressionSql(rule.expression, (name) => byName.get(name)!.value)} IS FALSE`;
    broken.push([...sound.map((text) => `${text} IS NOT FALSE`), `(${condition})`].join(" AND "));
  }
  const open = verdicts.map(({ isOpen }, index) => (isOpen ? `${names[index]!} IS NULL` : null));
  const bits = [...parts.map((part) => part.field.name), wholeBit, ...contract.rules.map((rule) => ruleBit(rule.name))];
  return {
    columns: parts.map((part) => ({ name: part.field.name, type: part.type })),
    decoded: parts.flatMap((part) => (part.decoded === null ? [] : [`${part.decoded} AS ${part.value}`])),
    flags: verdicts.flatMap(({ sql }, index) => (sql === null ? [] : [`${sql} AS ${names[index]!}`])),
    values: parts.map((part) => part.value),
    masks: masksOf(broken),
    bits,
    openBits: bits.filter((_, index) => open[index] !== null && open[index] !== undefined),
    open: open.every((text) => text === null) ? [] : masksOf(open),
  };
}

/** How the row as a whole is named among the bits. */
export const wholeBit = "";

function wholeRow({ schema }: Contract, byName: ReadonlyMap<string, FieldSql>): VerdictSql {
  if (schema.residual.length > 0) return { sql: "CAST(NULL AS BOOLEAN)", isOpen: true };
  if (schema.shape === null) return { sql: null, isOpen: false };
  const sql = shapeSql(schema.shape, {
    json: null,
    mayRepeatKeys: true,
    column: (name) => {
      const part = byName.get(name);
      return part === undefined ? undefined : { value: part.json!, present: part.present };
    },
  });
  return { sql, isOpen: true };
}

function masksOf(conditions: readonly (string | null)[]): string[] {
  const words: string[] = [];
  for (let start = 0; start < conditions.length; start += bitsPerWord) {
    const terms = conditions
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
  const verdict: VerdictSql =
    field.acceptsNull === null
      ? { sql: "CAST(NULL AS BOOLEAN)", isOpen: true }
      : { sql: field.acceptsNull ? null : "false", isOpen: false };
  const present = field.nullAs === "absent" ? "false" : "true";
  const decoded = `CAST(NULL AS ${type})`;
  return { field, value: name, decoded, type, json: "'null'::JSON", present, mayRepeatKeys: false, verdict };
}

function compileField(contract: string, field: Field, name: string, cell: string, type: string): FieldSql {
  const from = cellClass(type);
  const present = field.nullAs === "absent" ? `${cell} IS NOT NULL` : "true";
  if (field.kind === "json" || field.kind === "any") {
    const { json, isStrict, isExact } = cellJson(cell, type, field.kind);
    const mayRepeatKeys = type === "JSON" || (field.kind === "json" && from === "text");
    const shape = field.shape === null ? [] : [shapeSql(field.shape, { json, mayRepeatKeys })];
    // A text that only one of the engines takes for JSON, or a number that a JS number can't hold, is the validator's.
    const trusted = [isStrict, isExact].filter((text) => text !== null).join(" AND ");
    const holds = trusted === "" || shape.length === 0 ? shape : [`CASE WHEN ${trusted} THEN ${shape[0]!} END`];
    const verdict = verdictOf(field, cell, holds, shape.length > 0);
    const asJson = `CASE WHEN ${cell} IS NULL THEN 'null'::JSON WHEN ${trusted === "" ? "true" : trusted} THEN ${json} END`;
    return { field, value: cell, decoded: null, type, json: asJson, present, mayRepeatKeys, verdict };
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
  const value = sql === cell ? cell : name;
  const decoded = sql === cell ? null : (sql ?? `CAST(NULL AS ${stored})`);
  const json = `coalesce(CAST(to_json(${value}) AS JSON), 'null'::JSON)`;
  const own = { field, value, decoded, type: stored, json, present, mayRepeatKeys: false };
  if (sql === null) return { ...own, verdict: verdictOf(field, cell, ["false"], false) };
  // Checks of a point in time are on its text, as the validator's are.
  const checked = field.kind === "time" ? text : value;
  const decodes = field.kind === "text" || value === cell ? [] : [`${value} IS NOT NULL`];
  const checks = field.checks.map((check) => checkSql(check, checked));
  const shape = field.shape === null ? [] : [shapeSql(field.shape, { json, mayRepeatKeys: false })];
  const isOpen = field.shape !== null || field.checks.some((check) => doubtSql(check, checked) !== null);
  return { ...own, verdict: verdictOf(field, cell, [...decodes, ...checks, ...shape], isOpen) };
}

/** A cell as JSON, with SQL that is true where both engines read it as the same value. */
function cellJson(
  cell: string,
  type: string,
  kind: FieldKind,
): { json: string; isStrict: string | null; isExact: string | null } {
  const from = cellClass(type);
  const whole = { isStrict: null, isExact: null };
  if (from === "nested" && type !== "JSON") return { ...whole, json: `CAST(to_json(${cell}) AS JSON)` };
  if (from === "nested" || (from === "text" && kind === "json")) {
    // The engine's reader forgives a last comma and knows NaN; and of half a character it knows nothing.
    const text = `CAST(${cell} AS VARCHAR)`;
    const lenient = `regexp_matches(${text}, '(?i)(\\A|[\\[:,\\s-])(nan|inf)|,\\s*[\\]}]|\\\\ud[89a-f]')`;
    return { json: `CAST(${cell} AS JSON)`, isStrict: `json_valid(${text}) AND NOT ${lenient}`, isExact: null };
  }
  if (from === "integer")
    return { json: `CAST(to_json(${cell}) AS JSON)`, isStrict: null, isExact: `${cell} BETWEEN -${safe} AND ${safe}` };
  if (from === "double" || from === "decimal")
    return { ...whole, json: `CAST(to_json(CAST(${cell} AS DOUBLE)) AS JSON)` };
  const value = from === "truth" ? cell : cellText(cell, type);
  return { ...whole, json: `CAST(to_json(${value}) AS JSON)` };
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

function verdictOf(field: Field, cell: string, holds: readonly string[], isOpen: boolean): VerdictSql {
  const ofNull = field.acceptsNull;
  if (field.residual.length > 0 || ofNull === null) {
    const all = [...holds, ...(field.residual.length > 0 ? ["CAST(NULL AS BOOLEAN)"] : [])].join(" AND ") || "true";
    return { sql: `CASE WHEN ${cell} IS NULL THEN CAST(${ofNull} AS BOOLEAN) ELSE (${all}) END`, isOpen: true };
  }
  if (holds.length === 0) return { sql: ofNull ? null : `(${cell} IS NOT NULL)`, isOpen: false };
  const all = holds.join(" AND ");
  if (isOpen) return { sql: `CASE WHEN ${cell} IS NULL THEN ${ofNull} ELSE (${all}) END`, isOpen };
  return { sql: ofNull ? `(${cell} IS NULL OR coalesce(${all}, false))` : `coalesce(${all}, false)`, isOpen };
}
