// Keeps to an API's rate limit: waits before a request where the last answer said that nothing is left, or where requests
// would follow one another faster than the connection says. It knows of one reader; several share a limit through the API.
import type { Clock } from "../../clock.ts";

export interface Throttle {
  /** Milliseconds to wait before the next request; 0 to go on. */
  wait(): number;
  /** A request goes out now. */
  sent(): void;
  /** Learns from the headers of an answer. */
  learn(headers: Headers): void;
}

export function createThrottle(clock: Clock, intervalMs: number | null): Throttle {
  let next = 0;
  let resetAt = 0;
  return {
    wait: () => Math.max(0, next - clock.now(), resetAt - clock.now()),
    sent: () => {
      if (intervalMs !== null) next = Math.max(next, clock.now()) + intervalMs;
    },
    learn: (headers) => {
      const { remaining, resetMs } = quotaOf(headers, clock);
      resetAt = remaining === 0 && resetMs !== null ? clock.now() + resetMs : 0;
    },
  };
}

/** What an answer says of the limit: how many requests are left, and when the count begins anew. Null: it doesn't say. */
export interface Quota {
  readonly remaining: number | null;
  /** Milliseconds from now. */
  readonly resetMs: number | null;
}

/**
 * Reads the headers that APIs use: `RateLimit: "default";r=50;t=30` (draft-ietf-httpapi-ratelimit-headers-08 and later),
 * `RateLimit: limit=100, remaining=50, reset=30` and `RateLimit-Remaining`/`-Reset` (its earlier drafts), and
 * `X-RateLimit-Remaining`/`-Reset`, whose reset is seconds from now with some and an instant with others.
 */
export function quotaOf(headers: Headers, clock: Clock): Quota {
  const structured = headers.get("ratelimit");
  if (structured !== null) {
    // Several policies may be told of; the one with the least left is the one that stops us.
    const policies = structured.includes(";") ? structured.split(",") : [structured];
    const quotas = policies.map((policy) => ({
      remaining: numberIn(policy, /\b(?:r|remaining)\s*=\s*(\d+)/),
      resetMs: resetOf(numberIn(policy, /\b(?:t|reset)\s*=\s*(\d+)/), clock),
    }));
    const least = quotas.sort((a, b) => (a.remaining ?? Infinity) - (b.remaining ?? Infinity))[0]!;
    if (least.remaining !== null) return least;
  }
  for (const prefix of ["ratelimit", "x-ratelimit", "x-rate-limit"]) {
    const remaining = numberIn(headers.get(`${prefix}-remaining`) ?? "", /^\s*(\d+)/);
    if (remaining === null) continue;
    return { remaining, resetMs: resetOf(numberIn(headers.get(`${prefix}-reset`) ?? "", /^\s*(\d+)/), clock) };
  }
  return { remaining: null, resetMs: null };
}

/** RFC 9110 §10.2.3: a number of seconds or an HTTP date. In milliseconds from now. */
export function retryAfter(headers: Headers, clock: Clock): number | null {
  const value = headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return null;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - clock.now());
}

/** Ten digits are an instant in seconds, thirteen one in milliseconds; less is seconds from now. */
function resetOf(value: number | null, clock: Clock): number | null {
  if (value === null) return null;
  if (value > 1e12) return Math.max(0, value - clock.now());
  if (value > 1e9) return Math.max(0, value * 1000 - clock.now());
  return value * 1000;
}

function numberIn(text: string, pattern: RegExp): number | null {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}
