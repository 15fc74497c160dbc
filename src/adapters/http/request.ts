// One GET, carried through: redirects within the origin, retries with growing waits, a limit on time and size. It
// answers with the text of a 200, or throws the error that a user should see. It never shows a secret.
import { setTimeout as delay } from "node:timers/promises";
import type { HttpSettings } from "../../connect/http.ts";
import { isReference, type Setting } from "../../config.ts";
import { SluiceError } from "../../errors.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";

/** What a test replaces. */
export interface HttpTools {
  readonly fetch: typeof fetch;
  /** Waits so many milliseconds; rejects at once when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** At least 0, below 1. */
  readonly random: () => number;
}

export const httpTools: HttpTools = {
  fetch: (input, init) => globalThis.fetch(input, init),
  sleep: async (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
  random: Math.random,
};

export interface RequestContext {
  readonly settings: HttpSettings;
  readonly tools: HttpTools;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  /** Hides secrets in a text. */
  readonly redact: (text: string) => string;
}

export interface Answer {
  /** Where it came from in the end, after redirects. */
  readonly url: URL;
  readonly text: string;
  readonly headers: Headers;
}

/** Something that may have passed by the next try; `after` is how many milliseconds the server asked to wait. */
interface Setback {
  readonly what: string;
  readonly after: number | null;
}

const maxRedirects = 10;

export async function get(url: URL, context: RequestContext): Promise<Answer> {
  const { retry } = context.settings;
  const shown = showUrl(url, context);
  for (let failures = 1; ; failures += 1) {
    const result = await tryOnce(url, context);
    if ("text" in result) return result;
    const wait = result.after ?? backoff(context, failures);
    const tooLong = result.after !== null && result.after > retry.maxDelayMs;
    if (failures > retry.limit || tooLong) {
      const asked = tooLong ? ` and asked to wait ${Math.ceil(wait / 1000)} s` : "";
      throw new SluiceError(
        "SOURCE_UNAVAILABLE",
        `GET ${shown} ${result.what}${asked} (${failures} ${failures === 1 ? "try" : "tries"})`,
        {
          retryable: true,
          hint: "Check that the service is up and reachable from here, then give the same command again; it resumes.",
          details: { url: shown, tries: failures, ...(result.after === null ? {} : { retryAfterMs: result.after }) },
        },
      );
    }
    context.log.warn(`GET ${shown} ${result.what}; trying again`, { waitMs: wait, failures });
    await context.tools.sleep(wait, context.signal).catch((error: unknown) => {
      context.signal.throwIfAborted();
      throw error;
    });
  }
}

async function tryOnce(start: URL, context: RequestContext): Promise<Answer | Setback> {
  context.signal.throwIfAborted();
  const timeout = AbortSignal.timeout(context.settings.timeoutMs);
  const signal = AbortSignal.any([context.signal, timeout]);
  try {
    let url = start;
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const response = await context.tools.fetch(url, { headers: context.headers, redirect: "manual", signal });
      if (response.status >= 300 && response.status < 400 && response.headers.has("location")) {
        await response.body?.cancel();
        url = redirected(url, response, context);
        continue;
      }
      if (response.status === 200)
        return { url, text: await readText(response, url, context), headers: response.headers };
      if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
        await response.body?.cancel();
        return { what: `answered ${statusOf(response)}`, after: retryAfter(response, context.clock) };
      }
      throw await refusal(url, response, context);
    }
    throw new SluiceError(
      "SOURCE_REFUSED",
      `GET ${showUrl(start, context)} was redirected more than ${maxRedirects} times`,
      {
        hint: "Use the address that the redirects lead to.",
      },
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof SluiceError) throw error;
    if (timeout.aborted) return { what: `did not answer within ${context.settings.timeoutMs / 1000} s`, after: null };
    return { what: `did not answer: ${networkReason(error)}`, after: null };
  }
}

/** Half of the wait is certain and half is chance, so that many clients don't come back together. */
function backoff({ settings: { retry }, tools }: RequestContext, failures: number): number {
  const factor = retry.backoff === "exponential" ? 2 ** Math.min(failures - 1, 40) : 1;
  const full = Math.min(retry.delayMs * factor, retry.maxDelayMs);
  return full / 2 + (full / 2) * tools.random();
}

/** RFC 9110 §10.2.3: a number of seconds or an HTTP date. In milliseconds from now. */
function retryAfter(response: Response, clock: Clock): number | null {
  const value = response.headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return null;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - clock.now());
}

function redirected(from: URL, response: Response, context: RequestContext): URL {
  const location = response.headers.get("location")!;
  const to = URL.canParse(location, from.href) ? new URL(location, from) : null;
  if (to !== null && to.origin === from.origin) return to;
  const target = to === null ? "an address that is none" : to.origin;
  throw new SluiceError(
    "SOURCE_REFUSED",
    `GET ${showUrl(from, context)} was redirected to ${context.redact(target)}, another origin`,
    {
      hint: "Credentials are not sent on to other origins. If that is the right address, make it the connection's URL.",
      details: { status: response.status },
    },
  );
}

async function readText(response: Response, url: URL, context: RequestContext): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const parts: string[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the rest of the answer.
    if (bytes > context.maxBytes) {
      throw new SluiceError(
        "SOURCE_MALFORMED",
        `GET ${showUrl(url, context)} answered with more than ${context.maxBytes} bytes`,
        {
          hint: "Ask for smaller pages, or raise maxPageBytes.",
        },
      );
    }
    parts.push(decode(() => decoder.decode(chunk, { stream: true }), url, context));
  }
  parts.push(decode(() => decoder.decode(), url, context));
  return parts.join("");
}

function decode(work: () => string, url: URL, context: RequestContext): string {
  try {
    return work();
  } catch {
    throw new SluiceError(
      "SOURCE_MALFORMED",
      `GET ${showUrl(url, context)} answered with text that is not valid UTF-8`,
      {
        hint: "JSON is UTF-8 by its standard; the API must be mended.",
      },
    );
  }
}

async function refusal(url: URL, response: Response, context: RequestContext): Promise<SluiceError> {
  const body = (await response.text().catch(() => "")).slice(0, 10_000);
  return new SluiceError("SOURCE_REFUSED", `GET ${showUrl(url, context)} answered ${statusOf(response)}`, {
    hint: refusalHint(response.status, context.settings),
    details: { status: response.status, answer: context.redact(body).replaceAll(/\s+/g, " ").slice(0, 300) },
  });
}

function refusalHint(status: number, { auth }: HttpSettings): string {
  if (status === 401) {
    if (auth === null) return 'Give the connection credentials, such as { auth: bearer(env("API_TOKEN")) }.';
    const secret = auth.by === "bearer" ? auth.token : auth.by === "basic" ? auth.password : auth.value;
    return `Check ${nameOf(secret)}: the service does not accept it.`;
  }
  if (status === 403) return "The service knows these credentials but does not allow this; ask for access.";
  if (status === 404 || status === 410) return "Check the connection's URL and the path.";
  if (status < 400) return "Only a 200 with a JSON body can be read.";
  return "Check the path and the query parameters; the service's own words are in the details.";
}

function nameOf(secret: Setting): string {
  if (!isReference(secret)) return "the connection's auth";
  return secret.$ref === "env"
    ? `the value of the environment variable ${secret.name}`
    : `the content of the file ${secret.name}`;
}

function statusOf(response: Response): string {
  return response.statusText === "" ? String(response.status) : `${response.status} ${response.statusText}`;
}

function networkReason(error: unknown): string {
  let deepest: unknown = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  const { code, message } = deepest as { code?: string; message?: string };
  return code ?? message?.split("\n", 1)[0] ?? String(error);
}

const secretParameter = /token|key|secret|password|signature|sig$|auth|credential/i;

/** The address as it may be shown: no user, no password, no value of a parameter that looks secret. */
export function showUrl(url: URL, context: Pick<RequestContext, "redact">): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  for (const name of new Set(shown.searchParams.keys())) {
    if (secretParameter.test(name)) shown.searchParams.set(name, "redacted");
  }
  return context.redact(shown.href);
}
