// Bounds on a value: what they may be, how they read, and their SQL.
import { describeSql, inlineSql, isSql, quoteLiteral, type Sql } from "../../dataset/sql.ts";
import type { Json, JsonObject } from "../../json.ts";
import { literalSql } from "../expression-sql.ts";
import { Refusal, refuseDefinition } from "./expectation.ts";
import type { ValueClass } from "./table.ts";

/** A value to hold against a column: a number, a text, a point in time, or SQL that gives one, such as sql`now()`. */
export type Bound = number | bigint | string | boolean | Date | Sql;

/** What a value must keep to. Without any bound it is only recorded. */
export interface Bounds<B = number> {
  /** At least this. */
  readonly min?: B;
  /** At most this. */
  readonly max?: B;
  /** More than this. */
  readonly above?: B;
  /** Less than this. */
  readonly below?: B;
  /** Exactly this. */
  readonly equals?: B;
}

const operators = { min: ">=", max: "<=", above: ">", below: "<", equals: "=" } as const;
const words = { min: "at least", max: "at most", above: "more than", below: "less than", equals: "exactly" } as const;
const names = Object.keys(operators) as (keyof typeof operators)[];

/** The bounds that are there, in a fixed order. */
function entriesOf(bounds: Bounds<Bound>): [keyof typeof operators, Bound][] {
  return names.flatMap((name) => {
    const value = bounds[name];
    return value === undefined || value === null ? [] : [[name, value] as [keyof typeof operators, Bound]];
  });
}

export function hasBounds(bounds: Bounds<Bound>): boolean {
  return entriesOf(bounds).length > 0;
}

export interface BoundsKind {
  /** Whole numbers from 0 only. */
  readonly counts?: boolean;
  /** Numbers from 0 to 1 only. */
  readonly shares?: boolean;
  /** Texts, times and SQL are bounds, too. */
  readonly any?: boolean;
}

/** Throws DEFINITION_INVALID where bounds are of the wrong kind or leave nothing. */
export function checkBounds(name: string, bounds: Bounds<Bound>, kind: BoundsKind = {}): void {
  for (const [bound, value] of entriesOf(bounds)) {
    const told = typeof value === "string" ? JSON.stringify(value) : String(value);
    if (kind.any !== true && typeof value !== "number")
      refuseDefinition(name, `${bound} is ${told}`, "It is a number.");
    if (typeof value === "number" && Number.isNaN(value)) refuseDefinition(name, `${bound} is NaN`, "It is a number.");
    if (kind.counts === true && !(Number.isSafeInteger(value) && (value as number) >= 0))
      refuseDefinition(name, `${bound} is ${told}`, "It is a whole number from 0.");
    if (kind.shares === true && !((value as number) >= 0 && (value as number) <= 1))
      refuseDefinition(name, `${bound} is ${told}`, "It is a share, from 0 to 1.");
    if (value instanceof Date && Number.isNaN(value.getTime()))
      refuseDefinition(name, `${bound} is an invalid date`, "Check how it is made.");
  }
  const lowest = bounds.min ?? bounds.above;
  const highest = bounds.max ?? bounds.below;
  if (comparable(lowest) && comparable(highest) && typeof lowest === typeof highest && lowest > highest) {
    refuseDefinition(name, `its least value ${String(lowest)} is above its greatest, ${String(highest)}`, "Swap them.");
  }
}

function comparable(value: Bound | undefined): value is number | bigint | Date {
  return typeof value === "number" || typeof value === "bigint" || value instanceof Date;
}

/** "between 18 and 65", "at least 1", "more than 0 and at most 5"; without bounds, "recorded". */
export function boundsText(bounds: Bounds<Bound>): string {
  const { min, max } = bounds;
  const entries = entriesOf(bounds);
  if (entries.length === 0) return "recorded";
  if (min !== undefined && max !== undefined && entries.length === 2)
    return `between ${boundText(min)} and ${boundText(max)}`;
  return entries.map(([name, value]) => `${words[name]} ${boundText(value)}`).join(" and ");
}

function boundText(value: Bound): string {
  if (isSql(value)) return inlineSql(value);
  return value instanceof Date ? value.toISOString() : typeof value === "string" ? `"${value}"` : String(value);
}

export function describeBounds(bounds: Bounds<Bound>): JsonObject {
  return Object.fromEntries(entriesOf(bounds).map(([name, value]) => [name, describeValue(value)]));
}

export function describeValue(value: Bound | null): Json {
  if (value === null) return null;
  if (isSql(value)) return describeSql(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return value.toString();
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** SQL that is true where `value` keeps to the bounds, false where not, null where it is null. Without bounds "true". */
export function boundsSql(value: string, bounds: Bounds<Bound>, type: string, found: ValueClass): string {
  const parts = entriesOf(bounds).map(([name, bound]) => `${value} ${operators[name]} ${valueSql(bound, type, found)}`);
  return parts.length === 0 ? "true" : `(${parts.join(" AND ")})`;
}

/**
 * The same for a value that was computed in floating point: "at least" and "at most" forgive its rounding errors, which
 * depend on the order of the rows.
 */
export function roundedBoundsSql(value: string, bounds: Bounds): string {
  const slack = (bound: number): string => literalSql(Math.abs(bound) * 1e-12);
  const { min, max, equals, ...strict } = bounds;
  const parts = [
    ...(min == null ? [] : [`${value} >= ${literalSql(min)} - ${slack(min)}`]),
    ...(max == null ? [] : [`${value} <= ${literalSql(max)} + ${slack(max)}`]),
    ...(equals == null ? [] : [`abs(${value} - ${literalSql(equals)}) <= ${slack(equals)}`]),
    ...(hasBounds(strict) ? [boundsSql(value, strict, "DOUBLE", "number")] : []),
  ];
  return parts.length === 0 ? "true" : `(${parts.join(" AND ")})`;
}

/** A value as SQL that can be compared with a column of this type. Throws Refusal where that would compare unlike things. */
export function valueSql(value: Bound, type: string, found: ValueClass): string {
  if (isSql(value)) return `(${inlineSql(value)})`;
  const mismatch = (): never => {
    throw new Refusal(`a column of ${type} can't be compared with ${JSON.stringify(describeValue(value))}`);
  };
  switch (found) {
    case "number":
      if (typeof value === "bigint") return String(value);
      return typeof value === "number" ? literalSql(value) : mismatch();
    case "truth":
      return typeof value === "boolean" ? String(value) : mismatch();
    case "text":
      return typeof value === "string" ? quoteLiteral(value) : mismatch();
    case "time":
      if (value instanceof Date) return `CAST(${quoteLiteral(plainTime(value))} AS ${type})`;
      if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?$|^\d{2}:\d{2}/.test(value))
        return mismatch();
      return `CAST(${quoteLiteral(value)} AS ${type})`;
    default:
      return mismatch();
  }
}

/** An instant as the engine reads it for any type of time: sessions are in UTC. */
function plainTime(value: Date): string {
  return value.toISOString().replace("T", " ").replace("Z", "");
}
