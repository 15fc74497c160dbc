// `npm run demo`, as a stranger sees it: it ends well, its numbers are those the data was made with, and everything it
// names is there to be looked at afterwards.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { total } from "../../examples/retail/data/generate.ts";
import {
  retailExample,
  root,
  sluiceJson,
  temporaryFolder,
  totals,
  type BackfillJson,
  type RunJson,
} from "./command.ts";
import { retailMonth } from "./retail-month.ts";
import { promtoolFaults, skipsPromtool, withService } from "./service.ts";

const month = retailMonth();
const home = temporaryFolder("demo");
const env = { ...month.env, SLUICE_HOME: home };
const options = { cwd: retailExample, env };
const expected = total(month.days);

async function demo(): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(root, "examples/retail/demo.ts")], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: code as number | null, stdout, stderr };
}

const query = (sql: string): Promise<Record<string, unknown>[]> => sluiceJson(["query", sql], options);
const stored = () =>
  query(
    "select count(*) n, sum(quantity) quantity, count(distinct invoice_no) invoices, sum(cast(quantity * unit_price as decimal(38, 4))) revenue from warehouse.sales",
  );
const number = (value: number): string => value.toLocaleString("en-GB");

describe("the demo", () => {
  let first: Awaited<ReturnType<typeof demo>>;

  beforeAll(async () => {
    first = await demo();
  }, 120_000);

  afterAll(() => {
    for (const folder of [home, month.folder]) rmSync(folder, { recursive: true, force: true });
  });

  it("ends with 0, and counts what the data was made with", () => {
    expect(first.code, first.stderr).toBe(0);
    const said = (label: string): string | undefined =>
      new RegExp(`^  ${label} +([\\d,]+)$`, "m").exec(first.stdout)?.[1];
    expect({
      in: said("rows in"),
      duplicate: said("exact repeats, dropped"),
      quarantined: said("broke the contract, quarantined"),
      valid: said("valid"),
      loaded: said("loaded into warehouse.sales"),
    }).toEqual({
      in: number(expected.lines),
      duplicate: number(expected.duplicate),
      quarantined: number(expected.quarantined),
      valid: number(expected.valid),
      loaded: number(expected.valid),
    });
    expect(expected.quarantined).toBeGreaterThan(0);
  });

  it("gives the reasons, one customer's features, an answer with its source, where the state lies and what to type next", () => {
    expect(first.stdout).toMatch(/^Why rows were quarantined.*\n(?: {2}\S.* +\d+\n)+/m);
    expect(first.stdout).toMatch(
      /^Features of customer \d+, as of 2010-12-31T00:00:00.000Z\n {2}orders +\d+\n {2}revenue +[\d,.]+\n/m,
    );
    const [, source] =
      /^"how do I backfill\?"\n {2}\S.*\n {2}\((\S+\.md):\d+, under ".*backfill.*"\)$/im.exec(first.stdout) ?? [];
    expect(source, first.stdout).toMatch(/^docs\//);
    expect(existsSync(join(root, source!))).toBe(true);
    expect(first.stdout).toContain(`State: ${home}\n`);
    expect(first.stdout).toMatch(/^Next, type\n {2}cd examples\/retail\n(?: {2}npx sluice .+\n)+$/m);
    expect(first.stdout.split("\n").length).toBeLessThan(60);
  });

  it("shows on stderr what it types, and how far it is", () => {
    for (const typed of [
      "run reference",
      "backfill retail_daily --from 2010-12-01 --to 2010-12-30",
      "run docs_index",
      "quarantine list",
    ]) {
      expect(first.stderr).toContain(`\n$ sluice ${typed}\n`);
    }
    expect(first.stderr).toMatch(/reference: load_products succeeded/);
  });

  it("has loaded what it says", async () => {
    expect(await stored()).toMatchObject([{ n: expected.valid }]);
    expect(
      await query(
        "select (select count(*) from warehouse.products) products, (select count(*) from warehouse.customers) customers",
      ),
    ).toEqual([{ products: 400, customers: 5942 }]);
  });

  it("can be run again, says the same and changes no count", async () => {
    const before = await stored();
    const second = await demo();
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toBe(first.stdout);
    expect(await stored()).toEqual(before);
  });

  it("leaves an index that answers with file and heading", async () => {
    const hits = await sluiceJson<{ document: string; heading: string[]; line: number }[]>(
      ["search", "docs", "how do I backfill?"],
      options,
    );
    expect(hits.length).toBeGreaterThan(2);
    for (const { document, line } of hits) {
      expect(readFileSync(join(root, document), "utf8").split("\n").length).toBeGreaterThanOrEqual(line);
    }
    expect(hits[0]!.heading.join(" ")).toMatch(/backfill/i);
    // Among the answers, not at a place: the sections of the guide and of its commands are close, and the docs change.
    expect(hits.map((hit) => hit.document)).toContain("docs/guides/backfill.md");
  });

  it("embeds and writes nothing where no document has changed", async () => {
    const files = (): string[] =>
      readdirSync(join(home, "indexes"))
        .filter((name) => !name.endsWith("-shm"))
        .map(
          (name) =>
            `${name} ${createHash("sha256")
              .update(readFileSync(join(home, "indexes", name)))
              .digest("hex")}`,
        );
    const before = files();
    const { run } = await sluiceJson<RunJson>(["run", "docs_index"], options);
    const logs = await sluiceJson<{ fields: unknown }[]>(["logs", run.id], options);
    expect(logs).toHaveLength(1);
    expect(logs[0]!.fields).toMatchObject({
      documents: { added: 0, changed: 0, removed: 0 },
      chunks: { embedded: 0, removed: 0 },
      writes: 0,
    });
    expect(files()).toEqual(before);
  });

  it("can be watched: the metrics are what the runs have printed", async () => {
    const backfill = await sluiceJson<BackfillJson>(
      ["backfill", "retail_daily", "--from", "2010-12-01", "--to", "2010-12-30"],
      options,
    );
    const rows = totals(backfill.runs);
    const { watermark } = await sluiceJson<{ watermark: string }>(
      ["features", "get", "customer_activity", /Features of customer (\d+)/.exec(first.stdout)![1]!],
      options,
    );
    const runs = await sluiceJson<{ pipeline: string; status: string }[]>(["runs", "--limit", "1000"], options);
    const count = (pipeline: string): number =>
      runs.filter((run) => run.pipeline === pipeline && run.status === "succeeded").length;
    await withService(options, async ({ metric }) => {
      const clean = `{pipeline="retail_daily",task="clean"}`;
      const series: Readonly<Record<string, number>> = {
        [`sluice_pipeline_runs_total{pipeline="retail_daily",status="succeeded"}`]: count("retail_daily"),
        [`sluice_pipeline_runs_total{pipeline="reference",status="succeeded"}`]: count("reference"),
        [`sluice_pipeline_runs_total{pipeline="retail_daily",status="failed"}`]: 0,
        [`sluice_pipeline_runs_active{pipeline="retail_daily"}`]: 0,
        [`sluice_task_runs_total{pipeline="retail_daily",task="clean",kind="validate",status="succeeded"}`]:
          backfill.runs.length,
        [`sluice_task_attempts_total${clean}`]: backfill.runs.length,
        [`sluice_rows_read_total${clean}`]: rows.in,
        [`sluice_rows_written_total${clean}`]: rows.out,
        [`sluice_rows_duplicate_total${clean}`]: rows.duplicate,
        [`sluice_rows_quarantined_total${clean}`]: rows.quarantined,
        [`sluice_rows_written_total{pipeline="retail_daily",task="sales"}`]: expected.valid,
        [`sluice_quarantine_rows${clean}`]: expected.quarantined,
        [`sluice_feature_view_watermark_timestamp_seconds{view="customer_activity"}`]: Date.parse(watermark) / 1000,
        [`sluice_feature_view_partitions{view="customer_activity"}`]: 30,
        [`sluice_scheduler_active`]: 0,
      };
      expect(count("retail_daily")).toBe(30);
      for (const [name, value] of Object.entries(series)) expect(await metric(name), name).toBe(value);
      // Freshness: between the first run and now.
      const updated = await metric(`sluice_asset_last_update_timestamp_seconds{asset="warehouse.sales"}`);
      expect(updated).toBeGreaterThan(Date.now() / 1000 - 600);
      expect(updated).toBeLessThanOrEqual(Date.now() / 1000);
      expect(await metric(`sluice_index_chunks{index="docs"}`)).toBeGreaterThan(20);
    });
  });

  it.skipIf(skipsPromtool)(
    "has metrics that Prometheus finds nothing wrong with (SKIPPED where promtool is missing)",
    async () => {
      await withService(options, async ({ metricsText }) => {
        const metrics = await metricsText();
        expect(promtoolFaults(metrics)).toBe("");
        expect(promtoolFaults(`${metrics}not a sample\n`)).not.toBe("");
      });
    },
  );
});
