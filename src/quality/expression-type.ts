// Which expressions make sense: every comparison is between values of one type, so that both engines agree on it.
import { SluiceError } from "../errors.ts";
import { type Expression, type Literal, type Rule, columnsOf } from "./expression.ts";

/** "point in time" can't be compared yet: its text and its instant are ordered differently. */
export type ExpressionType = "text" | "number" | "truth" | "point in time" | "value of mixed type";

/** Throws DEFINITION_INVALID unless `rule` is a condition over the columns that `typeOf` knows. */
export function checkRule(contract: string, rule: Rule, typeOf: (column: string) => ExpressionType | undefined): void {
  const fail = (what: string, hint: string): never => {
    throw new SluiceError("DEFINITION_INVALID", `The rule "${rule.name}" of contract "${contract}" ${what}`, { hint });
  };
  const check = (expression: Expression): ExpressionType => {
    switch (expression.op) {
      case "column":
        return (
          typeOf(expression.name) ??
          fail(`reads the column "${expression.name}", which the row has not`, "Check the name.")
        );
      case "literal":
        return literalType(expression.value);
      case "isNull":
        check(expression.of);
        return "truth";
      case "length":
        expect(expression.of, "text");
        return "number";
      case "startsWith":
      case "endsWith":
        expect(expression.of, "text");
        literalType(expression.text);
        return "truth";
      case "not":
        expect(expression.of, "truth");
        return "truth";
      case "and":
      case "or":
        expect(expression.left, "truth");
        expect(expression.right, "truth");
        return "truth";
      case "isIn":
        if (expression.values.length === 0) fail("has an isIn() without values", "Name at least one value.");
        for (const value of expression.values) agree(check(expression.of), literalType(value), "isIn");
        return "truth";
      default: {
        const type = agree(check(expression.left), check(expression.right), expression.op);
        if (type === "truth" && expression.op !== "eq" && expression.op !== "ne") {
          fail(`orders true and false by ${expression.op}()`, "Use eq() or ne().");
        }
        return "truth";
      }
    }
  };
  const expect = (expression: Expression, wanted: ExpressionType): void => {
    const found = check(expression);
    if (found !== wanted)
      fail(`uses a ${found} where a ${wanted} is needed`, "Columns have the types of the contract's row.");
  };
  const agree = (left: ExpressionType, right: ExpressionType, op: string): ExpressionType => {
    if (
      left === "value of mixed type" ||
      left === "point in time" ||
      right === "value of mixed type" ||
      right === "point in time"
    ) {
      return fail(
        `compares a ${left === "value of mixed type" || left === "point in time" ? left : right} by ${op}()`,
        "Only text, numbers and booleans can be compared in a rule; use .refine() of the row's schema for this one.",
      );
    }
    return left === right ? left : fail(`compares a ${left} with a ${right}`, "Compare values of one type.");
  };
  const literalType = (value: Literal): ExpressionType => {
    if (typeof value === "number") {
      return Number.isFinite(value) ? "number" : fail(`compares with ${value}`, "Use a finite number.");
    }
    if (typeof value === "boolean") return "truth";
    if (typeof value !== "string")
      return fail(`compares with ${String(value)}`, "Use text, a number or a boolean; isNull() for null.");
    if (!value.isWellFormed() || value.includes("\0"))
      fail("has a text that is not valid Unicode", "Remove the stray character.");
    return "text";
  };
  const type = check(rule.expression);
  if (type !== "truth") fail(`is a ${type}, not a condition`, "End it with a comparison, such as .ne(0).");
  if (columnsOf(rule.expression).length === 0) fail("reads no column", 'Start with col("name").');
}
