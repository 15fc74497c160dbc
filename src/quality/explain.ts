// Says which rule of a contract runs where, and why: in the columnar pass, or in JS on the rows that need it.
import type { Contract } from "./contract.ts";
import type { Expression } from "./expression.ts";
import { columnPatterns } from "./line-pattern/line-pattern.ts";
import type { FieldCheck } from "./schema-check.ts";
import type { Field } from "./schema.ts";
import { type Shape, unknownsIn } from "./shape.ts";

/** columnar: SQL decides every row · both: SQL decides, and leaves the rows that `why` names to JS · js: JS decides. */
export type RunsIn = "columnar" | "both" | "js";

export interface RuleExplanation {
  /** The column; null for a rule on the whole row. */
  readonly column: string | null;
  readonly rule: string;
  readonly runs: RunsIn;
  /** Empty where there is nothing to say. */
  readonly why: string;
}

export interface ContractExplanation {
  readonly contract: string;
  /** What the row was written in: "zod", "valibot", "arktype", "json-schema", or another library's name. */
  readonly vendor: string;
  readonly rules: readonly RuleExplanation[];
  /** Columns that together name a row. */
  readonly key: readonly string[];
  /** Why each line of a JSONL file is parsed; null if most valid ones are known by a pattern. */
  readonly linesParsed: string | null;
}

export function explainContract(contract: Contract): ContractExplanation {
  const { schema } = contract;
  const patterns = columnPatterns(contract);
  return {
    contract: contract.name,
    vendor: contract.vendor,
    rules: [
      ...schema.fields.flatMap(fieldRules),
      ...(schema.shape === null ? [] : shapeRules(null, "the row as a whole", schema.shape)),
      ...schema.residual.map((reason) => inJs(null, reason, "every row that passes all others is handed to it")),
      ...contract.rules.map((rule) => columnar(null, `${rule.name}: ${expressionText(rule.expression)}`)),
    ],
    key: contract.key,
    linesParsed: typeof patterns === "string" ? patterns : null,
  };
}

function fieldRules(field: Field): RuleExplanation[] {
  const { name } = field;
  const nullable = field.acceptsNull === true ? " or null" : "";
  return [
    columnar(name, `${kindTexts[field.kind]}${nullable}`),
    ...field.checks.map((check) => checkRule(name, check)),
    ...(field.shape === null ? [] : shapeRules(name, shapeTexts[field.kind] ?? "other conditions", field.shape)),
    ...field.residual.map((reason) => inJs(name, reason, "only this column is decoded, of rows that pass all others")),
  ];
}

const kindTexts: Readonly<Record<Field["kind"], string>> = {
  text: "text",
  integer: "whole number",
  number: "number",
  truth: "true or false",
  time: "timestamp",
  json: "nested value",
  any: "value of any type",
};
const shapeTexts: Readonly<Partial<Record<Field["kind"], string>>> = { json: "what is inside", any: "which types" };

function columnar(column: string | null, rule: string): RuleExplanation {
  return { column, rule, runs: "columnar", why: "" };
}

function inJs(column: string | null, rule: string, why: string): RuleExplanation {
  return { column, rule, runs: "js", why };
}

function checkRule(column: string, check: FieldCheck): RuleExplanation {
  const why = doubtText(check);
  return { column, rule: checkText(check), runs: why === "" ? "columnar" : "both", why };
}

function doubtText(check: FieldCheck): string {
  if (check.op === "pattern" && check.pattern.exactFor === "ascii")
    return "texts beyond ASCII go to JS: the engines fold case differently there";
  if (check.op === "pattern" && check.pattern.exactFor === "basic-plane")
    return "texts with characters beyond U+FFFF go to JS, which sees two halves of each";
  if ((check.op === "minLength" || check.op === "maxLength") && check.unit === "utf16")
    return "texts with characters beyond U+FFFF go to JS: the library counts two for each";
  return check.op === "multipleOf" ? "values beyond 1e14 go to JS: rounding is forgiven in proportion" : "";
}

function checkText(check: FieldCheck): string {
  switch (check.op) {
    case "pattern":
      return `${check.negated === true ? "not the " : ""}pattern ${check.pattern.source}`;
    case "minLength":
    case "maxLength":
      return `${check.op} ${check.limit}`;
    case "minimum":
      return `${check.inclusive ? ">=" : ">"} ${check.limit}`;
    case "maximum":
      return `${check.inclusive ? "<=" : "<"} ${check.limit}`;
    case "multipleOf":
      return `multiple of ${check.step}`;
    case "whole":
      return "whole number";
    case "isIn":
      return `one of ${check.values.map((value) => JSON.stringify(value)).join(", ")}`;
    default:
      return `${check.op} ${JSON.stringify(check.text)}`;
  }
}

function shapeRules(column: string | null, rule: string, shape: Shape): RuleExplanation[] {
  const unknowns = unknownsIn(shape);
  if (unknowns.length === 0) return [columnar(column, rule)];
  return unknowns.map((reason) => ({
    column,
    rule: `${rule}: ${reason}`,
    runs: shape.op === "unknown" ? "js" : "both",
    why: "SQL rejects what it can; rows that depend on this part go to JS",
  }));
}

const infix: Readonly<Record<string, string>> = {
  eq: "=",
  ne: "<>",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  and: "and",
  or: "or",
};

function expressionText(expression: Expression): string {
  if (expression.op === "column") return expression.name;
  if (expression.op === "literal") return JSON.stringify(expression.value);
  if ("left" in expression)
    return `(${expressionText(expression.left)} ${infix[expression.op]!} ${expressionText(expression.right)})`;
  const of = expressionText(expression.of);
  if (expression.op === "not") return `not ${of}`;
  if (expression.op === "isIn") return `${of} in ${JSON.stringify(expression.values)}`;
  if (expression.op === "isNull") return `${of} is null`;
  if (expression.op === "startsWith" || expression.op === "endsWith")
    return `${expression.op}(${of}, ${JSON.stringify(expression.text)})`;
  return `length(${of})`;
}
