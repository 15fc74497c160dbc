// The clocks of a time zone: how far they are ahead of UTC at an instant, and when that changes. Found out from Intl,
// a year at a time, and kept. Instants are milliseconds since the epoch; "local" is what the clocks read, counted as if
// it were UTC.
import { SluiceError } from "../errors.ts";

/** A stretch of time in which the clocks of a zone run evenly: [start, end), `offset` ahead of UTC. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

interface Change {
  readonly at: number;
  readonly offset: number;
}

interface Year {
  /** The offset as it begins. */
  readonly offset: number;
  readonly changes: readonly Change[];
}

const day = 86_400_000;
/** No zone is further from UTC than this. */
export const farthest: number = 26 * 3_600_000;

/** DEFINITION_INVALID unless it is a zone of the IANA database. */
export function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone }).format(0);
    if (typeof timeZone === "string") return;
  } catch {
    // Said below.
  }
  throw new SluiceError("DEFINITION_INVALID", `"${timeZone}" is not a time zone`, {
    hint: 'Use an IANA name, such as "Europe/London".',
  });
}

/** What the zone's clocks are ahead of UTC at an instant, in milliseconds. */
export function offsetAt(instant: number, timeZone: string): number {
  const { offset, changes } = yearOf(timeZone, new Date(instant).getUTCFullYear());
  let result = offset;
  for (const change of changes) {
    if (change.at > instant) break;
    result = change.offset;
  }
  return result;
}

/** The changes of the clocks in a year of UTC, in order. */
export function changesIn(year: number, timeZone: string): readonly Change[] {
  return yearOf(timeZone, year).changes;
}

/** The even stretches that make up the time from `start` to `end`; the outer ones are cut off there. */
export function stretches(start: number, end: number, timeZone: string): Stretch[] {
  const changes: Change[] = [];
  for (let year = new Date(start).getUTCFullYear(); year <= new Date(end).getUTCFullYear(); year += 1) {
    changes.push(...changesIn(year, timeZone).filter(({ at }) => at > start && at < end));
  }
  const offsets = [offsetAt(start, timeZone), ...changes.map((change) => change.offset)];
  return offsets.map((offset, at) => ({
    start: at === 0 ? start : changes[at - 1]!.at,
    end: changes[at]?.at ?? end,
    offset,
  }));
}

/** The first instant at which the clocks read `local` or later: also where they skip it, or read it twice. */
export function firstInstantAt(local: number, timeZone: string): number {
  if (timeZone === "UTC") return local;
  for (const stretch of stretches(local - farthest, local + farthest, timeZone)) {
    const instant = Math.max(stretch.start, local - stretch.offset);
    if (instant < stretch.end) return instant;
  }
  throw new SluiceError("INTERNAL", `The clocks of ${timeZone} never reach ${new Date(local).toISOString()}`);
}

const zones = new Map<string, Map<number, Year>>();

function yearOf(timeZone: string, year: number): Year {
  let years = zones.get(timeZone);
  if (years === undefined) zones.set(timeZone, (years = new Map<number, Year>()));
  let found = years.get(year);
  if (found === undefined) years.set(year, (found = readYear(year, timeZone)));
  return found;
}

/** Clocks are not changed twice in so short a time; in Boa Vista, in October 2000, they were within seven days. */
const probe = 3 * day;

function readYear(year: number, timeZone: string): Year {
  const end = Date.UTC(year + 1, 0);
  let at = Date.UTC(year, 0);
  const offset = readOffset(at, timeZone);
  const changes: Change[] = [];
  if (timeZone === "UTC") return { offset, changes };
  for (let before = offset; at < end;) {
    const next = Math.min(at + probe, end);
    const after = readOffset(next, timeZone);
    if (after !== before) {
      const change = { at: findChange(at, next, before, timeZone), offset: after };
      // One at the very turn of the year belongs to the year that begins, whose first offset it is.
      if (change.at < end) changes.push(change);
      before = after;
    }
    at = next;
  }
  return { offset, changes };
}

/** The instant, a whole second in (early, late], at which the offset is no longer `before`. */
function findChange(early: number, late: number, before: number, timeZone: string): number {
  let [low, high] = [early / 1000, late / 1000];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (readOffset(middle * 1000, timeZone) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The offset at a whole second. */
function readOffset(instant: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      calendar: "iso8601",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(instant).map((part) => [part.type, Number(part.value)]));
  return (
    Date.UTC(parts["year"]!, parts["month"]! - 1, parts["day"]!, parts["hour"]!, parts["minute"]!, parts["second"]!) -
    instant
  );
}
