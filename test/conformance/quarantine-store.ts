// What every quarantine promises; each implementation runs these cases.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { QuarantinedRow, QuarantineKey, QuarantineStore } from "../../src/quality/quarantine-store.ts";

export interface QuarantineStoreCase {
  readonly name: string;
  /** An empty store, and what to do with it afterwards. */
  readonly create: () => { readonly store: QuarantineStore; readonly dispose: () => void };
}

const key: QuarantineKey = {
  pipeline: "shop",
  step: "clean",
  partition: "2026-01-01",
  delivery: "",
  runId: "run-1",
  contract: "invoice_line",
  fence: 10,
  at: 1000,
};

function brokenRow(record: number, ...rules: string[]): QuarantinedRow {
  return {
    record,
    row: { id: `row ${record}`, amount: null, note: "it's “quoted”\n😀" },
    reasons: rules.map((rule) => ({ path: "amount", rule, value: record, message: `amount: ${rule}` })),
  };
}

export function testQuarantineStore({ name, create }: QuarantineStoreCase): void {
  describe(`quarantine: ${name}`, () => {
    let store: QuarantineStore;
    let dispose: () => void;
    beforeEach(() => {
      ({ store, dispose } = create());
    });
    afterEach(() => {
      store.close();
      dispose();
    });
    const records = async (partition: string | null = key.partition, step?: string): Promise<number[]> => {
      const rows = await store.show({
        pipeline: key.pipeline,
        partition,
        limit: 1000,
        ...(step === undefined ? {} : { step }),
      });
      return rows.map(({ record }) => record);
    };

    it("keeps rows as they were, with their reasons, in order", async () => {
      const rows = [brokenRow(3, "minimum"), brokenRow(7, "minimum", "type")];
      expect(await store.replace(key, [rows])).toBe(2);
      const shown = await store.show({ pipeline: "shop", partition: "2026-01-01", limit: 10 });
      expect(shown).toMatchObject(
        rows.map((row) => ({ ...row, step: "clean", partition: "2026-01-01", runId: "run-1" })),
      );
    });

    it("lists what lies there with the count of rows under each reason, the most frequent first", async () => {
      await store.replace(key, [
        [brokenRow(1, "type")],
        [brokenRow(2, "minimum", "type"), brokenRow(3, "minimum"), brokenRow(4, "minimum")],
      ]);
      const { fence: _, ...group } = key;
      expect(await store.list({ limit: 10 })).toEqual([
        {
          ...group,
          rows: 4,
          reasons: [
            { path: "amount", rule: "minimum", count: 3 },
            { path: "amount", rule: "type", count: 2 },
          ],
        },
      ]);
    });

    it("counts a row once under a reason it has twice", async () => {
      await store.replace(key, [[brokenRow(1, "type", "type")]]);
      expect((await store.list({ limit: 1 }))[0]?.reasons).toEqual([{ path: "amount", rule: "type", count: 1 }]);
    });

    it("replaces what an earlier run left, and nothing of other partitions and steps", async () => {
      await store.replace(key, [[brokenRow(1, "type"), brokenRow(2, "type")]]);
      await store.replace({ ...key, partition: "2026-01-02" }, [[brokenRow(5, "type")]]);
      await store.replace({ ...key, step: "other" }, [[brokenRow(9, "type")]]);
      await store.replace({ ...key, runId: "run-2", fence: 11 }, [[brokenRow(3, "type")]]);
      expect(await records(key.partition, "clean")).toEqual([3]);
      expect((await records(key.partition)).sort()).toEqual([3, 9]);
      expect(await records("2026-01-02")).toEqual([5]);
    });

    it("writes the same again without a trace when an attempt is replayed", async () => {
      const rows = [[brokenRow(1, "type"), brokenRow(2, "type")]];
      await store.replace(key, rows);
      const before = await store.list({ limit: 10 });
      await store.replace(key, rows);
      expect(await store.list({ limit: 10 })).toEqual(before);
      expect(await records()).toEqual([1, 2]);
    });

    it("is empty again when a newer run has no broken rows", async () => {
      await store.replace(key, [[brokenRow(1, "type")]]);
      expect(await store.replace({ ...key, fence: 11 }, [])).toBe(0);
      expect(await store.list({ limit: 10 })).toEqual([]);
      expect(await records()).toEqual([]);
    });

    it("refuses a writer that a newer one has overtaken, even one that left no rows", async () => {
      await store.replace({ ...key, fence: 12, runId: "run-3" }, []);
      await expect(store.replace({ ...key, fence: 11 }, [[brokenRow(1, "type")]])).rejects.toMatchObject({
        code: "FENCED",
      });
      expect(await records()).toEqual([]);
    });

    it("refuses a writer that is overtaken while it writes, and keeps the newer rows", async () => {
      const slow = async function* () {
        yield [brokenRow(1, "type")];
        yield [brokenRow(2, "type")];
        await store.replace({ ...key, fence: 11, runId: "run-2" }, [[brokenRow(7, "type")]]);
        yield [brokenRow(3, "type")];
      };
      await expect(store.replace(key, slow())).rejects.toMatchObject({ code: "FENCED" });
      expect(await records()).toEqual([7]);
    });

    it("keeps the old rows whole when the new ones fail to arrive", async () => {
      await store.replace(key, [[brokenRow(1, "type")]]);
      const failing = async function* () {
        yield [brokenRow(2, "type")];
        yield [brokenRow(3, "type")];
        throw new Error("source broke");
      };
      await expect(store.replace({ ...key, fence: 11 }, failing())).rejects.toThrow("source broke");
      expect(await records()).toEqual([1]);
      expect((await store.list({ limit: 10 }))[0]).toMatchObject({ runId: "run-1", rows: 1 });
    });

    it("shows nothing of a set that is still being written", async () => {
      const seen: number[][] = [];
      const writing = async function* () {
        yield [brokenRow(1, "type")];
        yield [brokenRow(2, "type")];
        seen.push(await records());
        yield [brokenRow(3, "type")];
      };
      await store.replace(key, writing());
      expect(seen).toEqual([[]]);
      expect(await records()).toEqual([1, 2, 3]);
    });

    it("pages through rows by the id of the last one seen", async () => {
      await store.replace(key, [Array.from({ length: 10 }, (_, position) => brokenRow(position + 1, "type"))]);
      const pages: number[] = [];
      let after = 0;
      for (;;) {
        const page = await store.show({ pipeline: "shop", partition: key.partition, limit: 4, after });
        if (page.length === 0) break;
        pages.push(...page.map(({ record }) => record));
        after = page.at(-1)!.id;
      }
      expect(pages).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    it("filters by pipeline and partition, lists the newest first and keeps pipelines without partitions", async () => {
      await store.replace(key, [[brokenRow(1, "type")]]);
      await store.replace({ ...key, partition: "2026-01-02", at: 2000 }, [[brokenRow(1, "type")]]);
      await store.replace({ ...key, pipeline: "other", partition: null, at: 3000 }, [[brokenRow(4, "type")]]);
      const listed = async (filter: { pipeline?: string; partition?: string | null }): Promise<unknown[]> =>
        (await store.list({ ...filter, limit: 10 })).map(({ pipeline, partition }) => [pipeline, partition]);
      expect(await listed({})).toEqual([
        ["other", null],
        ["shop", "2026-01-02"],
        ["shop", "2026-01-01"],
      ]);
      expect(await listed({ pipeline: "shop" })).toEqual([
        ["shop", "2026-01-02"],
        ["shop", "2026-01-01"],
      ]);
      expect(await listed({ partition: null })).toEqual([["other", null]]);
      expect(await store.list({ limit: 1 })).toHaveLength(1);
      expect((await store.show({ pipeline: "other", partition: null, limit: 10 })).map(({ record }) => record)).toEqual(
        [4],
      );
      const all = await store.show({ pipeline: "shop", limit: 10 });
      expect(all.map(({ partition }) => partition)).toEqual(["2026-01-01", "2026-01-02"]);
    });

    it("drops the rows of a place or of a pipeline, and leaves fences and others alone", async () => {
      await store.replace(key, [[brokenRow(1, "a"), brokenRow(2, "b")]]);
      await store.replace({ ...key, step: "other" }, [[brokenRow(3, "a")]]);
      await store.replace({ ...key, pipeline: "elsewhere" }, [[brokenRow(4, "a")]]);
      expect(await store.drop({ pipeline: "shop", step: "clean", partition: "2026-01-02" })).toBe(0);
      expect(await store.drop({ pipeline: "shop", step: "clean", partition: key.partition })).toBe(2);
      expect((await store.list({ limit: 9 })).map(({ pipeline, step }) => `${pipeline} ${step}`).sort()).toEqual([
        "elsewhere clean",
        "shop other",
      ]);
      await expect(store.replace({ ...key, fence: 9 }, [])).rejects.toMatchObject({ code: "FENCED" });
      expect(await store.drop({ pipeline: "shop" })).toBe(1);
      expect(await store.drop({ pipeline: "shop" })).toBe(0);
      await store.replace({ ...key, fence: 11 }, [[brokenRow(5, "a")]]);
      expect(await records()).toEqual([5]);
    });

    describe("of a step that reads on from where it was", () => {
      const first = { ...key, partition: null, delivery: "d1" };
      const second = { ...first, delivery: "d2", runId: "run-2", fence: 11, at: 2000 };
      const held = async (run?: string): Promise<string[]> =>
        (await store.show({ pipeline: "shop", limit: 9, ...(run === undefined ? {} : { run }) })).map(
          (row) => `${row.runId} ${row.record}`,
        );

      it("keeps the rows of each delivery, and replaces those of the same one", async () => {
        await store.replace(first, [[brokenRow(1, "a"), brokenRow(2, "a")]]);
        await store.replace(second, [[brokenRow(1, "b")]]);
        expect(await held()).toEqual(["run-1 1", "run-1 2", "run-2 1"]);
        expect(await held("run-2")).toEqual(["run-2 1"]);
        expect((await store.list({ limit: 9 })).map(({ delivery, runId, rows }) => [delivery, runId, rows])).toEqual([
          ["d2", "run-2", 1],
          ["d1", "run-1", 2],
        ]);
        // A replay of the first, and a run that found nothing new.
        await store.replace({ ...first, runId: "run-3", fence: 12, at: 3000 }, [[brokenRow(2, "a")]]);
        await store.replace({ ...first, delivery: "", runId: "run-4", fence: 13, at: 4000 }, []);
        expect(await held()).toEqual(["run-2 1", "run-3 2"]);
        await store.replace({ ...second, fence: 14 }, []);
        expect(await held()).toEqual(["run-3 2"]);
      });

      it("refuses a writer that a newer one has overtaken with any delivery, even one that left no rows", async () => {
        await store.replace(first, [[brokenRow(1, "a")]]);
        await store.replace(second, []);
        await expect(store.replace(first, [])).rejects.toMatchObject({ code: "FENCED" });
        await store.replace({ ...second, delivery: "d3", fence: 12 }, []);
        await expect(store.replace(second, [])).rejects.toMatchObject({ code: "FENCED" });
        expect(await held()).toEqual(["run-1 1"]);
      });

      it("keeps the old rows whole when new ones of the same delivery fail to arrive", async () => {
        await store.replace(first, [[brokenRow(1, "a")]]);
        await store.replace(second, [[brokenRow(2, "a")]]);
        const failing = (async function* () {
          yield [brokenRow(8, "a")];
          yield [brokenRow(9, "a")];
          throw new Error("gone");
        })();
        await expect(store.replace({ ...first, fence: 12 }, failing)).rejects.toThrow("gone");
        expect(await held()).toEqual(["run-1 1", "run-2 2"]);
      });

      it("drops the rows of one run, and prunes those of old ones", async () => {
        await store.replace(first, [[brokenRow(1, "a")]]);
        await store.replace(second, [[brokenRow(2, "a"), brokenRow(3, "a")]]);
        await store.replace({ ...second, delivery: "d3", runId: "run-3", fence: 12, at: 3000 }, [[brokenRow(4, "a")]]);
        expect(await store.drop({ pipeline: "shop", run: "run-2" })).toBe(2);
        expect(await store.prune(1500)).toBe(1);
        expect(await held()).toEqual(["run-3 4"]);
      });
    });

    const replay = {
      key: "k1",
      pipeline: "shop",
      step: "clean",
      partition: "2026-01-01",
      mode: "rows",
      delivery: "d1",
      before: 7,
      at: 1000,
    } as const;

    it("keeps what is to be replayed under its key, in place of what was staged there before", async () => {
      const rows = [3, 1, 2].map((record) => ({ record, row: { id: `row ${record}` } }));
      expect(await store.stage(replay, [rows.slice(0, 2), rows.slice(2)])).toBe(3);
      expect(await store.staged("k1")).toEqual({ ...replay, rows: 3 });
      expect(await store.stagedRows("k1", { limit: 2 })).toEqual([rows[1], rows[2]]);
      expect(await store.stagedRows("k1", { after: 2, limit: 2 })).toEqual([rows[0]]);
      await store.stage({ ...replay, key: "k2", mode: "whole", before: null }, []);
      expect(await store.staged("k1")).toBeNull();
      expect(await store.stagedRows("k1", { limit: 9 })).toEqual([]);
      expect(await store.staged("k2")).toEqual({ ...replay, key: "k2", mode: "whole", before: null, rows: 0 });
      await store.stage({ ...replay, key: "k3", partition: null }, []);
      expect(await store.staged("k2")).not.toBeNull();
      expect(await store.staged("k3")).toMatchObject({ partition: null });
    });

    it("prunes what was written and staged before a time", async () => {
      await store.replace(key, [[brokenRow(1, "a")]]);
      await store.replace({ ...key, partition: "2026-01-02", at: 2000 }, [[brokenRow(2, "a")]]);
      await store.stage(replay, [[{ record: 1, row: {} }]]);
      expect(await store.prune(1500)).toBe(1);
      expect((await store.list({ limit: 9 })).map(({ partition }) => partition)).toEqual(["2026-01-02"]);
      expect(await store.staged("k1")).toBeNull();
    });
  });
}
