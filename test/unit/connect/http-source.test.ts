import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { faultPosition, parseJson, textOf } from "../../../src/adapters/http/json.ts";
import { createHttpSource } from "../../../src/adapters/http/source.ts";
import { env } from "../../../src/config.ts";
import { bearer, http, type GetOptions } from "../../../src/connect/http.ts";
import { nextPage, pageNumber } from "../../../src/connect/http-pages.ts";
import {
  clock,
  contextWith,
  extract,
  failure,
  id,
  ids,
  json,
  numbers,
  read,
  serve,
  servers,
  waits,
} from "./http-harness.ts";

describe("answers that pass", () => {
  it("waits as long as Retry-After says, in seconds or until a date, and goes on", async () => {
    const script = [
      [429, { "retry-after": "7" }],
      [503, { "retry-after": new Date(clock.now() + 7000 + 20_000).toUTCString() }],
      [500, {}],
    ] as const;
    let calls = 0;
    const url = await serve((_request, response) => {
      const step = script[calls++];
      if (step === undefined) json(response, { items: numbers(0, 2) });
      else response.writeHead(step[0], step[1]).end("later");
    });
    expect(ids(await read(url))).toEqual([0, 1]);
    expect(waits).toEqual([7000, 20_000, 2000]);
  });

  it("a seeded storm of failures changes nothing in what arrives", async () => {
    const seeds = fc.array(fc.constantFrom(0, 0, 429, 500, 502, -1), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(seeds, async (storm) => {
        let calls = 0;
        const url = await serve((_request, response, address) => {
          const what = storm[calls++ % storm.length]!;
          const page = Number(address.searchParams.get("page"));
          if (what === 0 || calls % 5 === 0)
            return json(response, { items: numbers(page * 3, page < 4 ? page * 3 + 3 : page * 3) });
          if (what === -1) {
            // An answer that breaks off in the middle.
            response.writeHead(200, { "content-length": "1000" });
            response.write('{"items": [{"id": 99}', () => response.destroy());
            return;
          }
          response.writeHead(what, what === 429 ? { "retry-after": "0" } : {}).end();
        });
        expect(ids(await read(url, { pages: pageNumber("page", { first: 0 }) }))).toEqual(
          numbers(0, 12).map((item) => item.id),
        );
      }),
      { numRuns: 25 },
    );
  });

  it("gives up after its tries, with waits that double, and says that it may pass", async () => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls += 1;
      response.writeHead(503).end();
    });
    const error = await failure(read(url, { connection: { retry: { limit: 3, delay: "100ms", maxDelay: "250ms" } } }));
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    expect(error.message).toBe(`GET ${url}/items answered 503 Service Unavailable (4 tries)`);
    expect([calls, waits]).toEqual([4, [100, 200, 250]]);
  });

  it("does not sit through a wait that is longer than the step would", async () => {
    const url = await serve((_request, response) => void response.writeHead(429, { "retry-after": "86400" }).end());
    const error = await failure(read(url));
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true, details: { retryAfterMs: 86_400_000 } });
    expect(waits).toEqual([]);
  });

  it("a server that is not there is unavailable", async () => {
    const url = await serve(() => {});
    await new Promise((resolve) => servers.pop()!.close(resolve));
    const error = await failure(read(url));
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    expect(error.message).toBe(`GET ${url}/items did not answer: ECONNREFUSED (6 tries)`);
  });

  it("an answer that takes longer than the timeout counts as none", async () => {
    const url = await serve((_request, response) => void response.writeHead(200).write("{"));
    const error = await failure(read(url, { connection: { timeout: "50ms", retry: { limit: 1 } } }));
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    expect(error.message).toContain("did not answer within 0.05 s (2 tries)");
  });

  it("cancelling ends a slow answer and a wait at once", async () => {
    const slow = await serve((_request, response) => void response.writeHead(200).write("{"));
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 50);
    expect(await failure(extract(slow, {}, { signal: stop.signal }))).toMatchObject({ message: "stopped" });

    const busy = await serve((_request, response) => void response.writeHead(429, { "retry-after": "30" }).end());
    const again = new AbortController();
    setTimeout(() => again.abort(new Error("stopped")), 50);
    const waiting = createHttpSource()(
      http(busy)("c").get("/", { columns: id }),
      contextWith({ signal: again.signal }),
    );
    expect(await failure(waiting)).toMatchObject({ message: "stopped" });
  });
});

describe("answers that don't pass", () => {
  it.each([
    [400, /Check the path and the query/],
    [401, /Check the value of the environment variable CATALOGUE_TOKEN/],
    [403, /does not allow/],
    [404, /URL and the path/],
    [422, /own words are in the details/],
    [204, /Only a 200/],
  ])("%i is refused at once, with a hint and without a secret", async (status, hint) => {
    vi.stubEnv("CATALOGUE_TOKEN", "tok/123");
    let calls = 0;
    const url = await serve((_request, response) => {
      calls += 1;
      response.writeHead(status).end(status === 204 ? undefined : "the token tok/123\nis bad");
    });
    const error = await failure(
      read(url, {
        query: { q: env("CATALOGUE_TOKEN"), access_key: "k9", plain: 1 },
        connection: { auth: bearer(env("CATALOGUE_TOKEN")) },
      }),
    );
    expect(error).toMatchObject({ code: "SOURCE_REFUSED", retryable: false, details: { status } });
    expect(error.message).toMatch(
      new RegExp(`^GET ${url}/items\\?q=\\S+&access_key=redacted&plain=1 answered ${status}`),
    );
    expect(error.hint).toMatch(hint);
    expect(`${error.message}${error.hint}${JSON.stringify(error.details)}`).not.toMatch(/tok.{1,3}123|k9/);
    expect(calls).toBe(1);
  });

  it("follows a redirect within the origin, and no other: the token stays", async () => {
    const other = await serve((request, response) =>
      json(response, { items: [{ id: request.headers.authorization }] }),
    );
    const url = await serve((request, response, address) => {
      if (address.pathname === "/items") response.writeHead(302, { location: "/moved" }).end();
      else if (address.pathname === "/away") response.writeHead(307, { location: `${other}/items` }).end();
      else if (address.pathname === "/circle") response.writeHead(308, { location: "/circle" }).end();
      else json(response, { items: [{ id: request.headers.authorization }] });
    });
    const connection = { auth: bearer("t") };
    expect(await read(url, { connection })).toEqual([{ id: "Bearer t" }]);
    const away = await failure(read(url, { connection, path: "/away" }));
    expect(away).toMatchObject({ code: "SOURCE_REFUSED" });
    expect(away.message).toContain(`was redirected to ${other}, another origin`);
    expect(await failure(read(url, { connection, path: "/circle" }))).toMatchObject({ code: "SOURCE_REFUSED" });
  });

  it("does not follow a next page to another origin", async () => {
    let asked = false;
    const other = await serve((_request, response) => {
      asked = true;
      json(response, { items: [] });
    });
    const url = await serve((_request, response) =>
      json(response, { items: numbers(0, 1), next: `${other}/items?p=2` }),
    );
    expect(await failure(read(url, { pages: nextPage("next") }))).toMatchObject({ code: "SOURCE_REFUSED" });
    expect(asked).toBe(false);
  });

  it.each<[string, string | Buffer, Partial<GetOptions>, string, RegExp, RegExp]>([
    [
      "JSON that breaks off",
      '{"items": [1, 2',
      {},
      "SOURCE_MALFORMED",
      /not JSON \(at character 16 of 15\)/,
      /Check the path/,
    ],
    [
      "JSON with a fault",
      '{"items": [1, x, 2, 3, 4, 5, 6, 7, 8, 9]}',
      {},
      "SOURCE_MALFORMED",
      /not JSON \(at character 15 of 41\)/,
      /Check the path/,
    ],
    [
      "a web page",
      "<!doctype html><p>Sign in",
      {},
      "SOURCE_MALFORMED",
      /not JSON \(at character 1 of/,
      /looks like a web page/,
    ],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), {}, "SOURCE_MALFORMED", /not valid UTF-8/, /UTF-8/],
    [
      "an answer too large",
      JSON.stringify({ items: numbers(0, 100) }),
      { maxPageBytes: 500 },
      "SOURCE_MALFORMED",
      /more than 500 bytes/,
      /maxPageBytes/,
    ],
    [
      "no records",
      '{"data": [], "page": 1}',
      {},
      "SOURCE_MALFORMED",
      /no "items" .* its keys are "data", "page"/,
      /records/,
    ],
    ["records that are none", '{"items": {"a": 1}}', {}, "SOURCE_MALFORMED", /an object as "items"/, /records/],
    ["a list where an object is expected", "[1]", {}, "SOURCE_MALFORMED", /it is an array/, /records/],
    [
      "records that are not objects",
      '{"items": [7]}',
      {},
      "SOURCE_MALFORMED",
      /record 1 is a number/,
      /array of objects/,
    ],
    [
      "a column under another name",
      '{"items": [{"stockCode": 1, "x": 2}]}',
      { columns: { code: "stock_code" } },
      "SOURCE_COLUMNS",
      /none of 1 records has "stock_code"/,
      /"stockCode"/,
    ],
    [
      "a nested column that is nowhere",
      '{"items": [{"p": {"amount": 2}}]}',
      { columns: { price: "p.net" } },
      "SOURCE_COLUMNS",
      /has "p.net", read as column "price"/,
      /There is "amount"/,
    ],
    [
      "a word for a number",
      '{"items": [{"id": 1}, {"id": "many"}]}',
      { columns: { n: { from: "id", type: "DOUBLE" } } },
      "SOURCE_MALFORMED",
      /record 2 has "many" as "n", which is no DOUBLE/,
      /without a type/,
    ],
    [
      "a fraction for an integer",
      '{"items": [{"id": 1.5}]}',
      { columns: { n: { from: "id", type: "BIGINT" } } },
      "SOURCE_MALFORMED",
      /record 1 has "1.5" as "n"/,
      /without a type/,
    ],
    [
      "a word for a time",
      '{"items": [{"id": "soon"}]}',
      { columns: { n: { from: "id", type: "TIMESTAMP" } } },
      "SOURCE_MALFORMED",
      /does not fit its column's type: .*soon/,
      /without a type/,
    ],
  ])("says in one line what is wrong: %s", async (_what, body, options, code, message, hint) => {
    const url = await serve((_request, response) => void response.writeHead(200).end(body));
    const error = await failure(read(url, options));
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toContain(`GET ${url}/items`);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it("a compressed answer is measured unpacked", async () => {
    const url = await serve(
      (_request, response) =>
        void response
          .writeHead(200, { "content-encoding": "gzip" })
          .end(gzipSync(JSON.stringify({ items: numbers(0, 50_000) }))),
    );
    expect(await failure(read(url, { maxPageBytes: 100_000 }))).toMatchObject({ code: "SOURCE_MALFORMED" });
    expect((await extract(url)).rows).toBe(50_000);
  });

  it("an address that is none, or has a password in it, is a fault of the configuration", async () => {
    expect(await failure(read("catalogue"))).toMatchObject({ code: "CONFIG_INVALID" });
    expect(await failure(read("ftp://x"))).toMatchObject({ code: "CONFIG_INVALID" });
    const error = await failure(read("http://me:secret@x"));
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(error.message + error.hint).not.toContain("secret");
  });
});

describe("values", () => {
  it("keep every digit, and take the declared type", async () => {
    const body = `{"items": [
      {"id": 9007199254740993, "price": 12.10, "on": true, "at": "2011-01-04T12:00:00+02:00", "tags": ["a", {"b": 123456789012345678901}], "s": "", "n": null, "a": {"b": [5, 6]}, "dot.ted": 1, "__proto__": "p"},
      {"id": "-1e3", "price": "0.1"}]}`;
    const url = await serve((_request, response) => json(response, body));
    const rows = await read(url, {
      columns: {
        id: { from: "id", type: "BIGINT" },
        price: { from: "price", type: "DECIMAL(8,2)" },
        text: "price",
        flag: { from: "on", type: "BOOLEAN" },
        at: { from: "at", type: "TIMESTAMP WITH TIME ZONE" },
        tags: "tags",
        s: "s",
        n: "n",
        b: "a.b.1",
        dotted: ["dot.ted"],
        proto: "__proto__",
        none: { from: "none", optional: true },
      },
    });
    expect(rows).toEqual([
      {
        id: "9007199254740993",
        price: "12.10",
        text: "12.10",
        flag: true,
        at: "2011-01-04 10:00:00+00",
        tags: '["a",{"b":123456789012345678901}]',
        s: "",
        n: null,
        b: "6",
        dotted: "1",
        proto: "p",
        none: null,
      },
      {
        id: "-1000",
        price: "0.10",
        text: "0.1",
        flag: null,
        at: null,
        tags: null,
        s: null,
        n: null,
        b: null,
        dotted: null,
        proto: null,
        none: null,
      },
    ]);
  });

  it("no two JSON numbers of different text become one", () => {
    const number = fc.tuple(
      fc.constantFrom("", "-"),
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.stringMatching(/^(\.\d{1,20})?([eE][+-]?\d{1,3})?$/),
    );
    fc.assert(
      fc.property(number, ([sign, whole, rest]) => {
        expect(textOf(parseJson(`${sign}${whole}${rest}`))).toBe(`${sign}${whole}${rest}`);
      }),
    );
  });

  it("the position of a fault is the first character that no valid JSON could have", () => {
    const document = fc.json({ maxDepth: 3 }).map((text) => `{"k": ${text}}`);
    fc.assert(
      fc.property(document, fc.nat(), (text, at) => {
        // A control character is never allowed, neither in a string nor between values.
        const position = at % (text.length + 1);
        expect(faultPosition(`${text.slice(0, position)}\u0001${text.slice(position)}`)).toBe(position);
      }),
    );
  });
});
