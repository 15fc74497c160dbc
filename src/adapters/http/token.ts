// Access tokens by OAuth 2.0 client credentials (RFC 6749 §4.4): fetched when one is needed, kept in this process for as
// long as they hold, and fetched anew a little before they run out or when the API refuses one.
import type { Clock } from "../../clock.ts";
import { SluiceError } from "../../errors.ts";
import { contentHash } from "../../json.ts";
import { shortened } from "./refusal.ts";
import type { Answer, Call, FaultCodes } from "./request.ts";
import { showUrl } from "./shown-url.ts";

/** What a token is asked for with; every value is resolved. */
export interface Credentials {
  readonly tokenUrl: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
  readonly parameters: Readonly<Record<string, string>>;
  readonly credentialsIn: "header" | "body";
}

export interface TokenSource {
  /** A token that holds for now. */
  token(): Promise<string>;
  /** The last one was refused: another is fetched next time. */
  forget(): void;
}

export interface TokenOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly faults: FaultCodes;
  readonly send: (call: Call) => Promise<Answer>;
  /** Told of every token, so that it is hidden from then on. */
  readonly hide: (secret: string) => void;
  readonly redact: (text: string) => string;
}

interface Kept {
  readonly token: string;
  /** In milliseconds; Infinity where the server doesn't say. */
  readonly until: number;
}

/** By the hash of what it was asked for with: a worker's steps share tokens. */
const kept = new Map<string, Kept>();

/** A token is given up so many milliseconds before it runs out, or a tenth of its life before, if that is less. */
const margin = 60_000;

export function createTokenSource(options: TokenOptions): TokenSource {
  const { credentials, clock, hide } = options;
  const key = contentHash({ ...credentials, tokenUrl: credentials.tokenUrl.href });
  return {
    token: async () => {
      const known = kept.get(key);
      const { token } = known !== undefined && known.until > clock.now() ? known : await fetchToken(key, options);
      hide(token);
      return token;
    },
    forget: () => void kept.delete(key),
  };
}

async function fetchToken(key: string, options: TokenOptions): Promise<Kept> {
  const { credentials, clock, faults, send, hide, redact } = options;
  const asked = clock.now();
  const answer = await send(tokenCall(credentials, hide));
  const { access_token: token, token_type: type, expires_in: life } = parsed(answer.text);
  const shown = `POST ${showUrl(credentials.tokenUrl, { redact })}`;
  if (typeof token !== "string" || token === "") {
    throw new SluiceError(faults.malformed, `${shown} answered without an access_token`, {
      hint: "Check tokenUrl: it must be the token endpoint of the authorization server.",
      details: { answer: shortened(answer.text, redact) },
    });
  }
  hide(token);
  if (typeof type === "string" && type.toLowerCase() !== "bearer") {
    throw new SluiceError(faults.malformed, `${shown} gave a token of type "${redact(type).slice(0, 40)}"`, {
      hint: "Only bearer tokens can be used.",
    });
  }
  const lifeMs = Number(life) * 1000;
  const holds = lifeMs > 0 ? asked + lifeMs - Math.min(margin, lifeMs / 10) : Infinity;
  const fetched = { token, until: holds };
  kept.set(key, fetched);
  return fetched;
}

function tokenCall(credentials: Credentials, hide: (secret: string) => void): Call {
  const { tokenUrl, clientId, clientSecret, scope, parameters, credentialsIn } = credentials;
  const form = new URLSearchParams({ grant_type: "client_credentials", ...parameters });
  if (scope !== null) form.set("scope", scope);
  const headers: Record<string, string> = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  };
  if (credentialsIn === "body") {
    form.set("client_id", clientId);
    form.set("client_secret", clientSecret);
  } else {
    const encoded = basicOf(clientId, clientSecret);
    hide(encoded);
    headers["authorization"] = `Basic ${encoded}`;
  }
  return {
    method: "POST",
    url: tokenUrl,
    headers,
    body: form.toString(),
    accepts: (status) => status === 200,
    maxBytes: 1_048_576,
    hint: (status) =>
      status === 404
        ? "Check tokenUrl."
        : "Check the client's id, secret and scope; the service's own words are in the details.",
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
function basicOf(id: string, secret: string): string {
  const encoded = (text: string): string => new URLSearchParams({ t: text }).toString().slice(2);
  return Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString("base64");
}
