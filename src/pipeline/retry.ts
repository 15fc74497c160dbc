// When a failed attempt is tried again. Pure data and one formula.
import { SluiceError, type Failure } from "../errors.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { share } from "./share.ts";

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
  /** The share, 0 to 1, by which a wait may be shorter or longer, so that not all come back at once. @default 0 */
  readonly jitter?: number;
}

/**
 * Says whether a failure is worth another try. `error` is what is stored with the attempt, `thrown` what the code threw.
 * It is asked in the worker; one that throws counts as yes.
 */
export type RetryVerdict = (error: Failure, thrown: unknown) => boolean;

/** How a step's failed attempts are made again, and which. */
export interface StepRetryOptions extends RetryOptions {
  /** Has the last word on whether a failure is tried again. @default what the error itself says */
  readonly retryable?: RetryVerdict;
}

export interface RetryPolicy {
  readonly limit: number;
  readonly delayMs: number;
  readonly backoff: "constant" | "exponential";
  readonly maxDelayMs: number;
  readonly jitter: number;
}

/** The options with their defaults; DEFINITION_INVALID where they can't be meant. */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { limit = 2, backoff = "exponential", jitter = 0 } = options;
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
  if (typeof jitter !== "number" || !(jitter >= 0 && jitter <= 1)) {
    throw new SluiceError("DEFINITION_INVALID", `A retry jitter of ${String(jitter)} can't be kept`, {
      hint: "Write a share from 0 to 1: 0.2 makes a wait of 10 s one of 8 to 12 s.",
    });
  }
  return {
    limit,
    delayMs: milliseconds(options.delay ?? "1s"),
    backoff,
    maxDelayMs: milliseconds(options.maxDelay ?? "10m"),
    jitter,
  };
}

/**
 * Milliseconds to wait after the `failures`-th failure (1-based): delay × 2^(failures − 1) × (1 ± jitter), capped. What
 * the jitter comes to depends on `seed` alone, so that a replay waits as long.
 */
export function retryDelay(policy: RetryPolicy, failures: number, seed: string): number {
  const factor = policy.backoff === "exponential" ? 2 ** Math.min(failures - 1, 40) : 1;
  const spread = policy.jitter === 0 ? 1 : 1 + policy.jitter * (2 * share(seed) - 1);
  return Math.min(Math.round(policy.delayMs * factor * spread), policy.maxDelayMs);
}
