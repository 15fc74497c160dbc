// How partitions stand, as ranges: right at every edge, and without going through those that have no run.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partitionStates } from "../../../src/embedded/partition-states.ts";
import type { EngineReader } from "../../../src/embedded/reader.ts";
import type { PartitionStatus } from "../../../src/engine/stores/request-store.ts";
import { combine, dynamicPartitions, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { selectPartitions } from "../../../src/pipeline/partition-selection.ts";
import type { Partitions, PartitionSelection } from "../../../src/pipeline/partition.ts";
import { daily, hourly } from "../../../src/pipeline/time-partitions.ts";
import { planOf } from "../engine/plans.ts";

const now = Date.UTC(2026, 0, 11, 12);

/** What a store with these statuses answers, and how often it was asked. */
function storeOf(statuses: Readonly<Record<string, PartitionStatus["status"]>>, sets: Record<string, string[]> = {}) {
  const all = Object.entries(statuses).map(([partition, status]): PartitionStatus => {
    return { partition, runId: `run-${partition}`, status, everSucceeded: status === "succeeded" };
  });
  let calls = 0;
  const store: Pick<EngineReader, "partitionStatuses" | "partitionKeys"> = {
    partitionStatuses: async (_pipeline, { keys, after = "", limit = 1000 }) => {
      calls += 1;
      if (keys !== undefined) return keys.flatMap((key) => all.filter(({ partition }) => partition === key));
      return all
        .filter(({ partition }) => partition > after)
        .sort((a, b) => (a.partition < b.partition ? -1 : 1))
        .slice(0, limit);
    },
    partitionKeys: async (set) => sets[set] ?? [],
  };
  return { store: store as EngineReader, calls: () => calls };
}

function planWith(partitions: Partitions) {
  return { ...planOf({ a: [] }, { partitions }), partitions };
}

const short = ({ from, to, count, status }: { from: string; to: string; count: number; status: string }): string =>
  `${from}..${to} ${count} ${status}`;

describe("the partitions of a pipeline", () => {
  it("are ranges of neighbours that stand alike, with what lies between them", async () => {
    const { store } = storeOf({
      "2026-01-02": "succeeded",
      "2026-01-03": "succeeded",
      "2026-01-04": "failed",
      "2026-01-08": "running",
      // Of an earlier definition, and after the last that has ended.
      "2025-12-31": "succeeded",
      "2026-01-0": "failed",
      "2026-01-11": "succeeded",
    });
    const summary = await partitionStates(store, planWith(daily({ from: "2026-01-01" })), { limit: 10, now });
    expect(summary.ranges.map(short)).toEqual([
      "2026-01-01..2026-01-01 1 missing",
      "2026-01-02..2026-01-03 2 succeeded",
      "2026-01-04..2026-01-04 1 failed",
      "2026-01-05..2026-01-07 3 missing",
      "2026-01-08..2026-01-08 1 running",
      "2026-01-09..2026-01-10 2 missing",
    ]);
    expect(summary).toMatchObject({
      total: 10,
      counts: { missing: 6, running: 1, succeeded: 2, failed: 1, cancelled: 0 },
      neverSucceeded: 8,
      moreRanges: 0,
    });
  });

  it("are listed as far as they are asked for, and all counted", async () => {
    const { store } = storeOf({ "2026-01-01": "failed", "2026-01-03": "failed", "2026-01-05": "failed" });
    const plan = planWith(daily({ from: "2026-01-01", to: "2026-01-06" }));
    const summary = await partitionStates(store, plan, { lists: (state) => state === "failed", limit: 2, now });
    expect(summary.ranges.map(short)).toEqual(["2026-01-01..2026-01-01 1 failed", "2026-01-03..2026-01-03 1 failed"]);
    expect(summary).toMatchObject({ total: 6, moreRanges: 1, counts: { failed: 3, missing: 3 } });
    const range = { type: "range", from: "2026-01-02", to: "2026-01-03" } as const;
    const some = await partitionStates(store, plan, { selection: range, limit: 9, now });
    expect(some.ranges.map(short)).toEqual(["2026-01-02..2026-01-02 1 missing", "2026-01-03..2026-01-03 1 failed"]);
    const keys = { type: "keys", keys: ["2026-01-05", "2026-01-02"] } as const;
    const named = await partitionStates(store, plan, { selection: keys, limit: 9, now });
    expect(named.ranges.map(short)).toEqual(["2026-01-05..2026-01-05 1 failed", "2026-01-02..2026-01-02 1 missing"]);
  });

  it("may be a million: those without runs are counted, not made", async () => {
    const { store, calls } = storeOf({ "1990-01-01T05": "succeeded", "2020-06-01T00": "failed" });
    const plan = planWith(hourly({ from: "1900-01-01", to: "2024-12-31" }));
    const summary = await partitionStates(store, plan, { limit: 10, now });
    expect(summary.total).toBeGreaterThan(1_000_000);
    expect(summary.ranges.map(({ status }) => status)).toEqual([
      "missing",
      "succeeded",
      "missing",
      "failed",
      "missing",
    ]);
    expect(summary.ranges.reduce((sum, { count }) => sum + count, 0)).toBe(summary.total);
    expect(calls()).toBeLessThan(5);
  });

  it("are asked for by name where they have no order in time", async () => {
    const regions = staticPartitions(["eu", "us", "asia"]);
    const statuses = { "2026-01-01|us": "succeeded", "2026-01-02|eu": "failed", acme: "succeeded" } as const;
    const { store } = storeOf(statuses, { customers: ["acme", "globex"] });
    const combined = planWith(combine({ day: daily({ from: "2026-01-01", to: "2026-01-02" }), region: regions }));
    const summary = await partitionStates(store, combined, { limit: 10, now });
    expect(summary.ranges.map(short)).toEqual([
      "2026-01-01|eu..2026-01-01|eu 1 missing",
      "2026-01-01|us..2026-01-01|us 1 succeeded",
      "2026-01-01|asia..2026-01-01|asia 1 missing",
      "2026-01-02|eu..2026-01-02|eu 1 failed",
      "2026-01-02|us..2026-01-02|asia 2 missing",
    ]);
    const dynamic = await partitionStates(store, planWith(dynamicPartitions("customers")), { limit: 10, now });
    expect(dynamic.ranges.map(short)).toEqual(["acme..acme 1 succeeded", "globex..globex 1 missing"]);
    const none = await partitionStates(storeOf({}).store, planWith(dynamicPartitions("customers")), { limit: 1, now });
    expect(none).toMatchObject({ total: 0, ranges: [] });
  });

  it("are the same whether they are gone through one by one or by what lies between", async () => {
    const states = ["running", "succeeded", "failed", "cancelled"] as const;
    const sets = [
      daily({ from: "2026-01-01", to: "2030-12-31" }),
      hourly({ from: "2026-03-28", to: "2026-03-31" }),
      hourly({ from: "2026-10-24", to: "2026-10-26", timeZone: "Europe/London" }),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sets),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...states)), { maxLength: 200 }),
        fc.nat({ max: 2_500 }),
        async (set, some, run) => {
          const { count, keyAt } = selectPartitions(set, { type: "all" }, () => [], 0);
          const statuses: Record<string, (typeof states)[number]> = { "2026-03-2": "failed", "2026-10-24": "failed" };
          if (set.unit === "day") delete statuses["2026-10-24"];
          // A long stretch without gaps, of which some stand otherwise, and some may have been made before.
          for (let place = 0; place < Math.min(run, count); place += 1) statuses[keyAt(place)] = "succeeded";
          for (const [place, status] of some) statuses[keyAt(place % count)] = status;
          const { store } = storeOf(statuses);
          const keys = Array.from({ length: count }, (_, place) => keyAt(place));
          const ask = (selection: PartitionSelection) =>
            partitionStates(store, planWith(set), { selection, limit: 1_000, now });
          expect(await ask({ type: "all" })).toEqual(await ask({ type: "keys", keys }));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are none before the first has ended", async () => {
    const summary = await partitionStates(storeOf({}).store, planWith(daily({ from: "2026-01-11" })), {
      limit: 1,
      now,
    });
    expect(summary).toMatchObject({ total: 0, neverSucceeded: 0, ranges: [] });
  });
});
