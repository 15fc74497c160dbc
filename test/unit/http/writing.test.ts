// What changes something: who may, what it must bring, and which instruction comes of it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hono } from "hono";
import { openReader, type Reader } from "../../../src/embedded/reader.ts";
import type { Instruction } from "../../../src/engine/stores/instruction.ts";
import { SluiceError } from "../../../src/errors.ts";
import { addresses } from "../../../src/http/addresses.ts";
import { createApp } from "../../../src/http/app.ts";
import { bodyLimitBytes } from "../../../src/http/write-guard.ts";
import { createRedactor } from "../../../src/log.ts";
import { config, makeProject, type TestProject } from "../cli/project.ts";

let project: TestProject;
let reader: Reader;
let run: string;
const told: { instruction: Instruction; by: string }[] = [];

/** A scheduler that notes what it is told, and says that it is done. */
async function instruct(instruction: Instruction, by: string): Promise<{ done: string }> {
  if (instruction.type === "pause") throw new SluiceError("NOT_FOUND", "There is no such pipeline", { hint: "Look." });
  told.push({ instruction, by });
  return { done: instruction.type };
}

const appWith = (token: string | null): Hono =>
  createApp({
    reader,
    version: "1.2.3",
    hosts: ["localhost"],
    writing: { allowed: true, instruct, token },
    secrets: async () => createRedactor(),
    inboxes: null,
  });

beforeAll(async () => {
  project = makeProject({
    "sluice.config.ts": config,
    "pipelines/days.ts": `import { daily, pipeline, task } from "sluice";
      export default pipeline("days", { partitions: daily({ from: "2026-01-01", to: "2026-01-09" }) }, ({ step }) => { step("one", task(() => 1)); });`,
  });
  const made = await project.sluice(["run", "days", "--partition", "2026-01-01", "--json"]);
  run = made.json<{ run: { id: string } }>().run.id;
  reader = openReader(project.folder);
});
afterAll(() => {
  reader.close();
  project[Symbol.dispose]();
});

interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | null;
}

async function post(path: string, { body = {}, headers = {}, token = null }: Sent = {}) {
  told.length = 0;
  const response = await appWith(token).request(`http://localhost:4400${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, answer: (await response.json()) as any };
}

describe("a request that changes something", () => {
  it.each([
    ["/api/pipelines/days/runs", {}, { type: "run", pipeline: "days", partition: null, params: null, key: null }, 202],
    [
      "/api/pipelines/days/runs",
      { partition: "2026-01-02", params: { a: [1] } },
      { type: "run", pipeline: "days", partition: "2026-01-02", params: { a: [1] }, key: null },
      202,
    ],
    ["/api/pipelines/days/unpause", {}, { type: "unpause", pipeline: "days" }, 200],
    ["/api/runs/RUN/cancel", {}, { type: "cancel-run", run: "RUN", reason: "cancelled by an API call" }, 200],
    ["/api/runs/days/cancel", { reason: "late" }, { type: "cancel-run", run: "RUN", reason: "late" }, 200],
    ["/api/runs/RUN/rerun", {}, { type: "rerun", run: "RUN", scope: "from-failed", step: null }, 202],
    [
      "/api/runs/RUN/rerun",
      { scope: "only", step: "one" },
      { type: "rerun", run: "RUN", scope: "only", step: "one" },
      202,
    ],
    [
      "/api/runs/RUN/steps/one/decide",
      { decision: "rejected", note: "no" },
      { type: "decide", run: "RUN", step: "one", decision: "rejected", note: "no" },
      200,
    ],
    [
      "/api/runs/RUN/steps/one/mark",
      { as: "skipped", reason: "why not" },
      { type: "mark", run: "RUN", step: "one", as: "skipped", reason: "why not" },
      200,
    ],
    [
      "/api/backfills",
      { pipeline: "days", selection: { type: "each", dimensions: { day: { type: "all" } } }, mode: "all", parallel: 9 },
      {
        type: "backfill",
        pipeline: "days",
        selection: { type: "each", dimensions: { day: { type: "all" } } },
        mode: "all",
        parallel: 9,
      },
      202,
    ],
    ["/api/backfills/b1/cancel", {}, { type: "cancel-backfill", backfill: "b1" }, 200],
    ["/api/backfills/b1/resume", {}, { type: "resume-backfill", backfill: "b1" }, 202],
    [
      "/api/events/orders.ready",
      { key: "k1", partition: "2026-01-02" },
      { type: "event", name: "orders.ready", key: "k1", partition: "2026-01-02", params: null },
      202,
    ],
    [
      "/api/partition-sets/customers/add",
      { keys: ["a"] },
      { type: "add-partitions", set: "customers", keys: ["a"] },
      200,
    ],
    [
      "/api/partition-sets/customers/remove",
      { keys: ["a"] },
      { type: "remove-partitions", set: "customers", keys: ["a"] },
      200,
    ],
  ])("to %s with %j is an instruction to the scheduler", async (path, body, instruction, status) => {
    const sent = await post(path.replace("RUN", run), { body });
    expect(sent).toMatchObject({ status, answer: { result: { done: instruction.type } } });
    const expected = "run" in instruction ? { ...instruction, run } : instruction;
    expect(told).toEqual([{ instruction: expected, by: "http request" }]);
  });

  it("with an Idempotency-Key counts once, where that can be promised, and is refused where it can't", async () => {
    const headers = { "Idempotency-Key": "3f2a" };
    await post("/api/pipelines/days/runs", { headers });
    expect(told[0]!.instruction).toMatchObject({ key: "3f2a" });
    await post("/api/events/ready", { headers });
    expect(told[0]!.instruction).toMatchObject({ key: "3f2a" });
    await post("/api/events/ready");
    expect(told[0]!.instruction).toMatchObject({ key: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    for (const path of ["/api/backfills", `/api/runs/${run}/rerun`])
      expect(await post(path, { headers })).toMatchObject({ status: 400, answer: { error: { code: "USAGE" } } });
    expect(await post("/api/pipelines/days/runs", { headers: { "Idempotency-Key": "a b" } })).toMatchObject({
      status: 400,
    });
    expect(told).toEqual([]);
  });

  it("says in one line what is wrong with it, and does nothing", async () => {
    const cases: [string, unknown, number, RegExp][] = [
      ["/api/pipelines/days/runs", "{", 400, /^The body is not JSON$/],
      ["/api/pipelines/days/runs", { partion: "x" }, 400, /^The body does not fit: Unrecognized key: "partion"$/],
      ["/api/pipelines/days/runs", [], 400, /^The body does not fit: /],
      [`/api/runs/${run}/rerun`, { scope: "step" }, 400, /^A re-run of scope "step" needs a step$/],
      [`/api/runs/${run}/rerun`, { scope: "all", step: "one" }, 400, /^A re-run of scope "all" takes no step$/],
      [`/api/runs/${run}/steps/one/mark`, { as: "done", reason: "x" }, 400, /^"as" in the body does not fit: /],
      [`/api/runs/${run}/steps/one/mark`, { as: "failed" }, 400, /^"reason" in the body does not fit: /],
      ["/api/runs/nope/cancel", {}, 404, /^There is no run "nope"$/],
      ["/api/pipelines/days/pause", {}, 404, /^There is no such pipeline$/],
      ["/api/backfills", { pipeline: "days", selection: { type: "all" }, parallel: 0 }, 400, /^"parallel" in the body/],
      ["/api/nothing", {}, 404, /^There is nothing at \/api\/nothing$/],
      [
        "/api/pipelines/days/runs",
        { params: "x".repeat(bodyLimitBytes) },
        400,
        /^The body is larger than 1048576 bytes$/,
      ],
    ];
    for (const [path, body, status, message] of cases) {
      const sent = await post(path, { body });
      expect(sent.answer.error.message, path).toMatch(message);
      expect(sent.status, path).toBe(status);
      expect(told).toEqual([]);
    }
  });

  it("can be previewed, where it is a backfill", async () => {
    const body = { pipeline: "days", selection: { type: "range", from: "2026-01-01", to: "2026-01-04" } };
    expect(await post("/api/backfills/preview", { body })).toMatchObject({
      status: 200,
      answer: { preview: { total: 4, toRun: 3, alreadySucceeded: 1 } },
    });
    expect(told).toEqual([]);
  });
});

describe("who may change something", () => {
  const path = "/api/pipelines/days/runs";

  it("is refused a body that a form of another site could send", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
      expect(await post(path, { headers: { "Content-Type": type } })).toMatchObject({ status: 415 });
    expect(await post(path, { headers: { "Content-Type": "application/json; charset=utf-8" } })).toMatchObject({
      status: 202,
    });
  });

  it("is no page of another site", async () => {
    for (const headers of [
      { Origin: "http://evil.example" },
      { Origin: "http://localhost:9999" },
      { Origin: "null" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
    ]) {
      expect(await post(path, { headers })).toMatchObject({ status: 403 });
      expect(told).toEqual([]);
    }
    const own = { Origin: "http://localhost:4400", "Sec-Fetch-Site": "same-origin" };
    expect(await post(path, { headers: own })).toMatchObject({ status: 202 });
  });

  it("shows the token where there is one, and exactly that", async () => {
    const token = "s3cret-token";
    for (const authorization of [
      undefined,
      "Bearer",
      "Bearer wrong",
      "Bearer s3cret-toke",
      "Bearer s3cret-tokenn",
      "Basic s3cret-token",
    ]) {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      const sent = await post(path, { token, headers });
      expect(sent.status).toBe(401);
      expect(sent.headers.get("www-authenticate")).toBe("Bearer");
      expect(told).toEqual([]);
    }
    expect(await post(path, { token, headers: { Authorization: `Bearer ${token}` } })).toMatchObject({ status: 202 });
    // Reading needs none.
    expect((await appWith(token).request("http://localhost:4400/api/runs")).status).toBe(200);
  });
});

describe("the table of addresses", () => {
  it("has every route, and nothing else", () => {
    const routes = appWith(null)
      .routes.filter(({ method }) => method === "GET" || method === "POST")
      .map(({ method, path }) => `${method} ${path}`);
    const listed = addresses.map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(routes)].sort()).toEqual([...listed].sort());
  });

  it("says of each what it needs", () => {
    for (const { method, path, body, summary } of addresses) {
      expect([path, body !== undefined]).toEqual([path, method === "POST"]);
      expect(summary).not.toMatch(/\.$/);
    }
  });
});

describe("where reading takes a token", () => {
  const app = (readToken: string | null = "look"): Hono => {
    const writing = { allowed: true, instruct, token: "change" } as const;
    const secrets = async () => createRedactor();
    return createApp({ reader, version: "1.2.3", hosts: ["localhost"], writing, secrets, inboxes: null, readToken });
  };
  const get = async (path: string, authorization?: string, readToken?: string | null): Promise<Response> =>
    app(readToken).request(`http://localhost:4400${path}`, {
      headers: authorization === undefined ? {} : { authorization },
    });
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

  it.each([
    ["Bearer look", 200],
    ["Bearer change", 200],
    [basic("anyone:look"), 200],
    [basic("look:"), 401],
    ["Bearer other", 401],
    ["look", 401],
    [undefined, 401],
  ])("a request with %s is answered with %i", async (authorization, status) => {
    for (const path of ["/", "/api/runs", "/metrics"]) expect((await get(path, authorization)).status).toBe(status);
  });

  it("one without is told what is missing, and nothing else", async () => {
    const refused = await get("/api/runs");
    expect(refused.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
    expect(await refused.json()).toEqual({
      error: { code: "USAGE", message: "This service tells nothing without its token", hint: expect.any(String) },
    });
    expect(await (await get("/api/nothing")).json()).toMatchObject({ error: { code: "USAGE" } });
  });

  it("health is told to everyone, and everything where there is no token", async () => {
    expect((await get("/healthz")).status).not.toBe(401);
    expect((await get("/api/runs", undefined, null)).status).toBe(200);
  });

  it("that token changes nothing", async () => {
    const send = async (token: string): Promise<number> => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
      const init = { method: "POST", headers, body: "{}" };
      return (await app().request("http://localhost:4400/api/pipelines/days/unpause", init)).status;
    };
    expect([await send("look"), await send("change")]).toEqual([401, 200]);
  });
});
