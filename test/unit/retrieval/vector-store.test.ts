import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openVectorStore } from "../../../src/adapters/sqlite/vector-store.ts";
import { memoryVectorStore } from "../../../src/retrieval/memory-vector-store.ts";
import { searchIndex } from "../../../src/retrieval/search.ts";
import { testVectorStore } from "../../conformance/vector-store.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-vectors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `index-${(files += 1)}.db`);

testVectorStore({ name: "memory", create: memoryVectorStore });
testVectorStore({ name: "sqlite", create: () => openVectorStore(newFile()) });

describe("the SQLite vector store", () => {
  it("says that an index which was never synced isn't there, and creates nothing to say so", () => {
    expect(() => openVectorStore(join(folder, "none.db"), { readOnly: true })).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", hint: expect.stringContaining("sync") }),
    );
    expect(() => openVectorStore(join(folder, "none.db"), { readOnly: true })).toThrow(/none\.db/);
  });

  it("shows a document's old chunks or its new ones to another process, while it is written and after a kill", async () => {
    const path = newFile();
    const writer = spawn(process.execPath, [join(import.meta.dirname, "fixtures/endless-sync.ts"), path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => writer.stdout.once("data", resolve));
    const reader = openVectorStore(path, { readOnly: true });
    const versionsSeen = new Set<string>();
    const look = async (): Promise<void> => {
      const hits = await searchIndex(reader, "apple", { limit: 1000 });
      const versions = Map.groupBy(hits, (hit) => hit.document);
      expect(versions.size).toBe(3);
      for (const [document, chunks] of versions) {
        const version = /version (\d+)/.exec(chunks[0]!.text)![1]!;
        // The version says how many chunks there are, so a mixture or a part can't pass.
        expect(
          chunks.map((hit) => hit.text).filter((text) => text.includes(`version ${version} `)),
          document,
        ).toHaveLength(chunks.length);
        expect(chunks).toHaveLength(20 + (Number(version) % 7));
        versionsSeen.add(version);
      }
    };
    try {
      const end = Date.now() + 1500;
      while (Date.now() < end) {
        await look();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    } finally {
      const exited = new Promise((resolve) => writer.once("exit", resolve));
      writer.kill("SIGKILL");
      await exited;
    }
    await look();
    reader.close();
    expect(versionsSeen.size).toBeGreaterThan(3);
  });
});
