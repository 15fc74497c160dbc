// Expectations about several columns of the same row.
import { literalSql } from "../expression-sql.ts";
import { type Bound, describeValue, valueSql } from "./bounds.ts";
import type { RowCheck } from "./check.ts";
import {
  type Condition,
  commonOptions,
  conditionSql,
  type Expectation,
  makeExpectation,
  Refusal,
  refuseDefinition,
  type RowOptions,
} from "./expectation.ts";
import { listText } from "./measure.ts";
import type { Table } from "./table.ts";
import { repeats } from "./value-rules.ts";

export interface MissingOptions extends RowOptions {
  /** Rows are not judged if all these columns are missing, if any is, or never. @default "all" */
  readonly unjudged?: "all" | "any" | "never";
}

/**
 * A condition across columns holds in every row; where it is unknown (a null takes part) the row is not judged.
 *
 * ```ts
 * satisfies("refunds_are_negative", sql`(kind = 'refund') = (amount < 0)`)
 * ```
 */
export function satisfies(name: string, condition: Condition, options: RowOptions = {}): Expectation {
  return makeExpectation({
    name: "satisfies",
    columns: [],
    title: name,
    expected: { name, condition: "expression" in condition ? (condition.expression as never) : [...condition.strings] },
    measures: name,
    options,
    check: (table) => {
      const holds = conditionSql(condition, table);
      return { type: "rows", counted: `(${holds}) IS NOT NULL`, broken: `coalesce(NOT (${holds}), false)` };
    },
  });
}

/**
 * Two columns have the same value in every row. A missing value equals no other; a text equals a number if it writes
 * that number.
 */
export function equalColumns(left: string, right: string, options: MissingOptions = {}): Expectation {
  return pairRule("equalColumns", "equals", left, right, options, (a, b) => `${a} = ${b}`, true);
}

/** The value of the first column is greater than that of the second in every row, or with `orEqual` not less. */
export function greaterThan(
  left: string,
  right: string,
  options: MissingOptions & { readonly orEqual?: boolean } = {},
): Expectation {
  const operator = options.orEqual === true ? ">=" : ">";
  return pairRule("greaterThan", operator, left, right, options, (a, b) => `${a} ${operator} ${b}`);
}

function pairRule(
  name: string,
  words: string,
  left: string,
  right: string,
  options: MissingOptions,
  holds: (a: string, b: string) => string,
  readsNumbers = false,
): Expectation {
  return makeExpectation({
    name,
    columns: [left, right],
    title: `${left} ${words} ${right}`,
    expected: { unjudged: options.unjudged ?? "all", comparison: words },
    options: commonOptions(options),
    check: (table) => {
      const classes = new Set([table.classOf(left), table.classOf(right)]);
      if (readsNumbers && classes.size === 2 && classes.has("text") && classes.has("number"))
        return together(table, [left, right], options, holds(numberSql(table, left), numberSql(table, right)));
      if (classes.size > 1) throw new Refusal(`${table.typeOf(left)} can't be compared with ${table.typeOf(right)}`);
      return together(table, [left, right], options, holds(table.cell(left), table.cell(right)));
    },
  });
}

/** The number of a column, or the number that its text writes. */
function numberSql(table: Table, column: string): string {
  const cell = table.cell(column);
  if (table.classOf(column) === "number") return `CAST(${cell} AS DOUBLE)`;
  // The engine's cast is lenient: it takes "1_000" and " 1 " for numbers.
  const shaped = `regexp_matches(${cell}, '\\A[+-]?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?\\z')`;
  return `(CASE WHEN ${shaped} THEN TRY_CAST(${cell} AS DOUBLE) END)`;
}

/** The values of two columns are one of these pairs in every row. */
export function pairIn(
  left: string,
  right: string,
  pairs: readonly (readonly [Bound | null, Bound | null])[],
  options: MissingOptions = {},
): Expectation {
  return makeExpectation({
    name: "pairIn",
    columns: [left, right],
    title: `(${left}, ${right}) is one of ${listText(pairs.map(([a, b]) => `(${describe(a)}, ${describe(b)})`))}`,
    expected: pairs.map(([a, b]) => [describeValue(a), describeValue(b)]),
    options: commonOptions(options),
    check: (table) => {
      const equal = (column: string, value: Bound | null): string =>
        value === null
          ? `${table.cell(column)} IS NULL`
          : `${table.cell(column)} = ${valueSql(value, table.typeOf(column), table.classOf(column))}`;
      const any = pairs.map(([a, b]) => `(${equal(left, a)} AND ${equal(right, b)})`).join(" OR ");
      return together(table, [left, right], options, any === "" ? "false" : any);
    },
  });
}

function describe(value: Bound | null): string {
  return value === null ? "null" : String(describeValue(value));
}

/** No combination of values of these columns occurs twice. All rows of one that does are counted. */
export function uniqueTogether(columns: readonly string[], options: MissingOptions = {}): Expectation {
  several("uniqueTogether", columns);
  return makeExpectation({
    name: "uniqueTogether",
    columns,
    title: `${listText(columns)} are unique together`,
    expected: { unjudged: options.unjudged ?? "all" },
    options: commonOptions(options),
    check: (table) =>
      repeats(
        columns.map((column) => table.cell(column)),
        judgedWhere(table, columns, options),
      ),
  });
}

/** The values of these columns are all different in every row. */
export function differentColumns(columns: readonly string[], options: MissingOptions = {}): Expectation {
  several("differentColumns", columns);
  return makeExpectation({
    name: "differentColumns",
    columns,
    title: `${listText(columns)} are different from each other`,
    expected: { unjudged: options.unjudged ?? "all" },
    options: commonOptions(options),
    check: (table) => {
      const cells = columns.map((column) => table.cell(column));
      const pairs = cells.flatMap((a, at) => cells.slice(at + 1).map((b) => `${a} IS DISTINCT FROM ${b}`));
      return together(table, columns, options, pairs.join(" AND "));
    },
  });
}

export interface SumOptions extends MissingOptions {
  readonly equals: number;
  /** How far from it a sum of floating-point numbers may be, in proportion. @default 1e-9 */
  readonly tolerance?: number;
}

/** The values of these columns add up to a number in every row. A missing value makes the sum unknown, and breaks it. */
export function sumOfColumns(columns: readonly string[], options: SumOptions): Expectation {
  several("sumOfColumns", columns);
  const { equals, tolerance = 1e-9 } = options;
  if (!Number.isFinite(equals)) refuseDefinition("sumOfColumns", `equals is ${String(equals)}`, "It is a number.");
  return makeExpectation({
    name: "sumOfColumns",
    columns,
    title: `${listText(columns)} add up to ${equals}`,
    expected: { equals, tolerance, unjudged: options.unjudged ?? "all" },
    options: commonOptions(options),
    check: (table) => {
      const total = columns.map((column) => `CAST(${table.need(column, "number")} AS DOUBLE)`).join(" + ");
      const size = columns.map((column) => `abs(CAST(${table.cell(column)} AS DOUBLE))`).join(" + ");
      const slack = literalSql(tolerance);
      const holds = `abs(${total} - ${literalSql(equals)}) <= ${slack} * greatest(${size}, ${literalSql(Math.abs(equals))})`;
      return together(table, columns, options, holds);
    },
  });
}

function together(table: Table, columns: readonly string[], options: MissingOptions, holds: string): RowCheck {
  const counted = judgedWhere(table, columns, options);
  const broken = `NOT coalesce(${holds}, false)`;
  return { type: "rows", counted, broken: counted === null ? `(${broken})` : `(${counted} AND ${broken})` };
}

function judgedWhere(table: Table, columns: readonly string[], { unjudged = "all" }: MissingOptions): string | null {
  if (unjudged === "never") return null;
  const filled = columns.map((column) => `${table.cell(column)} IS NOT NULL`);
  return `(${filled.join(unjudged === "all" ? " OR " : " AND ")})`;
}

function several(name: string, columns: readonly string[]): void {
  if (!Array.isArray(columns) || columns.length < 2)
    refuseDefinition(name, "it needs two columns or more", 'Write them as ["a", "b"].');
}
