import { describe, expect, it } from "vitest";
import { runBackfill, type BackfillRequest, type BackfillResult } from "../../../src/engine/backfill.ts";
import { daily } from "../../../src/pipeline/partition.ts";
import { makePlan } from "../../../src/pipeline/plan.ts";
import { finalFailure, planOf } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

const { version: _version, ...parts } = planOf({ load: [] });
const plan = makePlan({ ...parts, partitions: daily({ from: "2011-01-01" }) });

let ids = 0;

function backfill(
  world: Scripted,
  options: Partial<BackfillRequest> = {},
  signal = new AbortController().signal,
  recovered = new Map(),
): Promise<BackfillResult> {
  return runBackfill(
    { plan, from: "2011-01-01", to: "2011-01-04", parallel: 2, reprocess: false, ...options },
    {
      store: world.store,
      scheduler: world.scheduler,
      clock: world.clock,
      randomId: () => `x${(ids += 1)}`,
      recovered,
      signal,
    },
  );
}

/** Ends every attempt, in the order they were started, as `outcome` says. */
async function work(world: Scripted, outcome: (partition: string) => "ok" | "fails" = () => "ok"): Promise<string[]> {
  const seen: string[] = [];
  for (await settled(); world.running.length > 0; await settled()) {
    const { assignment, end } = world.running[0]!;
    seen.push(assignment.partition!);
    await end(outcome(assignment.partition!) === "ok" ? success() : { type: "failed", error: finalFailure });
  }
  return seen;
}

const statuses = ({ runs }: BackfillResult): string[] => runs.map(({ partition, status }) => `${partition} ${status}`);

describe("a backfill", () => {
  it("runs every partition of its range, in order, no more at a time than it may", async () => {
    const world = await scripted(plan);
    const result = backfill(world);
    await settled();
    expect(world.running.map(({ assignment }) => assignment.partition)).toEqual(["2011-01-01", "2011-01-02"]);
    await world.running[1]!.end(success());
    expect(world.running.map(({ assignment }) => assignment.partition)).toEqual(["2011-01-01", "2011-01-03"]);
    await work(world);
    expect(statuses(await result)).toEqual([
      "2011-01-01 succeeded",
      "2011-01-02 succeeded",
      "2011-01-03 succeeded",
      "2011-01-04 succeeded",
    ]);
    expect(await result).toMatchObject({
      started: 4,
      backfill: { status: "succeeded", from: "2011-01-01", to: "2011-01-04" },
    });
    expect(await world.store.findBackfill("orders", plan.version, "2011-01-01", "2011-01-04")).toEqual(
      (await result).backfill,
    );
  });

  it("goes on past a partition that fails, and given again starts only that", async () => {
    const world = await scripted(plan);
    const first = backfill(world);
    await work(world, (partition) => (partition === "2011-01-02" ? "fails" : "ok"));
    expect((await first).backfill.status).toBe("failed");
    expect(statuses(await first)[1]).toBe("2011-01-02 failed");
    const again = backfill(world);
    expect(await work(world)).toEqual(["2011-01-02"]);
    expect(await again).toMatchObject({ started: 1, backfill: { id: (await first).backfill.id, status: "succeeded" } });
    expect(statuses(await again)).toHaveLength(4);
    expect(await backfill(world)).toMatchObject({ started: 0, backfill: { status: "succeeded" } });
  });

  it("runs everything again when it is told to reprocess", async () => {
    const world = await scripted(plan);
    const first = backfill(world);
    await work(world);
    const again = backfill(world, { reprocess: true });
    expect(await work(world)).toHaveLength(4);
    expect((await again).started).toBe(4);
    expect((await again).backfill.id).not.toBe((await first).backfill.id);
  });

  it("starts nothing more once it is interrupted, and says so", async () => {
    const world = await scripted(plan);
    const interrupted = new AbortController();
    const result = backfill(world, {}, interrupted.signal);
    await settled();
    interrupted.abort();
    world.scheduler.cancelAll("interrupted");
    await settled();
    expect(await result).toMatchObject({ started: 2, backfill: { status: "cancelled" } });
    expect(statuses(await result)).toEqual(["2011-01-01 cancelled", "2011-01-02 cancelled"]);
  });

  it("waits for the runs that are being resumed, and starts none of them twice", async () => {
    const world = await scripted(plan);
    void backfill(world);
    await settled();
    const next = world.restart();
    const unfinished = await next.store.unfinishedRuns();
    const finishing = await next.scheduler.recover(new Map([[plan.version, plan]]));
    const recovered = new Map(unfinished.map((run, position) => [run.record.id, finishing[position]!]));
    const result = backfill(next, {}, undefined, recovered);
    expect(await work(next)).toEqual(["2011-01-01", "2011-01-02", "2011-01-03", "2011-01-04"]);
    expect(await result).toMatchObject({ started: 2, backfill: { status: "succeeded" } });
    expect(await next.store.runs({})).toHaveLength(4);
  });

  it("starts anew for a changed pipeline", async () => {
    const world = await scripted(plan);
    const first = backfill(world);
    await work(world);
    await first;
    const changed = makePlan({ ...parts, pipeline: plan.pipeline, partitions: daily({ from: "2010-01-01" }) });
    await world.store.savePlan(changed);
    const again = backfill(world, { plan: changed });
    expect(await work(world)).toHaveLength(4);
    expect((await again).started).toBe(4);
  });

  it("rejects when nothing can be made durable any more", async () => {
    const world = await scripted(plan);
    world.failNextCommit(new Error("database or disk is full"));
    await expect(backfill(world)).rejects.toMatchObject({ code: "DISK_FULL" });
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses to do %d runs at a time", async (parallel) => {
    await expect(backfill(await scripted(plan), { parallel })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("refuses a range outside the partitions, and keeps no trace of it", async () => {
    const world = await scripted(plan);
    for (const range of [{ from: "2010-12-31" }, { from: "2011-02-01", to: "2011-01-01" }, { to: "yesterday" }]) {
      await expect(backfill(world, range)).rejects.toMatchObject({ code: "USAGE" });
      expect(
        await world.store.findBackfill("orders", plan.version, range.from ?? "2011-01-01", range.to ?? "2011-01-04"),
      ).toBeNull();
    }
  });
});
