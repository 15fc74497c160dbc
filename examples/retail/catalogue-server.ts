// The shop's catalogue as a small HTTP API: pages, a token, and now and then a refusal, as any real one.
// A page that was refused is served at the next try, so whoever retries gets to the end.
//
//   node catalogue-server.ts          serves on the port that sluice.config.ts expects, until Ctrl-C
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { products, type Product } from "./data/products.ts";
import { drawFor } from "./data/random.ts";

/** Where `sluice.config.ts` looks for the catalogue when no `CATALOGUE_URL` and no `CATALOGUE_TOKEN` are set. */
export const catalogueDefaults = {
  port: 4517,
  url: "http://127.0.0.1:4517",
  token: "catalogue-of-the-retail-example",
} as const;

export interface CatalogueOptions {
  /** 0 takes any free port. @default 0 */
  readonly port?: number;
  /** Which pages are refused at the first try, and how. @default 24: the first with 429, the last with 500 */
  readonly seed?: number;
  /** About one page in so many is refused at the first try; 0 refuses none. @default 2 */
  readonly failEvery?: number;
  /** Seconds that a 429 asks to wait. @default 1 */
  readonly retryAfter?: number;
  /** @default the token of `sluice.config.ts` */
  readonly token?: string;
}

export interface Catalogue {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/** Starts the API on 127.0.0.1. `GET /products?page=1&per_page=100` answers `{ items, next }`; `next` is null at the end. */
export async function startCatalogue(options: CatalogueOptions = {}): Promise<Catalogue> {
  const { port = 0, seed = 24, failEvery = 2, retryAfter = 1, token = catalogueDefaults.token } = options;
  const refusedOnce = new Set<number>();

  const refusalOf = (page: number): 429 | 500 | null => {
    if (failEvery === 0 || refusedOnce.has(page) || drawFor(seed, page) * failEvery >= 1) return null;
    refusedOnce.add(page);
    return drawFor(seed + 1, page) < 0.5 ? 429 : 500;
  };

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "127.0.0.1"}`);
    if (url.pathname !== "/products") return send(response, 404, { error: `There is nothing at ${url.pathname}` });
    if (request.method !== "GET") return send(response, 405, { error: "Only GET" }, { Allow: "GET" });
    if (request.headers.authorization !== `Bearer ${token}`) {
      return send(response, 401, { error: "A bearer token is needed" }, { "WWW-Authenticate": "Bearer" });
    }
    const page = positive(url.searchParams.get("page") ?? "1");
    const perPage = positive(url.searchParams.get("per_page") ?? "100");
    if (page === null || perPage === null || perPage > 100) {
      return send(response, 400, { error: "page counts from 1, per_page is 1 to 100" });
    }
    const refusal = refusalOf(page);
    if (refusal === 429)
      return send(response, 429, { error: "Too many requests" }, { "Retry-After": String(retryAfter) });
    if (refusal === 500) return send(response, 500, { error: "Something went wrong" });
    const end = page * perPage;
    const next = end < products.length ? `${url.origin}/products?page=${page + 1}&per_page=${perPage}` : null;
    send(response, 200, { items: products.slice(end - perPage, end).map(item), next });
  };

  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function item(product: Product): Record<string, unknown> {
  return { code: product.code, title: product.title, price: product.pence / 100, category: product.category };
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { "Content-Type": "application/json; charset=utf-8", ...headers })
    .end(JSON.stringify(body));
}

function positive(text: string): number | null {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}

if (process.argv[1] === import.meta.filename) {
  try {
    const { url } = await startCatalogue({ port: catalogueDefaults.port });
    console.log(`The catalogue is at ${url}/products (Ctrl-C ends it)`);
  } catch (error) {
    console.error(`The catalogue could not be started: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
