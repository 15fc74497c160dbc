import { describe, expect, it } from "vitest";
import type { Plan } from "../../../src/pipeline/plan.ts";
import { finalFailure, planOf, retryableFailure, retryOnce, type StepDraft } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

const plan = (steps: readonly StepDraft[], more: Partial<Plan> = {}): Plan => planOf(steps, more);
const news = (world: Scripted): string[] =>
  world.told.map(({ notice }) => `${notice.level} ${notice.event} ${notice.step ?? "run"}`);
const refused = { code: "TASK_FAILED", message: "no network", retryable: true } as const;

describe("hooks", () => {
  it("of a step are told of its success, and those of the pipeline and the project of the run's", async () => {
    const world = await scripted(plan([{ name: "a", hooks: ["success"] }, { name: "b" }], { hooks: ["success"] }), {
      projectHooks: ["success"],
    });
    const run = await world.run("orders");
    await world.succeed("a");
    expect(news(world)).toEqual(["step success a"]);
    expect(world.told[0]!.notice).toEqual({
      key: `${run}/a//success/1/step`,
      event: "success",
      level: "step",
      runId: run,
      pipeline: "orders",
      version: world.plans.get("orders")!.version,
      partition: null,
      params: null,
      step: "a",
      item: null,
      attempt: 1,
      status: "succeeded",
      error: null,
      at: world.clock.now(),
    });
    await world.succeed("b");
    expect(news(world)).toEqual(["step success a", "pipeline success run", "project success run"]);
    expect(world.told[1]!.notice).toMatchObject({ step: null, attempt: null, status: "succeeded" });
  });

  it("are told of failures, with the error", async () => {
    const world = await scripted(plan([{ name: "a", hooks: ["failure"] }], { hooks: ["failure"] }));
    await world.run("orders");
    await world.attempt("a").end({ type: "failed", error: finalFailure });
    expect(news(world)).toEqual(["step failure a", "pipeline failure run"]);
    for (const { notice } of world.told) expect(notice).toMatchObject({ status: "failed", error: finalFailure });
  });

  it("of all three levels are told of a retry, each time, under keys of its own", async () => {
    const retry = { ...retryOnce, limit: 2 };
    const world = await scripted(plan([{ name: "a", retry, hooks: ["retry"] }], { hooks: ["retry"] }), {
      projectHooks: ["retry"],
    });
    await world.run("orders");
    await world.attempt("a").end({ type: "failed", error: retryableFailure });
    expect(news(world)).toEqual(["step retry a", "pipeline retry a", "project retry a"]);
    expect(world.told[0]!.notice).toMatchObject({ status: "retrying", error: retryableFailure, attempt: 1 });
    await world.advance(1_000);
    await world.attempt("a").end({ type: "failed", error: retryableFailure });
    expect(new Set(world.told.map(({ notice }) => notice.key)).size).toBe(6);
  });

  it("are told of a retry of an item, with the item", async () => {
    const each: StepDraft = {
      name: "each",
      control: { type: "map", over: ["list"], fields: null, batch: null },
      dependsOn: ["list"],
      hooks: ["retry"],
    };
    const world = await scripted(plan([{ name: "list" }, each]));
    await world.run("orders");
    await world.succeed("list", ["x", "y"]);
    await world.running[1]!.end({ type: "failed", error: retryableFailure });
    expect(world.told[0]!.notice).toMatchObject({
      step: "each",
      item: 1,
      attempt: 1,
      status: "retrying",
      error: retryableFailure,
    });
  });

  it("are told that a step or a run is late, once", async () => {
    const world = await scripted(
      plan([{ name: "a", lateMs: 60_000, hooks: ["late"] }], { lateMs: 90_000, hooks: ["late"] }),
    );
    await world.run("orders");
    await world.advance(60_000);
    expect(news(world)).toEqual(["step late a", "pipeline late a"]);
    expect(world.told[0]!.notice).toMatchObject({ status: "queued", error: null });
    await world.advance(30_000);
    expect(news(world).at(-1)).toBe("pipeline late run");
    while (world.told.length > 0) await world.told[0]!.answer(null);
    await world.advance(600_000);
    expect(world.told).toEqual([]);
  });

  it("are stored in the commit that brings the news", async () => {
    const world = await scripted(plan([{ name: "a", hooks: ["success"] }]));
    await world.run("orders");
    await world.succeed("a");
    expect(world.commits.at(-1)).toMatchObject({
      updates: [{ state: { status: "succeeded" } }],
      notices: [{ event: "success" }],
    });
  });

  it("that are not there cost nothing", async () => {
    const looks: string[] = [];
    const world = await scripted(plan([{ name: "a" }]), {
      between: (store) => ({ ...store, dueNotices: (...given) => (looks.push("look"), store.dueNotices(...given)) }),
    });
    looks.length = 0;
    await world.run("orders");
    await world.succeed("a");
    expect([world.commits.flatMap(({ notices }) => notices), looks]).toEqual([[], []]);
  });
});

describe("telling a hook", () => {
  const failing = plan([{ name: "a", hooks: ["failure"] }]);

  async function fail(world: Scripted): Promise<void> {
    await world.run("orders");
    await world.attempt("a").end({ type: "failed", error: finalFailure });
  }

  it("is done once when the hook takes it", async () => {
    const world = await scripted(failing);
    await fail(world);
    await world.told[0]!.answer(null);
    await world.advance(3_600_000);
    expect(world.told).toEqual([]);
    const [run] = await world.store.runs({});
    expect(await world.store.notices(run!.id)).toMatchObject([{ dueAt: null, error: null, attempts: 1 }]);
  });

  it("is done again when it is refused: after a second, then twice as long each time, up to ten minutes", async () => {
    const world = await scripted(failing);
    await fail(world);
    const waits: number[] = [];
    for (let tries = 1; tries < 20; tries += 1) {
      await world.told[0]!.answer(refused);
      const from = world.clock.now();
      while (world.told.length === 0) await world.advance(500);
      waits.push((world.clock.now() - from) / 1_000);
    }
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8]);
    expect(waits.slice(-2)).toEqual([600, 600]);
    await world.told[0]!.answer(refused);
    await world.advance(3_600_000);
    expect(world.told, "given up after twenty tries").toEqual([]);
    const [run] = await world.store.runs({});
    expect(await world.store.notices(run!.id)).toMatchObject([{ dueAt: null, error: refused, attempts: 20 }]);
  });

  it("goes on after a restart, under the same key", async () => {
    const world = await scripted(failing);
    await fail(world);
    const { key } = world.told[0]!.notice;
    const next = await world.restart();
    expect(next.told.map(({ notice }) => notice.key)).toEqual([key]);
  });

  it("never touches a run, whatever the hook does", async () => {
    const world = await scripted(
      plan([
        { name: "a", hooks: ["success"] },
        { name: "b", dependsOn: ["a"] },
      ]),
    );
    const run = await world.run("orders");
    await world.succeed("a");
    expect(world.started).toEqual(["a#1", "b#1"]);
    await world.succeed("b");
    expect((await world.state(run)).status).toBe("succeeded");
  });

  it("is given up for this time when the hook does not come back, and tells it so", async () => {
    const world = await scripted(failing);
    await fail(world);
    const [first] = world.told;
    await world.advance(60_000);
    expect(first!.signal.aborted).toBe(true);
    expect(world.told).toHaveLength(1);
    await world.advance(6_000);
    expect(world.told, "told again").toHaveLength(2);
    // Its late answer is nobody's any more.
    await first!.answer(null);
    await world.told[0]!.answer(null);
    expect(world.told).toEqual([]);
  });

  it("does not wait for a hook that hangs before it tells the others", async () => {
    const world = await scripted(
      plan([
        { name: "a", hooks: ["success"] },
        { name: "b", hooks: ["success"] },
      ]),
    );
    await world.run("orders");
    await world.succeed("a");
    await world.succeed("b");
    expect(news(world)).toEqual(["step success a", "step success b"]);
    await world.told[1]!.answer(refused);
    await world.advance(2_000);
    expect(news(world)).toEqual(["step success a", "step success b"]);
  });

  it("is done for a few at a time", async () => {
    const steps = Array.from({ length: 20 }, (_, index): StepDraft => ({ name: `s${index}`, hooks: ["success"] }));
    const world = await scripted(plan(steps));
    await world.run("orders");
    await world.succeedAll();
    expect(world.told).toHaveLength(8);
    const seen = new Set<string>();
    while (world.told.length > 0) {
      seen.add(world.told[0]!.notice.key);
      await world.told[0]!.answer(null);
    }
    expect(seen.size).toBe(20);
  });

  it("is waited for by whoever waits for everything to settle", async () => {
    const world = await scripted(failing);
    await fail(world);
    let done = false;
    void world.scheduler.settled().then(() => (done = true));
    await settled();
    expect(done).toBe(false);
    // One that is to be told later is left for later.
    await world.told[0]!.answer(refused);
    expect(done).toBe(true);
  });

  it("is cut short when the scheduler stops, and done by the next one", async () => {
    const world = await scripted(failing);
    await fail(world);
    world.scheduler.stop();
    expect(world.told[0]!.signal.aborted).toBe(true);
    expect(world.timersDue()).toEqual([]);
    await settled();
    const next = await world.restart();
    expect(next.told).toHaveLength(1);
  });

  it("counts an executor that throws as a refusal", async () => {
    const world = await scripted(plan([{ name: "a", hooks: ["success"] }]));
    await world.run("orders");
    world.told.push = () => {
      throw new Error("no worker");
    };
    await world.attempt("a").end(success());
    const [run] = await world.store.runs({});
    expect(await world.store.notices(run!.id)).toMatchObject([{ attempts: 1, error: { message: "Error: no worker" } }]);
  });
});
