// A check on a decoded value, in SQL: true, false, or null where its meaning in the two engines may part.
import { quoteLiteral } from "../dataset/sql.ts";
import { literalSql } from "./expression-sql.ts";
import type { FieldCheck } from "./schema-check.ts";

/** Up to here a remainder means the same to all: beyond, validators forgive rounding, each in its way. */
export const exactMultiples = 1e14;

export function checkSql(check: FieldCheck, value: string): string {
  const doubt = doubtSql(check, value);
  const holds = plainSql(check, value);
  return doubt === null ? holds : `CASE WHEN ${doubt} THEN NULL ELSE ${holds} END`;
}

function plainSql(check: FieldCheck, value: string): string {
  switch (check.op) {
    case "pattern":
      return `${check.negated === true ? "NOT " : ""}regexp_matches(${value}, ${quoteLiteral(check.pattern.source)})`;
    case "minLength":
      return check.limit === 1 ? `(${value} <> '')` : `(length(${value}) >= ${literalSql(check.limit)})`;
    case "maxLength":
      return `(length(${value}) <= ${literalSql(check.limit)})`;
    case "minimum":
      return `(${value} ${check.inclusive ? ">=" : ">"} ${literalSql(check.limit)})`;
    case "maximum":
      return `(${value} ${check.inclusive ? "<=" : "<"} ${literalSql(check.limit)})`;
    case "multipleOf":
      return `(${value} % ${literalSql(check.step)} = 0)`;
    case "whole":
      return `(trunc(${value}) = ${value} AND abs(${value}) <= ${Number.MAX_SAFE_INTEGER})`;
    case "startsWith":
      return `starts_with(${value}, ${quoteLiteral(check.text)})`;
    case "endsWith":
      return `ends_with(${value}, ${quoteLiteral(check.text)})`;
    case "contains":
      return `contains(${value}, ${quoteLiteral(check.text)})`;
    case "isIn":
      return `(${value} IN (${check.values.map(literalSql).join(", ")}))`;
  }
}

/** Where the meaning of a check in the two engines may part, JS decides. */
export function doubtSql(check: FieldCheck, value: string): string | null {
  // Zod's remainder forgives rounding errors, in proportion to the value: from here on that is more than a whole number.
  if (check.op === "multipleOf") return `abs(${value}) > ${exactMultiples}`;
  const beyondAscii = `strlen(${value}) <> length(${value})`;
  if (check.op === "minLength" || check.op === "maxLength") {
    return check.unit === "utf16" ? beyondBasicPlane(value, beyondAscii) : null;
  }
  if (check.op !== "pattern" || check.pattern.exactFor === "always") return null;
  return check.pattern.exactFor === "ascii" ? beyondAscii : beyondBasicPlane(value, beyondAscii);
}

function beyondBasicPlane(value: string, beyondAscii: string): string {
  return `${beyondAscii} AND regexp_matches(${value}, '[\\x{10000}-\\x{10FFFF}]')`;
}
