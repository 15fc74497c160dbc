// The CSV that PostgreSQL's COPY and the columnar engine both write and read without loss: text is quoted, null is an unquoted
// \N. So null, "" and the text "\N" stay three things, and a row of one null is not an empty line.
import type { Session } from "../../dataset/session.ts";
import { quoteLiteral } from "../../dataset/sql.ts";

export const copyOutOptions: string = String.raw`(FORMAT csv, NULL '\N', FORCE_QUOTE *, ENCODING 'UTF8')`;
export const copyInOptions: string = String.raw`(FORMAT csv, NULL '\N', ENCODING 'UTF8')`;

/** Writes the result of a query as such a file. `quoted` are the columns whose text could be taken for something else. */
export async function writeCsv(
  session: Session,
  query: string,
  path: string,
  quoted: readonly string[],
): Promise<void> {
  const force = quoted.length === 0 ? "" : `, FORCE_QUOTE (${quoted.join(", ")})`;
  await session.run(`COPY (${query}) TO ${quoteLiteral(path)} (FORMAT csv, HEADER false, NULLSTR '\\N'${force})`);
}
