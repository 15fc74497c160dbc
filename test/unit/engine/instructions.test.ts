import { describe, expect, it } from "vitest";
import type { Instruction, InstructionRecord } from "../../../src/engine/stores/instruction.ts";
import { initialState, transition } from "../../../src/engine/state-machine/transition.ts";
import { dynamicPartitions, staticPartitions } from "../../../src/pipeline/partition-key.ts";
import { scheduleOf } from "../../../src/pipeline/schedule.ts";
import { daily } from "../../../src/pipeline/time-partitions.ts";
import type { Json } from "../../../src/json.ts";
import type { Control } from "../../../src/pipeline/plan.ts";
import { plain } from "../../conformance/run-states.ts";
import { finalFailure, planOf, type StepDraft } from "./plans.ts";
import { scripted, settled, success, type Scripted } from "./scripted.ts";

const chain = planOf({ extract: [], load: ["extract"] });
const approve = (onReject: "skip" | "fail" = "skip"): StepDraft => ({
  name: "ok",
  control: { type: "approve", message: "Publish?", deadlineMs: null, onDeadline: "fail", onReject } satisfies Control,
});
const asking = planOf([approve(), { name: "publish", dependsOn: ["ok"] }]);

/** A run that waits for a decision. */
const waitingState = transition(asking, initialState(asking, 0), { type: "started" }, 0).state;

/** Leaves an instruction in the store, as another process does, and tells the scheduler that there is something. */
async function leave(world: Scripted, id: string, instruction: Instruction, by = "ana"): Promise<InstructionRecord> {
  await world.store.addInstruction({
    id,
    instruction,
    by,
    createdAt: world.clock.now(),
    answeredAt: null,
    result: null,
    error: null,
  });
  world.scheduler.wake();
  await settled();
  return (await world.store.instruction(id))!;
}

const run: Instruction = { type: "run", pipeline: "orders", partition: null, params: null, key: null };

describe("an instruction of another process", () => {
  it("is done and answered", async () => {
    const world = await scripted(chain);
    const { answeredAt, result, error } = await leave(world, "i1", run);
    expect([answeredAt, error]).toEqual([world.clock.now(), null]);
    expect((await world.store.run((result as { run: string }).run))!.record.requestKey).toBe("run:i1");
  });

  it("is answered with what is wrong with it, and the scheduler goes on", async () => {
    const world = await scripted(chain);
    expect(await leave(world, "i1", { ...run, pipeline: "order" })).toMatchObject({
      result: null,
      error: { code: "NOT_FOUND", message: 'There is no pipeline "order"', hint: "There are orders." },
    });
    expect((await leave(world, "i2", run)).error).toBeNull();
  });

  it("that is none is answered too, whatever it is", async () => {
    const world = await scripted(chain);
    expect((await leave(world, "i1", { type: "explode" } as never)).error).toMatchObject({ code: "USAGE" });
    expect((await leave(world, "i2", { type: "backfill", pipeline: "orders" } as never)).error).not.toBeNull();
    expect((await leave(world, "i3", { type: "mark", run: 5 } as never)).error).not.toBeNull();
    expect((await leave(world, "i4", run)).error).toBeNull();
  });

  it("is found by a scheduler that starts after it was left", async () => {
    const world = await scripted(chain);
    world.scheduler.stop();
    await leave(world, "i1", run);
    const next = await world.restart();
    expect((await next.store.instruction("i1"))!.result).toHaveProperty("run");
    expect(next.started).toEqual(["extract#1"]);
  });

  it("is done in the order in which they were left, hundreds at a time", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1_000 }));
    for (let index = 0; index < 300; index += 1) {
      await world.store.addInstruction({
        id: `i${index}`,
        instruction: run,
        by: "ana",
        createdAt: 0,
        answeredAt: null,
        result: null,
        error: null,
      });
    }
    world.scheduler.wake();
    await settled();
    const keys = (await world.store.runs({ limit: 1_000 })).map(({ requestKey }) => requestKey).reverse();
    expect(keys).toEqual(Array.from({ length: 300 }, (_, index) => `run:i${index}`));
    expect(await world.store.openInstructions(10)).toEqual([]);
  });

  it("is waited for by whoever waits for everything to settle", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(chain, {
      between: (store) => ({
        ...store,
        answerInstruction: async (id, answer) => (await gate.promise, store.answerInstruction(id, answer)),
      }),
    });
    await leave(world, "i1", { ...run, pipeline: "none" });
    let done = false;
    void world.scheduler.settled().then(() => (done = true));
    await settled();
    expect(done).toBe(false);
    gate.resolve();
    await settled();
    expect(done).toBe(true);
  });

  // Done, and then the process dies before it has answered.
  const cases: readonly [string, Instruction, (world: Scripted) => Promise<unknown>, unknown][] = [
    ["run", run, async ({ store }) => (await store.runs({})).length, 3],
    [
      "rerun",
      { type: "rerun", run: "ended", scope: "all", step: null },
      async ({ store }) => (await store.runs({})).length,
      3,
    ],
    [
      "cancel-run",
      { type: "cancel-run", run: "active", reason: "wrong" },
      async ({ store }) => (await store.run("active"))!.record.status,
      "cancelled",
    ],
    [
      "decide",
      { type: "decide", run: "active", step: "ok", decision: "approved", note: null },
      async ({ store }) => (await store.run("active"))!.state.steps.get("ok")!.output,
      expect.objectContaining({ decision: "approved", by: "ana" }),
    ],
    [
      "mark",
      { type: "mark", run: "active", step: "ok", as: "succeeded", reason: "fine" },
      async ({ store }) => (await store.run("active"))!.state.steps.get("ok")!.reason,
      "marked succeeded by ana: fine",
    ],
    [
      "backfill",
      {
        type: "backfill",
        pipeline: "days",
        selection: { type: "keys", keys: ["2026-01-01"] },
        mode: "all",
        parallel: 1,
      },
      async ({ store }) => [(await store.backfills({})).length, (await store.runs({ pipeline: "days" })).length],
      [1, 1],
    ],
    [
      "pause",
      { type: "pause", pipeline: "timed" },
      async ({ store }) => (await store.schedules()).map(({ paused }) => paused),
      [true],
    ],
    [
      "event",
      { type: "event", name: "ready", key: "k", partition: null, params: null },
      async ({ store }) => (await store.runs({ pipeline: "told" })).length,
      1,
    ],
    [
      "add-partitions",
      { type: "add-partitions", set: "customers", keys: ["ann"] },
      async ({ store }) => store.partitionKeys("customers"),
      ["ann"],
    ],
  ];

  it.each(cases)(
    "that was done and not answered is answered by the next process, and done no more: %s",
    async (_type, instruction, effect, expected) => {
      const plans = [
        asking,
        planOf({ a: [] }, { pipeline: "days", partitions: daily({ from: "2026-01-01" }) }),
        planOf({ a: [] }, { pipeline: "timed", schedule: scheduleOf({ every: "1h" }, "timed") }),
        planOf({ a: [] }, { pipeline: "told", schedule: scheduleOf({ onEvent: "ready" }, "told") }),
        planOf({ a: [] }, { pipeline: "named", partitions: dynamicPartitions("customers") }),
      ];
      const world = await scripted(plans);
      const { pipeline, version } = asking;
      const place = { pipeline, version, partition: null, params: null, createdAt: 0 };
      const fresh = { ...place, scheduledFor: null, backfill: null, rerunOf: null };
      await world.store.createRuns(
        ["ended", "active"].map((id) => ({
          ...fresh,
          id,
          requestKey: id,
          trigger: "manual",
          state: waitingState,
        })),
      );
      const dying = await world.restart({
        between: (store) => ({ ...store, answerInstruction: () => Promise.reject(new Error("killed")) }),
      });
      await dying.instruct({ type: "cancel-run", run: "ended", reason: "old" });
      expect(await leave(dying, "i1", instruction)).toMatchObject({ answeredAt: null });
      const next = await dying.restart({});
      const { result, error } = (await next.store.instruction("i1"))!;
      expect([error, result === null]).toEqual([null, false]);
      expect(await effect(next)).toEqual(expected);
    },
  );

  it("to cancel a run, found after a restart, does not end the teardown that it had begun", async () => {
    const plan = planOf([
      { name: "up" },
      { name: "work", dependsOn: ["up"] },
      { name: "down", teardownOf: "up", dependsOn: ["up", "work"] },
    ]);
    const world = await scripted(plan, {
      between: (store) => ({ ...store, answerInstruction: () => Promise.reject(new Error("killed")) }),
    });
    const id = await world.run("orders");
    await world.succeed("up");
    await leave(world, "i1", { type: "cancel-run", run: id, reason: "wrong" });
    const next = await world.restart({});
    expect(next.started).toEqual(["down#2"]);
    expect((await next.store.instruction("i1"))!.result).toEqual({ run: id });
    await next.instruct({ type: "cancel-run", run: id, reason: "at once" });
    expect((await next.state(id)).steps.get("down")!.status).toBe("cancelled");
  });
});

describe("starting a run", () => {
  it("checks the partition and the params", async () => {
    const parted = planOf({ a: [] }, { pipeline: "parted", partitions: staticPartitions(["eu"]) });
    const shaped = planOf({ a: [] }, { pipeline: "shaped", params: { type: "object" } });
    const world = await scripted([chain, parted, shaped], {
      prepareParams: async (_pipeline, raw) => {
        if ((raw as { n?: unknown }).n === "x") throw new Error("n is no number");
        return { n: 1, ...(raw as object) };
      },
    });
    const refused = (more: Partial<typeof run>): Promise<Json> => world.instruct({ ...run, ...more } as Instruction);
    await expect(refused({ pipeline: "orders", partition: "eu" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(refused({ pipeline: "parted" })).rejects.toMatchObject({
      code: "USAGE",
      message: 'Pipeline "parted" needs a partition',
      hint: "Its partitions are eu.",
    });
    await expect(refused({ pipeline: "parted", partition: "us" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(refused({ params: { n: 1 } })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("takes no params"),
    });
    await expect(refused({ pipeline: "shaped", params: { n: "x" } })).rejects.toThrow("n is no number");
    expect(await world.store.runs({})).toEqual([]);
    await refused({ pipeline: "shaped", params: { m: 2 } });
    expect(world.attempt("a").assignment.params).toEqual({ n: 1, m: 2 });
  });
});

describe("running a run again", () => {
  async function failed(world: Scripted): Promise<string> {
    const id = await world.run("orders");
    await world.succeed("extract", "kept");
    await world.attempt("load").end({ type: "failed", error: finalFailure });
    return id;
  }

  it("makes a new run that keeps what succeeded, with the key of the effect that may be half done", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    await world.succeed("extract", "kept");
    const { idempotencyKey } = world.attempt("load").assignment;
    await world.attempt("load").end({ type: "failed", error: finalFailure });
    const answer = (await world.instruct({ type: "rerun", run: id, scope: "from-failed", step: null })) as {
      run: string;
    };
    expect(world.started).toEqual(["extract#1", "load#1", "load#1"]);
    expect(world.attempt("load").assignment).toMatchObject({ idempotencyKey, outputs: { extract: "kept" } });
    await world.succeed("load");
    const { record, state } = (await world.store.run(answer.run))!;
    expect(record).toMatchObject({ trigger: "rerun", rerunOf: id, status: "succeeded" });
    expect(state.steps.get("extract")!.reusedFrom).toBe(id);
  });

  it("is of the pipeline as it is now", async () => {
    const world = await scripted(chain);
    const id = await failed(world);
    const changed = planOf({ extract: [], load: ["extract"], report: ["load"] });
    world.plans.set("orders", changed);
    world.scheduler.plansChanged();
    await world.instruct({ type: "rerun", run: id, scope: "from-failed", step: null });
    expect(world.started.slice(-1)).toEqual(["load#1"]);
    expect(await world.succeedAll()).toEqual(["report#1"]);
    expect(await world.store.runs({ limit: 1 })).toMatchObject([{ version: changed.version, status: "succeeded" }]);
  });

  it("takes the beginning of an id, does not wait for room, and counts as an active run", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    const id = await world.run("orders");
    await world.succeed("a");
    await world.instruct({ type: "rerun", run: id.slice(0, -1), scope: "all", step: null });
    await world.instruct({ type: "rerun", run: id, scope: "all", step: null });
    expect(world.running).toHaveLength(2);
    await world.running[0]!.end(success());
    expect(await world.instruct(run)).toHaveProperty("request");
  });

  it.each<[string, Partial<Extract<Instruction, { type: "rerun" }>>, string, string]>([
    ["there is no such run", { run: "nonsense" }, "NOT_FOUND", "nonsense"],
    ["there is no such step", { scope: "step", step: "lode" }, "NOT_FOUND", "lode"],
    ["no step is named", { scope: "only", step: null }, "USAGE", "Which step"],
  ])("is refused when %s", async (_why, more, code, text) => {
    const world = await scripted(chain);
    const id = await failed(world);
    const asked = world.instruct({ type: "rerun", run: id, scope: "from-failed", step: null, ...more });
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  it("is refused while the run is under way, and when nothing is left of it to run", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    const again = { type: "rerun", run: id, scope: "from-failed", step: null } as const;
    await expect(world.instruct(again)).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("sluice cancel"),
    });
    await world.succeedAll();
    await expect(world.instruct(again)).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("--all"),
    });
  });

  it("is refused when the pipeline is gone, or has the partition no more", async () => {
    const parted = (...keys: string[]): typeof chain => planOf({ a: [] }, { partitions: staticPartitions(keys) });
    const world = await scripted(parted("eu", "us"));
    const id = await world.run("orders", "eu");
    await world.succeedAll();
    const again = { type: "rerun", run: id, scope: "all", step: null } as const;
    world.plans.set("orders", parted("us"));
    await expect(world.instruct(again)).rejects.toMatchObject({ code: "USAGE" });
    world.plans.clear();
    await expect(world.instruct(again)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("cancelling a run", () => {
  it("ends that run, and no other", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    await world.run("orders");
    expect(await world.instruct({ type: "cancel-run", run: id, reason: "wrong day" })).toEqual({ run: id });
    expect(world.running.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(plain(await world.state(id))).toMatchObject({
      status: "cancelled",
      steps: { extract: { reason: "wrong day" } },
    });
  });

  it("is answered once it is durable", async () => {
    const gate = Promise.withResolvers<void>();
    const world = await scripted(chain, {
      between: (store) => ({ ...store, commit: async (batch) => (await gate.promise, store.commit(batch)) }),
    });
    const id = await world.run("orders");
    let answered = false;
    void world.scheduler.instruct({ type: "cancel-run", run: id, reason: "x" }, "ana").then(() => (answered = true));
    await settled();
    expect(answered).toBe(false);
    gate.resolve();
    await settled();
    expect(answered).toBe(true);
  });

  it("takes back a request that has not begun", async () => {
    const world = await scripted(planOf({ a: [] }, { maxActiveRuns: 1 }));
    await world.instruct(run);
    const { request } = (await world.instruct(run)) as { request: string };
    const waiting = world.scheduler.requested(request);
    await settled();
    expect(await world.instruct({ type: "cancel-run", run: request, reason: "not needed" })).toEqual({ request });
    await expect(waiting).rejects.toMatchObject({ code: "CANCELLED", message: expect.stringContaining("not needed") });
    await world.succeedAll();
    expect(world.started).toHaveLength(1);
  });

  it("of one that has ended says how it ended; twice is as once", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    await world.instruct({ type: "cancel-run", run: id, reason: "x" });
    expect(await world.instruct({ type: "cancel-run", run: id, reason: "x" })).toEqual({ run: id });
    const other = await world.run("orders");
    await world.running.at(-1)!.end(success());
    await world.succeed("load");
    await expect(world.instruct({ type: "cancel-run", run: other, reason: "x" })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("has succeeded"),
    });
    await expect(world.instruct({ type: "cancel-run", run: "none", reason: "x" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

describe("deciding", () => {
  const decide = (of: string, more: Partial<Extract<Instruction, { type: "decide" }>> = {}): Instruction => ({
    type: "decide",
    run: of,
    step: "ok",
    decision: "approved",
    note: null,
    ...more,
  });

  it("lets a run go on, and says who decided", async () => {
    const world = await scripted(asking);
    const id = await world.run("orders");
    expect(await world.instruct(decide(id, { note: "looks good" }), "bob")).toEqual({
      run: id,
      step: "ok",
      decision: "approved",
    });
    expect(world.attempt("publish").assignment.outputs).toEqual({
      ok: { decision: "approved", by: "bob", note: "looks good", at: world.clock.now() },
    });
  });

  it.each(["skip", "fail"] as const)(
    "twice by the same person is as once, and by another is refused (%s)",
    async (onReject) => {
      const world = await scripted(planOf([approve(onReject)]));
      for (const decision of ["approved", "rejected"] as const) {
        const id = await world.run("orders");
        const answer = await world.instruct(decide(id, { decision, note: "why" }), "ann");
        expect(await world.instruct(decide(id, { decision, note: "why" }), "ann")).toEqual(answer);
        await expect(world.instruct(decide(id, { decision, note: "why" }), "anna")).rejects.toMatchObject({
          code: "USAGE",
        });
        const other = decision === "approved" ? "rejected" : "approved";
        await expect(world.instruct(decide(id, { decision: other }), "ann")).rejects.toMatchObject({
          code: "USAGE",
          message: expect.stringContaining("has ended already"),
        });
      }
    },
  );

  it("at once by two people counts the first", async () => {
    const world = await scripted(asking);
    const id = await world.run("orders");
    const answers = [
      world.scheduler.instruct(decide(id), "ann"),
      world.scheduler.instruct(decide(id, { decision: "rejected" }), "bob"),
    ];
    const [first, second] = await Promise.allSettled(answers);
    expect([first!.status, second!.status]).toEqual(["fulfilled", "rejected"]);
    expect((await world.state(id)).steps.get("ok")!.status).toBe("succeeded");
  });

  it("is refused where nobody has to decide, or not yet", async () => {
    const world = await scripted(planOf([{ name: "first" }, { ...approve(), dependsOn: ["first"] }]));
    const id = await world.run("orders");
    await expect(world.instruct(decide(id))).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("not wait for a decision yet"),
    });
    await expect(world.instruct(decide(id, { step: "first" }))).rejects.toMatchObject({
      message: expect.stringContaining("not an approval"),
    });
    await expect(world.instruct(decide(id, { step: "okay" }))).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: "Its steps are first, ok.",
    });
    await world.instruct({ type: "cancel-run", run: id, reason: "x" });
    await expect(world.instruct(decide(id))).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("marking a step", () => {
  const mark = (of: string, more: Partial<Extract<Instruction, { type: "mark" }>> = {}): Instruction => ({
    type: "mark",
    run: of,
    step: "extract",
    as: "succeeded",
    reason: "loaded by hand",
    ...more,
  });

  it("ends it as told, stops what it was doing, and keeps who said so and why", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    expect(await world.instruct(mark(id), "bob")).toEqual({ run: id, step: "extract", as: "succeeded" });
    expect(world.running[0]!.signal.aborted).toBe(true);
    expect(world.started).toEqual(["extract#1", "load#1"]);
    expect((await world.state(id)).steps.get("extract")!.reason).toBe("marked succeeded by bob: loaded by hand");
  });

  it("twice is as once; of one that has ended it is refused", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    const answer = await world.instruct(mark(id));
    expect(await world.instruct(mark(id))).toEqual(answer);
    await expect(world.instruct(mark(id, { as: "failed" }))).rejects.toMatchObject({ code: "USAGE" });
    await world.succeed("load");
    await expect(world.instruct(mark(id, { step: "load" }))).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("sluice rerun"),
    });
  });

  it("needs a reason, a step and a run", async () => {
    const world = await scripted(chain);
    const id = await world.run("orders");
    await expect(world.instruct(mark(id, { reason: " " }))).rejects.toMatchObject({ code: "USAGE" });
    await expect(world.instruct(mark(id, { step: "x" }))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(world.instruct(mark("x"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("partitions by name", () => {
  it("are added and removed, and runs of them refused when they are not there", async () => {
    const world = await scripted(planOf({ a: [] }, { partitions: dynamicPartitions("customers") }));
    const asked: Instruction = { ...run, partition: "ann" };
    await expect(world.instruct(asked)).rejects.toMatchObject({ code: "USAGE" });
    expect(await world.instruct({ type: "add-partitions", set: "customers", keys: ["ann", "bob"] })).toEqual({
      set: "customers",
      changed: 2,
    });
    await world.instruct(asked);
    expect(world.started).toEqual(["a#1"]);
    expect(await world.instruct({ type: "remove-partitions", set: "customers", keys: ["ann", "eve"] })).toEqual({
      set: "customers",
      changed: 1,
    });
    await expect(world.instruct(asked)).rejects.toMatchObject({ code: "USAGE" });
  });

  it("belong to a set that a pipeline has, and can be keys", async () => {
    const world = await scripted([
      chain,
      planOf({ a: [] }, { pipeline: "named", partitions: dynamicPartitions("customers") }),
    ]);
    await expect(world.instruct({ type: "add-partitions", set: "customer", keys: ["ann"] })).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: "There are customers.",
    });
    await expect(world.instruct({ type: "add-partitions", set: "customers", keys: ["a|b"] })).rejects.toMatchObject({
      code: "USAGE",
    });
  });
});

describe("pausing", () => {
  it("is refused for a pipeline without a schedule, and for one that there is not", async () => {
    const world = await scripted(chain);
    await expect(world.instruct({ type: "pause", pipeline: "orders" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(world.instruct({ type: "unpause", pipeline: "x" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
