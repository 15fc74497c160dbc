// What to say of an answer that is final and not the one that was wanted.
import { isReference, type Setting } from "../../config.ts";
import type { HttpSettings } from "../../connect/http.ts";
import { SluiceError } from "../../errors.ts";
import { beginningOf } from "./answer-text.ts";
import type { Call, RequestContext } from "./request.ts";
import { showUrl } from "./shown-url.ts";
import type { WireAnswer } from "./transport.ts";

export async function refusal(call: Call, url: URL, answer: WireAnswer, context: RequestContext): Promise<SluiceError> {
  const body = await beginningOf(answer.body, 10_000);
  answer.discard();
  return new SluiceError(
    context.faults.refused,
    `${call.method} ${showUrl(url, context)} answered ${answer.statusLine}`,
    {
      hint: call.hint?.(answer.status) ?? refusalHint(answer.status, context.settings),
      details: { status: answer.status, answer: shortened(body, context.redact) },
    },
  );
}

/** The service's own words, on one line and without secrets. */
export function shortened(body: string, redact: (text: string) => string): string {
  return redact(body).replaceAll(/\s+/g, " ").slice(0, 300);
}

function refusalHint(status: number, { auth }: HttpSettings): string {
  if (status === 401) {
    return auth === null
      ? 'Give the connection credentials, such as { auth: bearer(env("API_TOKEN")) }.'
      : `Check ${nameOf(secretOf(auth))}: the service does not accept it.`;
  }
  if (status === 403) return "The service knows these credentials but does not allow this; ask for access.";
  if (status === 404 || status === 410) return "Check the connection's URL and the path.";
  if (status < 400) return "Only a 200 with a JSON body can be read.";
  return "Check the path and the query parameters; the service's own words are in the details.";
}

/** The part of the credentials that is most likely wrong. */
export function secretOf(auth: NonNullable<HttpSettings["auth"]>): Setting {
  switch (auth.by) {
    case "bearer":
      return auth.token;
    case "basic":
      return auth.password;
    case "header":
      return auth.value;
    case "oauth2":
      return auth.clientSecret;
  }
}

/** Where a setting comes from, never what it is. */
export function nameOf(secret: Setting): string {
  if (!isReference(secret)) return "the connection's auth";
  return secret.$ref === "env"
    ? `the value of the environment variable ${secret.name}`
    : `the content of the file ${secret.name}`;
}
