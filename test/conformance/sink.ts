// The suite that every sink passes: what a load promises, whatever the destination is.
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openArtifactStore } from "../../src/adapters/file-system/artifact-store.ts";
import type { LoadRequest, Sink, SinkContext, Table } from "../../src/connect/sink.ts";
import type { WriteDisposition, WriteName } from "../../src/connect/write-disposition.ts";
import type { ArtifactStore } from "../../src/dataset/artifact-store.ts";
import type { Column, Dataset } from "../../src/dataset/dataset.ts";
import type { Row } from "../../src/dataset/session.ts";
import { writeQuery } from "../../src/dataset/write-dataset.ts";
import type { Json } from "../../src/json.ts";
import { testWrites } from "./sink-writes.ts";

/** One sink on an empty destination. */
export interface SinkHarness {
  readonly adapter: Sink;
  /** A table that doesn't exist yet; the same name gives the same table. */
  table(name: string): Table;
  readonly context: SinkContext;
  /**
   * What a reader sees now, from a connection of its own; [] where there is no table. Of Sluice's own columns only those of
   * history are compared, as instants.
   */
  rows(table: Table): Promise<Row[]>;
  dispose(): Promise<void>;
}

export interface SinkSuite {
  readonly name: string;
  /** What the sink says it can do: only that is tried. */
  readonly writes: readonly WriteName[];
  /** Are there schemas, so that a table's name may be qualified? @default true */
  readonly schemas?: boolean;
  create(): Promise<SinkHarness>;
}

/** Registers the cases for one sink. */
export function testSink({ name, writes, schemas = true, create }: SinkSuite): void {
  describe(`sink: ${name}`, () => {
    let harness: SinkHarness;
    let artifacts: ArtifactStore & { dispose(): Promise<void> };
    let fence = 0;
    beforeEach(async () => {
      harness = await create();
      artifacts = temporaryArtifacts();
      fence = 0;
    });
    afterEach(async () => {
      await harness?.dispose();
      await artifacts?.dispose();
    });

    const dataset = async (query: string): Promise<Dataset> =>
      writeQuery(await harness.context.session(), artifacts, query);
    /** Rows (id, label) for the ids from `from` to `to`, inclusive. */
    const people = (from: number, to: number, label = "x"): Promise<Dataset> =>
      dataset(`SELECT i::INTEGER AS id, '${label}' AS label FROM range(${from}, ${to + 1}) AS t(i)`);
    const load = (
      table: Table,
      data: Dataset,
      write: WriteDisposition,
      request: Partial<LoadRequest> = {},
    ): Promise<{ readonly loaded: number }> =>
      harness.adapter.load(
        { table, dataset: data, write, partition: null, loadKey: randomUUID(), fence: (fence += 1), ...request },
        harness.context,
      );
    const ids = async (table: Table): Promise<string[]> =>
      (await harness.rows(table)).map((row) => String(row["id"])).sort((a, b) => Number(a) - Number(b));

    it("append adds the rows to those that are there", async () => {
      const table = harness.table("people");
      expect(await load(table, await people(1, 3), "append")).toEqual({ loaded: 3 });
      expect(await load(table, await people(4, 5), "append")).toEqual({ loaded: 2 });
      expect(await ids(table)).toEqual(["1", "2", "3", "4", "5"]);
    });

    it("append keeps repeats: the same rows under another load key are loaded again", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 2), "append");
      await load(table, await people(1, 2), "append");
      expect(await ids(table)).toEqual(["1", "1", "2", "2"]);
    });

    it.each<WriteDisposition>(["append", "replace", "replace-partition"])(
      "%s under the same load key happens once and answers the same count",
      async (write) => {
        const table = harness.table("people");
        const data = await people(1, 4);
        const request = { loadKey: "load-1", partition: "2011-01-04" };
        expect(await load(table, data, write, request)).toEqual({ loaded: 4 });
        expect(await load(table, data, write, request)).toEqual({ loaded: 4 });
        expect(await ids(table)).toEqual(["1", "2", "3", "4"]);
      },
    );

    it("a replay after a later load brings nothing back", async () => {
      const table = harness.table("people");
      const first = await people(1, 2);
      await load(table, first, "replace", { loadKey: "first" });
      await load(table, await people(7, 8), "replace");
      expect(await load(table, first, "replace", { loadKey: "first" })).toEqual({ loaded: 2 });
      expect(await ids(table)).toEqual(["7", "8"]);
    });

    it("replace leaves these rows and no others, of whatever partition", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 2), "append");
      await load(table, await people(3, 4), "replace-partition", { partition: "2011-01-04" });
      expect(await load(table, await people(9, 9), "replace")).toEqual({ loaded: 1 });
      expect(await ids(table)).toEqual(["9"]);
    });

    it("replace-partition replaces the rows of its partition and leaves the others", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 3), "replace-partition", { partition: "2011-01-04" });
      await load(table, await people(11, 12), "replace-partition", { partition: "2011-01-05" });
      await load(table, await people(2, 2, "new"), "replace-partition", { partition: "2011-01-04" });
      expect(await ids(table)).toEqual(["2", "11", "12"]);
      expect((await harness.rows(table)).find((row) => String(row["id"]) === "2")!["label"]).toBe("new");
    });

    it("replace-partition with the same rows twice changes nothing", async () => {
      const table = harness.table("people");
      const data = await people(1, 3);
      await load(table, data, "replace-partition", { partition: "2011-01-04" });
      await load(table, data, "replace-partition", { partition: "2011-01-04" });
      expect(await ids(table)).toEqual(["1", "2", "3"]);
    });

    it("an empty dataset replaces a partition by nothing, and counts as loaded", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 3), "replace-partition", { partition: "2011-01-04" });
      await load(table, await people(11, 12), "replace-partition", { partition: "2011-01-05" });
      const empty: Dataset = { ...(await people(1, 0)), files: [], bytes: 0 };
      expect(await load(table, empty, "replace-partition", { partition: "2011-01-04" })).toEqual({ loaded: 0 });
      expect(await ids(table)).toEqual(["11", "12"]);
    });

    it("an empty dataset makes the table with its columns, and rows can follow", async () => {
      const table = harness.table("people");
      const empty: Dataset = { ...(await people(1, 0)), files: [], bytes: 0 };
      expect(await load(table, empty, "append")).toEqual({ loaded: 0 });
      expect(await harness.rows(table)).toEqual([]);
      await load(table, await people(1, 1), "append");
      expect(await ids(table)).toEqual(["1"]);
    });

    it("a load with a lower fence than the highest seen for the partition is refused and writes nothing", async () => {
      const table = harness.table("people");
      const partition = "2011-01-04";
      await load(table, await people(1, 2), "replace-partition", { partition, fence: 10 });
      await expect(load(table, await people(5, 6), "replace-partition", { partition, fence: 9 })).rejects.toMatchObject(
        { code: "FENCED" },
      );
      await expect(load(table, await people(5, 6), "append", { partition, fence: 9 })).rejects.toMatchObject({
        code: "FENCED",
      });
      expect(await ids(table)).toEqual(["1", "2"]);
      await load(table, await people(7, 7), "replace-partition", { partition, fence: 11 });
      expect(await ids(table)).toEqual(["7"]);
    });

    it("a fence counts for its own partition and table only", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 2), "replace-partition", { partition: "2011-01-05", fence: 10 });
      await load(table, await people(3, 3), "replace-partition", { partition: "2011-01-04", fence: 9 });
      await load(harness.table("others"), await people(4, 4), "replace-partition", {
        partition: "2011-01-05",
        fence: 8,
      });
      expect(await ids(table)).toEqual(["1", "2", "3"]);
    });

    it("a load key counts for its own table only", async () => {
      const data = await people(1, 1);
      await load(harness.table("people"), data, "append", { loadKey: "same" });
      await load(harness.table("others"), data, "append", { loadKey: "same" });
      expect(await ids(harness.table("others"))).toEqual(["1"]);
    });

    if (schemas) {
      it("a qualified table name is a table of its own", async () => {
        await load(harness.table("staging.people"), await people(1, 1), "append");
        await load(harness.table("people"), await people(2, 2), "append");
        expect(await ids(harness.table("staging.people"))).toEqual(["1"]);
        expect(await ids(harness.table("people"))).toEqual(["2"]);
      });
    }

    it("columns may come in another order", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 1), "append");
      await load(table, await dataset("SELECT 'y' AS label, 2::INTEGER AS id"), "append");
      expect((await harness.rows(table)).map((row) => [String(row["id"]), row["label"]]).sort()).toEqual([
        ["1", "x"],
        ["2", "y"],
      ]);
    });

    it("a new column is added; rows from before have null there", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 1), "append");
      await load(table, await dataset("SELECT 2::INTEGER AS id, 'y' AS label, 'Oslo' AS city"), "append");
      const cities = (await harness.rows(table)).map((row) => [String(row["id"]), row["city"] ?? null]).sort();
      expect(cities).toEqual([
        ["1", null],
        ["2", "Oslo"],
      ]);
    });

    it.each([
      ["lacks a column", "SELECT 2::INTEGER AS id", "label"],
      ["has a column of another type", "SELECT 'two' AS id, 'y' AS label", "id"],
    ])("a dataset that %s is refused in one line that names it, and writes nothing", async (_what, query, column) => {
      const table = harness.table("people");
      await load(table, await people(1, 1), "append");
      const error = await load(table, await dataset(query), "replace").then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      expect(error).toMatchObject({ code: "SINK_SCHEMA" });
      expect(error!.message).toContain(column);
      expect(error!.message).toContain("people");
      expect(error!.message).not.toContain("\n");
      expect(await ids(table)).toEqual(["1"]);
    });

    it("a load that fails midway leaves the table as it was, and can be done again under its key", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 2), "append");
      const good = await people(3, 4);
      const lost = await people(5, 6);
      await rm(lost.files[0]!);
      const both: Dataset = { ...good, files: [...good.files, ...lost.files], rows: 4, hash: "b".repeat(64) };
      await expect(load(table, both, "replace", { loadKey: "torn" })).rejects.toThrow();
      expect(await ids(table)).toEqual(["1", "2"]);
      expect(await load(table, good, "replace", { loadKey: "torn" })).toEqual({ loaded: 2 });
      expect(await ids(table)).toEqual(["3", "4"]);
    });

    it("a load that was cancelled before it began writes nothing", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 2), "append");
      const data = await people(3, 4);
      const request: LoadRequest = {
        table,
        dataset: data,
        write: "append",
        partition: null,
        loadKey: "late",
        fence: 99,
      };
      await expect(
        harness.adapter.load(request, { ...harness.context, signal: AbortSignal.abort() }),
      ).rejects.toThrow();
      expect(await ids(table)).toEqual(["1", "2"]);
    });

    describe("positions", () => {
      const reader = "orders_sync.changes";
      const tableName = (table: Table): string => `${table.connection.name}.${table.name}`;
      const moving = (table: Table, from: Json, to: Json): Pick<LoadRequest, "positions"> => ({
        positions: [{ table: tableName(table), reader, from, to, repeats: false }],
      });
      const position = (table: Table): Promise<Json> => harness.adapter.position(table, reader, harness.context);

      it("are stored with the rows, by reader and table", async () => {
        const table = harness.table("people");
        expect(await position(table)).toBe(null);
        await load(table, await people(1, 1), "append", moving(table, null, { at: "2026-01-31 é" }));
        expect(await position(table)).toEqual({ at: "2026-01-31 é" });
        await load(table, await people(2, 2), "append", moving(table, { at: "2026-01-31 é" }, { at: "2026-02-01" }));
        expect(await position(table)).toEqual({ at: "2026-02-01" });
        expect(await harness.adapter.position(table, "another", harness.context)).toBe(null);
        expect(await position(harness.table("others"))).toBe(null);
      });

      it("that have been moved meanwhile refuse the load, which writes nothing", async () => {
        const table = harness.table("people");
        await load(table, await people(1, 1), "append", moving(table, null, { at: 1 }));
        await expect(load(table, await people(2, 2), "append", moving(table, null, { at: 2 }))).rejects.toMatchObject({
          code: "FENCED",
        });
        expect(await ids(table)).toEqual(["1"]);
        expect(await position(table)).toEqual({ at: 1 });
      });

      it("aren't moved by a replay, nor by a load that fails", async () => {
        const table = harness.table("people");
        const data = await people(1, 1);
        await load(table, data, "append", { loadKey: "first", ...moving(table, null, { at: 1 }) });
        await load(table, await people(2, 2), "append", moving(table, { at: 1 }, { at: 2 }));
        expect(await load(table, data, "append", { loadKey: "first", ...moving(table, null, { at: 1 }) })).toEqual({
          loaded: 1,
        });
        expect(await position(table)).toEqual({ at: 2 });
        const misfit = await dataset("SELECT 'three' AS id, 'z' AS label");
        await expect(load(table, misfit, "append", moving(table, { at: 2 }, { at: 3 }))).rejects.toThrow();
        expect(await position(table)).toEqual({ at: 2 });
      });
    });

    it("its columns are told, each held against what is offered; nothing of a table that isn't there", async () => {
      const table = harness.table("people");
      const columns = (offered: readonly Column[]) => harness.adapter.columns(table, offered, harness.context);
      expect(await columns([])).toBe(null);
      const data = await people(1, 3);
      await load(table, data, "append");
      const found = (await columns([...data.columns, { name: "new", type: "VARCHAR" }]))!;
      expect(found.map(({ name, fits }) => [name, fits])).toEqual([
        ["id", true],
        ["label", true],
      ]);
      const [id] = (await columns([{ name: "id", type: "VARCHAR" }]))!;
      expect(id).toMatchObject({ name: "id", fits: false });
      const sample = await harness.adapter.sample(table, ["label", "id"], 2, harness.context);
      expect(sample.map((row) => row["label"])).toEqual(["x", "x"]);
    });

    it("a dataset of several files is loaded whole", async () => {
      const table = harness.table("people");
      const [first, second] = [await people(1, 2), await people(3, 5)];
      const both: Dataset = { ...first, files: [...first.files, ...second.files], rows: 5, hash: "c".repeat(64) };
      expect(await load(table, both, "append")).toEqual({ loaded: 5 });
      expect(await ids(table)).toEqual(["1", "2", "3", "4", "5"]);
    });

    it("a reader sees the old rows or the new ones, never a mixture or nothing", async () => {
      const table = harness.table("people");
      await load(table, await people(1, 5, "0"), "replace-partition", { partition: "2011-01-04" });
      const loading = new AbortController();
      const seen = new Set<string>();
      const read = async (): Promise<void> => {
        do {
          const rows = await harness.rows(table);
          seen.add(`${rows.length} rows of ${new Set(rows.map((row) => row["label"])).size} loads`);
        } while (!loading.signal.aborted);
      };
      const reading = read();
      for (let round = 1; round <= 12; round += 1) {
        await load(table, await people(1, 5, String(round)), round % 2 === 0 ? "replace" : "replace-partition", {
          partition: "2011-01-04",
        });
      }
      loading.abort();
      await reading;
      expect([...seen]).toEqual(["5 rows of 1 loads"]);
    });

    it("two loads of different partitions at once both arrive", async () => {
      const table = harness.table("people");
      const days = await Promise.all([people(1, 2), people(11, 12), people(21, 22)]);
      await Promise.all(
        days.map((day, index) => load(table, day, "replace-partition", { partition: `2011-01-0${index + 4}` })),
      );
      expect(await ids(table)).toEqual(["1", "2", "11", "12", "21", "22"]);
    });

    describe("writes", () => {
      testWrites(writes, () => ({ harness, dataset, load }));
    });

    it("values arrive exactly: 64-bit integers, decimals, doubles, text, times, nulls", async () => {
      const table = harness.table("exact");
      const text = `'Ünïcode 日本 "quoted", \\back\\ and tab' || chr(9) || 'line' || chr(10) || 'end'`;
      await load(
        table,
        await dataset(`
        SELECT 1::INTEGER AS id, 9007199254740993::BIGINT AS big, 12345678901234.5678::DECIMAL(18, 4) AS price,
          0.1::DOUBLE AS ratio,
          ${text} AS note, '' AS empty, true AS flag, TIMESTAMPTZ '2011-01-04 10:00:00.123456+00' AS at, DATE '2011-01-04' AS day
        UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL ORDER BY id`),
        "append",
      );
      const [first, second] = (await harness.rows(table)).toSorted((a, b) => Number(a["id"]) - Number(b["id"]));
      expect(String(first!["big"])).toBe("9007199254740993");
      expect(String(first!["price"])).toBe("12345678901234.5678");
      expect(Number(first!["ratio"])).toBe(0.1);
      expect(first!["note"]).toBe(`Ünïcode 日本 "quoted", \\back\\ and tab\tline\nend`);
      expect(first!["empty"]).toBe("");
      expect(String(first!["flag"])).toBe("true");
      expect(milliseconds(first!["at"])).toBe(Date.parse("2011-01-04T10:00:00.123Z"));
      expect(
        Object.entries(second!).filter(([key, value]) => key !== "id" && !key.startsWith("_sluice") && value !== null),
      ).toEqual([]);
    });
  });
}

/** An instant as vendors hand it out: a Date, or text such as "2011-01-04 10:00:00.123456+00". */
export function milliseconds(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  return Date.parse(
    String(value)
      .replace(" ", "T")
      .replace(/(\.\d{3})\d*/, "$1")
      .replace(/(\+00)?$/, "Z"),
  );
}

/** An artifact store in a folder of its own. */
export function temporaryArtifacts(): ArtifactStore & { readonly folder: string; dispose(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), "sluice-artifacts-"));
  return {
    // One folder for both, so that a test sees at a glance whether anything was left behind.
    ...openArtifactStore({ artifacts: folder, temporary: folder }),
    folder,
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
