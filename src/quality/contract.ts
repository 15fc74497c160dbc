// A contract: the TypeScript type of a row and the rule for a dataset, in one declaration. Here it judges one object;
// verdict-pass.ts judges a dataset, with the same verdict for the same row.
import { type z, safeParse as zodSafeParse } from "zod";
import { SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import { describeExpectation, type Expectation } from "./expectations/expectation.ts";
import { columnsOf, type Rule } from "./expression.ts";
import { evaluate } from "./expression-js.ts";
import { checkRule, type ExpressionType } from "./expression-type.ts";
import { type Issue, issuesOf, jsonValue } from "./issue.ts";
import { type FieldKind, readRow, type RowSchema } from "./schema.ts";

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
  /** The schema and the rules as the columnar pass reads them. */
  readonly schema: RowSchema;
  readonly rules: readonly Rule[];
  readonly onInvalid: "quarantine" | "fail";
  /** What the valid rows of a dataset must be like together. */
  readonly expectations: readonly Expectation[];
  /** The verdict itself; `safeParse` is its public face. */
  readonly judge: (value: unknown) => Judgement;
}

/** The row type of a contract: `type InvoiceLine = RowOf<typeof invoiceLine>`. */
export type RowOf<C> = C extends Contract<infer Row> ? Row : never;

/** The row's schema, the rules across its columns, and what happens to a row that breaks them. */
export interface ContractOptions<Schema extends z.core.$ZodObject> {
  /** z.strictObject forbids columns that it doesn't name; z.object drops them. */
  readonly row: Schema;
  /** Conditions across columns. */
  readonly rules?: readonly Rule[];
  /** What the valid rows of a dataset must be like together: rowCount({ min: 1 }), mean("age", { max: 65 }) … */
  readonly expect?: readonly Expectation[];
  /** quarantine: set broken rows aside and go on · fail: CONTRACT_FAILED if there is one. @default "quarantine" */
  readonly onInvalid?: "quarantine" | "fail";
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
export function contract<Schema extends z.core.$ZodObject>(
  name: string,
  options: ContractOptions<Schema>,
): Contract<z.output<Schema>> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new SluiceError("DEFINITION_INVALID", `The contract name "${name}" is not a plain lower-case name`, {
      hint: "Use letters, digits and _, starting with a letter.",
    });
  }
  const schema = readRow(name, options.row);
  const rules = options.rules ?? [];
  const expectations = options.expect ?? [];
  checkRules(name, schema, rules);
  const judge = createJudge(name, options.row, schema, rules);
  const safeParse = (value: unknown): Verdict<z.output<Schema>> => {
    const { issues, data } = judge(value);
    return issues.length === 0 ? { success: true, data: data as z.output<Schema> } : { success: false, issues };
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
    description: { name, row: describe(options.row), rules: rules as unknown as Json, ...described(expectations) },
    schema,
    rules,
    onInvalid: options.onInvalid ?? "quarantine",
    expectations,
    judge,
  } satisfies Contract<z.output<Schema>>);
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
  name: string,
  row: z.core.$ZodObject,
  schema: RowSchema,
  rules: readonly Rule[],
): (value: unknown) => Judgement {
  // Only what is judged in JS can change a value behind the definition's back (z.url() trims, superRefine may assign).
  const watched =
    schema.residual.length > 0 ? schema.fields : schema.fields.filter((field) => field.residual.length > 0);
  const ruleColumns = rules.map((rule) => columnsOf(rule.expression));
  return (value) => {
    const parsed = runZod(name, row, value);
    const found = parsed.success ? [] : parsed.error.issues;
    const issues = issuesOf(found, value);
    const broken = new Set(found.map((issue) => String(issue.path[0] ?? "")));
    const data = parsed.success ? parsed.data : undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return { issues, broken, data };
    const object = value as Readonly<Record<string, unknown>>;
    if (parsed.success) {
      for (const field of watched) {
        const before = object[field.name];
        const isNested = typeof before === "object" && before !== null;
        if (isNested || Object.is(before, (data as Record<string, unknown>)[field.name])) continue;
        issues.push(changedIssue(field.name, before));
        broken.add(field.name);
      }
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

function runZod(name: string, row: z.core.$ZodObject, value: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return zodSafeParse(row, value) as z.ZodSafeParseResult<unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    throw new SluiceError("DEFINITION_INVALID", `Contract "${name}": a refinement of its row threw: ${reason}`, {
      hint: "A refinement must answer at once for any value, without a promise.",
      cause,
    });
  }
}

function changedIssue(path: string, value: unknown): Issue {
  return { path, rule: "unchanged", value: jsonValue(value), message: `${path}: the schema would change this value` };
}

/** A schema as JSON, refinements by their source text; the same schema has the same description in every process. */
function describe(root: unknown): Json {
  const path: unknown[] = [];
  const visit = (value: unknown): Json => {
    if (value === null || value === undefined) return null;
    if (
      typeof value === "function" ||
      value instanceof RegExp ||
      typeof value === "bigint" ||
      typeof value === "symbol"
    )
      return String(value);
    if (typeof value !== "object")
      return typeof value === "number" && !Number.isFinite(value) ? String(value) : (value as Json);
    if (path.includes(value)) return "…";
    path.push(value);
    try {
      if (Array.isArray(value)) return value.map(visit);
      if (value instanceof Set || value instanceof Map) return [...value].map(visit);
      const inner = (value as { _zod?: { def?: unknown } })._zod?.def;
      return Object.fromEntries(Object.entries((inner ?? value) as object).map(([key, item]) => [key, visit(item)]));
    } finally {
      path.pop();
    }
  };
  const described = visit(root);
  // Deep schemas with shared parts would otherwise weigh down every plan.
  return JSON.stringify(described).length > 20_000 ? { hash: contentHash(described) } : described;
}
