// Reads a query of PostgreSQL in a read-only transaction: by COPY into a temporary file that the columnar engine reads,
// or, when the query has values to bind (COPY takes none), through a cursor on the server. Either way any size fits.
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Source, SourceAdapter, SourceContext } from "../../connect/source.ts";
import type { BoundValue, SqlRequest } from "../../connect/sql-connection.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { writeQuery, writeRows } from "../../dataset/write-dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { withPostgres, type PostgresClient } from "./connection.ts";
import { copyOutOptions, readCsv } from "./csv.ts";
import { readingExpression, readingType } from "./types.ts";

// The text of values must not depend on how the server, the database or the role is set up.
const textSettings = `set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC';
  set local bytea_output = 'hex'; set local extra_float_digits = 3`;
const fetchSize = 2048;

/** Reads sources of the vendor "postgres". */
export const postgresSource: SourceAdapter = async (source: Source, context: SourceContext): Promise<Dataset> => {
  const request = source.request as unknown as SqlRequest;
  const text = request.text.replace(/[\s;]+$/, "");
  const values = request.values.map(bound);
  const path = context.artifacts.temporary(".csv");
  try {
    const read = await withPostgres(source.connection!, "source", context, async (client) => {
      await client.query(`begin transaction isolation level repeatable read, read only; ${textSettings}`);
      const { columns, query } = await describe(client, source.connection!.name, text, values);
      if (values.length > 0) return { dataset: await readByCursor(client, query, values, columns, context) };
      await pipeline(client.copyTo(`copy (${query}) to stdout ${copyOutOptions}`), createWriteStream(path), {
        signal: context.signal,
      });
      return { columns };
    });
    if ("dataset" in read) return read.dataset;
    const session = await context.session();
    return await readCsv(path, read.columns, (query) =>
      writeQuery(session, context.artifacts, query, { columns: read.columns }),
    );
  } catch (error) {
    throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, source) : error;
  } finally {
    await rm(path, { force: true });
  }
};

/** The query's columns, and the query wrapped so that every value comes as text that the engine reads. */
async function describe(
  client: PostgresClient,
  connection: string,
  text: string,
  values: readonly Bound[],
): Promise<{ columns: Column[]; query: string }> {
  // On lines of its own: the query may end with a comment.
  const { fields } = await client.query(`select * from (\n${text}\n) as q limit 0`, values);
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (seen.has(name.toLowerCase())) {
      throw new SluiceError("QUERY_FAILED", `The query on connection "${connection}" has two columns named "${name}"`, {
        hint: "Give one of them another name: … as other_name.",
      });
    }
    seen.add(name.toLowerCase());
  }
  if (fields.length === 0) {
    throw new SluiceError("QUERY_FAILED", `The query on connection "${connection}" has no columns`, {
      hint: "A source is a SELECT.",
    });
  }
  const list = fields.map((field) => {
    const name = quoteIdentifier(field.name);
    const expression = readingExpression(field, name);
    return expression === name ? name : `${expression} as ${name}`;
  });
  return {
    columns: fields.map((field) => ({ name: field.name, type: readingType(field) })),
    query: `select ${list.join(", ")} from (\n${text}\n) as q`,
  };
}

async function readByCursor(
  client: PostgresClient,
  query: string,
  values: readonly Bound[],
  columns: readonly Column[],
  context: SourceContext,
): Promise<Dataset> {
  await client.query(`declare sluice_rows no scroll cursor for ${query}`, values);
  return writeRows(await context.session(), context.artifacts, columns, fetched(client, columns));
}

async function* fetched(
  client: PostgresClient,
  columns: readonly Column[],
): AsyncGenerator<Record<string, string | null>[]> {
  for (;;) {
    const { rows } = await client.query(`fetch forward ${fetchSize} from sluice_rows`);
    if (rows.length > 0)
      yield rows.map((row) => Object.fromEntries(columns.map(({ name }, position) => [name, row[position] ?? null])));
    if (rows.length < fetchSize) return;
  }
}

type Bound = string | number | boolean | null;

/** PostgreSQL infers the type from where the value stands and parses its text: digits are never lost. */
function bound(value: BoundValue): Bound {
  return typeof value === "object" && value !== null ? value.bigint : value;
}

/** The engine's own limits, such as a year before the common era, come as a failed conversion. */
function misfit(error: SluiceError, source: Source): SluiceError {
  if (!/^(Conversion|Invalid Input) Error/i.test(error.message)) return error;
  const message = error.message.replace(/^.*?Error: /, "").slice(0, 300);
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The query on connection "${source.connection!.name}" has a value that can't be read: ${message}`,
    {
      hint: "Cast that column to text in the query.",
      cause: error,
    },
  );
}
