// What has been sent to endpoints of HTTP APIs, in a SQLite file of the state folder: an API keeps no loads of ours. A
// request is noted once it was answered, so that a load that was cut off goes on behind the last one that was.
import { join } from "node:path";
import { checkUnmoved } from "../../connect/position.ts";
import type { RejectedRow } from "../../connect/rejected-rows.ts";
import type { LoadRequest } from "../../connect/sink.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { openDatabase } from "../sqlite/database.ts";

const migrations = [
  `CREATE TABLE loads (
     endpoint TEXT NOT NULL,
     load_key TEXT NOT NULL,
     partition TEXT NOT NULL,
     fence INTEGER NOT NULL,
     -- Rows that were answered for, taken or refused, from the first on; the load goes on behind them.
     done INTEGER NOT NULL,
     taken INTEGER NOT NULL,
     finished INTEGER NOT NULL,
     at INTEGER NOT NULL,
     PRIMARY KEY (endpoint, load_key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX loads_by_fence ON loads (endpoint, partition, fence);
   CREATE TABLE refused (
     endpoint TEXT NOT NULL,
     load_key TEXT NOT NULL,
     record INTEGER NOT NULL,
     row TEXT NOT NULL,
     PRIMARY KEY (endpoint, load_key, record)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE positions (
     endpoint TEXT NOT NULL,
     reader TEXT NOT NULL,
     position TEXT NOT NULL,
     PRIMARY KEY (endpoint, reader)
   ) STRICT, WITHOUT ROWID`,
];

/** How far a load is. */
export interface LoadProgress {
  readonly done: number;
  readonly taken: number;
  readonly finished: boolean;
}

export interface LoadJournal {
  /** Where the load is, noted as begun. Throws FENCED where a newer one has begun, or what was read has been loaded by another. */
  begin(endpoint: string, request: LoadRequest): LoadProgress;
  /** So many rows are answered for, and some of them refused. On disk when it returns. */
  note(endpoint: string, loadKey: string, progress: LoadProgress, refused: readonly RejectedRow[]): void;
  /** All rows are answered for; what was read counts as loaded. */
  finish(endpoint: string, request: LoadRequest): void;
  /** Every row of the load that was refused, in order. */
  refused(endpoint: string, loadKey: string): readonly RejectedRow[];
  position(endpoint: string, reader: string): Json;
  close(): void;
}

export function openLoadJournal(home: string): LoadJournal {
  const database = openDatabase(join(home, "http-loads.db"), { migrations });

  const position = (endpoint: string, reader: string): Json => {
    const row = database
      .prepare("SELECT position FROM positions WHERE endpoint = ? AND reader = ?")
      .get(endpoint, reader) as { position: string } | undefined;
    return row === undefined ? null : (JSON.parse(row.position) as Json);
  };
  const progressOf = (endpoint: string, loadKey: string): LoadProgress | null => {
    const row = database
      .prepare("SELECT done, taken, finished FROM loads WHERE endpoint = ? AND load_key = ?")
      .get(endpoint, loadKey) as { done: number; taken: number; finished: number } | undefined;
    return row === undefined ? null : { done: row.done, taken: row.taken, finished: row.finished === 1 };
  };

  return {
    begin: (endpoint, request) =>
      database.transaction(() => {
        const known = progressOf(endpoint, request.loadKey);
        if (known?.finished === true) return known;
        checkFence(endpoint, request);
        for (const one of request.positions ?? []) checkUnmoved(position(endpoint, one.reader), one);
        database
          .prepare(
            `INSERT INTO loads (endpoint, load_key, partition, fence, done, taken, finished, at) VALUES (?, ?, ?, ?, 0, 0, 0, ?)
             ON CONFLICT DO UPDATE SET fence = max(fence, excluded.fence)`,
          )
          .run(endpoint, request.loadKey, request.partition ?? "", request.fence, Date.now());
        return known ?? { done: 0, taken: 0, finished: false };
      }),
    note: (endpoint, loadKey, { done, taken }, refused) =>
      database.transaction(() => {
        database
          .prepare("UPDATE loads SET done = ?, taken = ? WHERE endpoint = ? AND load_key = ?")
          .run(done, taken, endpoint, loadKey);
        const insert = database.prepare(
          "INSERT OR REPLACE INTO refused (endpoint, load_key, record, row) VALUES (?, ?, ?, ?)",
        );
        for (const row of refused) insert.run(endpoint, loadKey, row.record, JSON.stringify(row));
      }),
    finish: (endpoint, request) =>
      database.transaction(() => {
        for (const one of request.positions ?? []) {
          checkUnmoved(position(endpoint, one.reader), one);
          database
            .prepare("INSERT OR REPLACE INTO positions (endpoint, reader, position) VALUES (?, ?, ?)")
            .run(endpoint, one.reader, JSON.stringify(one.to));
        }
        database
          .prepare("UPDATE loads SET finished = 1, at = ? WHERE endpoint = ? AND load_key = ?")
          .run(Date.now(), endpoint, request.loadKey);
      }),
    refused: (endpoint, loadKey) =>
      (
        database
          .prepare("SELECT row FROM refused WHERE endpoint = ? AND load_key = ? ORDER BY record")
          .all(endpoint, loadKey) as { row: string }[]
      ).map(({ row }) => JSON.parse(row) as RejectedRow),
    position,
    close: database.close,
  };

  function checkFence(endpoint: string, { partition, fence }: LoadRequest): void {
    const { highest } = database
      .prepare("SELECT max(fence) AS highest FROM loads WHERE endpoint = ? AND partition = ?")
      .get(endpoint, partition ?? "") as { highest: number | null };
    if (highest === null || highest <= fence) return;
    throw new SluiceError("FENCED", `A newer load of ${endpoint} has begun`, {
      hint: "This one sent nothing more; the newer one goes on.",
      details: { fence, highest },
    });
  }
}
