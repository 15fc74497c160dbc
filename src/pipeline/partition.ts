// Partitions: the slices of time a pipeline works through one run at a time. Ranges, never lists: a set of
// partitions is a rule, and keys are made as they are asked for. Pure.
import { SluiceError, type ErrorCode } from "../errors.ts";

/** One slice: [start, end), as UTC instants in ISO 8601, under a key such as "2011-01-04". */
export interface Partition {
  readonly key: string;
  readonly start: string;
  readonly end: string;
}

/** Which days a pipeline has a partition for, and in whose time zone they begin. */
export interface DailyOptions {
  /** First day, "YYYY-MM-DD". */
  readonly from: string;
  /** Last day, inclusive; open when absent. */
  readonly to?: string;
  /** IANA zone whose midnights begin and end the day. @default "UTC" */
  readonly timeZone?: string;
}

/** How a pipeline's time is cut, as plain data in the plan. */
export interface Partitions {
  readonly unit: "day";
  readonly from: string;
  readonly to: string | null;
  readonly timeZone: string;
}

/** One partition per calendar day of a zone; a day is 23 or 25 hours long where the clocks change. */
export function daily(options: DailyOptions): Partitions {
  const timeZone = options.timeZone ?? "UTC";
  checkDay(options.from, "DEFINITION_INVALID");
  if (options.to !== undefined) checkDay(options.to, "DEFINITION_INVALID");
  if (options.to !== undefined && options.to < options.from) {
    throw new SluiceError("DEFINITION_INVALID", `The partitions are none: ${options.from} is after ${options.to}`, {
      hint: "Swap `from` and `to`.",
    });
  }
  checkZone(timeZone);
  return Object.freeze({ unit: "day", from: options.from, to: options.to ?? null, timeZone });
}

/** The partition with this key, or a clear error when the set has none. */
export function partitionAt(partitions: Partitions, key: string): Partition {
  checkDay(key);
  if (key < partitions.from || (partitions.to !== null && key > partitions.to)) {
    throw new SluiceError(
      "USAGE",
      `The partition ${key} is outside the pipeline's partitions, ${partitions.from} to ${partitions.to ?? "any later day"}`,
      {
        hint: "Change the partition, or the pipeline's `partitions`.",
      },
    );
  }
  const day = Date.parse(key);
  return { key, start: startOfDay(day, partitions.timeZone), end: startOfDay(day + dayLength, partitions.timeZone) };
}

/** Keys from `from` to `to`, both inclusive, in order, made as they are drawn. A range that can't be throws at once. */
export function partitionKeys(partitions: Partitions, from: string, to: string): Generator<string> {
  partitionAt(partitions, from);
  partitionAt(partitions, to);
  if (from > to) {
    throw new SluiceError("USAGE", `The range is empty: ${from} is after ${to}`, { hint: "Swap --from and --to." });
  }
  return keysBetween(Date.parse(from), Date.parse(to));
}

function* keysBetween(from: number, to: number): Generator<string> {
  for (let day = from; day <= to; day += dayLength) yield keyOf(day);
}

/** Milliseconds of a calendar day, counted as if it lay in UTC, where all are equally long. */
const dayLength = 86_400_000;

function keyOf(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

function checkDay(key: string, code: ErrorCode = "USAGE"): void {
  // Date.parse takes a 30 February for a 2 March.
  if (
    /^\d{4}-\d{2}-\d{2}$/.test(key) &&
    key >= "1000" &&
    !Number.isNaN(Date.parse(key)) &&
    keyOf(Date.parse(key)) === key
  )
    return;
  throw new SluiceError(code, `"${key}" is not a day`, { hint: "Write days as YYYY-MM-DD, such as 2011-01-04." });
}

function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone }).format(0);
  } catch {
    throw new SluiceError("DEFINITION_INVALID", `"${timeZone}" is not a time zone`, {
      hint: 'Use an IANA name, such as "Europe/London".',
    });
  }
}

/** The instant at which the day begins in the zone: its first moment, also where midnight comes twice or not at all. */
function startOfDay(day: number, timeZone: string): string {
  return new Date(timeZone === "UTC" ? day : day - offsetAtStart(day, timeZone)).toISOString();
}

/** What the zone's clocks are ahead of UTC, in milliseconds, when the day begins; as if, where midnight is skipped. */
function offsetAtStart(day: number, timeZone: string): number {
  // No zone is further from UTC than a day; between these two instants its clocks read midnight, if they ever do.
  const [before, after] = [day - dayLength, day + dayLength];
  const offsets = [offsetAt(before, timeZone), offsetAt(after, timeZone), offsetAt(day, timeZone)];
  // The larger the offset, the earlier the instant: where midnight comes twice, the first one begins the day.
  const right = offsets.sort((a, b) => b - a).find((offset) => offsetAt(day - offset, timeZone) === offset);
  if (right !== undefined) return right;
  // The clocks go forward over midnight: the day begins at that change, which lies between two whole seconds.
  let [early, late] = [before / 1000, after / 1000];
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (middle * 1000 + offsetAt(middle * 1000, timeZone) < day) early = middle;
    else late = middle;
  }
  return day - late * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the zone's clocks are ahead of UTC at a whole second, in milliseconds. */
function offsetAt(instant: number, timeZone: string): number {
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
