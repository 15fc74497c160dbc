// How runs get into the database, and how a commit changes them. This is the path that every task waits for: a
// statement per changed row, no query, and everything of a batch in one transaction.
import type {
  AttemptRecord,
  CachedResult,
  CommitBatch,
  LiveAttempt,
  NewRun,
  RunUpdate,
  StoredRun,
} from "../../engine/stores/run-store.ts";
import type { StepState } from "../../engine/state-machine/state.ts";
import { SluiceError } from "../../errors.ts";
import type { Database } from "./database.ts";
import { positionOf, type KnownRun, type KnownRuns } from "./known-runs.ts";
import { stepColumns, stepValues, workColumns, workValues } from "./run-rows.ts";
import { countEnd, createTotalsChange, writeTotals } from "./run-totals.ts";
import { itemKey, json, marks, namesText } from "./row-values.ts";

export function createRuns(database: Database, known: KnownRuns, wanted: readonly NewRun[]): StoredRun[] {
  const totals = createTotalsChange();
  const made = database.transaction(() => {
    const stored = wanted.flatMap((run) => {
      const facts = insertRun(database, known, run);
      database.prepare("DELETE FROM requests WHERE key = ?").run(run.requestKey);
      if (facts === null) return [];
      const { state, ...record } = run;
      const { status, finishedAt } = state;
      if (status !== "running") countEnd(totals, facts, state);
      return [
        { facts, run: { record: { ...record, sequence: facts.sequence, status, finishedAt }, state, revision: 0 } },
      ];
    });
    writeTotals(database, totals);
    return stored;
  });
  for (const { facts, run } of made) if (run.state.status === "running") known.keep(facts);
  return made.map(({ run }) => run);
}

const insertRunText = `
  INSERT INTO runs (id, pipeline, version, partition, params, trigger, request_key, scheduled_for, backfill, rerun_of,
                    status, revision, created_at, started_at, finished_at, ending, late)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;

const insertStepText = `INSERT INTO steps (run_sequence, position, name, kind, ${stepColumns})
  VALUES (?, ?, ?, ?, ${marks(stepColumns)})`;

/** Null when the run's key has made one already. */
function insertRun(database: Database, known: KnownRuns, run: NewRun): KnownRun | null {
  const { id, pipeline, partition, createdAt, state } = run;
  const plan = known.plan(run.version);
  if (plan === null) throw new SluiceError("INTERNAL", `The plan of run ${id} is not in the store`);
  const { changes, lastInsertRowid } = database
    .prepare(insertRunText)
    .run(
      id,
      pipeline,
      run.version,
      partition,
      JSON.stringify(run.params),
      run.trigger,
      run.requestKey,
      run.scheduledFor,
      run.backfill,
      run.rerunOf,
      state.status,
      createdAt,
      state.startedAt,
      state.finishedAt,
      json(state.ending),
      state.late ? 1 : 0,
    );
  if (changes === 0) {
    if (database.prepare("SELECT 1 FROM runs WHERE request_key = ?").get(run.requestKey) !== undefined) return null;
    throw new SluiceError("INTERNAL", `There is already a run ${id}`);
  }
  const facts = { id, sequence: Number(lastInsertRowid), pipeline, partition, createdAt, plan };
  database
    .prepare(
      `INSERT INTO partitions (pipeline, partition, run_id, newest, status, succeeded)
       VALUES ($pipeline, $partition, $id, $sequence, $status, iif($status = 'succeeded', $sequence, NULL))
       ON CONFLICT DO UPDATE SET run_id = $id, newest = $sequence, status = $status,
                                 succeeded = coalesce(excluded.succeeded, succeeded)`,
    )
    .run({
      $pipeline: pipeline,
      $partition: partition ?? "",
      $id: id,
      $sequence: facts.sequence,
      $status: state.status,
    });
  const insert = database.prepare(insertStepText);
  plan.names.forEach((name, position) => {
    const step = state.steps.get(name)!;
    insert.run(facts.sequence, position, name, plan.kinds[position]!, ...stepValues(step));
    step.items?.forEach((_item, index) => writeItem(database, facts.sequence, position, step, index));
  });
  return facts;
}

export function commit(database: Database, known: KnownRuns, batch: CommitBatch): void {
  const totals = createTotalsChange();
  const runOf = (runId: string): KnownRun | null => known.find(runId);
  database.transaction(() => {
    for (const update of batch.updates) {
      const run = writeUpdate(database, known, update);
      if (update.state.status !== "running") countEnd(totals, run, update.state);
    }
    for (const live of batch.live) writeLive(database, runOf(live.runId), live);
    for (const attempt of batch.attempts) writeAttempt(database, runOf(attempt.runId), attempt);
    for (const line of batch.logs) {
      const run = runOf(line.runId);
      if (run === null) continue;
      database
        .prepare(
          "INSERT INTO logs (run_sequence, step, item, attempt, at, level, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .run(
          run.sequence,
          positionOf(run, line.step),
          itemKey(line.item),
          line.attempt,
          line.at,
          line.level,
          line.message,
          json(line.fields),
        );
    }
    for (const notice of batch.notices) {
      const run = runOf(notice.runId);
      if (run === null) continue;
      database
        .prepare(
          "INSERT INTO notices (key, run_sequence, notice, attempts, due_at) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING",
        )
        .run(notice.key, run.sequence, JSON.stringify(notice), notice.at);
    }
    for (const result of batch.cached) writeCached(database, result);
    writeTotals(database, totals);
  });
  for (const { runId, state } of batch.updates) if (state.status !== "running") known.forget(runId);
}

/** Only the steps and items that are named are written. */
function writeUpdate(database: Database, known: KnownRuns, update: RunUpdate): KnownRun {
  const { state } = update;
  const run = known.find(update.runId);
  if (run === null) throw changedByAnother(update.runId);
  // The status is in indexes, which are left alone while it stays as it is.
  const text =
    state.status === "running"
      ? "UPDATE runs SET revision = revision + 1, started_at = ?, ending = ?, late = ? WHERE sequence = ? AND revision = ? AND status = 'running'"
      : "UPDATE runs SET revision = revision + 1, started_at = ?, ending = ?, late = ?, status = ?, finished_at = ? WHERE sequence = ? AND revision = ? AND status = 'running'";
  const end = state.status === "running" ? [] : [state.status, state.finishedAt];
  const { changes } = database
    .prepare(text)
    .run(state.startedAt, json(state.ending), state.late ? 1 : 0, ...end, run.sequence, update.expectedRevision);
  if (changes !== 1) throw refusal(database, update);
  for (const { step: name, items } of update.changed) {
    const step = state.steps.get(name)!;
    const position = positionOf(run, name);
    database.prepare(updateStepText).run(...stepValues(step), run.sequence, position);
    for (const index of items) writeItem(database, run.sequence, position, step, index);
    if (step.status !== "succeeded") continue;
    for (const asset of step.assets) {
      database
        .prepare("INSERT INTO asset_updates (asset, partition, run_id, at) VALUES (?, ?, ?, ?)")
        .run(asset, run.partition, run.id, step.finishedAt);
    }
  }
  if (state.status === "running") known.keep(run);
  else writePartition(database, run, state.status);
  return run;
}

const updateStepText = `UPDATE steps SET (${stepColumns}) = (${marks(stepColumns)}) WHERE run_sequence = ? AND position = ?`;

const writeItemText = `INSERT INTO items (run_sequence, step, position, ${workColumns}) VALUES (?, ?, ?, ${marks(workColumns)})
  ON CONFLICT DO UPDATE SET (${workColumns}) = (${workColumns.replaceAll(/\w+/g, "excluded.$&")})`;

function writeItem(database: Database, sequence: number, step: number, { items }: StepState, position: number): void {
  database.prepare(writeItemText).run(sequence, step, position, ...workValues(items![position]!));
}

function writePartition(database: Database, run: KnownRun, status: string): void {
  database
    .prepare(
      `UPDATE partitions SET status = iif(newest = $sequence, $status, status),
         succeeded = iif($status = 'succeeded' AND $sequence > coalesce(succeeded, 0), $sequence, succeeded)
       WHERE pipeline = $pipeline AND partition = $partition`,
    )
    .run({ $sequence: run.sequence, $status: status, $pipeline: run.pipeline, $partition: run.partition ?? "" });
}

function writeLive(database: Database, run: KnownRun | null, live: LiveAttempt): void {
  if (run === null) return;
  database
    .prepare("INSERT OR REPLACE INTO live (run_sequence, step, item, attempt, started_at) VALUES (?, ?, ?, ?, ?)")
    .run(run.sequence, positionOf(run, live.step), itemKey(live.item), live.attempt, live.startedAt);
}

export function writeAttempt(database: Database, run: KnownRun | null, attempt: AttemptRecord): void {
  if (run === null) return;
  const key = [run.sequence, positionOf(run, attempt.step), itemKey(attempt.item), attempt.attempt];
  database
    .prepare(
      "INSERT OR REPLACE INTO attempts (run_sequence, step, item, attempt, status, started_at, finished_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .run(...key, attempt.status, attempt.startedAt, attempt.finishedAt, json(attempt.error));
  database.prepare("DELETE FROM live WHERE run_sequence = ? AND step = ? AND item = ? AND attempt = ?").run(...key);
}

function writeCached(database: Database, { key, runId, output, rows, assets, at }: CachedResult): void {
  database
    .prepare(
      `INSERT INTO cached (key, run_id, output, rows_in, rows_out, rows_duplicate, rows_quarantined, assets, at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET (run_id, output, rows_in, rows_out, rows_duplicate, rows_quarantined, assets, at) =
         (excluded.run_id, excluded.output, excluded.rows_in, excluded.rows_out, excluded.rows_duplicate,
          excluded.rows_quarantined, excluded.assets, excluded.at)
       WHERE excluded.at >= at`,
    )
    .run(
      key,
      runId,
      json(output),
      rows?.in ?? null,
      rows?.out ?? null,
      rows?.duplicate ?? null,
      rows?.quarantined ?? null,
      namesText(assets),
      at,
    );
}

function refusal(database: Database, { runId, expectedRevision }: RunUpdate): SluiceError {
  const row = database.prepare("SELECT revision, status FROM runs WHERE id = ?").get(runId);
  if (row?.["revision"] !== expectedRevision) return changedByAnother(runId);
  return new SluiceError("INTERNAL", `Run ${runId} has ended and can't change any more`);
}

function changedByAnother(runId: string): SluiceError {
  return new SluiceError("FENCED", `Run ${runId} was changed by another process`, {
    hint: "Only one scheduler may work on a state folder at a time.",
  });
}
