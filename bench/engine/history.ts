// A project that has been at work for years: finished runs in its state, put there by the database itself. And how long
// the questions of a console take, with and without them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openEngineStore } from "../../dist/adapters/sqlite/engine-store.js";
import { median } from "../bench.ts";

/** Fills the state of the project in `folder` with finished runs of three steps, each with its attempt and a log line. */
export function fillHistory(folder: string, runs: number): void {
  const path = stateOf(folder);
  mkdirSync(join(folder, ".sluice"), { recursive: true });
  openEngineStore(path).close();
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;
    BEGIN;
    CREATE TEMP TABLE n AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${runs}) SELECT n FROM n;
    CREATE TEMP TABLE s AS SELECT 0 AS s UNION ALL SELECT 1 UNION ALL SELECT 2;
    INSERT INTO plans (version, pipeline, plan) VALUES ('old', 'past', '{"pipeline":"past","version":"old","steps":[]}');
    INSERT INTO runs (sequence, id, pipeline, version, partition, request_key, status, revision, created_at, started_at, finished_at)
      SELECT n, 'past-' || n, 'past', 'old', 'p' || (n % 10000), 'schedule:past:' || n, iif(n % 50, 'succeeded', 'failed'), 3, n, n, n + 9 FROM n;
    INSERT INTO steps (run_sequence, position, name, kind, status, attempts, failures, losses, assets, started_at, finished_at)
      SELECT n, s, 'step_' || s, 'task', 'succeeded', 1, 0, 0, '[]', n, n + 3 FROM n, s;
    INSERT INTO attempts SELECT n, s, -1, 1, 'succeeded', n, n + 3, NULL FROM n, s;
    INSERT INTO logs SELECT n, n, 0, -1, 1, n, 'info', 'loaded 1000 rows', NULL FROM n;
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);`);
  database.close();
}

export interface QuestionTime {
  readonly question: string;
  /** Milliseconds, median of many. */
  readonly ms: number;
}

/** The questions that a console asks again and again, each many times. */
export async function timeQuestions(folder: string): Promise<QuestionTime[]> {
  const store = openEngineStore(stateOf(folder), { readOnly: true });
  const newest = (await store.runs({ limit: 1 }))[0]!;
  const questions: Readonly<Record<string, () => Promise<unknown>>> = {
    "newest 50 runs": () => store.runs({ limit: 50 }),
    "newest 50 failed runs": () => store.runs({ status: "failed", limit: 50 }),
    "a run by the beginning of its id": () => store.run(newest.id.slice(0, -1)),
    "steps and attempts of a run": async () => [await store.steps(newest.id), await store.attempts(newest.id)],
    "figures of /metrics": () => store.statistics(),
    "runs that have not ended": () => store.unfinishedRuns(),
  };
  const times: QuestionTime[] = [];
  for (const [question, ask] of Object.entries(questions)) {
    const taken: number[] = [];
    for (let round = 0; round < 50; round += 1) {
      const start = performance.now();
      await ask();
      taken.push(performance.now() - start);
    }
    times.push({ question, ms: median(taken) });
  }
  store.close();
  return times;
}

function stateOf(folder: string): string {
  return join(folder, ".sluice", "state.db");
}
