// http(baseUrl): an HTTP API that answers in JSON. Plain data; the requests are made by adapters/http.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { milliseconds, type Duration } from "../pipeline/duration.ts";
import { retryPolicy, type RetryOptions, type RetryPolicy } from "../pipeline/retry.ts";
import type { JsonPath, Pages } from "./http-pages.ts";
import type { Source } from "./source.ts";

/** How requests identify themselves. Values are settings, so that secrets stay references. */
export type Auth =
  | { readonly by: "bearer"; readonly token: Setting }
  | { readonly by: "basic"; readonly user: Setting; readonly password: Setting }
  | { readonly by: "header"; readonly header: string; readonly value: Setting };

/** `Authorization: Bearer …` */
export function bearer(token: Setting): Auth {
  return { by: "bearer", token };
}

/** `Authorization: Basic …` */
export function basic(user: Setting, password: Setting): Auth {
  return { by: "basic", user, password };
}

/** A key in a header of its own, such as `apiKey("x-api-key", env("API_KEY"))`. */
export function apiKey(header: string, value: Setting): Auth {
  return { by: "header", header, value };
}

/** What every request carries, and when one is made again. */
export interface HttpOptions {
  readonly auth?: Auth;
  readonly headers?: Readonly<Record<string, Setting>>;
  /**
   * When a request that failed for now (network, 408, 425, 429, 5xx) is made again. A `Retry-After` up to `maxDelay` is
   * honoured; a longer one ends the step's attempt. @default 5 more tries, from 500ms, doubling up to 1m, each with jitter
   */
  readonly retry?: Omit<RetryOptions, "jitter">;
  /** For one request and its answer. @default "1m" */
  readonly timeout?: Duration;
}

export interface HttpSettings {
  readonly url: Setting;
  readonly auth: Auth | null;
  readonly headers: Readonly<Record<string, Setting>>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
}

/** A column of the result: where its value lies in a record, and its type in the words of the columnar engine. */
export interface JsonColumn {
  readonly from: JsonPath;
  /** Such as "BIGINT", "DOUBLE", "DECIMAL(12,2)", "TIMESTAMP WITH TIME ZONE". @default "VARCHAR" */
  readonly type?: string;
  /** May every record of an extraction lack it? Then it is null; else that is an error. @default false */
  readonly optional?: boolean;
}

/** What is asked for, where the records are in the answer, and how one page leads to the next. */
export interface GetOptions {
  readonly query?: Readonly<Record<string, Setting | number | boolean>>;
  readonly headers?: Readonly<Record<string, Setting>>;
  /** Where the array of records lies in a page. @default the page itself is the array */
  readonly records?: JsonPath;
  /** How to get from page to page. @default there is one page */
  readonly pages?: Pages;
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
}

/** An HTTP API that answers in JSON, at `baseUrl`: paths are added to it. Redirects are followed within its origin only. */
export function http(baseUrl: Setting, options: HttpOptions = {}): ConnectionFactory<HttpConnection> {
  const settings = {
    url: baseUrl,
    auth: options.auth ?? null,
    headers: options.headers ?? {},
    retry: retryPolicy({ limit: 5, delay: "500ms", maxDelay: "1m", ...options.retry }),
    timeoutMs: milliseconds(options.timeout ?? "1m"),
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
    });
  };
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
    maxPages: options.maxPages ?? 10_000,
    maxPageBytes: options.maxPageBytes ?? 64 * 1024 * 1024,
  };
}
