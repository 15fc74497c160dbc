// From the JSON Schema of a stream to columns. What has no one type, and what has parts of its own, is text.
import type { JsonColumn } from "../../connect/http.ts";

/** A column of a stream: at the top of its records, and in none of them perhaps. */
export interface StreamColumn extends JsonColumn {
  readonly name: string;
  readonly from: readonly [string];
  readonly type: string;
  readonly optional: true;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly multipleOf?: number;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The columns of a stream's schema, in its order. */
export function columnsOf(schema: unknown, without: readonly string[]): StreamColumn[] {
  const { properties = {} } = (schema ?? {}) as Schema;
  return Object.entries(properties)
    .filter(([name]) => !without.includes(name))
    .map(([name, property]) => ({ name, from: [name], type: typeOf(property), optional: true }));
}

function typeOf(schema: Schema): string {
  const types = new Set(
    alternatives(schema)
      .map(typeOfOne)
      .filter((type) => type !== null),
  );
  const [first] = types;
  if (types.size === 1) return first!;
  // A time that may also be any other text, which many taps declare for a field they could not read.
  return types.size === 2 && types.has("BIGINT") && types.has("DOUBLE") ? "DOUBLE" : "VARCHAR";
}

/** A schema as the schemas of one type each that it allows. */
function alternatives(schema: Schema): Schema[] {
  const options = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (options.length > 0) return options.flatMap(alternatives);
  return [schema.type ?? []].flat().map((type) => ({ ...schema, type }));
}

/** Null for null, which every column may hold. */
function typeOfOne({ type, format, multipleOf }: Schema): string | null {
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return "BOOLEAN";
    case "integer":
      return "BIGINT";
    case "number":
      return decimalOf(multipleOf) ?? "DOUBLE";
    case "string":
      if (format === "date-time") return "TIMESTAMP WITH TIME ZONE";
      if (format === "date") return "DATE";
      return "VARCHAR";
    default:
      return "VARCHAR";
  }
}

/** A step of 0.01 says two digits behind the point; others are no decimal that the engine has. */
function decimalOf(step: number | undefined): string | null {
  if (step === undefined || !(step > 0)) return null;
  const digits = Math.round(-Math.log10(step));
  return digits >= 0 && digits <= 18 && Math.abs(step - 10 ** -digits) < 10 ** -(digits + 6)
    ? `DECIMAL(38,${digits})`
    : null;
}
