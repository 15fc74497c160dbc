// The online store on one SQLite file. Tiles are clustered by the partition they came from, so that a day's write goes to
// neighbouring pages (half the cost of clustering by key), and found by an index on view and key. Readers are never
// blocked by a write.
import { existsSync } from "node:fs";
import { SluiceError } from "../../errors.ts";
import type { StoredDefinition } from "../../features/definition.ts";
import type { OnlineStore, PartitionWrite, ViewStatus } from "../../features/online-store.ts";
import { openDatabase, type Database } from "./database.ts";

const migrations = [
  `
  CREATE TABLE views (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    definition TEXT NOT NULL,
    fence INTEGER NOT NULL
  ) STRICT;

  -- A partition that was removed by a write of the whole keeps its row, for the fence; its fingerprint is null.
  CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    view_id INTEGER NOT NULL,
    partition TEXT NOT NULL,
    fence INTEGER NOT NULL,
    fingerprint TEXT,
    ends_at TEXT,
    UNIQUE (view_id, partition)
  ) STRICT;

  CREATE TABLE tiles (
    partition_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    day TEXT NOT NULL,
    view_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (partition_id, key, day)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tiles_by_key ON tiles (view_id, key, day);
  `,
];

interface ViewRow {
  readonly id: number;
  readonly name: string;
  readonly fingerprint: string;
  readonly definition: string;
  readonly fence: number;
}

interface PartitionRow {
  readonly id: number;
  readonly fence: number;
}

/** Opens the online store in the file at `path`. Read-only, the file must be there: NOT_FOUND otherwise. */
export function openOnlineStore(path: string, options: { readonly readOnly?: boolean } = {}): OnlineStore {
  const readOnly = options.readOnly ?? false;
  if (readOnly && !existsSync(path)) {
    throw new SluiceError("NOT_FOUND", "No feature view has been materialized yet", {
      hint: "Run a pipeline with a materialize step first.",
      details: { path },
    });
  }
  const database = openDatabase(path, { migrations, readOnly });
  return {
    replacePartition: async (write) => database.transaction(() => replacePartition(database, write)),
    readEntity: async (view, key) =>
      database.snapshot(() => {
        const row = viewRow(database, view);
        if (row === undefined) return null;
        const tiles = database
          .prepare(
            `SELECT t.day, t.state FROM tiles t JOIN partitions p ON p.id = t.partition_id
             WHERE t.view_id = ? AND t.key = ? AND p.fingerprint = ? ORDER BY t.day`,
          )
          .all(row.id, key, row.fingerprint) as { day: string; state: string }[];
        return {
          status: statusOf(database, row),
          tiles: tiles.map((tile) => ({ day: tile.day, state: JSON.parse(tile.state) })),
        };
      }),
    views: async () =>
      database.snapshot(() => {
        const rows = database.prepare("SELECT * FROM views ORDER BY name").all() as unknown as ViewRow[];
        return rows.map((row) => statusOf(database, row));
      }),
    close: () => database.close(),
  };
}

function replacePartition(database: Database, write: PartitionWrite): { status: ViewStatus; removed: number } {
  const view = putView(database, write);
  const whole = write.partition === "";
  const replaced = database
    .prepare(`SELECT id, fence FROM partitions WHERE view_id = ? ${whole ? "" : "AND partition IN ('', ?)"}`)
    .all(...(whole ? [view.id] : [view.id, write.partition])) as unknown as PartitionRow[];
  const seen = Math.max(...replaced.map((row) => row.fence), 0);
  if (write.fence < seen) throw fenced(write, seen);
  let removed = 0;
  for (const { id } of replaced) {
    removed += Number(database.prepare("DELETE FROM tiles WHERE partition_id = ?").run(id).changes);
    database.prepare("UPDATE partitions SET fingerprint = NULL, ends_at = NULL WHERE id = ?").run(id);
  }
  const { id } = database
    .prepare(
      `INSERT INTO partitions (view_id, partition, fence, fingerprint, ends_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET fence = excluded.fence, fingerprint = excluded.fingerprint, ends_at = excluded.ends_at RETURNING id`,
    )
    .get(view.id, write.partition, write.fence, write.fingerprint, write.end) as { id: number };
  const insert = database.prepare("INSERT INTO tiles (view_id, key, day, partition_id, state) VALUES (?, ?, ?, ?, ?)");
  // In the order of the B-tree, whose pages then fill one after the other.
  for (const tile of write.tiles.toSorted((a, b) => (a.key < b.key ? -1 : 1)))
    insert.run(view.id, tile.key, tile.day, id, tile.state);
  return { status: statusOf(database, view), removed };
}

/** The view's row once this write is in: with its definition, unless a newer one is there. */
function putView(database: Database, write: PartitionWrite): ViewRow {
  const known = viewRow(database, write.definition.view);
  if (known !== undefined && write.fence < known.fence) return known;
  if (known?.fingerprint === write.fingerprint) {
    database.prepare("UPDATE views SET fence = ? WHERE id = ?").run(write.fence, known.id);
    return known;
  }
  return database
    .prepare(
      `INSERT INTO views (name, fingerprint, definition, fence) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, definition = excluded.definition, fence = excluded.fence RETURNING *`,
    )
    .get(write.definition.view, write.fingerprint, JSON.stringify(write.definition), write.fence) as unknown as ViewRow;
}

function viewRow(database: Database, name: string): ViewRow | undefined {
  return database.prepare("SELECT * FROM views WHERE name = ?").get(name) as ViewRow | undefined;
}

function statusOf(database: Database, view: ViewRow): ViewStatus {
  const counted = database
    .prepare(
      `SELECT max(ends_at) FILTER (WHERE fingerprint = $version) AS watermark, count(*) FILTER (WHERE fingerprint = $version) AS partitions,
       count(*) FILTER (WHERE fingerprint <> $version) AS missing FROM partitions WHERE view_id = $view`,
    )
    .get({ $version: view.fingerprint, $view: view.id }) as {
    watermark: string | null;
    partitions: number;
    missing: number;
  };
  const definition = JSON.parse(view.definition) as StoredDefinition;
  return { view: view.name, definition, fingerprint: view.fingerprint, ...counted };
}

function fenced(write: PartitionWrite, seen: number): SluiceError {
  const { view } = write.definition;
  const which = write.partition === "" ? "" : `, partition ${write.partition},`;
  return new SluiceError("FENCED", `The feature view ${view}${which} was materialized by a newer attempt`, {
    hint: "Nothing was written; the newer attempt's features stand.",
    details: { view, partition: write.partition, fence: write.fence, seen },
  });
}
