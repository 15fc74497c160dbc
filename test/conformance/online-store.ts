// The suite that every online store passes: what replacing a partition and reading an entity promise.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StoredDefinition } from "../../src/features/definition.ts";
import type { OnlineStore, PartitionWrite, Tile } from "../../src/features/online-store.ts";

export interface OnlineStoreSuite {
  readonly name: string;
  /** An empty store. */
  create(): OnlineStore | Promise<OnlineStore>;
}

/** Registers the cases for one online store. */
export function testOnlineStore({ name, create }: OnlineStoreSuite): void {
  describe(`online store: ${name}`, () => {
    let store: OnlineStore;
    beforeEach(async () => {
      store = await create();
    });
    afterEach(() => store.close());

    const put = (partition: string, tiles: readonly Tile[], changes: Partial<PartitionWrite> = {}) =>
      store.replacePartition({
        definition: definition("activity"),
        fingerprint: "v1",
        partition,
        end: `${partition || "2011-02-01"}T00:00:00.000Z`,
        fence: 1,
        tiles,
        ...changes,
      });
    const days = async (key: string, view = "activity") =>
      (await store.readEntity(view, key))?.tiles.map(({ day, state }) => `${day} ${JSON.stringify(state)}`);

    it("gives back an entity's tiles, by day, and nothing of another's", async () => {
      await put("2011-01-02", [tile("a", "2011-01-02", 2), tile("b", "2011-01-02", 3)]);
      await put("2011-01-01", [tile("a", "2011-01-01", 1)]);
      expect(await days("a")).toEqual(["2011-01-01 [1]", "2011-01-02 [2]"]);
      expect(await days("b")).toEqual(["2011-01-02 [3]"]);
      expect(await days("c")).toEqual([]);
    });

    it("compares keys as text, whatever they contain", async () => {
      const keys = ["1", "01", "1.0", " 1", "", "ä", "a", "A", "a'; DROP TABLE tiles; --", "\u{1F600}"];
      await put(
        "2011-01-01",
        keys.map((key, position) => tile(key, "2011-01-01", position)),
      );
      for (const [position, key] of keys.entries()) expect(await days(key), key).toEqual([`2011-01-01 [${position}]`]);
    });

    it("keeps every kind of state as it was", async () => {
      const state = [0, "9999999999999999999999999.000001", ["x", "é\u{1F600}", ""], null, "-5"];
      await put("2011-01-01", [{ key: "a", day: "2011-01-01", state: JSON.stringify(state) }]);
      expect((await store.readEntity("activity", "a"))?.tiles).toEqual([{ day: "2011-01-01", state }]);
    });

    it("replaces all that came from a partition, and says how much that was", async () => {
      await put("2011-01-01", [tile("a", "2011-01-01", 1), tile("b", "2011-01-01", 1)]);
      await put("2011-01-02", [tile("b", "2011-01-02", 5)]);
      const again = await put("2011-01-01", [tile("a", "2010-12-31", 9)], { fence: 2 });
      expect(again.removed).toBe(2);
      expect(await days("a")).toEqual(["2010-12-31 [9]"]);
      expect(await days("b")).toEqual(["2011-01-02 [5]"]);
    });

    it("doesn't change when the same attempt writes again", async () => {
      const first = await put("2011-01-01", [tile("a", "2011-01-01", 1)]);
      const second = await put("2011-01-01", [tile("a", "2011-01-01", 1)]);
      expect(second.status).toEqual(first.status);
      expect(await days("a")).toEqual(["2011-01-01 [1]"]);
    });

    it("keeps tiles of the same entity and day from two partitions apart", async () => {
      await put("2011-01-01", [tile("a", "2011-01-01", 1)]);
      await put("2011-01-02", [tile("a", "2011-01-01", 2)]);
      expect((await days("a"))?.toSorted()).toEqual(["2011-01-01 [1]", "2011-01-01 [2]"]);
      await put("2011-01-02", []);
      expect(await days("a")).toEqual(["2011-01-01 [1]"]);
    });

    it("refuses a lower fence for the same partition and leaves everything as it was", async () => {
      await put("2011-01-01", [tile("a", "2011-01-01", 1)], { fence: 5 });
      const before = await store.views();
      await expect(put("2011-01-01", [], { fence: 4, fingerprint: "v2" })).rejects.toMatchObject({ code: "FENCED" });
      expect(await days("a")).toEqual(["2011-01-01 [1]"]);
      expect(await store.views()).toEqual(before);
      await put("2011-01-02", [tile("a", "2011-01-02", 2)], { fence: 4 });
      expect(await days("a")).toHaveLength(2);
    });

    it("writes all of a partition or nothing", async () => {
      await put("2011-01-01", [tile("a", "2011-01-01", 1)]);
      const broken = [tile("b", "2011-01-01", 2), tile("a", "2011-01-01", 3), tile("b", "2011-01-01", 4)];
      await expect(put("2011-01-01", broken, { fence: 2 })).rejects.toThrow();
      expect(await days("a")).toEqual(["2011-01-01 [1]"]);
      expect(await days("b")).toEqual([]);
    });

    it("has the latest end as watermark, in whatever order partitions come", async () => {
      expect((await put("2011-01-02", [])).status).toMatchObject({
        watermark: "2011-01-02T00:00:00.000Z",
        partitions: 1,
        missing: 0,
      });
      expect((await put("2011-01-01", [])).status).toMatchObject({
        watermark: "2011-01-02T00:00:00.000Z",
        partitions: 2,
        missing: 0,
      });
    });

    it("reads the newest version only, and counts the partitions that are still of another", async () => {
      await put("2011-01-01", [tile("a", "2011-01-01", 1)], { fence: 1 });
      await put("2011-01-02", [tile("a", "2011-01-02", 2)], { fence: 2 });
      const changed = await put("2011-01-02", [tile("a", "2011-01-02", 20)], { fence: 3, fingerprint: "v2" });
      expect(changed).toMatchObject({ removed: 1, status: { fingerprint: "v2", partitions: 1, missing: 1 } });
      expect(await days("a")).toEqual(["2011-01-02 [20]"]);
      const complete = await put("2011-01-01", [tile("a", "2011-01-01", 10)], { fence: 4, fingerprint: "v2" });
      expect(complete.status).toMatchObject({ fingerprint: "v2", partitions: 2, missing: 0 });
      expect(await days("a")).toEqual(["2011-01-01 [10]", "2011-01-02 [20]"]);
    });

    it("isn't taken back to an older version by an attempt that comes late", async () => {
      await put("2011-01-02", [tile("a", "2011-01-02", 2)], {
        fence: 9,
        fingerprint: "v2",
        definition: definition("activity", "UTC"),
      });
      const late = await put("2011-01-01", [tile("a", "2011-01-01", 1)], {
        fence: 8,
        definition: definition("activity", "Asia/Taipei"),
      });
      expect(late.status).toMatchObject({
        fingerprint: "v2",
        partitions: 1,
        missing: 1,
        definition: { timeZone: "UTC" },
      });
      expect(await days("a")).toEqual(["2011-01-02 [2]"]);
    });

    it("never mixes the whole with partitions", async () => {
      await put("2011-01-01", [tile("a", "2011-01-01", 1)], { fence: 1 });
      await put("2011-01-02", [tile("a", "2011-01-02", 2)], { fence: 2 });
      const whole = await put("", [tile("a", "2010-01-01", 7)], { fence: 3 });
      expect(whole).toMatchObject({
        removed: 2,
        status: { partitions: 1, missing: 0, watermark: "2011-02-01T00:00:00.000Z" },
      });
      expect(await days("a")).toEqual(["2010-01-01 [7]"]);
      await expect(put("2011-01-01", [], { fence: 2 })).rejects.toMatchObject({ code: "FENCED" });
      const parts = await put("2011-01-03", [tile("a", "2011-01-03", 3)], { fence: 4 });
      expect(parts).toMatchObject({ removed: 1, status: { partitions: 1, watermark: "2011-01-03T00:00:00.000Z" } });
      expect(await days("a")).toEqual(["2011-01-03 [3]"]);
      await expect(put("", [], { fence: 3 })).rejects.toMatchObject({ code: "FENCED" });
    });

    it("keeps views apart and lists them by name", async () => {
      expect(await store.views()).toEqual([]);
      expect(await store.readEntity("activity", "a")).toBeNull();
      await put("2011-01-01", [tile("a", "2011-01-01", 1)]);
      await put("2011-01-01", [tile("a", "2011-01-01", 2)], { definition: definition("about"), fingerprint: "w" });
      expect((await store.views()).map((status) => status.view)).toEqual(["about", "activity"]);
      expect((await store.views())[1]).toEqual({
        view: "activity",
        definition: definition("activity"),
        fingerprint: "v1",
        watermark: "2011-01-01T00:00:00.000Z",
        partitions: 1,
        missing: 0,
      });
      expect(await days("a", "about")).toEqual(["2011-01-01 [2]"]);
    });
  });
}

function tile(key: string, day: string, count: number): Tile {
  return { key, day, state: JSON.stringify([count]) };
}

function definition(view: string, timeZone = "Europe/London"): StoredDefinition {
  return {
    format: 1,
    view,
    entity: "customer",
    key: "customer_id",
    timestamp: "at",
    timeZone,
    states: [{ function: "count", input: null, where: null, bucket: null }],
    features: [{ name: "events", kind: "merged", state: 0, window: null }],
    classes: [null],
  };
}
