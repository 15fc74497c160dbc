// How far a source has been read, as plain data. It travels with the rows to the table they are loaded into and is stored
// there in their transaction: what has been read and what is there can never come apart.
import { contentHash, type Json } from "../json.ts";

/** The position of one reading; `connect/position.ts` says what `from` and `to` hold. */
export interface Position {
  /** Connection and table that keep it, such as "warehouse.orders". */
  readonly table: string;
  /** Whose position it is, such as "orders_sync.changes": pipeline and step. */
  readonly reader: string;
  /** What the table must still hold when the rows are loaded; null: nothing. Otherwise another run has been faster. */
  readonly from: Json;
  readonly to: Json;
  /** May rows be among these that an earlier reading has brought? Then only a merge loads each of them once. */
  readonly repeats: boolean;
}

/**
 * What tells the rows of one reading from those of the next, as 16 hex digits; empty where a reading brings all there is.
 * A reading that begins at the same position reads the same rows again.
 */
export function deliveryOf(positions: readonly Pick<Position, "table" | "reader" | "from">[]): string {
  if (positions.length === 0) return "";
  const begun = positions.map(({ table, reader, from }) => [table, reader, from] as const);
  return contentHash(begun).slice(0, 16);
}
