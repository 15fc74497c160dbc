// A column's suggested schema as a chain of calls, in one form for two uses: run, it is a Zod schema; written, it is
// TypeScript.
import { z } from "zod";
import { timestamp } from "../timestamp.ts";

export type Argument = string | number | readonly string[];

/** `z.iso.date()` is one call; `.min(1)` on it is another. */
export interface Call {
  readonly name:
    | "string"
    | "int"
    | "number"
    | "boolean"
    | "enum"
    | "uuid"
    | "email"
    | "unknown"
    | "iso.date"
    | "timestamp"
    | "min"
    | "nonnegative"
    | "regex"
    | "nullable";
  readonly arguments: readonly Argument[];
}

export interface Suggestion {
  readonly column: string;
  readonly calls: readonly Call[];
  /** What a person should know about it; empty where there is nothing to say. */
  readonly remarks: readonly string[];
}

/** The Zod schema that the calls make. */
export function schemaOf(calls: readonly Call[]): z.ZodType {
  let schema: unknown = null;
  for (const call of calls) schema = apply(schema, call);
  return schema as z.ZodType;
}

function apply(schema: unknown, { name, arguments: given }: Call): unknown {
  const [first] = given;
  switch (name) {
    case "timestamp":
      return timestamp({ timeZone: String(first) });
    case "iso.date":
      return z.iso.date();
    case "enum":
      return z.enum(first as unknown as [string, ...string[]]);
    case "string":
      return z.string();
    case "int":
      return z.int();
    case "number":
      return z.number();
    case "boolean":
      return z.boolean();
    case "uuid":
      return z.uuid();
    case "email":
      return z.email();
    case "unknown":
      return z.unknown();
    case "min":
      return (schema as z.ZodString).min(Number(first));
    case "regex":
      return (schema as z.ZodString).regex(new RegExp(String(first)));
    case "nonnegative":
      return (schema as z.ZodNumber).nonnegative();
    case "nullable":
      return (schema as z.ZodString).nullable();
  }
}

/** The calls as TypeScript: `z.string().min(1).nullable()`. */
export function textOf(calls: readonly Call[]): string {
  return calls.map((call, position) => callText(call, position === 0)).join("");
}

function callText({ name, arguments: given }: Call, isFirst: boolean): string {
  const [first] = given;
  if (name === "timestamp") return `timestamp({ timeZone: ${JSON.stringify(first)} })`;
  const prefix = isFirst ? "z." : ".";
  if (name === "regex") return `${prefix}regex(${String(new RegExp(String(first)))})`;
  if (Array.isArray(first))
    return `${prefix}${name}([${(first as string[]).map((value) => JSON.stringify(value)).join(", ")}])`;
  return `${prefix}${name}(${first === undefined ? "" : JSON.stringify(first)})`;
}
