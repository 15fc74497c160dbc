// Reads an option whose value is a length of time.
import { SluiceError } from "../errors.ts";
import { milliseconds, type Duration } from "../pipeline/duration.ts";

/** In milliseconds; USAGE, in one line, when it is none. */
export function durationOf(option: string, text: string): number {
  try {
    return milliseconds(text as Duration);
  } catch (cause) {
    throw new SluiceError("USAGE", `--${option} ${text} is not a length of time`, {
      hint: "Write a number and a unit, such as 90d, 12h or 30s.",
      cause,
    });
  }
}
