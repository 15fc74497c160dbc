// What every store of measurements promises; each implementation runs these cases.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MeasurementKey, MeasurementStore } from "../../src/quality/expectations/measurement-store.ts";

export interface MeasurementStoreCase {
  readonly name: string;
  /** An empty store, and what to do with it afterwards. */
  readonly create: () => { readonly store: MeasurementStore; readonly dispose: () => void };
}

const key: MeasurementKey = {
  pipeline: "shop",
  step: "checked",
  series: "",
  place: "2026-01-01",
  at: 1000,
  runId: "run-1",
  fence: 10,
};
const rows = (value: number) => [{ measurement: "rowCount()", value }];

export function testMeasurementStore({ name, create }: MeasurementStoreCase): void {
  describe(`measurements: ${name}`, () => {
    let store: MeasurementStore;
    let dispose: () => void;
    beforeEach(() => {
      ({ store, dispose } = create());
    });
    afterEach(() => {
      store.close();
      dispose();
    });
    const past = async (filter: { series?: string; before?: number; limit?: number; measurement?: string } = {}) =>
      store.past({ pipeline: "shop", step: "checked", series: "", measurement: "rowCount()", limit: 10, ...filter });

    it("gives values back, the newest on the time line first, whenever they were recorded", async () => {
      await store.record({ ...key, place: "2026-01-02", at: 2000 }, rows(2));
      await store.record(key, [...rows(1), { measurement: "columns", value: [{ name: "a", type: "BIGINT" }] }]);
      await store.record({ ...key, place: "2026-01-03", at: 3000, runId: "run-3" }, rows(0.1 + 0.2));
      expect(await past()).toEqual([
        { place: "2026-01-03", at: 3000, runId: "run-3", value: 0.1 + 0.2 },
        { place: "2026-01-02", at: 2000, runId: "run-1", value: 2 },
        { place: "2026-01-01", at: 1000, runId: "run-1", value: 1 },
      ]);
      expect((await past({ before: 3000, limit: 1 })).map(({ value }) => value)).toEqual([2]);
      expect((await past({ measurement: "columns" }))[0]!.value).toEqual([{ name: "a", type: "BIGINT" }]);
    });

    it("replaces all values of a place that is recorded again", async () => {
      await store.record(key, [...rows(1), { measurement: "mean(a)", value: 5 }]);
      await store.record({ ...key, runId: "run-2", fence: 11 }, rows(7));
      expect(await past()).toEqual([{ place: "2026-01-01", at: 1000, runId: "run-2", value: 7 }]);
      expect(await past({ measurement: "mean(a)" })).toEqual([]);
    });

    it("refuses a writer that was overtaken, and keeps what is there", async () => {
      await store.record(key, rows(1));
      await expect(store.record({ ...key, fence: 9 }, rows(2))).rejects.toMatchObject({ code: "FENCED" });
      expect((await past()).map(({ value }) => value)).toEqual([1]);
    });

    it("keeps series, steps and pipelines apart", async () => {
      await store.record({ ...key, series: "eu" }, rows(1));
      await store.record({ ...key, step: "other" }, rows(2));
      await store.record({ ...key, pipeline: "other" }, rows(3));
      expect(await past()).toEqual([]);
      expect((await past({ series: "eu" })).map(({ value }) => value)).toEqual([1]);
    });
  });
}
