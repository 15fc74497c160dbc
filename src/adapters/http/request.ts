// One request, carried through: at the pace that the API allows, redirects within the origin, retries with growing waits, a
// limit on time and size, a token renewed when it has run out. It answers with the text of an accepted answer, or throws the
// error that a user should see. It never shows a secret.
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import type { HttpSettings } from "../../connect/http.ts";
import { isSluiceError, SluiceError, type ErrorCode } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { readText } from "./answer-text.ts";
import { refusal } from "./refusal.ts";
import { showUrl } from "./shown-url.ts";
import { quotaOf, retryAfter, type Throttle } from "./throttle.ts";
import type { Transport, WireAnswer } from "./transport.ts";

/** What a test replaces. */
export interface HttpTools {
  /** Waits so many milliseconds; rejects at once when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** At least 0, below 1. */
  readonly random: () => number;
}

export const httpTools: HttpTools = {
  sleep: async (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
  random: Math.random,
};

/** What the errors of a reader, or of a loader, are called. */
export interface FaultCodes {
  readonly unavailable: ErrorCode;
  readonly refused: ErrorCode;
  readonly malformed: ErrorCode;
}

export const sourceFaults: FaultCodes = {
  unavailable: "SOURCE_UNAVAILABLE",
  refused: "SOURCE_REFUSED",
  malformed: "SOURCE_MALFORMED",
};

export const sinkFaults: FaultCodes = {
  unavailable: "SINK_UNAVAILABLE",
  refused: "SINK_REFUSED",
  malformed: "SINK_REFUSED",
};

export interface RequestContext {
  readonly settings: HttpSettings;
  readonly tools: HttpTools;
  readonly transport: Transport;
  readonly throttle: Throttle;
  /** The headers that say who asks; asked for before each try. */
  readonly authorization: () => Promise<Readonly<Record<string, string>>>;
  /** The credentials were refused: gets others where it can, and says whether it could. */
  readonly renew: () => boolean;
  readonly faults: FaultCodes;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  /** Hides secrets in a text. */
  readonly redact: (text: string) => string;
}

export interface Call {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Is this an answer for the caller? Any other is an error. */
  readonly accepts: (status: number) => boolean;
  /** A larger answer is refused. */
  readonly maxBytes: number;
  /** What to say of an answer that is refused; null for the general hint. */
  readonly hint: ((status: number) => string | null) | null;
}

export interface Answer {
  /** Where it came from in the end, after redirects. */
  readonly url: URL;
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Something that may have passed by the next try. */
interface Setback {
  readonly what: string;
  /** How many milliseconds the server asked to wait. */
  readonly after: number | null;
  /** The server keeps a limit: waiting for it is no failure of anybody's. */
  readonly limited: boolean;
}

const maxRedirects = 10;
/** A wait for the rate limit that is longer is told of in the log, in milliseconds. */
const noticeable = 1_000;

export async function send(call: Call, context: RequestContext): Promise<Answer> {
  const { settings, throttle } = context;
  const shown = `${call.method} ${showUrl(call.url, context)}`;
  let renewed = false;
  for (let failures = 1; ;) {
    const pause = throttle.wait();
    if (pause > settings.rateLimit.maxWaitMs) throw unavailable(context, shown, "is out of requests", failures, pause);
    if (pause > 0) {
      if (pause > noticeable) context.log.info(`${shown} waits for the API's rate limit`, { waitMs: Math.ceil(pause) });
      await rest(pause, context);
    }
    throttle.sent();
    const result = await tryOnce(call, context);
    if (typeof result === "string") {
      if (!renewed && context.renew()) renewed = true;
      else
        throw new SluiceError(context.faults.refused, `${shown} answered 401 with a new token, too`, {
          hint: newTokenHint,
        });
      continue;
    }
    if ("text" in result) return result;
    const limit = result.limited ? settings.rateLimit.maxWaitMs : settings.retry.maxDelayMs;
    const wait = result.after ?? backoff(context, failures);
    const tooLong = result.after !== null && result.after > limit;
    if (failures > settings.retry.limit || tooLong)
      throw unavailable(context, shown, result.what, failures, result.after, tooLong);
    context.log.warn(`${shown} ${result.what}; trying again`, { waitMs: wait, failures });
    await rest(wait, context);
    failures += 1;
  }
}

const newTokenHint = "The service gave a token and does not accept it; check the scope and the audience.";

async function rest(milliseconds: number, { tools, signal }: RequestContext): Promise<void> {
  await tools.sleep(milliseconds, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}

function unavailable(
  { faults }: RequestContext,
  shown: string,
  what: string,
  tries: number,
  after: number | null,
  tooLong = true,
): SluiceError {
  const asked = tooLong && after !== null ? ` and asked to wait ${Math.ceil(after / 1000)} s` : "";
  return new SluiceError(faults.unavailable, `${shown} ${what}${asked} (${tries} ${tries === 1 ? "try" : "tries"})`, {
    retryable: true,
    hint: "Check that the service is up and reachable from here, then give the same command again; it resumes.",
    details: { url: shown.slice(shown.indexOf(" ") + 1), tries, ...(after === null ? {} : { retryAfterMs: after }) },
  });
}

async function tryOnce(call: Call, context: RequestContext): Promise<Answer | Setback | "unauthorized"> {
  context.signal.throwIfAborted();
  // Asking for a token has tries and a time of its own.
  const headers = { "user-agent": "sluice", ...(await context.authorization()), ...call.headers };
  const timeout = AbortSignal.timeout(context.settings.timeoutMs);
  const signal = AbortSignal.any([context.signal, timeout]);
  try {
    let url = call.url;
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const answer = await context.transport.send(url, { method: call.method, headers, body: call.body, signal });
      context.throttle.learn(answer.headers);
      const next = redirected(url, call, answer, context);
      if (next !== null) {
        answer.discard();
        url = next;
        continue;
      }
      const { status } = answer;
      const setback = setbackOf(answer, context);
      if (setback !== null) {
        answer.discard();
        return setback;
      }
      if (status === 401 && context.settings.auth?.by === "oauth2") {
        answer.discard();
        return "unauthorized";
      }
      if (call.accepts(status)) {
        const text = await readText(
          answer.body,
          call.maxBytes,
          `${call.method} ${showUrl(url, context)}`,
          context.faults,
        );
        return { url, status, text, headers: answer.headers };
      }
      throw await refusal(call, url, answer, context);
    }
    throw new SluiceError(
      context.faults.refused,
      `${call.method} ${showUrl(call.url, context)} was redirected more than ${maxRedirects} times`,
      { hint: "Use the address that the redirects lead to." },
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (isSluiceError(error)) throw error;
    if (timeout.aborted)
      return { what: `did not answer within ${context.settings.timeoutMs / 1000} s`, after: null, limited: false };
    return { what: `did not answer: ${networkReason(error)}`, after: null, limited: false };
  }
}

/** Null where the answer is one that more tries would not change. */
function setbackOf({ status, statusLine, headers }: WireAnswer, { clock }: RequestContext): Setback | null {
  const { remaining, resetMs } = quotaOf(headers, clock);
  const after = retryAfter(headers, clock);
  // Some say that a limit is reached by 403, with headers that tell it from a ban.
  const limited = status === 429 || (status === 403 && (after !== null || remaining === 0));
  if (!limited && status < 500 && status !== 408 && status !== 425) return null;
  return { what: `answered ${statusLine}`, after: after ?? (limited ? resetMs : null), limited };
}

/** Half of the wait is certain and half is chance, so that many clients don't come back together. */
function backoff({ settings: { retry }, tools }: RequestContext, failures: number): number {
  const factor = retry.backoff === "exponential" ? 2 ** Math.min(failures - 1, 40) : 1;
  const full = Math.min(retry.delayMs * factor, retry.maxDelayMs);
  return full / 2 + (full / 2) * tools.random();
}

/** Where the answer sends the request on to; null where it doesn't. */
function redirected(from: URL, call: Call, { status, headers }: WireAnswer, context: RequestContext): URL | null {
  const location = headers.get("location");
  if (status < 300 || status >= 400 || location === null) return null;
  const to = URL.canParse(location, from.href) ? new URL(location, from) : null;
  // 301 to 303 turn a POST into a GET: what was to be written would be lost without a word.
  const keeps = call.method === "GET" || status === 307 || status === 308;
  if (to !== null && to.origin === from.origin && keeps) return to;
  const target =
    to === null
      ? "an address that is none"
      : to.origin === from.origin
        ? "another address, as a GET"
        : `${to.origin}, another origin`;
  throw new SluiceError(
    context.faults.refused,
    `${call.method} ${showUrl(from, context)} was redirected to ${context.redact(target)}`,
    {
      hint: "Credentials are not sent on to other origins. If that is the right address, make it the connection's URL.",
      details: { status },
    },
  );
}

/** What the network said, in a word where it has one. */
export function networkReason(error: unknown): string {
  let deepest: unknown = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  if (deepest instanceof AggregateError && deepest.errors.length > 0) deepest = deepest.errors[0];
  const { code, message } = deepest as { code?: string; message?: string };
  return code ?? message?.split("\n", 1)[0] ?? String(error);
}
