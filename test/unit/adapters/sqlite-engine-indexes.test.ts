// However many runs have been, no statement of the engine's store works through a table: the database itself is asked
// how it would answer each one that the store prepares.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openEngineStore } from "../../../src/adapters/sqlite/engine-store.ts";
import type { EngineStore } from "../../../src/engine/stores/engine-store.ts";
import { batch, itemState, newRun, planNamed, stateOf } from "../../conformance/run-states.ts";

const plan = planNamed("sales");
const many = 100_000;

/** A hundred thousand of everything, most of it done with. */
const history = `
  CREATE TEMP TABLE n AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${many}) SELECT n FROM n;
  INSERT INTO runs (id, pipeline, version, partition, request_key, backfill, status, revision, created_at, started_at, finished_at)
    SELECT 'old-' || n, 'sales', '${plan.version}', 'p' || (n % 900), 'key ' || n, iif(n % 2, 'b1', NULL),
           iif(n % 100, 'succeeded', 'failed'), 1, n, n, n FROM n;
  INSERT INTO partitions SELECT 'sales', 'q' || n, 'old-' || n, n, 'succeeded', n FROM n;
  INSERT INTO steps (run_sequence, position, name, kind, status, attempts, failures, losses, assets)
    SELECT n, 0, 'zeta', 'extract', 'succeeded', 1, 0, 0, '[]' FROM n;
  INSERT INTO items (run_sequence, step, position, status, attempts, failures, losses, assets)
    SELECT n, 0, 0, 'succeeded', 1, 0, 0, '[]' FROM n;
  INSERT INTO attempts SELECT n, 0, -1, 1, 'succeeded', n, n, NULL FROM n;
  INSERT INTO logs SELECT n, n, 0, -1, 1, n, 'info', 'line', NULL FROM n;
  INSERT INTO notices SELECT n, 'key ' || n, n, '{}', 1, NULL, n, NULL FROM n;
  INSERT INTO cached (key, run_id, assets, at) SELECT 'old-' || n, 'old-' || n, '[]', n FROM n;
  INSERT INTO asset_updates SELECT n, 'lake.' || (n % 5), 'p' || (n % 900), 'old-' || n, n FROM n;
  INSERT INTO requests SELECT n, 'request ' || n, 'sales', NULL, 'null', 'schedule', n, NULL, n % 2, n, n FROM n;
  INSERT INTO instructions SELECT n, 'old-' || n, '{}', 'Ana', n, n, NULL, NULL FROM n;
  INSERT INTO partition_keys SELECT n, 'customers', 'c' || n, n FROM n;
  INSERT INTO backfills SELECT n, 'old-' || n, 'sales', 'v', '{}', 'all', 1, 1, 1, 1, 1, 0, 'succeeded', n, n FROM n;`;

/** What may be worked through from one end to the other: small tables, and indexes that hold only what is open. */
const small = new Set(["names", "every", "schedules", "run_totals", "last_ends", "step_totals", "live", "CONSTANT"]);
const open = new Set(["runs_unfinished", "instructions_open", "notices_due", "notices_given_up"]);

/** Each is there because a statement is answered by it; one that no statement uses would only cost. */
const indexes = [
  "asset_updates_by_asset",
  "asset_updates_by_partition",
  "backfills_by_pipeline",
  "backfills_by_status",
  "cached_by_time",
  "instructions_by_answer",
  "instructions_open",
  "items_by_status",
  "logs_by_item",
  "logs_by_run",
  "logs_by_step",
  "notices_by_run",
  "notices_due",
  "notices_given_up",
  "partition_keys_by_name",
  "plans_by_pipeline",
  "requests_by_backfill",
  "requests_by_origin",
  "requests_by_pipeline",
  "requests_by_time",
  "runs_by_backfill",
  "runs_by_partition",
  "runs_by_request",
  "runs_by_status",
  "runs_unfinished",
];

/** Statements that sort what they have found: by when attempts began, all of one run; and groups of figures. */
const sorting = /FROM attempts WHERE run_sequence|GROUP BY|SELECT DISTINCT/;

describe("the engine's store on SQLite", () => {
  let folder: string;
  let store: EngineStore;
  let handle: DatabaseSync;
  const prepared = (): string[] => [
    ...new Set(vi.mocked(DatabaseSync.prototype.prepare).mock.calls.map(([text]) => text)),
  ];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-runs-"));
    const path = join(folder, "state.db");
    openEngineStore(path).close();
    handle = new DatabaseSync(path);
    handle.exec(history);
    vi.spyOn(DatabaseSync.prototype, "prepare");
    store = openEngineStore(path);
  }, 60_000);
  afterEach(() => {
    vi.restoreAllMocks();
    store.close();
    handle.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Calls every method, in every way that makes a statement of its own. */
  async function useAll(all: EngineStore): Promise<void> {
    await all.savePlan(plan, 1);
    await all.plan(plan.version);
    await all.versions("sales");
    const mapped = stateOf(plan, { zeta: { status: "mapped", items: [itemState()] } });
    await all.createRuns([
      newRun(plan, "new-1", { state: mapped }),
      newRun(plan, "new-2"),
      newRun(plan, "new-3", { state: { ...mapped, status: "failed", finishedAt: 5 } }),
    ]);
    const key = { runId: "new-1", step: "zeta", item: null, attempt: 1 };
    const nobody = {
      partition: null,
      params: null,
      item: null,
      attempt: null,
      error: null,
      version: plan.version,
      pipeline: "sales",
    };
    const succeeded = {
      ...mapped.steps.get("zeta")!,
      status: "succeeded",
      assets: ["lake.raw"],
      finishedAt: 9,
    } as const;
    const changed = [{ step: "zeta", items: [0] }];
    const state = { ...mapped, steps: mapped.steps.with("zeta", succeeded) };
    await all.commit({
      updates: [{ runId: "new-1", expectedRevision: 0, state, changed }],
      attempts: [{ ...key, status: "failed", startedAt: 1, finishedAt: 2, error: null }],
      logs: [{ ...key, at: 1, level: "info", message: "line" }],
      notices: [
        { key: "n1", runId: "new-1", event: "late", level: "step", step: "zeta", status: "failed", at: 1, ...nobody },
      ],
      cached: [{ key: "hash", runId: "new-1", output: 1, rows: null, assets: [], at: many }],
      live: [{ ...key, attempt: 2, startedAt: 3 }],
    });
    const ended = { ...state, status: "succeeded", finishedAt: 9 } as const;
    await all.commit(batch({ updates: [{ runId: "new-1", expectedRevision: 1, state: ended, changed }] }));
    await all.commit(batch({ updates: [{ runId: "new-1", expectedRevision: 1, state, changed }] })).catch(() => {});
    await all.unfinishedRuns();
    await all.run("new-1");
    await all.run("new");
    await all.runByRequest("key 7");
    await all.runsNamed("old-77", 5);
    for (const pipeline of [undefined, "sales"])
      for (const partition of [undefined, "p7"])
        for (const status of [undefined, "failed"] as const)
          for (const backfill of [undefined, "b1"]) {
            const filter = { pipeline, partition, status, backfill };
            await all.runs(Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)));
          }
    await all.runs({ before: 50, limit: 3 });
    for (const success of [true, false]) await all.newestRun("sales", "p7", success);
    await all.steps("new-1");
    await all.items("new-1", "zeta");
    await all.items("new-1", "zeta", { status: "queued", from: 1 });
    await all.attempts("new-1");
    await all.attempts("new-1", { step: "zeta", limit: 2 });
    await all.live();
    await all.live("new-1");
    await all.endLive(9, "stopped");
    for (const tail of [true, false])
      for (const part of [{}, { step: "zeta" }, { step: "zeta", item: 0 }, { step: "zeta", item: 0, attempt: 1 }])
        await all.logs("new-1", { ...part, tail, after: 1 });
    await all.cached("hash", 1);
    await all.outputs(() => {});
    await all.assetUpdates(5, 3);
    for (const partition of [undefined, null, "p7"]) await all.newestUpdate("lake.1", partition);
    await all.dueNotices(many, 9);
    await all.nextNoticeAt();
    await all.noticeTold("n1", { at: 1, dueAt: null, error: null });
    await all.notices("new-1");
    await all.noticeCounts();
    await all.statistics();

    const request = {
      pipeline: "sales",
      partition: null,
      params: null,
      scheduledFor: null,
      notBefore: 0,
      createdAt: 1,
    };
    const asked = { key: "r1", trigger: "manual", backfill: null, ...request } as const;
    await all.addRequests([asked], { pipeline: "sales", paused: false, handledTick: 1, handledUpdate: 0 });
    for (const backfills of [true, false])
      for (const part of [{}, { pipeline: "sales" }]) await all.dueRequests(9, { ...part, backfills, limit: 5 });
    await all.nextRequestAt(5);
    await all.pipelinesWithRequests(5);
    for (const filter of [{}, { pipeline: "sales" }, { backfill: "b1" }, { pipeline: "sales", backfill: "b1" }])
      await all.requests({ ...filter, limit: 5 });
    await all.requests({ key: "request 7" });
    await all.backlog();
    for (const filter of [{ key: "r1" }, { backfill: "b1" }, { pipeline: "returns" }]) await all.dropRequests(filter);
    const instruction = { type: "pause", pipeline: "sales" } as const;
    const answer = { answeredAt: null, result: null, error: null };
    await all.addInstruction({ id: "i1", instruction, by: "Ana", createdAt: 1, ...answer });
    await all.openInstructions(5);
    await all.answerInstruction("i1", { at: 1, result: null, error: null });
    await all.instruction("i1");
    await all.schedules();
    await all.saveSchedule({ pipeline: "sales", paused: false, handledTick: 1, handledUpdate: 0 });
    const backfill = { id: "b9", pipeline: "sales", version: "v", selection: { type: "all" }, mode: "all" } as const;
    const counts = { parallel: 1, position: 0, total: 1, requested: 0, succeeded: 0, failed: 0 };
    const record = { ...backfill, ...counts, status: "running", createdAt: 1, finishedAt: null } as const;
    await all.createBackfill(record);
    await all.advanceBackfill(record, [asked]);
    await all.backfill("b9");
    for (const part of [{}, { pipeline: "sales" }])
      for (const status of [{}, { status: "running" }] as const) await all.backfills({ ...part, ...status, limit: 5 });
    await all.partitionStatuses("sales", { after: "q5", limit: 5 });
    await all.partitionStatuses("sales", { keys: ["q5", "q6"] });
    await all.addPartitionKeys("customers", ["d1"], 1);
    await all.removePartitionKeys("customers", ["d1"]);
    await all.partitionKeys("customers", { limit: 5 });
    await all.partitionKeys("customers", { after: "c7", limit: 5 });
    all.changedByOthers();
    await all.prune(5_000, 2);
  }

  it("answers everything by way of an index, with a hundred thousand runs in it", async () => {
    const called = new Set<string>();
    await useAll(
      new Proxy(store, {
        get: (target, name) => {
          called.add(String(name));
          return Reflect.get(target, name) as unknown;
        },
      }),
    );
    expect([...called, "close"].sort()).toEqual(Object.keys(store).sort());
    const statements = prepared().filter((text) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)/.test(text));
    expect(statements.length).toBeGreaterThan(90);
    const answers = statements.flatMap((text) =>
      (handle.prepare(`EXPLAIN QUERY PLAN ${text}`).all() as { detail: string }[]).map(({ detail }) => ({
        text,
        detail,
      })),
    );
    const slow = answers.filter(({ text, detail }) => {
      const [, scanned, index] = /^SCAN (\S+)(?:.* INDEX (\S+))?/.exec(detail) ?? [];
      if (scanned?.startsWith("(subquery")) return false;
      if (scanned !== undefined) return !small.has(scanned) && !open.has(index ?? "");
      return detail.startsWith("USE TEMP B-TREE") && !sorting.test(text);
    });
    expect(slow).toEqual([]);
    const used = answers.flatMap(({ detail }) => / INDEX (?!sqlite_)(\S+)/.exec(detail)?.[1] ?? []);
    expect([...new Set(used)].sort()).toEqual(indexes);
  });
});
