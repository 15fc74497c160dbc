// The request half of the engine's store on SQLite: the queue of runs to come, what the scheduler is asked to do, and
// how far schedules and backfills are.
import type { PartitionStatus, RequestStore, RunRequest, ScheduleState } from "../../engine/stores/request-store.ts";
import { SluiceError } from "../../errors.ts";
import type { Database } from "./database.ts";
import {
  backfillColumns,
  backfillValues,
  instructionColumns,
  instructionValues,
  requestColumns,
  requestValues,
  toBackfill,
  toInstruction,
  toRequest,
  toSchedule,
  type BackfillRow,
  type InstructionRow,
  type RequestRow,
  type ScheduleRow,
} from "./request-rows.ts";
import { json, marks } from "./row-values.ts";
import { all, one } from "./run-queries.ts";

export function createRequestStore(database: Database): RequestStore {
  let seenVersion = dataVersion(database);
  return {
    addRequests: async (requests, schedule) =>
      database.transaction(() => {
        const added = addRequests(database, requests);
        if (schedule !== undefined) saveSchedule(database, schedule);
        return added;
      }),
    dueRequests: async (now, { pipeline, backfills, limit }) =>
      all<RequestRow>(
        database,
        // By an index in which they lie in order, and not by that of their times.
        `SELECT * FROM requests INDEXED BY ${pipeline === undefined ? "requests_by_origin" : "requests_by_pipeline"}
         WHERE ${pipeline === undefined ? "" : "pipeline = ? AND "}of_backfill = ? AND not_before <= ?
         ORDER BY position LIMIT ?`,
        ...(pipeline === undefined ? [] : [pipeline]),
        backfills ? 1 : 0,
        now,
        limit,
      ).map(toRequest),
    nextRequestAt: async (now) => {
      const { next } = one<{ next: number | null }>(
        database,
        `${waitingPipelines} SELECT min((SELECT min(not_before) FROM requests
                                         WHERE pipeline = names.name AND not_before > ?)) AS next FROM names`,
        now,
      )!;
      return next;
    },
    pipelinesWithRequests: async (now) =>
      all<{ name: string }>(
        database,
        `${waitingPipelines} SELECT name FROM names
         WHERE EXISTS (SELECT 1 FROM requests WHERE pipeline = names.name AND not_before <= ?)`,
        now,
      ).map(({ name }) => name),
    requests: async ({ key, pipeline, backfill, limit = 1000 }) =>
      key === undefined
        ? listRequests(database, pipeline, backfill, limit)
        : all<RequestRow>(database, "SELECT * FROM requests WHERE key = ?", key).map(toRequest),
    backlog: async () =>
      database.snapshot(() => ({
        requests: all(
          database,
          `${waitingPipelines} SELECT name AS pipeline,
             (SELECT count(*) FROM requests WHERE pipeline = names.name) AS count,
             (SELECT min(not_before) FROM requests WHERE pipeline = names.name) AS oldest
           FROM names`,
        ),
        backfills: all(
          database,
          "SELECT pipeline, count(*) AS count FROM backfills WHERE status = 'running' GROUP BY pipeline ORDER BY pipeline",
        ),
      })),
    dropRequests: async (filter) => {
      const [[column, value]] = Object.entries(filter) as [[string, string]];
      return Number(database.prepare(`DELETE FROM requests WHERE ${column} = ?`).run(value).changes);
    },

    addInstruction: async (record) => {
      database
        .prepare(
          `INSERT INTO instructions (${instructionColumns}) VALUES (${marks(instructionColumns)}) ON CONFLICT DO NOTHING`,
        )
        .run(...instructionValues(record));
    },
    openInstructions: async (limit) =>
      all<InstructionRow>(
        database,
        "SELECT * FROM instructions WHERE answered_at IS NULL ORDER BY position LIMIT ?",
        limit,
      ).map(toInstruction),
    answerInstruction: async (id, { at, result, error }) => {
      database
        .prepare("UPDATE instructions SET answered_at = ?, result = ?, error = ? WHERE id = ? AND answered_at IS NULL")
        .run(at, json(result), json(error), id);
    },
    instruction: async (id) => {
      const row = one<InstructionRow>(database, "SELECT * FROM instructions WHERE id = ?", id);
      return row === undefined ? null : toInstruction(row);
    },

    schedules: async () => all<ScheduleRow>(database, "SELECT * FROM schedules ORDER BY pipeline").map(toSchedule),
    saveSchedule: async (state) => saveSchedule(database, state),

    createBackfill: async (backfill) => {
      const { changes } = database
        .prepare(`INSERT INTO backfills (${backfillColumns}) VALUES (${marks(backfillColumns)}) ON CONFLICT DO NOTHING`)
        .run(...backfillValues(backfill));
      if (changes === 0) throw new SluiceError("INTERNAL", `There is already a backfill ${backfill.id}`);
    },
    advanceBackfill: async (backfill, requests) => {
      database.transaction(() => {
        const { changes } = database
          .prepare(`UPDATE backfills SET (${backfillColumns}) = (${marks(backfillColumns)}) WHERE id = ?`)
          .run(...backfillValues(backfill), backfill.id);
        if (changes === 0) throw new SluiceError("INTERNAL", `There is no backfill ${backfill.id}`);
        addRequests(database, requests);
      });
    },
    backfill: async (id) => {
      const row = one<BackfillRow>(database, "SELECT * FROM backfills WHERE id = ?", id);
      return row === undefined ? null : toBackfill(row);
    },
    backfills: async ({ pipeline, status, limit = 50 }) => {
      const wanted = Object.entries({ pipeline, status }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      const where = ["position > 0", ...wanted.map(([column]) => `${column} = ?`)].join(" AND ");
      return all<BackfillRow>(
        database,
        `SELECT * FROM backfills WHERE ${where} ORDER BY position DESC LIMIT ?`,
        ...wanted.map(([, value]) => value),
        limit,
      ).map(toBackfill);
    },

    partitionStatuses: async (pipeline, { keys, after = "", limit = 1000 }) => {
      if (keys === undefined)
        return all<PartitionRow>(
          database,
          "SELECT * FROM partitions WHERE pipeline = ? AND partition > ? ORDER BY partition LIMIT ?",
          pipeline,
          after,
          limit,
        ).map(toPartition);
      const text = "SELECT * FROM partitions WHERE pipeline = ? AND partition = ?";
      return database.snapshot(() =>
        keys.flatMap((key) => all<PartitionRow>(database, text, pipeline, key)).map(toPartition),
      );
    },

    addPartitionKeys: async (set, keys, at) =>
      database.transaction(() => {
        const insert = database.prepare(
          "INSERT INTO partition_keys (name, key, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        );
        return keys.reduce((count, key) => count + Number(insert.run(set, key, at).changes), 0);
      }),
    removePartitionKeys: async (set, keys) =>
      database.transaction(() => {
        const remove = database.prepare("DELETE FROM partition_keys WHERE name = ? AND key = ?");
        return keys.reduce((count, key) => count + Number(remove.run(set, key).changes), 0);
      }),
    partitionKeys: async (set, { after, limit = Number.MAX_SAFE_INTEGER } = {}) => {
      const beyond = "AND position > (SELECT position FROM partition_keys WHERE name = ? AND key = ?)";
      return all<{ key: string }>(
        database,
        `SELECT key FROM partition_keys WHERE name = ? ${after === undefined ? "" : beyond} ORDER BY position LIMIT ?`,
        set,
        ...(after === undefined ? [] : [set, after]),
        limit,
      ).map(({ key }) => key);
    },
    changedByOthers: () => {
      const version = dataVersion(database);
      const changed = version !== seenVersion;
      seenVersion = version;
      return changed;
    },
  };
}

/** Pipelines with requests, by leaps from one to the next. */
const waitingPipelines = `
  WITH RECURSIVE every (name) AS (
    SELECT min(pipeline) FROM requests
    UNION ALL SELECT (SELECT min(pipeline) FROM requests WHERE pipeline > every.name) FROM every WHERE name IS NOT NULL),
  names (name) AS (SELECT name FROM every WHERE name IS NOT NULL)`;

function addRequests(database: Database, requests: readonly RunRequest[]): number {
  const insert = database.prepare(
    `INSERT INTO requests (${requestColumns}) SELECT ${marks(requestColumns)}
     WHERE NOT EXISTS (SELECT 1 FROM runs WHERE request_key = ?) ON CONFLICT DO NOTHING`,
  );
  return requests.reduce(
    (count, request) => count + Number(insert.run(...requestValues(request), request.key).changes),
    0,
  );
}

function listRequests(
  database: Database,
  pipeline: string | undefined,
  backfill: string | undefined,
  limit: number,
): RunRequest[] {
  const wanted = Object.entries({ pipeline, backfill }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const values = wanted.map(([, value]) => value);
  const conditions = wanted.map(([column]) => `${column} = ?`);
  if (wanted.length === 0 || backfill !== undefined) {
    return all<RequestRow>(
      database,
      `SELECT * FROM requests WHERE ${["position > 0", ...conditions].join(" AND ")} ORDER BY position LIMIT ?`,
      ...values,
      limit,
    ).map(toRequest);
  }
  // The index leads with whose they are: those of backfills and those of others each come in order.
  const arm = "SELECT * FROM requests WHERE pipeline = ? AND of_backfill = ?";
  return all<RequestRow>(
    database,
    `${arm} UNION ALL ${arm} ORDER BY position LIMIT ?`,
    pipeline!,
    0,
    pipeline!,
    1,
    limit,
  ).map(toRequest);
}

function saveSchedule(database: Database, state: ScheduleState): void {
  database
    .prepare("INSERT OR REPLACE INTO schedules (pipeline, paused, handled_tick, handled_update) VALUES (?, ?, ?, ?)")
    .run(state.pipeline, state.paused ? 1 : 0, state.handledTick, state.handledUpdate);
}

interface PartitionRow {
  partition: string;
  run_id: string;
  status: PartitionStatus["status"];
  succeeded: number | null;
}

function toPartition(row: PartitionRow): PartitionStatus {
  return { partition: row.partition, runId: row.run_id, status: row.status, everSucceeded: row.succeeded !== null };
}

/** A number that changes whenever another connection has written. */
function dataVersion(database: Database): number {
  return one<{ data_version: number }>(database, "PRAGMA data_version")!.data_version;
}
