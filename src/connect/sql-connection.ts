// What the connections to SQL databases have in common: queries and tables as sources. Plain data; nothing is opened here.
import type { Connection } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { quoteIdentifier, renderSql, type Sql, type SqlValue } from "../dataset/sql.ts";
import type { Source } from "./source.ts";

/** A value to bind, as JSON: a 64-bit integer is tagged, a `Date` is its ISO 8601 text. */
export type BoundValue = string | number | boolean | null | { readonly bigint: string };

/** What the adapter of an SQL database is asked to read. */
export interface SqlRequest {
  /** The query in the vendor's dialect, with its placeholders. */
  readonly text: string;
  /** In the order of the placeholders. Values are bound, never pasted into the text. */
  readonly values: readonly BoundValue[];
  /** The table, where all of one is read: some of what a row has shows in a table only. */
  readonly table?: readonly string[];
}

/** A database that can be read by SQL. */
export interface SqlConnection extends Connection {
  /**
   * The rows of a query, in the database's own dialect.
   *
   * ```ts
   * extract(shop.query(sql`select customer_id, name from customers where updated_at < ${partition.end}`))
   * ```
   */
  query(query: Sql): Source;
  /** All rows of a table; `name` may be qualified: "staging.sales". */
  read(name: string): Source;
}

/** Makes the connection; `placeholder` writes the n-th placeholder (1-based) of the vendor, `quote` a name. */
export function sqlConnection(
  connection: Connection,
  placeholder: (position: number) => string,
  quote: (...path: readonly string[]) => string = quoteIdentifier,
): SqlConnection {
  // The source carries the plain connection, without functions, because it enters the plan.
  const plain: Connection = Object.freeze({ ...connection });
  const source = (text: string, values: readonly SqlValue[], table?: readonly string[]): Source =>
    Object.freeze({
      kind: "sluice.source",
      vendor: plain.vendor,
      connection: plain,
      request: {
        text,
        values: values.map(asJson),
        ...(table === undefined ? {} : { table }),
      } satisfies SqlRequest as unknown as JsonObject,
    });
  return Object.freeze({
    ...plain,
    query: (query: Sql) => {
      const { text, values } = renderSql(query, placeholder, quote);
      return source(text, values);
    },
    read: (name: string) => {
      const path = tablePath(name);
      return source(`select * from ${quote(...path)}`, [], path);
    },
  });
}

/** "staging.sales" as ["staging", "sales"]; throws when it is not one or two names. */
export function tablePath(name: string): string[] {
  const path = name.split(".");
  if (path.length <= 2 && path.every((part) => part !== "")) return path;
  throw new SluiceError("DEFINITION_INVALID", `"${name}" is not the name of a table`, {
    hint: 'Write "table" or "schema.table".',
  });
}

function asJson(value: SqlValue): BoundValue {
  if (typeof value === "bigint") return { bigint: value.toString() };
  return value instanceof Date ? value.toISOString() : value;
}
