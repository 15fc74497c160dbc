// What the clocks of a zone read, minute by minute, found in another way than the code finds it: the measure of
// everything that cuts time.

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks read, as "YYYY-MM-DD HH:MM". */
export function localText(instant: number, timeZone: string): string {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
    formats.set(timeZone, format);
  }
  return format.format(instant);
}

/** The same as a number of milliseconds, as if it were UTC. */
export function localTime(instant: number, timeZone: string): number {
  return Date.parse(`${localText(instant, timeZone).replace(" ", "T")}:00Z`);
}

export function offsetName(instant: number, timeZone: string): string {
  const offset = (localTime(instant, timeZone) - instant) / minute;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}

/** Instants at which the clocks of these zones were or will be changed, by whole minutes, and others at which they are not. */
export const zones = [
  "UTC",
  "Europe/London",
  "America/New_York",
  "Asia/Taipei",
  "America/Sao_Paulo",
  "Australia/Lord_Howe",
  "America/St_Johns",
  "Asia/Kathmandu",
  "Antarctica/Troll",
  "Africa/Casablanca",
  "Pacific/Apia",
] as const;

/** Days, as UTC midnights, around which something happens to the clocks; from 1975 to 2035. */
const turningDays = new Map<string, number[]>();

export function daysOfInterest(timeZone: string): readonly number[] {
  let found = turningDays.get(timeZone);
  if (found === undefined) {
    found = [];
    for (let at = Date.UTC(1975, 0); at < Date.UTC(2035, 0); at += day) {
      const shift = localTime(at + day, timeZone) - localTime(at, timeZone);
      if (shift !== day) found.push(at);
    }
    // Something to choose from in zones where nothing happens.
    found.push(Date.UTC(1979, 11, 30), Date.UTC(2000, 1, 28), Date.UTC(2026, 11, 30));
    turningDays.set(timeZone, found);
  }
  return found;
}
