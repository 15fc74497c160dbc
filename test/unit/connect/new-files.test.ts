// Reading only the files that are new: each is loaded exactly once, whatever fails in between, because what was loaded is kept with
// the rows.
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { csvFiles } from "../../../src/adapters/csv/source.ts";
import { folderSink } from "../../../src/adapters/files-table/local.ts";
import { jsonFiles } from "../../../src/adapters/json/source.ts";
import { lakeFolder } from "../../../src/adapters/lake/catalog.ts";
import { lakeRelation, lakeTables } from "../../../src/adapters/lake/read.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { systemClock } from "../../../src/clock.ts";
import { csv } from "../../../src/connect/csv.ts";
import { extract } from "../../../src/connect/extract.ts";
import { files as filesIn } from "../../../src/connect/folder.ts";
import { jsonl } from "../../../src/connect/json-files.ts";
import { lake } from "../../../src/connect/lake.ts";
import { load } from "../../../src/connect/load.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import type { FromNewFiles } from "../../../src/connect/new-files.ts";
import type { Table } from "../../../src/connect/sink.ts";
import type { FileSet, Source } from "../../../src/connect/source.ts";
import { merge, type WriteDisposition } from "../../../src/connect/write-disposition.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { StepContext, StepSpec } from "../../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { fileHarness, type FileHarness } from "./file-harness.ts";

const warehouse = lake()("warehouse");

let own: FileHarness;
let attempt: number;
beforeEach(async () => {
  own = await fileHarness();
  attempt = 0;
  mkdirSync(join(own.folder, "in"));
  return () => own.dispose();
});

interface Night {
  readonly source?: Source;
  readonly table?: Table;
  readonly write?: WriteDisposition;
  readonly incremental?: Partial<FromNewFiles>;
  readonly files?: FileSet;
  /** The process dies: before anything is loaded, or once it is. */
  readonly dies?: "before" | "after";
}

/** One run of a pipeline of two steps, by hand; returns how many rows were read. */
async function night({
  source = csv("in/*.csv"),
  table = warehouse.table("t"),
  write = "append",
  ...more
}: Night = {}): Promise<number> {
  const needs: ConnectNeeds = {
    artifacts: own.context.artifacts,
    session: own.context.session,
    home: join(own.folder, ".sluice"),
    resolve: String,
    sources: {},
    ranges: {},
    files: { csv: more.files ?? csvFiles, json: jsonFiles },
    sinks: { lake: async () => lakeSink, folder: async () => folderSink },
    quarantine: memoryQuarantineStore(),
  };
  const definition = pipeline("nightly", ({ step }) => {
    const rows = step("rows", extract(source, { incremental: { by: "file", into: table, ...more.incremental } }));
    step("loaded", load(rows, table, { write }));
  });
  const specs = definition.specs(null);
  attempt += 1;
  const context = (step: string, inputs: StepContext["inputs"] = {}): StepContext => ({
    runId: `run-${attempt}`,
    pipeline: "nightly",
    step,
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: attempt,
    idempotencyKey: `run-${attempt}/${step}`,
    inputs,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    folder: own.folder,
  });
  const rows = await (specs.get("rows") as StepSpec<Dataset, ConnectNeeds>).execute(context("rows"), needs);
  if (more.dies === "before") return rows.output.rows;
  // The dataset is kept in the run's state, as JSON.
  const from = JSON.parse(JSON.stringify(rows.output)) as Dataset;
  const loaded = specs.get("loaded") as StepSpec<unknown, ConnectNeeds>;
  await loaded.execute(context("loaded", { from }), needs);
  // The next attempt of a load whose answer was lost.
  if (more.dies === "after") await loaded.execute(context("loaded", { from }), needs);
  return rows.output.rows;
}

async function held(): Promise<string[]> {
  const [table] = lakeTables(lakeFolder(warehouse, { folder: own.folder, home: join(own.folder, ".sluice") }));
  if (table === undefined) return [];
  const rows = await (await own.context.session()).rows(lakeRelation(table));
  return rows.map((row) => String(row["id"])).sort();
}

describe("incremental, by file", () => {
  it("reads each file once; a night without new ones has no rows, and the columns it had", async () => {
    own.put("in/a.csv", "id,x\n1,a\n2,b\n");
    expect(await night()).toBe(2);
    expect(await night()).toBe(0);
    own.put("in/b.csv", "id,x\n3,c\n");
    own.put("in/0.csv", "id,x\n0,z\n");
    expect(await night()).toBe(2);
    expect(await night()).toBe(0);
    expect(await held()).toEqual(["0", "1", "2", "3"]);
  });

  it("a run that dies before the load reads the files again; one that dies after it doesn't", async () => {
    own.put("in/a.csv", "id\n1\n");
    expect(await night({ dies: "before" })).toBe(1);
    expect(await night({ dies: "after" })).toBe(1);
    expect(await night()).toBe(0);
    expect(await held()).toEqual(["1"]);
  });

  it("a file with another time and the same content is not new; one that was cleared away stays known", async () => {
    own.put("in/a.csv", "id\n1\n");
    await night();
    utimesSync(join(own.folder, "in/a.csv"), new Date(), new Date(Date.now() + 5000));
    expect(await night()).toBe(0);
    renameSync(join(own.folder, "in/a.csv"), join(own.folder, "a.old"));
    expect(await night()).toBe(0);
    renameSync(join(own.folder, "a.old"), join(own.folder, "in/a.csv"));
    expect(await night()).toBe(0);
    expect(await held()).toEqual(["1"]);
  });

  it("a file that has changed is an error that names it, or is read anew and merged, never appended", async () => {
    own.put("in/a.csv", "id,x\n1,a\n2,b\n");
    own.put("in/b.csv", "id,x\n3,c\n");
    await night();
    own.put("in/a.csv", "id,x\n1,new\n2,b\n4,d\n");
    await expect(night()).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      message: "in/a.csv changed after loading into warehouse.t",
    });
    await expect(night({ incremental: { changed: "read" } })).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    expect(await held()).toEqual(["1", "2", "3"]);
    expect(await night({ incremental: { changed: "read" }, write: merge("id") })).toBe(3);
    expect(await held()).toEqual(["1", "2", "3", "4"]);
    expect(await night()).toBe(0);
  });

  it("a file that grows while it is read fails the attempt, and is loaded whole by the next", async () => {
    own.put("in/a.csv", "id\n1\n");
    const growing: FileSet = {
      ...csvFiles,
      read: async (source, stamps, context) => {
        writeFileSync(join(own.folder, "in/a.csv"), "id\n1\n2\n");
        return csvFiles.read(source, stamps, context);
      },
    };
    await expect(night({ files: growing })).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    expect(await night()).toBe(2);
    expect(await held()).toEqual(["1", "2"]);
  });

  it("no file at all is what whenMissing says, until there has been one", async () => {
    await expect(night()).rejects.toMatchObject({ code: "SOURCE_MISSING" });
    const source = csv("in/*.csv", { whenMissing: "empty", columns: { id: "id" } });
    expect(await night({ source })).toBe(0);
    own.put("in/a.csv", "id\n1\n");
    expect(await night({ source })).toBe(1);
    rmSync(join(own.folder, "in/a.csv"));
    expect(await night()).toBe(0);
  });

  it("goes for other formats and other tables", async () => {
    const source = jsonl("in/*.jsonl");
    const table = filesIn({ folder: "exports" })("exports").table("t");
    own.put("in/a.jsonl", '{"id":1}\n');
    expect(await night({ source, table })).toBe(1);
    own.put("in/b.jsonl", '{"id":2}\n');
    expect(await night({ source, table })).toBe(1);
    expect(await night({ source, table })).toBe(0);
  });

  it("whatever arrives and whenever a run dies, each row is there once when all is done", async () => {
    const event = fc.record({
      files: fc.integer({ min: 0, max: 2 }),
      dies: fc.constantFrom(undefined, "before", "after"),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 5 }), async (events) => {
        round += 1;
        const table = warehouse.table(`t${round}`);
        const source = csv(`r${round}/*.csv`, { columns: { id: "id" }, whenMissing: "empty" });
        mkdirSync(join(own.folder, `r${round}`));
        let written = 0;
        for (const { files, dies } of [...events, { files: 0, dies: undefined }]) {
          for (let file = 0; file < files; file += 1) {
            // Names in no order: what is new is not what comes last.
            own.put(`r${round}/${(written * 7) % 10}-${written}.csv`, `id\n${written}\n`);
            written += 1;
          }
          await night({ source, table, ...(dies === undefined ? {} : { dies }) });
        }
        const found = lakeTables(lakeFolder(warehouse, { folder: own.folder, home: join(own.folder, ".sluice") })).find(
          ({ name }) => name === table.name,
        )!;
        const rows = await (await own.context.session()).rows(lakeRelation(found));
        expect(rows.map((row) => Number(row["id"])).sort((a, b) => a - b)).toEqual(
          Array.from({ length: written }, (_, id) => id),
        );
      }),
      { numRuns: Number(process.env["RUNS"] ?? 15) },
    );
  });
});
