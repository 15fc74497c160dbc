// The time between the ticks of a cron expression as a row of slots without gaps. Ticks are counted by years and days,
// so one that is far away is found without going through those before it.
import { SluiceError } from "../errors.ts";
import { dayOf, type Slots } from "./calendar-slots.ts";
import { cronTimes, cronYear, type CronYear } from "./cron-year.ts";
import { cronTicks } from "./cron.ts";
import { offsetText } from "./hour-slots.ts";
import { farthest, firstInstantAt, offsetAt, stretches } from "./time-zone.ts";

const minute = 60_000;
const dayLength = 86_400_000;
/** The last year whose days can be written. */
const lastYear = 9999;

/** The slots between the ticks of an expression. Their positions mean something to this object alone. */
export function cronSlots(cron: string, timeZone: string): Slots {
  const { yearOf, ticksBefore, yearWith } = countedYears(cron, timeZone);

  const positionAt = (instant: number): number => {
    // The day that the instant is in: where clocks went back over midnight, they read the day before once more.
    let day = Math.floor((instant + offsetAt(instant, timeZone)) / dayLength) * dayLength;
    while (firstInstantAt(day + dayLength, timeZone) <= instant) day += dayLength;
    const year = new Date(day).getUTCFullYear();
    const { days, firsts, ticksOf } = yearOf(year);
    const before = ticksBefore(year);
    const at = countUpTo(days, day) - 1;
    return at < 0 ? before - 1 : before + firsts[at]! + countUpTo(ticksOf(days[at]!), instant) - 1;
  };

  const startAt = (position: number): number => {
    const year = yearWith(position);
    const { days, firsts, ticksOf } = yearOf(year);
    const rest = position - ticksBefore(year);
    const at = countUpTo(firsts, rest) - 1;
    return ticksOf(days[at]!)[rest - firsts[at]!]!;
  };

  const keyAt = (position: number): string => {
    const start = startAt(position);
    const offset = offsetAt(start, timeZone);
    const local = start + offset;
    const key = new Date(local).toISOString().slice(0, 16);
    const repeated = stretches(start - farthest, start, timeZone).some(
      (part) => part.start + part.offset <= local && part.end + part.offset > local,
    );
    return repeated ? key + offsetText(offset) : key;
  };

  const positionOf = (key: string): number | null => {
    const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})([+-]\d{2}:\d{2}(?::\d{2})?)?$/.exec(key);
    const day = match === null ? null : dayOf(match[1]!);
    if (match === null || day === null) return null;
    const local = day + (Number(match[2]) * 60 + Number(match[3])) * minute;
    for (const part of stretches(local - farthest, local + farthest, timeZone)) {
      const instant = local - part.offset;
      if (instant < part.start || instant >= part.end) continue;
      const position = positionAt(instant);
      if (startAt(position) === instant && keyAt(position) === key) return position;
    }
    return null;
  };

  return { positionOf, keyAt, startAt, positionAt };
}

interface CountedYears {
  readonly yearOf: (year: number) => CronYear;
  /** How many ticks there are from the year that was asked for first to the beginning of this one. */
  readonly ticksBefore: (year: number) => number;
  /** The year that a tick is in. */
  readonly yearWith: (position: number) => number;
}

/** Years of ticks, read and counted as they are asked for. */
function countedYears(cron: string, timeZone: string): CountedYears {
  const ticks = cronTicks(cron, timeZone);
  const times = cronTimes(ticks);
  const years = new Map<number, CronYear>();
  const before = new Map<number, number>();
  let [first, last] = [0, 0];
  let recent = 0;

  const yearOf = (year: number): CronYear => {
    let found = years.get(year);
    if (found === undefined) years.set(year, (found = cronYear(ticks, times, year, timeZone)));
    return found;
  };
  const ticksBefore = (year: number): number => {
    if (before.size === 0) {
      before.set(year, 0);
      first = last = recent = year;
    }
    for (; last < year; last += 1) before.set(last + 1, before.get(last)! + yearOf(last).count);
    for (; first > year; first -= 1) before.set(first - 1, before.get(first)! - yearOf(first - 1).count);
    return before.get(year)!;
  };
  const yearWith = (position: number): number => {
    let year = recent;
    while (ticksBefore(year + 1) <= position) {
      year += 1;
      if (year > lastYear) throw noMore(cron);
    }
    while (ticksBefore(year) > position) year -= 1;
    return (recent = year);
  };
  return { yearOf, ticksBefore, yearWith };
}

/** How many of the numbers, which are in order, are at most `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function noMore(cron: string): SluiceError {
  return new SluiceError("USAGE", `The cron expression "${cron}" has no more windows before the year ${lastYear}`, {
    hint: "Choose an earlier partition.",
  });
}
