// A contract: the TypeScript type of a row and the rule for a dataset, in one declaration. Here it judges one object;
// verdict-pass.ts judges a dataset, with the same verdict for the same row.
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import { describeExpectation, type Expectation } from "./expectations/expectation.ts";
import { columnsOf, type Rule } from "./expression.ts";
import { evaluate } from "./expression-js.ts";
import { checkRule, type ExpressionType } from "./expression-type.ts";
import { type Issue, issueAt, jsonValue } from "./issue.ts";
import type { FormatMode, JsonSchema } from "./json-schema.ts";
import { readAnyRow } from "./read-row.ts";
import type { RowValidator } from "./row-reading.ts";
import type { FieldKind, RowSchema } from "./schema.ts";
import type { OutputOf, StandardSchema } from "./standard-schema.ts";

/** What a contract says about one object: it is a row, or why it isn't. */
export type Verdict<Row> =
  | { readonly success: true; readonly data: Row }
  | { readonly success: false; readonly issues: readonly Issue[] };

/** A verdict with what is needed to hold it against the columnar pass. */
export interface Judgement {
  readonly issues: readonly Issue[];
  /** Names of the columns and rules that are broken: the bits of the columnar mask. */
  readonly broken: ReadonlySet<string>;
  readonly data: unknown;
}

/** How a rule is named among columns, which may have the same name. */
export function ruleBit(name: string): string {
  return `rule ${name}`;
}

/** What a row must be: `parse` judges one object, the step `validate` a dataset, with the same verdict. */
export interface Contract<Row = unknown> {
  readonly kind: "sluice.contract";
  readonly name: string;
  /** Names of the row's columns, in their order. */
  readonly columns: readonly string[];
  /** The row, or CONTRACT_FAILED with the issues in its details. */
  parse(value: unknown): Row;
  safeParse(value: unknown): Verdict<Row>;
  /** The contract as data: part of the version of every pipeline that uses it. */
  readonly description: Json;
  /** Columns that together name a row; empty if none do. */
  readonly key: readonly string[];
  readonly onDuplicate: "drop" | "quarantine";
  /** What the row was written in: "zod", "valibot", "arktype", another library's name, or "json-schema". */
  readonly vendor: string;
  readonly validator: RowValidator;
  /** The schema and the rules as the columnar pass reads them. */
  readonly schema: RowSchema;
  readonly rules: readonly Rule[];
  readonly onInvalid: "quarantine" | "fail";
  /** What the valid rows of a dataset must be like together. */
  readonly expectations: readonly Expectation[];
  /** The verdict alone, without reasons: several times as fast. */
  readonly accepts: (value: unknown) => boolean;
  /** The verdict itself; `safeParse` is its public face. */
  readonly judge: (value: unknown) => Judgement;
}

/** The row type of a contract: `type InvoiceLine = RowOf<typeof invoiceLine>`. */
export type RowOf<C> = C extends Contract<infer Row> ? Row : never;

/** The row's schema, the rules across its columns, and what happens to a row that breaks them. */
export interface ContractOptions<Row extends StandardSchema | JsonSchema> {
  /**
   * A schema of Zod, Valibot, ArkType or another library of Standard Schema, or a plain JSON Schema (2020-12). One that
   * forbids other keys (z.strictObject, additionalProperties: false …) forbids other columns; else they are dropped.
   */
  readonly row: Row;
  /** Conditions across columns. */
  readonly rules?: readonly Rule[];
  /** What the valid rows of a dataset must be like together: rowCount({ min: 1 }), mean("age", { max: 65 }) … */
  readonly expect?: readonly Expectation[];
  /** Columns that together name a row, none of them nullable: of valid rows with the same key only the first passes. */
  readonly key?: readonly string[];
  /** What becomes of later rows with a key that was there: counted as duplicate, or quarantined. @default "drop" */
  readonly onDuplicate?: "drop" | "quarantine";
  /** quarantine: set broken rows aside and go on · fail: CONTRACT_FAILED if there is one. @default "quarantine" */
  readonly onInvalid?: "quarantine" | "fail";
  /** Of a JSON Schema: does `format` say what is valid? @default "annotate", as JSON Schema has it */
  readonly formats?: FormatMode;
}

/**
 * Declares what a valid row is. A schema that would change values (transform, default, coerce, trim) is refused with
 * DEFINITION_INVALID: a contract judges, it doesn't mend.
 *
 * ```ts
 * export const userEvent = contract("user_event", {
 *   row: z.strictObject({ event_id: z.string().regex(/^evt_[a-zA-Z0-9]{16}$/), age: z.int().min(0).max(150) }),
 *   rules: [rule("adults_only", col("age").ge(18))],
 * });
 * ```
 */
export function contract<const Schema extends StandardSchema>(
  name: string,
  options: ContractOptions<Schema>,
): Contract<OutputOf<Schema>>;
export function contract<Row = unknown>(name: string, options: ContractOptions<JsonSchema>): Contract<Row>;
export function contract(name: string, options: ContractOptions<StandardSchema | JsonSchema>): Contract {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new SluiceError("DEFINITION_INVALID", `The contract name "${name}" is not a plain lower-case name`, {
      hint: "Use letters, digits and _, starting with a letter.",
    });
  }
  const { vendor, schema, validator, description } = readAnyRow(name, options.row, options.formats ?? "annotate");
  const rules = options.rules ?? [];
  const expectations = options.expect ?? [];
  const key = options.key ?? [];
  checkRules(name, schema, rules);
  checkKey(name, schema, key);
  const judge = createJudge(schema, validator, rules);
  const safeParse = (value: unknown): Verdict<unknown> => {
    const { issues, data } = judge(value);
    return issues.length === 0 ? { success: true, data } : { success: false, issues };
  };
  return Object.freeze({
    kind: "sluice.contract",
    name,
    columns: schema.fields.map((field) => field.name),
    safeParse,
    parse: (value: unknown) => {
      const verdict = safeParse(value);
      if (verdict.success) return verdict.data;
      const [first] = verdict.issues;
      const more = verdict.issues.length > 1 ? ` (and ${verdict.issues.length - 1} more)` : "";
      throw new SluiceError("CONTRACT_FAILED", `Not a valid ${name}: ${first?.message ?? "it has issues"}${more}`, {
        details: { contract: name, issues: verdict.issues },
      });
    },
    description: {
      name,
      row: description,
      rules: rules as unknown as Json,
      ...(key.length === 0 ? {} : { key, onDuplicate: options.onDuplicate ?? "drop" }),
      ...described(expectations),
    },
    key,
    onDuplicate: options.onDuplicate ?? "drop",
    vendor,
    validator,
    schema,
    rules,
    onInvalid: options.onInvalid ?? "quarantine",
    expectations,
    accepts: createTest(schema, validator, rules),
    judge,
  } satisfies Contract);
}

function checkKey(name: string, { fields }: RowSchema, key: readonly string[]): void {
  const fail = (what: string, hint: string): never => {
    throw new SluiceError("DEFINITION_INVALID", `The key of contract "${name}" ${what}`, { hint });
  };
  for (const column of key) {
    const field = fields.find((candidate) => candidate.name === column);
    if (field === undefined) return fail(`reads the column "${column}", which the row has not`, "Check the name.");
    if (field.acceptsNull === true || field.nullAs === "absent")
      fail(`reads the column "${column}", which may be null`, "A key names a row: its columns must always be there.");
    if (field.kind === "json" || field.kind === "any")
      fail(`reads the column "${column}", a nested or mixed value`, "Use text, numbers, booleans or times.");
  }
  if (new Set(key).size !== key.length) fail("names a column twice", "Name each once.");
}

function described(expectations: readonly Expectation[]): { readonly expect?: Json } {
  return expectations.length === 0 ? {} : { expect: expectations.map(describeExpectation) };
}

const expressionTypes: Readonly<Record<FieldKind, ExpressionType>> = {
  text: "text",
  integer: "number",
  number: "number",
  truth: "truth",
  time: "point in time",
  json: "value of mixed type",
  any: "value of mixed type",
};

function checkRules(name: string, schema: RowSchema, rules: readonly Rule[]): void {
  const names = new Set<string>();
  for (const rule of rules) {
    if (names.has(rule.name)) {
      throw new SluiceError("DEFINITION_INVALID", `Contract "${name}" has two rules named "${rule.name}"`, {
        hint: "Rename one.",
      });
    }
    names.add(rule.name);
    checkRule(name, rule, (column) => {
      const field = schema.fields.find((candidate) => candidate.name === column);
      return field === undefined ? undefined : expressionTypes[field.kind];
    });
  }
}

function createJudge(
  schema: RowSchema,
  validator: RowValidator,
  rules: readonly Rule[],
): (value: unknown) => Judgement {
  const numbers = schema.fields.filter(({ kind }) => kind === "integer" || kind === "number");
  const ruleColumns = rules.map((rule) => columnsOf(rule.expression));
  return (value) => {
    const found = validator.judge(value);
    const issues = [...found.issues];
    const broken = new Set(found.broken);
    const { data } = found;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return { issues, broken, data };
    const object = value as Readonly<Record<string, unknown>>;
    for (const field of numbers) {
      // Libraries differ in what they take for a number; a column holds those that JS and SQL have alike.
      const number = object[field.name];
      if (broken.has(field.name) || typeof number !== "number" || isColumnNumber(number, field.kind)) continue;
      issues.push(issueAt([field.name], field.kind === "integer" ? "integer" : "type", object, "is out of range"));
      broken.add(field.name);
    }
    const brokenRules = rules.filter((rule, position) => {
      const isSound = ruleColumns[position]!.every((column) => !broken.has(column));
      return isSound && evaluate(rule.expression, object) === false;
    });
    for (const rule of brokenRules) {
      issues.push(ruleIssue(rule, object));
      broken.add(ruleBit(rule.name));
    }
    return { issues, broken, data };
  };
}

function createTest(schema: RowSchema, validator: RowValidator, rules: readonly Rule[]): (value: unknown) => boolean {
  const numbers = schema.fields.filter(({ kind }) => kind === "integer" || kind === "number");
  return (value) => {
    if (!validator.test(value)) return false;
    const row = value as Readonly<Record<string, unknown>>;
    for (const { name, kind } of numbers) {
      const number = row[name];
      if (typeof number === "number" && !isColumnNumber(number, kind)) return false;
    }
    return rules.every((rule) => evaluate(rule.expression, row) !== false);
  };
}

/** Is it a number that columns of this kind hold? */
export function isColumnNumber(value: number, kind: FieldKind): boolean {
  return kind === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function ruleIssue(rule: Rule, row: Readonly<Record<string, unknown>>): Issue {
  const columns = columnsOf(rule.expression);
  const values = Object.fromEntries(columns.map((column) => [column, jsonValue(row[column])]));
  const told = Object.entries(values).map(([column, value]) => `${column} = ${JSON.stringify(value)}`);
  return {
    path: columns.join(","),
    rule: rule.name,
    value: columns.length === 1 ? values[columns[0]!]! : values,
    message: `${rule.name} does not hold: ${told.join(", ")}`,
  };
}
