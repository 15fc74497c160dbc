// Reads a part of a table or query of MySQL, by a column's values. The end is fixed before the first row is read.
import type { RangeRead, RangeReader, ReadRange, Source } from "../../connect/source.ts";
import { conditions, cursorColumn, endOf, notAValue, unordered } from "../sql-range/part.ts";
import { backticked, type ReadingColumn } from "./reading-types.ts";
import { copyRows, describe, inSnapshot, literal } from "./reading.ts";

// Asked for before the session's zone is set: a column without a zone holds the time of the zone that the server is set to.
const clocks = `select cast(now(6) as char), cast(current_date + interval 1 day as char),
  concat(cast(utc_timestamp(6) as char), '+00')`;

/** Reads ranges of the vendor "mysql". */
export const mysqlRange: RangeReader = (source, range, context): Promise<RangeRead> =>
  inSnapshot(
    source,
    context,
    async (client, clock) => {
      const query = await describe(client, source);
      const column = cursorOf(query.columns, range, source);
      const [local, tomorrow, instant] = clock as [string, string, string];
      const until = endOf(range, column.type, { local, tomorrow, instant });
      const where = conditions(comparable(column), range, until, (text) => comparedTo(column, text));
      return { dataset: await copyRows(client, query, where, context), until };
    },
    clocks,
  );

function cursorOf(columns: readonly ReadingColumn[], range: ReadRange, source: Source): ReadingColumn {
  if (range.by === "transaction" || range.cursor === null)
    throw unordered(range.cursor ?? "the transaction", "is known of PostgreSQL only", source);
  const column = cursorColumn(columns, range.cursor, source);
  if (!column.ordered) throw unordered(range.cursor, "has no order that the columnar engine shares", source);
  return column;
}

/** Texts by their bytes in UTF-8, as the engine orders them, whatever the collation says. */
function comparable({ name, type, select }: ReadingColumn): string {
  if (type === "VARCHAR") return `cast(convert(${backticked(name)} using utf8mb4) as binary)`;
  return select ?? backticked(name);
}

function comparedTo({ name, type }: ReadingColumn, text: string): string {
  if (type === "VARCHAR") return `x'${Buffer.from(text).toString("hex")}'`;
  if (type === "BOOLEAN" && /^(true|false)$/.test(text)) return text;
  // Compared as a text, a number would be rounded to a double.
  if (/INT|DECIMAL|DOUBLE|FLOAT/.test(type) && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return text;
  if (
    /^(DATE|TIMESTAMP)/.test(type) &&
    /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?(Z|\+00(:00)?)?$/.test(text)
  )
    return literal(text.replace("T", " ").replace(/(Z|\+00(:00)?)$/, ""));
  throw notAValue(text, name, type);
}
