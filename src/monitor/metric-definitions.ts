// Every series that /metrics has, in one table. The reference page is generated from it. A run's id is never a label:
// labels are names that a project has few of.

export type MetricName =
  | "sluice_build_info"
  | "sluice_scheduler_active"
  | "sluice_scheduler_runs_schedules"
  | "sluice_attempts_live"
  | "sluice_pool_slots"
  | "sluice_pool_slots_used"
  | "sluice_requests_waiting"
  | "sluice_requests_oldest_timestamp_seconds"
  | "sluice_backfills_running"
  | "sluice_schedule_paused"
  | "sluice_schedule_lateness_seconds"
  | "sluice_notices_waiting"
  | "sluice_notices_failed"
  | "sluice_pipeline_runs_total"
  | "sluice_pipeline_runs_active"
  | "sluice_pipeline_run_seconds_total"
  | "sluice_pipeline_last_run_timestamp_seconds"
  | "sluice_pipeline_last_success_timestamp_seconds"
  | "sluice_pipeline_last_run_duration_seconds"
  | "sluice_tasks_open"
  | "sluice_task_runs_total"
  | "sluice_task_attempts_total"
  | "sluice_task_retries_total"
  | "sluice_task_run_seconds_total"
  | "sluice_rows_read_total"
  | "sluice_rows_written_total"
  | "sluice_rows_duplicate_total"
  | "sluice_rows_quarantined_total"
  | "sluice_asset_last_update_timestamp_seconds"
  | "sluice_replication_slot_retained_bytes"
  | "sluice_quarantine_rows"
  | "sluice_feature_view_watermark_timestamp_seconds"
  | "sluice_feature_view_partitions"
  | "sluice_feature_view_missing_partitions"
  | "sluice_index_documents"
  | "sluice_index_chunks";

export interface MetricDefinition {
  readonly name: MetricName;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
}

/** In the order in which they are exposed. Timestamps are in seconds since the epoch, UTC. */
export const metricDefinitions: readonly MetricDefinition[] = [
  { name: "sluice_build_info", help: "Version of Sluice that answers; always 1.", type: "gauge", labels: ["version"] },
  {
    name: "sluice_scheduler_active",
    type: "gauge",
    labels: [],
    help: "1 while a process works on the state folder, else 0. Active runs beside a 0 were interrupted.",
  },
  {
    name: "sluice_scheduler_runs_schedules",
    type: "gauge",
    labels: [],
    help: "1 while that process starts what schedules ask for, as sluice serve does, else 0.",
  },
  {
    name: "sluice_attempts_live",
    type: "gauge",
    labels: [],
    help: "Attempts under way; those of less than a second may be missing.",
  },
  { name: "sluice_pool_slots", help: "Slots that a pool has.", type: "gauge", labels: ["pool"] },
  { name: "sluice_pool_slots_used", help: "Slots of a pool that live attempts hold.", type: "gauge", labels: ["pool"] },
  {
    name: "sluice_requests_waiting",
    type: "gauge",
    labels: ["pipeline"],
    help: "Runs that are asked for and have not begun, those of backfills among them.",
  },
  {
    name: "sluice_requests_oldest_timestamp_seconds",
    type: "gauge",
    labels: ["pipeline"],
    help: "Since when the oldest run that is asked for might have begun.",
  },
  {
    name: "sluice_backfills_running",
    type: "gauge",
    labels: ["pipeline"],
    help: "Backfills that have not ended.",
  },
  {
    name: "sluice_schedule_paused",
    type: "gauge",
    labels: ["pipeline"],
    help: "1 while the schedule of a pipeline is paused, else 0.",
  },
  {
    name: "sluice_schedule_lateness_seconds",
    type: "gauge",
    labels: ["pipeline"],
    help: "For how long a run has been due by the clock and has not begun; 0 when none is.",
  },
  { name: "sluice_notices_waiting", help: "Hooks that are still to be told of something.", type: "gauge", labels: [] },
  {
    name: "sluice_notices_failed",
    type: "gauge",
    labels: [],
    help: "Hooks that could not be told of something, and are tried no more.",
  },
  {
    name: "sluice_pipeline_runs_total",
    type: "counter",
    labels: ["pipeline", "status"],
    help: "Runs that have ended, by how they ended.",
  },
  {
    name: "sluice_pipeline_runs_active",
    type: "gauge",
    labels: ["pipeline"],
    help: "Runs that have not ended, interrupted ones included.",
  },
  {
    name: "sluice_pipeline_run_seconds_total",
    type: "counter",
    labels: ["pipeline", "status"],
    help: "Time from creation to end, summed over ended runs.",
  },
  {
    name: "sluice_pipeline_last_run_timestamp_seconds",
    type: "gauge",
    labels: ["pipeline"],
    help: "When the latest run ended, however it ended.",
  },
  {
    name: "sluice_pipeline_last_success_timestamp_seconds",
    type: "gauge",
    labels: ["pipeline"],
    help: "When the latest successful run ended.",
  },
  {
    name: "sluice_pipeline_last_run_duration_seconds",
    type: "gauge",
    labels: ["pipeline"],
    help: "How long the run that ended last took.",
  },
  {
    name: "sluice_tasks_open",
    type: "gauge",
    labels: ["pipeline", "task", "kind", "status"],
    help: "Tasks that have not ended, by what they are doing: held, for instance, for a decision or another run.",
  },
  {
    name: "sluice_task_runs_total",
    type: "counter",
    labels: ["pipeline", "task", "kind", "status"],
    help: "Tasks that have ended, by how they ended.",
  },
  { name: "sluice_task_attempts_total", help: "Attempts started.", type: "counter", labels: ["pipeline", "task"] },
  {
    name: "sluice_task_retries_total",
    type: "counter",
    labels: ["pipeline", "task"],
    help: "Attempts started beyond the first of a task's run.",
  },
  {
    name: "sluice_task_run_seconds_total",
    type: "counter",
    labels: ["pipeline", "task"],
    help: "Time from first start to end, summed over ended tasks.",
  },
  {
    name: "sluice_rows_read_total",
    help: "Rows that came into a task.",
    type: "counter",
    labels: ["pipeline", "task"],
  },
  {
    name: "sluice_rows_written_total",
    type: "counter",
    labels: ["pipeline", "task"],
    help: "Rows that went on from a task: extracted, valid, loaded, materialized.",
  },
  {
    name: "sluice_rows_duplicate_total",
    type: "counter",
    labels: ["pipeline", "task"],
    help: "Exact repeats that a task dropped.",
  },
  {
    name: "sluice_rows_quarantined_total",
    type: "counter",
    labels: ["pipeline", "task"],
    help: "Rows that a task set aside, counted each time it ran.",
  },
  {
    name: "sluice_asset_last_update_timestamp_seconds",
    type: "gauge",
    labels: ["asset"],
    help: "When an asset was last brought up to date.",
  },
  {
    name: "sluice_replication_slot_retained_bytes",
    type: "gauge",
    labels: ["pipeline", "task", "slot"],
    help: "Log that a PostgreSQL server kept for a replication slot when it was last read.",
  },
  { name: "sluice_quarantine_rows", help: "Rows in quarantine now.", type: "gauge", labels: ["pipeline", "task"] },
  {
    name: "sluice_feature_view_watermark_timestamp_seconds",
    type: "gauge",
    labels: ["view"],
    help: "Up to when the events of a feature view are materialized.",
  },
  {
    name: "sluice_feature_view_partitions",
    type: "gauge",
    labels: ["view"],
    help: "Partitions materialized in a feature view's newest version.",
  },
  {
    name: "sluice_feature_view_missing_partitions",
    type: "gauge",
    labels: ["view"],
    help: "Partitions that are there only in an older version of the view, and are not read.",
  },
  { name: "sluice_index_documents", help: "Documents in an index.", type: "gauge", labels: ["index"] },
  { name: "sluice_index_chunks", help: "Chunks in an index.", type: "gauge", labels: ["index"] },
];
