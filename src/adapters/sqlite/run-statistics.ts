// The figures behind /metrics, straight from the stored runs and steps: a crashed or stuck run is in them too.
import type { RunStatistics } from "../../engine/run-store.ts";
import type { Database } from "./database.ts";

export function readStatistics(database: Database): RunStatistics {
  const all = <T>(text: string): T[] => database.prepare(text).all() as unknown as T[];
  return {
    runs: all(`
      SELECT pipeline, status, count(*) AS count,
             coalesce(sum(finished_at - created_at), 0) / 1000.0 AS seconds
      FROM runs GROUP BY pipeline, status`),
    last: all(`
      SELECT pipeline, max(finished_at) AS finishedAt,
             max(finished_at) FILTER (WHERE status = 'succeeded') AS succeededAt,
             (SELECT (finished_at - created_at) / 1000.0 FROM runs latest
              WHERE latest.pipeline = runs.pipeline AND finished_at IS NOT NULL
              ORDER BY finished_at DESC, sequence DESC LIMIT 1) AS durationSeconds
      FROM runs GROUP BY pipeline`),
    steps: all(`
      SELECT runs.pipeline AS pipeline, steps.name AS step, kind, steps.status AS status, count(*) AS count,
             sum(attempts) AS attempts,
             coalesce(sum(steps.finished_at - steps.started_at), 0) / 1000.0 AS seconds,
             coalesce(sum(rows_in), 0) AS rowsIn, coalesce(sum(rows_out), 0) AS rowsOut,
             coalesce(sum(rows_duplicate), 0) AS duplicate, coalesce(sum(rows_quarantined), 0) AS quarantined
      FROM steps JOIN runs ON runs.sequence = steps.run_sequence
      GROUP BY runs.pipeline, steps.name, kind, steps.status`),
    assets: all("SELECT asset, updated_at AS updatedAt FROM assets"),
  };
}
