import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { metricDefinitions } from "../../../src/monitor/metric-definitions.ts";
import { exposeMetrics, type MonitoredState } from "../../../src/monitor/metrics.ts";
import { parseExposition } from "./exposition.ts";

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const stepRow = {
  pipeline: "retail",
  step: "clean",
  kind: "validate",
  seconds: 12.5,
  rowsIn: 100,
  rowsOut: 90,
  duplicate: 4,
  quarantined: 6,
} as const;
const state: MonitoredState = {
  version: "1.2.3",
  schedulerActive: false,
  runsSchedules: false,
  engine: {
    now: at,
    live: 3,
    pools: [{ pool: "api", size: 5, used: 2 }],
    requests: [{ pipeline: "retail", count: 4, oldest: at - 2500 }],
    backfills: [{ pipeline: "retail", count: 1 }],
    schedules: [
      { pipeline: "retail", paused: false, due: at - 1500 },
      { pipeline: "odd", paused: true, due: null },
    ],
    notices: { waiting: 1, failed: 2 },
  },
  statistics: {
    runs: [
      { pipeline: "retail", status: "succeeded", count: 3, seconds: 30.25 },
      { pipeline: "retail", status: "running", count: 2, seconds: 0 },
      { pipeline: "odd", status: "failed", count: 1, seconds: 1 },
    ],
    last: [
      { pipeline: "retail", finishedAt: at, succeededAt: at - 1000, durationSeconds: 10.5 },
      { pipeline: "odd", finishedAt: at, succeededAt: null, durationSeconds: 1 },
    ],
    steps: [
      { ...stepRow, status: "succeeded", count: 3, attempts: 5 },
      {
        ...stepRow,
        status: "waiting",
        count: 2,
        attempts: 0,
        seconds: 0,
        rowsIn: 0,
        rowsOut: 0,
        duplicate: 0,
        quarantined: 0,
      },
    ],
    assets: [{ asset: "warehouse.sales", updatedAt: at }],
  },
  slots: [{ pipeline: "orders_sync", step: "changes", slot: "sluice_orders", retainedBytes: 92136 }],
  quarantine: [{ pipeline: "retail", step: "clean", rows: 6 }],
  views: [
    { view: "customer", watermark: "2026-01-02T00:00:00.000Z", partitions: 2, missing: 1 },
    { view: "empty", watermark: null, partitions: 0, missing: 0 },
  ],
  indexes: [{ index: 'do"cs\\\n', documents: 4, chunks: 9 }],
};

async function seriesOf(given: MonitoredState): Promise<Record<string, number>> {
  const metrics = parseExposition((await exposeMetrics(given)).text);
  return Object.fromEntries([...metrics.values()].flatMap((metric) => [...metric.samples]));
}

describe("exposeMetrics", () => {
  it("has every metric of the table, with its help and type", async () => {
    const { text, contentType } = await exposeMetrics(state);
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    const metrics = parseExposition(text);
    expect([...metrics].map(([name, { help, type }]) => ({ name, help, type }))).toEqual(
      metricDefinitions.map(({ name, help, type }) => ({ name, help, type })),
    );
  });

  it("shows what is stored, nothing else", async () => {
    expect(await seriesOf(state)).toEqual({
      'sluice_build_info{version="1.2.3"}': 1,
      sluice_scheduler_active: 0,
      sluice_scheduler_runs_schedules: 0,
      sluice_attempts_live: 3,
      'sluice_pool_slots{pool="api"}': 5,
      'sluice_pool_slots_used{pool="api"}': 2,
      'sluice_requests_waiting{pipeline="retail"}': 4,
      'sluice_requests_oldest_timestamp_seconds{pipeline="retail"}': at / 1000 - 2.5,
      'sluice_backfills_running{pipeline="retail"}': 1,
      'sluice_schedule_paused{pipeline="retail"}': 0,
      'sluice_schedule_paused{pipeline="odd"}': 1,
      'sluice_schedule_lateness_seconds{pipeline="retail"}': 1.5,
      'sluice_schedule_lateness_seconds{pipeline="odd"}': 0,
      sluice_notices_waiting: 1,
      sluice_notices_failed: 2,
      'sluice_pipeline_runs_total{pipeline="retail",status="succeeded"}': 3,
      'sluice_pipeline_runs_total{pipeline="retail",status="failed"}': 0,
      'sluice_pipeline_runs_total{pipeline="retail",status="cancelled"}': 0,
      'sluice_pipeline_runs_total{pipeline="odd",status="succeeded"}': 0,
      'sluice_pipeline_runs_total{pipeline="odd",status="failed"}': 1,
      'sluice_pipeline_runs_total{pipeline="odd",status="cancelled"}': 0,
      'sluice_pipeline_runs_active{pipeline="retail"}': 2,
      'sluice_pipeline_runs_active{pipeline="odd"}': 0,
      'sluice_pipeline_run_seconds_total{pipeline="retail",status="succeeded"}': 30.25,
      'sluice_pipeline_run_seconds_total{pipeline="retail",status="failed"}': 0,
      'sluice_pipeline_run_seconds_total{pipeline="retail",status="cancelled"}': 0,
      'sluice_pipeline_run_seconds_total{pipeline="odd",status="succeeded"}': 0,
      'sluice_pipeline_run_seconds_total{pipeline="odd",status="failed"}': 1,
      'sluice_pipeline_run_seconds_total{pipeline="odd",status="cancelled"}': 0,
      'sluice_pipeline_last_run_timestamp_seconds{pipeline="retail"}': at / 1000,
      'sluice_pipeline_last_run_timestamp_seconds{pipeline="odd"}': at / 1000,
      'sluice_pipeline_last_success_timestamp_seconds{pipeline="retail"}': at / 1000 - 1,
      'sluice_pipeline_last_run_duration_seconds{pipeline="retail"}': 10.5,
      'sluice_pipeline_last_run_duration_seconds{pipeline="odd"}': 1,
      'sluice_task_runs_total{pipeline="retail",task="clean",kind="validate",status="succeeded"}': 3,
      'sluice_task_runs_total{pipeline="retail",task="clean",kind="validate",status="failed"}': 0,
      'sluice_task_runs_total{pipeline="retail",task="clean",kind="validate",status="upstream-failed"}': 0,
      'sluice_task_runs_total{pipeline="retail",task="clean",kind="validate",status="skipped"}': 0,
      'sluice_task_runs_total{pipeline="retail",task="clean",kind="validate",status="cancelled"}': 0,
      'sluice_tasks_open{pipeline="retail",task="clean",kind="validate",status="waiting"}': 2,
      'sluice_task_attempts_total{pipeline="retail",task="clean"}': 5,
      'sluice_task_retries_total{pipeline="retail",task="clean"}': 2,
      'sluice_task_run_seconds_total{pipeline="retail",task="clean"}': 12.5,
      'sluice_rows_read_total{pipeline="retail",task="clean"}': 100,
      'sluice_rows_written_total{pipeline="retail",task="clean"}': 90,
      'sluice_rows_duplicate_total{pipeline="retail",task="clean"}': 4,
      'sluice_rows_quarantined_total{pipeline="retail",task="clean"}': 6,
      'sluice_asset_last_update_timestamp_seconds{asset="warehouse.sales"}': at / 1000,
      'sluice_quarantine_rows{pipeline="retail",task="clean"}': 6,
      'sluice_replication_slot_retained_bytes{pipeline="orders_sync",task="changes",slot="sluice_orders"}': 92136,
      'sluice_feature_view_watermark_timestamp_seconds{view="customer"}': Date.UTC(2026, 0, 2) / 1000,
      'sluice_feature_view_partitions{view="customer"}': 2,
      'sluice_feature_view_partitions{view="empty"}': 0,
      'sluice_feature_view_missing_partitions{view="customer"}': 1,
      'sluice_feature_view_missing_partitions{view="empty"}': 0,
      'sluice_index_documents{index="do\\"cs\\\\\\n"}': 4,
      'sluice_index_chunks{index="do\\"cs\\\\\\n"}': 9,
    });
  });

  it("starts from nothing at every scrape", async () => {
    expect(await seriesOf(state)).toEqual(await seriesOf(state));
  });

  it("shows a project in which nothing has run yet", async () => {
    const empty = {
      ...state,
      schedulerActive: true,
      runsSchedules: true,
      engine: {
        now: at,
        live: 0,
        pools: [],
        requests: [],
        backfills: [],
        schedules: [],
        notices: { waiting: 0, failed: 0 },
      },
      statistics: { runs: [], last: [], steps: [], assets: [] },
      quarantine: [],
      views: [],
      slots: [],
      indexes: [],
    };
    expect(await seriesOf(empty)).toEqual({
      'sluice_build_info{version="1.2.3"}': 1,
      sluice_scheduler_active: 1,
      sluice_scheduler_runs_schedules: 1,
      sluice_attempts_live: 0,
      sluice_notices_waiting: 0,
      sluice_notices_failed: 0,
    });
  });

  it("speaks OpenMetrics when asked to", async () => {
    const { text, contentType } = await exposeMetrics(state, true);
    expect(contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(text.endsWith("# EOF\n")).toBe(true);
  });

  describe.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)(
    "with promtool (skipped where it is not installed)",
    () => {
      it("is accepted by Prometheus's own check", async () => {
        const { text } = await exposeMetrics(state);
        const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
          input: text,
          encoding: "utf8",
        });
        expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
      });
    },
  );
});

describe("the table of metrics", () => {
  it("follows Prometheus's naming: the prefix, base units, _total for counters and for nothing else", () => {
    for (const { name, type, labels, help } of metricDefinitions) {
      expect(name).toMatch(/^sluice_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(name).not.toMatch(/_(ms|milliseconds|minutes)(_|$)/);
      expect(labels).not.toContain("run");
      expect(help).toMatch(/\.$/);
    }
    expect(new Set(metricDefinitions.map(({ name }) => name)).size).toBe(metricDefinitions.length);
  });
});
