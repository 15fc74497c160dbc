// Webhooks in: who is believed, what is kept and when, and what is read of it.
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inboxRange, inboxSource } from "../../../src/adapters/inbox/source.ts";
import { deliveriesFile, openDeliveryStore } from "../../../src/adapters/sqlite/delivery-store.ts";
import { manualClock, systemClock } from "../../../src/clock.ts";
import { env, file, resolveSetting } from "../../../src/config.ts";
import { apiKey, basic, bearer, oauth2 } from "../../../src/connect/http.ts";
import { inbox, type InboxOptions, type InboxSettings, type ReceivedOptions } from "../../../src/connect/inbox.ts";
import { isProven, signature, standardWebhooks, stripeSignature } from "../../../src/connect/inbox-signature.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import type { ReadRange, Source, SourceContext } from "../../../src/connect/source.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { openInboxReceiver, type InboxReceiver } from "../../../src/embedded/inbox-receiver.ts";
import { hookRoutes } from "../../../src/http/routes/hooks.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { testSource } from "../../conformance/source.ts";

type Verify = InboxOptions["verify"];

describe("what a delivery must bring", () => {
  const proven = (verify: Verify, headers: Record<string, string>, body: string, now = 0): boolean =>
    isProven(verify, { headers: new Headers(headers), body: Buffer.from(body), now }, (setting) => setting as string);

  // The example of GitHub's documentation.
  const github = signature({ header: "X-Hub-Signature-256", secret: "It's a Secret to Everybody", prefix: "sha256=" });
  const githubSigned = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  // The example of the Standard Webhooks libraries.
  const standard = standardWebhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const standardHeaders = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const standardBody = '{"test": 2432232314}';
  const at = 1614265330_000;
  const stripe = stripeSignature("whsec_x");
  const stripeSigned = (time: number, body: string): string =>
    `t=${time},v0=00,v1=${createHmac("sha256", "whsec_x").update(`${time}.${body}`).digest("hex")}`;

  it.each<[string, Verify, Record<string, string>, string, number]>([
    ["a token", bearer("t0ken"), { authorization: "Bearer t0ken" }, "", 0],
    ["user and password", basic("me", "p:w"), { authorization: `Basic ${btoa("me:p:w")}` }, "", 0],
    ["a key", apiKey("X-Key", "k"), { "x-key": "k" }, "", 0],
    ["an HMAC", github, { "x-hub-signature-256": githubSigned }, "Hello, World!", 0],
    [
      "an HMAC in capitals",
      github,
      { "x-hub-signature-256": githubSigned.toUpperCase().replace("SHA256", "sha256") },
      "Hello, World!",
      0,
    ],
    ["Standard Webhooks", standard, standardHeaders, standardBody, at + 299_000],
    [
      "Standard Webhooks, signed with an old secret and the new one",
      standard,
      { ...standardHeaders, "webhook-signature": `v1,AAAA ${standardHeaders["webhook-signature"]} v2,x` },
      standardBody,
      at,
    ],
    ["Stripe's", stripe, { "stripe-signature": stripeSigned(1000, "{}") }, "{}", 1_000_000],
  ])("%s is believed", (_what, verify, headers, body, now) => {
    expect(proven(verify, headers, body, now)).toBe(true);
  });

  it.each<[string, Verify, Record<string, string>, string, number]>([
    ["nothing", bearer("t0ken"), {}, "", 0],
    ["another token", bearer("t0ken"), { authorization: "Bearer t0ken2" }, "", 0],
    ["an empty secret that an empty header would prove", bearer(""), {}, "", 0],
    ["another password", basic("me", "pw"), { authorization: `Basic ${btoa("me:px")}` }, "", 0],
    ["another body", github, { "x-hub-signature-256": githubSigned }, "Hello, World?", 0],
    ["no prefix", github, { "x-hub-signature-256": githubSigned.slice(7) }, "Hello, World!", 0],
    ["a recorded delivery", standard, standardHeaders, standardBody, at + 301_000],
    ["one of the future", standard, standardHeaders, standardBody, at - 301_000],
    ["another id", standard, { ...standardHeaders, "webhook-id": "msg_2" }, standardBody, at],
    ["another time", standard, { ...standardHeaders, "webhook-timestamp": "1614265331" }, standardBody, at],
    ["no time", standard, { ...standardHeaders, "webhook-timestamp": "" }, standardBody, at],
    ["Stripe's of another body", stripe, { "stripe-signature": stripeSigned(1000, "{}") }, "[]", 1_000_000],
    ["Stripe's old one", stripe, { "stripe-signature": stripeSigned(1000, "{}") }, "{}", 2_000_000],
    ["Stripe's of an older scheme", stripe, { "stripe-signature": "t=1000,v0=00" }, "{}", 1_000_000],
  ])("%s is not", (_what, verify, headers, body, now) => {
    expect(proven(verify, headers, body, now)).toBe(false);
  });

  it("no body that is changed is taken for the one that was signed", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string({ minLength: 1 }), (body, other, secret) => {
        const signed = createHmac("sha256", secret).update(body).digest("base64");
        const verify = signature({ header: "x-s", secret, encoding: "base64" });
        expect(proven(verify, { "x-s": signed }, body)).toBe(true);
        expect(proven(verify, { "x-s": signed }, other)).toBe(body === other);
      }),
    );
  });

  it("is asked of every inbox", () => {
    const without = inbox as (options: object) => unknown;
    expect(() => without({})).toThrow(/does not say what a delivery must bring/);
    const auth = oauth2({ tokenUrl: "https://x", clientId: "a", clientSecret: "b" });
    expect(() => without({ verify: auth })).toThrow(/does not say what a delivery must bring/);
    expect(() => inbox({ verify: bearer("x"), maxBytes: 0 })).toThrow(/maxBytes: 0/);
  });
});

describe("an inbox", () => {
  let folder: string;
  let session: Session;
  let artifacts: ReturnType<typeof temporaryArtifacts>;
  let receiver: InboxReceiver;
  const clock = manualClock(Date.parse("2026-01-31T10:00:00Z"));
  const inboxes: Record<string, InboxSettings> = {};
  const define = (name: string, options: InboxOptions) => {
    const connection = inbox(options)(name);
    // What reaches the service has been through JSON.
    inboxes[name] = JSON.parse(JSON.stringify(connection.settings)) as InboxSettings;
    return connection;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-inbox-"));
    await mkdir(join(folder, "spill"));
    session = await openSession({ temporaryFolder: join(folder, "spill") });
    artifacts = temporaryArtifacts();
    for (const name of Object.keys(inboxes)) delete inboxes[name];
    receiver = openInboxReceiver({
      folder,
      deliveries: join(folder, deliveriesFile),
      inboxes: () => inboxes,
      now: clock.now,
    });
  });
  afterEach(async () => {
    receiver.close();
    session.close();
    vi.unstubAllEnvs();
    await artifacts.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const context = (): SourceContext => ({
    folder,
    home: folder,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    reject: rejectNothing,
    artifacts,
    session: async () => session,
    resolve: (setting) => resolveSetting(setting, folder),
  });
  const rowsOf = async (source: Source): Promise<Row[]> =>
    session.rows(`FROM ${readDataset(await inboxSource(JSON.parse(JSON.stringify(source)), context()))}`);
  const post = async (name: string, body: string | Uint8Array, headers: Record<string, string> = {}) => {
    const response = await hookRoutes(receiver).request(`http://any.example/${name}`, {
      method: "POST",
      body: body as string,
      headers: { authorization: "Bearer t", "content-type": "application/json", ...headers },
    });
    return {
      status: response.status,
      answer: (await response.json()) as { delivery?: string; duplicate?: boolean; error?: { message: string } },
    };
  };
  const verify = bearer("t");

  it("keeps a delivery before it answers, once per id, whatever another inbox has", async () => {
    const orders = define("orders", { verify, id: { body: "event.id" } });
    define("other", { verify, id: { body: "event.id" } });
    const body = '{"event": {"id": "e1", "total": 12.10}}';
    expect(await post("orders", body)).toEqual({ status: 200, answer: { delivery: "e1", duplicate: false } });
    // What another process reads is there already.
    expect(await rowsOf(orders.received())).toEqual([
      {
        position: "1",
        delivery: "e1",
        received_at: "2026-01-31 10:00:00+00",
        body: '{"event":{"id":"e1","total":12.10}}',
      },
    ]);
    expect(await post("orders", body)).toEqual({ status: 200, answer: { delivery: "e1", duplicate: true } });
    expect(await post("other", body)).toEqual({ status: 200, answer: { delivery: "e1", duplicate: false } });
    expect(await rowsOf(orders.received())).toHaveLength(1);
  });

  it("tells deliveries apart by header, by body with every digit, by the scheme's own id, or by the body as a whole", async () => {
    define("header", { verify, id: { header: "X-Delivery" } });
    define("digits", { verify, id: { body: "id" } });
    define("whole", { verify });
    const secret = Buffer.from("secret").toString("base64");
    define("standard", { verify: standardWebhooks(`whsec_${secret}`) });
    expect((await post("header", "{}", { "x-delivery": "d1" })).answer.delivery).toBe("d1");
    expect((await post("digits", '{"id": 9007199254740993}')).answer.delivery).toBe("9007199254740993");
    expect((await post("digits", '{"id": 9007199254740992}')).answer.duplicate).toBe(false);
    expect((await post("whole", '{"a": 1}')).answer.duplicate).toBe(false);
    expect((await post("whole", '{"a": 1}')).answer.duplicate).toBe(true);
    expect((await post("whole", '{"a": 2}')).answer.duplicate).toBe(false);
    const at = String(Math.floor(clock.now() / 1000));
    const signed = createHmac("sha256", "secret").update(`m1.${at}.{}`).digest("base64");
    const headers = { "webhook-id": "m1", "webhook-timestamp": at, "webhook-signature": `v1,${signed}` };
    expect((await post("standard", "{}", headers)).answer.delivery).toBe("m1");
  });

  it("refuses what it can't believe, read or tell apart, and keeps nothing of it", async () => {
    const orders = define("orders", { verify, id: { body: "id" }, maxBytes: 100 });
    expect((await post("orders", '{"id": 1}', { authorization: "Bearer x" })).status).toBe(401);
    expect((await post("nothing", '{"id": 1}')).status).toBe(404);
    expect((await post("toString", '{"id": 1}')).status).toBe(404);
    expect((await post("orders", "not JSON")).status).toBe(400);
    expect((await post("orders", Buffer.from([0x22, 0xff, 0x22]))).status).toBe(400);
    expect((await post("orders", '{"it": 1}')).answer.error!.message).toContain('"id" in the body is missing or empty');
    expect((await post("orders", JSON.stringify({ id: 1, text: "x".repeat(100) }))).status).toBe(413);
    // One that doesn't say how long it is, either.
    const endless = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(64)) });
    const request = new Request("http://x/orders", { method: "POST", body: endless, duplex: "half" } as RequestInit);
    expect((await hookRoutes(receiver).request(request)).status).toBe(413);
    const readOnly = await hookRoutes(null).request("http://x/orders", { method: "POST", body: "{}" });
    expect(readOnly.status).toBe(403);
    expect(existsSync(join(folder, deliveriesFile))).toBe(false);
    expect(await rowsOf(orders.received())).toEqual([]);
  });

  it("takes a secret from where it lies when a delivery comes, so that it can be changed", async () => {
    await writeFile(join(folder, "hook.secret"), "t\n");
    define("orders", { verify: bearer(file("hook.secret")) });
    define("unset", { verify: bearer(env("HOOK_TOKEN_THAT_IS_NOT_SET")) });
    expect((await post("orders", "{}")).status).toBe(200);
    await writeFile(join(folder, "hook.secret"), "changed\n");
    expect((await post("orders", "[]")).status).toBe(401);
    await expect(receiver.receive("unset", new Headers(), Buffer.from("{}"))).rejects.toMatchObject({
      code: "REFERENCE_UNRESOLVED",
    });
  });

  it("keeps a form as JSON", async () => {
    const orders = define("orders", { verify });
    await post("orders", "text=a+b%26c&user=u1", { "content-type": "application/x-www-form-urlencoded" });
    expect(await rowsOf(orders.received({ columns: { text: "body.text", user: "body.user" } }))).toEqual([
      { text: "a b&c", user: "u1" },
    ]);
  });

  it("is read by when it was received: from an instant on, up to another", async () => {
    const orders = define("orders", { verify });
    for (const hour of [0, 1, 2]) {
      await post("orders", `{"hour": ${hour}}`);
      clock.advance(3_600_000);
    }
    const hours = async (options: ReceivedOptions): Promise<unknown[]> =>
      (await rowsOf(orders.received({ columns: { hour: "body.hour" }, ...options }))).map((row) => row["hour"]);
    const now = clock.now();
    const ago = (count: number): string => new Date(now - count * 3_600_000).toISOString();
    expect(await hours({})).toEqual(["0", "1", "2"]);
    expect(await hours({ from: ago(2), to: ago(1) })).toEqual(["1"]);
    expect(await hours({ to: ago(2) })).toEqual(["0"]);
    expect(() => orders.received({ from: "yesterday" })).toThrow(/"yesterday", which is no instant/);
  });

  it("is read from a position on, which no later delivery can come before", async () => {
    const orders = define("orders", { verify });
    const source = orders.received({ columns: { position: { from: "position", type: "BIGINT" }, n: "body.n" } });
    const range = (from: string | null): ReadRange => ({
      by: "value",
      cursor: "position",
      from: from === null ? null : { type: "BIGINT", text: from },
      until: "clock",
      nulls: false,
    });
    const read = async (from: string | null): Promise<unknown[]> => {
      const { dataset, until } = await inboxRange(source, range(from), context());
      expect(until).toBeNull();
      return (await session.rows(`SELECT n FROM ${readDataset(dataset)}`)).map((row) => row["n"]);
    };
    expect(await read(null)).toEqual([]);
    for (const n of [1, 2, 3]) await post("orders", `{"n": ${n}}`);
    expect(await read(null)).toEqual(["1", "2", "3"]);
    expect(await read("3")).toEqual(["3"]);
    const wrong = inboxRange(orders.received({ columns: { n: "body.n" } }), { ...range(null), cursor: "n" }, context());
    await expect(wrong).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    const text = inboxRange(orders.received({ columns: { position: "position" } }), range(null), context());
    await expect(text).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
  });

  it("commits what comes at the same time together, and tells each what became of it", async () => {
    const store = openDeliveryStore(join(folder, "together.db"));
    const keep = (id: string) => store.keep({ inbox: "orders", id, body: "{}", receivedAt: 0 });
    expect(await Promise.all([keep("a"), keep("b"), keep("a"), keep("c")])).toEqual([true, true, false, true]);
    expect(store.size("orders")).toEqual({ deliveries: 3, lastAt: 0 });
    store.close();
    await expect(keep("d")).rejects.toThrow();
  });
});

testSource({
  name: "inbox",
  create: async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-inbox-suite-"));
    await mkdir(join(folder, "spill"));
    const session = await openSession({ temporaryFolder: join(folder, "spill") });
    const artifacts = temporaryArtifacts();
    const orders = inbox({ verify: bearer("t") })("orders");
    const holding = async (rows: readonly object[]): Promise<Source> => {
      const store = openDeliveryStore(join(folder, deliveriesFile));
      await Promise.all(
        rows.map((row, index) =>
          store.keep({ inbox: "orders", id: String(index), body: JSON.stringify(row), receivedAt: 0 }),
        ),
      );
      store.close();
      return orders.received({ columns: { id: "body.id", label: "body.label" } });
    };
    return {
      adapter: inboxSource,
      context: {
        folder,
        home: folder,
        signal: new AbortController().signal,
        log: silentLog,
        clock: systemClock,
        reject: rejectNothing,
        artifacts,
        session: async () => session,
        resolve: (setting) => resolveSetting(setting, folder),
      },
      artifactFolder: artifacts.folder,
      holding,
      missing: async () => {
        await holding([{ id: "1" }]);
        return orders.received({ columns: { gone: { from: "body.gone", optional: false } } });
      },
      dispose: async () => {
        session.close();
        await artifacts.dispose();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
});
