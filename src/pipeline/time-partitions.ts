// Slices of time: hours, days, weeks, months, or the time between the ticks of a cron expression. All that is asked of
// a set is answered by arithmetic on positions, so a million partitions are as quick as ten. Pure.
import { SluiceError, type ErrorCode } from "../errors.ts";
import { calendarSlots, dayOf, type Slots } from "./calendar-slots.ts";
import { cronSlots } from "./cron-slots.ts";
import { cronTicks } from "./cron.ts";
import { hourSlots } from "./hour-slots.ts";
import type { TimePartitions } from "./partition.ts";
import { checkZone, firstInstantAt } from "./time-zone.ts";

/** Which slices of time there are, and in whose time zone they begin. */
export interface TimeOptions {
  /** The first: its key, or the day it is or begins in ("2026-01-01"). */
  readonly from: string;
  /** The last, inclusive; as `from`, where a day stands for all that begins in it. Open when absent. */
  readonly to?: string;
  /** IANA zone whose clocks begin and end them. @default "UTC" */
  readonly timeZone?: string;
}

/** Which days a pipeline has a partition for, and in whose time zone they begin. */
export interface DailyOptions extends TimeOptions {
  /** First day, "YYYY-MM-DD". */
  readonly from: string;
  /** Last day, inclusive; open when absent. */
  readonly to?: string;
}

/** Windows that begin with each tick of a cron expression and end with the next. */
export interface TimeWindowOptions extends TimeOptions {
  /** Minute, hour, day of the month, month, day of the week: "0 6 * * 1-5". */
  readonly cron: string;
}

type Unit = TimePartitions["unit"];

/** How keys of a unit are written, for people. */
const forms: Readonly<Record<Unit, readonly [what: string, example: string]>> = {
  hour: ["an hour", "Write hours as YYYY-MM-DDTHH, such as 2026-01-04T09"],
  day: ["a day", "Write days as YYYY-MM-DD, such as 2011-01-04"],
  week: ["a week", "Write weeks of ISO 8601 as YYYY-Www, such as 2026-W01"],
  month: ["a month", "Write months as YYYY-MM, such as 2026-01"],
  cron: ["the start of a window", "Write its local start as YYYY-MM-DDTHH:MM, such as 2026-01-05T06:00"],
};

/** One partition per hour of a zone's clocks, "2026-01-04T09". An hour that comes twice has its offset in the second key. */
export function hourly(options: TimeOptions): TimePartitions {
  return timePartitions("hour", null, options);
}

/** One partition per calendar day of a zone; a day is 23 or 25 hours long where the clocks change. */
export function daily(options: DailyOptions): TimePartitions {
  return timePartitions("day", null, options);
}

/** One partition per week of ISO 8601, from Monday to Sunday, "2026-W01". */
export function weekly(options: TimeOptions): TimePartitions {
  return timePartitions("week", null, options);
}

/** One partition per calendar month, "2026-01". */
export function monthly(options: TimeOptions): TimePartitions {
  return timePartitions("month", null, options);
}

/** One partition from each tick of a cron expression to the next, by its local start, "2026-01-05T06:00". */
export function timeWindows(options: TimeWindowOptions): TimePartitions {
  const timeZone = options.timeZone ?? "UTC";
  cronTicks(options.cron, timeZone);
  return timePartitions("cron", options.cron, options);
}

function timePartitions(unit: Unit, cron: string | null, options: TimeOptions): TimePartitions {
  const timeZone = options.timeZone ?? "UTC";
  checkZone(timeZone);
  const set = { type: "time", unit, cron, from: "", to: null, timeZone } as const;
  const from = firstFrom(set, options.from);
  const to = options.to === undefined ? null : lastTo(set, options.to);
  if (to !== null && to < from) {
    throw new SluiceError("DEFINITION_INVALID", `The partitions are none: ${options.from} is after ${options.to}`, {
      hint: "Swap `from` and `to`.",
    });
  }
  const { keyAt } = slotsOf(set);
  return Object.freeze({ ...set, from: keyAt(from), to: to === null ? null : keyAt(to) });
}

/** The first slot from a limit on: the slot of that key, or the first that is of that day. */
function firstFrom(set: TimePartitions, limit: string): number {
  const slots = slotsOf(set);
  const position = slots.positionOf(limit);
  if (position !== null) return position;
  const start = startOfDay(set, limit);
  const found = slots.positionAt(start);
  // A week or a month counts as its first day's; a window or an hour that began the day before doesn't.
  return (set.unit === "hour" || set.unit === "cron") && slots.startAt(found) < start ? found + 1 : found;
}

/** The last slot up to a limit: the slot of that key, or the last that begins by the end of that day. */
function lastTo(set: TimePartitions, limit: string): number {
  const slots = slotsOf(set);
  return slots.positionOf(limit) ?? slots.positionAt(startOfDay(set, limit, 1) - 1);
}

function startOfDay(set: TimePartitions, text: string, later: number = 0): number {
  const day = dayOf(text);
  if (day === null) throw notKey(set, text, "DEFINITION_INVALID");
  return firstInstantAt(day + later * 86_400_000, set.timeZone);
}

const known = new Map<string, Slots>();

/** The slots that the partitions are some of. */
export function slotsOf({ unit, cron, timeZone }: TimePartitions): Slots {
  const name = `${unit} ${timeZone} ${cron ?? ""}`;
  let found = known.get(name);
  if (found === undefined) {
    found =
      unit === "hour"
        ? hourSlots(timeZone)
        : unit === "cron"
          ? cronSlots(cron!, timeZone)
          : calendarSlots(unit, timeZone);
    known.set(name, found);
  }
  return found;
}

/** Positions of the first and the last partition; of a set without a last one, infinity. */
export function bounds(set: TimePartitions): { readonly first: number; readonly last: number } {
  const { positionOf } = slotsOf(set);
  return { first: positionOf(set.from)!, last: set.to === null ? Number.POSITIVE_INFINITY : positionOf(set.to)! };
}

/** Position of a key that the set has; USAGE where it has none. */
export function positionIn(set: TimePartitions, key: string): number {
  const position = slotsOf(set).positionOf(key);
  if (position === null) throw notKey(set, key, "USAGE");
  const { first, last } = bounds(set);
  if (position >= first && position <= last) return position;
  throw new SluiceError(
    "USAGE",
    `The partition ${key} is outside the pipeline's partitions, ${set.from} to ${set.to ?? `any later ${set.unit === "cron" ? "window" : set.unit}`}`,
    { hint: "Change the partition, or the pipeline's `partitions`." },
  );
}

/** Position of the last slot that has ended by an instant; it may lie outside the set. */
export function lastEndedBy(set: TimePartitions, instant: number): number {
  return slotsOf(set).positionAt(instant) - 1;
}

function notKey(set: TimePartitions, key: string, code: ErrorCode): SluiceError {
  const [what, example] = forms[set.unit];
  const local = set.unit === "hour" || set.unit === "cron";
  return new SluiceError(
    code,
    `"${key}" is not ${what}${local && /^\d{4}-\d{2}-\d{2}T/.test(key) ? ` of ${describeUnit(set)}` : ""}`,
    {
      hint: `${example}.`,
    },
  );
}

function describeUnit({ unit, cron, timeZone }: TimePartitions): string {
  return unit === "cron" ? `"${cron}" in ${timeZone}` : timeZone;
}

/** "days from 2026-01-01 in Asia/Taipei" */
export function describeTime(set: TimePartitions): string {
  const what = set.unit === "cron" ? `windows of "${set.cron}"` : `${set.unit}s`;
  return `${what} from ${set.from}${set.to === null ? "" : ` to ${set.to}`} in ${set.timeZone}`;
}
