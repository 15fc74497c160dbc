// A row written as a plain JSON Schema: columns from its shape, verdicts from Ajv.
import type { ErrorObject } from "ajv";
import type { Json } from "../json.ts";
import { type Issue, issueAt, valueAt } from "./issue.ts";
import { compileJsonSchema } from "./json-schema-validator.ts";
import { type FormatMode, type JsonSchema, readJsonSchema } from "./json-schema.ts";
import type { RowReading } from "./row-reading.ts";
import { rowOfShape } from "./shape-row.ts";

export function readJsonSchemaRow(contract: string, row: JsonSchema, formats: FormatMode): RowReading {
  const schema = rowOfShape(contract, readJsonSchema({ contract, root: row, formats, open: [] }));
  const { test, explain } = compileJsonSchema(row, formats);
  return {
    vendor: "json-schema",
    schema,
    description: { schema: row as Json, formats },
    validator: {
      test,
      judge: (value) => {
        const errors = test(value) ? [] : explain(value);
        return {
          issues: telling(errors, value).map((error) => issueOf(error, value)),
          broken: new Set(errors.map(({ instancePath }) => pathOf(instancePath)[0] ?? "")),
          data: value,
        };
      },
      // An error inside a condition on the row names the column it looked at.
      namesColumns: false,
    },
  };
}

/** Without what only repeats: conditions whose parts say more, and of a nullable value that it is not null. */
function telling(errors: readonly ErrorObject[], row: unknown): readonly ErrorObject[] {
  const told = errors.filter(({ keyword, params, schemaPath, instancePath }) => {
    const isNullBranch =
      keyword === "type" && params["type"] === "null" && /\/(?:anyOf|oneOf)\/\d+\/type$/.test(schemaPath);
    return keyword !== "if" && !(isNullBranch && valueAt(row, pathOf(instancePath)) !== null);
  });
  const isSaid = ({ keyword, schemaPath }: ErrorObject): boolean => {
    if (keyword !== "anyOf" && keyword !== "oneOf") return false;
    const branches = told.flatMap((other) =>
      other.schemaPath.startsWith(`${schemaPath}/`)
        ? [other.schemaPath.slice(schemaPath.length + 1).split("/")[0]]
        : [],
    );
    return new Set(branches).size === 1;
  };
  const left = told.filter((error) => !isSaid(error));
  return left.length === 0 ? errors : left;
}

const ruleNames: Readonly<Record<string, string>> = {
  exclusiveMinimum: "minimum",
  exclusiveMaximum: "maximum",
  const: "enum",
  anyOf: "union",
  oneOf: "union",
  additionalProperties: "unrecognized",
  dependentRequired: "required",
};

function issueOf(error: ErrorObject, row: unknown): Issue {
  const path = pathOf(error.instancePath);
  const { missingProperty, additionalProperty, format } = error.params as Record<string, string | undefined>;
  const name = missingProperty ?? additionalProperty;
  const at = name === undefined ? path : [...path, name];
  const rule = ruleNames[error.keyword] ?? error.keyword;
  if (error.keyword === "additionalProperties") return issueAt(at, rule, row, "is not a column of this contract");
  if (missingProperty !== undefined) return issueAt(at, "required", row, "is required");
  const value = valueAt(row, at);
  const isMissing = value === null || value === undefined;
  if (isMissing && ["type", "enum", "const"].includes(error.keyword))
    return issueAt(at, "required", row, error.message ?? "is required");
  const isInteger = error.keyword === "type" && typeof value === "number" && error.params["type"] === "integer";
  return issueAt(at, isInteger ? "integer" : (format ?? rule), row, error.message ?? rule);
}

function pathOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
