// Loading into HTTP APIs, against servers that run here: some keep keys as they should, some don't, and some refuse.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createHttpSink } from "../../../src/adapters/http/sink.ts";
import { env, resolveSetting } from "../../../src/config.ts";
import { bearer, http, type HttpOptions } from "../../../src/connect/http.ts";
import type { EndpointOptions } from "../../../src/connect/http-endpoint.ts";
import type { LoadOutcome, LoadRequest, SinkContext } from "../../../src/connect/sink.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import type { Json } from "../../../src/json.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { clock, failure, serve, waits } from "./http-harness.ts";

let folder: string;
let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-http-sink-"));
  session = await openSession({ temporaryFolder: folder });
  artifacts = temporaryArtifacts();
});
afterEach(async () => {
  session.close();
  await artifacts.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Received {
  readonly key: string;
  readonly type: string;
  readonly body: string;
}

interface Api {
  readonly url: string;
  /** Every request, as it came. */
  readonly requests: Received[];
  /** Rows that were taken, each key once. */
  readonly rows: Json[];
}

/** An API that keeps keys: `judge` says what it answers to a new one; null to take all rows. */
async function api(
  judge: (
    rows: { id: number }[],
    received: Received,
    count: number,
  ) => { status: number; body?: unknown; cut?: boolean; take?: boolean } | null = () => null,
  rowsOf: (body: string) => unknown[] = (body) => JSON.parse(body) as unknown[],
): Promise<Api> {
  const requests: Received[] = [];
  const rows: Json[] = [];
  const keys = new Set<string>();
  const url = await serve((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const received = {
        key: String(request.headers["idempotency-key"]),
        type: String(request.headers["content-type"]),
        body,
      };
      requests.push(received);
      const sent = rowsOf(body) as { id: number }[];
      const verdict = keys.has(received.key) ? null : judge(sent, received, requests.length);
      if ((verdict === null || verdict.take === true) && !keys.has(received.key)) {
        keys.add(received.key);
        rows.push(...(sent as unknown as Json[]));
      }
      if (verdict?.cut === true) return void response.destroy();
      response.writeHead(verdict?.status ?? 200).end(verdict?.body === undefined ? "" : JSON.stringify(verdict.body));
    });
  });
  return { url, requests, rows };
}

const sink = createHttpSink({
  clock,
  random: () => 1,
  sleep: async (milliseconds) => {
    waits.push(milliseconds);
    clock.advance(milliseconds);
  },
});
const context = (): SinkContext => ({
  folder,
  home: folder,
  signal: new AbortController().signal,
  log: silentLog,
  session: async () => session,
  resolve: (setting) => resolveSetting(setting, folder),
});
const numbers = (count: number): Promise<Dataset> =>
  writeQuery(session, artifacts, `SELECT i::INTEGER AS id, 'row ' || i AS label FROM range(1, ${count + 1}) AS t(i)`);

interface Loading {
  readonly endpoint?: EndpointOptions;
  readonly connection?: HttpOptions;
  readonly request?: Partial<LoadRequest>;
}

async function load(
  url: string,
  dataset: Dataset,
  { endpoint = {}, connection, request }: Loading = {},
): Promise<LoadOutcome> {
  const table = http(url, connection)("crm").endpoint("/contacts", endpoint);
  const asked: LoadRequest = {
    table,
    dataset,
    write: "append",
    partition: null,
    loadKey: "load-1",
    fence: 1,
    ...request,
  };
  return sink.load(JSON.parse(JSON.stringify(asked)) as LoadRequest, context());
}
const ids = (rows: readonly Json[]): number[] => rows.map((row) => (row as { id: number }).id);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("rows to an HTTP API", () => {
  it("go out in order, some at a time, each request under a key of its own", async () => {
    const { url, requests, rows } = await api();
    expect(await load(url, await numbers(25), { endpoint: { batch: 10 } })).toEqual({
      loaded: 25,
      refused: { by: "crm.contacts", rows: [] },
    });
    expect(ids(rows)).toEqual(upTo(25));
    expect(rows[0]).toEqual({ id: 1, label: "row 1" });
    expect(requests.map(({ type }) => type)).toEqual(Array(3).fill("application/json"));
    expect(new Set(requests.map(({ key }) => key)).size).toBe(3);
    for (const { key } of requests) expect(key).toMatch(/^[\x21-\x7e]{1,200}$/);
  });

  it.each<[string, EndpointOptions, (body: string) => unknown[], string, number]>([
    [
      "lines of JSON",
      { format: "lines" },
      (body) =>
        body
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
      "application/x-ndjson",
      1,
    ],
    ["an object each", { format: "object" }, (body) => [JSON.parse(body)], "application/json", 3],
    [
      "an array under a key",
      { within: "records" },
      (body) => (JSON.parse(body) as { records: unknown[] }).records,
      "application/json",
      1,
    ],
  ])("can be %s", async (_what, endpoint, rowsOf, type, count) => {
    const { url, requests, rows } = await api(undefined, rowsOf);
    expect(await load(url, await numbers(3), { endpoint })).toMatchObject({ loaded: 3 });
    expect(rows).toEqual(upTo(3).map((id) => ({ id, label: `row ${id}` })));
    expect([requests.length, requests[0]!.type]).toEqual([count, type]);
  });

  it("keep every digit; what JSON can't say is null, and times are ISO 8601", async () => {
    const { url, requests } = await api();
    const dataset = await writeQuery(
      session,
      artifacts,
      `SELECT 9007199254740993::BIGINT AS big, 12345678901234567890.12::DECIMAL(38,2) AS price, 'NaN'::DOUBLE AS nan, true AS yes,
              TIMESTAMPTZ '2026-01-31 10:00:00.123456+01' AS at, DATE '2026-01-31' AS day, 'é "q"' AS text, NULL::VARCHAR AS none`,
    );
    await load(url, dataset);
    expect(requests[0]!.body).toBe(
      '[{"big":9007199254740993,"price":12345678901234567890.12,"nan":null,"yes":true,"at":"2026-01-31T09:00:00.123456Z","day":"2026-01-31","text":"é \\"q\\"","none":null}]',
    );
  });

  it("of an empty dataset are no request", async () => {
    const { url, requests } = await api();
    expect(await load(url, await numbers(0))).toMatchObject({ loaded: 0 });
    expect(requests).toEqual([]);
  });
});

describe("a load that is cut off", () => {
  it("sends a request again under its key when the answer is lost: an API that keeps keys has every row once", async () => {
    const seeds = fc.array(fc.constantFrom("ok", "ok", "cut", "taken-and-cut", "busy"), {
      minLength: 1,
      maxLength: 10,
    });
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 9 }), async (storm, batch) => {
        const { url, rows } = await api((_rows, _received, count) => {
          const what = storm[count % storm.length]!;
          if (what === "ok" || count % 5 === 0) return null;
          if (what === "busy") return { status: 503 };
          return { status: 200, cut: true, take: what === "taken-and-cut" };
        });
        const loadKey = `storm-${String(Math.floor(clock.now()))}-${url}`;
        expect(await load(url, await numbers(20), { endpoint: { batch }, request: { loadKey } })).toMatchObject({
          loaded: 20,
        });
        expect(ids(rows)).toEqual(upTo(20));
      }),
      { numRuns: 10 },
    );
  });

  it("goes on behind what was answered, and is done once under its key", async () => {
    let up = false;
    const { url, requests, rows } = await api((sent) => (!up && sent[0]!.id > 20 ? { status: 503 } : null));
    const dataset = await numbers(50);
    const loading = { endpoint: { batch: 10 }, connection: { retry: { limit: 0 } } };
    expect(await failure(load(url, dataset, loading))).toMatchObject({ code: "SINK_UNAVAILABLE", retryable: true });
    expect(ids(rows)).toEqual(upTo(20));
    up = true;
    expect(await load(url, dataset, { ...loading, request: { fence: 2 } })).toMatchObject({ loaded: 50 });
    expect(ids(rows)).toEqual(upTo(50));
    // 2 that were taken, the one that failed, and the 3 that were left.
    expect(requests).toHaveLength(6);
    expect(requests[3]!.key).toBe(requests[2]!.key);
    expect(await load(url, dataset, loading)).toMatchObject({ loaded: 50 });
    expect(requests).toHaveLength(6);
  });

  it("is refused when a newer one has begun, or has moved the position", async () => {
    const { url, rows } = await api();
    const moving = (from: Json, to: Json) => [{ table: "crm.contacts", reader: "p.s", from, to, repeats: false }];
    const table = http(url)("crm").endpoint("/contacts");
    await load(url, await numbers(2), { request: { fence: 5, positions: moving(null, { at: 1 }) } });
    expect(await sink.position(table, "p.s", context())).toEqual({ at: 1 });
    const older = load(url, await numbers(2), { request: { loadKey: "old", fence: 4 } });
    expect(await failure(older)).toMatchObject({ code: "FENCED" });
    const moved = load(url, await numbers(2), {
      request: { loadKey: "moved", fence: 6, positions: moving(null, { at: 2 }) },
    });
    expect(await failure(moved)).toMatchObject({ code: "FENCED" });
    expect(ids(rows)).toEqual([1, 2]);
    await load(url, await numbers(1), {
      request: { loadKey: "next", fence: 7, positions: moving({ at: 1 }, { at: 2 }) },
    });
    expect(await sink.position(table, "p.s", context())).toEqual({ at: 2 });
  });
});

describe("rows that the API refuses", () => {
  it("are found among those of their request, and the others are taken", async () => {
    const bad = new Set([3, 17, 18]);
    const { url, rows } = await api((sent) => {
      const found = sent.find(({ id }) => bad.has(id));
      return found === undefined ? null : { status: 422, body: { error: `contact ${found.id} has no email` } };
    });
    const { loaded, refused } = await load(url, await numbers(40), { endpoint: { batch: 20 } });
    expect(loaded).toBe(37);
    expect(ids(rows)).toEqual(upTo(40).filter((id) => !bad.has(id)));
    expect(refused!.rows.map(({ record, row }) => [record, row["id"]])).toEqual([
      [3, 3],
      [17, 17],
      [18, 18],
    ]);
    expect(refused!.rows[0]!.reasons).toEqual([
      {
        path: "",
        rule: "refused",
        value: 422,
        message: `POST ${url}/contacts answered 422: {"error":"contact 3 has no email"}`,
      },
    ]);
  });

  it("none is lost and none is doubled, whichever they are and however often it is cut off", async () => {
    const cases = fc.record({
      bad: fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 8 }),
      batch: fc.integer({ min: 1, max: 16 }),
      cuts: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 6 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ bad, batch, cuts }) => {
        const { url, rows } = await api((sent, _received, count) => {
          if (cuts.includes(count))
            return { status: 200, cut: true, take: !sent.some(({ id }) => bad.includes(id)) && count % 2 === 0 };
          return sent.some(({ id }) => bad.includes(id)) ? { status: 400 } : null;
        });
        const dataset = await numbers(30);
        const loadKey = `refused-${(run += 1)}`;
        const attempt = () =>
          load(url, dataset, { endpoint: { batch }, connection: { retry: { limit: 0 } }, request: { loadKey } }).catch(
            () => null,
          );
        let outcome = await attempt();
        for (let tries = 0; outcome === null && tries < 10; tries += 1) outcome = await attempt();
        expect(outcome!.refused!.rows.map(({ record }) => record)).toEqual([...bad].sort((a, b) => a - b));
        expect(ids(rows).sort((a, b) => a - b)).toEqual(upTo(30).filter((id) => !bad.includes(id)));
      }),
      { numRuns: 12 },
    );
  });

  it("are those that a 2xx answer names, where the endpoint says how", async () => {
    const { url } = await api((sent) => ({
      status: 207,
      take: true,
      body: {
        results: {
          errors: sent.flatMap(({ id }, index) => (id % 5 === 0 ? [{ index, reason: { text: `no ${id}` } }] : [])),
        },
      },
    }));
    const failures = { at: "results.errors", row: "index", message: "reason.text" };
    const { loaded, refused } = await load(url, await numbers(12), { endpoint: { batch: 6, failures } });
    expect(loaded).toBe(10);
    expect(refused!.rows.map(({ record, reasons }) => [record, reasons[0]!.message])).toEqual([
      [5, `POST ${url}/contacts answered 207: no 5`],
      [10, `POST ${url}/contacts answered 207: no 10`],
    ]);
  });

  it("are too many when they are more than the endpoint allows, and then the load fails", async () => {
    const { url } = await api(() => ({ status: 400, body: "no such field: label" }));
    const error = await failure(load(url, await numbers(10), { endpoint: { maxRefused: 3 } }));
    expect(error).toMatchObject({ code: "SINK_REFUSED", retryable: false });
    expect(error.message).toBe(`POST ${url}/contacts refuses more than 3 rows`);
    expect(JSON.stringify(error.details)).toContain("no such field: label");
  });

  it("are the load's failure where the endpoint says so, or where it is not about the rows", async () => {
    const { url } = await api((_rows, { body }) => ({ status: body.includes('"row 2"') ? 422 : 403 }));
    const fails = await failure(load(url, await numbers(2), { endpoint: { onRefusal: "fail" } }));
    expect(fails).toMatchObject({ code: "SINK_REFUSED", details: { status: 422 } });
    const forbidden = await failure(load(url, await numbers(1), { request: { loadKey: "other" } }));
    expect(forbidden).toMatchObject({ code: "SINK_REFUSED", details: { status: 403 } });
  });

  it("tell no secret, even if the API says it back", async () => {
    vi.stubEnv("CRM_TOKEN", "planted-token");
    const { url } = await api(() => ({
      status: 422,
      body: { error: "the token planted-token is fine, the row isn't" },
    }));
    const connection = { auth: bearer(env("CRM_TOKEN")) };
    const { refused } = await load(url, await numbers(1), { connection });
    expect(JSON.stringify(refused)).toContain("[redacted] is fine");
    expect(JSON.stringify(refused)).not.toContain("planted");
  });

  it.each<[string, unknown, RegExp]>([
    ["names a row that isn't there", { errors: [{ index: 7 }] }, /row 7 of a request of 2 rows/],
    ["names none", { errors: [{}] }, /row none of a request/],
    ["lists nothing", { errors: "all" }, /"errors" is no array/],
  ])("an answer that %s is an error, not a success", async (_what, body, message) => {
    const { url } = await api(() => ({ status: 200, body }));
    const error = await failure(
      load(url, await numbers(2), { endpoint: { failures: { at: "errors", row: "index" } } }),
    );
    expect(error).toMatchObject({ code: "SINK_REFUSED" });
    expect(error.message).toMatch(message);
  });
});

describe("an endpoint", () => {
  const endpoint = (options: EndpointOptions) => () => http("https://x")("crm").endpoint("/contacts", options);
  it.each<[EndpointOptions, RegExp]>([
    [{ batch: 0 }, /sends 0 rows at a time/],
    [{ format: "object", batch: 2 }, /sends 2 rows as one object/],
    [{ format: "lines", within: "records" }, /has `within` but sends "lines"/],
    [{ maxRefused: -1 }, /maxRefused: -1/],
  ])("that can't be meant is refused: %j", (options, message) => {
    expect(endpoint(options)).toThrow(message);
  });

  it("is part of the pipeline's version with all that it says", () => {
    expect(endpoint({ batch: 7 })().request).toMatchObject({
      path: "/contacts",
      batch: 7,
      keyHeader: "idempotency-key",
    });
  });
});
