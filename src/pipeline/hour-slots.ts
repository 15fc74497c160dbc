// Hours of a time zone as a row of slots without gaps. A slot begins when the clocks begin an hour, or are put to another
// one. An hour that the clocks skip has no slot; one that they begin twice has two, the second with its offset in its key:
// "2026-10-25T01", "2026-10-25T01+00:00".
import { SluiceError } from "../errors.ts";
import { dayOf, type Slots } from "./calendar-slots.ts";
import { changesIn, farthest, offsetAt, stretches, type Stretch } from "./time-zone.ts";

const hour = 3_600_000;
const minute = 60_000;
/** Slots last from half an hour to an hour and a half, or a little more: three of them lie well within this. */
const reach = 6 * hour;

/** The hour that clocks so far ahead read at an instant, counted from the epoch. */
const hourAt = (instant: number, offset: number): number => Math.floor((instant + offset) / hour);

/**
 * What is added to the hour that the clocks read to get the position, once the clocks have been changed from `before` to
 * `after` at `at`: positions go on by one where a slot begins, whatever the clocks then read.
 */
function correction(at: number, before: number, after: number): number {
  const last = hourAt(at - 1, before);
  const next = hourAt(at, after);
  return last + (begins(at, before, after) ? 1 : 0) - next;
}

/** Does a slot begin at this change of the clocks? */
function begins(at: number, before: number, after: number): boolean {
  return hourAt(at - 1, before) !== hourAt(at, after) || (at + after) % hour === 0;
}

/** The corrections of a zone, summed up from the year asked for first to the beginning of others, which are added as they are asked for. */
interface Corrections {
  readonly byYear: Map<number, number>;
  first: number;
  last: number;
}

const zones = new Map<string, Corrections>();

function correctionBefore(year: number, timeZone: string): number {
  let known = zones.get(timeZone);
  if (known === undefined) zones.set(timeZone, (known = { byYear: new Map([[year, 0]]), first: year, last: year }));
  for (; known.last < year; known.last += 1) {
    known.byYear.set(known.last + 1, known.byYear.get(known.last)! + sumOf(known.last, timeZone));
  }
  for (; known.first > year; known.first -= 1) {
    known.byYear.set(known.first - 1, known.byYear.get(known.first)! - sumOf(known.first - 1, timeZone));
  }
  return known.byYear.get(year)!;
}

function sumOf(year: number, timeZone: string): number {
  return changesIn(year, timeZone).reduce(
    (sum, { at, offset }) => sum + correction(at, offsetAt(at - 1, timeZone), offset),
    0,
  );
}

function correctionAt(instant: number, timeZone: string): number {
  const year = new Date(instant).getUTCFullYear();
  return changesIn(year, timeZone).reduce(
    (sum, { at, offset }) => (at > instant ? sum : sum + correction(at, offsetAt(at - 1, timeZone), offset)),
    correctionBefore(year, timeZone),
  );
}

/** Hours of a zone. */
export function hourSlots(timeZone: string): Slots {
  const positionAt = (instant: number): number =>
    hourAt(instant, offsetAt(instant, timeZone)) + correctionAt(instant, timeZone);
  const startAt = (position: number): number => {
    let near = position * hour;
    for (let off = position - positionAt(near); Math.abs(off) > 2; off = position - positionAt(near))
      near += off * hour;
    for (const part of stretches(near - reach, near + reach, timeZone)) {
      const instant = Math.max((position - correctionAt(part.start, timeZone)) * hour - part.offset, part.start);
      if (instant < part.end && positionAt(instant) === position) return instant;
    }
    throw new SluiceError("INTERNAL", `Hour ${position} of ${timeZone} was not found`);
  };
  const keyAt = (position: number): string => {
    const start = startAt(position);
    const offset = offsetAt(start, timeZone);
    const key = new Date(hourAt(start, offset) * hour).toISOString().slice(0, 13);
    return isRepeated(start, offset) ? key + offsetText(offset) : key;
  };
  /** Have the clocks read this hour before, in a slot that ended? */
  const isRepeated = (start: number, offset: number): boolean => {
    const label = hourAt(start, offset);
    return stretches(start - farthest, start, timeZone).some(
      (part) =>
        part.end > part.start && hourAt(part.start, part.offset) <= label && hourAt(part.end - 1, part.offset) >= label,
    );
  };
  return { keyAt, startAt, positionAt, positionOf: (key) => positionOf(key) };

  function positionOf(key: string): number | null {
    const match = /^(\d{4}-\d{2}-\d{2})T(\d{2})([+-]\d{2}:\d{2}(?::\d{2})?)?$/.exec(key);
    const local = match === null ? null : dayOf(match[1]!);
    if (match === null || local === null || Number(match[2]) > 23) return null;
    const label = local / hour + Number(match[2]);
    for (const part of stretches(label * hour - farthest, label * hour + farthest, timeZone)) {
      const instant = instantOf(label, part);
      if (instant === null) continue;
      const position = positionAt(instant);
      if (keyAt(position) === key) return position;
    }
    return null;
  }
}

/** When the clocks of a stretch first read an hour; null when they don't. */
function instantOf(label: number, { start, end, offset }: Stretch): number | null {
  const instant = Math.max(start, label * hour - offset);
  return instant < end && hourAt(instant, offset) === label ? instant : null;
}

/** "+01:00"; with seconds where a zone of former times had any. */
export function offsetText(offset: number): string {
  const size = Math.abs(offset);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const seconds = (size % minute) / 1000;
  return `${offset < 0 ? "-" : "+"}${two(size / hour)}:${two((size % hour) / minute)}${seconds === 0 ? "" : `:${two(seconds)}`}`;
}
