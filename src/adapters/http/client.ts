// A connection, opened: its address and credentials resolved, its guard, pace and tokens in place. What reads, loads and
// checks goes through it; nothing else makes requests.
import type { Clock } from "../../clock.ts";
import { isSecret, type Connection, type Setting } from "../../config.ts";
import type { HttpSettings, StaticAuth } from "../../connect/http.ts";
import { SluiceError } from "../../errors.ts";
import { createRedactor, type Log } from "../../log.ts";
import { addressGuard, type GuardOptions } from "./addresses.ts";
import { send, type Answer, type Call, type FaultCodes, type HttpTools, type RequestContext } from "./request.ts";
import { showUrl } from "./shown-url.ts";
import { createThrottle } from "./throttle.ts";
import { createTokenSource } from "./token.ts";
import { openTransport } from "./transport.ts";

export interface HttpClient {
  /** The connection's own address. */
  readonly base: URL;
  /** The address of a path under it, with these query parameters. */
  address(path: string, query: Readonly<Record<string, Setting | number | boolean>>): URL;
  /** The connection's own headers, with these. */
  headers(more: Readonly<Record<string, Setting>>): Readonly<Record<string, string>>;
  send(call: Call): Promise<Answer>;
  show(url: URL): string;
  redact(text: string): string;
  close(): void;
}

export interface ClientContext {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  readonly resolve: (setting: Setting) => string;
}

/** What a test replaces, and the real thing otherwise. */
export interface ClientTools extends HttpTools {
  readonly resolveName?: GuardOptions["resolve"];
}

export function openClient(
  connection: Connection,
  context: ClientContext,
  faults: FaultCodes,
  tools: ClientTools,
): HttpClient {
  const settings = connection.settings as unknown as HttpSettings;
  const redactor = createRedactor();
  const redact = (text: string): string => redactor.text(text);
  const resolve = (setting: Setting): string => {
    const value = context.resolve(setting);
    if (isSecret(setting)) redactor.add(value);
    return value;
  };
  const base = baseOf(context.resolve(settings.url), connection.name, "URL");
  const tokenUrl =
    settings.auth?.by === "oauth2"
      ? baseOf(context.resolve(settings.auth.tokenUrl), connection.name, "tokenUrl")
      : null;
  const transport = openTransport(
    addressGuard({
      connection: connection.name,
      allowPrivate: settings.allowPrivateAddresses,
      written: tokenUrl === null ? [base] : [base, tokenUrl],
      ...(tools.resolveName === undefined ? {} : { resolve: tools.resolveName }),
    }),
  );
  const open: RequestContext = {
    settings,
    tools,
    transport,
    throttle: createThrottle(context.clock, settings.rateLimit.intervalMs),
    authorization: async () => ({}),
    renew: () => false,
    faults,
    signal: context.signal,
    clock: context.clock,
    log: context.log,
    redact,
  };
  const authorized: RequestContext = { ...open, ...authorizationOf() };

  function authorizationOf(): Pick<RequestContext, "authorization" | "renew"> {
    const { auth } = settings;
    if (auth === null) return open;
    if (auth.by !== "oauth2") {
      const headers = plainAuthorization(auth, resolve);
      // A server may say back what it was sent; user and password are sent in another form than they are given in.
      if (auth.by === "basic") redactor.add(headers["authorization"]!.replace("Basic ", ""));
      return { authorization: async () => headers, renew: () => false };
    }
    const tokens = createTokenSource({
      credentials: {
        tokenUrl: tokenUrl!,
        clientId: resolve(auth.clientId),
        clientSecret: resolve(auth.clientSecret),
        scope: auth.scope,
        parameters: Object.fromEntries(Object.entries(auth.parameters).map(([name, value]) => [name, resolve(value)])),
        credentialsIn: auth.credentialsIn,
      },
      clock: context.clock,
      faults,
      // The token endpoint has limits of its own, and needs no token.
      send: (call) => send(call, { ...open, throttle: createThrottle(context.clock, null) }),
      hide: redactor.add,
      redact,
    });
    return {
      authorization: async () => ({ authorization: `Bearer ${await tokens.token()}` }),
      renew: () => {
        tokens.forget();
        return true;
      },
    };
  }

  return {
    base,
    address: (path, query) => addressOf(base, path, query, resolve),
    headers: (more) =>
      Object.fromEntries(
        Object.entries({ ...settings.headers, ...more }).map(([name, value]) => [name, resolve(value)]),
      ),
    send: (call) => send(call, authorized),
    show: (url) => showUrl(url, { redact }),
    redact,
    close: transport.close,
  };
}

function baseOf(text: string, connection: string, what: string): URL {
  const base = URL.canParse(text) ? new URL(text) : null;
  if (base === null || (base.protocol !== "http:" && base.protocol !== "https:")) {
    throw new SluiceError(
      "CONFIG_INVALID",
      `The ${what} of the connection "${connection}" is not an http or https address`,
      { hint: 'Write it in full, such as "https://api.example.com/v2".' },
    );
  }
  if (base.username !== "" || base.password !== "") {
    throw new SluiceError(
      "CONFIG_INVALID",
      `The ${what} of the connection "${connection}" holds a user or a password`,
      { hint: 'Give them apart: http("https://…", { auth: basic(env("API_USER"), env("API_PASSWORD")) }).' },
    );
  }
  return base;
}

function addressOf(
  base: URL,
  path: string,
  query: Readonly<Record<string, Setting | number | boolean>>,
  resolve: (setting: Setting) => string,
): URL {
  const inner = path === "" || path.startsWith("?");
  const full = inner ? base.pathname : `${base.pathname.replace(/\/$/, "")}/${path.replace(/^\//, "")}`;
  const address = new URL(`${base.origin}${full}${inner ? path : ""}`);
  base.searchParams.forEach((value, name) => address.searchParams.append(name, value));
  for (const [name, value] of Object.entries(query)) {
    const text = typeof value === "number" || typeof value === "boolean" ? String(value) : resolve(value);
    address.searchParams.set(name, text);
  }
  return address;
}

function plainAuthorization(auth: StaticAuth, resolve: (setting: Setting) => string): Readonly<Record<string, string>> {
  if (auth.by === "bearer") return { authorization: `Bearer ${resolve(auth.token)}` };
  if (auth.by === "header") return { [auth.header.toLowerCase()]: resolve(auth.value) };
  return {
    authorization: `Basic ${Buffer.from(`${resolve(auth.user)}:${resolve(auth.password)}`).toString("base64")}`,
  };
}
