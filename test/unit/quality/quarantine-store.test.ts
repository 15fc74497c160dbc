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
  const key: QuarantineKey = { pipeline: "p", step: "s", partition: null, runId: "r", contract: "c", fence: 1, at: 1 };
  const row = (record: number): QuarantinedRow => ({ record, row: { record }, reasons: [] });

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
