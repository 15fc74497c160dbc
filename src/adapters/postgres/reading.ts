// One reading of PostgreSQL: a read-only transaction that sees one state of the database, the query described in it, and
// its rows by COPY, piped into Parquet while they arrive. Any size fits.
import { randomUUID } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Source, SourceContext } from "../../connect/source.ts";
import type { BoundValue, SqlRequest } from "../../connect/sql-connection.ts";
import { unreadableValue, writeCsvPipe } from "../../dataset/csv-pipe.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { withPostgres, type CopyOut, type PostgresClient } from "./connection.ts";
import { copyOutOptions } from "./csv.ts";
import { inlinePlaceholders, misplaced, typedLiteral } from "./placeholders.ts";
import { readingColumn, type ReadingColumn } from "./reading-types.ts";

// The text of values must not depend on how the server, the database or the role is set up.
export const textSettings: string = `set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC';
  set local bytea_output = 'hex'; set local extra_float_digits = 3; set local standard_conforming_strings = on`;

/** A query that has been looked at: text that can stand in a FROM clause, and how its columns are read. */
export interface Described {
  /** `(…) as q`: a query, or a table by its name. */
  readonly from: string;
  readonly columns: readonly ReadingColumn[];
}

/** Does `work` in one read-only snapshot of the source's database. `first` is run in it before any setting is changed. */
export async function inSnapshot<T>(
  source: Source,
  context: SourceContext,
  work: (client: PostgresClient, first: readonly (string | null)[]) => Promise<T>,
  first = "select null",
): Promise<T> {
  try {
    return await withPostgres(source.connection!, "source", context, async (client) => {
      const { rows } = await client.query(
        `begin transaction isolation level repeatable read, read only; set local datestyle = 'ISO, YMD'; ${first}`,
      );
      await client.query(textSettings);
      return work(client, rows[0] ?? []);
    });
  } catch (error) {
    throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, source) : error;
  }
}

/** The source's query with its values in it, and its columns. */
export async function describe(client: PostgresClient, source: Source): Promise<Described> {
  const request = source.request as unknown as SqlRequest;
  const given = request.text.replace(/[\s;]+$/, "");
  const text = request.values.length === 0 ? given : await withValues(client, given, request.values.map(bound));
  // On lines of its own: the query may end with a comment.
  const from = `(\n${text}\n) as q`;
  const { fields } = await client.query(`select * from ${from} limit 0`);
  checkNames(
    fields.map(({ name }) => name),
    source.connection!.name,
  );
  return { from, columns: fields.map(readingColumn) };
}

/** Copies the rows of a described query into a dataset; `where` may leave some out. */
export async function copyRows(
  client: PostgresClient,
  { from, columns }: Described,
  where: string,
  context: SourceContext,
): Promise<Dataset> {
  const list = columns.map(({ name, select }) => `${select} as ${quoteIdentifier(name)}`);
  const query = `copy (select ${list.join(", ")} from ${from} ${where}) to stdout ${copyOutOptions}`;
  let sending: CopyOut | null = null;
  const produce = async (to: Writable): Promise<number> => {
    // Asked again: what the server is still sending of the first time goes nowhere. The snapshot is the same.
    if (sending !== null) for await (const _ of sending);
    const rows = (sending = client.copyTo(query));
    await pipeline(chunksOf(rows), to, { signal: context.signal });
    // The server says how many rows they were after the last one: its answer to the next question comes behind that.
    await client.query("select null");
    return rows.rowCount;
  };
  try {
    return await writeCsvPipe(await context.session(), context.artifacts, columns, produce);
  } catch (error) {
    // The server may be in the middle of its rows, and nobody reads them any more.
    if (isSluiceError(error)) client.abandon();
    throw error;
  }
}

/** Left undestroyed when its reader goes away: the connection is usable again once its rest has been read. */
async function* chunksOf(rows: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of rows.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}

/** COPY binds no values. PostgreSQL says which types it would bind them as; as literals of those they mean the same. */
async function withValues(client: PostgresClient, text: string, values: readonly Bound[]): Promise<string> {
  const name = `sluice_${randomUUID().replaceAll("-", "")}`;
  const { rows } = await client.query(
    `prepare ${name} as select * from (\n${text}\n) as q limit 0;
     select quote_ident(nspname) || '.' || quote_ident(typname)
     from pg_prepared_statements, unnest(parameter_types) with ordinality as parameter (type, position)
     join pg_type on pg_type.oid = parameter.type join pg_namespace on pg_namespace.oid = typnamespace
     where pg_prepared_statements.name = '${name}' order by position`,
  );
  await client.query(`deallocate ${name}`);
  if (rows.length < values.length) throw misplaced(rows.length + 1);
  return inlinePlaceholders(
    text,
    values.map((value, index) => typedLiteral(value, rows[index]![0]!)),
  );
}

function checkNames(names: readonly string[], connection: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name.toLowerCase())) {
      throw new SluiceError("QUERY_FAILED", `The query on connection "${connection}" has two columns named "${name}"`, {
        hint: "Give one of them another name: … as other_name.",
      });
    }
    seen.add(name.toLowerCase());
  }
  if (names.length === 0) {
    throw new SluiceError("QUERY_FAILED", `The query on connection "${connection}" has no columns`, {
      hint: "A source is a SELECT.",
    });
  }
}

type Bound = string | number | boolean | null;

/** PostgreSQL infers the type from where the value stands and parses its text: digits are never lost. */
function bound(value: BoundValue): Bound {
  return typeof value === "object" && value !== null ? value.bigint : value;
}

/** The engine's own limits, such as a year before the common era, come as a failed conversion. */
function misfit(error: SluiceError, source: Source): SluiceError {
  const value = unreadableValue(error);
  if (value === null) return error;
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The query on connection "${source.connection!.name}" has a value that can't be read: ${value}`,
    { hint: "Cast that column to text in the query.", cause: error },
  );
}
