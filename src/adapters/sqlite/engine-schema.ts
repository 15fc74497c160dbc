// The second migration of the engine's store: runs that come from requests and schedules, items, leases, hooks, results
// worth keeping, and totals that are kept as runs end. What the first one's tables hold is carried over.
//
// In all tables below, `step` is the position of a step in its run's plan, and an `item` of -1 means none: keys of a
// few small integers make rows that are cheap to write and lie together by run. A partition of '' means none as well.

export const engineMigration = `
  ALTER TABLE plans ADD COLUMN first_seen INTEGER NOT NULL DEFAULT 0;
  UPDATE plans SET first_seen = coalesce((SELECT min(created_at) FROM runs WHERE runs.version = plans.version), 0);
  -- Plans had days as their only partitions, and steps that ran when all before them had succeeded.
  UPDATE plans SET plan = json_insert(
    json_set(plan,
      '$.partitions', iif(json_type(plan, '$.partitions') = 'object',
        json_object('type', 'time', 'unit', 'day', 'cron', NULL, 'from', plan ->> '$.partitions.from',
                    'to', plan ->> '$.partitions.to', 'timeZone', plan ->> '$.partitions.timeZone'),
        NULL),
      '$.steps', (
        SELECT json_group_array(json_insert(value,
          '$.control', json('{"type":"run"}'), '$.when', json('[]'), '$.trigger', 'all-succeeded',
          '$.teardownOf', NULL, '$.dependsOnPast', json('false'), '$.lateMs', NULL, '$.pools', json('{}'),
          '$.concurrency', NULL, '$.priority', 0, '$.resources', json('{"cpus":0,"memory":0}'), '$.cache', NULL,
          '$.hooks', json('[]'), '$.retry.jitter', 0) ORDER BY key)
        FROM json_each(plan, '$.steps'))),
    '$.schedule', NULL, '$.maxActiveRuns', 16, '$.timeoutMs', NULL, '$.lateMs', NULL, '$.hooks', json('[]'),
    '$.params', NULL);
  CREATE INDEX plans_by_pipeline ON plans (pipeline, first_seen);

  ALTER TABLE runs ADD COLUMN params TEXT NOT NULL DEFAULT 'null';
  ALTER TABLE runs ADD COLUMN trigger TEXT NOT NULL DEFAULT 'manual';
  ALTER TABLE runs ADD COLUMN request_key TEXT;
  ALTER TABLE runs ADD COLUMN scheduled_for INTEGER;
  ALTER TABLE runs ADD COLUMN rerun_of TEXT;
  ALTER TABLE runs ADD COLUMN started_at INTEGER;
  ALTER TABLE runs ADD COLUMN ending TEXT;
  ALTER TABLE runs ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
  UPDATE runs SET request_key = 'run:' || id, started_at = created_at,
                  trigger = iif(backfill IS NULL, 'manual', 'backfill');
  DROP INDEX runs_by_pipeline;
  DROP INDEX runs_by_backfill;
  DROP INDEX runs_by_end;
  -- Each ends in the row's sequence, as all indexes do: runs of one status come newest first without being sorted.
  CREATE UNIQUE INDEX runs_by_request ON runs (request_key);
  CREATE INDEX runs_by_status ON runs (pipeline, status);
  CREATE INDEX runs_by_partition ON runs (pipeline, partition, status);
  CREATE INDEX runs_by_backfill ON runs (backfill, status) WHERE backfill IS NOT NULL;

  CREATE TABLE partitions (
    pipeline TEXT NOT NULL,
    partition TEXT NOT NULL,
    run_id TEXT NOT NULL,
    newest INTEGER NOT NULL,
    status TEXT NOT NULL,
    succeeded INTEGER,
    PRIMARY KEY (pipeline, partition)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO partitions (pipeline, partition, newest, run_id, status, succeeded)
    SELECT pipeline, coalesce(partition, ''), max(sequence), id, status,
           (SELECT max(sequence) FROM runs other WHERE other.pipeline = runs.pipeline
            AND other.partition IS runs.partition AND other.status = 'succeeded')
    FROM runs GROUP BY pipeline, partition;

  ALTER TABLE steps ADD COLUMN awaits TEXT;
  ALTER TABLE steps ADD COLUMN item_count INTEGER;
  ALTER TABLE steps ADD COLUMN effect_run TEXT;
  ALTER TABLE steps ADD COLUMN reused_from TEXT;
  ALTER TABLE steps ADD COLUMN late INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE items (
    run_sequence INTEGER NOT NULL,
    step INTEGER NOT NULL,
    position INTEGER NOT NULL,
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
    PRIMARY KEY (run_sequence, step, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX items_by_status ON items (run_sequence, step, status, position);

  CREATE TABLE ended_attempts (
    run_sequence INTEGER NOT NULL,
    step INTEGER NOT NULL,
    item INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    error TEXT,
    PRIMARY KEY (run_sequence, step, item, attempt)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO ended_attempts
    SELECT steps.run_sequence, steps.position, -1, attempts.attempt, attempts.status, attempts.started_at,
           attempts.finished_at, attempts.error
    FROM attempts JOIN runs ON runs.id = attempts.run_id
    JOIN steps ON steps.run_sequence = runs.sequence AND steps.name = attempts.step;
  DROP TABLE attempts;
  ALTER TABLE ended_attempts RENAME TO attempts;

  CREATE TABLE live (
    run_sequence INTEGER NOT NULL,
    step INTEGER NOT NULL,
    item INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    PRIMARY KEY (run_sequence, step, item, attempt)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE lines (
    position INTEGER PRIMARY KEY,
    run_sequence INTEGER NOT NULL,
    step INTEGER NOT NULL,
    item INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    fields TEXT
  ) STRICT;
  INSERT INTO lines
    SELECT logs.position, steps.run_sequence, steps.position, -1, logs.attempt, logs.at, logs.level, logs.message,
           logs.fields
    FROM logs JOIN runs ON runs.id = logs.run_id
    JOIN steps ON steps.run_sequence = runs.sequence AND steps.name = logs.step;
  DROP TABLE logs;
  ALTER TABLE lines RENAME TO logs;
  CREATE INDEX logs_by_run ON logs (run_sequence);
  CREATE INDEX logs_by_step ON logs (run_sequence, step);
  CREATE INDEX logs_by_item ON logs (run_sequence, step, item) WHERE item >= 0;

  CREATE TABLE notices (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    run_sequence INTEGER NOT NULL,
    notice TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER,
    delivered_at INTEGER,
    error TEXT
  ) STRICT;
  CREATE INDEX notices_by_run ON notices (run_sequence);
  CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX notices_given_up ON notices (delivered_at) WHERE due_at IS NULL AND delivered_at IS NULL;

  CREATE TABLE cached (
    key TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    output TEXT,
    rows_in INTEGER, rows_out INTEGER, rows_duplicate INTEGER, rows_quarantined INTEGER,
    assets TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX cached_by_time ON cached (at);

  CREATE TABLE asset_updates (
    position INTEGER PRIMARY KEY,
    asset TEXT NOT NULL,
    partition TEXT,
    run_id TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  INSERT INTO asset_updates (asset, partition, run_id, at)
    SELECT asset, (SELECT partition FROM runs WHERE runs.id = run_id), run_id, updated_at
    FROM assets ORDER BY updated_at, asset;
  DROP TABLE assets;
  CREATE INDEX asset_updates_by_asset ON asset_updates (asset);
  CREATE INDEX asset_updates_by_partition ON asset_updates (asset, partition);

  CREATE TABLE requests (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    partition TEXT,
    params TEXT NOT NULL,
    trigger TEXT NOT NULL,
    scheduled_for INTEGER,
    backfill TEXT,
    of_backfill INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX requests_by_origin ON requests (of_backfill);
  CREATE INDEX requests_by_pipeline ON requests (pipeline, of_backfill);
  CREATE INDEX requests_by_time ON requests (pipeline, not_before);
  CREATE INDEX requests_by_backfill ON requests (backfill) WHERE backfill IS NOT NULL;

  CREATE TABLE instructions (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    instruction TEXT NOT NULL,
    by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    answered_at INTEGER,
    result TEXT,
    error TEXT
  ) STRICT;
  CREATE INDEX instructions_open ON instructions (position) WHERE answered_at IS NULL;
  CREATE INDEX instructions_by_answer ON instructions (answered_at) WHERE answered_at IS NOT NULL;

  CREATE TABLE schedules (
    pipeline TEXT PRIMARY KEY,
    paused INTEGER NOT NULL,
    handled_tick INTEGER,
    handled_update INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE partition_keys (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    UNIQUE (name, key)
  ) STRICT;
  CREATE INDEX partition_keys_by_name ON partition_keys (name);

  CREATE TABLE selections (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    version TEXT NOT NULL,
    selection TEXT NOT NULL,
    mode TEXT NOT NULL,
    parallel INTEGER NOT NULL,
    looked_at INTEGER NOT NULL,
    total INTEGER NOT NULL,
    requested INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  -- One that was under way went on when its command was given again. It is carried over as cancelled, to be resumed.
  INSERT INTO selections (id, pipeline, version, selection, mode, parallel, looked_at, total, requested, succeeded,
                          failed, status, created_at, finished_at)
    SELECT id, pipeline, version, json_object('type', 'range', 'from', first, 'to', last), 'missing', 1,
           iif(status = 'running', 0, days), days,
           (SELECT count(*) FROM runs WHERE runs.backfill = backfills.id),
           (SELECT count(*) FROM runs WHERE runs.backfill = backfills.id AND runs.status = 'succeeded'),
           (SELECT count(*) FROM runs WHERE runs.backfill = backfills.id AND runs.status = 'failed'),
           iif(status = 'running', 'cancelled', status), created_at,
           iif(status = 'running', created_at, finished_at)
    FROM (SELECT *, CAST(julianday(last) - julianday(first) AS INTEGER) + 1 AS days FROM backfills) AS backfills
    ORDER BY created_at, id;
  DROP TABLE backfills;
  ALTER TABLE selections RENAME TO backfills;
  CREATE INDEX backfills_by_pipeline ON backfills (pipeline);
  CREATE INDEX backfills_by_status ON backfills (status);

  -- What the runs that have ended add up to. Those that have not are counted when somebody asks.
  CREATE TABLE run_totals (
    pipeline TEXT NOT NULL,
    status TEXT NOT NULL,
    count INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (pipeline, status)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO run_totals
    SELECT pipeline, status, count(*), sum(finished_at - created_at)
    FROM runs WHERE status <> 'running' GROUP BY pipeline, status;

  CREATE TABLE last_ends (
    pipeline TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    succeeded_at INTEGER
  ) STRICT, WITHOUT ROWID;
  INSERT INTO last_ends
    SELECT pipeline, sequence, finished_at, finished_at - created_at,
           (SELECT max(finished_at) FROM runs other
            WHERE other.pipeline = ends.pipeline AND other.status = 'succeeded')
    FROM (SELECT *, row_number() OVER (PARTITION BY pipeline ORDER BY finished_at DESC, sequence DESC) AS place
          FROM runs WHERE status <> 'running') AS ends
    WHERE place = 1;

  CREATE TABLE step_totals (
    pipeline TEXT NOT NULL,
    step TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    count INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    rows_in INTEGER NOT NULL, rows_out INTEGER NOT NULL,
    rows_duplicate INTEGER NOT NULL, rows_quarantined INTEGER NOT NULL,
    PRIMARY KEY (pipeline, step, kind, status)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO step_totals
    SELECT runs.pipeline, steps.name, steps.kind, steps.status, count(*), sum(attempts),
           coalesce(sum(steps.finished_at - steps.started_at), 0), coalesce(sum(rows_in), 0),
           coalesce(sum(rows_out), 0), coalesce(sum(rows_duplicate), 0), coalesce(sum(rows_quarantined), 0)
    FROM runs JOIN steps ON steps.run_sequence = runs.sequence
    WHERE runs.status <> 'running' GROUP BY runs.pipeline, steps.name, steps.kind, steps.status;
`;
