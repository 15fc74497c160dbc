// What a position holds, and what a reading from it is. Pure: values are text all the way, compared by the columnar engine.
import { SluiceError } from "../errors.ts";
import { canonicalJson, type Json } from "../json.ts";
import type { Position } from "../dataset/position.ts";
import type { PositionPlan } from "./incremental.ts";
import type { CursorValue } from "./source.ts";

/** How far a reading has got. */
export interface Reached {
  /** The greatest value that was read; null when no row was. By transaction: the first one that wasn't read. */
  readonly cursor: CursorValue | null;
  /**
   * Rows that the next reading meets again, as the first half of the MD5 of what tells them apart, and how often each was there.
   * Null where there were too many to keep: then the next reading may repeat rows.
   */
  readonly seen: Readonly<Record<string, number>> | null;
}

/** More rows than these at the boundary aren't remembered. */
export const mostSeen = 100_000;

/** A stored position; null where there is none. Throws POSITION_UNREADABLE for what this version doesn't understand. */
export function readPosition(stored: Json, table: string, reader: string): Reached | null {
  if (stored === null) return null;
  const value = stored as { readonly version?: Json; readonly cursor?: Json; readonly seen?: Json };
  if (typeof stored === "object" && value.version === 1) {
    return { cursor: (value.cursor ?? null) as CursorValue | null, seen: (value.seen ?? null) as Reached["seen"] };
  }
  throw new SluiceError("POSITION_UNREADABLE", `The position of ${reader} in ${table} is not one that can be read`, {
    hint: "It was written by a newer version of sluice: use that one.",
    details: { table, reader },
  });
}

export function storedPosition({ cursor, seen }: Reached): Json {
  return { version: 1, cursor: cursor as unknown as Json, seen };
}

/** Is what the table holds what the rows were read from? A sink asks inside its transaction. */
export function checkUnmoved(stored: Json, position: Position): void {
  if (canonicalJson(stored) === canonicalJson(position.from)) return;
  throw new SluiceError(
    "FENCED",
    `Another run has loaded ${position.table} and moved the position of ${position.reader}`,
    {
      hint: "This load wrote nothing. Run the pipeline again: it reads from the new position.",
      details: { table: position.table, reader: position.reader },
    },
  );
}

/**
 * The value that lies `lag` behind a cursor's, as an expression of the columnar engine, which has the arithmetic; null without
 * a lag. Throws DEFINITION_INVALID for a lag that the cursor's type doesn't have.
 */
export function lagged(cursor: CursorValue, lag: PositionPlan["lag"], column: string): string | null {
  if (lag === null) return null;
  const value = `CAST('${cursor.text.replaceAll("'", "''")}' AS ${cursor.type})`;
  if ("ms" in lag) {
    if (cursor.type.startsWith("TIMESTAMP")) return `CAST(${value} - to_milliseconds(${lag.ms}) AS VARCHAR)`;
    // A date of the day before noon is a day before: less than a day behind is still the day before.
    if (cursor.type === "DATE") return `CAST(CAST(${value} - to_milliseconds(${lag.ms}) AS DATE) AS VARCHAR)`;
    throw misfit(column, cursor.type, "a duration", "a number");
  }
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|DOUBLE|FLOAT)/.test(cursor.type))
    return `CAST(${value} - ${lag.units} AS VARCHAR)`;
  throw misfit(column, cursor.type, "a number", "a duration");
}

function misfit(column: string, type: string, given: string, wanted: string): SluiceError {
  return new SluiceError(
    "DEFINITION_INVALID",
    `incremental: \`lag\` is ${given}, but the cursor "${column}" is ${type}`,
    {
      hint: type === "VARCHAR" ? "A text has no distance: leave `lag` out." : `Give ${wanted}.`,
    },
  );
}
