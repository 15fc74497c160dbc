// The run store on one SQLite file. Steps are rows, so that questions are answered by the database; a run's state is
// put together from them.
import { SluiceError } from "../../errors.ts";
import type { RunFilter, RunRecord, RunStore, RunUpdate, StoredRun, StoredStep } from "../../engine/run-store.ts";
import type { RunState, StepState } from "../../engine/state.ts";
import type { Plan } from "../../pipeline/plan.ts";
import { openDatabase, type Database } from "./database.ts";
import {
  json,
  toAttempt,
  toBackfill,
  toLogLine,
  toRecord,
  toStep,
  type AttemptRow,
  type BackfillRow,
  type LogRow,
  type RunRow,
  type StepRow,
} from "./run-rows.ts";
import { runMigrations } from "./run-schema.ts";
import { readStatistics } from "./run-statistics.ts";

/** Opens the store at `path`. Read-only opens need the file to exist. */
export function openRunStore(path: string, options: { readonly readOnly?: boolean } = {}): RunStore {
  const database = openDatabase(path, { migrations: runMigrations, ...options });
  return {
    savePlan: async (plan) => {
      database
        .prepare("INSERT OR IGNORE INTO plans (version, pipeline, plan) VALUES (?, ?, ?)")
        .run(plan.version, plan.pipeline, JSON.stringify(plan));
    },
    plan: async (version) => loadPlan(database, version),
    createRuns: async (runs) => {
      database.transaction(() => {
        const insert = database.prepare(
          `INSERT INTO runs (id, pipeline, version, partition, backfill, status, revision, created_at) VALUES (?, ?, ?, ?, ?, 'running', 0, ?)`,
        );
        for (const run of runs) {
          const plan = loadPlan(database, run.version);
          if (plan === null) throw new SluiceError("INTERNAL", `The plan of run ${run.id} is not in the store`);
          const { lastInsertRowid } = insert.run(
            run.id,
            run.pipeline,
            run.version,
            run.partition,
            run.backfill,
            run.createdAt,
          );
          const kinds = new Map(plan.steps.map((step) => [step.name, step.kind]));
          Object.entries(run.state.steps).forEach(([name, step], position) =>
            writeStep(database, Number(lastInsertRowid), position, name, kinds.get(name)!, step),
          );
        }
      });
      return runs.map((run) => loadRun(database, run.id)!);
    },
    commit: async (batch) => {
      database.transaction(() => {
        for (const update of batch.updates) writeUpdate(database, update);
        const attempt = database.prepare(
          "INSERT OR REPLACE INTO attempts (run_id, step, attempt, status, started_at, finished_at, error) VALUES (?, ?, ?, ?, ?, ?, ?)",
        );
        for (const item of batch.attempts) {
          attempt.run(
            item.runId,
            item.step,
            item.attempt,
            item.status,
            item.startedAt,
            item.finishedAt,
            json(item.error),
          );
        }
        const log = database.prepare(
          "INSERT INTO logs (run_id, step, attempt, at, level, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?)",
        );
        for (const line of batch.logs) {
          log.run(line.runId, line.step, line.attempt, line.at, line.level, line.message, json(line.fields ?? null));
        }
      });
    },
    createBackfill: async (backfill) => {
      database
        .prepare(
          "INSERT INTO backfills (id, pipeline, version, first, last, status, created_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .run(
          backfill.id,
          backfill.pipeline,
          backfill.version,
          backfill.from,
          backfill.to,
          backfill.status,
          backfill.createdAt,
          backfill.finishedAt,
        );
    },
    finishBackfill: async (id, status, at) => {
      database
        .prepare("UPDATE backfills SET status = ?, finished_at = ? WHERE id = ?")
        .run(status, status === "running" ? null : at, id);
    },
    findBackfill: async (pipeline, version, from, to) => {
      const row = database
        .prepare(
          `SELECT * FROM backfills WHERE pipeline = ? AND version = ? AND first = ? AND last = ? ORDER BY created_at DESC, rowid DESC LIMIT 1`,
        )
        .get(pipeline, version, from, to) as BackfillRow | undefined;
      return row === undefined ? null : toBackfill(row);
    },
    // A run is a row and its steps are others: read in two statements, they could be of two commits.
    unfinishedRuns: async () =>
      database.snapshot(() => {
        const rows = database.prepare("SELECT id FROM runs WHERE status = 'running' ORDER BY sequence").all() as {
          id: string;
        }[];
        return rows.map((row) => loadRun(database, row.id)!);
      }),
    run: async (id) => database.snapshot(() => findRun(database, id)),
    runs: async (filter) => listRuns(database, filter),
    steps: async (runId) => loadSteps(database, runId),
    attempts: async (runId) => {
      const rows = database
        .prepare("SELECT * FROM attempts WHERE run_id = ? ORDER BY started_at, step, attempt")
        .all(runId) as unknown as AttemptRow[];
      return rows.map(toAttempt);
    },
    logs: async (runId, { step, after = 0, limit = 1000 }) => {
      const rows = database
        .prepare(
          `SELECT * FROM logs WHERE run_id = $run AND position > $after AND ($step IS NULL OR step = $step)
           ORDER BY position LIMIT $limit`,
        )
        .all({ $run: runId, $after: after, $step: step ?? null, $limit: limit }) as unknown as LogRow[];
      return rows.map(toLogLine);
    },
    statistics: async () => database.snapshot(() => readStatistics(database)),
    close: () => database.close(),
  };
}

function writeUpdate(database: Database, update: RunUpdate): void {
  const { changes } = database
    .prepare("UPDATE runs SET revision = revision + 1, status = ?, finished_at = ? WHERE id = ? AND revision = ?")
    .run(update.state.status, update.state.finishedAt, update.runId, update.expectedRevision);
  if (changes !== 1) {
    throw new SluiceError("FENCED", `Run ${update.runId} was changed by another process`, {
      hint: "Only one scheduler may work on a state folder at a time.",
    });
  }
  const { sequence } = database.prepare("SELECT sequence FROM runs WHERE id = ?").get(update.runId) as {
    sequence: number;
  };
  const names = Object.keys(update.state.steps);
  for (const name of update.changed) {
    const step = update.state.steps[name]!;
    updateStep(database, sequence, names.indexOf(name), step);
    if (step.status !== "succeeded") continue;
    for (const asset of step.assets) {
      database
        .prepare("INSERT OR REPLACE INTO assets (asset, updated_at, run_id) VALUES (?, ?, ?)")
        .run(asset, step.finishedAt, update.runId);
    }
  }
}

const stepColumns =
  "status, attempts, failures, losses, wake_at, output, rows_in, rows_out, rows_duplicate, rows_quarantined, assets, error, reason, started_at, finished_at";

function stepValues(step: StepState): (string | number | null)[] {
  return [
    step.status,
    step.attempts,
    step.failures,
    step.losses,
    step.wakeAt,
    json(step.output),
    step.rows?.in ?? null,
    step.rows?.out ?? null,
    step.rows?.duplicate ?? null,
    step.rows?.quarantined ?? null,
    JSON.stringify(step.assets),
    json(step.error),
    step.reason,
    step.startedAt,
    step.finishedAt,
  ];
}

function writeStep(
  database: Database,
  sequence: number,
  position: number,
  name: string,
  kind: string,
  step: StepState,
): void {
  database
    .prepare(
      `INSERT INTO steps (run_sequence, position, name, kind, ${stepColumns}) VALUES (${Array(19).fill("?").join(", ")})`,
    )
    .run(sequence, position, name, kind, ...stepValues(step));
}

function updateStep(database: Database, sequence: number, position: number, step: StepState): void {
  database
    .prepare(
      `UPDATE steps SET (${stepColumns}) = (${Array(15).fill("?").join(", ")}) WHERE run_sequence = ? AND position = ?`,
    )
    .run(...stepValues(step), sequence, position);
}

function loadPlan(database: Database, version: string): Plan | null {
  const row = database.prepare("SELECT plan FROM plans WHERE version = ?").get(version) as { plan: string } | undefined;
  return row === undefined ? null : (JSON.parse(row.plan) as Plan);
}

function loadRun(database: Database, id: string): StoredRun | null {
  const row = database.prepare("SELECT * FROM runs WHERE id = ?").get(id) as RunRow | undefined;
  if (row === undefined) return null;
  const steps = Object.fromEntries(loadSteps(database, id).map(({ name, kind: _kind, ...step }) => [name, step]));
  const state: RunState = { status: row.status, finishedAt: row.finished_at, steps };
  return { record: toRecord(row), state, revision: row.revision };
}

function findRun(database: Database, id: string): StoredRun | null {
  const rows = database
    .prepare(
      `SELECT id FROM runs WHERE id = $id OR ($id <> '' AND substr(id, 1, length($id)) = $id)
       ORDER BY id = $id DESC LIMIT 2`,
    )
    .all({ $id: id }) as { id: string }[];
  if (rows.length === 0 || (rows.length > 1 && rows[0]!.id !== id)) return null;
  return loadRun(database, rows[0]!.id);
}

function loadSteps(database: Database, runId: string): StoredStep[] {
  const rows = database
    .prepare("SELECT * FROM steps WHERE run_sequence = (SELECT sequence FROM runs WHERE id = ?) ORDER BY position")
    .all(runId) as unknown as StepRow[];
  return rows.map(toStep);
}

function listRuns(database: Database, filter: RunFilter): RunRecord[] {
  const conditions: [keyof RunFilter & string, string | undefined][] = [
    ["pipeline", filter.pipeline],
    ["partition", filter.partition],
    ["status", filter.status],
    ["backfill", filter.backfill],
  ];
  const used = conditions.filter((entry): entry is [keyof RunFilter & string, string] => entry[1] !== undefined);
  const where = used.length === 0 ? "" : `WHERE ${used.map(([column]) => `${column} = ?`).join(" AND ")}`;
  const rows = database
    .prepare(`SELECT * FROM runs ${where} ORDER BY sequence DESC LIMIT ?`)
    .all(...used.map(([, value]) => value), filter.limit ?? 50) as unknown as RunRow[];
  return rows.map(toRecord);
}
