// The suite that every reader of ranges passes: what lies between two values is read, no more and no less.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  CursorValue,
  RangeRead,
  RangeReader,
  ReadRange,
  Source,
  SourceContext,
} from "../../src/connect/source.ts";
import type { Row } from "../../src/dataset/session.ts";
import { readDataset } from "../../src/dataset/write-dataset.ts";

export interface RangeRow {
  /** A 64-bit integer. */
  readonly id: string | null;
  readonly name: string | null;
  /** Hours from the source's own clock, in a column of times. */
  readonly hours: number;
}

export interface RangeHarness {
  readonly read: RangeReader;
  readonly context: SourceContext;
  /** Has the source a type for times? @default true */
  readonly times?: boolean;
  /** Puts these rows where a source then reads them as columns `id`, `name` and `changed_at`. */
  holding(rows: readonly RangeRow[]): Promise<{ readonly table: Source; readonly query: Source }>;
  dispose(): Promise<void>;
}

/** Registers the cases for one reader of ranges. */
export function testRange({ name, create }: { readonly name: string; create(): Promise<RangeHarness> }): void {
  describe(`range: ${name}`, () => {
    let harness: RangeHarness;
    beforeEach(async () => {
      harness = await create();
    });
    afterEach(() => harness?.dispose());

    const by = (cursor: string, more: Partial<ReadRange> = {}): ReadRange => ({
      by: "value",
      cursor,
      from: null,
      until: null,
      nulls: false,
      ...more,
    });
    const value = (text: string, type = ""): CursorValue => ({ type, text });
    const read = (source: Source, range: ReadRange): Promise<RangeRead> => harness.read(source, range, harness.context);
    const found = async (source: Source, range: ReadRange, column: string): Promise<unknown[]> => {
      const { dataset } = await read(source, range);
      const session = await harness.context.session();
      const rows: Row[] = await session.rows(
        `SELECT CAST(${column} AS VARCHAR) AS found FROM ${readDataset(dataset)} ORDER BY 1 NULLS LAST`,
      );
      expect(rows.length).toBe(dataset.rows);
      return rows.map((row) => row["found"]);
    };
    const numbered: RangeRow[] = ["1", "2", "9007199254740992", "9007199254740993", "9007199254740994", null].map(
      (id) => ({ id, name: id === null ? null : `n${id}`, hours: -1 }),
    );

    it("the lower end is in it and the upper one is not, to the last digit", async () => {
      const { table, query } = await harness.holding(numbered);
      const range = by("id", { from: value("9007199254740993", "BIGINT"), until: value("9007199254740994", "BIGINT") });
      for (const source of [table, query]) expect(await found(source, range, "id")).toEqual(["9007199254740993"]);
      expect((await read(table, range)).until).toMatchObject({ text: "9007199254740994" });
    });

    it("without ends it is all of it, and each end counts by itself", async () => {
      const { table } = await harness.holding(numbered);
      const ids = numbered.flatMap(({ id }) => (id === null ? [] : [id]));
      expect(await found(table, by("id"), "id")).toEqual(ids);
      expect(await found(table, by("id", { from: value("3") }), "id")).toEqual(ids.slice(2));
      expect(await found(table, by("id", { until: value("3") }), "id")).toEqual(ids.slice(0, 2));
      expect((await read(table, by("id"))).until).toBeNull();
    });

    it("rows without a value are in it if they are asked for", async () => {
      const { table } = await harness.holding(numbered);
      expect(await found(table, by("id", { from: value("9007199254740994"), nulls: true }), "id")).toEqual([
        "9007199254740994",
        null,
      ]);
      expect(await found(table, by("id", { nulls: true }), "id")).toHaveLength(6);
    });

    it("texts are in the order of their bytes, with what is special in them", async () => {
      const names = ["", "B", "a", "a ", "a'", "a\\", "b", "é", "z", "日本", "🎉"];
      const { table } = await harness.holding(names.map((name) => ({ id: "1", name, hours: 0 })));
      const binary = names.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      for (const [position, name] of binary.entries()) {
        expect(await found(table, by("name", { from: value(name, "VARCHAR") }), "name"), name).toEqual(
          binary.slice(position),
        );
        expect(await found(table, by("name", { until: value(name, "VARCHAR") }), "name"), name).toEqual(
          binary.slice(0, position),
        );
      }
    });

    it("of times, the source's own clock is the end: what lies in the future waits", async () => {
      const rows = [-25, -1, 1, 25].map((hours) => ({ id: String(hours), name: null, hours }));
      const { table } = await harness.holding(rows);
      const { until } = await read(table, by("changed_at", { until: "clock" }));
      if (harness.times === false) {
        expect(until).toBeNull();
        expect(await found(table, by("changed_at", { until: "clock" }), "id")).toHaveLength(4);
        return;
      }
      expect(until?.text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
      expect(await found(table, by("changed_at", { until: "clock" }), "id")).toEqual(["-1", "-25"]);
      // What it ended at is where the next one begins.
      expect(await found(table, by("changed_at", { from: until }), "id")).toEqual(["1", "25"]);
      expect(await found(table, by("changed_at", { until }), "id")).toEqual(["-1", "-25"]);
      expect((await read(table, by("id", { until: "clock" }))).until).toBeNull();
    });

    it("a value that the reading gave is one that it takes", async () => {
      const { table } = await harness.holding([-2, -1].map((hours) => ({ id: String(hours), name: null, hours })));
      const { dataset } = await read(table, by("changed_at"));
      const session = await harness.context.session();
      const [row] = await session.rows(`SELECT CAST(max(changed_at) AS VARCHAR) AS last FROM ${readDataset(dataset)}`);
      const { type } = dataset.columns.find((column) => column.name === "changed_at")!;
      const from = { type, text: String(row!["last"]) };
      expect(await found(table, by("changed_at", { from }), "id")).toEqual(["-1"]);
      expect(await found(table, by("changed_at", { until: from }), "id")).toEqual(["-2"]);
    });

    it("a column that isn't there is an error that lists those that are", async () => {
      const { table } = await harness.holding([]);
      await expect(read(table, by("updated"))).rejects.toMatchObject({
        code: "SOURCE_COLUMNS",
        hint: expect.stringContaining("changed_at") as unknown,
      });
    });

    it("no rows make an empty dataset with the columns", async () => {
      const { table } = await harness.holding([]);
      const { dataset } = await read(table, by("id", { from: value("1") }));
      expect(dataset.rows).toBe(0);
      expect(dataset.columns.map((column) => column.name)).toEqual(["id", "name", "changed_at"]);
    });
  });
}
