// The small language of rules across columns. An expression is plain data; it has one meaning, which expression-sql.ts
// and expression-js.ts spell out. Null is "unknown", as in SQL: a comparison with null is unknown, and a rule that comes
// out unknown does not apply, so the row passes it. isNull() is never unknown.
import { SluiceError } from "../errors.ts";

/** A value that a column is compared with. */
export type Literal = string | number | boolean;
export type Comparison = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

export type Expression =
  | { readonly op: "column"; readonly name: string }
  | { readonly op: "literal"; readonly value: Literal }
  | { readonly op: Comparison | "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly op: "not" | "isNull" | "length"; readonly of: Expression }
  | { readonly op: "startsWith" | "endsWith"; readonly of: Expression; readonly text: string }
  | { readonly op: "isIn"; readonly of: Expression; readonly values: readonly Literal[] };

/** An expression under construction. What takes an operand takes a literal or another expression. */
export interface Term {
  readonly expression: Expression;
  eq(other: Operand): Term;
  ne(other: Operand): Term;
  /** Text is ordered by code point, numbers by value. */
  lt(other: Operand): Term;
  le(other: Operand): Term;
  gt(other: Operand): Term;
  ge(other: Operand): Term;
  startsWith(text: string): Term;
  endsWith(text: string): Term;
  isIn(values: readonly Literal[]): Term;
  isNull(): Term;
  /** Length of a text in code points: what z.string().min() counts. */
  length(): Term;
  and(other: Term): Term;
  or(other: Term): Term;
  not(): Term;
}

/** What a column is compared with: another term, or a value. */
export type Operand = Term | Literal;

/** The value of a column, as the contract's row has it. */
export function col(name: string): Term {
  return term({ op: "column", name });
}

/** A condition on a row, under the name with which a failing row is reported. */
export interface Rule {
  readonly name: string;
  readonly expression: Expression;
}

/**
 * A rule across columns. It fails where the condition is false; it does not apply where the condition is unknown
 * (a null takes part) or where a column it reads is not valid by itself.
 *
 * ```ts
 * rule("cancellations_are_negative", col("invoice_no").startsWith("C").eq(col("quantity").lt(0)))
 * ```
 */
export function rule(name: string, condition: Term): Rule {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new SluiceError("DEFINITION_INVALID", `The rule name "${name}" is not a plain lower-case name`, {
      hint: "Use letters, digits and _, starting with a letter.",
    });
  }
  return Object.freeze({ name, expression: condition.expression });
}

function term(expression: Expression): Term {
  Object.freeze(expression);
  const compare = (op: Comparison) => (other: Operand) => term({ op, left: expression, right: operand(other) });
  return Object.freeze({
    expression,
    eq: compare("eq"),
    ne: compare("ne"),
    lt: compare("lt"),
    le: compare("le"),
    gt: compare("gt"),
    ge: compare("ge"),
    startsWith: (text: string) => term({ op: "startsWith", of: expression, text }),
    endsWith: (text: string) => term({ op: "endsWith", of: expression, text }),
    isIn: (values: readonly Literal[]) => term({ op: "isIn", of: expression, values: [...values] }),
    isNull: () => term({ op: "isNull", of: expression }),
    length: () => term({ op: "length", of: expression }),
    and: (other: Term) => term({ op: "and", left: expression, right: other.expression }),
    or: (other: Term) => term({ op: "or", left: expression, right: other.expression }),
    not: () => term({ op: "not", of: expression }),
  });
}

function operand(value: Operand): Expression {
  return typeof value === "object" ? value.expression : Object.freeze({ op: "literal", value });
}

/** Names of the columns an expression reads, each once, in order of appearance. */
export function columnsOf(expression: Expression): string[] {
  const names = new Set<string>();
  const visit = (part: Expression): void => {
    if (part.op === "column") names.add(part.name);
    if ("left" in part) {
      visit(part.left);
      visit(part.right);
    }
    if ("of" in part) visit(part.of);
  };
  visit(expression);
  return [...names];
}
