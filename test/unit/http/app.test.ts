import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hono } from "hono";
import { openReader, type Reader } from "../../../src/embedded/reader.ts";
import { createApp } from "../../../src/http/app.ts";
import { statusOf } from "../../../src/http/statuses.ts";
import { errorCodes, type ErrorCode } from "../../../src/errors.ts";
import { createRedactor } from "../../../src/log.ts";
import { demoFiles, makeProject, type TestProject } from "../cli/project.ts";
import { parseExposition } from "../monitor/exposition.ts";

const readingOnly = { allowed: false, reason: "It is for reading only", hint: "Ask another." } as const;

let project: TestProject;
let reader: Reader;
let app: Hono;
const secrets = async () => createRedactor();
beforeAll(async () => {
  project = makeProject({
    ...demoFiles(),
    "notes/a.md": "# Backfill\n\nA backfill runs a range of partitions.\n",
    "pipelines/notes.ts": `import { pipeline } from "sluice";
      import { index, markdown, sync } from "sluice/retrieval";
      export default pipeline("notes", ({ step }) => { step("sync", sync(index("notes", { documents: markdown("notes/*.md") }))); });`,
    "pipelines/breaks.ts": `import { pipeline, task } from "sluice";
      export default pipeline("breaks", { retry: { limit: 0 } }, ({ step }) => { step("boom", task(() => { throw new Error("<script>alert(1)</script>"); })); });`,
  });
  expect(await project.sluice(["run", "orders_daily", "--partition", "2026-01-05"])).toMatchObject({ code: 0 });
  expect(await project.sluice(["run", "notes"])).toMatchObject({ code: 0 });
  expect(await project.sluice(["run", "breaks"])).toMatchObject({ code: 1 });
  reader = openReader(project.folder);
  app = createApp({
    reader,
    version: "1.2.3",
    hosts: ["127.0.0.1", "localhost", "[::1]"],
    writing: readingOnly,
    secrets,
    inboxes: null,
  });
});
afterAll(() => {
  reader.close();
  project[Symbol.dispose]();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  app.request(`http://localhost:4400${path}`, { headers });
const json = async (path: string) => (await get(path)).json() as Promise<any>;

describe("the HTTP service", () => {
  it("says that it is well", async () => {
    expect(await json("/healthz")).toEqual({ status: "ok", version: "1.2.3" });
  });

  it("lists runs, filtered", async () => {
    const { runs } = await json("/api/runs");
    expect(runs.map((run: any) => run.pipeline)).toEqual(["breaks", "notes", "orders_daily"]);
    expect((await json("/api/runs?status=failed&limit=1")).runs).toMatchObject([
      { pipeline: "breaks", partition: null, finishedAt: expect.any(String) },
    ]);
    expect((await json("/api/runs?pipeline=orders_daily&partition=2026-01-05")).runs).toHaveLength(1);
  });

  it("shows a run with its steps, attempts and why it ended so", async () => {
    const run = await json("/api/runs/orders_daily");
    expect(run).toMatchObject({ run: { status: "succeeded" }, explanation: { interrupted: false } });
    expect(run.steps.map((step: any) => [step.name, step.rows?.out])).toEqual([
      ["orders", 41],
      ["clean", 36],
      ["loaded", 36],
      ["enough", undefined],
      ["features", 36],
    ]);
    expect(run.attempts).toHaveLength(5);
    expect((await json("/api/runs/breaks")).explanation.steps[0].because).toMatch(
      /^failed after 1 attempt with TASK_FAILED: Error: <script>/,
    );
  });

  it("shows quarantine, features and search", async () => {
    expect((await json("/api/quarantine")).quarantine).toMatchObject([
      { pipeline: "orders_daily", step: "clean", partition: "2026-01-05", rows: 4, at: expect.stringMatching(/Z$/) },
    ]);
    expect((await json("/api/quarantine/orders_daily?limit=2")).rows).toHaveLength(2);
    expect(await json("/api/features/customer_orders/c-102")).toMatchObject({
      key: "c-102",
      features: { orders: expect.any(Number) },
    });
    expect(await json("/api/search/notes?q=backfill&limit=1")).toMatchObject({
      index: "notes",
      query: "backfill",
      hits: [{ document: "a.md" }],
    });
  });

  it("exposes metrics from what is stored", async () => {
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const metrics = parseExposition(await response.text());
    const sample = (name: string, labels: string) => metrics.get(name)!.samples.get(`${name}{${labels}}`);
    expect(sample("sluice_pipeline_runs_total", 'pipeline="orders_daily",status="succeeded"')).toBe(1);
    expect(sample("sluice_pipeline_runs_total", 'pipeline="breaks",status="failed"')).toBe(1);
    expect(sample("sluice_rows_quarantined_total", 'pipeline="orders_daily",task="clean"')).toBe(4);
    expect(sample("sluice_quarantine_rows", 'pipeline="orders_daily",task="clean"')).toBe(4);
    expect(sample("sluice_feature_view_watermark_timestamp_seconds", 'view="customer_orders"')).toBe(
      Date.UTC(2026, 0, 6) / 1000,
    );
    expect(sample("sluice_index_documents", 'index="notes"')).toBe(1);
    expect(sample("sluice_asset_last_update_timestamp_seconds", 'asset="warehouse.orders"')).toBeGreaterThan(1.7e9);
    const open = await get("/metrics", { accept: "application/openmetrics-text; version=1.0.0,text/plain;q=0.5" });
    expect(await open.text()).toMatch(/# EOF\n$/);
  });

  it("shows a run that a later command made, without being started again", async () => {
    await project.sluice(["run", "notes"]);
    const metrics = parseExposition(await (await get("/metrics")).text());
    expect(
      metrics
        .get("sluice_pipeline_runs_total")!
        .samples.get('sluice_pipeline_runs_total{pipeline="notes",status="succeeded"}'),
    ).toBe(2);
  });

  it("serves a page without scripts, with everything on it escaped", async () => {
    const response = await get("/");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    const page = await response.text();
    expect(page).toContain("orders_daily");
    expect(page).toContain('<a href="/metrics">');
    expect(page).toContain('class="failed"');
    expect(page).not.toContain("<script");
    expect(page).not.toMatch(/undefined|NaN|\[object/);
  });

  it.each([
    ["/nowhere", 404, "NOT_FOUND"],
    ["/api/runs/nope", 404, "NOT_FOUND"],
    ["/api/runs?status=done", 400, "USAGE"],
    ["/api/runs?limit=0", 400, "USAGE"],
    ["/api/runs?limit=1e3", 400, "USAGE"],
    ["/api/runs?before=nope", 404, "NOT_FOUND"],
    ["/api/runs/orders_daily/logs?tail=yes", 400, "USAGE"],
    ["/api/runs/orders_daily/steps/clean/items?status=skipped", 400, "USAGE"],
    ["/api/pipelines/nope/why", 404, "NOT_FOUND"],
    ["/api/pipelines/notes/partitions", 400, "USAGE"],
    ["/api/requests/nope/why", 404, "NOT_FOUND"],
    ["/api/backfills/nope", 404, "NOT_FOUND"],
    ["/api/backfills?status=done", 400, "USAGE"],
    ["/api/quarantine/nope", 404, "NOT_FOUND"],
    ["/api/features/customer_orders/nobody", 404, "NOT_FOUND"],
    ["/api/features/nope/c-102", 404, "NOT_FOUND"],
    ["/api/features/customer_orders/c-102?as_of=yesterday", 400, "USAGE"],
    ["/api/search/notes", 400, "USAGE"],
    ["/api/search/nope?q=x", 404, "NOT_FOUND"],
    ["/api/search/..%2Fnotes?q=x", 404, "NOT_FOUND"],
  ])("answers %s with %i and an error as data", async (path, status, code) => {
    const response = await get(path);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: { code, message: expect.any(String), hint: expect.any(String) } });
  });

  it("does not answer to the name of another site", async () => {
    const response = await app.request("http://evil.example/api/runs");
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("orders_daily");
    expect((await app.request("http://127.0.0.1:9/healthz")).status).toBe(200);
    expect((await app.request("http://[::1]:9/healthz")).status).toBe(200);
  });

  it("changes nothing where it is for reading only, whatever is sent", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      for (const path of ["/api/runs", "/api/pipelines/notes/runs", "/api/runs/notes/cancel", "/nothing"]) {
        const headers = { "Content-Type": "application/json" };
        const response = await app.request(`http://localhost${path}`, { method, headers, body: "{}" });
        expect(response.status).toBe(403);
        expect(await response.json()).toEqual({
          error: { code: "USAGE", message: "It is for reading only", hint: "Ask another." },
        });
      }
    }
  });

  it("pages through runs, and says what to ask for next", async () => {
    const seen: string[] = [];
    for (let next: string | null = ""; next !== null;) {
      const page = await json(`/api/runs?limit=1${next === "" ? "" : `&before=${next}`}`);
      seen.push(...page.runs.map((run: any) => run.id));
      next = page.next;
    }
    expect(seen).toEqual((await json("/api/runs")).runs.map((run: any) => run.id));
    expect((await json("/api/runs")).next).toBeNull();
  });

  it("says what a run and a pipeline wait for, and what is defined", async () => {
    const [{ id }] = (await json("/api/runs?pipeline=breaks")).runs;
    expect(await json(`/api/runs/${id}/why`)).toMatchObject({
      run: { id },
      summary: expect.stringMatching(/because boom failed\.$/),
      command: `sluice rerun ${id}`,
    });
    expect(await json("/api/pipelines/notes/why")).toEqual({
      summary: "Pipeline notes has no schedule: it runs when somebody asks for it.",
      reasons: [],
      command: "sluice run notes",
    });
    const { pipelines } = await json("/api/pipelines");
    expect(pipelines.map((pipeline: any) => [pipeline.name, pipeline.partitions])).toEqual([
      ["breaks", null],
      ["notes", null],
      ["orders_daily", "days from 2026-01-05 in UTC"],
    ]);
    expect(await json("/api/schedules")).toEqual({ schedules: [] });
    expect(await json("/api/requests")).toEqual({ requests: [], total: 0 });
    expect(await json("/api/backfills")).toEqual({ backfills: [] });
    expect(await json("/api/pipelines/orders_daily/partitions?status=succeeded")).toMatchObject({
      counts: { succeeded: 1 },
      ranges: [{ from: "2026-01-05", to: "2026-01-05", count: 1, status: "succeeded" }],
    });
    expect(await json(`/api/runs/${id}/diff`)).toMatchObject({ pipeline: "breaks", after: { run: null }, changes: [] });
  });

  it("is well in a project where nothing was run, and makes no file there", async () => {
    using empty = makeProject();
    const reading = openReader(empty.folder);
    const served = createApp({
      reader: reading,
      version: "1.2.3",
      hosts: null,
      writing: readingOnly,
      secrets,
      inboxes: null,
    });
    for (const path of ["/", "/healthz", "/metrics", "/api/runs", "/api/quarantine"])
      expect((await served.request(path)).status).toBe(200);
    expect(await (await served.request("/")).text()).toContain("Nothing has been run yet.");
    reading.close();
    expect(empty.files()).toEqual(["sluice.config.ts"]);
  });
});

describe("statuses", () => {
  it("are those of failures for every error code", () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) expect(statusOf(code)).toBeGreaterThanOrEqual(400);
  });

  it("answers a webhook under whatever name it is called, without the token and the JSON that others must bring", async () => {
    const sent = await app.request("http://hooks.elsewhere.example/hooks/orders", { method: "POST", body: "a=1" });
    expect(sent.status).toBe(403);
    expect(await sent.json()).toMatchObject({ error: { message: "This service is for reading only" } });
    expect((await app.request("http://hooks.elsewhere.example/hooks")).status).toBe(400);
  });
});
