// Params: what a run can be told by who starts it. Their schema is any that follows Standard Schema (Zod, Valibot,
// ArkType …); a run's params are its output, as JSON.
import { SluiceError } from "../errors.ts";
import { canonicalJson, type Json } from "../json.ts";

/** The part of Standard Schema (standardschema.dev) that is used here. */
export interface ParamsSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    /** Standard JSON Schema, where the vendor offers it. */
    readonly jsonSchema?: { readonly input: (options: { readonly target: "draft-2020-12" }) => unknown } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a pipeline makes of the params it was started with. */
export interface Params {
  /** JSON Schema of what may be given, for people and pages; {} where the schema's vendor can't say. */
  readonly jsonSchema: Json;
  /** All of them at their defaults. */
  readonly defaults: Json;
  /** What was given, checked and with defaults; USAGE, in one line, when it doesn't fit. */
  readonly parse: (raw: Json) => Json;
}

/** Reads a schema of params; DEFINITION_INVALID when a run can't be started without giving any. */
export function readParams(pipeline: string, schema: ParamsSchema): Params {
  if (typeof schema?.["~standard"]?.validate !== "function") {
    throw new SluiceError("DEFINITION_INVALID", `The params of pipeline "${pipeline}" are not a schema`, {
      hint: "Use a schema that follows Standard Schema, such as z.object({ limit: z.number().default(100) }).",
    });
  }
  const parse = (raw: Json): Json => {
    const result = validated(pipeline, schema, raw ?? {});
    if (result.issues !== undefined) {
      throw new SluiceError("USAGE", `The params of pipeline "${pipeline}" do not fit: ${sentence(result.issues)}`, {
        hint: "Change the params, or the pipeline's `params`.",
        details: { pipeline },
      });
    }
    return asJson(pipeline, result.value);
  };
  const empty = validated(pipeline, schema, {});
  if (empty.issues !== undefined) {
    throw new SluiceError(
      "DEFINITION_INVALID",
      `The params of pipeline "${pipeline}" have no defaults for all of them: ${sentence(empty.issues)}`,
      {
        hint: "Give every param a default: the shape of a pipeline, and its scheduled runs, need no one to fill them in.",
      },
    );
  }
  return { jsonSchema: jsonSchemaOf(schema), defaults: asJson(pipeline, empty.value), parse };
}

function validated(pipeline: string, schema: ParamsSchema, raw: unknown): SchemaResult<unknown> {
  const result = schema["~standard"].validate(raw);
  if (!(result instanceof Promise)) return result;
  // What it comes to is of no interest any more, and must not end the process.
  void result.catch(() => {});
  throw new SluiceError("DEFINITION_INVALID", `The params of pipeline "${pipeline}" are checked asynchronously`, {
    hint: "Check what needs to wait in a first step.",
  });
}

function sentence(issues: readonly SchemaIssue[]): string {
  return issues
    .slice(0, 3)
    .map(({ path = [], message }) => {
      const where = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
      const text = message.replace(/\s+/g, " ").trim();
      return where === "" ? text : `${where}: ${text}`;
    })
    .join("; ")
    .concat(issues.length > 3 ? `; and ${issues.length - 3} more` : "");
}

/** Params are kept with the run and read by other processes: what JSON would change would be another value there. */
function asJson(pipeline: string, value: unknown): Json {
  const path = notJson(value, []);
  if (path === null) return JSON.parse(canonicalJson(value)) as Json;
  throw new SluiceError(
    "DEFINITION_INVALID",
    `The params of pipeline "${pipeline}" are not JSON${path.length === 0 ? "" : ` at ${path.join(".")}`}`,
    { hint: "Use text, numbers, booleans, lists and objects: a date is text, such as z.iso.date()." },
  );
}

/** Where the value is something that JSON can't hold; null when it can. */
function notJson(value: unknown, path: readonly string[]): readonly string[] | null {
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") return Number.isFinite(value) ? null : path;
  if (Array.isArray(value)) {
    return value.reduce<readonly string[] | null>(
      (found, item, at) => found ?? notJson(item, [...path, `${at}`]),
      null,
    );
  }
  if (typeof value !== "object" || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as null))
    return path;
  return Object.entries(value).reduce<readonly string[] | null>(
    (found, [key, item]) => found ?? (item === undefined ? null : notJson(item, [...path, key])),
    null,
  );
}

function jsonSchemaOf(schema: ParamsSchema): Json {
  try {
    const described = schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
    return described === undefined ? {} : (JSON.parse(canonicalJson(described)) as Json);
  } catch {
    // Some of what a schema can check has no word in JSON Schema.
    return {};
  }
}
