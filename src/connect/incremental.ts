// Reading only what is new: what users say about it, as plain data. What is read when is in position.ts and
// read-increment.ts; how a vendor reads a range is its adapter's work.
import { SluiceError } from "../errors.ts";
import { milliseconds, type Duration } from "../pipeline/duration.ts";
import type { Table } from "./sink.ts";

/** By which transaction wrote a row; made by `transaction(…)`. */
export interface TransactionCursor {
  readonly by: "transaction";
  /** A column of type xid8; null for the row's own `xmin`. */
  readonly column: string | null;
}

/**
 * PostgreSQL only: read by the transaction that wrote a row, up to the oldest one still open. No row is left out because it
 * was committed late, and no clock is asked. `column` is one of type `xid8` that each insert and update fills:
 *
 * ```sql
 * alter table orders add column written_by xid8 not null default pg_current_xact_id();
 * ```
 *
 * (and a trigger for updates). Without a column the row's own `xmin` is read: no change to the table, but no index, and a
 * transaction count that starts anew, as after a restore from a dump, is an error.
 */
export function transaction(column?: string): TransactionCursor {
  return Object.freeze({ by: "transaction", column: column ?? null });
}

/** From what the source itself said last; made by `bookmark()`. */
export interface StateCursor {
  readonly by: "state";
}

/**
 * The source goes on from the state that it gave last: Singer taps, and the changes of a table in PostgreSQL. Rows around that
 * place may come again, so such a reading is loaded with `merge(…)`.
 *
 * ```ts
 * const issues = step("issues", extract(github.stream("issues"), {
 *   incremental: { cursor: bookmark(), into: warehouse.table("issues") },
 * }));
 * ```
 */
export function bookmark(): StateCursor {
  return Object.freeze({ by: "state" });
}

/** Reading from where the last load got to; the position is kept in the table that is loaded. */
export interface FromPosition {
  /** The column by which new and changed rows are known, such as "updated_at"; or `transaction(…)`, or `bookmark()`. */
  readonly cursor: string | TransactionCursor | StateCursor;
  /** The table that the rows are loaded into, perhaps after steps between: it keeps the position, in the transaction of the rows. */
  readonly into: Table;
  /**
   * What tells rows apart. A row at the boundary of two readings is delivered twice if it has changed; by its key and cursor it
   * is known and left out. @default all columns
   */
  readonly key?: string | readonly string[];
  /**
   * How far behind the last value to read again, for rows that are committed later than they are dated: a duration for times,
   * a number for numbers. Rows that have been delivered from there are known and left out. @default nothing
   */
  readonly lag?: Duration | number;
  /** Where to begin when there is no position yet, as text: "2026-01-01 00:00:00+00". @default the first row */
  readonly start?: string;
  /** What it means that a row has no cursor: an error, or it is left out, or it is read each time. @default "fail" */
  readonly nulls?: "fail" | "exclude" | "include";
  /**
   * Where a reading ends: below the source's own clock as it begins, so that a row dated in the future waits until then; or at
   * the last row. Only times have a clock. @default "clock"
   */
  readonly until?: "clock" | "last";
}

/** Reading a window, whatever was read before: for backfills, where each partition reads its own. No position is kept. */
export interface FromWindow {
  readonly cursor: string;
  /** From `start`, included, to `end`, excluded: a partition of time is one. */
  readonly window: { readonly start: string | Date; readonly end: string | Date };
  /** What it means that a row has no cursor. @default "exclude" */
  readonly nulls?: "fail" | "exclude" | "include";
}

/** What is new since the last load, or what lies in a window. */
export type IncrementalOptions = FromPosition | FromWindow;

/** The options with every default filled in, as they enter the plan. */
export interface PositionPlan {
  readonly by: "position";
  readonly cursor: string | TransactionCursor | StateCursor;
  readonly into: { readonly vendor: string; readonly connection: string; readonly table: string };
  readonly key: readonly string[] | null;
  /** Milliseconds for times, units for numbers. */
  readonly lag: { readonly ms: number } | { readonly units: number } | null;
  readonly start: string | null;
  readonly nulls: "fail" | "exclude" | "include";
  readonly until: "clock" | "last";
}

export interface WindowPlan {
  readonly by: "window";
  readonly cursor: string;
  readonly start: string;
  readonly end: string;
  readonly nulls: "fail" | "exclude" | "include";
}

export function planIncrement(options: IncrementalOptions): PositionPlan | WindowPlan {
  if ("window" in options) return planWindow(options);
  const { cursor, into, lag, nulls = "fail" } = options;
  if (typeof cursor === "object" && (lag !== undefined || options.start !== undefined)) {
    throw invalid(
      `${cursor.by === "state" ? "bookmark()" : "transaction(…)"} needs no \`lag\` and takes no \`start\``,
      "Leave them out.",
    );
  }
  const key = options.key === undefined ? null : typeof options.key === "string" ? [options.key] : [...options.key];
  if (key?.length === 0) throw invalid("`key` is an empty list", "Name a column, or leave it out.");
  return {
    by: "position",
    cursor,
    into: { vendor: into.connection.vendor, connection: into.connection.name, table: into.name },
    key,
    lag: lag === undefined ? null : planLag(lag),
    start: options.start ?? null,
    nulls,
    until: options.until ?? "clock",
  };
}

function planWindow({ cursor, window, nulls = "exclude" }: FromWindow): WindowPlan {
  const text = (time: string | Date): string => (typeof time === "string" ? time : time.toISOString());
  return { by: "window", cursor, start: text(window.start), end: text(window.end), nulls };
}

function planLag(lag: Duration | number): { readonly ms: number } | { readonly units: number } {
  if (typeof lag === "string") return { ms: milliseconds(lag) };
  if (Number.isSafeInteger(lag) && lag >= 0) return { units: lag };
  throw invalid(`\`lag\` is ${lag}`, 'Give a whole number from 0, or a duration such as "10m".');
}

function invalid(what: string, hint: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `incremental: ${what}`, { hint });
}
