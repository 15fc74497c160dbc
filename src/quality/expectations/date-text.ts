// Can a text be read as a date or time? Pure. It knows the usual ways of writing them in English and in numbers, and
// asks whether there is a reading at all, not which one is meant.

const months = "january february march april may june july august september october november december".split(" ");
const weekdays = "monday tuesday wednesday thursday friday saturday sunday".split(" ");

/** True where `text` has a reading as a date, as a date and a time, or as a time of day. */
export function readsAsDate(text: string): boolean {
  let rest = text.trim();
  if (rest === "" || rest.length > 80) return false;
  const time = takeTime(rest);
  if (time === null) return false;
  rest = time.rest;
  const words = rest
    .toLowerCase()
    .replace(/(\d)(?:st|nd|rd|th)\b/g, "$1")
    .replace(/([a-z])(?=\d)|(\d)(?=[a-z])/g, "$1$2 ")
    .split(/[\s,]+|(?<=[a-z\d])[-/.](?=[a-z\d])/)
    .map((word) => word.replace(/\.$/, ""))
    .filter((word) => word !== "" && word !== "of" && word !== "t");
  const day = words.filter((word) => nameOf(word, weekdays) === 0);
  if (words.length === 0 || day.length > 1) return words.length === 0 && time.found;
  const parts = words.filter((word) => nameOf(word, weekdays) !== 0);
  if (parts.length === 0) return true;
  return dateOf(parts);
}

/** Position of a name from 1 by its first three letters or more, 0 for a weekday's, -1 if it is none. */
function nameOf(word: string, names: readonly string[]): number {
  if (word.length < 3) return -1;
  const at = names.findIndex((name) => name.startsWith(word));
  return at < 0 ? -1 : names === weekdays ? 0 : at + 1;
}

/** Cuts off a time of day with its offset; null where there is one that no clock shows. */
function takeTime(text: string): { readonly rest: string; readonly found: boolean } | null {
  const clock =
    /(?:^|[T\s])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*(am|pm)?\s*(Z|UTC|GMT|[A-Z]{3,4}|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?=$|\s|,)/i;
  const match = clock.exec(text);
  if (match === null) return { rest: text, found: false };
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  const isHour = match[4] === undefined ? hour <= 23 : hour >= 1 && hour <= 12;
  if (!isHour || minute > 59 || second > 60) return null;
  // A month behind the time is not a zone.
  const zone = match[5] !== undefined && nameOf(match[5].toLowerCase(), months) > 0 ? ` ${match[5]}` : "";
  return {
    rest: `${text.slice(0, match.index)} ${zone}${text.slice(match.index + match[0].length)}`.trim(),
    found: true,
  };
}

function dateOf(parts: readonly string[]): boolean {
  if (parts.length > 3) return false;
  const named = parts.filter((part) => nameOf(part, months) > 0);
  const numbers = parts.filter((part) => /^\d+$/.test(part));
  if (named.length > 1 || named.length + numbers.length !== parts.length) return false;
  if (parts.length === 1) return named.length === 1 || compact(parts[0]!);
  const values = numbers.map(Number);
  if (numbers.some((text) => text.length > 4 || text.length === 3)) return false;
  const long = numbers.filter((text) => text.length === 4).length;
  if (long > 1) return false;
  if (named.length === 1) {
    const month = nameOf(named[0]!, months);
    if (values.length === 1) return long === 1 || (values[0]! >= 1 && values[0]! <= 31);
    return readings(values).some(([day, year]) => isDay(year, month, day));
  }
  if (values.length === 2)
    return long === 1 ? values.some((value) => value >= 1 && value <= 12) : isDay(2000, ...order(values));
  return permutations(values).some(([year, month, day]) => isDay(year, month, day));
}

/** "20200131", with the time behind it or not. */
function compact(text: string): boolean {
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?$/.exec(text);
  if (match === null) return /^\d{4}$/.test(text);
  const [, year, month, day, hour = "0", minute = "0", second = "0"] = match;
  return (
    isDay(Number(year), Number(month), Number(day)) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 61
  );
}

function order(values: readonly number[]): [number, number] {
  const [a, b] = values as [number, number];
  return a <= 12 ? [a, b] : [b, a];
}

function readings([a, b]: readonly number[]): [number, number][] {
  return [
    [a!, fullYear(b!)],
    [b!, fullYear(a!)],
  ];
}

function permutations([a, b, c]: readonly number[]): [number, number, number][] {
  return [
    [fullYear(a!), b!, c!],
    [fullYear(c!), a!, b!],
    [fullYear(c!), b!, a!],
  ];
}

/** Two digits are of this century or the last: both are there, and their calendars differ in no way that matters here. */
function fullYear(year: number): number {
  return year < 100 ? year + 2000 : year;
}

function isDay(year: number, month: number, day: number): boolean {
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return false;
  return day <= new Date(Date.UTC(2000, month, 0)).getUTCDate() && (month !== 2 || day <= februaryOf(year));
}

function februaryOf(year: number): number {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}
