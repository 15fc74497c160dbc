// When a failed attempt is tried again. Pure data and one formula.
import { SluiceError } from "../errors.ts";
import { milliseconds, type Duration } from "./duration.ts";

/** How often, and after which waits, a failed attempt is made again. */
export interface RetryOptions {
  /** Further attempts after the first. @default 2 */
  readonly limit?: number;
  /** Wait before the first retry. @default "1s" */
  readonly delay?: Duration;
  /** Does the wait double with each retry? @default "exponential" */
  readonly backoff?: "constant" | "exponential";
  /** The wait never exceeds this. @default "10m" */
  readonly maxDelay?: Duration;
}

export interface RetryPolicy {
  readonly limit: number;
  readonly delayMs: number;
  readonly backoff: "constant" | "exponential";
  readonly maxDelayMs: number;
}

/** The options with their defaults; DEFINITION_INVALID where they can't be meant. */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { limit = 2, backoff = "exponential" } = options;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new SluiceError("DEFINITION_INVALID", `A retry limit of ${limit} can't be kept`, {
      hint: "Write a whole number; 0 for no retry.",
    });
  }
  if (backoff !== "exponential" && backoff !== "constant") {
    throw new SluiceError("DEFINITION_INVALID", `"${String(backoff)}" is not a backoff`, {
      hint: 'Write "exponential" or "constant".',
    });
  }
  return {
    limit,
    delayMs: milliseconds(options.delay ?? "1s"),
    backoff,
    maxDelayMs: milliseconds(options.maxDelay ?? "10m"),
  };
}

/** Milliseconds to wait after the `failures`-th failure (1-based): delay × 2^(failures − 1), capped. */
export function retryDelay(policy: RetryPolicy, failures: number): number {
  const factor = policy.backoff === "exponential" ? 2 ** Math.min(failures - 1, 40) : 1;
  return Math.min(policy.delayMs * factor, policy.maxDelayMs);
}
