// Cases about many runs: random histories, after which every list and every figure must be what the runs themselves
// say, page by page; and what is left when old runs are pruned.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import { statisticsOf } from "../../src/engine/stores/memory-statistics.ts";
import type { RunFilter, RunRecord, RunStatistics, StoredRun } from "../../src/engine/stores/run-store.ts";
import type { RunState, StepState } from "../../src/engine/state-machine/state.ts";
import type { EngineStoreHarness, EngineStoreSuite } from "./engine-store.ts";
import { batch, changesBetween, itemState, newRun, noticeOf, planNamed, stateOf, waiting } from "./run-states.ts";

const plans = ["sales", "returns", "stock"].map((name) => planNamed(name));
const partitions = [null, "2011-01-04", "2011-01-05", "eu"];

/** Numbers from 0 to below `count`, the same for one seed. */
function draws(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
}

/** Registers the cases for one store. */
export function testRunHistories({ name, create }: EngineStoreSuite): void {
  describe(`histories of runs: ${name}`, () => {
    let harness: EngineStoreHarness;
    let store: EngineStore;
    beforeEach(async () => {
      harness = await create();
      store = harness.store;
      for (const plan of plans) await store.savePlan(plan, 1);
    });
    afterEach(async () => harness.dispose());

    const allRuns = (): Promise<RunRecord[]> => store.runs({ limit: Number.MAX_SAFE_INTEGER });

    /** Creates, moves and ends runs at random, several in a commit. Clocks may go back: times are no order. */
    const live = async (seed: number, moves: number): Promise<void> => {
      const draw = draws(seed);
      const pick = <T>(items: readonly T[]): T => items[draw(items.length)]!;
      const open = new Map<string, StoredRun>();
      const randomStep = (): Partial<StepState> => ({
        status: pick(["waiting", "queued", "succeeded", "succeeded", "failed", "skipped", "upstream-failed"]),
        attempts: draw(4),
        startedAt: pick([null, draw(1_000)]),
        finishedAt: 1_000 + draw(1_000),
        rows: pick([null, { in: draw(99), out: draw(99), duplicate: draw(9), quarantined: draw(9) }]),
        assets: pick([[], [], ["lake.raw"], ["lake.sales", "lake.raw"]]),
        reusedFrom: pick([null, null, "run-0"]),
        items: pick([null, null, [itemState({ status: "failed" })]]),
      });
      for (let move = 0; move < moves; move += 1) {
        if (open.size < 4 || draw(3) === 0) {
          const plan = pick(plans);
          const begun = { startedAt: draw(2_000) };
          const state = draw(5) === 0 ? stateOf(plan, { zeta: randomStep() }, begun) : stateOf(plan, {}, begun);
          const ended: RunState = { ...state, status: "succeeded", finishedAt: draw(5_000) };
          const [made] = await store.createRuns([
            newRun(plan, `run-${seed}-${move}.`, {
              partition: pick(partitions),
              backfill: pick([null, "b1", "b2"]),
              createdAt: draw(2_000),
              state: draw(12) === 0 ? ended : state,
            }),
          ]);
          if (made!.state.status === "running") open.set(made!.record.id, made!);
          continue;
        }
        const chosen = [...new Set([pick([...open.values()]), pick([...open.values()])])];
        const updates = chosen.map((run) => {
          const name = pick(run.state.steps.names());
          const before = run.state.steps.get(name)!;
          const step = { ...waiting, ...before, ...(before.items === null ? randomStep() : { attempts: draw(9) }) };
          const steps = run.state.steps.with(name, step);
          const end = { status: pick(["succeeded", "failed", "cancelled"] as const), finishedAt: draw(5_000) };
          const state: RunState = { ...run.state, steps, ...(draw(4) === 0 ? end : {}) };
          return { run, state };
        });
        await store.commit(
          batch({
            updates: updates.map(({ run, state }) => ({
              runId: run.record.id,
              expectedRevision: run.revision,
              state,
              changed: changesBetween(run.state, state),
            })),
          }),
        );
        for (const { run, state } of updates) {
          if (state.status === "running") open.set(run.record.id, { ...run, state, revision: run.revision + 1 });
          else open.delete(run.record.id);
        }
      }
    };

    it.each([1, 2, 3])("adds up to what its runs and steps do, at every point (history %i)", async (seed) => {
      for (let part = 0; part < 6; part += 1) {
        await live(seed * 10 + part, 40);
        const records = (await allRuns()).reverse();
        const updates = await store.assetUpdates(0, Number.MAX_SAFE_INTEGER);
        const recounted = statisticsOf(
          await Promise.all(records.map(async (record) => ({ record, steps: await store.steps(record.id) }))),
          new Map(updates.map(({ asset, at }) => [asset, at])),
        );
        expect(recounted.runs.length).toBeGreaterThan(3);
        expect(sorted(await store.statistics())).toEqual(sorted(recounted));
        expect((await store.unfinishedRuns()).map(({ record }) => record)).toEqual(
          records.filter(({ status }) => status === "running"),
        );
      }
    });

    it("knows of each partition the newest run, the newest that succeeded, and how it stands", async () => {
      await live(4, 150);
      const records = await allRuns();
      for (const { pipeline } of plans) {
        const statuses = [];
        for (const partition of partitions) {
          const own = records.filter((run) => run.pipeline === pipeline && run.partition === partition);
          const succeeded = own.find(({ status }) => status === "succeeded") ?? null;
          expect(await store.newestRun(pipeline, partition)).toEqual(own[0]!);
          expect(await store.newestRun(pipeline, partition, true)).toEqual(succeeded);
          if (partition === null) continue;
          const { id: runId, status } = own[0]!;
          statuses.push({ partition, runId, status, everSucceeded: succeeded !== null });
        }
        const [first, second, third] = statuses;
        const find = (options: Parameters<EngineStore["partitionStatuses"]>[1]) =>
          store.partitionStatuses(pipeline, options);
        expect(await find({})).toEqual(statuses);
        expect(await find({ limit: 2 })).toEqual([first, second]);
        expect(await find({ after: first!.partition })).toEqual([second, third]);
        expect(await find({ keys: ["eu", "never ran", "2011-01-04"] })).toEqual([third, first]);
      }
      expect(new Set(records.map(({ status }) => status)).size).toBe(4);
      expect(await store.newestRun("nobody", null)).toBeNull();
      expect(await store.newestRun("sales", "never ran")).toBeNull();
      expect(await store.partitionStatuses("nobody", {})).toEqual([]);
    });

    it("lists runs newest first by whatever they are asked for, in pages", async () => {
      await live(5, 300);
      const records = await allRuns();
      const filters: RunFilter[] = [undefined, "sales", "nobody"].flatMap((pipeline) =>
        [undefined, "2011-01-04"].flatMap((partition) =>
          ([undefined, "failed", "running"] as const).flatMap((status) =>
            [undefined, "b1"].map((backfill) => ({
              ...(pipeline === undefined ? {} : { pipeline }),
              ...(partition === undefined ? {} : { partition }),
              ...(status === undefined ? {} : { status }),
              ...(backfill === undefined ? {} : { backfill }),
            })),
          ),
        ),
      );
      let found = 0;
      for (const filter of filters) {
        const expected = records.filter((record) =>
          Object.entries(filter).every(([key, value]) => record[key as keyof RunRecord] === value),
        );
        const seen: RunRecord[] = [];
        for (let before: number | undefined; ;) {
          const page = await store.runs({ ...filter, ...(before === undefined ? {} : { before }), limit: 7 });
          expect(page.length).toBeLessThanOrEqual(7);
          if (page.length === 0) break;
          seen.push(...page);
          before = page.at(-1)!.sequence;
        }
        expect(seen, JSON.stringify(filter)).toEqual(expected);
        found += expected.length > 0 ? 1 : 0;
      }
      expect(found, "filters that match something").toBeGreaterThan(15);
    });

    it("takes the newest of runs that ended at the same moment for the last one", async () => {
      const [sales] = plans;
      const made = await store.createRuns([
        newRun(sales!, "one.", { createdAt: 1_000 }),
        newRun(sales!, "two.", { createdAt: 4_000 }),
        newRun(sales!, "three.", { createdAt: 2_000 }),
      ]);
      for (const index of [0, 2, 1]) {
        const state = {
          ...made[index]!.state,
          status: index === 1 ? "succeeded" : "failed",
          finishedAt: 5_000,
        } as const;
        const { id: runId } = made[index]!.record;
        await store.commit(batch({ updates: [{ runId, expectedRevision: 0, state, changed: [] }] }));
      }
      expect((await store.statistics()).last).toEqual([
        { pipeline: "sales", finishedAt: 5_000, succeededAt: 5_000, durationSeconds: 3 },
      ]);
    });

    it("lists at most 50 runs when it isn't told", async () => {
      const many = Array.from({ length: 60 }, (_, index) => newRun(plans[0]!, `sales-${index}`));
      await store.createRuns(many);
      expect(await store.runs({})).toHaveLength(50);
      expect((await store.runs({}))[0]!.id).toBe("sales-59");
    });

    it("has statistics, all empty, of a project that never ran", async () => {
      expect(await store.statistics()).toEqual({ runs: [], last: [], steps: [], assets: [] });
    });

    it.each([
      [1, 2_500],
      [3, 2_500],
      [0, 9_999],
    ])("prunes what is old, and keeps %i of each partition and what the engine decides by", async (keep, before) => {
      await live(6, 400);
      const records = await allRuns();
      const statistics = sorted(await store.statistics());
      const updates = await store.assetUpdates(0, Number.MAX_SAFE_INTEGER);
      const kept = records.filter((run) => {
        const own = records.filter(
          ({ pipeline, partition }) => pipeline === run.pipeline && partition === run.partition,
        );
        const isNewest = own.indexOf(run) < Math.max(1, keep);
        const isSuccess = own.find(({ status }) => status === "succeeded") === run;
        return isNewest || isSuccess || run.finishedAt === null || run.finishedAt >= before;
      });
      const gone = records.filter((run) => !kept.includes(run));
      expect([gone.length > 5, kept.length > 5]).toEqual([true, true]);
      const some = [kept.at(-1)!, gone[0]!, gone.at(-1)!];
      for (const { id: runId } of some) {
        const key = { runId, step: "zeta", item: null, attempt: 1 };
        await store.commit(
          batch({
            attempts: [{ ...key, status: "lost", startedAt: 1, finishedAt: 2, error: null }],
            logs: [{ ...key, at: 1, level: "info", message: "line" }],
            notices: [noticeOf(runId, `told of ${runId}`, 1)],
            live: [{ ...key, attempt: 2, startedAt: 1 }],
          }),
        );
      }
      const hanging = async (runId: string): Promise<number[]> => [
        (await store.attempts(runId)).length,
        (await store.logs(runId)).length,
        (await store.notices(runId)).length,
        (await store.live(runId)).length,
        Math.min(1, (await store.steps(runId)).length),
      ];
      expect(await store.prune(before, keep)).toBe(gone.length);
      expect(await allRuns()).toEqual(kept);
      expect(await hanging(some[0]!.id)).toEqual([1, 1, 1, 1, 1]);
      for (const { id, requestKey } of gone) {
        expect([await store.run(id), await store.runByRequest(requestKey)]).toEqual([null, null]);
        expect(await hanging(id)).toEqual([0, 0, 0, 0, 0]);
      }
      expect(await store.live()).toHaveLength(1);
      expect(await store.dueNotices(9_999, 9)).toHaveLength(1);
      expect(sorted(await store.statistics())).toEqual(statistics);
      const newest = new Map(updates.map((update) => [`${update.asset} ${update.partition}`, update]));
      const keptUpdates = updates.filter(
        (update) => update.at >= before || newest.get(`${update.asset} ${update.partition}`) === update,
      );
      expect(await store.assetUpdates(0, 9_999)).toEqual(keptUpdates);
      expect(await store.prune(before, keep)).toBe(0);
      await live(7, 50);
      expect((await allRuns())[0]!.sequence).toBeGreaterThan(records[0]!.sequence);
    });

    it("hands over every output that is kept, and none of what was pruned", async () => {
      const of = (run: string): unknown[] => [{ step: run }, { item: run }];
      for (const id of ["old-1", "new-1", "open-1"]) {
        const [made] = await store.createRuns([newRun(plans[0]!, id)]);
        const [step, item] = of(id);
        const finishedAt = id === "old-1" ? 50 : 200;
        const state: RunState = {
          ...made!.state,
          ...(id === "open-1" ? {} : { status: "succeeded", finishedAt }),
          steps: made!.state.steps
            .with("alpha", { ...waiting, status: "succeeded", output: step, finishedAt })
            .with("zeta", { ...waiting, status: "mapped", items: [itemState({ output: item }), itemState()] }),
        };
        await store.commit(
          batch({
            updates: [{ runId: id, expectedRevision: 0, state, changed: changesBetween(made!.state, state) }],
            cached: [{ key: id, runId: id, output: { cached: id }, rows: null, assets: [], at: finishedAt }],
          }),
        );
      }
      const kept = async (): Promise<string[]> => {
        const found: string[] = [];
        await store.outputs((json) => found.push(json));
        return found.sort();
      };
      const texts = (ids: readonly string[]): string[] =>
        ids.flatMap((id) => [...of(id), { cached: id }].map((output) => JSON.stringify(output))).sort();
      expect(await kept()).toEqual(texts(["old-1", "new-1", "open-1"]));
      await store.prune(100, 1);
      expect(await kept()).toEqual(texts(["new-1", "open-1"]));
    });

    it("prunes results and answers from before the time", async () => {
      await store.createRuns([newRun(plans[0]!, "sales-1")]);
      const result = { runId: "sales-1", output: 1, rows: null, assets: [] };
      await store.commit(
        batch({
          cached: [
            { key: "old", at: 99, ...result },
            { key: "new", at: 100, ...result },
          ],
        }),
      );
      for (const [id, at] of [
        ["old", 99],
        ["new", 100],
        ["open", null],
      ] as const) {
        const instruction = { type: "pause", pipeline: "sales" } as const;
        const record = { id, instruction, by: "Ana", createdAt: 1, answeredAt: null, result: null, error: null };
        await store.addInstruction(record);
        if (at !== null) await store.answerInstruction(id, { at, result: null, error: null });
      }
      await store.prune(100, 1);
      expect([await store.cached("old", 0), (await store.cached("new", 0))!.at]).toEqual([null, 100]);
      expect([await store.instruction("old"), (await store.instruction("new"))!.answeredAt]).toEqual([null, 100]);
      expect(await store.openInstructions(9)).toHaveLength(1);
    });
  });
}

/** The order of the groups means nothing. */
function sorted(statistics: RunStatistics): RunStatistics {
  const inOrder = <T>(items: readonly T[]): T[] => [...items].sort((a, b) => (text(a) < text(b) ? -1 : 1));
  return {
    runs: inOrder(statistics.runs),
    last: inOrder(statistics.last),
    steps: inOrder(statistics.steps),
    assets: inOrder(statistics.assets),
  };
}

/** Groups are told apart by their texts, so numbers stay out of the order. */
function text(item: unknown): string {
  return JSON.stringify(Object.entries(item as object).filter(([, value]) => typeof value === "string"));
}
