import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataFolder, lakeFolder } from "../../../src/adapters/lake/catalog.ts";
import { collectGarbage } from "../../../src/adapters/lake/data-files.ts";
import { attachLake, lakeRelation, lakeTables } from "../../../src/adapters/lake/read.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { lakeSource } from "../../../src/adapters/lake/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { lake } from "../../../src/connect/lake.ts";
import type { LoadRequest } from "../../../src/connect/sink.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import type { SourceContext } from "../../../src/connect/source.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { identifier, sql } from "../../../src/dataset/sql.ts";
import { readDataset, writeQuery, writeRows } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { testSource } from "../../conformance/source.ts";

const hour = 60 * 60 * 1000;
const warehouse = lake()("warehouse");
let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let home: string;
let folder: string;
let loads = 0;

beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
  home = mkdtempSync(join(tmpdir(), "sluice-lake-"));
  folder = lakeFolder(warehouse, { folder: home, home });
  return async () => {
    await artifacts.dispose();
    rmSync(home, { recursive: true, force: true });
  };
});

const context = (): SourceContext => ({
  folder: home,
  home,
  signal: new AbortController().signal,
  log: silentLog,
  clock: systemClock,
  reject: rejectNothing,
  artifacts,
  session: async () => session,
  resolve: String,
});
const dataset = (query: string): Promise<Dataset> => writeQuery(session, artifacts, query);
const load = async (table: string, data: Dataset, request: Partial<LoadRequest> = {}): Promise<number> => {
  loads += 1;
  const full = {
    table: warehouse.table(table),
    dataset: data,
    write: "append",
    partition: null,
    loadKey: `load-${loads}`,
    fence: loads,
    ...request,
  } as const;
  return (await lakeSink.load(full, context())).loaded;
};
const dataFiles = (): string[] => readdirSync(dataFolder(folder)).sort();

testSource({
  name: "lake",
  create: async () => {
    const own = temporaryArtifacts();
    const place = mkdtempSync(join(tmpdir(), "sluice-lake-"));
    const data = temporaryArtifacts();
    return {
      adapter: lakeSource,
      context: { ...context(), folder: place, home: place, artifacts: own },
      artifactFolder: own.folder,
      holding: async (rows) => {
        const columns = [
          { name: "id", type: "BIGINT" },
          { name: "label", type: "VARCHAR" },
        ];
        const written = await writeRows(session, data, columns, [rows as unknown as Record<string, unknown>[]]);
        const request: LoadRequest = {
          table: warehouse.table("rows"),
          dataset: written,
          write: "append",
          partition: null,
          loadKey: "k",
          fence: 1,
        };
        await lakeSink.load(request, { ...context(), folder: place, home: place });
        return warehouse.table("rows").rows();
      },
      missing: async () => warehouse.query(sql`select * from nowhere`),
      dispose: async () => {
        await Promise.all([own.dispose(), data.dispose()]);
        rmSync(place, { recursive: true, force: true });
      },
    };
  },
});

describe("lake connection", () => {
  it("names its tables and refuses what can't be a name", () => {
    expect(warehouse.table("staging.sales")).toMatchObject({ kind: "sluice.table", name: "staging.sales" });
    for (const name of ["", "Sales", "a.b.c", "a-b", "1a", "a.", "sales; drop"])
      expect(() => warehouse.table(name)).toThrow(/can't be the name of a table/);
  });

  it("lies in the state folder, or where its settings say, relative to the project", () => {
    const places = { folder: "/project", home: "/project/.sluice" };
    expect(lakeFolder(warehouse, places)).toBe("/project/.sluice/lake/warehouse");
    expect(lakeFolder(lake({ folder: "data/lake" })("other"), places)).toBe("/project/data/lake");
    expect(lakeFolder(lake({ folder: "/srv/lake" })("other"), places)).toBe("/srv/lake");
  });
});

describe("lake loading", () => {
  it("links the dataset's files: the rows are there once on the disk", async () => {
    const data = await dataset("SELECT 1 AS id");
    await load("sales", data);
    const [name] = dataFiles();
    expect(name).toBe(`${data.hash}.parquet`);
    expect(statSync(join(dataFolder(folder), name!)).ino).toBe(statSync(data.files[0]!).ino);
  });

  it("keeps its rows when the artifact is removed", async () => {
    const data = await dataset("SELECT 1 AS id");
    await load("sales", data);
    rmSync(data.files[0]!);
    expect(await session.rows(lakeRelation(lakeTables(folder)[0]!))).toEqual([{ id: 1 }]);
  });

  it("a partition that was overtaken by a replay's fence refuses the older run", async () => {
    const data = await dataset("SELECT 1 AS id");
    const key = { loadKey: "first", partition: "2011-01-04", write: "replace-partition" } as const;
    await load("sales", data, { ...key, fence: 1 });
    await load("sales", data, { ...key, fence: 5 });
    await expect(load("sales", data, { ...key, loadKey: "second", fence: 3 })).rejects.toMatchObject({
      code: "FENCED",
    });
  });

  it("says in one line which column doesn't fit, and how", async () => {
    await load("sales", await dataset("SELECT 1 AS id, 'x' AS label"));
    await expect(load("sales", await dataset("SELECT 'one' AS id, 'x' AS label"))).rejects.toMatchObject({
      code: "SINK_SCHEMA",
      message: 'The rows do not fit warehouse.sales: column "id" is INTEGER there and VARCHAR in the rows',
    });
    const data = await dataset("SELECT 1 AS id, 'x' AS label");
    await expect(
      load("sales", { ...data, columns: [...data.columns, { name: "Label", type: "VARCHAR" }] }),
    ).rejects.toMatchObject({
      code: "SINK_SCHEMA",
      message: 'The rows do not fit warehouse.sales: two columns would be named "Label"',
    });
  });

  it("a folder that was removed is made anew", async () => {
    await load("sales", await dataset("SELECT 1 AS id"));
    rmSync(folder, { recursive: true });
    await load("sales", await dataset("SELECT 2 AS id"));
    expect(await session.rows(lakeRelation(lakeTables(folder)[0]!))).toEqual([{ id: 2 }]);
  });
});

describe("lake reading", () => {
  it("has no tables before the first load", () => {
    expect(lakeTables(folder)).toEqual([]);
    expect(lakeTables(join(home, "nowhere"))).toEqual([]);
  });

  it("tells names, columns, files and rows of each table", async () => {
    const data = await dataset("SELECT i AS id FROM range(3) t(i)");
    await load("sales", data);
    await load("sales", data);
    await load("staging.sales", { ...data, files: [], rows: 0 });
    const file = join(dataFolder(folder), `${data.hash}.parquet`);
    const columns = [{ name: "id", type: "BIGINT" }];
    expect(lakeTables(folder)).toEqual([
      { name: "sales", columns, files: [file, file], rows: 6, columnCounts: [1, 1] },
      { name: "staging.sales", columns, files: [], rows: 0, columnCounts: [] },
    ]);
  });

  it("a column that came later, or in no file yet, is null", async () => {
    await load("sales", await dataset("SELECT 1 AS id"));
    const wider = await dataset("SELECT 2 AS id, DATE '2011-01-04' AS day");
    await load("sales", { ...wider, files: [], rows: 0 });
    expect(await session.rows(lakeRelation(lakeTables(folder)[0]!))).toEqual([{ id: 1, day: null }]);
    await load("sales", await dataset("SELECT DATE '2011-01-05' AS day, 3 AS id"));
    expect(await session.rows(lakeRelation(lakeTables(folder)[0]!))).toEqual([
      { id: 1, day: null },
      { id: 3, day: "2011-01-05" },
    ]);
  });

  it("an attached warehouse answers to its name, schemas included", async () => {
    await load("sales", await dataset("SELECT 1 AS id"));
    await load("staging.sales", await dataset("SELECT 2 AS id"));
    await session.run(attachLake(folder, "warehouse").join(";\n"));
    try {
      const rows = await session.rows(
        "SELECT (SELECT id FROM warehouse.sales) AS a, (SELECT id FROM warehouse.staging.sales) AS b",
      );
      expect(rows).toEqual([{ a: 1, b: 2 }]);
    } finally {
      await session.run("DETACH warehouse");
    }
  });

  it("a query over several tables is a source, and leaves the session as it was", async () => {
    await load("sales", await dataset("SELECT * FROM (VALUES (1, 10), (2, 20)) t(customer, amount)"));
    await load("shop.customers", await dataset("SELECT 1 AS id, 'Ann' AS name"));
    const query = sql`select ${identifier("name")}, amount from sales join shop.customers on id = customer
      where amount > ${5} -- the end`;
    for (let round = 0; round < 2; round += 1) {
      const result = await lakeSource(warehouse.query(query), context());
      expect(await session.rows(`SELECT * FROM ${readDataset(result)}`)).toEqual([{ name: "Ann", amount: 10 }]);
    }
    expect(await session.rows("SELECT current_database() AS name")).toEqual([{ name: "memory" }]);
  });

  it("an unknown table is named, with those there are", async () => {
    await load("sales", await dataset("SELECT 1 AS id"));
    await expect(lakeSource(warehouse.query(sql`select * from sale`), context())).rejects.toMatchObject({
      code: "SOURCE_MISSING",
      message: 'There is no table "sale" in warehouse',
      hint: "It has sales.",
    });
  });

  it("another process sees whole loads only, while this one loads", async () => {
    const day = (round: number): Promise<Dataset> => dataset(`SELECT i AS id, ${round} AS round FROM range(50) t(i)`);
    await load("sales", await day(0), { write: "replace" });
    const source = (path: string): string => pathToFileURL(join(import.meta.dirname, "../../../src", path)).href;
    const code = `
      import { openSession } from ${JSON.stringify(source("dataset/session.ts"))};
      import { lakeTables, lakeRelation } from ${JSON.stringify(source("adapters/lake/read.ts"))};
      const session = await openSession({ temporaryFolder: ${JSON.stringify(home)} });
      let reads = 0;
      process.on("message", () => { process.send({ reads }, () => process.exit(0)); });
      process.send("ready");
      for (;;) {
        const relation = lakeRelation(lakeTables(${JSON.stringify(folder)})[0]);
        const [row] = await session.rows("SELECT count(*)::INTEGER AS n, count(DISTINCT round)::INTEGER AS rounds FROM (" + relation + ")");
        if (row.n !== 50 || row.rounds !== 1) { process.send({ bad: row }); process.exit(1); }
        reads += 1;
      }`;
    const reader = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", code], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(reader, "message");
    for (let round = 1; round <= 40; round += 1) await load("sales", await day(round), { write: "replace" });
    reader.send("stop");
    const [answer] = (await once(reader, "message")) as [{ reads?: number; bad?: unknown }];
    expect(answer.bad).toBeUndefined();
    expect(answer.reads).toBeGreaterThan(3);
  }, 20_000);
});

describe("lake garbage", () => {
  it("files that no table holds stay for the grace period and go after it", async () => {
    const [old, kept] = [await dataset("SELECT 1 AS id"), await dataset("SELECT 2 AS id")];
    await load("sales", old);
    await load("sales", kept, { write: "replace" });
    const now = Date.now();
    expect(collectGarbage(folder, now, hour)).toBe(0);
    expect(dataFiles()).toHaveLength(2);
    expect(collectGarbage(folder, now + 2 * hour, hour)).toBe(1);
    expect(dataFiles()).toEqual([`${kept.hash}.parquet`]);
  });

  it("a file that another table, or another load, still holds stays", async () => {
    const data = await dataset("SELECT 1 AS id");
    await load("sales", data);
    await load("others", data);
    await load("sales", await dataset("SELECT 2 AS id"), { write: "replace" });
    expect(collectGarbage(folder, Date.now() + 2 * hour, hour)).toBe(0);
  });

  it("a file that was let go and is loaded again stays", async () => {
    const data = await dataset("SELECT 1 AS id");
    await load("sales", data);
    await load("sales", await dataset("SELECT 2 AS id"), { write: "replace" });
    await load("sales", data, { write: "replace" });
    collectGarbage(folder, Date.now() + 2 * hour, hour);
    expect(await session.rows(lakeRelation(lakeTables(folder)[0]!))).toEqual([{ id: 1 }]);
  });

  it("what a load left that died before its commit goes too, after the grace period", async () => {
    await load("sales", await dataset("SELECT 1 AS id"));
    writeFileSync(join(dataFolder(folder), "orphan.parquet"), "half");
    expect(collectGarbage(folder, Date.now(), hour)).toBe(0);
    expect(collectGarbage(folder, Date.now() + 2 * hour, hour)).toBe(1);
    expect(dataFiles()).not.toContain("orphan.parquet");
  });
});
