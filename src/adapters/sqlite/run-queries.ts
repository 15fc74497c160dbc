// What is asked of runs, and how the database answers. Every question here is answered by way of an index that leads
// to its answer alone: how many runs have been before makes no difference.
import type {
  AssetUpdate,
  AttemptLogLine,
  AttemptRecord,
  CachedResult,
  LiveAttempt,
  NoticeCounts,
  RunFilter,
  RunRecord,
  RunStore,
  StoredNotice,
  StoredRun,
  StoredStep,
} from "../../engine/stores/run-store.ts";
import type { ItemState, ItemStatus, StepState } from "../../engine/state-machine/state.ts";
import { NamedList } from "../../named-list.ts";
import type { Database } from "./database.ts";
import type { KnownRun, KnownRuns } from "./known-runs.ts";
import {
  toAttempt,
  toCached,
  toItem,
  toLive,
  toLogLine,
  toNotice,
  toRecord,
  toRun,
  toStep,
  toUpdate,
  type AttemptRow,
  type CachedRow,
  type ItemRow,
  type LiveRow,
  type LogRow,
  type NoticeRow,
  type RunRow,
  type StepRow,
  type UpdateRow,
} from "./run-rows.ts";
import { itemKey, type ColumnValue } from "./row-values.ts";

/** Rows of a statement. */
export function all<Row>(database: Database, text: string, ...values: ColumnValue[]): Row[] {
  return database.prepare(text).all(...values) as unknown as Row[];
}

export function one<Row>(database: Database, text: string, ...values: ColumnValue[]): Row | undefined {
  return database.prepare(text).get(...values) as Row | undefined;
}

/** A run is a row and its steps are others: to be called in a snapshot. */
export function loadRun(database: Database, row: RunRow): StoredRun {
  const items = Map.groupBy(
    all<ItemRow>(database, "SELECT * FROM items WHERE run_sequence = ? ORDER BY step, position", row.sequence),
    ({ step }) => step,
  );
  const steps = stepRows(database, row.sequence).map((step): [string, StepState] => {
    const found = step.item_count === null ? null : (items.get(step.position) ?? []).map(toItem);
    return [step.name, { ...toStep(step), items: found }];
  });
  return toRun(row, NamedList.from(steps));
}

function stepRows(database: Database, sequence: number): StepRow[] {
  return all(database, "SELECT * FROM steps WHERE run_sequence = ? ORDER BY position", sequence);
}

export function unfinishedRuns(database: Database): StoredRun[] {
  const rows = all<RunRow>(database, "SELECT * FROM runs WHERE status = 'running' ORDER BY sequence");
  return rows.map((row) => loadRun(database, row));
}

export function findRun(database: Database, id: string): StoredRun | null {
  const exact = one<RunRow>(database, "SELECT * FROM runs WHERE id = ?", id);
  if (exact !== undefined) return loadRun(database, exact);
  if (id === "") return null;
  const rows = database
    .prepare("SELECT * FROM runs WHERE id >= $id AND id < $id || char(0x10FFFF) LIMIT 2")
    .all({ $id: id }) as unknown as RunRow[];
  return rows.length === 1 ? loadRun(database, rows[0]!) : null;
}

export function runsNamed(database: Database, beginning: string, limit: number): RunRecord[] {
  const rows = database
    .prepare("SELECT * FROM runs WHERE id >= $id AND id < $id || char(0x10FFFF) ORDER BY id LIMIT $limit")
    .all({ $id: beginning, $limit: limit }) as unknown as RunRow[];
  return rows.map(toRecord);
}

/** By two indexes that hold these and nothing else. */
export function noticeCounts(database: Database): NoticeCounts {
  return {
    waiting: one<{ n: number }>(database, "SELECT count(*) AS n FROM notices WHERE due_at IS NOT NULL")!.n,
    failed: one<{ n: number }>(
      database,
      "SELECT count(*) AS n FROM notices WHERE due_at IS NULL AND delivered_at IS NULL",
    )!.n,
  };
}

const statuses = ["running", "succeeded", "failed", "cancelled"] as const;

/** Newest first. Where an index leads with the status, the runs of each come in order, and are merged. */
export function listRuns(database: Database, filter: RunFilter): RunRecord[] {
  const { pipeline, partition, status, backfill, before = Number.MAX_SAFE_INTEGER, limit = 50 } = filter;
  if (pipeline === undefined && backfill === undefined && (partition !== undefined || status !== undefined)) {
    const found = knownPipelines(database).flatMap((name) => listRuns(database, { ...filter, pipeline: name }));
    return found.sort((a, b) => b.sequence - a.sequence).slice(0, limit);
  }
  const equal = Object.entries({ pipeline, partition, backfill }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const conditions = equal.map(([column]) => `${column} = ?`);
  const values = equal.map(([, value]) => value);
  if (equal.length === 0)
    return all<RunRow>(
      database,
      "SELECT * FROM runs WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
      before,
      limit,
    ).map(toRecord);
  const arms = status === undefined ? statuses : [status];
  const arm = `SELECT * FROM runs WHERE ${[...conditions, "status = ?", "sequence < ?"].join(" AND ")}`;
  return all<RunRow>(
    database,
    `${arms.map(() => arm).join(" UNION ALL ")} ORDER BY sequence DESC LIMIT ?`,
    ...arms.flatMap((item) => [...values, item, before]),
    limit,
  ).map(toRecord);
}

/** Every pipeline of which a plan was ever saved; leaps from one to the next. */
function knownPipelines(database: Database): string[] {
  const rows = all<{ name: string }>(
    database,
    `WITH RECURSIVE names (name) AS (
       SELECT min(pipeline) FROM plans
       UNION ALL SELECT (SELECT min(pipeline) FROM plans WHERE pipeline > names.name) FROM names WHERE name IS NOT NULL)
     SELECT name FROM names WHERE name IS NOT NULL`,
  );
  return rows.map(({ name }) => name);
}

export function newestRun(
  database: Database,
  pipeline: string,
  partition: string | null,
  succeeded: boolean,
): RunRecord | null {
  const row = one<RunRow>(
    database,
    `SELECT * FROM runs WHERE sequence =
       (SELECT ${succeeded ? "succeeded" : "newest"} FROM partitions WHERE pipeline = ? AND partition = ?)`,
    pipeline,
    partition ?? "",
  );
  return row === undefined ? null : toRecord(row);
}

export function loadSteps(database: Database, run: KnownRun): StoredStep[] {
  const counts = new Map<number, Record<ItemStatus, number>>();
  const rows = stepRows(database, run.sequence);
  for (const { position, item_count: count } of rows)
    if (count !== null) counts.set(position, { queued: 0, retrying: 0, succeeded: 0, failed: 0, cancelled: 0 });
  if (counts.size > 0) {
    const found = all<{ step: number; status: ItemStatus; count: number }>(
      database,
      "SELECT step, status, count(*) AS count FROM items WHERE run_sequence = ? GROUP BY step, status",
      run.sequence,
    );
    for (const { step, status, count } of found) counts.get(step)![status] = count;
  }
  return rows.map((row) => ({
    name: row.name,
    kind: row.kind,
    ...toStep(row),
    items: counts.get(row.position) ?? null,
  }));
}

export function loadItems(
  database: Database,
  run: KnownRun,
  step: number,
  { from = 0, limit = 1000, status }: { from?: number; limit?: number; status?: ItemStatus },
): (ItemState & { position: number })[] {
  const wanted = status === undefined ? [] : [status];
  const rows = all<ItemRow>(
    database,
    `SELECT * FROM items WHERE run_sequence = ? AND step = ?${status === undefined ? "" : " AND status = ?"}
     AND position >= ? ORDER BY position LIMIT ?`,
    run.sequence,
    step,
    ...wanted,
    from,
    limit,
  );
  return rows.map((row) => ({ ...toItem(row), position: row.position }));
}

export function loadAttempts(
  database: Database,
  run: KnownRun,
  step: number | undefined,
  limit: number,
): AttemptRecord[] {
  const rows = all<AttemptRow>(
    database,
    `SELECT * FROM attempts WHERE run_sequence = ?${step === undefined ? "" : " AND step = ?"}
     ORDER BY started_at, step, item, attempt LIMIT ?`,
    run.sequence,
    ...(step === undefined ? [] : [step]),
    limit,
  );
  return rows.map((row) => toAttempt(row, run.id, run.plan.names[row.step]!));
}

/** The oldest run's first. */
export function loadLive(database: Database, known: KnownRuns, run: KnownRun | undefined): LiveAttempt[] {
  const rows = all<LiveRow & { id: string }>(
    database,
    `SELECT live.*, runs.id FROM live JOIN runs ON runs.sequence = live.run_sequence
     ${run === undefined ? "" : "WHERE live.run_sequence = ?"} ORDER BY run_sequence, step, item, attempt`,
    ...(run === undefined ? [] : [run.sequence]),
  );
  return rows.map((row) => toLive(row, row.id, known.find(row.id)!.plan.names[row.step]!));
}

export function loadLogs(
  database: Database,
  run: KnownRun,
  step: number | undefined,
  { item, attempt, after = 0, limit = 1000, tail = false }: NonNullable<Parameters<RunStore["logs"]>[1]>,
): (AttemptLogLine & { position: number })[] {
  const conditions: [string, ColumnValue | undefined][] = [
    ["run_sequence = ?", run.sequence],
    ["step = ?", step],
    ["item = ?", item === undefined ? undefined : itemKey(item)],
    ["attempt = ?", attempt],
    ["position > ?", after],
  ];
  const used = conditions.filter((entry): entry is [string, ColumnValue] => entry[1] !== undefined);
  const where = used.map(([condition]) => condition).join(" AND ");
  // That it is an item's is said as well as implied, so that their index is used.
  const rows = all<LogRow>(
    database,
    `SELECT * FROM logs WHERE ${where}${item === undefined ? "" : " AND item >= 0"}
     ORDER BY position ${tail ? "DESC" : "ASC"} LIMIT ?`,
    ...used.map(([, value]) => value),
    limit,
  );
  const lines = rows.map((row) => toLogLine(row, run.id, run.plan.names[row.step]!));
  return tail ? lines.reverse() : lines;
}

export function findCached(database: Database, key: string, since: number): CachedResult | null {
  const row = one<CachedRow>(database, "SELECT * FROM cached WHERE key = ? AND at >= ?", key, since);
  return row === undefined ? null : toCached(row);
}

export function assetUpdates(database: Database, after: number, limit: number): AssetUpdate[] {
  return all<UpdateRow>(
    database,
    "SELECT * FROM asset_updates WHERE position > ? ORDER BY position LIMIT ?",
    after,
    limit,
  ).map(toUpdate);
}

export function newestUpdate(
  database: Database,
  asset: string,
  partition: string | null | undefined,
): AssetUpdate | null {
  const row = one<UpdateRow>(
    database,
    `SELECT * FROM asset_updates WHERE asset = ?${partition === undefined ? "" : " AND partition IS ?"}
     ORDER BY position DESC LIMIT 1`,
    asset,
    ...(partition === undefined ? [] : [partition]),
  );
  return row === undefined ? null : toUpdate(row);
}

export function dueNotices(database: Database, now: number, limit: number): StoredNotice[] {
  return all<NoticeRow>(
    database,
    "SELECT * FROM notices WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, position LIMIT ?",
    now,
    limit,
  ).map(toNotice);
}

export function nextNoticeAt(database: Database): number | null {
  const row = one<{ due_at: number }>(
    database,
    "SELECT due_at FROM notices WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1",
  );
  return row?.due_at ?? null;
}
