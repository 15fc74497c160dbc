// How distinct values are counted. Of whole numbers that lie close together it takes a bit per possible value, which is a
// fifth of the work of a hash table; how far apart they lie stands in the footers of the files.
import { quoteIdentifier, quoteLiteral, quotePath } from "../../dataset/sql.ts";
import type { DistinctCount } from "./check.ts";
import type { Source } from "./source.ts";

/** Four bytes per row: less than an entry of a hash table, and still the faster of the two. */
const mostBitsPerRow = 32n;
/** The engine takes a billion bits at most. */
const mostBits = 1_000_000_000n;

/** Counts distinct values of any kind. */
export const anyDistinct: DistinctCount = (cell, filter) => `count(DISTINCT ${cell})${filter}`;

/**
 * Counts the distinct values of these cells, those that allow it by bits. A value outside of what the footers say makes the
 * query fail.
 */
export async function distinctCountOf(source: Source, cells: ReadonlySet<string>): Promise<DistinctCount> {
  const columns = source.dataset.columns.filter(
    // The engine reckons the number of bits in the column's own type: a small one has no room for it.
    ({ name, type }) => cells.has(quoteIdentifier(name)) && /^U?(?:INTEGER|BIGINT)$/.test(type),
  );
  if (columns.length === 0 || source.dataset.files.length === 0) return anyDistinct;
  const files = source.dataset.files.map((path) => quotePath(path)).join(", ");
  const names = columns.map(({ name }) => quoteLiteral(name)).join(", ");
  const rows = await source.session.rows(
    `SELECT path_in_schema AS name, min(TRY_CAST(stats_min_value AS HUGEINT)) AS low, max(TRY_CAST(stats_max_value AS HUGEINT)) AS high, bool_and(stats_min_value IS NOT NULL OR coalesce(stats_null_count = num_values, false)) AS known FROM parquet_metadata([${files}]) WHERE path_in_schema IN (${names}) GROUP BY ALL`,
  );
  const ranges = new Map<string, string>();
  for (const { name, low, high, known } of rows) {
    if (known !== true || low === null || high === null) continue;
    const bits = BigInt(String(high)) - BigInt(String(low)) + 1n;
    if (bits <= mostBits && bits <= mostBitsPerRow * BigInt(source.dataset.rows))
      ranges.set(quoteIdentifier(String(name)), `${String(low)}, ${String(high)}`);
  }
  return (cell, filter) => {
    const range = ranges.get(cell);
    // Of no values there are no bits.
    return range === undefined
      ? anyDistinct(cell, filter)
      : `coalesce(bit_count(bitstring_agg(${cell}, ${range})${filter}), 0)`;
  };
}
