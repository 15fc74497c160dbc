// What an expression means, in the columnar engine's SQL. Its twin is expression-js.ts.
import { quoteLiteral } from "../dataset/sql.ts";
import type { Comparison, Expression, Literal } from "./expression.ts";

const operators: Readonly<Record<Comparison, string>> = { eq: "=", ne: "<>", lt: "<", le: "<=", gt: ">", ge: ">=" };

/** SQL of `expression`, given the SQL of a column's decoded value (BIGINT, DOUBLE, VARCHAR or BOOLEAN). */
export function expressionSql(expression: Expression, column: (name: string) => string): string {
  const sql = (part: Expression): string => expressionSql(part, column);
  switch (expression.op) {
    case "column":
      return column(expression.name);
    case "literal":
      return literalSql(expression.value);
    case "isNull":
      return `(${sql(expression.of)} IS NULL)`;
    case "length":
      return `length(${sql(expression.of)})`;
    case "startsWith":
      return `starts_with(${sql(expression.of)}, ${quoteLiteral(expression.text)})`;
    case "endsWith":
      return `ends_with(${sql(expression.of)}, ${quoteLiteral(expression.text)})`;
    case "isIn":
      return `(${sql(expression.of)} IN (${expression.values.map(literalSql).join(", ")}))`;
    case "not":
      return `(NOT ${sql(expression.of)})`;
    case "and":
    case "or":
      return `(${sql(expression.left)} ${expression.op.toUpperCase()} ${sql(expression.right)})`;
    default:
      return `(${sql(expression.left)} ${operators[expression.op]} ${sql(expression.right)})`;
  }
}

/** A literal of the type that decoded columns have. A decimal fraction must not become a DECIMAL, which compares otherwise. */
export function literalSql(value: Literal): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) return `CAST('${value}' AS DOUBLE)`;
  return quoteLiteral(Object.is(value, -0) ? 0 : value);
}
