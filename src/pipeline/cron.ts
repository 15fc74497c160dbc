// Cron expressions with a time zone. A fixed time that the clocks skip comes at the first moment after the gap, and one
// that they show twice comes once; where minutes or hours hold a `*` or a step, skipped times are left out and repeated
// ones come twice.
import { Cron } from "croner";
import { SluiceError } from "../errors.ts";
import { checkZone } from "./time-zone.ts";

/** The ticks of an expression in a zone. Instants are milliseconds since the epoch. */
export interface CronTicks {
  /** The first tick after an instant; null when there is none any more. */
  readonly next: (after: number) => number | null;
  /** Are minutes and hours without `*` and without steps? */
  readonly fixed: boolean;
  /** Minute and hour field. */
  readonly time: string;
  /** Fields for day of the month, month and day of the week. */
  readonly date: string;
}

const known = new Map<string, CronTicks>();

const nicknames: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Reads an expression of five fields; DEFINITION_INVALID, with what is wrong, where it is none. */
export function cronTicks(expression: string, timeZone: string): CronTicks {
  const name = `${timeZone} ${expression}`;
  const found = known.get(name);
  if (found !== undefined) return found;
  checkZone(timeZone);
  const text = nicknames[expression] ?? String(expression).trim().replace(/\s+/g, " ");
  const fields = text.split(" ");
  // A "?" would stand for the time at which the expression is read.
  if (fields.length !== 5 || text.includes("?")) throw notCron(expression);
  const cron = parse(text, timeZone, expression);
  if (cron.nextRun(new Date(0)) === null) {
    throw new SluiceError("DEFINITION_INVALID", `The cron expression "${expression}" never comes`, {
      hint: "Its day of the month is in none of its months.",
    });
  }
  const ticks: CronTicks = {
    next: (after) => cron.nextRun(new Date(after))?.getTime() ?? null,
    fixed: !/[*/]/.test(fields.slice(0, 2).join()),
    time: fields.slice(0, 2).join(" "),
    date: fields.slice(2).join(" "),
  };
  known.set(name, ticks);
  return ticks;
}

function parse(text: string, timezone: string, expression: string): Cron {
  try {
    return new Cron(text, { timezone, mode: "5-part", fixedTimeRule: "no-wildcard" });
  } catch (cause) {
    throw notCron(expression, cause);
  }
}

function notCron(expression: string, cause?: unknown): SluiceError {
  const reason = cause instanceof Error ? ` (${cause.message.replace(/^CronPattern: /, "").split("\n", 1)[0]})` : "";
  return new SluiceError("DEFINITION_INVALID", `"${expression}" is not a cron expression${reason}`, {
    hint: 'Write minute, hour, day of the month, month and day of the week: "0 2 * * *" is 02:00 each day.',
    ...(cause === undefined ? {} : { cause }),
  });
}
