// Expectations about the set of distinct values of a column.
import type { Json } from "../../json.ts";
import { type Bound, describeValue } from "./bounds.ts";
import { type Expectation, makeExpectation, refuseDefinition, type ScopeOptions } from "./expectation.ts";
import { plainValue } from "./measure.ts";
import { valuesText } from "./value-rules.ts";

/** Every distinct value is one of these. Unlike oneOf() it reports the distinct values, not the rows. */
export function distinctWithin(column: string, values: readonly Bound[], options: ScopeOptions = {}): Expectation {
  return setRule("distinctWithin", "are all among", column, values, options, (found, wanted) =>
    [...found].every((value) => wanted.has(value)),
  );
}

/** Each of these occurs. */
export function distinctContains(column: string, values: readonly Bound[], options: ScopeOptions = {}): Expectation {
  return setRule("distinctContains", "contain", column, values, options, (found, wanted) =>
    [...wanted].every((value) => found.has(value)),
  );
}

/** The distinct values are exactly these. */
export function distinctEquals(column: string, values: readonly Bound[], options: ScopeOptions = {}): Expectation {
  return setRule(
    "distinctEquals",
    "are exactly",
    column,
    values,
    options,
    (found, wanted) => found.size === wanted.size && [...wanted].every((value) => found.has(value)),
  );
}

function setRule(
  name: string,
  words: string,
  column: string,
  values: readonly Bound[],
  options: ScopeOptions,
  holds: (found: ReadonlySet<string>, wanted: ReadonlySet<string>) => boolean,
): Expectation {
  if (!Array.isArray(values)) refuseDefinition(name, "there is no list of values", 'Write the values as ["a", "b"].');
  return makeExpectation({
    name,
    columns: [column],
    title: `the distinct values of ${column} ${words} ${valuesText(values)}`,
    expected: values.map(describeValue),
    options,
    check: (table) => {
      const isTime = table.classOf(column) === "time";
      const wanted = values.map((value) => valueKey(value, isTime));
      return {
        type: "counts",
        value: table.cell(column),
        found: table.classOf(column),
        judge: (counts) => {
          const found = new Map(counts.map(({ value }) => [JSON.stringify(value), value]));
          const keys = new Set(found.keys());
          const sought = new Set(wanted);
          const missing = values.filter((_, at) => !keys.has(wanted[at]!)).map(describeValue);
          const unexpected = [...found].filter(([key]) => !sought.has(key)).map(([, value]) => value);
          return {
            success: holds(keys, sought),
            observed: [...found.values()].sort(order).slice(0, 100),
            details: { distinct: found.size, missing: missing.slice(0, 100), unexpected: unexpected.slice(0, 100) },
          };
        },
      };
    },
  });
}

/** A value as it comes back from the engine, in JSON. */
function valueKey(value: Bound, isTime: boolean): string {
  if (!isTime) return JSON.stringify(typeof value === "bigint" ? plainValue(String(value)) : describeValue(value));
  const text = value instanceof Date ? value.toISOString() : String(value);
  return JSON.stringify(text.replace("T", " ").replace(/(?:\.0+)?Z$/, ""));
}

function order(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a) < String(b) ? -1 : 1;
}
