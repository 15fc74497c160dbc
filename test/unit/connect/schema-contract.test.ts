// What becomes of rows and tables that differ, by the schema's rules: through the step `load` into the embedded warehouse.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lakeFolder } from "../../../src/adapters/lake/catalog.ts";
import { lakeRelation, lakeTables } from "../../../src/adapters/lake/read.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { systemClock } from "../../../src/clock.ts";
import { defineConfig } from "../../../src/config.ts";
import { lake } from "../../../src/connect/lake.ts";
import { load, type LoadOptions } from "../../../src/connect/load.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import { fitSchema, schemaRules } from "../../../src/connect/schema-contract.ts";
import { widerType } from "../../../src/connect/wider-type.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import type { LoadResult } from "../../../src/dataset/load-result.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import type { StepContext, StepResult } from "../../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

const { warehouse } = defineConfig({ connections: { warehouse: lake() } }).connections;
let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let folder: string;
let quarantine: ReturnType<typeof memoryQuarantineStore>;
let fence = 0;

beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
  folder = mkdtempSync(join(tmpdir(), "sluice-schema-"));
  quarantine = memoryQuarantineStore();
  fence = 0;
  return async () => {
    await artifacts.dispose();
    rmSync(folder, { recursive: true, force: true });
  };
});

const dataset = (query: string): Promise<Dataset> => writeQuery(session, artifacts, query);
async function loadRows(query: string, options: LoadOptions = {}): Promise<StepResult<LoadResult>> {
  fence += 1;
  const needs: ConnectNeeds = {
    artifacts,
    session: async () => session,
    home: join(folder, ".sluice"),
    resolve: String,
    sources: {},
    ranges: {},
    sinks: { lake: async () => lakeSink },
    quarantine,
  };
  const context: StepContext = {
    runId: `run-${fence}`,
    pipeline: "events",
    step: "loaded",
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence,
    idempotencyKey: `run-${fence}/loaded`,
    inputs: { from: await dataset(query) },
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    folder,
  };
  return load({ step: "events" }, warehouse.table("events"), options).execute(context, needs);
}
async function rows(): Promise<unknown[]> {
  const [table] = lakeTables(lakeFolder(warehouse, { folder, home: join(folder, ".sluice") }));
  return table === undefined ? [] : session.rows(`${lakeRelation(table)} ORDER BY id`);
}

describe("a load whose rows differ from the table", () => {
  beforeEach(async () => {
    await loadRows("SELECT 1 AS id, 'ann' AS user_id");
  });

  it("adds a new column, unless it is told not to", async () => {
    await loadRows("SELECT 2 AS id, 'bob' AS user_id, 'Oslo' AS city");
    expect(await rows()).toEqual([
      { id: 1, user_id: "ann", city: null },
      { id: 2, user_id: "bob", city: "Oslo" },
    ]);
    await expect(
      loadRows("SELECT 3 AS id, 'cid' AS user_id, 'Rome' AS city, 7 AS age", { schema: { columns: "freeze" } }),
    ).rejects.toMatchObject({ code: "SINK_SCHEMA", message: expect.stringContaining('"age"') as unknown });
  });

  it("leaves out the values of a new column, or sets their rows aside", async () => {
    const two = "SELECT * FROM (VALUES (2, 'bob', 'Oslo'), (3, 'cid', NULL)) t(id, user_id, city)";
    const value = await loadRows(two, { schema: { columns: "discard-value" } });
    expect(value.rows).toEqual({ in: 2, out: 2, duplicate: 0, quarantined: 0 });
    expect(await rows()).toEqual([
      { id: 1, user_id: "ann" },
      { id: 2, user_id: "bob" },
      { id: 3, user_id: "cid" },
    ]);
    const row = await loadRows(two.replace("2,", "4,").replace("3,", "5,"), { schema: { columns: "discard-row" } });
    expect(row.rows).toEqual({ in: 2, out: 1, duplicate: 0, quarantined: 1 });
    expect(row.output).toMatchObject({ offered: 2, loaded: 1, quarantined: 1 });
    expect((await quarantine.show({ pipeline: "events", limit: 10 }))[0]).toMatchObject({
      record: 1,
      row: { id: "4", user_id: "bob", city: "Oslo" },
      reasons: [{ path: "city", rule: "new-column", value: "Oslo" }],
    });
  });

  it("sets aside what doesn't fit a column's type, and only what loses something by the cast", async () => {
    const mixed = "SELECT * FROM (VALUES ('2', 'bob'), ('007', 'cid'), ('x', 'dan'), (NULL, 'eve')) t(id, user_id)";
    await expect(loadRows(mixed)).rejects.toMatchObject({ code: "SINK_SCHEMA" });
    const kept = await loadRows(mixed, { schema: { types: "discard-row" } });
    expect(kept.rows).toEqual({ in: 4, out: 2, duplicate: 0, quarantined: 2 });
    expect((await rows()).map((row) => (row as { user_id: string }).user_id)).toEqual(["ann", "bob", "eve"]);
    const shown = await quarantine.show({ pipeline: "events", limit: 10 });
    expect(shown.map(({ record, reasons }) => [record, reasons[0]!.rule, reasons[0]!.value])).toEqual([
      [2, "type", "007"],
      [3, "type", "x"],
    ]);
    const clean = await loadRows("SELECT '9' AS id, 'zoe' AS user_id", { schema: { types: "discard-row" } });
    expect(clean.rows).toEqual({ in: 1, out: 1, duplicate: 0, quarantined: 0 });
    // What the earlier load set aside is not this one's.
    expect(await quarantine.show({ pipeline: "events", limit: 10 })).toEqual([]);
  });

  it("leaves out values that don't fit, where that is asked for one column only", async () => {
    await loadRows("SELECT 'x' AS id, 'bob' AS user_id", { schema: { only: { id: { types: "discard-value" } } } });
    expect(await rows()).toEqual([
      { id: 1, user_id: "ann" },
      { id: null, user_id: "bob" },
    ]);
  });

  it("names the probable new name of a missing column, by name, type and values", async () => {
    await loadRows("SELECT i::INTEGER AS id, 'user-' || i AS user_id FROM range(2, 200) t(i)");
    const error = await loadRows("SELECT i::INTEGER AS id, 'user-' || i AS \"userId\" FROM range(100, 300) t(i)").then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { hint: string },
    );
    expect(error).toMatchObject({ code: "SINK_SCHEMA" });
    expect(error!.message).toMatch(
      /no column "user_id".*"userId" is 0\.9\d likely the same \(name 1\.00, VARCHAR and VARCHAR/,
    );
    expect(error!.hint).toContain("rename one of the two");
    expect(await rows()).toHaveLength(199);
  });

  it("does not suspect a column that is nothing like it, and fills a missing one with null where that is asked for", async () => {
    const error = await loadRows("SELECT 2 AS id, 4.5::DOUBLE AS weight").then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error!.message).not.toContain("likely");
    await loadRows("SELECT 2 AS id", { schema: { missing: "null" } });
    expect(await rows()).toEqual([
      { id: 1, user_id: "ann" },
      { id: 2, user_id: null },
    ]);
  });

  it("doesn't make a table where it may not", async () => {
    await expect(loadRows("SELECT 1 AS id, 'a' AS user_id", { schema: { tables: "freeze" } })).resolves.toBeDefined();
    rmSync(join(folder, ".sluice"), { recursive: true });
    await expect(loadRows("SELECT 1 AS id", { schema: { tables: "freeze" } })).rejects.toMatchObject({
      code: "SINK_SCHEMA",
      message: expect.stringContaining("There is no table warehouse.events") as unknown,
    });
  });
});

describe("widening", () => {
  const present = [{ name: "n", type: "INTEGER", native: "integer", optional: true, fits: false }] as const;
  const ask = (type: string, widens: boolean) =>
    fitSchema({
      asset: "w.t",
      offered: [{ name: "n", type }],
      present,
      rules: schemaRules({ types: "evolve" }),
      widens,
    });

  it("gives the table's column the type that holds both, where the destination can", () => {
    expect(ask("BIGINT", true)).toMatchObject({
      widen: [{ name: "n", type: "BIGINT" }],
      columns: [{ expression: null }],
    });
    expect(ask("VARCHAR", true)).toMatchObject({ widen: [{ name: "n", type: "VARCHAR" }] });
    expect(() => ask("BIGINT", false)).toThrow(/can't be widened there/);
    expect(() => ask("BLOB", true)).toThrow(/no type that holds both/);
  });

  it.each([
    ["INTEGER", "BIGINT", "BIGINT"],
    ["UBIGINT", "INTEGER", "DECIMAL(20,0)"],
    ["UINTEGER", "INTEGER", "BIGINT"],
    ["UTINYINT", "TINYINT", "SMALLINT"],
    ["DECIMAL(10,2)", "DECIMAL(8,4)", "DECIMAL(12,4)"],
    ["DECIMAL(10,2)", "BIGINT", "DECIMAL(21,2)"],
    ["DECIMAL(38,0)", "DECIMAL(10,4)", "VARCHAR"],
    ["INTEGER", "DOUBLE", "DOUBLE"],
    ["BIGINT", "DOUBLE", "VARCHAR"],
    ["DATE", "TIMESTAMP", "TIMESTAMP"],
    ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR"],
    ["BLOB", "VARCHAR", null],
    ["INTEGER[]", "INTEGER", null],
  ])("%s and %s fit %s", (one, other, both) => {
    expect(widerType(one, other)).toBe(both);
    expect(widerType(other, one)).toBe(both);
  });
});
