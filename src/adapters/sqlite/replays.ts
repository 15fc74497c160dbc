// Rows that are to be judged again, beside the quarantine they come from: written in stages that nobody sees, found by
// the key of the step that judges them.
import type { QuarantineStore, Replay, ReplayedRow } from "../../quality/quarantine-store.ts";
import type { Database } from "./database.ts";

export const replayMigrations: readonly string[] = [
  `CREATE TABLE replay (
     key TEXT PRIMARY KEY, pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL,
     mode TEXT NOT NULL, at INTEGER NOT NULL, rows INTEGER
   ) WITHOUT ROWID;
   CREATE TABLE replayed (key TEXT NOT NULL, record INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (key, record)) WITHOUT ROWID;`,
  `ALTER TABLE replay ADD COLUMN before INTEGER;`,
];

interface ReplayRow {
  readonly key: string;
  readonly pipeline: string;
  readonly step: string;
  readonly partition: string;
  readonly mode: string;
  readonly at: number;
  /** Null until all rows are there. */
  readonly rows: number | null;
  readonly before: number | null;
  readonly delivery: string;
}

export function replayTables(database: Database): Pick<QuarantineStore, "stage" | "staged" | "stagedRows"> {
  return {
    stage: async (replay, batches) => {
      const place = [replay.pipeline, replay.step, replay.partition ?? ""] as const;
      const insert = database.prepare("INSERT INTO replayed (key, record, row) VALUES (?, ?, ?)");
      let rows = 0;
      database
        .prepare(
          "INSERT INTO replay (key, pipeline, step, partition, mode, delivery, before, at, rows) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        )
        .run(replay.key, ...place, replay.mode, replay.delivery, replay.before, replay.at);
      for await (const batch of batches) {
        database.transaction(() => {
          for (const { record, row } of batch) insert.run(replay.key, record, JSON.stringify(row));
        });
        rows += batch.length;
      }
      database.transaction(() => {
        const older = database
          .prepare("SELECT key FROM replay WHERE pipeline = ? AND step = ? AND partition = ? AND key <> ?")
          .all(...place, replay.key) as { key: string }[];
        for (const { key } of older) forget(database, key);
        database.prepare("UPDATE replay SET rows = ? WHERE key = ?").run(rows, replay.key);
      });
      return rows;
    },
    staged: async (key) => {
      const found = database.prepare("SELECT * FROM replay WHERE key = ? AND rows IS NOT NULL").get(key);
      if (found === undefined) return null;
      const { partition, mode, rows, ...rest } = found as unknown as ReplayRow;
      return { ...rest, partition: partition === "" ? null : partition, mode: mode as Replay["mode"], rows: rows! };
    },
    stagedRows: async (key, { after = 0, limit }) =>
      (
        database
          .prepare("SELECT record, row FROM replayed WHERE key = ? AND record > ? ORDER BY record LIMIT ?")
          .all(key, after, limit) as unknown as { record: number; row: string }[]
      ).map(({ record, row }) => ({ record, row: JSON.parse(row) as ReplayedRow["row"] })),
  };
}

export function forgetReplays(database: Database, before: number): void {
  const old = database.prepare("SELECT key FROM replay WHERE at < ?").all(before) as { key: string }[];
  for (const { key } of old) database.transaction(() => forget(database, key));
}

function forget(database: Database, key: string): void {
  database.prepare("DELETE FROM replayed WHERE key = ?").run(key);
  database.prepare("DELETE FROM replay WHERE key = ?").run(key);
}
