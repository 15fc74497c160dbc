import { describe, expect, it } from "vitest";
import { verdictOn } from "../../../src/engine/requests/backfill-scan.ts";
import type { Instruction } from "../../../src/engine/stores/instruction.ts";
import { combine, dynamicPartitions, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { daily, hourly } from "../../../src/pipeline/time-partitions.ts";
import { finalFailure, planOf } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

const days = daily({ from: "2025-12-01" });
const plan = planOf({ load: [] }, { partitions: days, maxActiveRuns: 1 });

type Asked = Extract<Instruction, { type: "backfill" }>;
const ask = (more: Partial<Asked> = {}): Asked => ({
  type: "backfill",
  pipeline: "orders",
  selection: { type: "range", from: "2025-12-01", to: "2025-12-04" },
  mode: "missing",
  parallel: 2,
  ...more,
});

async function backfill(world: Scripted, more: Partial<Asked> = {}): Promise<string> {
  return ((await world.instruct(ask(more))) as { backfill: string }).backfill;
}

/** Ends every attempt, one at a time, in the order they were started. What ran, in order. */
async function work(world: Scripted, fails: (partition: string) => boolean = () => false): Promise<string[]> {
  const seen: string[] = [];
  for (await settled(); world.running.length > 0; await settled()) {
    const { assignment, end } = world.running[0]!;
    seen.push(assignment.partition!);
    await end(fails(assignment.partition!) ? { type: "failed", error: finalFailure } : success());
  }
  return seen;
}

const running = (world: Scripted): (string | null)[] => world.running.map(({ assignment }) => assignment.partition);

describe("a backfill", () => {
  it("runs every partition of its range, in order, no more at a time than it may", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    expect(running(world)).toEqual(["2025-12-01", "2025-12-02"]);
    await world.running[1]!.end(success());
    expect(running(world)).toEqual(["2025-12-01", "2025-12-03"]);
    await work(world);
    expect(await world.store.backfill(id)).toMatchObject({
      status: "succeeded",
      total: 4,
      position: 4,
      requested: 4,
      succeeded: 4,
      failed: 0,
      finishedAt: world.clock.now(),
    });
    expect(await world.store.runs({ backfill: id })).toMatchObject(
      ["2025-12-04", "2025-12-03", "2025-12-02", "2025-12-01"].map((partition) => ({ partition, trigger: "backfill" })),
    );
  });

  it("goes on past a partition that fails, and says how it ended", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    expect(await work(world, (partition) => partition === "2025-12-02")).toHaveLength(4);
    expect(await world.store.backfill(id)).toMatchObject({ status: "failed", succeeded: 3, failed: 1 });
  });

  it("runs what never succeeded, what failed last, or all", async () => {
    const world = await scripted(plan);
    const tried = { type: "keys", keys: ["2025-12-01", "2025-12-02"] } as const;
    await backfill(world, { selection: tried });
    await work(world, (partition) => partition === "2025-12-02");
    await backfill(world, { selection: tried, mode: "all" });
    // Both have failed last now, and one has succeeded before.
    await work(world, () => true);
    await backfill(world, { mode: "failed" });
    expect(await work(world, () => true)).toEqual(["2025-12-01", "2025-12-02"]);
    await backfill(world, { mode: "missing" });
    expect(await work(world)).toEqual(["2025-12-02", "2025-12-03", "2025-12-04"]);
    await backfill(world, { mode: "all" });
    expect(await work(world)).toHaveLength(4);
  });

  it("leaves alone what is under way for another reason", async () => {
    const world = await scripted(plan);
    await world.run("orders", "2025-12-02");
    await backfill(world, { parallel: 9 });
    expect(running(world)).toEqual(["2025-12-02", "2025-12-01", "2025-12-03", "2025-12-04"]);
  });

  it("does not count against the pipeline's own runs, nor they against it", async () => {
    const world = await scripted(plan);
    await backfill(world);
    await world.run("orders", "2025-12-20");
    expect(running(world)).toEqual(["2025-12-01", "2025-12-02", "2025-12-20"]);
  });

  it("gives way to other runs where there is no room for all", async () => {
    const world = await scripted(plan, { capacity: 1 });
    await backfill(world);
    await world.run("orders", "2025-12-20");
    const order = await work(world);
    expect(order.slice(0, 3)).toEqual(["2025-12-01", "2025-12-20", "2025-12-02"]);
  });

  it("runs partitions of other kinds, each of several dimensions too", async () => {
    const partitions = combine({ day: days, region: staticPartitions(["eu", "us"]) });
    const world = await scripted(planOf({ load: [] }, { partitions }));
    const selection = {
      type: "each",
      dimensions: { day: { type: "range", from: "2025-12-01", to: "2025-12-02" } },
    } as const;
    await backfill(world, { selection, parallel: 9 });
    expect(await work(world)).toEqual(["2025-12-01|eu", "2025-12-01|us", "2025-12-02|eu", "2025-12-02|us"]);
  });

  it("means the partitions there were when it was asked for", async () => {
    const world = await scripted(planOf({ load: [] }, { partitions: dynamicPartitions("customers") }));
    await world.instruct({ type: "add-partitions", set: "customers", keys: ["ann", "bob"] });
    const id = await backfill(world, { selection: { type: "all" }, parallel: 1 });
    await world.instruct({ type: "add-partitions", set: "customers", keys: ["eve"] });
    expect(await work(world)).toEqual(["ann", "bob"]);
    expect(await world.store.backfill(id)).toMatchObject({
      total: 2,
      selection: { type: "keys", keys: ["ann", "bob"] },
    });
  });

  it("runs a partition once that is named twice", async () => {
    const world = await scripted(plan);
    await backfill(world, { selection: { type: "keys", keys: ["2025-12-01", "2025-12-01"] } });
    expect(await work(world)).toEqual(["2025-12-01"]);
  });

  it("passes over a million partitions that are done, and lets others come between", async () => {
    const hours = planOf({ load: [] }, { partitions: hourly({ from: "1900-01-01T00" }) });
    let looks = 0;
    const world = await scripted(hours, {
      between: (store) => ({
        ...store,
        partitionStatuses: async (_pipeline, { keys = [] }) => {
          looks += 1;
          return keys.map((partition) => ({ partition, runId: "old", status: "succeeded", everSucceeded: true }));
        },
      }),
    });
    const asked = world.instruct(ask({ selection: { type: "all" }, mode: "missing" }));
    await asked;
    // Not yet done, and a run is begun all the same.
    const before = looks;
    await world.run("orders", "2025-12-20T00");
    expect(looks).toBeGreaterThan(before);
    expect(await world.store.backfills({ status: "running" })).toHaveLength(1);
    while ((await world.store.backfills({ status: "running" })).length > 0) await settled();
    expect(await world.store.backfills({})).toMatchObject([{ status: "succeeded", requested: 0 }]);
    expect((await world.store.backfills({}))[0]!.total).toBeGreaterThan(1_000_000);
    expect(looks).toBeLessThan(1_300);
  });
});

describe("a backfill, after a restart,", () => {
  it("goes on where it was, and runs nothing twice", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    await world.running[0]!.end(success());
    const next = await world.restart();
    expect(running(next)).toEqual(["2025-12-02", "2025-12-03"]);
    expect(await work(next)).toEqual(["2025-12-02", "2025-12-03", "2025-12-04"]);
    expect(await next.store.backfill(id)).toMatchObject({ status: "succeeded", requested: 4, succeeded: 4, failed: 0 });
    expect(await next.store.runs({ backfill: id })).toHaveLength(4);
  });

  it.each(["advanceBackfill", "createRuns", "commit", "createBackfill"] as const)(
    "ends as it would have, whenever %s was the last thing that happened",
    async (last) => {
      for (const when of ["before", "after"] as const) {
        for (let nth = 1; nth <= 6; nth += 1) {
          let calls = 0;
          const world = await scripted(plan, {
            between: (store) => ({
              ...store,
              [last]: async (...given: never[]) => {
                calls += 1;
                if (calls === nth && when === "before") throw new Error("killed");
                const result = await (store[last] as (...all: never[]) => Promise<unknown>)(...given);
                if (calls === nth) throw new Error("killed");
                return result;
              },
            }),
          });
          await world.instruct(ask()).catch(() => {});
          await work(world, (partition) => partition === "2025-12-03");
          const next = await world.restart({});
          const done = await next.store.backfills({});
          if (done.length === 0) expect([last, nth, when]).toEqual(["createBackfill", 1, "before"]);
          await work(next, (partition) => partition === "2025-12-03");
          for (const record of await next.store.backfills({})) {
            expect(record, `${last} ${nth} ${when}`).toMatchObject({
              status: "failed",
              requested: 4,
              succeeded: 3,
              failed: 1,
            });
            expect(await next.store.runs({ backfill: record.id })).toHaveLength(4);
          }
        }
      }
    },
  );
});

describe("cancelling a backfill", () => {
  it("cancels its runs, takes back its requests and starts nothing more", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    expect(await world.instruct({ type: "cancel-backfill", backfill: id })).toEqual({
      backfill: id,
      status: "cancelled",
      total: 4,
    });
    expect(world.running.every(({ signal }) => signal.aborted)).toBe(true);
    await work(world);
    expect(await world.store.backfill(id)).toMatchObject({ status: "cancelled", requested: 2, failed: 2 });
    expect((await world.store.runs({ backfill: id })).map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
    expect(world.started).toHaveLength(2);
  });

  it("leaves other runs of the pipeline alone", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    await world.run("orders", "2025-12-20");
    await world.instruct({ type: "cancel-backfill", backfill: id });
    expect(world.running.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
  });

  it("twice is as once, and of one that has ended does nothing", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    const answer = await world.instruct({ type: "cancel-backfill", backfill: id });
    expect(await world.instruct({ type: "cancel-backfill", backfill: id })).toEqual(answer);
    const other = await backfill(world);
    await work(world);
    expect(await world.instruct({ type: "cancel-backfill", backfill: other })).toMatchObject({ status: "succeeded" });
  });

  it("is finished after a restart when it was cut short", async () => {
    const world = await scripted(plan, {
      between: (store) => ({ ...store, dropRequests: () => Promise.reject(new Error("killed")) }),
    });
    const id = await backfill(world);
    await expect(world.instruct({ type: "cancel-backfill", backfill: id })).rejects.toThrow("killed");
    // As if one of its requests had not begun by then.
    const [run] = await world.store.runs({ backfill: id });
    await world.store.addRequests([
      {
        key: "left over",
        pipeline: "orders",
        partition: "2025-12-04",
        params: null,
        trigger: "backfill",
        scheduledFor: null,
        backfill: id,
        notBefore: 0,
        createdAt: 0,
      },
    ]);
    const next = await world.restart({});
    await work(next);
    expect(next.started).toEqual([]);
    expect(await next.store.run(run!.id)).toMatchObject({ record: { status: "cancelled" } });
    expect(await next.store.requests({})).toEqual([]);
  });
});

describe("resuming a backfill", () => {
  it("runs what it has not run, and what did not succeed; a run that did stays", async () => {
    const world = await scripted(plan);
    const id = await backfill(world, { mode: "all" });
    await world.running[0]!.end(success());
    await world.instruct({ type: "cancel-backfill", backfill: id });
    await work(world);
    expect(await world.instruct({ type: "resume-backfill", backfill: id })).toMatchObject({ status: "running" });
    expect(await work(world)).toEqual(["2025-12-02", "2025-12-03", "2025-12-04"]);
    expect(await world.store.backfill(id)).toMatchObject({
      status: "succeeded",
      requested: 4,
      succeeded: 4,
      failed: 0,
    });
  });

  it("of one that failed tries again what failed, as often as it is told to", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    await work(world, (partition) => partition === "2025-12-03");
    for (let time = 0; time < 2; time += 1) {
      await world.instruct({ type: "resume-backfill", backfill: id });
      expect(await work(world, () => true)).toEqual(["2025-12-03"]);
      expect(await world.store.backfill(id)).toMatchObject({ status: "failed", requested: 4, succeeded: 3, failed: 1 });
    }
    await world.instruct({ type: "resume-backfill", backfill: id });
    await work(world);
    expect(await world.store.backfill(id)).toMatchObject({
      status: "succeeded",
      requested: 4,
      succeeded: 4,
      failed: 0,
    });
    expect(await world.store.runs({ backfill: id, partition: "2025-12-03" })).toHaveLength(4);
  });

  it("counts as mended what somebody else has run since", async () => {
    const world = await scripted(plan);
    const id = await backfill(world);
    await work(world, (partition) => partition === "2025-12-03");
    await world.run("orders", "2025-12-03");
    await work(world);
    await world.instruct({ type: "resume-backfill", backfill: id });
    expect(await work(world)).toEqual([]);
    expect(await world.store.backfill(id)).toMatchObject({ status: "succeeded", succeeded: 4, failed: 0 });
  });
});

describe("a backfill that can't be", () => {
  it.each<[string, Partial<Asked>, string]>([
    ["an unknown pipeline", { pipeline: "order" }, "NOT_FOUND"],
    ["a partition outside the set", { selection: { type: "range", from: "2025-11-01", to: "2025-12-04" } }, "USAGE"],
    ["an empty range", { selection: { type: "range", from: "2025-12-04", to: "2025-12-01" } }, "USAGE"],
    ["a key that is none", { selection: { type: "keys", keys: ["yesterday"] } }, "USAGE"],
    ["no runs at a time", { parallel: 0 }, "USAGE"],
    ["half a run at a time", { parallel: 1.5 }, "USAGE"],
  ])("is refused, and leaves no trace: %s", async (_what, more, code) => {
    const world = await scripted(plan);
    await expect(world.instruct(ask(more))).rejects.toMatchObject({ code });
    expect(await world.store.backfills({})).toEqual([]);
  });

  it("is refused for a pipeline without partitions", async () => {
    const world = await scripted(planOf({ load: [] }));
    await expect(world.instruct(ask())).rejects.toMatchObject({ code: "USAGE", hint: "Run it: sluice run orders" });
  });

  it("fails when the pipeline is changed so that it has no such partitions", async () => {
    const world = await scripted(plan);
    const id = await backfill(world, { parallel: 1 });
    world.plans.set("orders", planOf({ load: [] }, { partitions: daily({ from: "2026-01-01" }) }));
    world.scheduler.plansChanged();
    await work(world);
    expect(await world.store.backfill(id)).toMatchObject({ status: "failed" });
    expect(world.troubles).toMatchObject([{ pipeline: "orders", failure: { code: "USAGE" } }]);
  });

  it("is not there", async () => {
    const world = await scripted(plan);
    for (const type of ["cancel-backfill", "resume-backfill"] as const)
      await expect(world.instruct({ type, backfill: "x" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("the preview of a backfill", () => {
  it("says what would run, how that stands now, and how long it may take", async () => {
    const world = await scripted(plan);
    await backfill(world, { selection: { type: "keys", keys: ["2025-12-01"] } });
    await world.advance(10_000);
    await work(world);
    await backfill(world, { selection: { type: "keys", keys: ["2025-12-02"] } });
    await work(world, () => true);
    await world.run("orders", "2025-12-03");
    const { type: _type, ...request } = ask();
    expect(await world.scheduler.previewBackfill(request)).toEqual({
      total: 4,
      // Not the one that is under way.
      toRun: 2,
      alreadySucceeded: 1,
      failed: 1,
      running: 1,
      estimateSeconds: 10,
    });
    expect(await world.scheduler.previewBackfill({ ...request, mode: "failed" })).toMatchObject({ toRun: 1 });
    expect(await world.scheduler.previewBackfill({ ...request, mode: "all", parallel: 1 })).toMatchObject({
      toRun: 4,
      estimateSeconds: 40,
    });
    expect(await world.store.backfills({ status: "running" })).toEqual([]);
  });

  it("runs what it has said", async () => {
    const world = await scripted(plan);
    await world.run("orders", "2025-12-03");
    await work(world);
    const { type: _type, ...request } = ask();
    const { toRun } = await world.scheduler.previewBackfill(request);
    await backfill(world);
    expect(await work(world)).toHaveLength(toRun);
  });

  it.each([
    ["time", hourly({ from: "1900-01-01T00" }), { type: "range", from: "2025-01-01T00", to: "2025-12-31T23" }],
    [
      "combined",
      combine({ hour: hourly({ from: "1900-01-01T00" }), region: staticPartitions(["eu", "us"]) }),
      {
        type: "each",
        dimensions: {
          hour: { type: "range", from: "2025-01-01T00", to: "2025-12-31T23" },
          region: { type: "keys", keys: ["eu"] },
        },
      },
    ],
  ] as const)("looks only at what has runs, of many partitions: %s", async (kind, partitions, selection) => {
    const world = await scripted(planOf({ load: [] }, { partitions }));
    const suffix = kind === "time" ? "" : "|eu";
    const others = kind === "time" ? [] : ["2025-06-01T00|us"];
    for (const partition of [`2024-12-31T23${suffix}`, `2025-01-01T00${suffix}`, `2025-12-31T23${suffix}`, ...others])
      await world.run("orders", partition);
    await work(world);
    const { type: _type, ...request } = ask({ selection });
    expect(await world.scheduler.previewBackfill(request)).toMatchObject({
      total: 8_760,
      toRun: 8_758,
      alreadySucceeded: 2,
    });
  });

  it("is refused as the backfill would be", async () => {
    const world = await scripted(plan);
    const { type: _type, ...request } = ask({ selection: { type: "keys", keys: ["x"] } });
    await expect(world.scheduler.previewBackfill(request)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("the verdict on a partition", () => {
  const status = (
    newest: "running" | "succeeded" | "failed" | "cancelled",
    everSucceeded = newest === "succeeded",
  ): Parameters<typeof verdictOn>[1] => ({
    partition: "p",
    runId: "r",
    status: newest,
    everSucceeded,
  });

  it.each([
    ["missing", undefined, "run"],
    ["missing", status("failed"), "run"],
    ["missing", status("failed", true), "leave"],
    ["missing", status("cancelled"), "run"],
    ["missing", status("running"), "leave"],
    ["failed", undefined, "leave"],
    ["failed", status("failed", true), "run"],
    ["failed", status("cancelled"), "leave"],
    ["failed", status("succeeded"), "leave"],
    ["all", status("succeeded"), "run"],
    ["all", status("running"), "run"],
  ] as const)("%s of %o is %s", (mode, newest, verdict) => {
    expect(verdictOn(mode, newest, false)).toBe(verdict);
  });
});
