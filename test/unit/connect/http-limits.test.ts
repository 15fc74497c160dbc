// The pace of an API, its tokens, and which machines a connection reaches: against servers that run here.
import type { LookupAddress } from "node:dns";
import type { ServerResponse } from "node:http";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { addressGuard, isPrivate } from "../../../src/adapters/http/addresses.ts";
import { quotaOf } from "../../../src/adapters/http/throttle.ts";
import { manualClock } from "../../../src/clock.ts";
import { env } from "../../../src/config.ts";
import { oauth2, type OAuth2Options } from "../../../src/connect/http.ts";
import { nextPage, pageNumber } from "../../../src/connect/http-pages.ts";
import { createLog, type LogLine } from "../../../src/log.ts";
import { clock, extract, failure, ids, json, numbers, read, serve, waits } from "./http-harness.ts";

describe("a rate limit", () => {
  const paged = (headers: (page: number) => Record<string, string>) =>
    serve((_request, response, url) => {
      const page = Number(url.searchParams.get("page"));
      json(response, { items: numbers((page - 1) * 2, page <= 3 ? page * 2 : 0) }, headers(page));
    });
  const pages = pageNumber("page");

  it.each<[string, (page: number) => Record<string, string>, number[]]>([
    ["that is not reached costs no wait", () => ({ "x-ratelimit-remaining": "5", "x-ratelimit-reset": "60" }), []],
    ["told as seconds", (page) => ({ "ratelimit-remaining": String(2 - page), "ratelimit-reset": "7" }), [7000]],
    [
      "told as an instant",
      (page) => ({
        "x-ratelimit-remaining": page === 1 ? "0" : "9",
        "x-ratelimit-reset": String(clock.now() / 1000 + 12),
      }),
      [12_000],
    ],
    [
      "told as a structured field of several policies",
      (page) => ({ ratelimit: `"burst";r=${page === 3 ? 0 : 4};t=3, "day";r=1000;t=80000` }),
      [3000],
    ],
    [
      "told in the words of an earlier draft",
      () => ({ ratelimit: "limit=1, remaining=0, reset=2" }),
      [2000, 2000, 2000],
    ],
  ])("%s", async (_what, headers, expected) => {
    const started = clock.now();
    const url = await paged(headers);
    expect(ids(await read(url, { pages }))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(waits).toEqual(expected);
    expect(clock.now() - started).toBe(expected.reduce((sum, wait) => sum + wait, 0));
  });

  it("is waited for when it is a refusal, too: by 429 or 403, longer than a try may wait", async () => {
    const script = [
      [429, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "300" }],
      [403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "200" }],
    ] as const;
    let calls = 0;
    const url = await serve((_request, response) => {
      const step = script[calls++];
      if (step === undefined) json(response, { items: numbers(0, 1) });
      else response.writeHead(step[0], step[1]).end();
    });
    expect(ids(await read(url))).toEqual([0]);
    expect(waits).toEqual([300_000, 200_000]);
  });

  it("longer than the connection waits ends the attempt, which says for how long", async () => {
    const url = await paged(() => ({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1200" }));
    const error = await failure(read(url, { pages }));
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true, details: { retryAfterMs: 1_200_000 } });
    expect(error.message).toContain("is out of requests and asked to wait 1200 s");
    expect(ids(await read(url, { pages, connection: { rateLimit: { maxWait: "1h" } } }))).toHaveLength(6);
  });

  it("of one's own spreads the requests evenly", async () => {
    const url = await paged(() => ({}));
    await read(url, { pages, connection: { rateLimit: { requests: 4, per: "1s" } } });
    expect(waits).toEqual([250, 250, 250]);
    expect(await failure(read(url, { connection: { rateLimit: { requests: 0 } } }))).toMatchObject({
      code: "DEFINITION_INVALID",
    });
  });

  it("of headers that say nothing usable is none", () => {
    const still = manualClock(0);
    for (const given of [{ ratelimit: "soon" }, { "x-ratelimit-remaining": "many" }, { ratelimit: '"a";w=1' }, {}])
      expect(quotaOf(new Headers(given as Record<string, string>), still).remaining).toBeNull();
  });
});

describe("OAuth 2.0 client credentials", () => {
  interface Server {
    readonly url: string;
    readonly asked: { authorization: string | undefined; form: Record<string, string> }[];
    /** Tokens that the API takes. */
    readonly valid: Set<string>;
  }

  async function server(answer: (response: ServerResponse, token: string) => void): Promise<Server> {
    const asked: Server["asked"] = [];
    const valid = new Set<string>();
    const url = await serve((request, response, address) => {
      if (address.pathname !== "/token") {
        const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
        if (!valid.has(token)) return void response.writeHead(401).end(`not ${token}`);
        return json(response, { items: numbers(0, 1) });
      }
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        asked.push({
          authorization: request.headers.authorization,
          form: Object.fromEntries(new URLSearchParams(body)),
        });
        const token = `token-${asked.length}-planted`;
        answer(response, token);
      });
    });
    return { url, asked, valid };
  }
  const reading = (url: string, more: Partial<OAuth2Options> = {}) => ({
    connection: {
      auth: oauth2({ tokenUrl: `${url}/token`, clientId: "me", clientSecret: env("CLIENT_SECRET"), ...more }),
      retry: { limit: 1 },
    },
  });

  it("gets a token once, keeps it while it holds, and gets another before it runs out", async () => {
    vi.stubEnv("CLIENT_SECRET", "s:c r/t");
    const { url, asked, valid } = await server((response, token) => {
      valid.add(token);
      json(response, { access_token: token, token_type: "Bearer", expires_in: 3600 });
    });
    const scoped = reading(url, { scope: "orders:read", parameters: { audience: "https://api" } });
    await read(url, scoped);
    await read(url, scoped);
    expect(asked).toEqual([
      {
        authorization: `Basic ${Buffer.from("me:s%3Ac+r%2Ft").toString("base64")}`,
        form: { grant_type: "client_credentials", scope: "orders:read", audience: "https://api" },
      },
    ]);
    clock.advance(3600_000 - 60_001);
    await read(url, scoped);
    expect(asked).toHaveLength(1);
    clock.advance(2);
    await read(url, scoped);
    expect(asked).toHaveLength(2);
  });

  it("gets another when the API refuses the one it has, in the middle of the pages, once", async () => {
    vi.stubEnv("CLIENT_SECRET", "secret-1");
    const { url, asked, valid } = await server((response, token) => {
      valid.clear();
      valid.add(token);
      json(response, { access_token: token, token_type: "bearer" });
    });
    await read(url, reading(url));
    valid.clear();
    expect(ids(await read(url, reading(url)))).toEqual([0]);
    expect(asked).toHaveLength(2);
    expect(waits).toEqual([]);
  });

  it("says so when a new token is refused, too, and tells neither token nor secret", async () => {
    vi.stubEnv("CLIENT_SECRET", "planted-secret");
    const lines: LogLine[] = [];
    const { url, asked } = await server((response, token) => json(response, { access_token: token }));
    const log = createLog((line) => lines.push(line), clock.now);
    const error = await failure(extract(url, reading(url), { log }));
    expect(error).toMatchObject({ code: "SOURCE_REFUSED", retryable: false });
    expect(error.message).toContain("answered 401 with a new token, too");
    expect(asked).toHaveLength(2);
    expect(JSON.stringify([error, error.message, error.hint, lines])).not.toMatch(/planted/);
  });

  it("sends id and secret in the form where that is wanted", async () => {
    vi.stubEnv("CLIENT_SECRET", "in-the-form");
    const { url, asked, valid } = await server((response, token) => {
      valid.add(token);
      json(response, { access_token: token });
    });
    await read(url, reading(url, { credentialsIn: "body" }));
    expect(asked).toEqual([
      {
        authorization: undefined,
        form: { grant_type: "client_credentials", client_id: "me", client_secret: "in-the-form" },
      },
    ]);
  });

  it.each<[string, (response: ServerResponse) => void, string, RegExp]>([
    [
      "wrong credentials",
      (response) => void response.writeHead(401).end('{"error":"invalid_client","secret":"planted-secret"}'),
      "SOURCE_REFUSED",
      /POST http:\S+\/token answered 401/,
    ],
    ["no token", (response) => json(response, { ok: true }), "SOURCE_MALFORMED", /without an access_token/],
    ["a web page", (response) => json(response, "<html>"), "SOURCE_MALFORMED", /without an access_token/],
    [
      "a token of another kind",
      (response) => json(response, { access_token: "t", token_type: "mac" }),
      "SOURCE_MALFORMED",
      /type "mac"/,
    ],
    ["no answer", (response) => void response.destroy(), "SOURCE_UNAVAILABLE", /\/token did not answer/],
    [
      "a redirect, which would hand on the secret",
      (response) => void response.writeHead(302, { location: "/elsewhere" }).end(),
      "SOURCE_REFUSED",
      /was redirected to another address/,
    ],
  ])("says in one line what is wrong with the token endpoint: %s", async (_what, answer, code, message) => {
    vi.stubEnv("CLIENT_SECRET", "planted-secret");
    const { url } = await server(answer);
    const error = await failure(read(url, reading(url)));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
    expect(JSON.stringify([error, error.message, error.hint])).not.toContain("planted");
  });
});

describe("private addresses", () => {
  const inner = (
    address: string,
  ): ((host: string, callback: (error: null, found: LookupAddress[]) => void) => void) => {
    return (_host, callback) => callback(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
  };

  it("are reached where the base URL itself names one", async () => {
    const url = await serve((_request, response) => json(response, { items: numbers(0, 1) }));
    expect(ids(await read(url))).toEqual([0]);
    expect(ids(await read(url.replace("127.0.0.1", "localhost")))).toEqual([0]);
  });

  it("are refused behind a name, before anything is sent, unless the connection allows them", async () => {
    let calls = 0;
    const server = await serve((_request, response) => {
      calls += 1;
      json(response, { items: numbers(0, 1) });
    });
    const url = server.replace("127.0.0.1", "api.example.com");
    const error = await failure(extract(url, {}, {}, { resolveName: inner("127.0.0.1") }));
    expect(error).toMatchObject({ code: "ADDRESS_REFUSED", retryable: false });
    expect(error.message).toBe(
      'The connection "catalogue" leads to api.example.com, which is 127.0.0.1: not a public address',
    );
    expect(error.hint).toContain("allowPrivateAddresses: true");
    expect(calls).toBe(0);
    const allowed = { connection: { allowPrivateAddresses: true } };
    expect((await extract(url, allowed, {}, { resolveName: inner("127.0.0.1") })).rows).toBe(1);
  });

  it("are not what a name leads to later: it is resolved once, and every page comes from there", async () => {
    const server = await serve((_request, response, url) => {
      const page = Number(url.searchParams.get("p") ?? 1);
      // Each connection is a new one.
      json(
        response,
        { items: numbers(page, page + 1), next: page < 3 ? `/items?p=${page + 1}` : null },
        { connection: "close" },
      );
    });
    const port = new URL(server).port;
    const answers = ["127.0.0.1", "169.254.169.254", "169.254.169.254"];
    let asked = 0;
    const resolveName = ((_host: string, callback: (error: null, found: LookupAddress[]) => void) =>
      callback(null, [{ address: answers[asked++]!, family: 4 }])) as ReturnType<typeof inner>;
    const options = { pages: nextPage("next"), connection: { allowPrivateAddresses: true } };
    expect((await extract(`http://rebound.example:${port}`, options, {}, { resolveName })).rows).toBe(3);
    expect(asked).toBe(1);
  });

  it("are left out where a name has public ones, too", async () => {
    const guard = addressGuard({
      connection: "c",
      allowPrivate: false,
      written: [new URL("https://api.example.com")],
      resolve: (_host, callback) =>
        callback(null, [
          { address: "10.0.0.1", family: 4 },
          { address: "8.8.8.8", family: 4 },
        ]),
    });
    const found = await new Promise((resolve) =>
      guard.lookup("api.example.com", { all: true }, (_error, addresses) => resolve(addresses)),
    );
    expect(found).toEqual([{ address: "8.8.8.8", family: 4 }]);
  });

  it("are refused as addresses, too, however they are written, where the connection didn't name them", () => {
    const guard = addressGuard({ connection: "c", allowPrivate: false, written: [new URL("https://api.example.com")] });
    for (const host of [
      "127.0.0.1",
      "0x7f.1",
      "2130706433",
      "[::1]",
      "[::ffff:7f00:1]",
      "[fe80::1]",
      "[64:ff9b::a00:1]",
    ])
      expect(() => guard.admit(new URL(`http://${host}/`)), host).toThrow(/not a public address/);
    expect(() => guard.admit(new URL("http://8.8.8.8/"))).not.toThrow();
    // One private host that is named permits no other.
    const local = addressGuard({ connection: "c", allowPrivate: false, written: [new URL("http://localhost:1")] });
    expect(() => local.admit(new URL("http://10.0.0.1/"))).toThrow(/not a public address/);
  });

  it.each([
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:a00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2001:db8::1",
    "2001::1",
  ])("%s is one", (address) => {
    expect(isPrivate(address)).toBe(true);
  });

  it.each([
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
  ])("%s is none", (address) => {
    expect(isPrivate(address)).toBe(false);
  });

  it("an IPv4 address and the same mapped into IPv6 are judged alike", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isPrivate(`::ffff:${address}`)).toBe(isPrivate(address));
      }),
    );
  });
});
