// The row validator behind a schema of any library: what it says, in a contract's words.
import { SluiceError } from "../errors.ts";
import { type Issue, issueAt, valueAt } from "./issue.ts";
import type { Finding, RowValidator } from "./row-reading.ts";
import type { StandardIssue, StandardResult, StandardSchema } from "./standard-schema.ts";

export interface StandardValidatorOptions {
  /** The rule's name in a library's own issue, if it says one. */
  readonly ruleOf?: (issue: StandardIssue) => string | undefined;
  /** The library's schema of single columns. */
  readonly columns?: Readonly<Record<string, StandardSchema>>;
  readonly namesColumns: boolean;
}

export function standardValidator(
  contract: string,
  schema: StandardSchema,
  names: readonly string[],
  { ruleOf, columns, namesColumns }: StandardValidatorOptions,
): RowValidator {
  const judge = (value: unknown): Finding => {
    const result = validate(contract, schema, value);
    const found = result.issues ?? [];
    const issues = found.map((issue) => issueOf(issue, value, ruleOf));
    const broken = new Set(found.map((issue) => String(pathOf(issue)[0] ?? "")));
    const data = result.issues === undefined ? result.value : undefined;
    if (result.issues === undefined && typeof value === "object" && value !== null) {
      for (const name of names) {
        if (isSame((value as Record<string, unknown>)[name], (data as Record<string, unknown>)[name])) continue;
        issues.push(issueAt([name], "unchanged", value, "the schema would change this value"));
        broken.add(name);
      }
    }
    return { issues, broken, data };
  };
  return {
    judge,
    test: (value) => judge(value).issues.length === 0,
    ...(columns === undefined
      ? {}
      : {
          testField: (name: string, value: unknown) => {
            const result = validate(contract, columns[name]!, value);
            return result.issues === undefined && isSame(value, result.value);
          },
        }),
    namesColumns,
  };
}

function validate(contract: string, schema: StandardSchema, value: unknown): StandardResult<unknown> {
  let result;
  try {
    result = schema["~standard"].validate(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": a check of its row threw: ${reason}`, {
      hint: "A check must answer at once for any value, without a promise.",
      cause,
    });
  }
  if (!(result instanceof Promise)) return result;
  throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": its row is judged by a promise`, {
    hint: "Use the library's synchronous schemas.",
  });
}

function pathOf(issue: StandardIssue): PropertyKey[] {
  return (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part));
}

function issueOf(
  issue: StandardIssue,
  row: unknown,
  ruleOf: ((issue: StandardIssue) => string | undefined) | undefined,
): Issue {
  const path = pathOf(issue);
  const value = valueAt(row, path);
  const rule = ruleOf?.(issue) ?? "invalid";
  const isMissing = (value === null || value === undefined) && (rule === "type" || rule === "enum" || rule === "union");
  return issueAt(path, isMissing ? "required" : rule, row, issue.message);
}

/** A plain object that lost keys the schema doesn't name is the same for a contract: its columns are looked at one by one. */
function isSame(before: unknown, after: unknown): boolean {
  if (Object.is(before, after)) return true;
  if (typeof before !== "object" || typeof after !== "object" || before === null || after === null) return false;
  if (Array.isArray(before) !== Array.isArray(after)) return false;
  const left = before as Readonly<Record<string, unknown>>;
  const right = after as Readonly<Record<string, unknown>>;
  if (Array.isArray(before) && before.length !== (after as unknown[]).length) return false;
  return Object.keys(right).every((key) => Object.hasOwn(left, key) && isSame(left[key], right[key]));
}
