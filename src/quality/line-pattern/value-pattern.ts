// The pattern of one field's values as JSON text: what it matches is valid JSON and valid by the contract, once the
// field's own test, if there is one, has said so too.
import { exactMultiples } from "../check-sql.ts";
import { isColumnNumber } from "../contract.ts";
import type { RowValidator } from "../row-reading.ts";
import type { FieldCheck } from "../schema-check.ts";
import type { Field, FieldKind } from "../schema.ts";
import {
  ascii,
  basicPlane,
  classOf,
  type CodePoints,
  consistsOf,
  intersection,
  literal,
  unescaped,
} from "./code-points.ts";
import { anyNumber, decimalPattern, isDigitwise, type NumberRange, unlimited, wholePattern } from "./number-pattern.ts";
import { textCondition } from "./text-condition.ts";

export interface ValuePattern {
  /** Without groups that capture. */
  readonly source: string;
  /** What else must hold of the parsed value; null if nothing. */
  readonly test: ((value: unknown) => boolean) | null;
}

const plainText = classOf(unescaped);
const anyText = `"${plainText}*(?:\\\\(?:["\\\\\\/bfnrt]|u[0-9a-fA-F]{4})${plainText}*)*"`;
const never = "[]";
// Longer counts make a slow pattern.
const longestCount = 1000;
// Of numbers between ragged limits there are so many beginnings that comparing is cheaper.
const longestDigits = 400;

/** Any value that is neither an array nor an object. */
export const anyScalar: string = `(?:${anyText}|${anyNumber}|true|false|null)`;

/** The pattern of `field`, or why there is none. */
export function valuePattern(field: Field, { testField }: RowValidator): ValuePattern | string {
  if (field.residual.length > 0 || field.shape !== null) {
    if (testField === undefined) return `the column "${field.name}", which can't be judged without the rest of its row`;
    if (field.kind === "json") return `the nested column "${field.name}"`;
    return { source: anyScalar, test: (value) => isHeld(value, field.kind) && testField(field.name, value) };
  }
  const found = ofKind(field);
  if (typeof found === "string") return found;
  const isNullFine = field.nullAs === "null" && field.acceptsNull === true;
  const { source, test } = found;
  if (!isNullFine) return found;
  return { source: `(?:${source}|null)`, test: test === null ? null : (value) => value === null || test(value) };
}

function isHeld(value: unknown, kind: FieldKind): boolean {
  const isNumberKind = kind === "integer" || kind === "number";
  return !isNumberKind || typeof value !== "number" || isColumnNumber(value, kind);
}

function ofKind(field: Field): ValuePattern | string {
  const { name, kind, checks } = field;
  switch (kind) {
    case "text":
    case "time": {
      const source = textPattern(checks, kind === "time" ? [timeCondition] : []);
      return source === null ? `a condition on "${name}" without a pattern inside a line` : { source, test: null };
    }
    case "integer":
    case "number":
      return numberPattern(checks, kind) ?? `a condition on "${name}" without a pattern inside a line`;
    case "truth": {
      const sets = checks.map((check) => (check.op === "isIn" ? check.values : []));
      const values = [true, false].filter((value) => sets.every((set) => set.includes(value)));
      return { source: values.length === 0 ? never : `(?:${values.join("|")})`, test: null };
    }
    case "any":
      return checks.length === 0
        ? { source: anyScalar, test: null }
        : `conditions on "${name}", which may be of any type`;
    case "json":
      return `the nested column "${name}"`;
  }
}

/**
 * Conditions are lookaheads, which are not tried again once they hold, and the text itself is read up to its only
 * closing quote: so a text matches in one way, and a line that fails further on costs no more than its length.
 */
function textPattern(checks: readonly FieldCheck[], conditions: readonly string[]): string | null {
  const [only] = checks;
  if (conditions.length === 0 && checks.length <= 1) {
    if (only === undefined) return anyText;
    if (only.op === "isIn") return `(?:${only.values.map((value) => literal(JSON.stringify(value))).join("|")})`;
    if (only.op === "minLength" && only.limit === 1) return `(?!"")${anyText}`;
  }
  const allowed = checks.reduce((set, check) => intersection(set, exactFor(check)), unescaped);
  const looks = checks.map((check) => textLook(check, allowed));
  if (looks.includes(null)) return null;
  return `"${conditions.join("")}${looks.join("")}${classOf(allowed)}*"`;
}

/** The characters on which a check means the same here as in the validator. */
function exactFor(check: FieldCheck): CodePoints {
  if (check.op === "pattern")
    return check.pattern.exactFor === "ascii"
      ? ascii
      : check.pattern.exactFor === "basic-plane"
        ? basicPlane
        : unescaped;
  // A library that counts two for each other character.
  return check.op === "maxLength" && check.unit === "utf16" ? basicPlane : unescaped;
}

function textLook(check: FieldCheck, allowed: CodePoints): string | null {
  const one = classOf(allowed);
  switch (check.op) {
    case "pattern": {
      const condition = textCondition(check.pattern, allowed);
      return condition === null ? null : `(?${check.negated === true ? "!" : "="}${condition})`;
    }
    case "minLength":
      if (check.limit > longestCount) return null;
      return check.limit <= 0 ? "" : check.limit === 1 ? '(?!")' : `(?=${one}{${check.limit}})`;
    case "maxLength":
      return check.limit < 0 ? never : `(?!${one}{${Math.min(check.limit, longestCount) + 1}})`;
    case "startsWith":
      return consistsOf(check.text, allowed) ? `(?=${literal(check.text)})` : never;
    case "endsWith":
      return consistsOf(check.text, allowed) ? `(?=${one}*${literal(check.text)}")` : never;
    case "contains":
      return consistsOf(check.text, allowed) ? `(?=${one}*?${literal(check.text)})` : never;
    case "isIn": {
      const texts = check.values.filter((value) => typeof value === "string" && consistsOf(value, allowed));
      return texts.length === 0 ? never : `(?=(?:${texts.map((text) => literal(String(text))).join("|")})")`;
    }
    default:
      return null;
  }
}

// As timestamp.ts has it, but for the last of February in a leap year.
const timeCondition = (() => {
  const date =
    "(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)";
  const time = String.raw`(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?`;
  return `(?=${date}[ T]${time}(?:Z|[+\\-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?")`;
})();

function numberPattern(checks: readonly FieldCheck[], kind: "integer" | "number"): ValuePattern | null {
  let range: NumberRange = unlimited;
  let whole = kind === "integer";
  let isDigits = true;
  const sets: (readonly unknown[])[] = [];
  for (const check of checks) {
    if (check.op === "minimum" || check.op === "maximum") range = narrowed(range, check);
    else if (check.op === "whole") whole = true;
    else if (check.op === "multipleOf") isDigits = false;
    else if (check.op === "isIn") sets.push(check.values);
    else return null;
  }
  const holds = (value: unknown): boolean => checks.every((check) => holdsFor(check, value as number));
  const [values] = sets;
  if (values !== undefined) {
    const fine = values.filter(
      (value) =>
        typeof value === "number" &&
        Number.isFinite(value) &&
        !Object.is(value, -0) &&
        (!whole || Number.isSafeInteger(value)) &&
        holds(value),
    );
    return {
      source: fine.length === 0 ? never : `(?:${fine.map((value) => literal(String(value))).join("|")})`,
      test: null,
    };
  }
  if (isDigits && isDigitwise(range)) {
    const source = whole ? wholePattern(range) : decimalPattern(range);
    if (source.length <= longestDigits) return { source, test: null };
  }
  return { source: whole ? wholePattern(unlimited) : anyNumber, test: holds };
}

function narrowed(range: NumberRange, check: FieldCheck & { readonly op: "minimum" | "maximum" }): NumberRange {
  // Without the zero below zero, which is no other limit.
  const limit = check.limit + 0;
  const { inclusive } = check;
  if (check.op === "minimum") {
    if (limit < range.min) return range;
    return { ...range, min: limit, minInclusive: inclusive && (limit > range.min || range.minInclusive) };
  }
  if (limit > range.max) return range;
  return { ...range, max: limit, maxInclusive: inclusive && (limit < range.max || range.maxInclusive) };
}

function holdsFor(check: FieldCheck, value: number): boolean {
  switch (check.op) {
    case "minimum":
      return check.inclusive ? value >= check.limit : value > check.limit;
    case "maximum":
      return check.inclusive ? value <= check.limit : value < check.limit;
    case "multipleOf":
      return Math.abs(value) <= exactMultiples && value % check.step === 0;
    case "whole":
      return Number.isSafeInteger(value);
    case "isIn":
      return check.values.includes(value);
    default:
      return false;
  }
}
