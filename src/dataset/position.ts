// How far a source has been read, as plain data. It travels with the rows to the table they are loaded into and is stored
// there in their transaction: what has been read and what is there can never come apart.
import type { Json } from "../json.ts";

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
