// The row validator behind a plain JSON Schema: Ajv, in its dialect of 2020-12. It decides about single values and says
// why; multiples are judged by decimal digits, as the two numbers are written.
import type { ErrorObject } from "ajv";
import { createRequire } from "node:module";
import { jsonFormats } from "./json-schema-format.ts";
import type { FormatMode, JsonSchema } from "./json-schema.ts";

const require = createRequire(import.meta.url);

export interface JsonSchemaValidator {
  /** The first word: valid or not. */
  readonly test: (value: unknown) => boolean;
  /** Everything that is wrong. */
  readonly explain: (value: unknown) => readonly ErrorObject[];
}

export function compileJsonSchema(schema: JsonSchema | boolean, formats: FormatMode): JsonSchemaValidator {
  // Loaded at the first use: most contracts are not JSON Schemas.
  const { Ajv2020 } = require("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
  const compile = (allErrors: boolean): import("ajv").ValidateFunction => {
    const ajv = new Ajv2020({
      allErrors,
      strict: false,
      validateFormats: formats === "assert",
      formats: Object.fromEntries(Object.entries(jsonFormats()).map(([name, { check }]) => [name, check])),
      logger: false,
      // The reader has checked it already, and more strictly.
      validateSchema: false,
      unicodeRegExp: true,
      ownProperties: true,
    });
    ajv.removeKeyword("multipleOf");
    ajv.addKeyword({
      keyword: "multipleOf",
      type: "number",
      schemaType: "number",
      error: { message: ({ schemaCode }) => `must be multiple of ${String(schemaCode)}` },
      validate: (step: number, value: number) => isDecimalMultiple(value, step),
    });
    return ajv.compile(schema);
  };
  const first = compile(false);
  let all: import("ajv").ValidateFunction | undefined;
  return {
    test: (value) => first(value),
    explain: (value) => {
      all ??= compile(true);
      return all(value) ? [] : (all.errors ?? []);
    },
  };
}

/** Is `value` a whole multiple of `step`, both taken as the decimals that they are written as? */
export function isDecimalMultiple(value: number, step: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (Number.isSafeInteger(value) && Number.isSafeInteger(step)) return value % step === 0;
  const [digits, exponent] = decimal(value);
  const [stepDigits, stepExponent] = decimal(step);
  const least = Math.min(exponent, stepExponent);
  return (digits * 10n ** BigInt(exponent - least)) % (stepDigits * 10n ** BigInt(stepExponent - least)) === 0n;
}

/** A number as digits × 10^exponent. */
function decimal(value: number): [digits: bigint, exponent: number] {
  const [mantissa, exponent = "0"] = String(value).split("e");
  const [whole, fraction = ""] = mantissa!.split(".");
  return [BigInt(whole! + fraction), Number(exponent) - fraction.length];
}
