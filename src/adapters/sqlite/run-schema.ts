// The tables of the engine's store, as migrations in the order in which they were released.
import { engineMigration } from "./engine-schema.ts";

export const runMigrations: readonly string[] = [
  `
  CREATE TABLE plans (version TEXT PRIMARY KEY, pipeline TEXT NOT NULL, plan TEXT NOT NULL) STRICT;

  CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    version TEXT NOT NULL,
    partition TEXT,
    backfill TEXT,
    status TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX runs_by_pipeline ON runs (pipeline, sequence);
  CREATE INDEX runs_by_backfill ON runs (backfill, partition) WHERE backfill IS NOT NULL;
  CREATE INDEX runs_unfinished ON runs (sequence) WHERE status = 'running';
  CREATE INDEX runs_by_end ON runs (pipeline, status, finished_at, created_at);

  CREATE TABLE steps (
    run_sequence INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    wake_at INTEGER,
    output TEXT,
    rows_in INTEGER, rows_out INTEGER, rows_duplicate INTEGER, rows_quarantined INTEGER,
    assets TEXT NOT NULL,
    error TEXT,
    reason TEXT,
    started_at INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (run_sequence, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    error TEXT,
    PRIMARY KEY (run_id, step, attempt)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE logs (
    position INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    fields TEXT
  ) STRICT;
  CREATE INDEX logs_by_run ON logs (run_id, position);

  CREATE TABLE assets (asset TEXT PRIMARY KEY, updated_at INTEGER NOT NULL, run_id TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE backfills (
    id TEXT PRIMARY KEY,
    pipeline TEXT NOT NULL,
    version TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX backfills_by_range ON backfills (pipeline, version, first, last, created_at);
  `,
  engineMigration,
];
