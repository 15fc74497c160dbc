// What a contract knows of its row, whatever it was written in: the schema for the columnar pass, the validator for
// single rows, and a description for the plan's version.
import type { Json } from "../json.ts";
import type { Issue } from "./issue.ts";
import type { RowSchema } from "./schema.ts";

/** What a validator says about one value. */
export interface Finding {
  readonly issues: readonly Issue[];
  /** Names of the columns that are broken, as far as the validator tells; "" for the row as a whole. */
  readonly broken: ReadonlySet<string>;
  readonly data: unknown;
}

export interface RowValidator {
  readonly judge: (value: unknown) => Finding;
  /** The first word alone: is it valid? */
  readonly test: (value: unknown) => boolean;
  /** Judges one column's value by itself, where the validator can; the row then is `rowTest`. */
  readonly testField?: (name: string, value: unknown) => boolean;
  /** Of a row whose columns are all valid by themselves: is it valid as a whole? */
  readonly testWhole?: (row: Readonly<Record<string, unknown>>) => boolean;
  /** Does `broken` name exactly the columns that are broken by themselves? */
  readonly namesColumns: boolean;
}

export interface RowReading {
  /** Such as "zod", or "json-schema". */
  readonly vendor: string;
  readonly schema: RowSchema;
  readonly validator: RowValidator;
  readonly description: Json;
}
