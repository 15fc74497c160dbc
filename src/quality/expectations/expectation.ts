// What an expectation is: a rule about a dataset as plain data, with the function that says how it is checked. The
// function knows columns and SQL, and reads nothing: evaluate.ts does, for all expectations of a dataset together.
import { describeSql, inlineSql, isSql, type Sql } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import { contentHash, type Json } from "../../json.ts";
import type { Term } from "../expression.ts";
import { expressionSql } from "../expression-sql.ts";
import type { UsualOptions } from "./anomaly.ts";
import type { Check } from "./check.ts";
import type { Table } from "./table.ts";

/** A condition on a row: sql`country = 'DE'`, or col("country").eq("DE"). */
export type Condition = Sql | Term;

/** What every expectation may be told. */
export interface ExpectationOptions {
  /** fail: the step fails with it · warn: the step goes on, and the report says so. @default "fail" */
  readonly severity?: "fail" | "warn";
  /** A sentence of your own for reports. @default one that is made of the arguments */
  readonly title?: string;
}

/** What an expectation about rows or values may be told beside. */
export interface ScopeOptions extends ExpectationOptions {
  /** Only rows for which this holds are looked at. */
  readonly where?: Condition;
  /** The expectation is held against each group of rows with the same values in these columns, and must hold in all. */
  readonly by?: string | readonly string[];
}

/** What an expectation about each row may be told beside. */
export interface RowOptions extends ScopeOptions {
  /** The least share of rows that must meet it, 0 to 1. @default 1 */
  readonly mostly?: number;
}

/** How a value is held against those before. */
export type History =
  | { readonly kind: "usual"; readonly options: UsualOptions }
  | { readonly kind: "unchanged"; readonly added: "pass" | "fail" };

/** A rule about a dataset, made by one of the functions beside it; frozen, and the same in every process. */
export interface Expectation {
  readonly kind: "sluice.expectation";
  /** The name of the function that made it. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly severity: "fail" | "warn";
  readonly mostly: number;
  readonly where: Condition | null;
  readonly by: readonly string[];
  /** Its arguments. */
  readonly expected: Json;
  /** Under this name its measured value is kept in the history: the same whatever the bounds are. */
  readonly measurement: string;
  /** Names of other datasets that it reads. */
  readonly others: readonly string[];
  /** How what it measures is held against what it measured before; null when it isn't. */
  readonly history: History | null;
  /** How it is checked on a table with these columns. Throws Refusal where it makes no sense there. */
  readonly check: (table: Table) => Check;
}

/** Why an expectation makes no sense on a dataset: it fails with this, and the others are judged all the same. */
export class Refusal extends Error {}

interface Definition {
  readonly name: string;
  readonly columns: readonly string[];
  readonly title: string;
  readonly expected?: Json;
  readonly options: RowOptions;
  readonly others?: readonly string[];
  /** What makes the measured value another one, beside name, columns and condition. */
  readonly measures?: Json;
  readonly check: (table: Table) => Check;
}

const known = new Set(["severity", "title", "where", "by", "mostly"]);

export function makeExpectation(definition: Definition): Expectation {
  const { name, columns, options, others = [] } = definition;
  const by = options.by === undefined ? [] : typeof options.by === "string" ? [options.by] : [...options.by];
  for (const column of [...columns, ...by]) {
    if (typeof column !== "string" || column === "")
      refuseDefinition(name, `${JSON.stringify(column)} is not a column's name`, "Name the column as text.");
  }
  const mostly = options.mostly ?? 1;
  if (!(typeof mostly === "number" && mostly >= 0 && mostly <= 1)) {
    refuseDefinition(name, `mostly is ${String(mostly)}`, "It is a share of rows, from 0 to 1.");
  }
  const severity = options.severity ?? "fail";
  if (severity !== "fail" && severity !== "warn")
    refuseDefinition(name, `severity is ${String(severity)}`, 'It is "fail" or "warn".');
  const where = options.where ?? null;
  const scope = where === null ? "" : ` where ${contentHash(describeCondition(where)).slice(0, 12)}`;
  const measures = definition.measures === undefined ? "" : ` ${JSON.stringify(definition.measures)}`;
  return Object.freeze({
    kind: "sluice.expectation",
    name,
    title: options.title ?? definition.title,
    columns,
    severity,
    mostly,
    where,
    by,
    expected: definition.expected ?? null,
    measurement: `${name}(${columns.join(", ")})${measures}${scope}`,
    others,
    history: null,
    check: definition.check,
  });
}

/** The options of the kind that an expectation's own arguments share an object with. */
export function commonOptions(options: RowOptions & object): RowOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => known.has(key)));
}

export function refuseDefinition(name: string, what: string, hint: string): never {
  throw new SluiceError("DEFINITION_INVALID", `${name}(): ${what}`, { hint });
}

/** SQL of a condition in terms of the table's columns. */
export function conditionSql(condition: Condition, table: Table): string {
  if (isSql(condition)) return `(${inlineSql(condition)})`;
  return expressionSql(condition.expression, (column) => table.cell(column));
}

function describeCondition(condition: Condition): Json {
  return isSql(condition) ? describeSql(condition) : (condition.expression as unknown as Json);
}

/** The expectation as data: part of the version of every pipeline that has it. */
export function describeExpectation(expectation: Expectation): Json {
  const { name, columns, severity, mostly, where, by, expected, history, title } = expectation;
  return {
    name,
    title,
    columns: [...columns],
    severity,
    mostly,
    where: where === null ? null : describeCondition(where),
    by: [...by],
    expected,
    history: history as unknown as Json,
  };
}
