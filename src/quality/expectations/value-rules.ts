// Expectations about each value of a column. A missing value is not judged, except where that is what is asked.
import { isSql } from "../../dataset/sql.ts";
import { cellClass } from "../cell.ts";
import {
  type Bound,
  type Bounds,
  boundsSql,
  boundsText,
  checkBounds,
  describeBounds,
  describeValue,
  hasBounds,
  valueSql,
} from "./bounds.ts";
import type { Check, RowCheck } from "./check.ts";
import {
  commonOptions,
  type Expectation,
  makeExpectation,
  Refusal,
  refuseDefinition,
  type RowOptions,
} from "./expectation.ts";
import { listText } from "./measure.ts";
import { rowNumber, type Table } from "./table.ts";

/** No value is missing. `mostly` is a share of all rows. */
export function notNull(column: string, options: RowOptions = {}): Expectation {
  return makeExpectation({
    name: "notNull",
    columns: [column],
    title: `${column} is not null`,
    options,
    check: (table) => ({ type: "rows", counted: null, broken: `${table.cell(column)} IS NULL` }),
  });
}

/** Every value is missing. `mostly` is a share of all rows. */
export function isNull(column: string, options: RowOptions = {}): Expectation {
  return makeExpectation({
    name: "isNull",
    columns: [column],
    title: `${column} is null`,
    options,
    check: (table) => ({ type: "rows", counted: null, broken: `${table.cell(column)} IS NOT NULL` }),
  });
}

/**
 * Every value is within bounds: numbers, texts (by code point) or times.
 *
 * ```ts
 * between("age", { min: 0, max: 150, mostly: 0.99 })
 * ```
 */
export function between(column: string, bounds: Bounds<Bound> & RowOptions): Expectation {
  checkBounds("between", bounds, { any: true });
  if (!hasBounds(bounds)) refuseDefinition("between", "there is no bound", "Give it min, max, above or below.");
  return makeExpectation({
    name: "between",
    columns: [column],
    title: `${column} is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: (table) => {
      const cell = table.cell(column);
      const holds = boundsSql(cell, bounds, table.typeOf(column), table.classOf(column));
      return Object.values(bounds).some(isSql) ? laxCheck(cell, holds) : valueCheck(cell, holds);
    },
  });
}

/** Every value is one of these. */
export function oneOf(column: string, values: readonly Bound[], options: RowOptions = {}): Expectation {
  checkValues("oneOf", values);
  return makeExpectation({
    name: "oneOf",
    columns: [column],
    title: `${column} is one of ${valuesText(values)}`,
    expected: values.map(describeValue),
    options,
    check: (table) => setCheck(table, column, values, (holds) => holds),
  });
}

/** No value is one of these. */
export function noneOf(column: string, values: readonly Bound[], options: RowOptions = {}): Expectation {
  checkValues("noneOf", values);
  return makeExpectation({
    name: "noneOf",
    columns: [column],
    title: `${column} is none of ${valuesText(values)}`,
    expected: values.map(describeValue),
    options,
    check: (table) => setCheck(table, column, values, (holds) => `NOT (${holds})`),
  });
}

function setCheck(table: Table, column: string, values: readonly Bound[], wanted: (holds: string) => string): RowCheck {
  const holds = wanted(membership(table, column, values));
  // Of an empty set, and of SQL, nothing is known about nulls.
  const isPlain = values.length > 0 && !values.some(isSql);
  return isPlain ? valueCheck(table.cell(column), holds) : laxCheck(table.cell(column), holds);
}

/** SQL that is true where a value of the column, which is not null, is one of these. */
function membership(table: Table, column: string, values: readonly Bound[]): string {
  const [type, found] = [table.typeOf(column), table.classOf(column)];
  const items = values.map((value) => valueSql(value, type, found));
  const cell = table.cell(column);
  if (items.length === 0) return `${cell} IS NULL`;
  // A list is looked through once per entry of the dictionary; of long ones the engine makes a hash table.
  if (found === "text" && items.length <= 50) return `list_contains([${items.join(", ")}], ${cell})`;
  return `${cell} IN (${items.join(", ")})`;
}

function checkValues(name: string, values: readonly Bound[]): void {
  if (!Array.isArray(values)) refuseDefinition(name, "there is no list of values", 'Write the values as ["a", "b"].');
  if (values.some((value) => value === null || value === undefined))
    refuseDefinition(name, "null is among the values", "A missing value is never judged; use notNull() or isNull().");
}

type PlainType = "text" | "integer" | "number" | "boolean" | "date" | "time" | "timestamp" | "nested";

/** The names of types that do for every kind of storage; others are the engine's own. */
const typeNames: Readonly<Record<PlainType, (type: string) => boolean>> = {
  text: (type) => type === "VARCHAR",
  integer: (type) => cellClass(type) === "integer" || /^U?HUGEINT$/.test(type),
  number: (type) => ["integer", "double", "decimal"].includes(cellClass(type)),
  boolean: (type) => type === "BOOLEAN",
  date: (type) => type === "DATE",
  time: (type) => type === "TIME",
  timestamp: (type) => type.startsWith("TIMESTAMP"),
  nested: (type) => cellClass(type) === "nested",
};

/** "text", "integer", "number", "boolean", "date", "time", "timestamp", "nested", or the engine's own name of a type. */
export type TypeName = PlainType | (string & {});

/**
 * The column is of this type, or of one of these. The names `text`, `integer`, `number`, `boolean`, `date`, `time`,
 * `timestamp` and `nested` do for every way of storing such values; any other name is the engine's own, such as
 * "DECIMAL(18,2)".
 */
export function hasType(column: string, type: TypeName | readonly TypeName[], options: RowOptions = {}): Expectation {
  const wanted = typeof type === "string" ? [type] : [...type];
  return makeExpectation({
    name: "hasType",
    columns: [column],
    title: `${column} is of type ${wanted.join(" or ")}`,
    expected: wanted,
    options,
    check: (table): Check => {
      const found = table.typeOf(column);
      const fits = wanted.some((name) =>
        name in typeNames ? typeNames[name as PlainType](found) : sameType(name, found),
      );
      if (fits || wanted.length === 0) return { type: "settled", finding: { success: true, observed: found } };
      const filled = `${table.cell(column)} IS NOT NULL`;
      return { type: "rows", counted: filled, broken: filled, finding: { success: false, observed: found } };
    },
  });
}

function sameType(name: string, found: string): boolean {
  const plain = (text: string): string => text.toUpperCase().replace(/\s+/g, " ").trim();
  const aliases: Readonly<Record<string, string>> = {
    TEXT: "VARCHAR",
    STRING: "VARCHAR",
    INT: "INTEGER",
    "DOUBLE PRECISION": "DOUBLE",
    BOOL: "BOOLEAN",
    TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
  };
  const wanted = plain(name);
  return (aliases[wanted] ?? wanted) === plain(found);
}

/** Every value occurs once. All rows whose value occurs again are counted. */
export function unique(column: string, options: RowOptions = {}): Expectation {
  return makeExpectation({
    name: "unique",
    columns: [column],
    title: `${column} is unique`,
    options,
    check: (table) => repeats([table.cell(column)], `${table.cell(column)} IS NOT NULL`),
  });
}

/** The check that no combination of these values occurs twice among the rows that are counted. */
export function repeats(cells: readonly string[], counted: string | null): Check {
  const key = cells.length === 1 ? cells[0]! : `row(${cells.join(", ")})`;
  const all = counted === null ? "" : counted;
  const isOne = cells.length === 1;
  return {
    type: "window",
    counted,
    broken: (partition) => `count(*) OVER (PARTITION BY ${[...partition, ...cells].join(", ")}) > 1`,
    quick: {
      aggregates: [
        // A count of values leaves nulls out by itself.
        (filter) => (isOne ? `count(${key})${filter}` : `count(*)${also(filter, all)}`),
        (filter, distinct) => distinct(key, isOne ? filter : also(filter, all)),
      ],
      holds: ([rows, distinct]) => String(rows) === String(distinct),
    },
  };
}

/** A filter that wants `condition`, too. */
export function also(filter: string, condition: string): string {
  if (condition === "") return filter;
  return filter === "" ? ` FILTER (WHERE ${condition})` : `${filter.slice(0, -1)} AND ${condition})`;
}

export interface OrderOptions extends RowOptions {
  /** Equal neighbours are not allowed either. @default false */
  readonly strictly?: boolean;
}

/** No value is less than the one before it, in the order of the dataset; missing values are passed over. */
export function increasing(column: string, options: OrderOptions = {}): Expectation {
  return ordered("increasing", column, options, options.strictly === true ? "<=" : "<");
}

/** No value is greater than the one before it, in the order of the dataset; missing values are passed over. */
export function decreasing(column: string, options: OrderOptions = {}): Expectation {
  return ordered("decreasing", column, options, options.strictly === true ? ">=" : ">");
}

function ordered(name: string, column: string, options: OrderOptions, operator: string): Expectation {
  const strictly = options.strictly === true;
  return makeExpectation({
    name,
    columns: [column],
    title: `${column} is ${strictly ? "strictly " : ""}${name}`,
    expected: { strictly },
    options: commonOptions(options),
    check: (table) => {
      const cell = table.cell(column);
      if (table.classOf(column) === "nested") throw new Refusal(`the column "${column}" holds nested values`);
      const order = (partition: readonly string[]): string =>
        `(${partition.length === 0 ? "" : `PARTITION BY ${partition.join(", ")} `}ORDER BY ${rowNumber})`;
      return {
        type: "window",
        counted: `${cell} IS NOT NULL`,
        broken: (partition) => `coalesce(${cell} ${operator} lag(${cell}) OVER ${order(partition)}, false)`,
        quick: null,
      };
    },
  });
}

export interface OutlierOptions extends RowOptions {
  /** Values must be less than this many standard deviations above the mean. */
  readonly below: number;
  /** And below it, too. @default true */
  readonly twoSided?: boolean;
}

/**
 * Every value is less than so many standard deviations (of the sample, n - 1) from the mean. A single outlier among n
 * values is never further away than (n - 1)/√n: with fewer than 12 values none is 3 away.
 */
export function zScores(column: string, options: OutlierOptions): Expectation {
  const { below, twoSided = true } = options;
  if (!(typeof below === "number" && below > 0))
    refuseDefinition("zScores", `below is ${String(below)}`, "It is a number of standard deviations, such as 3.");
  return makeExpectation({
    name: "zScores",
    columns: [column],
    title: `${column} is less than ${below} standard deviations ${twoSided ? "from" : "above"} the mean`,
    expected: { below, twoSided },
    options: commonOptions(options),
    check: (table) => {
      const value = `CAST(${table.need(column, "number")} AS DOUBLE)`;
      const far = (distance: string): string => (twoSided ? `abs(${distance})` : distance);
      return {
        type: "window",
        counted: `${value} IS NOT NULL`,
        broken: (partition) => {
          const over = partition.length === 0 ? "OVER ()" : `OVER (PARTITION BY ${partition.join(", ")})`;
          const distance = `(${value} - avg(${value}) ${over}) / nullif(stddev_samp(${value}) ${over}, 0)`;
          return `coalesce(${far(distance)} >= ${below}, false)`;
        },
        quick: {
          aggregates: ["avg", "stddev_samp", "min", "max"].map(
            (name) => (filter: string) => `${name}(${value})${filter}`,
          ),
          holds: (values) => {
            const [mean, deviation, least, most] = values.map(Number) as [number, number, number, number];
            if (values[1] === null || deviation === 0) return true;
            const above = (most - mean) / deviation < below;
            return above && (!twoSided || (mean - least) / deviation < below);
          },
        },
      };
    },
  });
}

/**
 * The check of a condition on values that are there. The condition must be null where the value is, and nowhere else.
 * Nothing is put around it: the engine judges a text once per entry of the file's dictionary, but only if the text is
 * all that the condition looks at.
 */
export function valueCheck(cell: string, holds: string): RowCheck {
  return { type: "rows", counted: `${cell} IS NOT NULL`, broken: `NOT (${holds})` };
}

/** The same for a condition that may be null for other reasons, which then is not met. */
export function laxCheck(cell: string, holds: string): RowCheck {
  return {
    type: "rows",
    counted: `${cell} IS NOT NULL`,
    broken: `(${cell} IS NOT NULL AND NOT coalesce(${holds}, false))`,
  };
}

export function valuesText(values: readonly Bound[]): string {
  return listText(values.map((value) => (typeof value === "string" ? `"${value}"` : String(describeValue(value)))));
}
