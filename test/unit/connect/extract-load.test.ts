import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { csvSource } from "../../../src/adapters/csv/source.ts";
import { lakeFolder } from "../../../src/adapters/lake/catalog.ts";
import { lakeRelation, lakeTables } from "../../../src/adapters/lake/read.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { lakeSource } from "../../../src/adapters/lake/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { defineConfig, env, type Connection } from "../../../src/config.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { csv } from "../../../src/connect/csv.ts";
import { extract } from "../../../src/connect/extract.ts";
import { lake } from "../../../src/connect/lake.ts";
import { load } from "../../../src/connect/load.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import type { Sink, Table } from "../../../src/connect/sink.ts";
import type { Source } from "../../../src/connect/source.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { sql } from "../../../src/dataset/sql.ts";
import { canonicalJson } from "../../../src/json.ts";
import { silentLog } from "../../../src/log.ts";
import { partitionAt } from "../../../src/pipeline/partition.ts";
import { pipeline } from "../../../src/pipeline/pipeline.ts";
import type { StepContext, StepSpec } from "../../../src/pipeline/step.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

const { warehouse } = defineConfig({ connections: { warehouse: lake() } }).connections;
let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let folder: string;

beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
  folder = mkdtempSync(join(tmpdir(), "sluice-connect-"));
  return async () => {
    await artifacts.dispose();
    rmSync(folder, { recursive: true, force: true });
  };
});

const days = daily({ from: "2011-01-01" });
const needs = (): ConnectNeeds => ({
  artifacts,
  session: async () => session,
  home: join(folder, ".sluice"),
  resolve: String,
  sources: { csv: csvSource, lake: lakeSource },
  ranges: {},
  sinks: { lake: async () => lakeSink },
  quarantine: memoryQuarantineStore(),
});
const stepContext = (options: Partial<StepContext> = {}): StepContext => ({
  runId: "run-1",
  pipeline: "days",
  step: "lines",
  partition: null,
  params: null,
  item: null,
  attempt: 1,
  fence: 1,
  idempotencyKey: "run-1/lines",
  inputs: {},
  signal: new AbortController().signal,
  log: silentLog,
  clock: systemClock,
  folder,
  ...options,
});
/** A day's file through a pipeline of two steps, by hand. */
const runDay = async (day: string, run: number) => {
  const definition = pipeline("days", { partitions: days }, ({ step, partition }) => {
    const lines = step("lines", extract(csv(`${partition.key}.csv`, { columns: { id: "Id" }, whenMissing: "empty" })));
    step("sales", load(lines, warehouse.table("sales"), { write: "replace-partition" }));
  });
  const specs = definition.specs(day);
  const partition = partitionAt(days, day);
  const options = (step: string) => ({ step, partition, fence: run, idempotencyKey: `${run}/${step}` });
  const lines = await (specs.get("lines") as StepSpec<Dataset, ConnectNeeds>).execute(
    stepContext(options("lines")),
    needs(),
  );
  const sales = await (specs.get("sales") as StepSpec<unknown, ConnectNeeds>).execute(
    stepContext({ ...options("sales"), inputs: { from: JSON.parse(JSON.stringify(lines.output)) as Dataset } }),
    needs(),
  );
  return { lines, sales };
};

describe("extract and load", () => {
  it("bring a file's rows into a table, and say how many", async () => {
    writeFileSync(join(folder, "2011-01-04.csv"), "Id\n1\n2\n");
    const { lines, sales } = await runDay("2011-01-04", 1);
    expect(lines.rows).toEqual({ in: 2, out: 2, duplicate: 0, quarantined: 0 });
    expect(sales).toEqual({
      output: { kind: "load-result", asset: "warehouse.sales", offered: 2, loaded: 2, quarantined: 0 },
      rows: { in: 2, out: 2, duplicate: 0, quarantined: 0 },
      assets: ["warehouse.sales"],
    });
  });

  it("a day that is run twice is there once, and a day without a file is a day without rows", async () => {
    writeFileSync(join(folder, "2011-01-04.csv"), "Id\n1\n2\n");
    writeFileSync(join(folder, "2011-01-05.csv"), "Id\n3\n");
    let run = 0;
    for (const day of ["2011-01-04", "2011-01-05", "2011-01-04", "2011-01-06"]) await runDay(day, (run += 1));
    const [table] = lakeTables(lakeFolder(warehouse, { folder, home: needs().home }));
    expect(table!.rows).toBe(3);
    expect((await session.rows(lakeRelation(table!))).map((row) => row["id"]).sort()).toEqual(["1", "2", "3"]);
  });

  it("what was loaded can be extracted from the warehouse", async () => {
    writeFileSync(join(folder, "2011-01-04.csv"), "Id\n1\n2\n");
    await runDay("2011-01-04", 1);
    const spec = extract(warehouse.query(sql`select max(id) as last from sales`));
    const { output } = await spec.execute(stepContext(), needs());
    expect(output).toMatchObject({ rows: 1, columns: [{ name: "last", type: "VARCHAR" }] });
  });

  it("a load that replaces partitions needs a pipeline that has them", async () => {
    const spec = load({ step: "lines" }, warehouse.table("sales"), { write: "replace-partition" });
    await expect(spec.execute(stepContext({ step: "sales" }), needs())).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: 'Step "sales" loads with replace-partition, but pipeline "days" has no partitions',
    });
  });

  it("a vendor that nothing reads or writes is named", async () => {
    const strange: Connection = { name: "moon", vendor: "moon", settings: {} };
    const source: Source = { kind: "sluice.source", vendor: "moon", connection: strange, request: {} };
    const table: Table = { kind: "sluice.table", connection: strange, name: "t" };
    await expect(extract(source).execute(stepContext(), needs())).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      hint: "Sources that can be read: csv, lake.",
    });
    await expect(load({ step: "lines" }, table).execute(stepContext(), needs())).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
    });
  });

  it("their configuration says what is read and written, and holds no setting of a connection", () => {
    const secret: Connection = {
      name: "shop",
      vendor: "postgres",
      settings: { url: "postgres://app:hunter2@host/db" },
    };
    const source: Source = {
      kind: "sluice.source",
      vendor: "postgres",
      connection: secret,
      request: { query: "select 1", token: { ...env("TOKEN") } },
    };
    expect(extract(source).config).toEqual({
      vendor: "postgres",
      connection: "shop",
      request: { query: "select 1", token: { $ref: "env", name: "TOKEN" } },
    });
    const config = load({ step: "lines" }, { kind: "sluice.table", connection: secret, name: "sales" }).config;
    expect(config).toEqual({ vendor: "postgres", connection: "shop", table: "sales", write: "append" });
  });

  it("a change of the columns, of an expression or of their order changes the configuration", () => {
    const of = (columns: NonNullable<Parameters<typeof csv>[1]>["columns"]): string =>
      canonicalJson(extract(csv("a.csv", { columns: columns! })).config);
    const configs = [
      of({ a: "A", b: "B" }),
      of({ b: "B", a: "A" }),
      of({ a: "A", b: sql`"B"` }),
      of({ a: "A", b: sql`"B" || ${1}` }),
      of({ a: "A", b: sql`"B" || ${2}` }),
    ];
    expect(new Set(configs).size).toBe(configs.length);
  });
});

describe("rows that a destination refuses by itself", () => {
  it("are counted and lie in quarantine, in place of those of the run before", async () => {
    const table = { ...warehouse.table("contacts"), request: { path: "/contacts" } };
    const refused = [
      { record: 2, row: { id: 2 }, reasons: [{ path: "", rule: "refused", value: 422, message: "no email" }] },
    ];
    let next: typeof refused = refused;
    const sink: Sink = {
      ...lakeSink,
      columns: async () => null,
      load: async ({ dataset }) => ({
        loaded: dataset.rows - next.length,
        refused: { by: "crm.contacts", rows: next },
      }),
    };
    const dataset = { kind: "dataset", files: [], columns: [], rows: 3, bytes: 0, hash: "h", quarantined: 1 } as const;
    const quarantine = memoryQuarantineStore();
    const definition = pipeline("sends", ({ step }) => {
      const rows = step("rows", extract(csv("rows.csv")));
      step("sent", load(rows, table));
    });
    const spec = definition.specs(null).get("sent") as StepSpec<unknown, ConnectNeeds>;
    const send = (fence: number) =>
      spec.execute(stepContext({ step: "sent", pipeline: "sends", fence, inputs: { from: dataset } }), {
        ...needs(),
        quarantine,
        sinks: { lake: async () => sink },
      });
    expect(await send(1)).toMatchObject({
      output: { loaded: 2, offered: 3, quarantined: 2 },
      rows: { in: 3, out: 2, duplicate: 0, quarantined: 1 },
    });
    expect(await quarantine.list({ limit: 9 })).toMatchObject([{ step: "sent", contract: "crm.contacts", rows: 1 }]);
    expect(spec.config).toMatchObject({ request: { path: "/contacts" } });
    next = [];
    expect(await send(2)).toMatchObject({ rows: { in: 3, out: 3, quarantined: 0 } });
    expect(await quarantine.list({ limit: 9 })).toEqual([]);
  });
});
