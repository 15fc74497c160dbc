// One reading of MySQL: a read-only transaction that sees one state of the database, the query described in it, and its rows
// in MySQL's own text, piped into Parquet while they arrive. Any size fits.
import { pipeline } from "node:stream/promises";
import type { Readable, Writable } from "node:stream";
import type { Source, SourceContext } from "../../connect/source.ts";
import type { BoundValue, SqlRequest } from "../../connect/sql-connection.ts";
import { unreadableValue, writeCsvPipe } from "../../dataset/csv-pipe.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { isSluiceError, SluiceError } from "../../errors.ts";
import { withMysql, type MysqlClient } from "./connection.ts";
import { backticked, readingColumn, type ReadingColumn } from "./reading-types.ts";

/** A query that has been looked at, and how its columns are read. */
export interface Described {
  readonly text: string;
  /** How many values it binds: they are the session's variables @sluice_1, @sluice_2 … */
  readonly values: number;
  readonly columns: readonly ReadingColumn[];
}

/** Does `work` in one read-only snapshot of the source's database. `first` is run in it before any setting is changed. */
export async function inSnapshot<T>(
  source: Source,
  context: SourceContext,
  work: (client: MysqlClient, first: readonly (string | null)[]) => Promise<T>,
  first = "select null",
): Promise<T> {
  try {
    return await withMysql(source.connection!, "source", context, async (client) => {
      await client.query("set session transaction isolation level repeatable read");
      const { rows } = await client.query(first);
      await client.query("start transaction with consistent snapshot, read only");
      // TIMESTAMP is printed in the session's zone. The server waits for a slow reader rather than hang up.
      await client.query("set time_zone = '+00:00', net_write_timeout = 86400");
      return work(client, rows[0] ?? []);
    });
  } catch (error) {
    throw isSluiceError(error) && error.code === "QUERY_FAILED" ? misfit(error, source) : error;
  }
}

/** Binds the source's values, and finds out its columns. */
export async function describe(client: MysqlClient, source: Source): Promise<Described> {
  const request = source.request as unknown as SqlRequest;
  const text = request.text.replace(/[\s;]+$/, "");
  for (const [index, value] of request.values.entries())
    await client.query(`set @sluice_${index + 1} = ${literal(value)}`);
  const values = request.values.length;
  const { fields } = await execute(client, `select * from (\n${text}\n) as q limit 0`, values);
  if (fields.length === 0) {
    throw new SluiceError("QUERY_FAILED", `The query on connection "${source.connection!.name}" has no columns`, {
      hint: "A source is a SELECT.",
    });
  }
  return { text, values, columns: fields.map(readingColumn) };
}

/** Copies the rows of a described query into a dataset; `where` may leave some out. */
export async function copyRows(
  client: MysqlClient,
  query: Described,
  where: string,
  context: SourceContext,
): Promise<Dataset> {
  const { columns } = query;
  const list = columns.map(({ name, select }) =>
    select === null ? backticked(name) : `${select} as ${backticked(name)}`,
  );
  // MySQL forgets the order of a query inside of another: only where it must be is it put there.
  const whole = where === "" && columns.every(({ select }) => select === null);
  const text = whole ? query.text : `select ${list.join(", ")} from (\n${query.text}\n) as q ${where}`;
  await prepare(client, text);
  const fields = new Map(columns.map((column) => [column.name, column.field]));
  let sending: Readable | null = null;
  const produce = async (to: Writable): Promise<number> => {
    // Asked again: what the server is still sending of the first time goes nowhere. The snapshot is the same.
    if (sending !== null) for await (const _ of sending);
    const rows = (sending = client.stream(executeText(query.values), (value) => fields.get(value.name)!(value)));
    const count = { rows: 0 };
    await pipeline(linesOf(rows, columns.length, count), to, { signal: context.signal });
    return count.rows;
  };
  try {
    return await writeCsvPipe(await context.session(), context.artifacts, columns, produce);
  } catch (error) {
    // The server may be in the middle of its rows, and nobody reads them any more.
    client.abandon();
    throw error;
  }
}

const chunkLength = 64 * 1024;

/** Left undestroyed when its reader goes away: the connection is usable again once its rest has been read. */
async function* linesOf(rows: Readable, columns: number, count: { rows: number }): AsyncGenerator<string> {
  let chunk = "";
  for await (const row of rows.iterator({ destroyOnReturn: false })) {
    const fields = row as readonly (string | null)[];
    for (let index = 0; index < columns; index += 1) chunk += `${index === 0 ? "" : ","}${fields[index] ?? "\\N"}`;
    chunk += "\n";
    count.rows += 1;
    if (chunk.length < chunkLength) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

async function execute(client: MysqlClient, text: string, values: number): ReturnType<MysqlClient["query"]> {
  await prepare(client, text);
  return client.query(executeText(values));
}

async function prepare(client: MysqlClient, text: string): Promise<void> {
  await client.query(`set @sluice_text = ${textLiteral(text)}`);
  await client.query("prepare sluice_query from @sluice_text");
}

function executeText(values: number): string {
  const variables = Array.from({ length: values }, (_, index) => `@sluice_${index + 1}`);
  return `execute sluice_query${values === 0 ? "" : ` using ${variables.join(", ")}`}`;
}

/** A value as a literal that no setting of the server reads in another way: digits, or a text's bytes. */
export function literal(value: BoundValue): string {
  if (value === null) return "null";
  if (typeof value === "object") return value.bigint;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "number") return numberLiteral(value);
  // MySQL doesn't read the Z of an instant. The session is in UTC.
  const instant = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z$/.exec(value);
  return textLiteral(instant === null ? value : `${instant[1]} ${instant[2]}`);
}

function numberLiteral(value: number): string {
  if (Number.isFinite(value)) return String(value);
  throw new SluiceError("QUERY_FAILED", `${value} is no number of MySQL's`, { hint: "Leave it out of the query." });
}

export function textLiteral(text: string): string {
  return `convert(x'${Buffer.from(text).toString("hex")}' using utf8mb4)`;
}

/** The engine's own limits, and days that no calendar has, come as a failed conversion. */
function misfit(error: SluiceError, source: Source): SluiceError {
  const value = unreadableValue(error);
  if (value === null) return error;
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The query on connection "${source.connection!.name}" has a value that can't be read: ${value}`,
    {
      hint: "Say in the query what becomes of it: cast(… as char) keeps it as text, nullif(…, '0000-00-00') makes it null.",
      cause: error,
    },
  );
}
