// webhook(url): a hook that posts what it is told as JSON. Told again, it posts again under the same key: the receiver
// that keeps keys acts once.
import { isReference, type Setting } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { DescribedHook, HookContext, HookNotice } from "../hook.ts";
import { milliseconds, type Duration } from "../pipeline/duration.ts";

/** What a webhook sends beside the notice, and how long it waits. */
export interface WebhookOptions {
  /** Values may be references: `{ authorization: env("ALERTS_TOKEN") }`. */
  readonly headers?: Readonly<Record<string, Setting>>;
  /** How long the receiver may take to answer. @default "10s" */
  readonly timeout?: Duration;
}

/**
 * A hook that posts the notice to `url` as JSON: `{ key, event, level, run, pipeline, version, partition, step, item,
 * attempt, status, error, at }`, with `at` in ISO 8601 and what is not known as null. The header `Idempotency-Key` is the
 * notice's key, percent-encoded. Any answer but 2xx is a failure, and the notice is sent again later.
 *
 * ```ts
 * defineConfig({ on: { failure: webhook(env("ALERTS_URL")) } });
 * ```
 */
export function webhook(url: Setting, options: WebhookOptions = {}): DescribedHook {
  const { headers = {} } = options;
  const timeoutMs = milliseconds(options.timeout ?? "10s");
  if (!isReference(url)) checkUrl(url, "DEFINITION_INVALID");
  return Object.freeze({
    kind: "sluice.hook",
    description: { webhook: { url, headers, timeoutMs } } as unknown as DescribedHook["description"],
    call: (notice: HookNotice, context: HookContext) => post(url, headers, timeoutMs, notice, context),
  });
}

async function post(
  setting: Setting,
  headers: Readonly<Record<string, Setting>>,
  timeoutMs: number,
  notice: HookNotice,
  { signal, resolve }: HookContext,
): Promise<void> {
  const url = checkUrl(resolve(setting), "REFERENCE_UNRESOLVED");
  const where = url.origin;
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, resolve(value)])),
        "content-type": "application/json",
        // Keys hold names of partitions, which may be in any script; headers are ASCII.
        "idempotency-key": encodeURI(notice.key),
      },
      body: JSON.stringify(bodyOf(notice)),
      signal: AbortSignal.any([signal, timeout]),
      // Not followed: the notice would go to whom it was not meant for.
      redirect: "manual",
    });
    // The answer's body says nothing to us; left unread it would hold the connection.
    await response.body?.cancel();
  } catch (cause) {
    signal.throwIfAborted();
    const what = timeout.aborted ? `did not answer within ${timeoutMs / 1000} s` : "could not be reached";
    throw new SluiceError("SINK_UNAVAILABLE", `The webhook at ${where} ${what}`, { retryable: true, cause });
  }
  if (response.ok) return;
  throw new SluiceError("SINK_UNAVAILABLE", `The webhook at ${where} answered ${response.status}`, {
    retryable: true,
    details: { status: response.status },
  });
}

/** What is posted. The names are those of the HTTP API. */
/** Without the params: they may be long, and nobody has said that they may leave. */
function bodyOf({ runId, at, params: _params, ...notice }: HookNotice): Readonly<Record<string, unknown>> {
  return { ...notice, run: runId, at: new Date(at).toISOString() };
}

function checkUrl(text: string, code: "DEFINITION_INVALID" | "REFERENCE_UNRESOLVED"): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url;
  // The text may hold a secret: it isn't shown.
  throw new SluiceError(code, "The address of a webhook is not an http or https URL", {
    hint: 'Write it as "https://example.com/hooks/sluice", or as env("ALERTS_URL") with such a value.',
  });
}
