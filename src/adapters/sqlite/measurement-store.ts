// The measurements of expectations in one SQLite file, clustered so that a series is read in the order of its time.
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import {
  type Measurement,
  type MeasurementKey,
  type MeasurementStore,
  placesKept,
} from "../../quality/expectations/measurement-store.ts";
import { type Database, openDatabase } from "./database.ts";

const migrations = [
  `CREATE TABLE place (
     id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL, step TEXT NOT NULL, series TEXT NOT NULL, place TEXT NOT NULL,
     at INTEGER NOT NULL, run_id TEXT NOT NULL, fence INTEGER NOT NULL,
     UNIQUE (pipeline, step, series, place)
   ) STRICT;
   CREATE INDEX place_by_time ON place (pipeline, step, series, at);
   CREATE TABLE measured (place_id INTEGER NOT NULL, measurement TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (place_id, measurement)) STRICT, WITHOUT ROWID;`,
];

/** Opens (and, unless read-only, creates) the measurements at `path`. */
export function openMeasurementStore(path: string, options: { readonly readOnly?: boolean } = {}): MeasurementStore {
  const database = openDatabase(path, { migrations, readOnly: options.readOnly ?? false });
  return {
    record: async (key, measurements) => database.transaction(() => record(database, key, measurements)),
    past: async ({ pipeline, step, series, measurement, before = Number.MAX_SAFE_INTEGER, limit }) => {
      const rows = database
        .prepare(
          `SELECT place, at, run_id, value FROM place JOIN measured ON place_id = id AND measurement = ?
           WHERE pipeline = ? AND step = ? AND series = ? AND at < ? ORDER BY at DESC, place DESC LIMIT ?`,
        )
        .all(measurement, pipeline, step, series, before, limit) as {
        place: string;
        at: number;
        run_id: string;
        value: string;
      }[];
      return rows.map(({ place, at, run_id: runId, value }) => ({
        place,
        at,
        runId,
        value: JSON.parse(value) as Json,
      }));
    },
    close: () => database.close(),
  };
}

function record(database: Database, key: MeasurementKey, measurements: readonly Measurement[]): void {
  const { pipeline, step, series, place, at, runId, fence } = key;
  const held = database
    .prepare("SELECT id, fence FROM place WHERE pipeline = ? AND step = ? AND series = ? AND place = ?")
    .get(pipeline, step, series, place) as { id: number; fence: number } | undefined;
  if (held !== undefined && held.fence > fence) {
    throw new SluiceError(
      "FENCED",
      `A newer run has recorded what step "${step}" measured at ${place}; this one recorded nothing`,
      { details: { pipeline, step, place, runId, fence, newest: held.fence } },
    );
  }
  if (held !== undefined) remove(database, held.id);
  const { lastInsertRowid: id } = database
    .prepare("INSERT INTO place (pipeline, step, series, place, at, run_id, fence) VALUES (?, ?, ?, ?, ?, ?, ?)")
    .run(pipeline, step, series, place, at, runId, fence);
  const insert = database.prepare("INSERT INTO measured (place_id, measurement, value) VALUES (?, ?, ?)");
  for (const { measurement, value } of measurements) insert.run(id, measurement, JSON.stringify(value));
  const surplus = database
    .prepare("SELECT id FROM place WHERE pipeline = ? AND step = ? AND series = ? ORDER BY at DESC LIMIT -1 OFFSET ?")
    .all(pipeline, step, series, placesKept) as { id: number }[];
  for (const old of surplus) remove(database, old.id);
}

function remove(database: Database, id: number): void {
  database.prepare("DELETE FROM measured WHERE place_id = ?").run(id);
  database.prepare("DELETE FROM place WHERE id = ?").run(id);
}
