import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { env, type Setting } from "../../../src/config.ts";
import { webhook, type WebhookOptions } from "../../../src/connect/webhook.ts";
import type { HookContext, HookNotice } from "../../../src/hook.ts";
import { silentLog } from "../../../src/log.ts";

interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

let server: Server;
let address: string;
let received: Received[];
/** How the server answers; null for never. */
let status: number | null;

beforeEach(async () => {
  received = [];
  status = 204;
  server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      received.push({ method: request.method, path: request.url, headers: request.headers, body: JSON.parse(text) });
      if (status === null) return;
      response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {});
      response.end(status === 204 ? undefined : "an answer that nobody reads");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const notice: HookNotice = {
  key: "run-1/load/failure",
  event: "failure",
  level: "step",
  runId: "orders-2026-01-05-1c9f03aa",
  pipeline: "orders",
  version: "abc",
  partition: "2026-01-05",
  params: null,
  step: "load",
  item: null,
  attempt: 3,
  status: "failed",
  error: { code: "SINK_UNAVAILABLE", message: "The destination did not answer", retryable: true },
  at: Date.parse("2026-01-06T02:03:04.005Z"),
};

const secrets: Readonly<Record<string, string>> = { TOKEN: "Bearer s3cret" };
const context = (signal: AbortSignal = new AbortController().signal): HookContext => ({
  signal,
  log: silentLog,
  resolve: (setting: Setting) =>
    typeof setting === "string" ? setting : (secrets[setting.name] ?? address + setting.name),
});
const post = async (url: Setting, options: WebhookOptions = {}, signal?: AbortSignal) => {
  await webhook(url, options).call(notice, context(signal));
};

describe("a webhook", () => {
  it("posts what it is told, under a key that is the same each time", async () => {
    const hook = webhook(`${address}/hooks/sluice?team=data`);
    await hook.call(notice, context());
    await hook.call(notice, context());
    expect(received).toHaveLength(2);
    expect(received[1]!.body).toEqual(received[0]!.body);
    expect(received[0]).toMatchObject({
      method: "POST",
      path: "/hooks/sluice?team=data",
      headers: { "content-type": "application/json", "idempotency-key": notice.key },
    });
    expect(received[1]!.headers["idempotency-key"]).toBe(notice.key);
    expect(received[0]!.body).toEqual({
      key: notice.key,
      event: "failure",
      level: "step",
      run: "orders-2026-01-05-1c9f03aa",
      pipeline: "orders",
      version: "abc",
      partition: "2026-01-05",
      step: "load",
      item: null,
      attempt: 3,
      status: "failed",
      error: { code: "SINK_UNAVAILABLE", message: "The destination did not answer", retryable: true },
      at: "2026-01-06T02:03:04.005Z",
    });
  });

  it("sends a key of any script, and any error, without the header breaking", async () => {
    await webhook(address).call({ ...notice, key: "run-münchen|東京/a b" }, context());
    expect(received[0]!.headers["idempotency-key"]).toBe(encodeURI("run-münchen|東京/a b"));
    expect(received[0]!.body).toMatchObject({ key: "run-münchen|東京/a b" });
  });

  it("resolves its address and its headers when it is called", async () => {
    await post(env("/from/env"), { headers: { authorization: env("TOKEN"), "x-team": "data" } });
    expect(received[0]).toMatchObject({
      path: "/from/env",
      headers: { authorization: "Bearer s3cret", "x-team": "data" },
    });
    expect(JSON.stringify(webhook(env("/from/env"), { headers: { authorization: env("TOKEN") } }))).not.toContain(
      "s3cret",
    );
  });

  it.each([200, 201, 204])("takes %i for an answer", async (code) => {
    status = code;
    await expect(post(address)).resolves.toBeUndefined();
  });

  it.each([302, 400, 404, 429, 500, 503])("takes %i for a failure that may pass", async (code) => {
    status = code;
    await expect(post(`${address}/?secret=s3cret`)).rejects.toThrow(
      expect.objectContaining({
        code: "SINK_UNAVAILABLE",
        retryable: true,
        message: `The webhook at ${address} answered ${code}`,
      }),
    );
    expect(received).toHaveLength(1);
  });

  it("does not wait longer than it says, nor than it is let", async () => {
    status = null;
    await expect(post(address, { timeout: "20ms" })).rejects.toThrow(/did not answer within 0\.02 s/);
    const stop = new AbortController();
    const waiting = post(address, {}, stop.signal);
    const told = new Error("enough");
    while (received.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort(told);
    await expect(waiting).rejects.toBe(told);
  });

  it("says when nobody is there", async () => {
    server.close();
    server.closeAllConnections();
    await expect(post(`${address}/x`)).rejects.toThrow(
      expect.objectContaining({ code: "SINK_UNAVAILABLE", message: `The webhook at ${address} could not be reached` }),
    );
  });

  it("is refused with what is no address, which is not shown: it may be a secret", async () => {
    for (const url of ["alerts", "ftp://example.com", ""]) {
      expect(() => webhook(url)).toThrow(
        expect.objectContaining({ code: "DEFINITION_INVALID", hint: expect.any(String) }),
      );
    }
    expect(() => webhook(address, { timeout: "soon" as "1s" })).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID" }),
    );
    await expect(post(env("TOKEN"))).rejects.toThrow(
      expect.objectContaining({ code: "REFERENCE_UNRESOLVED", message: expect.not.stringContaining("s3cret") }),
    );
  });
});
