// The ticks of a cron expression in a year. All days that the expression is for have the same times, but those on which
// the clocks are changed, whose ticks are worked out one by one.
import { cronTicks, type CronTicks } from "./cron.ts";
import { changesIn, farthest, firstInstantAt, stretches } from "./time-zone.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Days are local times at which they begin. */
export interface CronYear {
  /** Those that have ticks, in order. */
  readonly days: readonly number[];
  /** How many ticks of the year come before each of those. */
  readonly firsts: readonly number[];
  readonly count: number;
  /** The ticks of a day of the year that has any. */
  readonly ticksOf: (day: number) => readonly number[];
}

/** Times of an ordinary day, in milliseconds from its midnight. */
export function cronTimes({ time }: CronTicks): readonly number[] {
  const [minutes, hours] = time.split(" ");
  const inHour = drawn(`${minutes} * * * *`, 0, hour);
  return drawn(`0 ${hours} * * *`, 0, day).flatMap((start) => inHour.map((each) => start + each));
}

/** The year of an expression with these times. */
export function cronYear(ticks: CronTicks, times: readonly number[], year: number, timeZone: string): CronYear {
  const ordinary = daysOf(ticks, year);
  const special = new Map<number, readonly number[]>();
  const turning = daysOfChange(year, timeZone).filter((each) => new Date(each).getUTCFullYear() === year);
  if (turning.length > 0) {
    // Around the turn of the year days of the others count, too.
    const all = new Set([year - 1, year, year + 1].flatMap((each) => daysOf(ticks, each)));
    for (const each of turning) special.set(each, ticksOfChange(ticks.fixed, times, timeZone, each, all));
  }
  const days: number[] = [];
  const firsts: number[] = [];
  let count = 0;
  for (const each of [...new Set([...ordinary, ...special.keys()])].sort((a, b) => a - b)) {
    const size = special.get(each)?.length ?? times.length;
    if (size === 0) continue;
    days.push(each);
    firsts.push(count);
    count += size;
  }
  const ticksOf = (each: number): readonly number[] => {
    const known = special.get(each);
    if (known !== undefined) return known;
    const midnight = firstInstantAt(each, timeZone);
    return times.map((time) => midnight + time);
  };
  return { days, firsts, count, ticksOf };
}

/** Ticks of an expression in UTC, in [start, end). */
function drawn(expression: string, start: number, end: number): number[] {
  const { next } = cronTicks(expression, "UTC");
  const result: number[] = [];
  for (let tick = next(start - 1); tick !== null && tick < end; tick = next(tick)) result.push(tick);
  return result;
}

const knownDays = new Map<string, readonly number[]>();

/** Local days of a year that the expression is for: the same in all zones. */
function daysOf({ date }: CronTicks, year: number): readonly number[] {
  const name = `${year} ${date}`;
  let found = knownDays.get(name);
  if (found === undefined) {
    const [start, end] = [Date.UTC(year, 0), Date.UTC(year + 1, 0)];
    found =
      date === "* * *"
        ? Array.from({ length: (end - start) / day }, (_unused, at) => start + at * day)
        : drawn(`0 0 ${date}`, start, end);
    knownDays.set(name, found);
  }
  return found;
}

/** Local days whose hours are not those of every day, because the clocks are changed in them or right at their ends. */
function daysOfChange(year: number, timeZone: string): number[] {
  const days = new Set<number>();
  for (const { at } of [year - 1, year, year + 1].flatMap((each) => changesIn(each, timeZone))) {
    const near = Math.floor(at / day) * day;
    for (let each = near - 2 * day; each <= near + 2 * day; each += day) {
      if (firstInstantAt(each, timeZone) <= at && at <= firstInstantAt(each + day, timeZone)) days.add(each);
    }
  }
  return [...days];
}

/** Ticks of a day on which the clocks are changed. `days` are those the expression is for. */
function ticksOfChange(
  fixed: boolean,
  times: readonly number[],
  timeZone: string,
  local: number,
  days: ReadonlySet<number>,
): number[] {
  const [start, end] = [firstInstantAt(local, timeZone), firstInstantAt(local + day, timeZone)];
  const found = new Set<number>();
  /** The latest that the clocks have read: a fixed time that they read again has been. */
  let read = Number.NEGATIVE_INFINITY;
  for (const part of stretches(start - farthest, end, timeZone)) {
    const [from, to] = [part.start + part.offset, part.end + part.offset];
    // What the clocks have skipped comes at the first moment after.
    if (fixed && Number.isFinite(read) && localTimes(read, from, times, days).length > 0) found.add(part.start);
    for (const each of localTimes(fixed ? Math.max(from, read) : from, to, times, days)) found.add(each - part.offset);
    read = Math.max(read, to);
  }
  return [...found].filter((tick) => tick >= start && tick < end).sort((a, b) => a - b);
}

/** Local times in [low, high) at which an expression ticks on clocks that are never changed. */
function localTimes(low: number, high: number, times: readonly number[], days: ReadonlySet<number>): number[] {
  const result: number[] = [];
  for (let each = Math.floor(low / day) * day; each < high; each += day) {
    if (!days.has(each)) continue;
    for (const time of times) if (each + time >= low && each + time < high) result.push(each + time);
  }
  return result;
}
