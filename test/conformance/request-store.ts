// The suite that every request store passes: what is asked for once is there once, in order, until it is taken.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import type { InstructionRecord } from "../../src/engine/stores/instruction.ts";
import type { BackfillRecord, RunRequest, ScheduleState } from "../../src/engine/stores/request-store.ts";
import type { EngineStoreHarness, EngineStoreSuite } from "./engine-store.ts";
import { batch, newRun, planNamed } from "./run-states.ts";

const plan = planNamed("sales");

function request(key: string, parts: Partial<RunRequest> = {}): RunRequest {
  return {
    key,
    pipeline: "sales",
    partition: null,
    params: { minRows: 1 },
    trigger: "schedule",
    scheduledFor: 500,
    backfill: null,
    notBefore: 0,
    createdAt: 7,
    ...parts,
  };
}

function backfill(id: string, parts: Partial<BackfillRecord> = {}): BackfillRecord {
  return {
    id,
    pipeline: "sales",
    version: plan.version,
    selection: { type: "range", from: "2011-01-04", to: "2011-02-04" },
    mode: "missing",
    parallel: 4,
    position: 0,
    total: 32,
    requested: 0,
    succeeded: 0,
    failed: 0,
    status: "running",
    createdAt: 100,
    finishedAt: null,
    ...parts,
  };
}

/** Registers the cases for one store. */
export function testRequestStore({ name, survives, create }: EngineStoreSuite): void {
  describe(`request store: ${name}`, () => {
    let harness: EngineStoreHarness;
    let store: EngineStore;
    beforeEach(async () => {
      harness = await create();
      store = harness.store;
      await store.savePlan(plan, 1);
    });
    afterEach(async () => harness.dispose());

    const keysOf = (requests: readonly RunRequest[]): string => requests.map(({ key }) => key).join("");

    it("keeps requests in the order they were added, and each key once", async () => {
      const all = [
        request("a", { partition: "2011-01-04", params: ["x", null, { y: 1 }] }),
        request("b", { pipeline: "returns", trigger: "event", scheduledFor: null }),
        request("c", { backfill: "b1", trigger: "backfill", notBefore: 90 }),
      ];
      expect(await store.addRequests([all[0]!, all[1]!])).toBe(2);
      expect(await store.addRequests([request("a", { pipeline: "other" }), all[2]!, request("c")])).toBe(1);
      expect(await store.requests({})).toEqual(all);
      await store.addRequests([request("d"), request("e", { backfill: "b1" })]);
      expect(keysOf(await store.requests({ limit: 3 }))).toBe("abc");
      expect(keysOf(await store.requests({ pipeline: "sales" }))).toBe("acde");
      expect(keysOf(await store.requests({ pipeline: "sales", limit: 2 }))).toBe("ac");
      expect(keysOf(await store.requests({ backfill: "b1" }))).toBe("ce");
      expect(keysOf(await store.requests({ backfill: "b1", pipeline: "returns" }))).toBe("");
    });

    it("gives those that may start, backfills' apart from others'", async () => {
      await store.addRequests([
        request("a", { notBefore: 100 }),
        request("b"),
        request("c", { pipeline: "returns", notBefore: 50 }),
        request("d", { backfill: "b1" }),
        request("e", { pipeline: "stock", notBefore: 200 }),
      ]);
      const due = async (now: number, backfills: boolean, pipeline?: string, limit = 9): Promise<string> =>
        keysOf(await store.dueRequests(now, { backfills, limit, ...(pipeline === undefined ? {} : { pipeline }) }));
      expect([await due(49, false), await due(50, false), await due(100, false)]).toEqual(["b", "bc", "abc"]);
      expect([await due(100, false, "sales"), await due(100, false, "sales", 1)]).toEqual(["ab", "a"]);
      expect([await due(0, true), await due(0, true, "returns")]).toEqual(["d", ""]);
      expect((await store.pipelinesWithRequests(49)).toSorted()).toEqual(["sales"]);
      expect((await store.pipelinesWithRequests(50)).toSorted()).toEqual(["returns", "sales"]);
      expect([await store.nextRequestAt(0), await store.nextRequestAt(50), await store.nextRequestAt(100)]).toEqual([
        50, 100, 200,
      ]);
      expect(await store.nextRequestAt(200)).toBeNull();
    });

    it("counts what waits, by pipeline", async () => {
      expect(await store.backlog()).toEqual({ requests: [], backfills: [] });
      await store.addRequests([
        request("a", { notBefore: 100 }),
        request("b", { notBefore: 40 }),
        request("c", { pipeline: "returns", notBefore: 50, backfill: "b1" }),
      ]);
      expect((await store.backlog()).requests).toEqual([
        { pipeline: "returns", count: 1, oldest: 50 },
        { pipeline: "sales", count: 2, oldest: 40 },
      ]);
      expect(keysOf(await store.requests({ key: "b" }))).toBe("b");
      expect(await store.requests({ key: "z" })).toEqual([]);
    });

    it("knows nothing of requests when there are none", async () => {
      expect(await store.pipelinesWithRequests(9)).toEqual([]);
      expect(await store.nextRequestAt(0)).toBeNull();
      expect(await store.dueRequests(9, { backfills: false, limit: 9 })).toEqual([]);
    });

    it("takes a request from the queue as its run is made, and takes none for a run that is there", async () => {
      await store.addRequests([request("a"), request("b")]);
      await store.createRuns([newRun(plan, "sales-1", { requestKey: "a" })]);
      expect(keysOf(await store.requests({}))).toBe("b");
      expect(await store.addRequests([request("a"), request("c")])).toBe(1);
      expect(keysOf(await store.requests({}))).toBe("bc");
      const wrong = newRun(plan, "sales-2", { requestKey: "c", version: "never saved" });
      await expect(store.createRuns([newRun(plan, "sales-3", { requestKey: "b" }), wrong])).rejects.toThrow("sales-2");
      expect(keysOf(await store.requests({}))).toBe("bc");
    });

    it("takes requests back by key, backfill and pipeline, and says how many", async () => {
      await store.addRequests([
        request("a"),
        request("b", { backfill: "b1" }),
        request("c", { backfill: "b1" }),
        request("d", { pipeline: "returns" }),
        request("e"),
      ]);
      expect([await store.dropRequests({ key: "a" }), await store.dropRequests({ key: "a" })]).toEqual([1, 0]);
      expect(await store.dropRequests({ backfill: "b1" })).toBe(2);
      expect(keysOf(await store.requests({}))).toBe("de");
      expect(await store.dropRequests({ pipeline: "sales" })).toBe(1);
      expect(keysOf(await store.requests({}))).toBe("d");
    });

    const schedule = (parts: Partial<ScheduleState> = {}): ScheduleState => ({
      pipeline: "sales",
      paused: false,
      handledTick: null,
      handledUpdate: 0,
      ...parts,
    });

    it("keeps how far a schedule is, with the requests that it made", async () => {
      expect(await store.schedules()).toEqual([]);
      await store.saveSchedule(schedule());
      await store.addRequests([request("a")], schedule({ handledTick: 900 }));
      await store.addRequests([], schedule({ pipeline: "returns", handledUpdate: 3, paused: true }));
      const both = async () => (await store.schedules()).toSorted((a, b) => (a.pipeline < b.pipeline ? -1 : 1));
      expect(await both()).toEqual([
        schedule({ pipeline: "returns", handledUpdate: 3, paused: true }),
        schedule({ handledTick: 900 }),
      ]);
      await store.saveSchedule(schedule({ handledTick: 901, paused: true }));
      expect((await both())[1]).toEqual(schedule({ handledTick: 901, paused: true }));
    });

    it("keeps instructions until they are answered, and their answers after", async () => {
      const record = (id: string, parts: Partial<InstructionRecord> = {}): InstructionRecord => ({
        id,
        instruction: { type: "cancel-run", run: "sales-1", reason: "größer" },
        by: "Ana",
        createdAt: 5,
        answeredAt: null,
        result: null,
        error: null,
        ...parts,
      });
      for (const id of ["z", "a", "m"]) await store.addInstruction(record(id));
      await store.addInstruction(record("a", { by: "Eve" }));
      const open = async (limit = 9): Promise<string> =>
        (await store.openInstructions(limit)).map(({ id }) => id).join("");
      expect([await open(), await open(2)]).toEqual(["zam", "za"]);
      expect((await store.openInstructions(9))[1]).toEqual(record("a"));
      await store.answerInstruction("a", { at: 9, result: { run: "sales-1" }, error: null });
      const error = { code: "NOT_FOUND", message: "There is no run", retryable: false } as const;
      await store.answerInstruction("z", { at: 10, result: null, error });
      await store.answerInstruction("a", { at: 11, result: null, error });
      expect(await open()).toBe("m");
      expect(await store.instruction("a")).toEqual(record("a", { answeredAt: 9, result: { run: "sales-1" } }));
      expect(await store.instruction("z")).toEqual(record("z", { answeredAt: 10, error }));
      expect(await store.instruction("nobody")).toBeNull();
    });

    it("moves a backfill on together with the requests of the stretch", async () => {
      await store.createBackfill(backfill("b1"));
      await expect(store.createBackfill(backfill("b1"))).rejects.toThrow("b1");
      const next = backfill("b1", { position: 2, requested: 2, parallel: 8 });
      const ofIt = { backfill: "b1", trigger: "backfill" } as const;
      await store.advanceBackfill(next, [request("x", ofIt), request("y", ofIt)]);
      expect(await store.backfill("b1")).toEqual(next);
      expect(keysOf(await store.requests({ backfill: "b1" }))).toBe("xy");
      await store.advanceBackfill({ ...next, position: 3 }, [request("y", ofIt), request("z", ofIt)]);
      expect(keysOf(await store.requests({ backfill: "b1" }))).toBe("xyz");
      await expect(store.advanceBackfill(backfill("b2"), [request("never")])).rejects.toThrow("b2");
      expect(keysOf(await store.requests({}))).toBe("xyz");
      expect(await store.backfill("b2")).toBeNull();
    });

    it("lists backfills, the newest first", async () => {
      const all = [
        backfill("z", { status: "succeeded", finishedAt: 900, succeeded: 30, failed: 2, selection: { type: "all" } }),
        backfill("a", { pipeline: "returns", selection: { type: "keys", keys: ["eu", "us"] }, mode: "failed" }),
        backfill("m", { createdAt: 1 }),
      ];
      for (const one of all) await store.createBackfill(one);
      expect(await store.backfills({})).toEqual(all.toReversed());
      expect(await store.backfills({ limit: 2 })).toEqual([all[2], all[1]]);
      expect(await store.backfills({ status: "running" })).toEqual([all[2], all[1]]);
      expect(await store.backfills({ pipeline: "sales" })).toEqual([all[2], all[0]]);
      expect(await store.backfills({ pipeline: "sales", status: "succeeded" })).toEqual([all[0]]);
      expect((await store.backlog()).backfills).toEqual([
        { pipeline: "returns", count: 1 },
        { pipeline: "sales", count: 1 },
      ]);
    });

    it("keeps the keys of dynamic sets in the order they were added", async () => {
      expect(await store.addPartitionKeys("customers", ["z", "a", "z"], 1)).toBe(2);
      expect(await store.addPartitionKeys("customers", ["a", "m"], 2)).toBe(1);
      expect(await store.addPartitionKeys("regions", ["a"], 2)).toBe(1);
      expect(await store.partitionKeys("customers")).toEqual(["z", "a", "m"]);
      expect(await store.partitionKeys("customers", { limit: 2 })).toEqual(["z", "a"]);
      expect(await store.partitionKeys("customers", { after: "z", limit: 1 })).toEqual(["a"]);
      expect(await store.partitionKeys("customers", { after: "m" })).toEqual([]);
      expect(await store.partitionKeys("customers", { after: "never added" })).toEqual([]);
      expect(await store.removePartitionKeys("customers", ["z", "m", "z", "nobody"])).toBe(2);
      await store.addPartitionKeys("customers", ["z"], 3);
      expect(await store.partitionKeys("customers")).toEqual(["a", "z"]);
      expect([await store.partitionKeys("regions"), await store.partitionKeys("nobody")]).toEqual([["a"], []]);
    });

    it("shares no object with those who gave it or got it", async () => {
      const keys = ["eu"];
      await store.createBackfill(backfill("b1", { selection: { type: "keys", keys } }));
      const params = { day: "Monday" };
      await store.addRequests([request("a", { params })]);
      keys.push("us");
      params.day = "Tuesday";
      const [read] = await store.requests({});
      expect(read!.params).toEqual({ day: "Monday" });
      (read!.params as { day: string }).day = "Sunday";
      expect((await store.requests({}))[0]!.params).toEqual({ day: "Monday" });
      expect((await store.backfill("b1"))!.selection).toEqual({ type: "keys", keys: ["eu"] });
    });

    it("was not changed by others when nobody but it has written", async () => {
      await store.addRequests([request("a")]);
      await store.createRuns([newRun(plan, "sales-1")]);
      expect([store.changedByOthers(), store.changedByOthers()]).toEqual([false, false]);
    });

    if (!survives) return;

    it("notices that another process has written, once", async () => {
      const [other, reader] = [harness.reopen!(), harness.reopen!({ readOnly: true })];
      await other.addRequests([request("a")]);
      expect([store.changedByOthers(), store.changedByOthers()]).toEqual([true, false]);
      expect([reader.changedByOthers(), reader.changedByOthers()]).toEqual([true, false]);
      expect(other.changedByOthers()).toBe(false);
      await store.createRuns([newRun(plan, "sales-1")]);
      await store.commit(batch({}));
      expect(store.changedByOthers()).toBe(false);
      expect(other.changedByOthers()).toBe(true);
      other.close();
      reader.close();
    });

    it("has everything again after it was closed and opened", async () => {
      await store.addRequests([request("a")], schedule({ handledTick: 5 }));
      await store.createBackfill(backfill("b1"));
      await store.addPartitionKeys("customers", ["z", "a"], 1);
      const look = async (from: EngineStore): Promise<unknown> => [
        await from.requests({}),
        await from.schedules(),
        await from.backfills({}),
        await from.partitionKeys("customers"),
      ];
      const before = await look(store);
      store.close();
      const again = harness.reopen!();
      expect(await look(again)).toEqual(before);
      again.close();
    });
  });
}
