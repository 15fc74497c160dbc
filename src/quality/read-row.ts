// Which reader a row's schema has: each library's own definitions are read where they say all there is to know. A
// library's JSON Schema alone is not enough, as refinements and flags of patterns are lost in it without a word.
import type { z } from "zod";
import { SluiceError } from "../errors.ts";
import { readArkTypeRow } from "./arktype-row.ts";
import type { FormatMode, JsonSchema } from "./json-schema.ts";
import { readJsonSchemaRow } from "./json-schema-row.ts";
import type { RowReading } from "./row-reading.ts";
import { isStandardSchema, type StandardSchema } from "./standard-schema.ts";
import { readStandardRow } from "./standard-row.ts";
import { readValibotRow } from "./valibot-row.ts";
import { readZodRow } from "./zod-row.ts";

export function readAnyRow(contract: string, row: StandardSchema | JsonSchema, formats: FormatMode): RowReading {
  if (!isStandardSchema(row)) {
    if (typeof row === "object" && row !== null) return readJsonSchemaRow(contract, row, formats);
    throw new SluiceError("DEFINITION_INVALID", `Contract "${contract}": its row is not a schema`, {
      hint: "Give a schema of Zod, Valibot or ArkType, or a JSON Schema.",
    });
  }
  const { vendor } = row["~standard"];
  if (vendor === "zod" && "_zod" in row) return readZodRow(contract, row as unknown as z.core.$ZodObject);
  if (vendor === "valibot") return readValibotRow(contract, row);
  if (vendor === "arktype") return readArkTypeRow(contract, row);
  return readStandardRow(contract, row);
}
