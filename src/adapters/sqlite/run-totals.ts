// What runs add up to. Those that have ended are counted once, in the commit that ends them; those that have not are
// read when somebody asks. So a crashed or stuck run is in the figures too, and a million finished ones cost nothing.
import type { RunStatistics } from "../../engine/stores/run-store.ts";
import type { RunState, RunStatus, StepState } from "../../engine/state-machine/state.ts";
import type { Database } from "./database.ts";
import type { KnownRun } from "./known-runs.ts";

/** What a commit adds: gathered first, so that a row is written once however many runs of a pipeline end together. */
export interface TotalsChange {
  readonly runs: Map<string, { pipeline: string; status: RunStatus; count: number; milliseconds: number }>;
  readonly steps: Map<string, StepTotals>;
  readonly ends: { pipeline: string; sequence: number; finishedAt: number; milliseconds: number; succeeded: boolean }[];
}

interface StepTotals {
  pipeline: string;
  step: string;
  kind: string;
  status: StepState["status"];
  count: number;
  attempts: number;
  milliseconds: number;
  rowsIn: number;
  rowsOut: number;
  duplicate: number;
  quarantined: number;
}

export function createTotalsChange(): TotalsChange {
  return { runs: new Map(), steps: new Map(), ends: [] };
}

/** Counts a run that has ended, and its steps. */
export function countEnd(change: TotalsChange, run: KnownRun, state: RunState): void {
  const { pipeline, sequence } = run;
  const { status } = state;
  const finishedAt = state.finishedAt!;
  const milliseconds = finishedAt - run.createdAt;
  const key = `${pipeline} ${status}`;
  const totals = change.runs.get(key) ?? { pipeline, status, count: 0, milliseconds: 0 };
  totals.count += 1;
  totals.milliseconds += milliseconds;
  change.runs.set(key, totals);
  change.ends.push({ pipeline, sequence, finishedAt, milliseconds, succeeded: status === "succeeded" });
  run.plan.names.forEach((step, position) => {
    const { reusedFrom, ...ended } = state.steps.get(step)!;
    if (reusedFrom === null) countStep(change, pipeline, step, run.plan.kinds[position]!, ended);
  });
}

function countStep(
  change: TotalsChange,
  pipeline: string,
  step: string,
  kind: string,
  { status, attempts, startedAt, finishedAt, rows }: Omit<StepState, "reusedFrom">,
): void {
  const key = `${pipeline} ${step} ${kind} ${status}`;
  const zero = { count: 0, attempts: 0, milliseconds: 0, rowsIn: 0, rowsOut: 0, duplicate: 0, quarantined: 0 };
  const totals: StepTotals = change.steps.get(key) ?? { pipeline, step, kind, status, ...zero };
  totals.count += 1;
  totals.attempts += attempts;
  totals.milliseconds += startedAt === null || finishedAt === null ? 0 : finishedAt - startedAt;
  totals.rowsIn += rows?.in ?? 0;
  totals.rowsOut += rows?.out ?? 0;
  totals.duplicate += rows?.duplicate ?? 0;
  totals.quarantined += rows?.quarantined ?? 0;
  change.steps.set(key, totals);
}

/** Adds what was gathered. To be called in the transaction that ends the runs. */
export function writeTotals(database: Database, change: TotalsChange): void {
  for (const { pipeline, status, count, milliseconds } of change.runs.values()) {
    database
      .prepare(
        `INSERT INTO run_totals (pipeline, status, count, milliseconds) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count, milliseconds = milliseconds + excluded.milliseconds`,
      )
      .run(pipeline, status, count, milliseconds);
  }
  for (const { pipeline, sequence, finishedAt, milliseconds, succeeded } of change.ends) {
    database
      .prepare(
        `INSERT INTO last_ends (pipeline, sequence, finished_at, milliseconds) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET (sequence, finished_at, milliseconds) =
           (excluded.sequence, excluded.finished_at, excluded.milliseconds)
         WHERE (excluded.finished_at, excluded.sequence) > (finished_at, sequence)`,
      )
      .run(pipeline, sequence, finishedAt, milliseconds);
    if (!succeeded) continue;
    database
      .prepare(
        `UPDATE last_ends SET succeeded_at = $at
         WHERE pipeline = $pipeline AND (succeeded_at IS NULL OR succeeded_at < $at)`,
      )
      .run({ $pipeline: pipeline, $at: finishedAt });
  }
  for (const row of change.steps.values()) {
    database
      .prepare(
        `INSERT INTO step_totals (pipeline, step, kind, status, count, attempts, milliseconds,
                                  rows_in, rows_out, rows_duplicate, rows_quarantined)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET
           count = count + excluded.count, attempts = attempts + excluded.attempts,
           milliseconds = milliseconds + excluded.milliseconds, rows_in = rows_in + excluded.rows_in,
           rows_out = rows_out + excluded.rows_out, rows_duplicate = rows_duplicate + excluded.rows_duplicate,
           rows_quarantined = rows_quarantined + excluded.rows_quarantined`,
      )
      .run(
        row.pipeline,
        row.step,
        row.kind,
        row.status,
        row.count,
        row.attempts,
        row.milliseconds,
        row.rowsIn,
        row.rowsOut,
        row.duplicate,
        row.quarantined,
      );
  }
}

/** To be called in a snapshot: the figures are of one moment. The index is named where the database would take a longer one. */
export function readStatistics(database: Database): RunStatistics {
  const all = <T>(text: string): T[] => database.prepare(text).all() as unknown as T[];
  return {
    runs: all(
      `SELECT pipeline, status, count, milliseconds / 1000.0 AS seconds FROM run_totals
       UNION ALL SELECT pipeline, 'running', count(*), 0.0 FROM runs INDEXED BY runs_unfinished
       WHERE status = 'running' GROUP BY pipeline`,
    ),
    last: all(
      `SELECT pipeline, finished_at AS finishedAt, succeeded_at AS succeededAt, milliseconds / 1000.0 AS durationSeconds
       FROM last_ends
       UNION ALL SELECT DISTINCT pipeline, NULL, NULL, NULL FROM runs INDEXED BY runs_unfinished
       WHERE status = 'running' AND pipeline NOT IN (SELECT pipeline FROM last_ends)`,
    ),
    steps: all(
      `SELECT pipeline, step, kind, status, sum(count) AS count, sum(attempts) AS attempts,
              sum(milliseconds) / 1000.0 AS seconds, sum(rows_in) AS rowsIn, sum(rows_out) AS rowsOut,
              sum(rows_duplicate) AS duplicate, sum(rows_quarantined) AS quarantined
       FROM (
         SELECT * FROM step_totals
         UNION ALL
         SELECT runs.pipeline, steps.name, kind, steps.status, 1, attempts,
                coalesce(steps.finished_at - steps.started_at, 0), coalesce(rows_in, 0), coalesce(rows_out, 0),
                coalesce(rows_duplicate, 0), coalesce(rows_quarantined, 0)
         FROM runs INDEXED BY runs_unfinished JOIN steps ON steps.run_sequence = runs.sequence
         WHERE runs.status = 'running' AND steps.reused_from IS NULL)
       GROUP BY pipeline, step, kind, status`,
    ),
    assets: all(
      `WITH RECURSIVE names (asset) AS (
         SELECT min(asset) FROM asset_updates
         UNION ALL
         SELECT (SELECT min(asset) FROM asset_updates WHERE asset > names.asset) FROM names WHERE asset IS NOT NULL)
       SELECT asset, (SELECT at FROM asset_updates WHERE asset = names.asset ORDER BY position DESC LIMIT 1) AS updatedAt
       FROM names WHERE asset IS NOT NULL`,
    ),
  };
}
