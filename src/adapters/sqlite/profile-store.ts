// Profiles of runs in one SQLite file, an entry a row.
import type { Json } from "../../json.ts";
import type { Profile } from "../../quality/profile/profile.ts";
import type { ProfileEntry, ProfileStore } from "../../quality/profile/profile-store.ts";
import { openDatabase } from "./database.ts";

const migrations = [
  `CREATE TABLE profile (
     run_id TEXT NOT NULL, step TEXT NOT NULL, pipeline TEXT NOT NULL, partition TEXT, start TEXT,
     fence INTEGER NOT NULL, at INTEGER NOT NULL, accepted INTEGER NOT NULL, profile TEXT NOT NULL, report TEXT NOT NULL,
     PRIMARY KEY (run_id, step)
   ) WITHOUT ROWID;
   CREATE INDEX profile_by_start ON profile (pipeline, step, start, fence) WHERE accepted = 1;
   CREATE INDEX profile_by_fence ON profile (pipeline, step, partition, fence) WHERE accepted = 1;
   CREATE INDEX profile_by_time ON profile (pipeline, step, at, fence);`,
  // Of combined slices of time that were kept before, the series is not known: null is none that is asked for.
  `ALTER TABLE profile ADD COLUMN series TEXT;
   UPDATE profile SET series = CASE WHEN start IS NULL THEN coalesce(partition, '') WHEN partition NOT LIKE '%|%' THEN '' END;
   DROP INDEX profile_by_start;
   CREATE INDEX profile_by_start ON profile (pipeline, step, series, start, fence) WHERE accepted = 1;`,
];

export interface ProfileStoreOptions {
  /** Open an existing file for reading only. @default false */
  readonly readOnly?: boolean;
}

/** Opens (and, unless read-only, creates) the profiles at `path`. */
export function openProfileStore(path: string, options: ProfileStoreOptions = {}): ProfileStore {
  const database = openDatabase(path, { migrations, readOnly: options.readOnly ?? false });
  return {
    record: async (entry) => {
      database
        .prepare(
          `INSERT OR REPLACE INTO profile (run_id, step, pipeline, partition, series, start, fence, at, accepted, profile, report)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          entry.runId,
          entry.step,
          entry.pipeline,
          entry.partition,
          entry.series,
          entry.start,
          entry.fence,
          entry.at,
          entry.accepted ? 1 : 0,
          JSON.stringify(entry.profile),
          JSON.stringify(entry.report),
        );
    },
    earlier: async ({ pipeline, step, partition, series, start, fence }, limit) => {
      const rows =
        start === null
          ? database
              .prepare(
                `SELECT * FROM profile WHERE accepted = 1 AND pipeline = ? AND step = ? AND partition IS ? AND fence < ?
                 ORDER BY fence DESC LIMIT ?`,
              )
              .all(pipeline, step, partition, fence, limit)
          : database
              .prepare(
                `SELECT * FROM profile p WHERE accepted = 1 AND pipeline = ? AND step = ? AND series = ? AND start < ? AND fence = (
                   SELECT max(fence) FROM profile q WHERE q.accepted = 1 AND q.pipeline = p.pipeline AND q.step = p.step AND q.series = p.series AND q.start = p.start)
                 ORDER BY start DESC LIMIT ?`,
              )
              .all(pipeline, step, series, start, limit);
      return (rows as unknown as ProfileRow[]).map(entryOf);
    },
    ofRun: async (runId) =>
      (
        database.prepare("SELECT * FROM profile WHERE run_id = ? ORDER BY step").all(runId) as unknown as ProfileRow[]
      ).map(entryOf),
    prune: async (before, keep) => {
      const result = database
        .prepare(
          `DELETE FROM profile WHERE at < ? AND (run_id, step) IN (
             SELECT run_id, step FROM (
               SELECT run_id, step, row_number() OVER (PARTITION BY pipeline, step ORDER BY at DESC, fence DESC) AS place FROM profile
             ) WHERE place > ?)`,
        )
        .run(before, keep);
      return Number(result.changes);
    },
    close: () => database.close(),
  };
}

interface ProfileRow {
  readonly run_id: string;
  readonly step: string;
  readonly pipeline: string;
  readonly partition: string | null;
  /** Null where it is not known. */
  readonly series: string | null;
  readonly start: string | null;
  readonly fence: number;
  readonly at: number;
  readonly accepted: number;
  readonly profile: string;
  readonly report: string;
}

function entryOf(row: ProfileRow): ProfileEntry {
  return {
    pipeline: row.pipeline,
    step: row.step,
    partition: row.partition,
    series: row.series ?? "",
    start: row.start,
    runId: row.run_id,
    fence: row.fence,
    at: row.at,
    accepted: row.accepted === 1,
    profile: JSON.parse(row.profile) as Profile,
    report: JSON.parse(row.report) as Json,
  };
}
