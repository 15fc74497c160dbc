import { describe, expect, it } from "vitest";
import { combine, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { daily, hourly } from "../../../src/pipeline/time-partitions.ts";
import type { Partitions } from "../../../src/pipeline/partition.ts";
import type { Control, Plan } from "../../../src/pipeline/plan.ts";
import { finalFailure, planOf, type StepDraft } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

type AwaitRun = Extract<Control, { type: "await-run" }>;
const days = daily({ from: "2026-01-01" });

const waiting = (more: Partial<AwaitRun> = {}): StepDraft => ({
  name: "wait",
  control: { type: "await-run", pipeline: "raw", step: null, offset: 0, deadlineMs: null, onDeadline: "fail", ...more },
});
const orders = (partitions: Partitions | null = days, more: Partial<AwaitRun> = {}): Plan =>
  planOf([waiting(more), { name: "load", dependsOn: ["wait"] }], { partitions });
const raw = (partitions: Partitions | null = days): Plan =>
  planOf({ extract: [], check: ["extract"] }, { pipeline: "raw", partitions });

async function status(world: Scripted, run: string, step = "wait"): Promise<string> {
  return (await world.state(run)).steps.get(step)!.status;
}

/** Runs raw for a partition to its end. */
async function deliver(
  world: Scripted,
  partition: string | null,
  ends: "succeeded" | "failed" = "succeeded",
): Promise<string> {
  const run = await world.run("raw", partition);
  for (const step of ["extract", "check"]) {
    const last = step === "check" && ends === "failed";
    await world.attempt(step, run).end(last ? { type: "failed", error: finalFailure } : success());
  }
  return run;
}

describe("a step that waits for another pipeline", () => {
  it("goes on as soon as the run of its partition has succeeded, with that as its output", async () => {
    const world = await scripted([orders(), raw()]);
    const run = await world.run("orders", "2026-01-02");
    expect(await status(world, run)).toBe("held");
    await deliver(world, "2026-01-01");
    await deliver(world, "2026-01-02", "failed");
    expect(await status(world, run)).toBe("held");
    const met = await deliver(world, "2026-01-02");
    expect(await status(world, run)).toBe("succeeded");
    expect(world.attempt("load").assignment.outputs).toEqual({ wait: [{ run: met, partition: "2026-01-02" }] });
  });

  it("goes on at once when that had happened before", async () => {
    const world = await scripted([orders(), raw()]);
    await deliver(world, "2026-01-02");
    expect(await status(world, await world.run("orders", "2026-01-02"))).toBe("succeeded");
  });

  it("waits for all partitions that its own overlaps", async () => {
    const world = await scripted([orders(), raw(hourly({ from: "2026-01-01T00" }))]);
    const run = await world.run("orders", "2026-01-02");
    const hours = Array.from({ length: 24 }, (_, hour) => `2026-01-02T${String(hour).padStart(2, "0")}`);
    for (const hour of hours.toReversed()) {
      expect(await status(world, run)).toBe("held");
      await deliver(world, hour);
    }
    expect(await status(world, run)).toBe("succeeded");
    expect(world.attempt("load").assignment.outputs["wait"]).toHaveLength(24);
  });

  it("waits for a partition that lies before its own", async () => {
    const world = await scripted([orders(days, { offset: -1 }), raw()]);
    const run = await world.run("orders", "2026-01-03");
    await deliver(world, "2026-01-03");
    expect(await status(world, run)).toBe("held");
    await deliver(world, "2026-01-02");
    expect(await status(world, run)).toBe("succeeded");
  });

  it("waits for one step alone, and not for what comes after it", async () => {
    const world = await scripted([orders(days, { step: "extract" }), raw()]);
    const run = await world.run("orders", "2026-01-01");
    const other = await world.run("raw", "2026-01-01");
    expect(await status(world, run)).toBe("held");
    await world.attempt("extract", other).end(success());
    expect(await status(world, run)).toBe("succeeded");
  });

  it("goes by the newest run where there are no partitions", async () => {
    const world = await scripted([orders(null), raw(null)]);
    await deliver(world, null);
    await deliver(world, null, "failed");
    const run = await world.run("orders");
    expect(await status(world, run)).toBe("held");
    await deliver(world, null);
    expect(await status(world, run)).toBe("succeeded");
  });

  it("goes on after a restart", async () => {
    const world = await scripted([orders(), raw()]);
    const run = await world.run("orders", "2026-01-02");
    const next = await world.restart();
    await deliver(next, "2026-01-02");
    expect(await status(next, run)).toBe("succeeded");
  });

  it("goes on once the other pipeline is there", async () => {
    const world = await scripted(orders());
    const run = await world.run("orders", "2026-01-01");
    world.plans.set("raw", raw());
    world.scheduler.plansChanged();
    await deliver(world, "2026-01-01");
    expect(await status(world, run)).toBe("succeeded");
  });

  it("is left alone once it has ended for another reason", async () => {
    const world = await scripted([orders(), raw()]);
    const run = await world.run("orders", "2026-01-01");
    await world.instruct({ type: "mark", run, step: "wait", as: "succeeded", reason: "it is there" });
    await deliver(world, "2026-01-01");
    expect((await world.state(run)).steps.get("wait")).toMatchObject({
      output: null,
      reason: "marked succeeded by ana: it is there",
    });
  });

  it("does not miss what ends while it is being looked for", async () => {
    const gate = Promise.withResolvers<void>();
    let held = false;
    const world = await scripted([orders(), raw()], {
      between: (store) => ({
        ...store,
        newestRun: async (...given) => {
          const found = await store.newestRun(...given);
          if (held) await gate.promise;
          return found;
        },
      }),
    });
    const other = await world.run("raw", "2026-01-01");
    await world.attempt("extract").end(success());
    const run = await world.run("orders", "2026-01-02");
    held = true;
    const another = await world.run("orders", "2026-01-01");
    await world.attempt("check", other).end(success());
    held = false;
    gate.resolve();
    await settled();
    expect(await status(world, another)).toBe("succeeded");
    expect(await status(world, run)).toBe("held");
  });

  it("is looked at every half minute all the same", async () => {
    const world = await scripted([orders(), raw()]);
    const run = await world.run("orders", "2026-01-01");
    // Behind the scheduler's back, as by a process of an older version.
    const made = await world.run("raw", "2026-01-05");
    await world.succeedAll();
    const { record, state } = (await world.store.run(made))!;
    await world.store.createRuns([{ ...record, id: "other", requestKey: "other", partition: "2026-01-01", state }]);
    await world.advance(29_999);
    expect(await status(world, run)).toBe("held");
    await world.advance(1);
    expect(await status(world, run)).toBe("succeeded");
  });

  it("that can't be worked out is reported, and keeps nobody else waiting", async () => {
    const world = await scripted([orders(staticPartitions(["eu"])), raw(), { ...orders(), pipeline: "other" }]);
    await world.run("orders", "eu");
    const run = await world.run("other", "2026-01-01");
    await deliver(world, "2026-01-01");
    expect(world.troubles[0]).toMatchObject({ pipeline: "orders", failure: { code: "DEFINITION_INVALID" } });
    expect(await status(world, run)).toBe("succeeded");
  });

  it("is looked at for its own partition, however many others wait", async () => {
    let looks = 0;
    const world = await scripted([{ ...orders(), maxActiveRuns: 1_000 }, raw()], {
      between: (store) => ({ ...store, newestRun: (...given) => ((looks += 1), store.newestRun(...given)) }),
    });
    for (let day = 1; day <= 28; day += 1) await world.run("orders", `2026-02-${String(day).padStart(2, "0")}`);
    looks = 0;
    await deliver(world, "2026-02-10");
    expect(looks).toBeLessThan(5);
  });
});

describe("a step that depends on its past", () => {
  const past = (partitions: Partitions = days): Plan =>
    planOf(
      [
        { name: "load", dependsOnPast: true },
        { name: "report", dependsOn: ["load"] },
      ],
      { partitions },
    );

  it("waits for the same step of the partition before", async () => {
    const world = await scripted(past());
    const first = await world.run("orders", "2026-01-01");
    const second = await world.run("orders", "2026-01-02");
    expect(await status(world, first, "load")).toBe("queued");
    expect(await status(world, second, "load")).toBe("held");
    await world.succeed("load");
    expect(await status(world, second, "load")).toBe("queued");
  });

  it("does not wait for a past that there is not", async () => {
    const world = await scripted(past());
    expect(await status(world, await world.run("orders", "2026-01-05"), "load")).toBe("queued");
    // A later partition is no past.
    expect(await status(world, await world.run("orders", "2026-01-03"), "load")).toBe("queued");
  });

  it("waits for a partition that was left out, since others before it were run", async () => {
    const world = await scripted(past());
    await world.run("orders", "2026-01-01");
    await world.succeedAll();
    const run = await world.run("orders", "2026-01-03");
    expect(await status(world, run, "load")).toBe("held");
    await world.run("orders", "2026-01-02");
    await world.succeed("load");
    expect(await status(world, run, "load")).toBe("queued");
  });

  it("waits while the step before has failed, until it is run again", async () => {
    const world = await scripted(past());
    const first = await world.run("orders", "2026-01-01");
    await world.attempt("load").end({ type: "failed", error: finalFailure });
    const second = await world.run("orders", "2026-01-02");
    expect(await status(world, second, "load")).toBe("held");
    await world.instruct({ type: "rerun", run: first, scope: "from-failed", step: null });
    await world.succeed("load");
    expect(await status(world, second, "load")).toBe("queued");
  });

  it("goes on when the step before was skipped", async () => {
    const world = await scripted(past());
    const first = await world.run("orders", "2026-01-01");
    const second = await world.run("orders", "2026-01-02");
    await world.instruct({ type: "mark", run: first, step: "load", as: "skipped", reason: "nothing to load" });
    expect(await status(world, second, "load")).toBe("queued");
  });

  it("goes by its own keys in the other dimensions", async () => {
    const world = await scripted(past(combine({ day: days, region: staticPartitions(["eu", "us"]) })));
    await world.run("orders", "2026-01-01|eu");
    expect(await status(world, await world.run("orders", "2026-01-02|us"), "load")).toBe("queued");
    expect(await status(world, await world.run("orders", "2026-01-02|eu"), "load")).toBe("held");
  });

  it("keeps a backfill in its order", async () => {
    const world = await scripted(past());
    await world.instruct({
      type: "backfill",
      pipeline: "orders",
      selection: { type: "range", from: "2026-01-01", to: "2026-01-04" },
      mode: "missing",
      parallel: 4,
    });
    const order: string[] = [];
    while (world.running.length > 0) {
      const { assignment, end } = world.running[0]!;
      if (assignment.step === "load") order.push(assignment.partition!);
      await end(success());
    }
    expect(order).toEqual(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]);
    expect(await world.store.backfills({})).toMatchObject([{ status: "succeeded", succeeded: 4 }]);
  });
});
