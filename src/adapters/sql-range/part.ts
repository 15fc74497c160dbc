// What the readers of ranges of SQL databases have in common: the condition that picks the rows, and the errors for a cursor
// that can't say what is new. How a value is written and compared is the vendor's.
import type { CursorValue, ReadRange, Source } from "../../connect/source.ts";
import { SluiceError } from "../../errors.ts";

/** The source's clock as the reading begins, as text by the engine's type of a cursor. */
export interface SourceClock {
  /** In the zone that the server is set to: that is the one which columns without a zone are written in. */
  readonly local: string;
  /** The first day that is still to come there: today's rows are there to be read. */
  readonly tomorrow: string;
  /** In UTC, with "+00" at its end. */
  readonly instant: string;
}

/** The end of a range by values: given, or the source's clock for a time; null where there is none. */
export function endOf(range: ReadRange, type: string, clock: SourceClock): CursorValue | null {
  if (range.until !== "clock") return range.until === null ? null : { ...range.until, type };
  const { local, tomorrow, instant } = clock;
  const now = { TIMESTAMP: local, DATE: tomorrow, "TIMESTAMP WITH TIME ZONE": instant }[type];
  return now === undefined ? null : { type, text: now };
}

/** `where …` for the rows whose `value` is in the range; empty where that is all of them. */
export function conditions(
  value: string,
  range: ReadRange,
  until: CursorValue | null,
  literal: (text: string) => string,
): string {
  const parts = [
    ...(range.from === null ? [] : [`${value} >= ${literal(range.from.text)}`]),
    ...(until === null ? [] : [`${value} < ${literal(until.text)}`]),
  ];
  if (range.nulls) return parts.length === 0 ? "" : `where (${parts.join(" and ")}) or ${value} is null`;
  return `where ${parts.length === 0 ? `${value} is not null` : parts.join(" and ")}`;
}

/** The cursor's column; throws SOURCE_COLUMNS where it isn't there. */
export function cursorColumn<C extends { readonly name: string }>(
  columns: readonly C[],
  name: string,
  source: Source,
): C {
  const column = columns.find((one) => one.name === name);
  if (column !== undefined) return column;
  throw new SluiceError(
    "SOURCE_COLUMNS",
    `The source on connection "${source.connection!.name}" has no column "${name}", by which it is to be read`,
    { hint: `It has ${columns.map((one) => one.name).join(", ")}.` },
  );
}

/** The error for a cursor that has no order, or not the columnar engine's, which keeps the position. */
export function unordered(column: string, why: string, source: Source): SluiceError {
  return new SluiceError(
    "DEFINITION_INVALID",
    `"${column}" of connection "${source.connection!.name}" can't say what is new: it ${why}`,
    { hint: "Read by a number, a time or a text; a query can cast a column to one of them." },
  );
}

/** The error for a range that isn't one of the cursor's values. */
export function notAValue(text: string, column: string, type: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `"${text}" is no value of "${column}", which is ${type}`, {
    hint: "Write it as the column holds it, times as 2026-01-31 02:00:00.",
  });
}
