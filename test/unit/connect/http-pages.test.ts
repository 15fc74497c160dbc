import { describe, expect, it, vi } from "vitest";
import { env } from "../../../src/config.ts";
import { apiKey, basic, bearer } from "../../../src/connect/http.ts";
import { cursor, linkHeader, nextPage, offset, pageNumber, type Pages } from "../../../src/connect/http-pages.ts";
import { extract, failure, ids, json, numbers, read, serve, type Handler } from "./http-harness.ts";

describe("pages", () => {
  const all = numbers(0, 25);
  const slice = (start: number, size = 10): { id: number }[] => all.slice(start, start + size);
  const ways: [string, Pages, Handler][] = [
    [
      "a link in the body",
      nextPage("paging.next"),
      (_request, response, url) => {
        const start = Number(url.searchParams.get("from") ?? 0);
        json(response, { items: slice(start), paging: { next: start + 10 < 25 ? `/items?from=${start + 10}` : null } });
      },
    ],
    [
      "a Link header",
      linkHeader(),
      (_request, response, url) => {
        const start = Number(url.searchParams.get("from") ?? 0);
        const link = `<https://elsewhere.example/?x=1,2>; rel="prev first", <?from=${start + 10}>; title="a, b"; rel="last next"`;
        json(response, { items: slice(start) }, start + 10 < 25 ? { link } : {});
      },
    ],
    [
      "a cursor",
      cursor("next_cursor", "after"),
      (_request, response, url) => {
        const start = Number((url.searchParams.get("after") ?? "c=0&").slice(2, -1));
        json(response, { items: slice(start), ...(start + 10 < 25 ? { next_cursor: `c=${start + 10}&` } : {}) });
      },
    ],
    [
      "a page number",
      pageNumber("page"),
      (_request, response, url) => json(response, { items: slice((Number(url.searchParams.get("page")) - 1) * 10) }),
    ],
    [
      "a page number from 0 with the number of pages",
      pageNumber("page", { first: 0, totalPages: "meta.pages" }),
      (_request, response, url) =>
        json(response, { items: slice(Number(url.searchParams.get("page")) * 10), meta: { pages: 3 } }),
    ],
    [
      "an offset, with pages shorter than asked for",
      offset("skip"),
      (_request, response, url) => json(response, { items: slice(Number(url.searchParams.get("skip")), 7) }),
    ],
    [
      "an offset with the total",
      offset("skip", { total: "total" }),
      (_request, response, url) => json(response, { items: slice(Number(url.searchParams.get("skip"))), total: 25 }),
    ],
  ];

  it.each(ways)("every record arrives once, in order: %s", async (_what, pages, handler) => {
    const url = await serve(handler);
    expect(ids(await read(url, { pages, query: { per_page: 10, only: "a b&c" } }))).toEqual(all.map((item) => item.id));
  });

  it("every page carries the token, the query and the headers; the base path is kept", async () => {
    const seen: unknown[] = [];
    vi.stubEnv("CATALOGUE_TOKEN", "tok-123");
    const url = await serve((request, response, address) => {
      seen.push([
        address.pathname,
        address.searchParams.get("per_page"),
        request.headers.authorization,
        request.headers["x-shop"],
      ]);
      json(response, {
        items: numbers(0, 1),
        next: address.searchParams.has("p") ? null : `${url}/v2/items?per_page=2&p=2`,
      });
    });
    await read(`${url}/v2/`, {
      pages: nextPage("next"),
      query: { per_page: 2 },
      headers: { "x-shop": "s" },
      connection: { auth: bearer(env("CATALOGUE_TOKEN")) },
    });
    expect(seen).toEqual([
      ["/v2/items", "2", "Bearer tok-123", "s"],
      ["/v2/items", "2", "Bearer tok-123", "s"],
    ]);
  });

  it.each([
    ["basic", basic("me", "p:w"), { authorization: `Basic ${Buffer.from("me:p:w").toString("base64")}` }],
    ["a key", apiKey("X-Api-Key", "k1"), { "x-api-key": "k1" }],
  ])("auth by %s", async (_what, auth, expected) => {
    let headers: object = {};
    const url = await serve((request, response) => {
      headers = request.headers;
      json(response, { items: [] });
    });
    await read(url, { connection: { auth } });
    expect(headers).toMatchObject(expected);
  });

  it("no records is an empty dataset with its columns, even when the columns are nowhere to be seen", async () => {
    const url = await serve((_request, response) => json(response, []));
    const dataset = await extract(url, { records: [], columns: { id: { from: "id", type: "BIGINT" } } });
    expect([dataset.rows, dataset.columns]).toEqual([0, [{ name: "id", type: "BIGINT" }]]);
  });

  it.each<[string, Pages, Handler, RegExp]>([
    [
      "the same link again",
      nextPage("next"),
      (_r, response) => json(response, { items: numbers(0, 1), next: "/items?p=1" }),
      /leads back|same page/,
    ],
    [
      "a circle of links",
      nextPage("next"),
      (_r, response, url) =>
        json(response, { items: [{ id: url.search }], next: url.search === "?p=1" ? "?p=2" : "?p=1" }),
      /leads back to a page/,
    ],
    [
      "the same cursor again",
      cursor("c", "c"),
      (_r, response, url) => json(response, { items: [{ id: url.search }], c: "x" }),
      /leads back to a page/,
    ],
    [
      "a page number that is ignored",
      pageNumber("page"),
      (_r, response) => json(response, { items: numbers(0, 3) }),
      /same page as before/,
    ],
    [
      "an offset that is ignored",
      offset("skip"),
      (_r, response) => json(response, { items: numbers(0, 3) }),
      /same page as before/,
    ],
    [
      "pages without end",
      pageNumber("page"),
      (_r, response, url) => json(response, { items: [{ id: url.search }] }),
      /more than 50 pages/,
    ],
    [
      "a link that is none",
      nextPage("next"),
      (_r, response) => json(response, { items: numbers(0, 1), next: 2 }),
      /"next" is a number, not an address/,
    ],
    [
      "a total that is not there",
      offset("skip", { total: "totl" }),
      (_r, response) => json(response, { items: numbers(0, 1), total: 9 }),
      /no whole number at "totl"/,
    ],
  ])("is not caught by %s", async (_what, pages, handler, message) => {
    const error = await failure(read(await serve(handler), { pages, maxPages: 50 }));
    expect(error).toMatchObject({ code: "SOURCE_MALFORMED", retryable: false });
    expect(error.message).toMatch(message);
  });
});
