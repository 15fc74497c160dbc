// /metrics: a registry filled at scrape time from what is stored, so that a crashed run, or one that never started,
// shows as well. Nothing is counted in this process, and the library's global registry is never touched.
import { Counter, Gauge, Registry } from "@prometheus-io/client";
import type { RunStatistics } from "../engine/stores/run-store.ts";
import type { RunStatus } from "../engine/state-machine/state.ts";
import { metricDefinitions, type MetricName } from "./metric-definitions.ts";

/** The state of a project, as far as the metrics show it. */
export interface MonitoredState {
  readonly version: string;
  /** Does a process work on the state folder? */
  readonly schedulerActive: boolean;
  /** Does it start what schedules ask for? */
  readonly runsSchedules: boolean;
  readonly statistics: RunStatistics;
  readonly engine: EngineState;
  /** Replication slots, as the newest run of each pipeline has left them. */
  readonly slots: readonly {
    readonly pipeline: string;
    readonly step: string;
    readonly slot: string;
    readonly retainedBytes: number;
  }[];
  readonly quarantine: readonly { readonly pipeline: string; readonly step: string; readonly rows: number }[];
  readonly views: readonly {
    readonly view: string;
    /** ISO 8601; null when nothing is materialized. */
    readonly watermark: string | null;
    readonly partitions: number;
    readonly missing: number;
  }[];
  readonly indexes: readonly { readonly index: string; readonly documents: number; readonly chunks: number }[];
}

/** What waits and what is under way. Times are in milliseconds since the epoch. */
export interface EngineState {
  readonly now: number;
  /** Attempts under way. */
  readonly live: number;
  readonly pools: readonly { readonly pool: string; readonly size: number; readonly used: number }[];
  readonly requests: readonly { readonly pipeline: string; readonly count: number; readonly oldest: number }[];
  readonly backfills: readonly { readonly pipeline: string; readonly count: number }[];
  /** Of every pipeline that has a schedule; `due` is since when a run of it is due, null when none is. */
  readonly schedules: readonly { readonly pipeline: string; readonly paused: boolean; readonly due: number | null }[];
  readonly notices: { readonly waiting: number; readonly failed: number };
}

/** The metrics as text, and the content type to send it with. */
export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

const runEnds: readonly RunStatus[] = ["succeeded", "failed", "cancelled"];
const stepEnds: readonly string[] = ["succeeded", "failed", "upstream-failed", "skipped", "cancelled"];
/** In these a task has had no attempt, as a rule. */
const unbegun: ReadonlySet<string> = new Set(["waiting", "held", "skipped", "upstream-failed"]);

/** @param openMetrics OpenMetrics 1.0 instead of the Prometheus text format 0.0.4. */
export async function exposeMetrics(state: MonitoredState, openMetrics = false): Promise<Exposition> {
  const registry = new Registry(openMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE);
  const add = register(registry);

  add("sluice_build_info", { version: state.version }, 1);
  add("sluice_scheduler_active", {}, state.schedulerActive ? 1 : 0);
  add("sluice_scheduler_runs_schedules", {}, state.runsSchedules ? 1 : 0);
  addEngine(add, state.engine);
  addRuns(add, state.statistics);
  addSteps(add, state.statistics);
  for (const { asset, updatedAt } of state.statistics.assets)
    add("sluice_asset_last_update_timestamp_seconds", { asset }, updatedAt / 1000);
  for (const { pipeline, step, slot, retainedBytes } of state.slots)
    add("sluice_replication_slot_retained_bytes", { pipeline, task: step, slot }, retainedBytes);
  for (const { pipeline, step, rows } of state.quarantine)
    add("sluice_quarantine_rows", { pipeline, task: step }, rows);
  for (const { view, watermark, partitions, missing } of state.views) {
    if (watermark !== null)
      add("sluice_feature_view_watermark_timestamp_seconds", { view }, Date.parse(watermark) / 1000);
    add("sluice_feature_view_partitions", { view }, partitions);
    add("sluice_feature_view_missing_partitions", { view }, missing);
  }
  for (const { index, documents, chunks } of state.indexes) {
    add("sluice_index_documents", { index }, documents);
    add("sluice_index_chunks", { index }, chunks);
  }
  return { text: await registry.metrics(), contentType: registry.contentType };
}

/** Adds `value` to the series with these labels. */
type Add = (name: MetricName, labels: Readonly<Record<string, string>>, value: number) => void;

function register(registry: Registry): Add {
  const metrics = new Map<string, Counter<string> | Gauge<string>>();
  for (const definition of metricDefinitions) {
    const { name, help, labels } = definition;
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    metrics.set(name, definition.type === "counter" ? new Counter(options) : new Gauge(options));
  }
  return (name, labels, value) => metrics.get(name)!.inc(labels, value);
}

function addEngine(add: Add, { now, live, pools, requests, backfills, schedules, notices }: EngineState): void {
  add("sluice_attempts_live", {}, live);
  for (const { pool, size, used } of pools) {
    add("sluice_pool_slots", { pool }, size);
    add("sluice_pool_slots_used", { pool }, used);
  }
  for (const { pipeline, count, oldest } of requests) {
    add("sluice_requests_waiting", { pipeline }, count);
    add("sluice_requests_oldest_timestamp_seconds", { pipeline }, oldest / 1000);
  }
  for (const { pipeline, count } of backfills) add("sluice_backfills_running", { pipeline }, count);
  for (const { pipeline, paused, due } of schedules) {
    add("sluice_schedule_paused", { pipeline }, paused ? 1 : 0);
    add("sluice_schedule_lateness_seconds", { pipeline }, due === null ? 0 : Math.max(0, now - due) / 1000);
  }
  add("sluice_notices_waiting", {}, notices.waiting);
  add("sluice_notices_failed", {}, notices.failed);
}

function addRuns(add: Add, { runs, last }: RunStatistics): void {
  for (const pipeline of new Set(runs.map((row) => row.pipeline))) {
    // Series that exist from the start: an alert on a rate can't see a series that begins at 1.
    for (const status of runEnds) {
      add("sluice_pipeline_runs_total", { pipeline, status }, 0);
      add("sluice_pipeline_run_seconds_total", { pipeline, status }, 0);
    }
    add("sluice_pipeline_runs_active", { pipeline }, 0);
  }
  for (const { pipeline, status, count, seconds } of runs) {
    if (status === "running") {
      add("sluice_pipeline_runs_active", { pipeline }, count);
      continue;
    }
    add("sluice_pipeline_runs_total", { pipeline, status }, count);
    add("sluice_pipeline_run_seconds_total", { pipeline, status }, seconds);
  }
  for (const { pipeline, finishedAt, succeededAt, durationSeconds } of last) {
    if (finishedAt !== null) add("sluice_pipeline_last_run_timestamp_seconds", { pipeline }, finishedAt / 1000);
    if (succeededAt !== null) add("sluice_pipeline_last_success_timestamp_seconds", { pipeline }, succeededAt / 1000);
    if (durationSeconds !== null) add("sluice_pipeline_last_run_duration_seconds", { pipeline }, durationSeconds);
  }
}

function addSteps(add: Add, { steps }: RunStatistics): void {
  for (const { pipeline, step: task, kind, status, count, attempts, seconds, ...rows } of steps) {
    for (const end of stepEnds)
      add("sluice_task_runs_total", { pipeline, task, kind, status: end }, end === status ? count : 0);
    if (!stepEnds.includes(status)) add("sluice_tasks_open", { pipeline, task, kind, status }, count);
    const labels = { pipeline, task };
    add("sluice_task_attempts_total", labels, attempts);
    // A cancelled task may have had no attempt at all, which makes this a lower bound there.
    const begun = unbegun.has(status) ? 0 : count;
    add("sluice_task_retries_total", labels, Math.max(0, attempts - begun));
    add("sluice_task_run_seconds_total", labels, seconds);
    add("sluice_rows_read_total", labels, rows.rowsIn);
    add("sluice_rows_written_total", labels, rows.rowsOut);
    add("sluice_rows_duplicate_total", labels, rows.duplicate);
    add("sluice_rows_quarantined_total", labels, rows.quarantined);
  }
}
