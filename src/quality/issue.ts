// One reason why a row is not valid, in the same words for a row of a dataset and an object in a request.
import type { Json } from "../json.ts";
import type { z } from "zod";

/** One reason why a row is not valid. */
export interface Issue {
  /** The column, with dots into nested values; the columns of a rule, joined by ",". */
  readonly path: string;
  /** What was broken: "required", "type", "pattern", "minimum", "minLength", "enum" …, or a rule's own name. */
  readonly rule: string;
  /** The offending value as JSON; long strings are cut. */
  readonly value: Json;
  /** A sentence for people. */
  readonly message: string;
}

const longest = 200;

/** A value as JSON that is safe to store: what JSON can't say is told as text. */
export function jsonValue(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value.length > longest ? `${value.slice(0, longest)}…` : value;
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object") return String(value);
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? item.toString() : item));
  return text === undefined
    ? String(value)
    : text.length > longest
      ? `${text.slice(0, longest)}…`
      : (JSON.parse(text) as Json);
}

/** Zod's findings about `row` as issues; an unrecognized key becomes an issue of its own. */
export function issuesOf(found: readonly z.core.$ZodIssue[], row: unknown): Issue[] {
  return found.flatMap((issue): Issue[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) =>
        issueAt([...issue.path, key], "unrecognized", row, "is not a column of this contract"),
      );
    }
    return [issueAt(issue.path, ruleName(issue, valueAt(row, issue.path)), row, issue.message)];
  });
}

/** An issue about the value at `path` of `row`. */
export function issueAt(path: readonly PropertyKey[], rule: string, row: unknown, message: string): Issue {
  const name = path.map(String).join(".");
  return {
    path: name,
    rule,
    value: jsonValue(valueAt(row, path)),
    message: name === "" ? message : `${name}: ${message}`,
  };
}

export function valueAt(row: unknown, path: readonly PropertyKey[]): unknown {
  let value = row;
  for (const key of path)
    value = typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return value;
}

const sizeNames: Readonly<Record<string, readonly [string, string]>> = {
  string: ["minLength", "maxLength"],
  array: ["minItems", "maxItems"],
};
const formatNames: Readonly<Record<string, string>> = {
  regex: "pattern",
  starts_with: "startsWith",
  ends_with: "endsWith",
};

function ruleName(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      if (value === null || value === undefined) return "required";
      return issue.expected === "int" ? "integer" : "type";
    case "too_small":
      return sizeNames[issue.origin]?.[0] ?? "minimum";
    case "too_big":
      return sizeNames[issue.origin]?.[1] ?? "maximum";
    case "invalid_format":
      return formatNames[issue.format] ?? issue.format;
    case "not_multiple_of":
      return "multipleOf";
    case "invalid_value":
      return value === null || value === undefined ? "required" : "enum";
    case "invalid_union":
      return value === null || value === undefined ? "required" : "union";
    case "custom":
      return typeof issue.params?.["rule"] === "string" ? issue.params["rule"] : "refine";
    default:
      return issue.code;
  }
}
