import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { openQuarantineStore } from "../../../src/adapters/sqlite/quarantine-store.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import type { QuarantinedRow, QuarantineKey } from "../../../src/quality/quarantine-store.ts";
import { testQuarantineStore } from "../../conformance/quarantine-store.ts";

testQuarantineStore({ name: "memory", create: () => ({ store: memoryQuarantineStore(), dispose: () => {} }) });
testQuarantineStore({
  name: "sqlite",
  create: () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-quarantine-"));
    return {
      store: openQuarantineStore(join(folder, "quarantine.db")),
      dispose: () => rmSync(folder, { recursive: true }),
    };
  },
});

describe("the quarantine in SQLite", () => {
  const key: QuarantineKey = {
    pipeline: "p",
    step: "s",
    partition: null,
    delivery: "",
    runId: "r",
    contract: "c",
    fence: 1,
    at: 1,
  };
  const row = (record: number): QuarantinedRow => ({ record, row: { record }, reasons: [] });

  it("takes over what a version before deliveries has kept", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-quarantine-"));
    const path = join(folder, "quarantine.db");
    const old = new DatabaseSync(path);
    old.exec(`
      CREATE TABLE place (
        pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL,
        run_id TEXT NOT NULL, contract TEXT NOT NULL, fence INTEGER NOT NULL, at INTEGER NOT NULL,
        set_id INTEGER, rows INTEGER NOT NULL, reasons TEXT NOT NULL,
        PRIMARY KEY (pipeline, step, partition)
      ) WITHOUT ROWID;
      CREATE INDEX place_by_time ON place (at DESC) WHERE rows > 0;
      CREATE TABLE row_set (id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL, fence INTEGER NOT NULL);
      CREATE INDEX row_set_by_place ON row_set (pipeline, step, partition);
      CREATE TABLE quarantined (id INTEGER PRIMARY KEY AUTOINCREMENT, set_id INTEGER NOT NULL, record INTEGER NOT NULL, row TEXT NOT NULL, reasons TEXT NOT NULL);
      CREATE INDEX quarantined_by_set ON quarantined (set_id, id);
      CREATE TABLE replay (
        key TEXT PRIMARY KEY, pipeline TEXT NOT NULL, step TEXT NOT NULL, partition TEXT NOT NULL,
        mode TEXT NOT NULL, at INTEGER NOT NULL, rows INTEGER
      ) WITHOUT ROWID;
      CREATE TABLE replayed (key TEXT NOT NULL, record INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (key, record)) WITHOUT ROWID;
      INSERT INTO row_set VALUES (1, 'p', 's', '', 5);
      INSERT INTO quarantined VALUES (1, 1, 7, '{"record":7}', '[]');
      INSERT INTO place VALUES ('p', 's', '', 'old', 'c', 5, 1, 1, 1, '[]');
      INSERT INTO replay VALUES ('k', 'p', 's', '', 'rows', 1, 0);
      PRAGMA user_version = 2;`);
    old.close();
    const store = openQuarantineStore(path);
    try {
      expect(await store.list({ limit: 9 })).toMatchObject([{ runId: "old", delivery: "", rows: 1, partition: null }]);
      expect(await store.show({ pipeline: "p", limit: 9 })).toMatchObject([{ record: 7, row: { record: 7 } }]);
      expect(await store.staged("k")).toMatchObject({ delivery: "", before: null, rows: 0 });
      await expect(store.replace({ ...key, fence: 4 }, [])).rejects.toMatchObject({ code: "FENCED" });
      await store.replace({ ...key, delivery: "d1", fence: 6 }, [[row(8)]]);
      expect((await store.show({ pipeline: "p", limit: 9 })).map(({ record }) => record)).toEqual([7, 8]);
      await store.replace({ ...key, fence: 7 }, []);
      expect((await store.show({ pipeline: "p", limit: 9 })).map(({ record }) => record)).toEqual([8]);
    } finally {
      store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("can be read by another process while it is written, and leaves nothing behind of writers that failed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-quarantine-"));
    const path = join(folder, "quarantine.db");
    const store = openQuarantineStore(path);
    await store.replace(key, [[row(1)]]);
    const reader = openQuarantineStore(path, { readOnly: true });
    const failing = async function* () {
      yield [row(2)];
      yield [row(3)];
      expect(await reader.show({ pipeline: "p", partition: null, limit: 5 })).toHaveLength(1);
      throw new Error("broken off");
    };
    await expect(store.replace({ ...key, fence: 2 }, failing())).rejects.toThrow("broken off");
    await store.replace({ ...key, fence: 3 }, [[row(4)]]);
    const database = new DatabaseSync(path, { readOnly: true });
    expect(database.prepare("SELECT record FROM quarantined").all()).toEqual([{ record: 4 }]);
    expect(database.prepare("SELECT count(*) AS n FROM row_set").get()).toEqual({ n: 1 });
    for (const open of [database, reader, store]) open.close();
    rmSync(folder, { recursive: true });
  });
});
