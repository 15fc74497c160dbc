// Reads a part of a table or query of a SQLite file, by a column's values. SQLite has no type for times: one that is kept as
// text or as a number is read to its last row, whatever the clock says.
import type { SQLInputValue } from "node:sqlite";
import type { CursorValue, RangeRead, RangeReader, ReadRange, Source } from "../../connect/source.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { cursorColumn, notAValue, unordered } from "../sql-range/part.ts";
import { withFile, type Query } from "./reading.ts";

/** Reads ranges of the vendor "sqlite". */
export const sqliteRange: RangeReader = (source, range, context): Promise<RangeRead> =>
  withFile(source, context, async (file, query) => {
    if (range.by === "transaction" || range.cursor === null)
      throw unordered(range.cursor ?? "the transaction", "is known of PostgreSQL only", source);
    const { declared } = cursorColumn(file.columns(query), range.cursor, source);
    const until = range.until === "clock" ? null : range.until;
    const { dataset, observed } = await file.read(part(query, range, until, declared));
    checkCursor(dataset.columns.find(({ name }) => name === range.cursor)!.type, range.cursor, source);
    if (cursorColumn(observed, range.cursor, source).mixed())
      throw unordered(range.cursor, "has both numbers and texts, or bytes, among its values", source);
    return { dataset, until };
  });

function part(query: Query, range: ReadRange, until: CursorValue | null, declared: string | null): Query {
  const column = quoteIdentifier(range.cursor!);
  const values: SQLInputValue[] = [];
  const bind = (end: CursorValue): string => {
    values.push(valueOf(end, declared, range.cursor!));
    return "?";
  };
  // The engine orders texts by their bytes, whatever the column's collation says.
  const parts = [
    ...(range.from === null ? [] : [`${column} collate binary >= ${bind(range.from)}`]),
    ...(until === null ? [] : [`${column} collate binary < ${bind(until)}`]),
  ];
  // Values of another kind are never between two texts, or two numbers: they are fetched, to be refused.
  const others = values.map(
    (value) => `typeof(${column}) ${typeof value === "string" ? "<> 'text'" : "in ('text', 'blob')"}`,
  );
  const between = parts.length === 0 ? "true" : parts.join(" and ");
  const odd = others.length === 0 ? "" : ` or ${others[0]}`;
  const where = range.nulls
    ? `where ${column} is null or (${between})${odd}`
    : `where ${column} is not null and ((${between})${odd})`;
  return { text: `select * from (\n${query.text}\n) as q ${where}`, values: [...query.values, ...values] };
}

/** An end of the range in the kind of value that it is compared with. */
function valueOf({ type, text }: CursorValue, declared: string | null, column: string): SQLInputValue {
  const number = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text);
  if (type === "VARCHAR") return text;
  // What a user gives has no type: the column's declaration says what is meant.
  if (type === "" && !(number && (declared === null || /INT|REAL|FLOA|DOUB|NUM|DEC/i.test(declared)))) return text;
  if (!number) throw notAValue(text, column, type);
  return /^[+-]?\d+$/.test(text) ? BigInt(text) : Number(text);
}

function checkCursor(type: string, column: string, source: Source): void {
  if (type === "BLOB") throw unordered(column, "holds bytes", source);
}
