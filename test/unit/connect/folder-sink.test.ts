// Tables of files in a folder: the suite of sinks for each format, and what plain readers of the folder see.
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { folderStorage, tableFolders } from "../../../src/adapters/files-table/folder.ts";
import { folderSink, folderSource } from "../../../src/adapters/files-table/local.ts";
import { manifestName } from "../../../src/adapters/files-table/storage.ts";
import { files, type FilesTable, type TableFormat } from "../../../src/connect/folder.ts";
import type { LoadRequest } from "../../../src/connect/sink.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import type { Row } from "../../../src/dataset/session.ts";
import { quoteLiteral } from "../../../src/dataset/sql.ts";
import { readDataset, writeQuery } from "../../../src/dataset/write-dataset.ts";
import { testSink } from "../../conformance/sink.ts";
import { fileHarness, type FileHarness } from "./file-harness.ts";

for (const format of ["parquet", "csv", "jsonl"] satisfies TableFormat[]) {
  testSink({
    name: `folder of ${format}`,
    writes: ["append", "replace", "replace-partition"],
    create: async () => {
      const own = await fileHarness();
      const reading = await fileHarness();
      const connection = files({ folder: join(own.folder, "tables"), format })("exports");
      return {
        adapter: folderSink,
        table: (name) => connection.table(name),
        context: own.context,
        rows: async (table) => {
          const source = connection.table(table.name).rows();
          const dataset = await folderSource(source, reading.context).catch((error: unknown) => {
            if ((error as { code?: string }).code === "SOURCE_MISSING") return null;
            throw error;
          });
          return dataset === null
            ? []
            : (await reading.context.session()).rows(`SELECT * FROM ${readDataset(dataset)}`);
        },
        dispose: async () => {
          await own.dispose();
          await reading.dispose();
        },
      };
    },
  });
}

describe("a folder of tables", () => {
  let own: FileHarness;
  let table: FilesTable;
  let count = 0;
  beforeEach(async () => {
    own = await fileHarness();
    table = files({ folder: "tables" })("exports").table("people");
    return () => own.dispose();
  });

  const dataset = async (query: string): Promise<Dataset> =>
    writeQuery(await own.context.session(), own.context.artifacts, query);
  const load = async (data: Dataset, request: Partial<LoadRequest>): Promise<unknown> =>
    folderSink.load(
      {
        table,
        dataset: data,
        write: "append",
        partition: null,
        loadKey: `load-${(count += 1)}`,
        fence: count,
        ...request,
      },
      own.context,
    );
  /** What a plain reader of the folder sees. */
  const shown = async (glob = "**/*.parquet"): Promise<Row[]> =>
    (await own.context.session()).rows(
      `SELECT * FROM read_parquet(${quoteLiteral(join(own.folder, "tables/people", glob))}) ORDER BY ALL`,
    );

  it("plain readers see exactly the rows of the table; a partition is a column to who asks for it", async () => {
    await load(await dataset("SELECT 1 AS id"), { write: "replace-partition", partition: "2026-01-31" });
    await load(await dataset("SELECT 2 AS id"), { write: "replace-partition", partition: "Oslo / Bergen" });
    await load(await dataset("SELECT 3 AS id"), { write: "append", partition: "2026-01-31" });
    expect(await shown()).toEqual([
      { id: 1, partition: "2026-01-31" },
      { id: 2, partition: "Oslo / Bergen" },
      { id: 3, partition: "2026-01-31" },
    ]);
    await load(await dataset("SELECT 4 AS id"), { write: "replace-partition", partition: "2026-01-31" });
    expect((await shown()).map((row) => row["id"])).toEqual([2, 4]);
    await load(await dataset("SELECT 5 AS id"), { write: "replace" });
    expect(await shown()).toEqual([{ id: 5 }]);
    expect(
      readdirSync(join(own.folder, "tables/people"), { recursive: true }).filter((name) => /part-/.test(String(name))),
    ).toEqual(["part-0000.parquet"]);
  });

  it("the manifest names the files for readers that want one load exactly", async () => {
    await load(await dataset("SELECT 1 AS id"), {});
    await load(await dataset("SELECT 2 AS id"), {});
    const home = join(own.folder, "tables/_sluice/people");
    const session = await own.context.session();
    await session.run(
      `SET VARIABLE files = (SELECT list(${quoteLiteral(`${home}/data/`)} || file.name)
       FROM (SELECT unnest(files) AS file FROM read_json(${quoteLiteral(`${home}/manifests/0000000002.json`)})))`,
    );
    expect(await session.rows("SELECT * FROM read_parquet(getvariable('files')) ORDER BY id")).toEqual([
      { id: 1 },
      { id: 2 },
    ]);
  });

  it("a file that no manifest holds goes after the grace period, one that is held or young stays; other people's files too", async () => {
    const folders = tableFolders(join(own.folder, "tables"), "people");
    const storage = folderStorage(folders);
    await load(await dataset("SELECT 1 AS id"), { write: "replace" });
    await load(await dataset("SELECT 2 AS id"), { write: "replace" });
    writeFileSync(join(folders.shown, "README.md"), "ours");
    expect(readdirSync(folders.data)).toHaveLength(2);
    await storage.collect((await storage.latest())!, 60_000);
    expect(readdirSync(folders.data)).toHaveLength(2);
    await storage.collect((await storage.latest())!, -1000);
    expect(readdirSync(folders.data)).toHaveLength(1);
    expect(existsSync(join(folders.shown, "README.md"))).toBe(true);
    expect(await shown()).toEqual([{ id: 2 }]);
  });

  it("manifests long overtaken go, and who was held up meanwhile finds out", async () => {
    const folders = tableFolders(join(own.folder, "tables"), "people");
    const storage = folderStorage(folders);
    const one = await dataset("SELECT 1 AS id");
    await load(one, {});
    const manifest = (await storage.latest())!;
    for (let number = 2; number <= 105; number += 1) await storage.commit({ ...manifest, number });
    await storage.collect((await storage.latest())!, -1000);
    expect(existsSync(join(folders.manifests, manifestName(5)))).toBe(false);
    expect(existsSync(join(folders.manifests, manifestName(6)))).toBe(true);
    // Its number is free again, but the table has moved on: the load is made anew on what is newest.
    expect(await storage.commit({ ...manifest, number: 2 })).toBe(true);
    expect((await storage.latest())!.number).toBe(105);
    await storage.withdraw({ ...manifest, number: 2 });
    await load(await dataset("SELECT 2 AS id"), {});
    expect((await storage.latest())!.number).toBe(106);
  });

  it("nothing in the making is left in the folder", async () => {
    await load(await dataset("SELECT 1 AS id"), {});
    const left = readdirSync(join(own.folder, "tables"), { recursive: true, encoding: "utf8" });
    expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(statSync(join(own.folder, "tables/people/part-0000.parquet")).nlink).toBeGreaterThan(1);
  });
});
