// Local days: which day of a zone is over at an instant, and counting days back from it. Days are "YYYY-MM-DD".
import { SluiceError } from "../errors.ts";

/**
 * The first local day that is not over at `instant` (milliseconds, UTC): every day before it has ended, and no event of
 * those can still come.
 */
export function openDay(instant: number, timeZone: string): string {
  let day = localDay(instant, timeZone);
  // Where clocks go back across midnight a day comes back after it seemed over, for less than an hour.
  for (let minutes = 15; minutes <= 60; minutes += 15) {
    const later = localDay(instant + minutes * 60_000, timeZone);
    if (later < day) day = later;
  }
  return day;
}

/** The day that is `count` days before `day`. */
export function daysBefore(day: string, count: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - count);
  return date.toISOString().slice(0, 10);
}

/** An instant as the user gave it, in milliseconds, UTC. Texts need a zone: "2011-01-05T00:00:00Z". */
export function instantOf(value: string | Date): number {
  const text = value instanceof Date ? "" : value;
  const zoned =
    value instanceof Date || /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/.test(text);
  const instant = value instanceof Date ? value.getTime() : Date.parse(text);
  if (zoned && !Number.isNaN(instant)) return instant;
  throw new SluiceError("USAGE", `"${String(value)}" is not an instant`, {
    hint: "Write the time with its zone, such as 2011-01-05T00:00:00Z.",
  });
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localDay(instant: number, timeZone: string): string {
  if (timeZone === "UTC") return new Date(instant).toISOString().slice(0, 10);
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
    formats.set(timeZone, format);
  }
  const [day, month, year] = format.format(instant).split("/");
  return `${year}-${month}-${day}`;
}
