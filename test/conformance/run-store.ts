// The suite that every run store passes: what a commit promises, and what the questions answer.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommitBatch, NewRun, RunStore, StoredRun } from "../../src/engine/stores/run-store.ts";
import { NamedList } from "../../src/named-list.ts";
import type { RunState } from "../../src/engine/state-machine/state.ts";
import type { EngineStoreHarness, EngineStoreSuite } from "./engine-store.ts";
import {
  advance,
  batch,
  failure as error,
  itemState,
  newRun,
  noticeOf,
  planNamed,
  rows,
  stateOf,
  waiting,
  withStep,
} from "./run-states.ts";

const plan = planNamed("sales");
const names = plan.steps.map(({ name }) => name);

/** Registers the cases for one store. */
export function testRunStore({ name, survives, create }: EngineStoreSuite): void {
  describe(`run store: ${name}`, () => {
    let harness: EngineStoreHarness;
    let store: RunStore;
    beforeEach(async () => {
      harness = await create();
      store = harness.store;
      await store.savePlan(plan, 100);
    });
    afterEach(async () => harness.dispose());

    const createRun = async (id: string, parts: Partial<NewRun> = {}): Promise<StoredRun> =>
      (await store.createRuns([newRun(plan, id, parts)]))[0]!;
    const end = (run: StoredRun, status: "succeeded" | "failed" | "cancelled", finishedAt = 2_000) =>
      advance(store, run, { ...run.state, status, finishedAt });

    it("gives a plan back as it was saved, the first time and the second", async () => {
      expect(await store.plan(plan.version)).toEqual(plan);
      await store.savePlan(plan, 900);
      expect(await store.plan(plan.version)).toEqual(plan);
      expect(await store.plan("no such version")).toBeNull();
    });

    it("knows the versions of a pipeline, the newest first, and when each was first seen", async () => {
      const [second, third] = [planNamed("sales", "2012-01-01"), planNamed("sales", "2013-01-01")];
      await store.savePlan(second, 200);
      await store.savePlan(planNamed("returns"), 250);
      await store.savePlan(third, 300);
      await store.savePlan(plan, 400);
      expect(await store.versions("sales")).toEqual([
        { version: third.version, at: 300 },
        { version: second.version, at: 200 },
        { version: plan.version, at: 100 },
      ]);
      expect(await store.versions("nobody")).toEqual([]);
    });

    it("numbers runs in the order of their creation, starting at a revision to commit from", async () => {
      const told = {
        partition: "2011-01-04",
        params: { minRows: 3, names: ["a", null] },
        trigger: "backfill",
        scheduledFor: 77,
        backfill: "b1",
        rerunOf: "sales-0",
        createdAt: 5,
      } as const;
      const [first, second] = await store.createRuns([
        newRun(plan, "sales-1"),
        newRun(plan, "sales-2", { ...told, state: stateOf(plan, { zeta: { status: "queued" } }, { startedAt: 6 }) }),
      ]);
      const { state, ...facts } = newRun(plan, "sales-1");
      expect(first).toEqual({
        record: { ...facts, sequence: expect.any(Number), status: "running", finishedAt: null },
        state,
        revision: 0,
      });
      expect(second!.record).toMatchObject({ ...told, requestKey: "key of sales-2" });
      expect(second!.record.sequence).toBeGreaterThan(first!.record.sequence);
      expect((await createRun("sales-3")).record.sequence).toBeGreaterThan(second!.record.sequence);
      expect(await store.run("sales-1")).toEqual(first);
      expect(await store.run("sales-2")).toEqual(second);
    });

    it("creates none of several runs when one of them can't be", async () => {
      await createRun("sales-1");
      await expect(
        store.createRuns([newRun(plan, "sales-2"), newRun(plan, "sales-1", { requestKey: "another" })]),
      ).rejects.toThrow("sales-1");
      await expect(
        store.createRuns([newRun(plan, "sales-2"), newRun(plan, "sales-3", { version: "never saved" })]),
      ).rejects.toThrow("sales-3");
      expect((await store.runs({})).map(({ id }) => id)).toEqual(["sales-1"]);
      expect(await store.runByRequest("key of sales-2")).toBeNull();
    });

    it("makes one run per key, whoever asks and however often", async () => {
      const ids = async (...runs: [id: string, requestKey: string][]): Promise<string[]> =>
        (await store.createRuns(runs.map(([id, requestKey]) => newRun(plan, id, { requestKey })))).map(
          ({ record }) => record.id,
        );
      expect(await ids(["a", "one"], ["b", "two"], ["c", "one"])).toEqual(["a", "b"]);
      expect(await ids(["d", "two"], ["e", "three"])).toEqual(["e"]);
      expect((await store.runs({})).map(({ id }) => id)).toEqual(["e", "b", "a"]);
      expect((await store.runByRequest("two"))!.id).toBe("b");
      expect(await store.runByRequest("one")).toEqual((await store.run("a"))!.record);
      expect(await store.runByRequest("four")).toBeNull();
    });

    it("reads a run back equal at every moment of its life", async () => {
      let run = await createRun("sales-1");
      const output = { kind: "dataset", text: "ümläut \u0000 ' \" \n 漢字", files: [], n: 1.5, none: null };
      const life: ((state: RunState) => RunState)[] = [
        (state) => withStep(state, "zeta", { status: "queued", attempts: 1, startedAt: 10 }),
        (state) => withStep(state, "zeta", { status: "retrying", failures: 1, wakeAt: 1_020, error, losses: 2 }),
        (state) => withStep({ ...state, late: true }, "zeta", { status: "sleeping", attempts: 2, late: true }),
        (state) =>
          withStep(state, "zeta", {
            ...waiting,
            status: "succeeded",
            attempts: 2,
            output,
            rows,
            assets: ["lake.raw", "lake.größe"],
            reusedFrom: "sales-0",
            effectRun: "sales-00",
            startedAt: 10,
            finishedAt: 1_040,
          }),
        (state) => withStep(state, "alpha", { status: "held", awaits: "decision" }),
        (state) => withStep(state, "alpha", { status: "failed", awaits: null, error, reason: "marked failed by Ana" }),
        (state) => ({ ...state, ending: { as: "failed", reason: "took longer than 2h" } }),
        (state) => ({ ...withStep(state, "mid", { status: "cancelled" }), status: "failed", finishedAt: 1_050 }),
      ];
      for (const step of life) {
        run = await advance(store, run, step(run.state));
        expect(await store.run("sales-1")).toEqual(run);
        expect((await store.run("sales-1"))!.state.steps.names()).toEqual(names);
        expect(await store.steps("sales-1")).toEqual(
          plan.steps.map((planned) => ({
            name: planned.name,
            kind: planned.kind,
            ...run.state.steps.get(planned.name),
          })),
        );
      }
      expect(run.record).toMatchObject({ status: "failed", finishedAt: 1_050 });
      expect((await store.runs({}))[0]).toEqual(run.record);
      expect(await store.steps("nobody")).toEqual([]);
    });

    it("keeps the items of mapped steps, and writes those that a commit names", async () => {
      let run = await createRun("sales-1");
      expect((await store.steps("sales-1")).map(({ items }) => items)).toEqual([null, null, null]);
      const all = Array.from({ length: 25 }, () => itemState());
      run = await advance(store, run, withStep(run.state, "alpha", { status: "mapped", items: all }));
      run = await advance(store, run, withStep(run.state, "mid", { status: "mapped", items: [] }));
      expect(await store.run("sales-1")).toEqual(run);
      const done = itemState({
        status: "succeeded",
        output: [1, { a: "ü" }],
        rows,
        assets: ["lake.raw"],
        finishedAt: 9,
      });
      const failed = itemState({
        status: "failed",
        attempts: 3,
        failures: 2,
        losses: 1,
        error,
        reason: "so",
        wakeAt: 4,
      });
      const next = all
        .with(3, done)
        .with(24, failed)
        .with(7, itemState({ status: "retrying", startedAt: 5 }));
      run = await advance(store, run, withStep(run.state, "alpha", { items: next }));
      expect(await store.run("sales-1")).toEqual(run);
      expect((await store.unfinishedRuns())[0]).toEqual(run);
      const none = { queued: 0, retrying: 0, succeeded: 0, failed: 0, cancelled: 0 };
      expect((await store.steps("sales-1")).map(({ items }) => items)).toEqual([
        null,
        { ...none, queued: 22, retrying: 1, succeeded: 1, failed: 1 },
        none,
      ]);
      const positions = async (options: Parameters<RunStore["items"]>[2], step = "alpha"): Promise<number[]> =>
        (await store.items("sales-1", step, options)).map(({ position }) => position);
      expect(await store.items("sales-1", "alpha", { from: 3, limit: 1 })).toEqual([{ ...done, position: 3 }]);
      expect(await positions({})).toEqual(all.map((_item, position) => position));
      expect(await positions({ from: 20, limit: 3 })).toEqual([20, 21, 22]);
      expect(await positions({ status: "queued", from: 2, limit: 4 })).toEqual([2, 4, 5, 6]);
      expect(await positions({ status: "failed" })).toEqual([24]);
      expect([await positions({}, "zeta"), await positions({}, "nothing")]).toEqual([[], []]);
    });

    it("creates runs that are under way already, as a re-run is", async () => {
      const items = [itemState({ status: "succeeded", output: 1 }), itemState()];
      const state = stateOf(plan, {
        zeta: { status: "succeeded", output: "kept", reusedFrom: "sales-0", startedAt: 1, finishedAt: 2 },
        alpha: { status: "mapped", items, effectRun: "sales-0" },
      });
      const run = await createRun("sales-1", { state });
      expect(await store.run("sales-1")).toEqual(run);
      expect((await store.steps("sales-1"))[1]!.items).toMatchObject({ queued: 1, succeeded: 1 });
    });

    it("takes of a state only the steps and items that a commit names", async () => {
      const run = await advance(
        store,
        await createRun("sales-1"),
        stateOf(plan, { alpha: { status: "mapped", items: [itemState(), itemState()] } }),
      );
      const items = [itemState({ status: "failed" }), itemState({ status: "failed" })];
      const state = stateOf(plan, { zeta: { status: "queued" }, alpha: { status: "mapped", items, losses: 3 } });
      const changed = [{ step: "alpha", items: [1] }];
      await store.commit(batch({ updates: [{ runId: "sales-1", expectedRevision: 1, state, changed }] }));
      expect((await store.run("sales-1"))!.state).toEqual(
        withStep(run.state, "alpha", { losses: 3, items: [itemState(), items[1]!] }),
      );
    });

    it("shares no object with those who gave it or got it", async () => {
      const output = { rows: 1 };
      const params = { day: "Monday" };
      const made = await createRun("sales-1", { params });
      const run = await advance(store, made, withStep(made.state, "zeta", { status: "succeeded", output }));
      const { record, state, revision } = run;
      const steps = state.steps.withValues(structuredClone([...state.steps.values()]));
      const expected = { record: structuredClone(record), state: { ...state, steps }, revision };
      output.rows = 2;
      params.day = "Tuesday";
      const read = (await store.run("sales-1"))!;
      expect(read).toEqual(expected);
      (read.state.steps.get("zeta")!.output as { rows: number }).rows = 3;
      (read.record as { status: string }).status = "failed";
      expect(await store.run("sales-1")).toEqual(expected);
    });

    const everything = (runId: string): Omit<CommitBatch, "updates"> => {
      const key = { runId, step: "zeta", item: null, attempt: 1 };
      return {
        attempts: [{ ...key, status: "succeeded", startedAt: 1, finishedAt: 2, error: null }],
        logs: [{ ...key, at: 1, level: "info", message: "line" }],
        notices: [noticeOf(runId, "n1", 5)],
        cached: [{ key: "hash", runId, output: 1, rows: null, assets: [], at: 5 }],
        live: [{ ...key, attempt: 2, startedAt: 3 }],
      };
    };

    it("commits nothing of a batch that has one stale update", async () => {
      const [one, two] = [await createRun("sales-1", { partition: "2011-01-04" }), await createRun("sales-2")];
      await advance(store, two, withStep(two.state, "zeta", { status: "queued" }));
      const state = withStep(one.state, "zeta", { status: "succeeded", assets: ["lake.raw"], finishedAt: 3 });
      const update = { expectedRevision: 0, state: { ...state, status: "failed", finishedAt: 3 } as const };
      const changed = [{ step: "zeta", items: [] }];
      const look = async (): Promise<unknown> => [
        await store.run("sales-1"),
        await store.run("sales-2"),
        await store.statistics(),
        await store.newestRun("sales", "2011-01-04"),
        await store.attempts("sales-1"),
        await store.logs("sales-1"),
        await store.notices("sales-1"),
        await store.cached("hash", 0),
        await store.live(),
        await store.assetUpdates(0),
      ];
      const before = await look();
      await expect(
        store.commit({
          updates: [
            { runId: "sales-1", ...update, changed },
            { runId: "sales-2", ...update, changed },
          ],
          ...everything("sales-1"),
        }),
      ).rejects.toMatchObject({ code: "FENCED" });
      expect(await look()).toEqual(before);
      await store.commit({ updates: [{ runId: "sales-1", ...update, changed }], ...everything("sales-1") });
      expect((await store.run("sales-1"))!.revision).toBe(1);
      const after = (await look()) as unknown[];
      // All of it is there now: a look at something that no commit changes would prove nothing.
      (before as unknown[]).forEach(
        (known, index) => index === 1 || expect(after[index], `${index}`).not.toEqual(known),
      );
    });

    it("refuses a commit from a revision before or after the current one, and for a run that isn't there", async () => {
      const made = await createRun("sales-1");
      const run = await advance(store, made, withStep(made.state, "zeta", { status: "queued" }));
      for (const [runId, expectedRevision] of [
        ["sales-1", 0],
        ["sales-1", 2],
        ["nobody", 0],
      ] as const) {
        await expect(
          store.commit(batch({ updates: [{ runId, expectedRevision, state: run.state, changed: [] }] })),
        ).rejects.toMatchObject({ code: "FENCED" });
      }
      expect(await store.run("sales-1")).toEqual(run);
    });

    it("lets no run change that has ended, nor one with a step that its plan has not", async () => {
      const run = await end(await createRun("sales-1"), "succeeded");
      await expect(advance(store, run, { ...run.state, status: "failed" })).rejects.toMatchObject({ code: "INTERNAL" });
      expect(await store.run("sales-1")).toEqual(run);
      const open = await createRun("sales-2");
      const changed = [{ step: "nothing", items: [] }];
      const state = { ...open.state, steps: NamedList.from([["nothing", waiting]]) };
      const update = { runId: "sales-2", expectedRevision: 0, state };
      await expect(store.commit(batch({ updates: [{ ...update, changed }] }))).rejects.toThrow('no step "nothing"');
      expect(await store.run("sales-2")).toEqual(open);
    });

    it("drops what belongs to a run that is not there", async () => {
      await store.commit({ updates: [], ...everything("nobody") });
      expect(await store.attempts("nobody")).toEqual([]);
      expect([await store.logs("nobody"), await store.notices("nobody")]).toEqual([[], []]);
      expect([await store.live(), await store.dueNotices(99, 9)]).toEqual([[], []]);
    });

    it("finds a run by its id or by what only its id begins with", async () => {
      for (const id of ["sales-1", "sales-12", "sales-2%", "other_1", "größe-1"]) await createRun(id);
      const found = async (id: string): Promise<string | undefined> => (await store.run(id))?.record.id;
      expect(await found("sales-1"), "a whole id wins over longer ones").toBe("sales-1");
      expect(await found("sales-12")).toBe("sales-12");
      expect(await found("sales-2")).toBe("sales-2%");
      expect(await found("o")).toBe("other_1");
      expect(await found("gr")).toBe("größe-1");
      for (const id of ["sales-", "sales", "nobody", "other%", "sales_1", "1", "Sales-12", "zz", ""])
        expect(await found(id), id).toBeUndefined();
    });

    it("lists the runs whose ids begin alike, the whole id first", async () => {
      for (const id of ["sales-12", "sales-1", "sales-2", "other-1", "größe-1"]) await createRun(id);
      const named = async (beginning: string, limit = 9): Promise<string[]> =>
        (await store.runsNamed(beginning, limit)).map(({ id }) => id);
      expect(await named("sales-1")).toEqual(["sales-1", "sales-12"]);
      expect(await named("sales", 2)).toEqual(["sales-1", "sales-12"]);
      expect([await named("gr"), await named("Sales"), await named("%")]).toEqual([["größe-1"], [], []]);
    });

    it("finds no run by an empty id, even when there is but one", async () => {
      await createRun("sales-1");
      expect(await store.run("")).toBeNull();
    });

    it("knows the runs that have not ended, oldest first", async () => {
      await createRun("a");
      await end(await createRun("b"), "cancelled");
      const made = await createRun("c");
      const open = await advance(store, made, withStep(made.state, "zeta", { status: "queued" }));
      expect((await store.unfinishedRuns()).map(({ record }) => record.id)).toEqual(["a", "c"]);
      expect((await store.unfinishedRuns())[1]).toEqual(open);
    });

    if (!survives) return;

    it("lets a second handle see what is committed, when it is committed", async () => {
      const reader = harness.reopen!({ readOnly: true });
      const run = await createRun("sales-1");
      expect(await reader.run("sales-1")).toEqual(run);
      const moved = await advance(store, run, withStep(run.state, "zeta", { status: "queued" }));
      expect(await reader.run("sales-1")).toEqual(moved);
      await expect(reader.savePlan(planNamed("another"), 1)).rejects.toThrow(/readonly/);
      reader.close();
    });

    it("lets two writers' commits follow one another, and the slower of two on one run fail", async () => {
      const second = harness.reopen!();
      const run = await createRun("sales-1");
      const state = withStep(run.state, "zeta", { status: "queued" });
      const update = { runId: "sales-1", expectedRevision: 0, state, changed: [{ step: "zeta", items: [] }] };
      await second.commit(batch({ updates: [update] }));
      await expect(store.commit(batch({ updates: [update] }))).rejects.toMatchObject({ code: "FENCED" });
      expect(await store.run("sales-1")).toEqual(await second.run("sales-1"));
      second.close();
    });

    it("has everything again after it was closed and opened, and goes on from there", async () => {
      const made = await createRun("sales-1");
      const run = await advance(
        store,
        made,
        withStep(made.state, "zeta", { status: "succeeded", output: { n: 1 }, assets: ["lake.raw"], finishedAt: 9 }),
        everything("sales-1"),
      );
      const look = async (from: RunStore): Promise<unknown> => [
        await from.run("sales-1"),
        await from.statistics(),
        await from.plan(plan.version),
        await from.attempts("sales-1"),
        await from.logs("sales-1"),
        await from.live(),
        await from.dueNotices(99, 9),
        await from.cached("hash", 0),
        await from.assetUpdates(0),
      ];
      const before = await look(store);
      store.close();
      store = harness.reopen!();
      expect(await look(store)).toEqual(before);
      const ended = await end(run, "failed");
      expect(await store.run("sales-1")).toEqual(ended);
      expect((await createRun("sales-2")).record.sequence).toBeGreaterThan(run.record.sequence);
      store.close();
    });
  });
}
