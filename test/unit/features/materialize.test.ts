import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openOnlineStore } from "../../../src/adapters/sqlite/online-store.ts";
import { sql } from "../../../src/dataset/sql.ts";
import {
  activeDays,
  count,
  countDistinct,
  days,
  entity,
  featureView,
  materialize,
  max,
  mean,
  memoryOnlineStore,
  min,
  offlineFeatures,
  pivot,
  ratio,
  readFeatures,
  sum,
  type Feature,
  type FeatureView,
  type OnlineStore,
} from "../../../src/features/index.ts";
import { openDesk, slice, type Desk, type Event } from "./events.ts";

let desk: Desk;
const folder = mkdtempSync(join(tmpdir(), "sluice-materialize-"));
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => {
  desk.close();
  rmSync(folder, { recursive: true, force: true });
});

const customer = entity("customer", { key: "customer_id" });
const viewOf = (features: Record<string, Feature>, timeZone = "Europe/London"): FeatureView =>
  featureView("activity", { entity: customer, timestamp: "at", timeZone, features });
const event = (at: string, changes: Partial<Event> = {}): Event => ({
  customer_id: "1",
  invoice_no: "a",
  quantity: 1,
  unit_price: 1,
  country: "uk",
  at: BigInt(Date.parse(at)) * 1000n,
  ...changes,
});
const amount = sql`quantity * unit_price`;

describe("materialize and read", () => {
  const view = viewOf({
    mean_basket: ratio("revenue", "orders"),
    orders: countDistinct("invoice_no", { where: sql`quantity > 0` }),
    revenue: sum(amount),
    revenue_2d: sum(amount, { window: days(2) }),
    mean_price: mean("unit_price"),
    first_at: min("at"),
    last_at: max("at"),
    dearest: max("unit_price"),
    active_days: activeDays(),
    by_country: pivot(sum(amount), { by: "country", values: ["uk"] }),
  });
  const events = [
    event("2011-01-01T10:00:00Z", { quantity: 3, unit_price: 0.1, invoice_no: "a" }),
    event("2011-01-01T11:00:00Z", { quantity: 1, unit_price: 0.2, invoice_no: "a", country: "fr" }),
    event("2011-01-03T12:00:00.250Z", { quantity: -1, unit_price: 10.5, invoice_no: "c", country: null }),
  ];

  it("gives numbers that can be checked by hand", async () => {
    const store = memoryOnlineStore();
    await desk.run(view, store, await desk.dataset(events), slice("2011-01-03"), 1);
    expect(await readFeatures(store, "activity", 1)).toEqual({
      view: "activity",
      entity: "customer",
      key: "1",
      asOf: "2011-01-04T00:00:00.000Z",
      watermark: "2011-01-04T00:00:00.000Z",
      partitions: { materialized: 1, missing: 0 },
      features: {
        mean_basket: -10,
        orders: 1,
        revenue: -10,
        revenue_2d: -10.5,
        mean_price: 3.6,
        first_at: "2011-01-01T10:00:00.000Z",
        last_at: "2011-01-03T12:00:00.250Z",
        dearest: 10.5,
        active_days: 2,
        by_country_uk: 0.3,
        by_country_other: -10.3,
      },
    });
  });

  it("counts a day once it is over, and lets windows run out without new events", async () => {
    const store = memoryOnlineStore();
    await desk.run(view, store, await desk.dataset(events), slice("2011-01-03"), 1);
    const at = async (asOf: string) => (await readFeatures(store, "activity", "1", { asOf }))?.features;
    expect(await at("2011-01-01T23:59:59.999Z")).toBeUndefined();
    expect(await at("2011-01-02T00:00:00Z")).toMatchObject({ revenue: 0.5, revenue_2d: 0.5, active_days: 1 });
    expect(await at("2011-01-03T23:59:59Z")).toMatchObject({ revenue: 0.5, revenue_2d: 0.5 });
    expect(await at("2011-01-04T00:00:00Z")).toMatchObject({ revenue: -10, revenue_2d: -10.5 });
    expect(await at("2011-01-06T00:00:00Z")).toMatchObject({ revenue: -10, revenue_2d: 0, mean_price: 3.6 });
  });

  it("says 0 for counts and sums of nothing, and null for what needs a value", async () => {
    const empty = { where: sql`quantity > 100` };
    const none = viewOf({
      n: count(empty),
      d: countDistinct("country", empty),
      s: sum("quantity", empty),
      a: activeDays(empty),
      m: mean("quantity", empty),
      lo: min("quantity", empty),
      hi: max("at", empty),
      r: ratio("s", "n"),
    });
    const store = memoryOnlineStore();
    await desk.run(none, store, await desk.dataset(events), slice("2011-01-03"), 1);
    expect((await readFeatures(store, "activity", "1"))?.features).toEqual({
      n: 0,
      d: 0,
      s: 0,
      a: 0,
      m: null,
      lo: null,
      hi: null,
      r: null,
    });
  });

  it("adds exactly, beyond what a double holds", async () => {
    const store = memoryOnlineStore();
    const cents = Array.from({ length: 10 }, () => event("2011-01-01T10:00:00Z", { unit_price: 0.1 }));
    const large = [1e15, 0.25, -1e15].map((unit_price) => event("2011-01-02T10:00:00Z", { unit_price }));
    await desk.run(
      viewOf({ total: sum("unit_price") }),
      store,
      await desk.dataset([...large, ...cents]),
      slice("2011-01-02"),
      1,
    );
    expect((await readFeatures(store, "activity", "1"))?.features).toEqual({ total: 1.25 });
  });

  it("cuts days at the zone's midnights, of which a summer's lie in the day before", async () => {
    const store = memoryOnlineStore();
    const late = [event("2011-07-01T22:59:59Z"), event("2011-07-01T23:00:00Z")];
    await desk.run(viewOf({ n: count() }), store, await desk.dataset(late), slice("2011-07-01"), 1);
    const at = async (asOf: string) => (await readFeatures(store, "activity", "1", { asOf }))?.features["n"];
    expect(await at("2011-07-01T22:59:59Z")).toBeUndefined();
    expect(await at("2011-07-01T23:00:00Z")).toBe(1);
    expect(await at("2011-07-02T23:00:00Z")).toBe(2);
  });

  it("changes nothing when a partition is run again, and takes away what the rerun no longer has", async () => {
    const store = memoryOnlineStore();
    const dataset = await desk.dataset([...events, event("2011-01-03T13:00:00Z", { customer_id: "2" })]);
    const first = await desk.run(view, store, dataset, slice("2011-01-03"), 1);
    const before = [await readFeatures(store, "activity", "1"), await readFeatures(store, "activity", "2")];
    const second = await desk.run(view, store, dataset, slice("2011-01-03"), 2);
    expect(first.output).toMatchObject({ entities: 2, tiles: 3, replaced: 0 });
    expect(second.output).toEqual({ ...first.output, replaced: 3 });
    expect([await readFeatures(store, "activity", "1"), await readFeatures(store, "activity", "2")]).toEqual(before);
    await desk.run(view, store, await desk.dataset([events[0]!]), slice("2011-01-03"), 3);
    expect((await readFeatures(store, "activity", "1"))?.features["active_days"]).toBe(1);
    expect(await readFeatures(store, "activity", "2")).toBeNull();
  });

  it("merges an event that came late into its own day", async () => {
    const store = memoryOnlineStore();
    await desk.run(view, store, await desk.dataset([events[0]!]), slice("2011-01-01"), 1);
    await desk.run(view, store, await desk.dataset([events[1]!]), slice("2011-01-02"), 2);
    expect((await readFeatures(store, "activity", "1", { asOf: "2011-01-02T00:00:00Z" }))?.features).toMatchObject({
      orders: 1,
      revenue: 0.5,
      active_days: 1,
    });
  });

  it("reports rows that belong to no entity or no day, and their asset", async () => {
    const rows = [
      event("2011-01-01T10:00:00Z"),
      event("2011-01-01T10:00:00Z", { customer_id: null }),
      event("2011-01-01T10:00:00Z", { at: null }),
    ];
    const result = await desk.run(view, memoryOnlineStore(), await desk.dataset(rows), slice("2011-01-01"), 1);
    expect(result.rows).toEqual({ in: 3, out: 1, duplicate: 0, quarantined: 0 });
    expect(result.output).toMatchObject({ skipped: 2, tiles: 1 });
    expect(result.assets).toEqual(["features.activity"]);
    expect(result.log.map((line) => line.message)).toEqual([
      "2 of 3 rows have no customer_id or no at: they are no features",
    ]);
  });

  it("moves the watermark on a day without rows", async () => {
    const store = memoryOnlineStore();
    await desk.run(view, store, await desk.dataset(events), slice("2011-01-03"), 1);
    const empty = await desk.run(view, store, { ...(await desk.dataset([])), files: [] }, slice("2011-01-04"), 2);
    expect(empty.output).toMatchObject({
      tiles: 0,
      watermark: "2011-01-05T00:00:00.000Z",
      partitions: { materialized: 2, missing: 0 },
    });
    expect(await readFeatures(store, "activity", "1")).toMatchObject({
      asOf: "2011-01-05T00:00:00.000Z",
      features: { revenue_2d: -10.5 },
    });
  });

  it("replaces the whole view in a pipeline without partitions, as of when it ran", async () => {
    const store = memoryOnlineStore();
    await desk.run(view, store, await desk.dataset(events), null, 1);
    await desk.run(view, store, await desk.dataset([events[0]!]), null, 2);
    expect(await readFeatures(store, "activity", "1")).toMatchObject({
      asOf: "2011-06-01T12:00:00.000Z",
      features: { active_days: 1 },
    });
  });

  it("refuses an attempt that was overtaken", async () => {
    const store = memoryOnlineStore();
    await desk.run(view, store, await desk.dataset(events), slice("2011-01-03"), 2);
    await expect(desk.run(view, store, await desk.dataset([]), slice("2011-01-03"), 1)).rejects.toMatchObject({
      code: "FENCED",
    });
    expect(await readFeatures(store, "activity", "1")).not.toBeNull();
  });

  it("starts a new version when the view is changed, and says what it doesn't read meanwhile", async () => {
    const store = memoryOnlineStore();
    const changed = viewOf({ n: count() });
    for (const day of ["2011-01-01", "2011-01-02"])
      await desk.run(view, store, await desk.dataset([event(`${day}T10:00:00Z`)]), slice(day), 1);
    const first = await desk.run(
      changed,
      store,
      await desk.dataset([event("2011-01-02T10:00:00Z")]),
      slice("2011-01-02"),
      2,
    );
    expect(first.output.partitions).toEqual({ materialized: 1, missing: 1 });
    expect(first.log.at(-1)).toMatchObject({
      level: "warn",
      message: expect.stringMatching(/1 partitions of another version are not read/),
    });
    expect(await readFeatures(store, "activity", "1")).toMatchObject({
      partitions: { materialized: 1, missing: 1 },
      features: { n: 1 },
    });
    const second = await desk.run(
      changed,
      store,
      await desk.dataset([event("2011-01-01T10:00:00Z")]),
      slice("2011-01-01"),
      2,
    );
    expect(second.log).toEqual([]);
    expect(await readFeatures(store, "activity", "1")).toMatchObject({
      partitions: { materialized: 2, missing: 0 },
      features: { n: 2 },
    });
  });

  it("is another version when a smallest value becomes of another class, so that the two are never compared", async () => {
    const store = memoryOnlineStore();
    const least = viewOf({ least: min("quantity") });
    const select = (quantity: string) =>
      `SELECT '1' AS customer_id, ${quantity} AS quantity, TIMESTAMPTZ '2011-01-01 10:00:00+00' AS "at"`;
    await desk.run(least, store, await desk.query(select("9")), slice("2011-01-01"), 1);
    const text = await desk.run(least, store, await desk.query(select("'10'")), slice("2011-01-02"), 2);
    expect(text.output.partitions).toEqual({ materialized: 1, missing: 1 });
    expect((await readFeatures(store, "activity", "1"))?.features).toEqual({ least: "10" });
  });

  it("uses an expression as input and as condition at once", async () => {
    const store = memoryOnlineStore();
    const flag = sql`quantity > 0`;
    await desk.run(
      viewOf({ n: count(flag, { where: flag }) }),
      store,
      await desk.dataset(events),
      slice("2011-01-03"),
      1,
    );
    expect((await readFeatures(store, "activity", "1"))?.features).toEqual({ n: 2 });
  });
});

describe("reading", () => {
  it("says null for an entity it doesn't know and NOT_FOUND for a view it doesn't know", async () => {
    const store = memoryOnlineStore();
    await expect(readFeatures(store, "activity", "1")).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: expect.stringContaining("materialize"),
    });
    await desk.run(viewOf({ n: count() }), store, await desk.dataset([]), slice("2011-01-01"), 1);
    expect(await readFeatures(store, "activity", "1")).toBeNull();
    await expect(readFeatures(store, "activty", "1")).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: "There is activity.",
    });
  });

  it.each(["yesterday", "2011-01-05", "2011-01-05T00:00:00", "2011-13-05T00:00:00Z"])(
    "refuses %s as an instant",
    async (asOf) => {
      await expect(readFeatures(memoryOnlineStore(), "activity", "1", { asOf })).rejects.toMatchObject({
        code: "USAGE",
      });
    },
  );
});

describe("a dataset that the view doesn't fit", () => {
  const run = async (features: Record<string, Feature>, query: string): Promise<unknown> =>
    desk.run(viewOf(features), memoryOnlineStore(), await desk.query(query), slice("2011-01-01"), 1);
  const time = `TIMESTAMPTZ '2011-01-01 10:00:00+00' AS "at"`;

  it.each<[string, Record<string, Feature>, string, RegExp, RegExp]>([
    [
      "lacks the key",
      { n: count() },
      `SELECT 1 AS client, ${time}`,
      /reads the column "customer_id"/,
      /It has client, at/,
    ],
    [
      "has a renamed column",
      { n: countDistinct("invoice_no") },
      `SELECT 1 AS customer_id, 2 AS "InvoiceNo", ${time}`,
      /"invoice_no"/,
      /renamed to "InvoiceNo"/,
    ],
    [
      "lacks a column of an expression",
      { n: sum(sql`quantity * 2`) },
      `SELECT 1 AS customer_id, ${time}`,
      /reads the column "quantity"/,
      /It has/,
    ],
    [
      "lacks a column of a smallest value",
      { n: min(sql`quantity * 2`) },
      `SELECT 1 AS customer_id, ${time}`,
      /reads the column "quantity"/,
      /It has/,
    ],
    [
      "has times without a zone",
      { n: count() },
      `SELECT 1 AS customer_id, TIMESTAMP '2011-01-01 10:00:00' AS "at"`,
      /and it is TIMESTAMP$/,
      /timezone\('Europe\/London', at\)/,
    ],
    [
      "has texts to be summed",
      { n: sum("name") },
      `SELECT 1 AS customer_id, 'x' AS name, ${time}`,
      /sums "name", which is VARCHAR/,
      /cast it/,
    ],
    [
      "has texts in an expression of two lines",
      {
        n: sum(sql`upper(
  name)`),
      },
      `SELECT 1 AS customer_id, 'x' AS name, ${time}`,
      /sums upper\( name\), which/,
      /cast it/,
    ],
    [
      "has lists to be compared",
      { n: max("tags") },
      `SELECT 1 AS customer_id, [1] AS tags, ${time}`,
      /can't take the max of "tags"/,
      /can be compared/,
    ],
  ])("%s: one line says so", async (_what, features, query, message, hint) => {
    const error = await run(features, query).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: "CONTRACT_MISMATCH",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect((error as Error).message).not.toContain("\n");
  });

  it("is refused before it is defined when it is no feature view at all", () => {
    expect(() => materialize({} as never, { from: { step: "x" } })).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID" }),
    );
  });
});

const retail = join(import.meta.dirname, "../../../../shared/data/retail");
describe.skipIf(!existsSync(retail))("a month of real sales (skipped where ../shared/data/retail is missing)", () => {
  it("reads the same online as offline for every customer, at the end, before it and long after", async () => {
    const view = featureView("customer_activity", {
      entity: customer,
      timestamp: "invoice_date",
      timeZone: "Europe/London",
      features: {
        orders: countDistinct("invoice_no", { where: sql`quantity > 0` }),
        revenue: sum(amount),
        mean_basket: ratio("revenue", "orders"),
        distinct_products: countDistinct("stock_code"),
        last_purchase: max("invoice_date"),
        active_days: activeDays(),
        revenue_7d: sum(amount, { window: days(7) }),
        mean_price: mean("unit_price"),
        revenue_by_country: pivot(sum(amount), {
          by: sql`CASE country WHEN 'United Kingdom' THEN 'uk' ELSE 'abroad' END`,
          values: ["uk"],
        }),
      },
    });
    const store: OnlineStore = openOnlineStore(join(folder, "retail.db"));
    const names = readdirSync(retail)
      .filter((name) => name.endsWith(".csv.gz"))
      .sort()
      .slice(0, 20)
      .map((name) => name.slice(0, 10));
    const source = (
      name: string,
    ) => `(SELECT InvoiceNo AS invoice_no, StockCode AS stock_code, CAST(Quantity AS INTEGER) AS quantity,
      CAST(UnitPrice AS DOUBLE) AS unit_price, regexp_replace(CustomerID, '\\.0$', '') AS customer_id, Country AS country,
      timezone('Europe/London', CAST(InvoiceDate AS TIMESTAMP)) AS invoice_date
      FROM read_csv('${join(retail, name)}.csv.gz', header = true, all_varchar = true))`;
    // Newest first: the order of days doesn't matter.
    const files: string[] = [];
    for (const [position, day] of names.toReversed().entries()) {
      const dataset = await desk.query(`SELECT * FROM ${source(day)}`);
      files.push(...dataset.files);
      await desk.run(view, store, dataset, slice(day), position + 1);
    }
    const everything = `read_parquet([${files.map((file) => `'${file}'`).join(", ")}])`;
    for (const asOf of [`${names.at(-1)!}T23:59:59Z`, "2010-12-05T00:00:00Z", "2011-03-01T00:00:00Z"]) {
      const offline = await desk.session.rows(offlineFeatures(view, everything, asOf));
      expect(offline.length).toBeGreaterThan(100);
      for (const { customer_id: key, ...expected } of offline) {
        const online = await readFeatures(store, "customer_activity", String(key), { asOf });
        const numbers = Object.fromEntries(
          Object.entries(expected).map(([name, value]) => [
            name,
            name === "last_purchase" ? new Date(String(value)).toISOString() : value === null ? null : Number(value),
          ]),
        );
        expect(online?.features, `customer ${String(key)} as of ${asOf}`).toEqual(numbers);
      }
    }
    store.close();
  });
});
