// Deliveries of webhooks in a SQLite file. Those that come at the same time are committed together: one write to the disk
// for all of them, and no answer before it.
import type { Delivery, DeliveryRange, DeliveryStore, KeptDelivery } from "../../connect/delivery-store.ts";
import { openDatabase, type Database } from "./database.ts";

const migrations = [
  // AUTOINCREMENT: a position is never given twice, not even after the newest delivery was deleted.
  `CREATE TABLE deliveries (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     inbox TEXT NOT NULL,
     id TEXT NOT NULL,
     received_at INTEGER NOT NULL,
     body TEXT NOT NULL,
     UNIQUE (inbox, id)
   ) STRICT;
   CREATE INDEX deliveries_of_inbox ON deliveries (inbox, position)`,
];

/** The file's name in the state folder. */
export const deliveriesFile = "deliveries.db";

/** How many are read at a time. */
const batchSize = 500;

interface Waiting {
  readonly delivery: Delivery;
  resolve(isNew: boolean): void;
  reject(error: unknown): void;
}

export function openDeliveryStore(path: string, options: { readonly readOnly?: boolean } = {}): DeliveryStore {
  const database = openDatabase(path, { ...options, migrations });
  let waiting: Waiting[] = [];

  const commit = (): void => {
    const batch = waiting;
    waiting = [];
    try {
      const kept = database.transaction(() => batch.map(({ delivery }) => insert(database, delivery)));
      batch.forEach(({ resolve }, position) => resolve(kept[position]!));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  return {
    keep: (delivery) =>
      new Promise((resolve, reject) => {
        waiting.push({ delivery, resolve, reject });
        // Whatever else has arrived by the next turn of the event loop goes with it.
        if (waiting.length === 1) setImmediate(commit);
      }),
    read: (inbox, range) => read(database, inbox, range),
    size: (inbox) => {
      const row = database
        .prepare("SELECT count(*) AS deliveries, max(received_at) AS last_at FROM deliveries WHERE inbox = ?")
        .get(inbox) as { deliveries: number; last_at: number | null };
      return { deliveries: row.deliveries, lastAt: row.last_at };
    },
    close: () => {
      if (waiting.length > 0) commit();
      database.close();
    },
  };
}

function insert(database: Database, { inbox, id, receivedAt, body }: Delivery): boolean {
  const { changes } = database
    .prepare("INSERT INTO deliveries (inbox, id, received_at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
    .run(inbox, id, receivedAt, body);
  return changes === 1;
}

function* read(database: Database, inbox: string, range: DeliveryRange): Generator<readonly KeptDelivery[]> {
  // What comes while this is read has a greater position: the end doesn't move.
  const { last } = database
    .prepare("SELECT coalesce(max(position), 0) AS last FROM deliveries WHERE inbox = ?")
    .get(inbox) as { last: number };
  const page = database.prepare(
    `SELECT position, id, received_at, body FROM deliveries
     WHERE inbox = $inbox AND position >= $from AND position <= $last AND received_at >= $since AND received_at < $before
     ORDER BY position LIMIT ${batchSize}`,
  );
  page.setReadBigInts(true);
  const end = range.until === null || range.until > BigInt(last) ? BigInt(last) : range.until - 1n;
  for (let from = range.from ?? 0n; ;) {
    const rows = page.all({
      $inbox: inbox,
      $from: from,
      $last: end,
      $since: range.since ?? Number.MIN_SAFE_INTEGER,
      $before: range.before ?? Number.MAX_SAFE_INTEGER,
    }) as unknown as { position: bigint; id: string; received_at: bigint; body: string }[];
    if (rows.length === 0) return;
    yield rows.map((row) => ({
      inbox,
      id: row.id,
      body: row.body,
      receivedAt: Number(row.received_at),
      position: row.position,
    }));
    from = rows.at(-1)!.position + 1n;
  }
}
