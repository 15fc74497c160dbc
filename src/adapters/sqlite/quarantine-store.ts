// The quarantine in one SQLite file. Rows are written in stages that nobody sees, each in a short transaction, and
// become the partition's quarantine in one: millions of rows need little memory and never lock others out for long.
import type {
  QuarantinedRow,
  QuarantineGroup,
  QuarantineKey,
  QuarantineStore,
  StoredQuarantinedRow,
} from "../../quality/quarantine-store.ts";
import { SluiceError } from "../../errors.ts";
import { type Database, openDatabase } from "./database.ts";
import { forgetReplays, replayMigrations, replayTables } from "./replays.ts";

// A set of rows is one replace(). `place` points to the set that counts; fence is the highest seen, rows or none.
const migrations = [
  `CREATE TABLE place (
     pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL,
     run_id TEXT NOT NULL, contract TEXT NOT NULL, fence INTEGER NOT NULL, at INTEGER NOT NULL,
     set_id INTEGER, rows INTEGER NOT NULL, reasons TEXT NOT NULL,
     PRIMARY KEY (pipeline, step, partition)
   ) WITHOUT ROWID;
   CREATE INDEX place_by_time ON place (at DESC) WHERE rows > 0;
   CREATE TABLE row_set (id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL, fence INTEGER NOT NULL);
   CREATE INDEX row_set_by_place ON row_set (pipeline, step, partition);
   CREATE TABLE quarantined (id INTEGER PRIMARY KEY AUTOINCREMENT, set_id INTEGER NOT NULL, record INTEGER NOT NULL, row TEXT NOT NULL, reasons TEXT NOT NULL);
   CREATE INDEX quarantined_by_set ON quarantined (set_id, id);`,
  ...replayMigrations,
  // A step that reads on from where it was has a set for each delivery. Rows of before are of none that is known.
  `DROP INDEX place_by_time;
   ALTER TABLE place RENAME TO place_before;
   CREATE TABLE place (
     pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL, delivery TEXT NOT NULL,
     run_id TEXT NOT NULL, contract TEXT NOT NULL, fence INTEGER NOT NULL, at INTEGER NOT NULL,
     set_id INTEGER, rows INTEGER NOT NULL, reasons TEXT NOT NULL,
     PRIMARY KEY (pipeline, step, partition, delivery)
   ) WITHOUT ROWID;
   INSERT INTO place SELECT pipeline, step, partition, '', run_id, contract, fence, at, set_id, rows, reasons FROM place_before;
   DROP TABLE place_before;
   CREATE INDEX place_by_time ON place (at DESC) WHERE rows > 0;
   ALTER TABLE replay ADD COLUMN delivery TEXT NOT NULL DEFAULT '';`,
];

export interface QuarantineStoreOptions {
  /** Open an existing file for reading only. @default false */
  readonly readOnly?: boolean;
}

/** Opens (and, unless read-only, creates) the quarantine at `path`. */
export function openQuarantineStore(path: string, options: QuarantineStoreOptions = {}): QuarantineStore {
  const database = openDatabase(path, { migrations, readOnly: options.readOnly ?? false });
  return {
    replace: (key, batches) => replace(database, key, batches),
    list: async (filter) => list(database, filter),
    show: async (filter) => show(database, filter),
    drop: async ({ pipeline, step, partition, run }) =>
      emptyPlaces(
        database,
        "pipeline = ? AND (? IS NULL OR step = ?) AND (? IS NULL OR partition = ?) AND (? IS NULL OR run_id = ?)",
        [
          pipeline,
          ...twice(step ?? null),
          ...twice(partition === undefined ? null : (partition ?? "")),
          ...twice(run ?? null),
        ],
      ),
    prune: async (before) => {
      forgetReplays(database, before);
      return emptyPlaces(database, "at < ?", [before]);
    },
    ...replayTables(database),
    close: () => database.close(),
  };
}

function twice<T>(value: T): [T, T] {
  return [value, value];
}

/** One place after the other, so that nobody waits long. */
function emptyPlaces(database: Database, condition: string, values: readonly (string | number | null)[]): number {
  const places = database
    .prepare(`SELECT pipeline, step, partition, delivery, set_id, rows FROM place WHERE rows > 0 AND ${condition}`)
    .all(...values) as unknown as (PlaceRow & { readonly set_id: number })[];
  let dropped = 0;
  for (const place of places) {
    dropped += database.transaction(() => {
      const emptied = database
        .prepare(
          `UPDATE place SET set_id = NULL, rows = 0, reasons = '[]'
           WHERE pipeline = ? AND step = ? AND partition = ? AND delivery = ? AND set_id = ?`,
        )
        .run(place.pipeline, place.step, place.partition, place.delivery, place.set_id);
      // A run may have replaced them meanwhile.
      if (emptied.changes === 0) return 0;
      drop(database, place.set_id);
      return place.rows;
    });
  }
  return dropped;
}

interface Stage {
  set: number | null;
  rows: number;
  /** By path and rule, as JSON. */
  readonly reasons: Map<string, number>;
}

async function replace(
  database: Database,
  key: QuarantineKey,
  batches: Parameters<QuarantineStore["replace"]>[1],
): Promise<number> {
  refuseOvertaken(database, key);
  const stage: Stage = { set: null, rows: 0, reasons: new Map() };
  let pending: readonly QuarantinedRow[] = [];
  try {
    for await (const batch of batches) {
      // The last batch is written in the transaction that makes it count: a small quarantine is one commit.
      if (pending.length > 0) database.transaction(() => write(database, key, stage, pending));
      pending = batch;
    }
    database.transaction(() => {
      refuseOvertaken(database, key);
      if (pending.length > 0) write(database, key, stage, pending);
      publish(database, key, stage);
    });
  } catch (error) {
    if (stage.set !== null) database.transaction(() => drop(database, stage.set!));
    throw error;
  }
  return stage.rows;
}

function refuseOvertaken(database: Database, key: QuarantineKey): void {
  const text = "SELECT max(fence) AS fence FROM place WHERE pipeline = ? AND step = ? AND partition = ?";
  const held = database.prepare(text).get(...placeOf(key)) as { fence: number | null };
  if (held.fence === null || held.fence <= key.fence) return;
  const partition = key.partition === null ? "" : ` of partition ${key.partition}`;
  throw new SluiceError(
    "FENCED",
    `A newer run has written the quarantine of step "${key.step}"${partition}; this one wrote nothing`,
    {
      details: {
        pipeline: key.pipeline,
        step: key.step,
        partition: key.partition,
        runId: key.runId,
        fence: key.fence,
        newest: held.fence,
      },
    },
  );
}

function write(database: Database, key: QuarantineKey, stage: Stage, rows: readonly QuarantinedRow[]): void {
  if (stage.set === null) {
    const insertSet = database.prepare("INSERT INTO row_set (pipeline, step, partition, fence) VALUES (?, ?, ?, ?)");
    stage.set = Number(insertSet.run(...placeOf(key), key.fence).lastInsertRowid);
  }
  const insert = database.prepare("INSERT INTO quarantined (set_id, record, row, reasons) VALUES (?, ?, ?, ?)");
  for (const { record, row, reasons } of rows) {
    insert.run(stage.set, record, JSON.stringify(row), JSON.stringify(reasons));
    for (const reason of new Set(reasons.map(({ path, rule }) => JSON.stringify([path, rule])))) {
      stage.reasons.set(reason, (stage.reasons.get(reason) ?? 0) + 1);
    }
  }
  stage.rows += rows.length;
}

function publish(database: Database, key: QuarantineKey, stage: Stage): void {
  const reasons = [...stage.reasons]
    .sort(([textA, a], [textB, b]) => b - a || (textA < textB ? -1 : 1))
    .map(([text, count]) => {
      const [path, rule] = JSON.parse(text) as [string, string];
      return { path, rule, count };
    });
  const values = [
    ...placeOf(key),
    key.delivery,
    key.runId,
    key.contract,
    key.fence,
    key.at,
    stage.set,
    stage.rows,
    JSON.stringify(reasons),
  ];
  database
    .prepare(
      `INSERT OR REPLACE INTO place (pipeline, step, partition, delivery, run_id, contract, fence, at, set_id, rows, reasons)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(...values);
  // The highest fence is this one's now: deliveries without rows say nothing any more.
  database
    .prepare("DELETE FROM place WHERE pipeline = ? AND step = ? AND partition = ? AND delivery <> ? AND rows = 0")
    .run(...placeOf(key), key.delivery);
  // What was there before, and what writers that died have left: none with a higher fence, which may still be at work.
  const stale = database.prepare(
    `SELECT id FROM row_set WHERE pipeline = $pipeline AND step = $step AND partition = $partition AND fence <= $fence
       AND id NOT IN (SELECT set_id FROM place WHERE pipeline = $pipeline AND step = $step AND partition = $partition AND set_id IS NOT NULL)`,
  );
  const [$pipeline, $step, $partition] = placeOf(key);
  for (const { id } of stale.all({ $pipeline, $step, $partition, $fence: key.fence }) as { id: number }[])
    drop(database, id);
}

function drop(database: Database, set: number): void {
  database.prepare("DELETE FROM quarantined WHERE set_id = ?").run(set);
  database.prepare("DELETE FROM row_set WHERE id = ?").run(set);
}

/** No partition is the empty key: a partition's own key never is. */
function placeOf(key: Pick<QuarantineKey, "pipeline" | "step" | "partition">): [string, string, string] {
  return [key.pipeline, key.step, key.partition ?? ""];
}

interface PlaceRow {
  readonly pipeline: string;
  readonly step: string;
  readonly partition: string;
  readonly delivery: string;
  readonly run_id: string;
  readonly contract: string;
  readonly at: number;
  readonly rows: number;
  readonly reasons: string;
}

function list(database: Database, filter: Parameters<QuarantineStore["list"]>[0]): QuarantineGroup[] {
  const partition = filter.partition === undefined ? null : (filter.partition ?? "");
  const rows = database
    .prepare(
      `SELECT pipeline, step, partition, delivery, run_id, contract, at, rows, reasons FROM place
       WHERE rows > 0 AND ($pipeline IS NULL OR pipeline = $pipeline) AND ($partition IS NULL OR partition = $partition)
       ORDER BY at DESC, partition, step, delivery LIMIT $limit`,
    )
    .all({ $pipeline: filter.pipeline ?? null, $partition: partition, $limit: filter.limit }) as unknown as PlaceRow[];
  return rows.map((row) => ({
    pipeline: row.pipeline,
    step: row.step,
    partition: row.partition === "" ? null : row.partition,
    delivery: row.delivery,
    runId: row.run_id,
    contract: row.contract,
    at: row.at,
    rows: row.rows,
    reasons: JSON.parse(row.reasons) as QuarantineGroup["reasons"],
  }));
}

function show(database: Database, filter: Parameters<QuarantineStore["show"]>[0]): StoredQuarantinedRow[] {
  const rows = database
    .prepare(
      `SELECT q.id, q.record, q.row, q.reasons, p.step, p.partition, p.run_id FROM place p JOIN quarantined q ON q.set_id = p.set_id
       WHERE p.pipeline = $pipeline AND ($partition IS NULL OR p.partition = $partition)
         AND ($step IS NULL OR p.step = $step) AND ($run IS NULL OR p.run_id = $run) AND q.id > $after
       ORDER BY q.id LIMIT $limit`,
    )
    .all({
      $pipeline: filter.pipeline,
      $partition: filter.partition === undefined ? null : (filter.partition ?? ""),
      $step: filter.step ?? null,
      $run: filter.run ?? null,
      $after: filter.after ?? 0,
      $limit: filter.limit,
    }) as unknown as {
    readonly id: number;
    readonly record: number;
    readonly row: string;
    readonly reasons: string;
    readonly step: string;
    readonly partition: string;
    readonly run_id: string;
  }[];
  return rows.map((row) => ({
    id: row.id,
    record: row.record,
    row: JSON.parse(row.row) as StoredQuarantinedRow["row"],
    reasons: JSON.parse(row.reasons) as StoredQuarantinedRow["reasons"],
    step: row.step,
    partition: row.partition === "" ? null : row.partition,
    runId: row.run_id,
  }));
}
