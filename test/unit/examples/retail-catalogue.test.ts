import { afterEach, describe, expect, it } from "vitest";
import { startCatalogue, type Catalogue, type CatalogueOptions } from "../../../examples/retail/catalogue-server.ts";
import { products } from "../../../examples/retail/data/products.ts";

interface Page {
  readonly items: readonly { readonly code: string; readonly title: string; readonly price: number }[];
  readonly next: string | null;
}

let catalogue: Catalogue | undefined;
afterEach(async () => {
  await catalogue?.close();
  catalogue = undefined;
});

async function start(options: CatalogueOptions = {}): Promise<Catalogue> {
  return (catalogue = await startCatalogue(options));
}

function get(address: string, token?: string): Promise<Response> {
  return fetch(address, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });
}

/** Status codes met, and the items got, on the way through all pages with retries. */
async function walk({ url, token }: Catalogue): Promise<{ statuses: number[]; items: Page["items"][number][] }> {
  const statuses: number[] = [];
  const items: Page["items"][number][] = [];
  let address: string | null = `${url}/products?page=1&per_page=100`;
  while (address !== null) {
    if (statuses.length >= 20) throw new Error(`No end after 20 requests: ${statuses.join(" ")}`);
    const response: Response = await get(address, token);
    statuses.push(response.status);
    if (response.status !== 200) {
      await response.arrayBuffer();
      continue;
    }
    const page = (await response.json()) as Page;
    items.push(...page.items);
    address = page.next;
  }
  return { statuses, items };
}

describe("the catalogue's API", () => {
  it("gives every product once, page by page", async () => {
    const { items } = await walk(await start());
    expect(items.map((item) => item.code)).toEqual(products.map((product) => product.code));
    expect(items.every((item) => item.price > 0 && item.title !== "")).toBe(true);
  });

  it("refuses some pages at the first try, with 429 and with 500, and the same ones each time", async () => {
    const first = await walk(await start());
    await catalogue?.close();
    const second = await walk(await start());
    expect(second.statuses).toEqual(first.statuses);
    expect(first.statuses).toContain(429);
    expect(first.statuses).toContain(500);
    expect(first.statuses.filter((status) => status === 200)).toHaveLength(4);
  });

  it("refuses nothing when told so", async () => {
    expect((await walk(await start({ failEvery: 0 }))).statuses).toEqual([200, 200, 200, 200]);
  });

  it("refuses every page once with failEvery 1", async () => {
    const { statuses } = await walk(await start({ failEvery: 1 }));
    expect(statuses.filter((status) => status !== 200)).toHaveLength(4);
  });

  it("says with a 429 how long to wait", async () => {
    const { url, token } = await start({ failEvery: 1, retryAfter: 0 });
    const answers = await Promise.all([1, 2, 3, 4].map((page) => get(`${url}/products?page=${page}`, token)));
    const limited = answers.filter((answer) => answer.status === 429);
    expect(limited.length).toBeGreaterThan(0);
    expect(limited.map((answer) => answer.headers.get("retry-after"))).toEqual(limited.map(() => "0"));
  });

  it("wants the token", async () => {
    const { url } = await start({ failEvery: 0 });
    for (const token of [undefined, "", "another"]) {
      const answer = await get(`${url}/products`, token);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual({ error: "A bearer token is needed" });
    }
  });

  it("refuses pages that can't be and paths that aren't there", async () => {
    const { url, token } = await start({ failEvery: 0 });
    for (const query of ["page=0", "page=-1", "page=x", "per_page=0", "per_page=101"]) {
      expect((await get(`${url}/products?${query}`, token)).status).toBe(400);
    }
    expect((await get(`${url}/prices`, token)).status).toBe(404);
    const beyond = (await (await get(`${url}/products?page=9`, token)).json()) as Page;
    expect(beyond).toEqual({ items: [], next: null });
  });
});
