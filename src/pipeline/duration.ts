// Durations as people write them: "500ms", "30s", "5m", "2h", "7d".
import { SluiceError } from "../errors.ts";

/** A length of time with its unit: "250ms", "30s", "5m", "2h", "1d". */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The duration in whole milliseconds. */
export function milliseconds(duration: Duration): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration);
  if (match === null) {
    throw new SluiceError("DEFINITION_INVALID", `"${duration}" is not a duration`, {
      hint: 'Write a number and a unit: "500ms", "30s", "5m", "2h", "7d".',
    });
  }
  // 1.1 minutes is 66000.00000000001 by floating-point arithmetic, and times are kept as integers.
  const result = Math.round(Number(match[1]) * units[match[2] as keyof typeof units]);
  if (Number.isSafeInteger(result)) return result;
  throw new SluiceError("DEFINITION_INVALID", `"${duration}" is too long for a duration`, {
    hint: "Write fewer days.",
  });
}
