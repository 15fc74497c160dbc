// The params of a run as they are typed: all of them as JSON, or one by one as name=value.
import { SluiceError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { OptionDefinition, CommandInput } from "./command.ts";

export const paramOptions: readonly OptionDefinition[] = [
  { name: "params", value: "json", description: "params of the run, such as '{\"minRows\": 5}'" },
  { name: "param", value: "name=value", description: "one of them; may be given more than once", several: true },
];

/** @param schema JSON Schema of the pipeline's params, for what `name=value` means; null where it isn't known. */
export function paramsOf(input: CommandInput, schema: Json): Json {
  const whole = input.text("params");
  const single = input.texts("param");
  const given = whole === undefined ? null : parseWhole(whole);
  if (single.length === 0) return given;
  if (given !== null && (typeof given !== "object" || Array.isArray(given))) {
    throw new SluiceError("USAGE", "--param adds to the params that --params gives, and those are no object", {
      hint: "Give an object, or one of the two.",
    });
  }
  return { ...(given as JsonObject | null), ...Object.fromEntries(single.map((text) => parseSingle(text, schema))) };
}

function parseWhole(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new SluiceError("USAGE", `--params is not JSON: ${(cause as Error).message.split("\n", 1)[0]}`, {
      hint: `Write it in single quotes, such as --params '{"minRows": 5}', or use --param minRows=5.`,
      cause,
    });
  }
}

function parseSingle(text: string, schema: Json): [string, Json] {
  const at = text.indexOf("=");
  if (at < 1) throw new SluiceError("USAGE", `--param ${text} has no value`, { hint: "Write --param name=value." });
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  // "1" is a text where the schema wants one, else the number it looks like; what is no JSON can only be a text.
  return [name, wantsText(schema, name) ? value : jsonOrText(value)];
}

function wantsText(schema: Json, name: string): boolean {
  const properties = (
    schema as { properties?: Record<string, { type?: unknown; enum?: unknown; const?: unknown }> } | null
  )?.properties;
  const property = properties?.[name];
  if (property === undefined) return false;
  if (Array.isArray(property.enum)) return property.enum.every((value) => typeof value === "string");
  return property.type === "string" || typeof property.const === "string";
}

function jsonOrText(value: string): Json {
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}
