// Expectations about each text of a column: lengths, patterns, dates, JSON. What the engine can't judge exactly as JS
// does is judged in JS, once per distinct text.
import { z } from "zod";
import { quoteLiteral } from "../../dataset/sql.ts";
import type { JsonObject } from "../../json.ts";
import { exactPattern } from "../pattern.ts";
import { type Bounds, boundsSql, boundsText, checkBounds, describeBounds, hasBounds } from "./bounds.ts";
import type { RowCheck, Undecided } from "./check.ts";
import { readsAsDate } from "./date-text.ts";
import { commonOptions, type Expectation, makeExpectation, refuseDefinition, type RowOptions } from "./expectation.ts";
import { listText } from "./measure.ts";
import { dateFormatSql } from "./date-format.ts";
import { laxCheck, valueCheck } from "./value-rules.ts";

/** The length of every text, in code points, is within bounds. */
export function lengths(column: string, bounds: Bounds & RowOptions): Expectation {
  checkBounds("lengths", bounds, { counts: true });
  if (!hasBounds(bounds)) refuseDefinition("lengths", "there is no bound", "Give it min, max or equals.");
  return makeExpectation({
    name: "lengths",
    columns: [column],
    title: `the length of ${column} is ${boundsText(bounds)}`,
    expected: describeBounds(bounds),
    options: commonOptions(bounds),
    check: (table) => {
      const cell = table.need(column, "text");
      return valueCheck(cell, boundsSql(`length(${cell})`, bounds, "BIGINT", "number"));
    },
  });
}

export interface PatternOptions extends RowOptions {
  /** Of several patterns, one must match, or all must. @default "any" */
  readonly match?: "any" | "all";
}

/**
 * Every text matches the pattern somewhere (^ and $ tie it to the ends), or one of several.
 *
 * ```ts
 * matches("event_id", /^evt_[a-zA-Z0-9]{16}$/)
 * ```
 */
export function matches(
  column: string,
  pattern: RegExp | readonly RegExp[],
  options: PatternOptions = {},
): Expectation {
  const patterns = listOf("matches", pattern);
  const match = options.match ?? "any";
  return makeExpectation({
    name: "matches",
    columns: [column],
    title: `${column} matches ${listText(patterns.map(String))}${patterns.length > 1 ? ` (${match})` : ""}`,
    expected: { patterns: patterns.map(String), match },
    options: commonOptions(options),
    check: (table) => patternCheck(table.need(column, "text"), patterns, match === "all" ? "all" : "any"),
  });
}

/** No text matches the pattern anywhere, or any of several. */
export function notMatches(column: string, pattern: RegExp | readonly RegExp[], options: RowOptions = {}): Expectation {
  const patterns = listOf("notMatches", pattern);
  return makeExpectation({
    name: "notMatches",
    columns: [column],
    title: `${column} does not match ${listText(patterns.map(String))}`,
    expected: { patterns: patterns.map(String) },
    options,
    check: (table) => patternCheck(table.need(column, "text"), patterns, "none"),
  });
}

function listOf<Item>(name: string, items: Item | readonly Item[]): readonly Item[] {
  const list = Array.isArray(items) ? (items as readonly Item[]) : [items as Item];
  if (list.length === 0) refuseDefinition(name, "there is no pattern", "Give it at least one.");
  return list;
}

function patternCheck(cell: string, patterns: readonly RegExp[], match: "any" | "all" | "none"): RowCheck {
  const plain = patterns.map((pattern) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")));
  const accepts = (text: string): boolean => {
    if (match === "all") return plain.every((pattern) => pattern.test(text));
    return plain.some((pattern) => pattern.test(text)) === (match === "any");
  };
  const exact = plain.map(exactPattern);
  const undecided = exact.flatMap((pattern) => {
    if (pattern === null) return ["true"];
    if (pattern.exactFor === "always") return [];
    const beyondAscii = `strlen(${cell}) <> length(${cell})`;
    return pattern.exactFor === "ascii"
      ? [beyondAscii]
      : [`(${beyondAscii} AND regexp_matches(${cell}, '[\\x{10000}-\\x{10FFFF}]'))`];
  });
  const conditions = exact.map((pattern) => (pattern === null ? "true" : patternSql(cell, pattern.source)));
  const holds = match === "all" ? conditions.join(" AND ") : `(${conditions.join(" OR ")})`;
  return {
    ...valueCheck(cell, match === "none" ? `NOT ${holds}` : holds),
    ...(undecided.length === 0 ? {} : { undecided: undecidedWhere(cell, undecided.join(" OR "), accepts) }),
  };
}

/**
 * A pattern that is tied to both ends is asked to match all of the text: that is the same, and the engine does it once per
 * entry of the file's dictionary. It is still tied to the start, by which the engine sees what all matches begin with.
 */
function patternSql(cell: string, source: string): string {
  const inner = /^\\A([\s\S]*)\\z$/.exec(source)?.[1];
  if (inner === undefined || inner.endsWith("\\") || hasAlternatives(inner))
    return `regexp_matches(${cell}, ${quoteLiteral(source)})`;
  return `regexp_full_match(${cell}, ${quoteLiteral(`\\A${inner}`)})`;
}

/** Is there a | that is in no group and no class? Then the ends are tied to one side of it only. */
function hasAlternatives(source: string): boolean {
  const rest = source.replace(/\\[\s\S]|\[(?:\\[\s\S]|[^\]])*\]/g, "");
  let depth = 0;
  for (const character of rest) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (character === "|" && depth === 0) return true;
  }
  return false;
}

function undecidedWhere(cell: string, when: string, accepts: (text: string) => boolean): Undecided {
  return { when: when.includes("true") ? "true" : `coalesce(${when}, false)`, text: cell, accepts };
}

/** Every text is LIKE the pattern (% stands for any text, _ for one character), or like one of several. */
export function like(column: string, pattern: string | readonly string[], options: PatternOptions = {}): Expectation {
  const patterns = listOf("like", pattern);
  const match = options.match ?? "any";
  return makeExpectation({
    name: "like",
    columns: [column],
    title: `${column} is like ${listText(patterns.map((item) => `"${item}"`))}${patterns.length > 1 ? ` (${match})` : ""}`,
    expected: { patterns: [...patterns], match },
    options: commonOptions(options),
    check: (table) => {
      const cell = table.need(column, "text");
      return valueCheck(cell, likeSql(cell, patterns, match === "all" ? " AND " : " OR "));
    },
  });
}

/** No text is LIKE the pattern, or like any of several. */
export function notLike(column: string, pattern: string | readonly string[], options: RowOptions = {}): Expectation {
  const patterns = listOf("notLike", pattern);
  return makeExpectation({
    name: "notLike",
    columns: [column],
    title: `${column} is not like ${listText(patterns.map((item) => `"${item}"`))}`,
    expected: { patterns: [...patterns] },
    options,
    check: (table) => {
      const cell = table.need(column, "text");
      return valueCheck(cell, `NOT ${likeSql(cell, patterns, " OR ")}`);
    },
  });
}

function likeSql(cell: string, patterns: readonly string[], joined: string): string {
  return `(${patterns.map((pattern) => `${cell} LIKE ${quoteLiteral(pattern)} ESCAPE '\\'`).join(joined)})`;
}

/** Every text is a date or time in this format of strftime, such as "%Y-%m-%d". */
export function dateFormat(column: string, format: string, options: RowOptions = {}): Expectation {
  const holds = dateFormatSql(format);
  return makeExpectation({
    name: "dateFormat",
    columns: [column],
    title: `${column} is written as ${format}`,
    expected: format,
    options,
    check: (table) => {
      const cell = table.need(column, "text");
      return laxCheck(cell, holds(cell));
    },
  });
}

/**
 * Every text can be read as a date or a time in one of the usual ways of writing them: ISO 8601, RFC 2822, and day, month
 * and year in any order with a name or a number for the month. What a date is not, such as "abc" or "31/31/2020", is
 * told; which of two readings is meant ("01/02/2020") is not.
 */
export function readableDate(column: string, options: RowOptions = {}): Expectation {
  return makeExpectation({
    name: "readableDate",
    columns: [column],
    title: `${column} can be read as a date`,
    options,
    check: (table) => judgedInJs(table.need(column, "text"), readsAsDate),
  });
}

/** Every text is JSON. */
export function validJson(column: string, options: RowOptions = {}): Expectation {
  return makeExpectation({
    name: "validJson",
    columns: [column],
    title: `${column} is JSON`,
    options,
    check: (table) => {
      if (table.typeOf(column) === "JSON") return laxCheck(table.cell(column), "true");
      const cell = table.need(column, "text");
      // The engine takes NaN and Infinity for JSON. JSON has no such thing, but a text in it may say so.
      const bare = `regexp_replace(${cell}, '"([^"\\\\]|\\\\.)*"', '""', 'g')`;
      const odd = `((contains(${cell}, 'NaN') OR contains(${cell}, 'Inf') OR contains(${cell}, 'nan') OR contains(${cell}, 'inf')) AND regexp_matches(${bare}, '(?i)nan|inf'))`;
      return valueCheck(cell, `json_valid(${cell}) AND NOT ${odd}`);
    },
  });
}

/** Every text is JSON that a schema accepts: a Zod schema, or a JSON Schema (draft 2020-12 or 7). */
export function matchesJson(
  column: string,
  schema: z.core.$ZodType | JsonObject,
  options: RowOptions = {},
): Expectation {
  const isZod = "_zod" in schema;
  const json = isZod ? z.toJSONSchema(schema as z.core.$ZodType, { unrepresentable: "any" }) : schema;
  const validator = isZod ? (schema as z.core.$ZodType) : fromJsonSchema(schema as JsonObject);
  return makeExpectation({
    name: "matchesJson",
    columns: [column],
    title: `${column} is JSON of the given schema`,
    expected: JSON.parse(JSON.stringify(json)) as JsonObject,
    options,
    check: (table) => {
      const cell =
        table.classOf(column) === "nested"
          ? `CAST(to_json(${table.cell(column)}) AS VARCHAR)`
          : table.need(column, "text");
      return judgedInJs(cell, (text) => {
        try {
          return z.safeParse(validator, JSON.parse(text)).success;
        } catch {
          return false;
        }
      });
    },
  });
}

function fromJsonSchema(schema: JsonObject): z.core.$ZodType {
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (error) {
    return refuseDefinition(
      "matchesJson",
      (error as Error).message,
      "Write the schema with the keywords that are supported, or with Zod.",
    );
  }
}

function judgedInJs(cell: string, accepts: (text: string) => boolean): RowCheck {
  return { ...laxCheck(cell, "true"), undecided: { when: "true", text: cell, accepts } };
}
