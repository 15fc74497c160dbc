import { describe, expect, it } from "vitest";
import { contentHash } from "../../../src/json.ts";
import { planOf, stepOf, type StepDraft } from "./plans.ts";
import { scripted, settled, success } from "./scripted.ts";

const mapped = (more: Partial<StepDraft> = {}): StepDraft => ({
  name: "each",
  control: { type: "map", over: ["list"], fields: null, batch: null },
  dependsOn: ["list"],
  ...more,
});
const eachOf = (more: Partial<StepDraft> = {}): ReturnType<typeof planOf> => planOf([{ name: "list" }, mapped(more)]);

describe("pools", () => {
  it("let no more attempts be live than they have slots, in all runs together", async () => {
    const one = planOf([{ name: "a", pools: { api: 1 } }], { pipeline: "one" });
    const two = planOf([{ name: "b", pools: { api: 1 } }], { pipeline: "two" });
    const world = await scripted([one, two], { pools: { api: 1 } });
    await world.run("one");
    await world.run("two");
    expect(world.started).toEqual(["a#1"]);
    await world.succeed("a");
    expect(world.started).toEqual(["a#1", "b#1"]);
  });

  it("give a slot back only when the attempt has really ended, also when it was cancelled", async () => {
    const plan = planOf([{ name: "a", pools: { api: 1 } }]);
    const world = await scripted(plan, { pools: { api: 1 } });
    const run = await world.run("orders");
    await world.run("orders");
    await world.instruct({ type: "cancel-run", run, reason: "wrong" });
    expect(world.running[0]!.signal.aborted).toBe(true);
    expect(world.started).toHaveLength(1);
    await world.running[0]!.end({ type: "failed", error: { code: "CANCELLED", message: "stopped", retryable: false } });
    expect(world.started).toHaveLength(2);
  });

  it("give a slot back when the worker dies", async () => {
    const plan = planOf([{ name: "a", pools: { api: 1 } }]);
    const world = await scripted(plan, { pools: { api: 1 } });
    await world.run("orders");
    for (let life = 1; life <= 3; life += 1) await world.attempt("a").end({ type: "lost", reason: "SIGKILL" });
    await world.succeed("a");
    expect(await world.store.runs({})).toMatchObject([{ status: "succeeded" }]);
  });

  it("that the configuration no longer has let one at a time pass", async () => {
    const world = await scripted(planOf([{ name: "a", pools: { gone: 1 } }]));
    await world.run("orders");
    await world.run("orders");
    expect(world.started).toHaveLength(1);
    await world.succeed("a");
    expect(world.started).toHaveLength(2);
  });

  it("may change while the scheduler works", async () => {
    let slots = 1;
    const world = await scripted(planOf([{ name: "a", pools: { api: 1 } }]), {
      get pools() {
        return { api: slots };
      },
    });
    for (let run = 0; run < 3; run += 1) await world.run("orders");
    expect(world.started).toHaveLength(1);
    slots = 2;
    world.scheduler.plansChanged();
    await settled();
    expect(world.started).toHaveLength(2);
  });
});

describe("concurrency", () => {
  it("limits the items of a mapped step that are live", async () => {
    const world = await scripted(eachOf({ concurrency: { key: "each", limit: 2, per: null } }));
    await world.run("orders");
    await world.succeed("list", [1, 2, 3, 4]);
    expect(world.started).toEqual(["list#1", "each[0]#1", "each[1]#1"]);
    await world.succeed("each");
    expect(world.started.at(-1)).toBe("each[2]#1");
  });

  it("is counted by the field of the item that it names", async () => {
    const world = await scripted(eachOf({ concurrency: { key: "customer", limit: 1, per: "customer" } }));
    await world.run("orders");
    await world.succeed("list", [{ customer: "a" }, { customer: "a" }, { customer: "b" }, { customer: "b" }]);
    expect(world.started.slice(1)).toEqual(["each[0]#1", "each[2]#1"]);
  });

  it("is counted as one where the items are not at hand", async () => {
    const world = await scripted(eachOf({ concurrency: { key: "customer", limit: 1, per: "customer" } }));
    await world.run("orders");
    await world.succeed("list", { $artifact: "abc", bytes: 100_000, length: 3 });
    expect(world.started.slice(1)).toEqual(["each[0]#1"]);
  });
});

describe("the machine", () => {
  it("is shared by what attempts say they use", async () => {
    const heavy = (name: string, cpus: number, memory: number): StepDraft => ({ name, resources: { cpus, memory } });
    const plan = planOf([heavy("a", 2, 1e9), heavy("b", 1, 4e9), heavy("c", 1, 1e9), { name: "free" }]);
    const world = await scripted(plan, { machine: { cpus: 3, memory: 5e9 } });
    await world.run("orders");
    expect(world.started).toEqual(["a#1", "b#1", "free#1"]);
    await world.succeed("b");
    expect(world.started.at(-1)).toBe("c#1");
  });

  it("is given whole to what asks for more than it is", async () => {
    const world = await scripted(planOf([{ name: "huge", resources: { cpus: 64, memory: 0 } }]), {
      machine: { cpus: 2, memory: 1e9 },
    });
    await world.run("orders");
    expect(world.started).toEqual(["huge#1"]);
  });
});

describe("an attempt that was cancelled while it waited", () => {
  it("does not keep what was kept for it", async () => {
    const step = (name: string, slots: number): StepDraft => ({ name, pools: { api: slots } });
    const plans = [3, 2, 1].map((slots) => planOf([step(`takes${slots}`, slots)], { pipeline: `takes${slots}` }));
    const world = await scripted(plans, { pools: { api: 4 } });
    await world.run("takes3");
    const big = await world.run("takes2");
    await world.run("takes1");
    expect(world.started).toEqual(["takes3#1"]);
    await world.instruct({ type: "cancel-run", run: big, reason: "wrong" });
    expect(world.started).toEqual(["takes3#1", "takes1#1"]);
  });
});

describe("the executor's capacity", () => {
  it("is filled by priority, and backfills and later runs give way", async () => {
    const plan = planOf([{ name: "low" }, { name: "high", priority: 5 }]);
    const world = await scripted(plan, { capacity: 1 });
    const first = await world.run("orders");
    const second = await world.run("orders");
    const order: string[] = [];
    while (world.running.length > 0) {
      const [attempt] = world.running;
      order.push(`${attempt!.assignment.step} of ${attempt!.assignment.runId === first ? "first" : "second"}`);
      await attempt!.end(success());
    }
    // The very first was alone when it came.
    expect(order).toEqual(["high of first", "high of second", "low of first", "low of second"]);
    expect(second).not.toBe(first);
  });

  it("is not taken by attempts whose run was cancelled while they waited", async () => {
    const world = await scripted(planOf({ a: [] }), { capacity: 1 });
    await world.run("orders");
    const waiting = await world.run("orders");
    await world.run("orders");
    await world.instruct({ type: "cancel-run", run: waiting, reason: "wrong" });
    await world.succeedAll();
    expect(world.started).toHaveLength(2);
    expect(await world.store.attempts(waiting)).toEqual([]);
  });
});

describe("items", () => {
  it("of one step are handed the very same outputs, and keys and fences of their own", async () => {
    const world = await scripted(eachOf());
    const run = await world.run("orders");
    await world.succeed("list", ["x", "y"]);
    const [one, two] = world.running.map(({ assignment }) => assignment);
    expect(one!.outputs).toBe(two!.outputs);
    expect(one!.outputs).toEqual({ list: ["x", "y"] });
    expect([one!.item, two!.item]).toEqual([0, 1]);
    expect(one!.idempotencyKey).toBe(contentHash([run, "each", 0]).slice(0, 32));
    expect(two!.idempotencyKey).not.toBe(one!.idempotencyKey);
  });

  it("are handed on as the list of what they put out", async () => {
    const world = await scripted(planOf([{ name: "list" }, mapped(), { name: "join", dependsOn: ["each"] }]));
    await world.run("orders");
    await world.succeed("list", ["x", "y", "z"]);
    for (const attempt of world.running.toReversed()) await attempt.end(success(`${attempt.assignment.item}`));
    expect(world.attempt("join").assignment.outputs).toEqual({ each: ["0", "1", "2"] });
  });

  it("of which one is stopped leave the others alone", async () => {
    const world = await scripted(planOf([{ name: "list" }, mapped(), { name: "other" }]));
    const run = await world.run("orders");
    await world.succeed("list", ["x", "y"]);
    await world.instruct({ type: "mark", run, step: "each", as: "skipped", reason: "not needed" });
    expect(world.running.map(({ assignment, signal }) => [assignment.step, signal.aborted])).toEqual([
      ["other", false],
      ["each", true],
      ["each", true],
    ]);
  });
});

describe("sensors", () => {
  const sensor = stepOf({
    name: "there",
    control: { type: "sense", everyMs: 60_000, deadlineMs: null, onDeadline: "fail" },
  });

  it("hold no worker between two looks, and a look in vain leaves no attempt", async () => {
    const world = await scripted(planOf([sensor, { name: "b" }]), { capacity: 1 });
    const run = await world.run("orders");
    await world.attempt("there").end({ type: "unmet" });
    expect(world.started).toEqual(["there#1", "b#1"]);
    await world.succeed("b");
    await world.scheduler.settled();
    await world.advance(60_000);
    await world.succeed("there", { found: true });
    expect((await world.store.attempts(run)).map(({ step, attempt }) => `${step}#${attempt}`)).toEqual([
      "b#1",
      "there#2",
    ]);
  });

  it("whose look took long are stored as live, and as ended then", async () => {
    const world = await scripted(planOf([sensor]));
    const run = await world.run("orders");
    await world.advance(2_000);
    expect(await world.store.live()).toHaveLength(1);
    await world.attempt("there").end({ type: "unmet" });
    expect(await world.store.live()).toEqual([]);
    expect(await world.store.attempts(run)).toMatchObject([{ attempt: 1, status: "succeeded" }]);
  });
});

describe("kept results", () => {
  const cached = (ttlMs: number | null = null): StepDraft => ({ name: "a", cache: { ttlMs } });

  it("take the place of an attempt over the same inputs, in a later run", async () => {
    const world = await scripted(planOf([cached(), { name: "b", dependsOn: ["a"] }]));
    const first = await world.run("orders");
    await world.attempt("a").end({ type: "succeeded", output: { n: 1 }, rows: null, assets: ["warehouse.sales"] });
    await world.succeed("b");
    const second = await world.run("orders");
    expect(world.started).toEqual(["a#1", "b#1", "b#1"]);
    expect(world.attempt("b").assignment.outputs).toEqual({ a: { n: 1 } });
    // Nothing was brought up to date by that.
    expect((await world.state(second)).steps.get("a")).toMatchObject({
      status: "succeeded",
      reusedFrom: first,
      assets: [],
    });
    expect(await world.store.assetUpdates(0)).toHaveLength(1);
  });

  it("are not used when they are too old", async () => {
    const world = await scripted(planOf([cached(60_000)]));
    await world.run("orders");
    await world.succeed("a");
    await world.advance(60_001);
    await world.run("orders");
    expect(world.started).toEqual(["a#1", "a#1"]);
    await world.succeed("a");
    await world.advance(60_000);
    await world.run("orders");
    expect(world.started).toHaveLength(2);
  });

  it("are not used by whoever runs a step again", async () => {
    const world = await scripted(planOf([cached()]));
    const run = await world.run("orders");
    await world.succeed("a");
    await world.instruct({ type: "rerun", run, scope: "all", step: null });
    expect(world.started).toEqual(["a#1", "a#1"]);
  });

  it("of items come one by one", async () => {
    const world = await scripted(eachOf({ cache: { ttlMs: null } }));
    await world.run("orders");
    await world.succeed("list", ["x", "y"]);
    await world.succeedAll(({ item }) => `result ${item}`);
    const run = await world.run("orders");
    await world.succeed("list", ["x", "y", "z"]);
    expect(world.started.at(-1)).toBe("each[2]#1");
    expect(world.running).toHaveLength(1);
    await world.succeedAll(() => "new");
    expect((await world.state(run)).steps.get("each")!.items!.map(({ output }) => output)).toEqual([
      "result 0",
      "result 1",
      "new",
    ]);
  });

  it("do not come from an attempt that no longer counted", async () => {
    const world = await scripted(planOf([cached()]));
    const run = await world.run("orders");
    await world.instruct({ type: "cancel-run", run, reason: "wrong" });
    await world.succeed("a", "too late");
    await world.run("orders");
    expect(world.started).toEqual(["a#1", "a#1"]);
  });

  it("are looked for while the world ends, and that is no trouble", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(planOf([cached()]), {
      between: (store) => ({ ...store, cached: async (key, since) => (await gate.promise, store.cached(key, since)) }),
    });
    await world.run("orders");
    world.scheduler.stop();
    gate.resolve();
    await settled();
    expect(world.started).toEqual([]);
  });
});
