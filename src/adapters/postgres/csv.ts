// The CSV that PostgreSQL's COPY and the columnar engine both write and read without loss: every value is quoted, null
// is an unquoted \N. So null, "" and the text "\N" stay three things, and a row of one null is not an empty line.
import { stat } from "node:fs/promises";
import type { Column } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteLiteral } from "../../dataset/sql.ts";
import { isSluiceError } from "../../errors.ts";

export const copyOutOptions: string = String.raw`(FORMAT csv, NULL '\N', FORCE_QUOTE *, ENCODING 'UTF8')`;
export const copyInOptions: string = String.raw`(FORMAT csv, NULL '\N', ENCODING 'UTF8')`;

const megabyte = 1024 * 1024;
const usualRoom = 8 * megabyte;
/** A row longer than this can't be read. */
const mostRoom = 256 * megabyte;

/** Writes the result of a query as such a file. */
export async function writeCsv(session: Session, query: string, path: string): Promise<void> {
  await session.run(
    `COPY (${query}) TO ${quoteLiteral(path)} (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)`,
  );
}

/** Calls `use` with the query that reads such a file; again, with room for longer rows, when a row was too long. */
export async function readCsv<T>(
  path: string,
  columns: readonly Column[],
  use: (query: string) => Promise<T>,
): Promise<T> {
  const { size } = await stat(path);
  try {
    return await use(queryOf(path, columns, Math.min(size + 1, usualRoom)));
  } catch (error) {
    // PostgreSQL wrote the file, so its form is sound: a row that was cut off is one that did not fit.
    if (size < usualRoom || !isSluiceError(error) || !error.message.startsWith("Invalid Input Error: CSV Error"))
      throw error;
    return use(queryOf(path, columns, Math.min(size + 1, mostRoom)));
  }
}

function queryOf(path: string, columns: readonly Column[], room: number): string {
  const declared = columns.map((column) => `${quoteLiteral(column.name)}: ${quoteLiteral(column.type)}`).join(", ");
  // Left to itself the engine sets aside sixteen times the longest row. 2 MB is its own usual limit.
  const bytes = Math.max(room, 2 * megabyte);
  return `SELECT * FROM read_csv(${quoteLiteral(path)}, auto_detect=false, header=false, delim=',', quote='"', escape='"',
    nullstr='\\N', allow_quoted_nulls=false, max_line_size=${bytes}, buffer_size=${bytes}, columns={${declared}})`;
}
