// The suite that every source passes: what reading promises, whatever is read.
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Source, SourceAdapter, SourceContext } from "../../src/connect/source.ts";
import type { Dataset } from "../../src/dataset/dataset.ts";
import type { Row } from "../../src/dataset/session.ts";
import { readDataset } from "../../src/dataset/write-dataset.ts";

/** Rows of (id, label) as text or null; an id is a whole number. */
export interface SourceRow {
  readonly id: string;
  readonly label: string | null;
}

/** One source on a place of its own. */
export interface SourceHarness {
  readonly adapter: SourceAdapter;
  readonly context: SourceContext;
  /** The folder in which `context.artifacts` keeps its files; it holds nothing else. */
  readonly artifactFolder: string;
  /** Puts these rows, in this order, where a source then reads them as columns `id` and `label`. */
  holding(rows: readonly SourceRow[]): Promise<Source>;
  /** A source of something that isn't there. */
  missing(): Promise<Source>;
  dispose(): Promise<void>;
}

export interface SourceSuite {
  readonly name: string;
  /** Can what is read tell an empty text from nothing? @default true */
  readonly hasEmptyText?: boolean;
  create(): Promise<SourceHarness>;
}

/** Registers the cases for one source. */
export function testSource({ name, create, hasEmptyText = true }: SourceSuite): void {
  describe(`source: ${name}`, () => {
    let harness: SourceHarness;
    beforeEach(async () => {
      harness = await create();
    });
    afterEach(() => harness?.dispose());

    const read = (source: Source): Promise<Dataset> => harness.adapter(source, harness.context);
    const rowsOf = async (dataset: Dataset): Promise<Row[]> =>
      (await harness.context.session()).rows(`SELECT id::VARCHAR AS id, label FROM ${readDataset(dataset)}`);
    const numbered = (count: number): SourceRow[] =>
      Array.from({ length: count }, (_, index) => ({ id: String(index + 1), label: `row ${index + 1}` }));

    it("every row arrives once, in order, and the dataset counts them", async () => {
      const rows = numbered(5000);
      const dataset = await read(await harness.holding(rows));
      expect(dataset.rows).toBe(5000);
      expect(dataset.columns.map((column) => column.name)).toEqual(["id", "label"]);
      expect(await rowsOf(dataset)).toEqual(rows);
    });

    it("text arrives exactly; null and the empty string stay apart", async () => {
      const rows: SourceRow[] = [
        { id: "1", label: `"quoted", 'single' and \\back` },
        { id: "2", label: "two\nlines" },
        { id: "3", label: "Ünïcode 日本語 🎉" },
        { id: "4", label: hasEmptyText ? "" : "not empty" },
        { id: "5", label: null },
        { id: "9007199254740993", label: " spaces " },
      ];
      expect(await rowsOf(await read(await harness.holding(rows)))).toEqual(rows);
    });

    it("no rows make an empty dataset with the columns", async () => {
      const dataset = await read(await harness.holding([]));
      expect(dataset.rows).toBe(0);
      expect(dataset.columns.map((column) => column.name)).toEqual(["id", "label"]);
      expect(await rowsOf(dataset)).toEqual([]);
    });

    it("the same content read twice is the same dataset", async () => {
      const source = await harness.holding(numbered(100));
      const [first, second] = [await read(source), await read(source)];
      expect(second.hash).toBe(first.hash);
    });

    it("what isn't there is an error of one line, and leaves nothing behind", async () => {
      const error = await read(await harness.missing()).then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      expect(error).toMatchObject({ code: expect.stringMatching(/^SOURCE_/) as unknown });
      expect(error!.message).not.toContain("\n");
      expect(readdirSync(harness.artifactFolder)).toEqual([]);
    });

    it("a read that was cancelled before it began leaves nothing behind", async () => {
      const source = await harness.holding(numbered(10));
      await expect(harness.adapter(source, { ...harness.context, signal: AbortSignal.abort() })).rejects.toThrow();
      expect(readdirSync(harness.artifactFolder)).toEqual([]);
    });

    it("a source is plain data: it can be read after a trip through JSON", async () => {
      const source = await harness.holding(numbered(3));
      const dataset = await read({
        ...source,
        request: JSON.parse(JSON.stringify(source.request)) as Source["request"],
      });
      expect(dataset.rows).toBe(3);
    });
  });
}
