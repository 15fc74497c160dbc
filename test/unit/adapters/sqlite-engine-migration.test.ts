// A state folder that an older version of Sluice has worked in is taken over with all that is in it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../../src/adapters/sqlite/database.ts";
import { openEngineStore } from "../../../src/adapters/sqlite/engine-store.ts";
import { runMigrations } from "../../../src/adapters/sqlite/run-schema.ts";
import { statisticsOf } from "../../../src/engine/stores/memory-statistics.ts";
import type { StepState } from "../../../src/engine/state-machine/state.ts";
import { NamedList } from "../../../src/named-list.ts";
import { contentHash } from "../../../src/json.ts";
import { batch, newRun, planNamed, waiting } from "../../conformance/run-states.ts";

const policy = { limit: 2, delayMs: 1_000, backoff: "exponential", maxDelayMs: 600_000 };
const plan = (partitions: unknown) => ({
  pipeline: "sales",
  partitions,
  steps: [
    { name: "zeta", kind: "extract", dependsOn: [], retry: policy, timeoutMs: 5_000, config: { from: null } },
    { name: "alpha", kind: "load", dependsOn: ["zeta"], retry: policy, timeoutMs: null, config: null },
  ],
});
const days = { unit: "day", from: "2011-01-04", to: null, timeZone: "Asia/Taipei" };

const error = '{"code":"QUERY_FAILED","message":"no","retryable":false}';
/** What the first version wrote: a failed run, one that succeeded, one of a backfill that is under way, and one of another plan. */
const rows = `
  INSERT INTO plans VALUES ('v1', 'sales', '${JSON.stringify({ version: "v1", ...plan(days) })}'),
                           ('v2', 'sales', '${JSON.stringify({ version: "v2", ...plan(null) })}');
  INSERT INTO runs (id, pipeline, version, partition, backfill, status, revision, created_at, finished_at) VALUES
    ('sales-2011-01-04-a', 'sales', 'v1', '2011-01-04', NULL, 'failed', 4, 1000, 1500),
    ('sales-2011-01-04-b', 'sales', 'v1', '2011-01-04', 'done', 'succeeded', 5, 2000, 2900),
    ('sales-2011-01-05-c', 'sales', 'v1', '2011-01-05', 'under-way', 'running', 2, 3000, NULL),
    ('sales-d', 'sales', 'v2', NULL, NULL, 'succeeded', 3, 900, 950);
  INSERT INTO steps (run_sequence, position, name, kind, status, attempts, failures, losses, wake_at, output,
                     rows_in, rows_out, rows_duplicate, rows_quarantined, assets, error, reason, started_at, finished_at) VALUES
    (1, 0, 'zeta', 'extract', 'succeeded', 1, 0, 0, NULL, '{"n":1}', 10, 9, 1, 0, '["lake.raw"]', NULL, NULL, 1000, 1200),
    (1, 1, 'alpha', 'load', 'failed', 2, 2, 0, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '${error}', NULL, 1200, 1500),
    (2, 0, 'zeta', 'extract', 'succeeded', 2, 0, 1, NULL, '{"n":2}', 20, 20, 0, 0, '["lake.raw"]', NULL, NULL, 2000, 2500),
    (2, 1, 'alpha', 'load', 'succeeded', 1, 0, 0, NULL, NULL, 20, 18, 0, 2, '["lake.sales"]', NULL, NULL, 2500, 2900),
    (3, 0, 'zeta', 'extract', 'retrying', 1, 1, 0, 4000, NULL, NULL, NULL, NULL, NULL, '[]', '${error}', NULL, 3000, NULL),
    (3, 1, 'alpha', 'load', 'waiting', 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, NULL, NULL),
    (4, 0, 'zeta', 'extract', 'succeeded', 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, 900, 940),
    (4, 1, 'alpha', 'load', 'skipped', 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, 'why', NULL, 950);
  INSERT INTO attempts VALUES
    ('sales-2011-01-04-a', 'alpha', 1, 'failed', 1210, 1300, '${error}'),
    ('sales-2011-01-04-a', 'alpha', 2, 'failed', 1400, 1500, '${error}'),
    ('sales-2011-01-04-a', 'zeta', 1, 'succeeded', 1000, 1200, NULL),
    ('nobody', 'zeta', 1, 'succeeded', 1000, 1200, NULL);
  INSERT INTO logs VALUES
    (3, 'sales-2011-01-04-b', 'zeta', 1, 2001, 'info', 'other', NULL),
    (4, 'sales-2011-01-04-a', 'alpha', 1, 1211, 'warn', 'größe', '{"rows":3}'),
    (7, 'sales-2011-01-04-a', 'zeta', 1, 1212, 'info', 'two', NULL),
    (8, 'nobody', 'zeta', 1, 1212, 'info', 'lost', NULL);
  INSERT INTO assets VALUES ('lake.sales', 2900, 'sales-2011-01-04-b'), ('lake.raw', 2500, 'sales-2011-01-04-b');
  INSERT INTO backfills VALUES
    ('done', 'sales', 'v1', '2011-01-04', '2011-01-04', 'succeeded', 1900, 2950),
    ('under-way', 'sales', 'v1', '2011-01-05', '2011-02-04', 'running', 2990, NULL);`;

describe("a store of version 1", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-runs-"));
    path = join(folder, "state.db");
    const first = openDatabase(path, { migrations: [runMigrations[0]!] });
    first.transaction(() => rows.split(/;\n/).forEach((text) => first.prepare(text).run()));
    first.close();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("was made by a migration that nobody has touched since", () => {
    expect(contentHash(runMigrations[0])).toBe("6e9294bfa600f50fafa54e36bef3040bfd28278e28ab5ac0a61703f335860c27");
  });

  it("has its runs, with their steps, attempts and log lines", async () => {
    const store = openEngineStore(path);
    expect((await store.runs({})).map(({ id, sequence, trigger }) => [id, sequence, trigger])).toEqual([
      ["sales-d", 4, "manual"],
      ["sales-2011-01-05-c", 3, "backfill"],
      ["sales-2011-01-04-b", 2, "backfill"],
      ["sales-2011-01-04-a", 1, "manual"],
    ]);
    const failed = (await store.run("sales-2011-01-04-a"))!;
    expect(failed).toEqual({
      record: {
        id: "sales-2011-01-04-a",
        sequence: 1,
        pipeline: "sales",
        version: "v1",
        partition: "2011-01-04",
        params: null,
        trigger: "manual",
        requestKey: expect.any(String),
        scheduledFor: null,
        backfill: null,
        rerunOf: null,
        status: "failed",
        createdAt: 1_000,
        finishedAt: 1_500,
      },
      state: {
        status: "failed",
        startedAt: 1_000,
        finishedAt: 1_500,
        ending: null,
        late: false,
        steps: NamedList.from(
          Object.entries<StepState>({
            zeta: {
              ...waiting,
              status: "succeeded",
              attempts: 1,
              output: { n: 1 },
              rows: { in: 10, out: 9, duplicate: 1, quarantined: 0 },
              assets: ["lake.raw"],
              startedAt: 1_000,
              finishedAt: 1_200,
            },
            alpha: {
              ...waiting,
              status: "failed",
              attempts: 2,
              failures: 2,
              error: JSON.parse(error) as StepState["error"],
              startedAt: 1_200,
              finishedAt: 1_500,
            },
          }),
        ),
      },
      revision: 4,
    });
    expect((await store.steps("sales-2011-01-04-a")).map(({ name, kind, items }) => [name, kind, items])).toEqual([
      ["zeta", "extract", null],
      ["alpha", "load", null],
    ]);
    expect(
      (await store.attempts("sales-2011-01-04-a")).map(({ step, item, attempt, startedAt }) => [
        step,
        item,
        attempt,
        startedAt,
      ]),
    ).toEqual([
      ["zeta", null, 1, 1_000],
      ["alpha", null, 1, 1_210],
      ["alpha", null, 2, 1_400],
    ]);
    expect(await store.logs("sales-2011-01-04-a")).toEqual([
      {
        position: 4,
        runId: "sales-2011-01-04-a",
        step: "alpha",
        item: null,
        attempt: 1,
        at: 1_211,
        level: "warn",
        message: "größe",
        fields: { rows: 3 },
      },
      {
        position: 7,
        runId: "sales-2011-01-04-a",
        step: "zeta",
        item: null,
        attempt: 1,
        at: 1_212,
        level: "info",
        message: "two",
      },
    ]);
    const keys = (await store.runs({})).map(({ requestKey }) => requestKey);
    expect(new Set(keys).size).toBe(4);
    expect((await store.runByRequest(keys[3]!))!.id).toBe("sales-2011-01-04-a");
    store.close();
  });

  it("has what the engine decides by", async () => {
    const store = openEngineStore(path);
    expect((await store.newestRun("sales", "2011-01-04"))!.id).toBe("sales-2011-01-04-b");
    expect((await store.newestRun("sales", null, true))!.id).toBe("sales-d");
    expect(await store.newestRun("sales", "2011-01-05", true)).toBeNull();
    expect(await store.partitionStatuses("sales", {})).toEqual([
      { partition: "2011-01-04", runId: "sales-2011-01-04-b", status: "succeeded", everSucceeded: true },
      { partition: "2011-01-05", runId: "sales-2011-01-05-c", status: "running", everSucceeded: false },
    ]);
    expect((await store.assetUpdates(0)).map(({ asset, partition, at }) => [asset, partition, at])).toEqual([
      ["lake.raw", "2011-01-04", 2_500],
      ["lake.sales", "2011-01-04", 2_900],
    ]);
    const ofIt = { pipeline: "sales", version: "v1", mode: "missing", parallel: 1 };
    expect(await store.backfills({})).toEqual([
      {
        ...ofIt,
        id: "under-way",
        selection: { type: "range", from: "2011-01-05", to: "2011-02-04" },
        position: 0,
        total: 31,
        requested: 1,
        succeeded: 0,
        failed: 0,
        status: "cancelled",
        createdAt: 2_990,
        finishedAt: 2_990,
      },
      {
        ...ofIt,
        id: "done",
        selection: { type: "range", from: "2011-01-04", to: "2011-01-04" },
        position: 1,
        total: 1,
        requested: 1,
        succeeded: 1,
        failed: 0,
        status: "succeeded",
        createdAt: 1_900,
        finishedAt: 2_950,
      },
    ]);
    store.close();
  });

  it("has plans of today's shape, under the versions they had", async () => {
    const store = openEngineStore(path);
    const today = planNamed("any");
    const first = (await store.plan("v1"))!;
    expect(Object.keys(first).sort()).toEqual(Object.keys(today).sort());
    expect(first).toMatchObject({
      version: "v1",
      partitions: { type: "time", unit: "day", cron: null, from: "2011-01-04", to: null, timeZone: "Asia/Taipei" },
      schedule: null,
      hooks: [],
    });
    for (const step of first.steps) expect(Object.keys(step).sort()).toEqual(Object.keys(today.steps[0]!).sort());
    expect(first.steps).toMatchObject([
      {
        name: "zeta",
        control: { type: "run" },
        dependsOn: [],
        trigger: "all-succeeded",
        retry: { ...policy, jitter: 0 },
        timeoutMs: 5_000,
        config: { from: null },
        dependsOnPast: false,
        pools: {},
      },
      { name: "alpha", dependsOn: ["zeta"], when: [], timeoutMs: null, config: null },
    ]);
    expect((await store.plan("v2"))!.partitions).toBeNull();
    expect(await store.versions("sales")).toEqual([
      { version: "v1", at: 1_000 },
      { version: "v2", at: 900 },
    ]);
    store.close();
  });

  it("has the same figures, and counts on from there", async () => {
    const store = openEngineStore(path);
    const recount = async () =>
      statisticsOf(
        await Promise.all(
          (await store.runs({})).reverse().map(async (record) => ({ record, steps: await store.steps(record.id) })),
        ),
        new Map((await store.assetUpdates(0)).map(({ asset, at }) => [asset, at])),
      );
    const ordered = (groups: readonly object[]): string[] =>
      groups.map((group) => JSON.stringify(Object.entries(group).sort())).sort();
    const compare = async (): Promise<void> => {
      const [told, counted] = [await store.statistics(), await recount()];
      for (const part of ["runs", "last", "steps", "assets"] as const)
        expect(ordered(told[part]), part).toEqual(ordered(counted[part]));
    };
    await compare();
    const [open] = await store.unfinishedRuns();
    expect(open!.record.id).toBe("sales-2011-01-05-c");
    expect(open!.state.steps.get("zeta")).toMatchObject({ status: "retrying", wakeAt: 4_000 });
    const zeta = { ...open!.state.steps.get("zeta")!, status: "failed", wakeAt: null, finishedAt: 4_100 } as const;
    const state = {
      ...open!.state,
      status: "failed",
      finishedAt: 4_200,
      steps: open!.state.steps.with("zeta", zeta),
    } as const;
    const changed = [{ step: "zeta", items: [] }];
    await store.commit(batch({ updates: [{ runId: open!.record.id, expectedRevision: 2, state, changed }] }));
    await compare();
    expect((await store.statistics()).last).toEqual([
      { pipeline: "sales", finishedAt: 4_200, succeededAt: 2_900, durationSeconds: 1.2 },
    ]);
    const [made] = await store.createRuns([newRun((await store.plan("v1"))!, "sales-e")]);
    expect(made!.record.sequence).toBe(5);
    await compare();
    store.close();
  });
});
