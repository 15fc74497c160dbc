// A row of a library whose own definitions are not known here. Its Standard JSON Schema names the columns and their
// types; every row is judged by the library, because that schema may say less than the library checks.
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import { type JsonSchema, readJsonSchema } from "./json-schema.ts";
import type { RowReading } from "./row-reading.ts";
import { rowOfShape } from "./shape-row.ts";
import type { StandardSchema } from "./standard-schema.ts";
import { standardValidator } from "./standard-validator.ts";

export function readStandardRow(contract: string, row: StandardSchema): RowReading {
  const { vendor, jsonSchema } = row["~standard"];
  let described: JsonSchema;
  try {
    described = jsonSchema!.output({ target: "draft-2020-12" }) as JsonSchema;
  } catch (cause) {
    throw new SluiceError(
      "DEFINITION_INVALID",
      `Contract "${contract}": its row's library, ${vendor}, does not say what columns it has`,
      {
        hint: "Use Zod, Valibot, ArkType, a library with Standard JSON Schema, or a JSON Schema.",
        cause,
      },
    );
  }
  const { fields, strict } = rowOfShape(
    contract,
    readJsonSchema({ contract, root: described, formats: "annotate", open: [] }),
  );
  const reason = `${vendor} may check more than its JSON Schema says`;
  return {
    vendor,
    schema: {
      fields: fields.map((field) => ({ ...field, acceptsNull: null, checks: [], shape: null, residual: [reason] })),
      strict,
      shape: null,
      residual: [reason],
    },
    description: described as Json,
    validator: standardValidator(
      contract,
      row,
      fields.map(({ name }) => name),
      { namesColumns: false },
    ),
  };
}
