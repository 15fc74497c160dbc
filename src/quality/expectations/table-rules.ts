// Expectations about the dataset as a whole: how many rows, which columns.
import { probableRename } from "../../dataset/rename-suspicion.ts";
import type { Json } from "../../json.ts";
import { type Bounds, boundsSql, boundsText, checkBounds, describeBounds } from "./bounds.ts";
import type { Check, Finding } from "./check.ts";
import {
  commonOptions,
  type Expectation,
  type ExpectationOptions,
  makeExpectation,
  refuseDefinition,
  type ScopeOptions,
} from "./expectation.ts";
import { listText, measured } from "./measure.ts";

/**
 * The number of rows is within bounds.
 *
 * ```ts
 * rowCount({ min: 1, max: 10_000_000 })
 * ```
 */
export function rowCount(bounds: Bounds & ScopeOptions = {}): Expectation {
  checkBounds("rowCount", bounds, { counts: true });
  return makeExpectation({
    name: "rowCount",
    columns: [],
    title: `the number of rows is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: () =>
      measured(
        (filter) => `count(*)${filter}`,
        (value) => boundsSql(value, bounds, "BIGINT", "number"),
      ),
  });
}

/** The dataset has as many rows as another, which the step was given by this name. */
export function sameRowCount(other: string, options: ExpectationOptions = {}): Expectation {
  return makeExpectation({
    name: "sameRowCount",
    columns: [],
    title: `the dataset has as many rows as ${other}`,
    expected: other,
    others: [other],
    options,
    check: (table) => {
      const { rows } = table.other(other);
      return {
        type: "measure",
        aggregates: [(filter) => `count(*)${filter}`],
        judge: ([own]) => ({ success: Number(own) === rows, observed: { rows: Number(own), [other]: rows } }),
      };
    },
  });
}

/** The number of columns is within bounds. */
export function columnCount(bounds: Bounds & ExpectationOptions = {}): Expectation {
  checkBounds("columnCount", bounds, { counts: true });
  return makeExpectation({
    name: "columnCount",
    columns: [],
    title: `the number of columns is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: ({ columns }) => settled({ success: within(columns.length, bounds), observed: columns.length }),
  });
}

function within(value: number, { min, max, above, below, equals }: Bounds): boolean {
  return (
    value >= (min ?? -Infinity) &&
    value <= (max ?? Infinity) &&
    value > (above ?? -Infinity) &&
    value < (below ?? Infinity) &&
    value === (equals ?? value)
  );
}

/** The column is there, and at `position` (from 1) where one is given. */
export function hasColumn(
  name: string,
  options: ExpectationOptions & { readonly position?: number } = {},
): Expectation {
  const { position } = options;
  if (position !== undefined && !(Number.isSafeInteger(position) && position >= 1))
    refuseDefinition("hasColumn", `position is ${String(position)}`, "It is a whole number from 1.");
  return makeExpectation({
    name: "hasColumn",
    columns: [name],
    title: position === undefined ? `there is a column ${name}` : `column ${position} is ${name}`,
    expected: position === undefined ? null : { position },
    options: commonOptions(options),
    check: ({ columns }) => {
      const names = columns.map((column) => column.name);
      const found = names.indexOf(name);
      const renamed = found < 0 ? probableRename(name, names) : null;
      return settled({
        success: found >= 0 && (position === undefined || found + 1 === position),
        observed: found < 0 ? null : { position: found + 1 },
        ...(renamed === null ? {} : { details: { probablyRenamed: { [name]: renamed } } }),
      });
    },
  });
}

/** The columns are these, in this order, and no others. */
export function columnsInOrder(names: readonly string[], options: ExpectationOptions = {}): Expectation {
  return makeExpectation({
    name: "columnsInOrder",
    columns: [],
    title: `the columns are ${listText(names)}, in this order`,
    expected: [...names],
    options,
    check: ({ columns }) => {
      const found = columns.map((column) => column.name);
      const mismatched = Array.from({ length: Math.max(found.length, names.length) }, (_, position) => position)
        .filter((position) => found[position] !== names[position])
        .map((position) => ({
          position: position + 1,
          expected: names[position] ?? null,
          found: found[position] ?? null,
        }));
      const success = mismatched.length === 0;
      return settled({ success, observed: found, ...(success ? {} : { details: { mismatched } }) });
    },
  });
}

export interface ColumnsOptions extends ExpectationOptions {
  /** Other columns may be there, too. @default false */
  readonly others?: boolean;
}

/** The columns are these, in any order. A missing one that was probably renamed is said to be. */
export function columnsAre(names: readonly string[], options: ColumnsOptions = {}): Expectation {
  const others = options.others ?? false;
  return makeExpectation({
    name: "columnsAre",
    columns: [],
    title: `the columns are ${listText(names)}${others ? ", and maybe others" : ""}`,
    expected: { columns: [...names], others },
    options: commonOptions(options),
    check: ({ columns }) =>
      settled(
        compareColumns(
          names,
          columns.map((column) => column.name),
          others,
        ),
      ),
  });
}

function compareColumns(wanted: readonly string[], found: readonly string[], others: boolean): Finding {
  const missing = wanted.filter((name) => !found.includes(name));
  const unexpected = found.filter((name) => !wanted.includes(name));
  return {
    success: missing.length === 0 && (others || unexpected.length === 0),
    observed: [...found],
    details: changes(missing, unexpected),
  };
}

/** What is missing and what is new, with the renames that this looks like. */
export function changes(missing: readonly string[], unexpected: readonly string[]): Json {
  const renamed = missing.flatMap((name) => {
    const now = probableRename(name, unexpected);
    return now === null ? [] : [[name, now] as const];
  });
  return {
    ...(missing.length === 0 ? {} : { missing: [...missing] }),
    ...(unexpected.length === 0 ? {} : { unexpected: [...unexpected] }),
    ...(renamed.length === 0 ? {} : { probablyRenamed: Object.fromEntries(renamed) }),
  };
}

function settled(finding: Finding): Check {
  return { type: "settled", finding };
}
