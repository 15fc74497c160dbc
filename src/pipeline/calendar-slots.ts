// Days, weeks and months of a time zone as a row of slots without gaps: each begins at the first moment its clocks read
// it, and ends where the next begins. A slot's position is a number that grows by one from slot to slot.
import { firstInstantAt, offsetAt } from "./time-zone.ts";

/** A way to cut time. Positions are whole numbers, instants milliseconds since the epoch. */
export interface Slots {
  /** Null for what is no key, or one of a slot that never was. */
  readonly positionOf: (key: string) => number | null;
  readonly keyAt: (position: number) => string;
  /** When it begins: also the end of the one before. */
  readonly startAt: (position: number) => number;
  /** The slot that an instant is in. */
  readonly positionAt: (instant: number) => number;
}

/** What a calendar unit is, on clocks that are never changed. Local times are counted as if they were UTC. */
interface Unit {
  readonly parse: (key: string) => number | null;
  readonly format: (position: number) => string;
  readonly localStart: (position: number) => number;
  readonly positionOfLocal: (local: number) => number;
}

const dayLength = 86_400_000;

const dayUnit: Unit = {
  parse: (key) => {
    const local = dayOf(key);
    return local === null ? null : local / dayLength;
  },
  format: (position) => isoDay(position * dayLength),
  localStart: (position) => position * dayLength,
  positionOfLocal: (local) => Math.floor(local / dayLength),
};

/** The Monday of the week in which the epoch lies, in days. */
const firstMonday = -3;

/** Weeks of ISO 8601: they begin on Monday, and the first of a year is the one with its first Thursday. */
const weekUnit: Unit = {
  parse: (key) => {
    const match = /^(\d{4})-W(\d{2})$/.exec(key);
    if (match === null || key < "1000") return null;
    // 4 January is always in the first week.
    const first = weekUnit.positionOfLocal(Date.UTC(Number(match[1]), 0, 4));
    const position = first + Number(match[2]) - 1;
    return weekUnit.format(position) === key ? position : null;
  },
  format: (position) => {
    const thursday = new Date(weekUnit.localStart(position) + 3 * dayLength);
    const year = thursday.getUTCFullYear();
    const week = Math.floor((thursday.getTime() - Date.UTC(year, 0)) / (7 * dayLength)) + 1;
    return `${year}-W${String(week).padStart(2, "0")}`;
  },
  localStart: (position) => (position * 7 + firstMonday) * dayLength,
  positionOfLocal: (local) => Math.floor((local / dayLength - firstMonday) / 7),
};

const monthUnit: Unit = {
  parse: (key) => {
    const match = /^(\d{4})-(\d{2})$/.exec(key);
    if (match === null || key < "1000") return null;
    const month = Number(match[2]);
    return month >= 1 && month <= 12 ? Number(match[1]) * 12 + month - 1 : null;
  },
  format: (position) => isoDay(monthUnit.localStart(position)).slice(0, 7),
  localStart: (position) => Date.UTC(Math.floor(position / 12), position % 12),
  positionOfLocal: (local) => {
    const date = new Date(local);
    return date.getUTCFullYear() * 12 + date.getUTCMonth();
  },
};

type CalendarUnit = "day" | "week" | "month";

const units: Readonly<Record<CalendarUnit, Unit>> = { day: dayUnit, week: weekUnit, month: monthUnit };

/** Days, weeks or months of a zone. A day that the zone left out is there, and is empty. */
export function calendarSlots(unit: CalendarUnit, timeZone: string): Slots {
  const { parse, format, localStart, positionOfLocal } = units[unit];
  const startAt = (position: number): number => firstInstantAt(localStart(position), timeZone);
  return {
    positionOf: parse,
    keyAt: format,
    startAt,
    positionAt: (instant) => {
      let position = positionOfLocal(instant + offsetAt(instant, timeZone));
      // Where the clocks went back over midnight, they read the day before once more.
      while (startAt(position + 1) <= instant) position += 1;
      return position;
    },
  };
}

/** The local time at which a day "YYYY-MM-DD" begins; null for what is none. */
export function dayOf(text: string): number | null {
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(text) || text < "1000") return null;
  const local = Date.parse(text);
  // Date.parse takes a 30 February for a 2 March.
  return Number.isNaN(local) || isoDay(local) !== text ? null : local;
}

function isoDay(local: number): string {
  return new Date(local).toISOString().slice(0, 10);
}
