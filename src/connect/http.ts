// http(baseUrl): an HTTP API that answers in JSON. Plain data; the requests are made by adapters/http.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { milliseconds, type Duration } from "../pipeline/duration.ts";
import { retryPolicy, type RetryOptions, type RetryPolicy } from "../pipeline/retry.ts";
import { endpointRequest, type EndpointOptions } from "./http-endpoint.ts";
import type { JsonPath, Pages } from "./http-pages.ts";
import type { Table } from "./sink.ts";
import type { Source } from "./source.ts";

/** Credentials that stay the same. Values are settings, so that secrets stay references. */
export type StaticAuth =
  | { readonly by: "bearer"; readonly token: Setting }
  | { readonly by: "basic"; readonly user: Setting; readonly password: Setting }
  | { readonly by: "header"; readonly header: string; readonly value: Setting };

/** How requests identify themselves. */
export type Auth =
  | StaticAuth
  | {
      readonly by: "oauth2";
      readonly tokenUrl: Setting;
      readonly clientId: Setting;
      readonly clientSecret: Setting;
      readonly scope: string | null;
      readonly parameters: Readonly<Record<string, Setting>>;
      readonly credentialsIn: "header" | "body";
    };

/** `Authorization: Bearer …` */
export function bearer(token: Setting): StaticAuth {
  return { by: "bearer", token };
}

/** `Authorization: Basic …` */
export function basic(user: Setting, password: Setting): StaticAuth {
  return { by: "basic", user, password };
}

/** A key in a header of its own, such as `apiKey("x-api-key", env("API_KEY"))`. */
export function apiKey(header: string, value: Setting): StaticAuth {
  return { by: "header", header, value };
}

/** Where and with what tokens are asked for. */
export interface OAuth2Options {
  /** The token endpoint of the authorization server, in full. */
  readonly tokenUrl: Setting;
  readonly clientId: Setting;
  readonly clientSecret: Setting;
  /** Scopes, separated by spaces. */
  readonly scope?: string;
  /** What the server wants beside them, such as `{ audience: "https://api.example.com" }`. */
  readonly parameters?: Readonly<Record<string, Setting>>;
  /** How the client's id and secret are sent: as HTTP's basic authentication, or as fields of the form. @default "header" */
  readonly credentialsIn?: "header" | "body";
}

/**
 * A bearer token by OAuth 2.0 client credentials (RFC 6749 §4.4). It is fetched when it is needed, kept in the worker's memory
 * while it holds, and fetched anew shortly before it runs out and when the API answers 401.
 *
 * ```ts
 * http("https://api.example.com", {
 *   auth: oauth2({ tokenUrl: "https://login.example.com/token", clientId: env("CLIENT_ID"), clientSecret: env("CLIENT_SECRET"), scope: "orders:read" }),
 * });
 * ```
 */
export function oauth2(options: OAuth2Options): Auth {
  const { tokenUrl, clientId, clientSecret, scope = null, parameters = {}, credentialsIn = "header" } = options;
  return { by: "oauth2", tokenUrl, clientId, clientSecret, scope, parameters, credentialsIn };
}

/** The pace at which an API may be asked. */
export interface RateLimitOptions {
  /** So many requests in each `per`, evenly spread, by each step that reads. @default as fast as answers come */
  readonly requests?: number;
  /** @default "1s" */
  readonly per?: Duration;
  /**
   * The longest wait that the API may ask for when its limit is reached: by `Retry-After` on a 429 or 403, or by `RateLimit`,
   * `RateLimit-Reset` or `X-RateLimit-Reset` when nothing remains. A longer one ends the step's attempt. @default "15m"
   */
  readonly maxWait?: Duration;
}

/** What every request carries, and when one is made again. */
export interface HttpOptions {
  readonly auth?: Auth;
  readonly headers?: Readonly<Record<string, Setting>>;
  /**
   * When a request that failed for now (network, 408, 425, 429, 5xx) is made again. A `Retry-After` up to `maxDelay` is
   * honoured; a longer one ends the step's attempt (for a 429, see `rateLimit`). @default 5 more tries, from 500ms, doubling up to 1m, each with jitter
   */
  readonly retry?: Omit<RetryOptions, "jitter">;
  /** A path that `sluice connections test` asks for, such as "/me": a 2xx says that the credentials are right. @default the base URL */
  readonly checkPath?: string;
  /** For one request and its answer. @default "1m" */
  readonly timeout?: Duration;
  /** How fast it may be asked, and how long it may make us wait for its limit. */
  readonly rateLimit?: RateLimitOptions;
  /**
   * May it lead to this machine or a private network? A base URL that itself says so ("http://localhost:8080",
   * "http://10.0.0.7") needs no permission; a name that turns out to be a private address does. @default false
   */
  readonly allowPrivateAddresses?: boolean;
}

export interface HttpSettings {
  readonly url: Setting;
  readonly auth: Auth | null;
  readonly headers: Readonly<Record<string, Setting>>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly rateLimit: { readonly intervalMs: number | null; readonly maxWaitMs: number };
  readonly allowPrivateAddresses: boolean;
  readonly checkPath: string | null;
}

/** A column of the result: where its value lies in a record, and its type in the words of the columnar engine. */
export interface JsonColumn {
  readonly from: JsonPath;
  /** Such as "BIGINT", "DOUBLE", "DECIMAL(12,2)", "TIMESTAMP WITH TIME ZONE". @default "VARCHAR" */
  readonly type?: string;
  /** May every record of an extraction lack it? Then it is null; else that is an error. @default false */
  readonly optional?: boolean;
}

/** How an API is asked for a part of its records, by a column of theirs. */
export interface RangeParameters {
  /** The query parameter that takes the lower bound. */
  readonly from: string;
  /** The one that takes the upper bound, which is sent where a window is read. @default there is none */
  readonly until?: string;
  /** How bounds are written. A coarser one asks for more, and what is too much is dropped. @default "iso" for times, else "text" */
  readonly format?: "iso" | "seconds" | "milliseconds" | "date" | "text";
  /** Does the API leave out records that are equal to the lower bound? Then it is asked from a step before. @default false */
  readonly exclusive?: boolean;
}

/** What is asked for, where the records are in the answer, and how one page leads to the next. */
export interface GetOptions {
  readonly query?: Readonly<Record<string, Setting | number | boolean>>;
  readonly headers?: Readonly<Record<string, Setting>>;
  /** Where the array of records lies in a page. @default the page itself is the array */
  readonly records?: JsonPath;
  /** How to get from page to page. @default there is one page */
  readonly pages?: Pages;
  /** Columns by which the API can be asked for a part: an incremental reading, or one of a window, needs it of its cursor. */
  readonly range?: Readonly<Record<string, RangeParameters>>;
  /** The columns of the result by name. Objects and arrays become JSON text. */
  readonly columns: Readonly<Record<string, JsonPath | JsonColumn>>;
  /** More pages than this are taken for a fault of the API. @default 10000 */
  readonly maxPages?: number;
  /** A larger answer (decompressed) is refused. In bytes. @default 67108864 (64 MiB) */
  readonly maxPageBytes?: number;
}

/** What the adapter is asked to read: the options with every default filled in. */
export interface HttpRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, Setting | number | boolean>>;
  readonly headers: Readonly<Record<string, Setting>>;
  readonly records: JsonPath;
  readonly pages: Pages | null;
  readonly columns: readonly {
    readonly name: string;
    readonly from: JsonPath;
    readonly type: string;
    readonly optional: boolean;
  }[];
  readonly range?: Readonly<Record<string, RangeParameters>>;
  readonly maxPages: number;
  readonly maxPageBytes: number;
}

/** An HTTP API that answers in JSON, under its name. */
export interface HttpConnection extends Connection {
  /**
   * The records of a resource, page by page.
   *
   * ```ts
   * extract(catalogue.get("/products", {
   *   query: { per_page: 100 }, records: "items", pages: nextPage("next"),
   *   columns: { stock_code: "code", list_price: { from: "price", type: "DOUBLE" } },
   * }))
   * ```
   */
  get(path: string, options: GetOptions): Source;
  /**
   * Where the API takes rows, by POST: a destination for `load`, which appends. See the guide for what is promised.
   *
   * ```ts
   * load(clean, catalogue.endpoint("/products", { batch: 200, within: "products" }))
   * ```
   */
  endpoint(path: string, options?: EndpointOptions): Table;
}

/** An HTTP API that answers in JSON, at `baseUrl`: paths are added to it. Redirects are followed within its origin only. */
export function http(baseUrl: Setting, options: HttpOptions = {}): ConnectionFactory<HttpConnection> {
  const settings = {
    url: baseUrl,
    auth: options.auth ?? null,
    headers: options.headers ?? {},
    retry: retryPolicy({ limit: 5, delay: "500ms", maxDelay: "1m", ...options.retry }),
    timeoutMs: milliseconds(options.timeout ?? "1m"),
    rateLimit: rateLimitOf(options.rateLimit ?? {}),
    allowPrivateAddresses: options.allowPrivateAddresses ?? false,
    checkPath: options.checkPath ?? null,
  } satisfies HttpSettings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "http", settings });
    return Object.freeze({
      ...connection,
      get: (path: string, request: GetOptions): Source =>
        Object.freeze({
          kind: "sluice.source",
          vendor: "http",
          connection,
          request: completed(path, request) satisfies HttpRequest as unknown as JsonObject,
        }),
      endpoint: (path: string, request: EndpointOptions = {}): Table =>
        Object.freeze({
          kind: "sluice.table",
          connection,
          name: path.replace(/^\/+/, ""),
          request: endpointRequest(path, request) as unknown as JsonObject,
        }),
    });
  };
}

function rateLimitOf({ requests, per = "1s", maxWait = "15m" }: RateLimitOptions): HttpSettings["rateLimit"] {
  if (requests !== undefined && !(requests > 0 && Number.isFinite(requests))) {
    throw new SluiceError("DEFINITION_INVALID", `A rate limit of ${String(requests)} requests can't be kept`, {
      hint: 'Write a number above 0, such as rateLimit: { requests: 10, per: "1s" }.',
    });
  }
  const intervalMs = requests === undefined ? null : milliseconds(per) / requests;
  return { intervalMs, maxWaitMs: milliseconds(maxWait) };
}

function completed(path: string, options: GetOptions): HttpRequest {
  const columns = Object.entries(options.columns).map(([name, column]) => {
    const given: JsonColumn = typeof column === "object" && "from" in column ? column : { from: column };
    return { name, from: given.from, type: given.type ?? "VARCHAR", optional: given.optional ?? false };
  });
  if (columns.length === 0) {
    throw new SluiceError("DEFINITION_INVALID", `get("${path}") names no columns`, {
      hint: 'Name what to read, such as columns: { code: "code", price: { from: "price.amount", type: "DOUBLE" } }.',
    });
  }
  return {
    path,
    query: options.query ?? {},
    headers: options.headers ?? {},
    records: options.records ?? [],
    pages: options.pages ?? null,
    columns,
    // Absent rather than empty: pipelines without it keep their version.
    ...(options.range === undefined ? {} : { range: checkedRange(path, options) }),
    maxPages: options.maxPages ?? 10_000,
    maxPageBytes: options.maxPageBytes ?? 64 * 1024 * 1024,
  };
}

function checkedRange(path: string, { range = {}, columns }: GetOptions): NonNullable<GetOptions["range"]> {
  for (const [column, { format }] of Object.entries(range)) {
    const declared = columns[column];
    const type = typeof declared === "object" && "from" in declared ? (declared.type ?? "VARCHAR") : "VARCHAR";
    if (declared === undefined)
      throw invalidRange(path, `has a range of "${column}", which is no column of it`, "Name it under `columns`.");
    if (format !== undefined && format !== "text" && !/^(TIMESTAMP|DATE)/i.test(type))
      throw invalidRange(
        path,
        `writes bounds of "${column}" as times, but it is ${type}`,
        "Give the column a type of time.",
      );
  }
  return range;
}

function invalidRange(path: string, what: string, hint: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `get("${path}") ${what}`, { hint });
}
