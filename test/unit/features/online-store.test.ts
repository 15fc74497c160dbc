import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openOnlineStore } from "../../../src/adapters/sqlite/online-store.ts";
import { memoryOnlineStore } from "../../../src/features/memory-online-store.ts";
import { testOnlineStore } from "../../conformance/online-store.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-online-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `online-${(files += 1)}.db`);

testOnlineStore({ name: "memory", create: memoryOnlineStore });
testOnlineStore({ name: "sqlite", create: () => openOnlineStore(newFile()) });

describe("the SQLite online store", () => {
  it("says that nothing is materialized yet when it is read before it exists", () => {
    expect(() => openOnlineStore(join(folder, "none.db"), { readOnly: true })).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", message: "No feature view has been materialized yet" }),
    );
  });

  it("is read from a second connection while the first is open, and keeps what it had after closing", async () => {
    const path = newFile();
    const writer = openOnlineStore(path);
    const write = {
      definition: {
        format: 1,
        view: "v",
        entity: "e",
        key: "k",
        timestamp: "t",
        timeZone: "UTC",
        states: [],
        features: [],
        classes: [],
      },
      fingerprint: "f",
      partition: "p",
      end: "2011-01-01T00:00:00.000Z",
      fence: 1,
      tiles: [{ key: "a", day: "2010-12-31", state: "[]" }],
    } as const;
    await writer.replacePartition(write);
    const reader = openOnlineStore(path, { readOnly: true });
    expect((await reader.readEntity("v", "a"))?.tiles).toEqual([{ day: "2010-12-31", state: [] }]);
    await expect(reader.replacePartition(write)).rejects.toThrow(/readonly/);
    await writer.replacePartition({ ...write, tiles: [] });
    expect((await reader.readEntity("v", "a"))?.tiles).toEqual([]);
    reader.close();
    writer.close();
    const later = openOnlineStore(path, { readOnly: true });
    expect((await later.views()).map((status) => status.view)).toEqual(["v"]);
    later.close();
  });
});
