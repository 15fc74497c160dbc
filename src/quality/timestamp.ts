// The schema of a point in time written as text. It says which texts are valid, the same in JS and in the columnar
// engine; the conversion to an instant is the engine's (ICU) and happens in the dataset only.
import { z } from "zod";
import { SluiceError } from "../errors.ts";
import { quoteLiteral } from "../dataset/sql.ts";

/** In which zone the times were written. */
export interface TimestampOptions {
  /** IANA name of the zone whose wall clock wrote the times, such as "Europe/London". */
  readonly timeZone: string;
}

// The checks outlive the schema they were given to: .refine() and .min() copy the schema but keep its checks.
const zones = new WeakMap<object, string>();

const shape =
  /^(\d{4})-(\d{2})-(\d{2})[ T]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?$/;

/**
 * A time of a zone's wall clock, `YYYY-MM-DD HH:MM[:SS[.ffffff]]` with a space or T, or an instant: the same with Z or
 * an offset. Days that no calendar has are rejected. In TypeScript the row's value is the string; in a dataset it
 * becomes TIMESTAMP WITH TIME ZONE (UTC microseconds). Of a wall-clock time that happens twice (clocks go back) the
 * second, standard-time instant is taken; one that never happens (clocks go forward) is read with the offset before
 * the change: 01:30 in the London gap is 01:30 UTC.
 *
 * ```ts
 * z.strictObject({ invoice_date: timestamp({ timeZone: "Europe/London" }) })
 * ```
 */
export function timestamp(options: TimestampOptions): z.ZodString {
  try {
    // A bare offset such as "+05:30" is a zone to JS, and the opposite one to some engines.
    if (!/^[A-Za-z]/.test(options.timeZone)) throw new RangeError("not a name");
    Intl.DateTimeFormat("en", { timeZone: options.timeZone });
  } catch (cause) {
    throw new SluiceError("DEFINITION_INVALID", `timestamp(): "${options.timeZone}" is not a time zone`, {
      hint: 'Use an IANA name such as "Europe/London" or "UTC".',
      cause,
    });
  }
  const check = z.check<string>((payload) => {
    if (isTimestamp(payload.value)) return;
    payload.issues.push({
      code: "custom",
      input: payload.value,
      params: { rule: "timestamp" },
      message: "Invalid timestamp: expected YYYY-MM-DD HH:MM[:SS], with or without an offset",
    });
  });
  zones.set(check, options.timeZone);
  return z.string().check(check);
}

/** The zone of a check that `timestamp` made; undefined for any other check. */
export function zoneOf(check: object): string | undefined {
  return zones.get(check);
}

/** Is `text` a time that `timestamp` accepts? */
export function isTimestamp(text: string): boolean {
  const match = shape.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** SQL of the instant that the text `cell` stands for; null exactly where `isTimestamp` says no. */
export function timestampSql(cell: string, timeZone: string): string {
  // The engine's cast knows the calendar and the clock; the patterns only have to hold it to one way of writing.
  const minute = String.raw`\A[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-9]{2}`;
  const rest = String.raw`(:[0-9]{2}(\.[0-9]{1,6})?)?`;
  const offset = String.raw`(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)`;
  // An instant without seconds is given them: the cast wants them before an offset.
  const full = `CASE WHEN substr(${cell}, 17, 1) = ':' THEN ${cell} ELSE concat(left(${cell}, 16), ':00', substr(${cell}, 17)) END`;
  return (
    `CASE WHEN ${cell} < '0001' THEN NULL ` +
    `WHEN regexp_matches(${cell}, '${minute}${rest}\\z') THEN timezone(${quoteLiteral(timeZone)}, TRY_CAST(${cell} AS TIMESTAMP)) ` +
    `WHEN regexp_matches(${cell}, '${minute}${rest}${offset}\\z') THEN TRY_CAST(${full} AS TIMESTAMPTZ) END`
  );
}
