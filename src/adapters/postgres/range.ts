// Reads a part of a table or query of PostgreSQL: by a column's values, or by the transactions that wrote the rows. The
// end is fixed before the first row is read, in the snapshot that the rows come from.
import type { CursorValue, RangeRead, RangeReader, ReadRange, Source } from "../../connect/source.ts";
import type { SqlRequest } from "../../connect/sql-connection.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import { conditions, cursorColumn, endOf, unordered, type SourceClock } from "../sql-range/part.ts";
import { unknownLiteral } from "./placeholders.ts";
import { copyRows, describe, inSnapshot, type Described } from "./reading.ts";

/** Reads ranges of the vendor "postgres". */
export const postgresRange: RangeReader = (source, range, context): Promise<RangeRead> => {
  const byTransaction = range.by === "transaction";
  return inSnapshot(
    source,
    context,
    async (client, first) => {
      const query = await describe(client, source);
      const part = byTransaction
        ? byTransactions(query, range, source, first)
        : byValues(query, range, source, clockOf(first));
      return { dataset: await copyRows(client, { ...query, ...part }, part.where, context), until: part.until };
    },
    byTransaction ? transactions : clocks,
  );
};

interface Part {
  readonly where: string;
  readonly until: CursorValue | null;
  /** In the place of the query, where that doesn't show what the condition asks for. */
  readonly from?: string;
}

// Asked for before the session's zone is set: a column without a zone holds the time of the zone that the server is set to.
const clocks = `select now()::timestamp::text, (now()::date + 1)::text, (now() at time zone 'UTC')::text || '+00'`;

function clockOf(first: readonly (string | null)[]): SourceClock {
  const [local, tomorrow, instant] = first as [string, string, string];
  return { local, tomorrow, instant };
}

function byValues(query: Described, range: ReadRange, source: Source, clock: SourceClock): Part {
  const column = cursorColumn(query.columns, range.cursor!, source);
  if (!column.ordered) throw unordered(range.cursor!, "has no order that the columnar engine shares", source);
  const end = endOf(range, column.type, clock);
  const name = quoteIdentifier(column.name);
  // The engine orders texts by their bytes, and takes NaN for null.
  const value = column.type === "VARCHAR" ? `${name} collate "C"` : column.select;
  return { where: conditions(value, range, end, unknownLiteral), until: end };
}

const transactions =
  "select pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text";

/** Everything below the snapshot's oldest open transaction is decided: it is seen now, or never. */
function byTransactions(
  query: Described,
  range: ReadRange,
  source: Source,
  snapshot: readonly (string | null)[],
): Part {
  const [horizon, next] = snapshot.map((text) => BigInt(text!)) as [bigint, bigint];
  const from = range.from === null ? null : transactionOf(range.from);
  if (from !== null && from > next) throw counterRestarted(source, from, next);
  const until = { type: "xid8", text: String(horizon) };
  if (range.cursor !== null) {
    const column = cursorColumn(query.columns, range.cursor, source);
    if (column.type !== "UBIGINT") throw unordered(range.cursor, "is not of type xid8", source);
    const literal = (text: string): string => `${unknownLiteral(text)}::xid8`;
    return { where: conditions(quoteIdentifier(column.name), range, until, literal), until };
  }
  const { table } = source.request as unknown as SqlRequest;
  if (table === undefined) throw unordered("xmin", "is known of the rows of a table only, not of a query", source);
  if (from !== null && next - from >= 2n ** 31n) throw tooFarBehind(source, from, next);
  const literal = (text: string): string => `${BigInt(text)}`;
  return {
    where: conditions(widenedXmin("q.xmin", next), range, until, literal),
    until,
    from: `${quoteIdentifier(...table)} as q`,
  };
}

/**
 * The 64-bit transaction of a row, whose `xmin` has the lower 32 bits: the latest one before `next` that has them. A row of
 * four billion transactions ago may so be taken for a later one and be read again; none is ever left out.
 */
export function widenedXmin(xmin: string, next: bigint): string {
  const lower = `${xmin}::text::bigint`;
  const epoch = (next >> 32n) << 32n;
  if (epoch === 0n) return `(${lower})`;
  // 1 and 2 are rows from before all counting.
  return `(case when ${lower} < 3 then 0 when ${lower} < ${next - epoch} then ${epoch} + ${lower} else ${epoch - 2n ** 32n} + ${lower} end)`;
}

function transactionOf(value: CursorValue): bigint {
  if (/^\d{1,20}$/.test(value.text)) return BigInt(value.text);
  throw new SluiceError("DEFINITION_INVALID", `"${value.text}" is not a transaction of PostgreSQL`, {
    hint: "A table's position by transaction can't follow one by a column's values: load the table anew.",
  });
}

function counterRestarted(source: Source, from: bigint, next: bigint): SluiceError {
  return new SluiceError(
    "SOURCE_MALFORMED",
    `The transaction count of connection "${source.connection!.name}" is at ${next}, behind the ${from} that was reached: it started anew`,
    { hint: 'The database was restored or replaced. Load the table anew, with write: "replace".' },
  );
}

function tooFarBehind(source: Source, from: bigint, next: bigint): SluiceError {
  return new SluiceError(
    "SOURCE_MALFORMED",
    `${next - from} transactions have passed on connection "${source.connection!.name}" since the last reading: xmin can't tell them apart any more`,
    { hint: "Load the table anew, and give it a column of type xid8." },
  );
}
