// Promise 4, offline and online: whatever the events, their lateness, the order of partitions and the reruns, the online
// read gives the numbers that one query over the events gives.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
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
  max,
  mean,
  memoryOnlineStore,
  min,
  offlineFeatures,
  pivot,
  ratio,
  readFeatures,
  sum,
  type FeatureView,
  type OnlineStore,
} from "../../../src/features/index.ts";
import { openDesk, relationOf, slice, type Desk, type Event } from "./events.ts";

const amount = sql`quantity * unit_price`;
const bought = sql`quantity > 0`;

function viewIn(timeZone: string): FeatureView {
  return featureView("activity", {
    entity: entity("customer", { key: "customer_id" }),
    timestamp: "at",
    timeZone,
    features: {
      revenue_per_order: ratio("revenue", "orders"),
      events: count(),
      priced: count("unit_price", { window: days(3) }),
      orders: countDistinct("invoice_no", { where: bought }),
      orders_2d: countDistinct("invoice_no", { window: days(2) }),
      prices: countDistinct("unit_price"),
      revenue: sum(amount),
      revenue_3d: sum(amount, { where: bought, window: days(3) }),
      units: sum("quantity"),
      mean_price: mean("unit_price"),
      mean_price_2d: mean("unit_price", { window: days(2), where: bought }),
      least: min("quantity"),
      dearest: max("unit_price"),
      dearest_1d: max("unit_price", { window: days(1) }),
      first_at: min("at"),
      last_at: max("at", { where: bought }),
      last_day: max(sql`CAST("at" AS DATE)`),
      first_country: min("country"),
      last_country: max("country"),
      active_days: activeDays(),
      active_days_4d: activeDays({ window: days(4), where: bought }),
      revenue_by: pivot(sum(amount), { by: "country", values: ["uk", "fr"] }),
      days_by: pivot(activeDays({ window: days(5) }), { by: sql`upper(country)`, values: ["UK", "other"] }),
      latest_by: pivot(max("at"), { by: "country", values: ["uk"] }),
      uk_share: ratio("revenue_by_uk", "revenue"),
    },
  });
}

// Around the night on which London's clocks go forward, and back.
const seasons = [Date.parse("2011-03-25T00:00:00Z"), Date.parse("2011-10-27T00:00:00Z")];
const week = 7 * 86_400_000;
const offset = fc.oneof(
  fc.bigInt({ min: 0n, max: BigInt(week) * 1000n }),
  // Midnights of whole and half hours' zones, and a microsecond beside them.
  fc
    .tuple(fc.integer({ min: 0, max: 7 * 48 }), fc.constantFrom(-1n, 0n, 1n))
    .map(([half, off]) => BigInt(half) * 1_800_000_000n + off),
);

const event = (season: number): fc.Arbitrary<Event> =>
  fc.record({
    customer_id: fc.constantFrom("1", "2", "01", null),
    invoice_no: fc.constantFrom("a", "b", "c", "d", null),
    quantity: fc.option(fc.integer({ min: -3, max: 5 }), { freq: 8 }),
    unit_price: fc.oneof(
      { weight: 8, arbitrary: fc.double({ min: -1e13, max: 1e13, noNaN: true }) },
      { weight: 4, arbitrary: fc.constantFrom(0.1, 0.2, 0.0000005, 2.55, 1234567.8900005) },
      { weight: 2, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, null) },
    ),
    country: fc.constantFrom("uk", "fr", "other", "Zürich", "\u{1F600}", "\uFFFD", "", null),
    at: fc.oneof(
      { weight: 15, arbitrary: offset.map((micros) => BigInt(season) * 1000n + micros) },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
  });

const scenario = fc.constantFrom(...seasons).chain((season) =>
  fc.record({
    timeZone: fc.constantFrom("Europe/London", "UTC", "America/St_Johns", "Asia/Kolkata"),
    // A run of a partition: the same partition may be run again, with other events; any event may be late in it.
    runs: fc.array(
      fc.record({ partition: fc.integer({ min: 1, max: 4 }), events: fc.array(event(season), { maxLength: 12 }) }),
      { minLength: 1, maxLength: 6 },
    ),
    asOf: fc
      .oneof(
        fc.integer({ min: -86_400_000, max: week + 86_400_000 }),
        fc.integer({ min: 0, max: 7 * 48 }).map((half) => half * 1_800_000),
      )
      .map((milliseconds) => new Date(season + milliseconds)),
  }),
);

let desk: Desk;
const folder = mkdtempSync(join(tmpdir(), "sluice-equal-"));
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => {
  desk.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the online read and the offline query", () => {
  let files = 0;
  it.each([
    ["memory", memoryOnlineStore],
    ["sqlite", () => openOnlineStore(join(folder, `${(files += 1)}.db`))],
  ])("give the same features, exactly, for any events, order, reruns and instant (%s)", async (_name, create) => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ timeZone, runs, asOf }) => {
        const view = viewIn(timeZone);
        const store: OnlineStore = create();
        const current = new Map<number, readonly Event[]>();
        let fence = 0;
        for (const { partition, events } of runs) {
          current.set(partition, events);
          await desk.run(view, store, await desk.dataset(events), slice(`2011-01-0${partition}`), (fence += 1));
        }
        const relation = relationOf([...current.values()].flat());
        const offline = await desk.session.rows(offlineFeatures(view, relation, asOf));
        const expected = new Map(offline.map(({ customer_id: key, ...features }) => [String(key), plain(features)]));
        for (const key of ["1", "2", "01"]) {
          const online = await readFeatures(store, "activity", key, { asOf });
          expect(online === null ? undefined : plain(online.features), `customer ${key}`).toEqual(expected.get(key));
        }
        store.close();
      }),
      { numRuns: 120 },
    );
  });

  it("ignore every event at or after the instant, and every event of its unfinished day", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ timeZone, runs, asOf }) => {
        const view = viewIn(timeZone);
        const events = runs.flatMap((run) => run.events);
        const known = events.filter((one) => one.at !== null && one.at < BigInt(asOf.getTime()) * 1000n);
        const all = await desk.session.rows(`FROM (${offlineFeatures(view, relationOf(events), asOf)}) ORDER BY ALL`);
        const before = await desk.session.rows(`FROM (${offlineFeatures(view, relationOf(known), asOf)}) ORDER BY ALL`);
        expect(all).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});

/** Times and 64-bit numbers in one form, and no negative zero. */
function plain(features: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(features).map(([name, value]) => {
      if (typeof value === "string" && /^\d{4}-\d\d-\d\d[ T]\d\d:/.test(value)) return [name, micros(value)];
      if (typeof value === "string" && /^\d+$/.test(value)) return [name, Number(value)];
      return [name, typeof value === "number" ? value + 0 : value];
    }),
  );
}

/** Microseconds since the epoch, of either notation of an instant in UTC. */
function micros(instant: string): bigint {
  const [, seconds, fraction = ""] = /^(.{19})(?:\.(\d+))?(?:Z|\+00)$/.exec(instant)!;
  return BigInt(Date.parse(`${seconds!.replace(" ", "T")}Z`)) * 1000n + BigInt(fraction.padEnd(6, "0"));
}
