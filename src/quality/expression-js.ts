// What an expression means, in JS. Its twin is expression-sql.ts; a property test holds them together.
import type { Comparison, Expression } from "./expression.ts";

type Value = string | number | boolean | null;

/** The value of `expression` on a row whose columns are valid by themselves; null is "unknown". */
export function evaluate(expression: Expression, row: Readonly<Record<string, unknown>>): Value {
  switch (expression.op) {
    case "column":
      return (row[expression.name] ?? null) as Value;
    case "literal":
      return expression.value;
    case "isNull":
      return evaluate(expression.of, row) === null;
    case "length":
      return whenKnown(evaluate(expression.of, row), (text) => [...(text as string)].length);
    case "startsWith":
      return whenKnown(evaluate(expression.of, row), (text) => (text as string).startsWith(expression.text));
    case "endsWith":
      return whenKnown(evaluate(expression.of, row), (text) => (text as string).endsWith(expression.text));
    case "isIn":
      return whenKnown(evaluate(expression.of, row), (value) => expression.values.includes(value));
    case "not":
      return whenKnown(evaluate(expression.of, row), (truth) => !truth);
    case "and":
      return both(evaluate(expression.left, row), evaluate(expression.right, row), false);
    case "or":
      return both(evaluate(expression.left, row), evaluate(expression.right, row), true);
    default: {
      const left = evaluate(expression.left, row);
      const right = evaluate(expression.right, row);
      return left === null || right === null ? null : compare(expression.op, left, right);
    }
  }
}

function whenKnown(value: Value, then: (value: string | number | boolean) => Value): Value {
  return value === null ? null : then(value);
}

/** "and" is decided by one false, "or" by one true, whatever the other side is. */
function both(left: Value, right: Value, decisive: boolean): Value {
  if (left === decisive || right === decisive) return decisive;
  return left === null || right === null ? null : !decisive;
}

function compare(op: Comparison, left: string | number | boolean, right: string | number | boolean): boolean {
  const order =
    typeof left === "string" ? compareCodePoints(left, right as string) : left === right ? 0 : left < right ? -1 : 1;
  switch (op) {
    case "eq":
      return order === 0;
    case "ne":
      return order !== 0;
    case "lt":
      return order < 0;
    case "le":
      return order <= 0;
    case "gt":
      return order > 0;
    case "ge":
      return order >= 0;
  }
}

/** The order of UTF-8 bytes, which is that of code points. JS's own `<` orders UTF-16 units: another order beyond U+FFFF. */
function compareCodePoints(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** A surrogate unit stands for a code point above every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
