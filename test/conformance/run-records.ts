// The suite of what hangs on runs: attempts, log lines, results worth keeping, updates of assets, what hooks are told.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  AttemptLogLine,
  AttemptRecord,
  CachedResult,
  LiveAttempt,
  NewRun,
  RunStore,
  StoredRun,
} from "../../src/engine/stores/run-store.ts";
import type { EngineStoreHarness, EngineStoreSuite } from "./engine-store.ts";
import { advance, batch, failure as error, newRun, noticeOf, planNamed, rows, withStep } from "./run-states.ts";

const plan = planNamed("sales");

/** Registers the cases for one store. */
export function testRunRecords({ name, create }: EngineStoreSuite): void {
  describe(`what hangs on runs: ${name}`, () => {
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

    const attempt = (step: string, number: number, startedAt: number, parts: Partial<AttemptRecord> = {}) =>
      ({
        runId: "sales-1",
        step,
        item: null,
        attempt: number,
        status: "succeeded",
        startedAt,
        finishedAt: startedAt + 5,
        error: null,
        ...parts,
      }) satisfies AttemptRecord;

    it("keeps one record per attempt, and lists them by when they began", async () => {
      await createRun("sales-1");
      await createRun("sales-2");
      const all = [
        attempt("zeta", 1, 10, { status: "failed", error }),
        attempt("zeta", 2, 20, { status: "lost", error }),
        attempt("alpha", 1, 20, { item: 2 }),
        attempt("alpha", 1, 20, { item: 10 }),
        attempt("alpha", 2, 20, { item: 10, status: "cancelled" }),
        attempt("zeta", 3, 30),
      ];
      await store.commit(batch({ attempts: [all[1]!, all[4]!, { ...all[0]!, error: null }] }));
      await store.commit(batch({ attempts: [all[5]!, all[3]!, all[0]!, all[2]!, { ...all[0]!, runId: "sales-2" }] }));
      expect(await store.attempts("sales-1")).toEqual(all);
      expect(await store.attempts("sales-1", { step: "alpha" })).toEqual(all.slice(2, 5));
      expect(await store.attempts("sales-1", { limit: 2 })).toEqual(all.slice(0, 2));
      expect(await store.attempts("sales-1", { step: "zeta", limit: 1 })).toEqual(all.slice(0, 1));
      expect(await store.attempts("sales-1", { step: "nothing" })).toEqual([]);
    });

    it("knows the attempts under way until they end, or until a new scheduler finds them", async () => {
      await createRun("sales-1");
      await createRun("sales-2");
      const live = (runId: string, item: number | null, number = 1): LiveAttempt => ({
        runId,
        step: "alpha",
        item,
        attempt: number,
        startedAt: 50,
      });
      const all = [live("sales-1", null, 2), live("sales-1", 0), live("sales-1", 11), live("sales-2", 3)];
      await store.commit(batch({ live: [all[3]!, all[2]!, all[0]!] }));
      await store.commit(batch({ live: [all[1]!, all[2]!] }));
      expect(await store.live()).toEqual(all);
      expect(await store.live("sales-2")).toEqual([all[3]]);
      expect(await store.live("nobody")).toEqual([]);
      await store.commit(batch({ attempts: [attempt("alpha", 1, 50, { item: 11 }), attempt("alpha", 1, 7)] }));
      expect(await store.live("sales-1")).toEqual(all.slice(0, 2));
      await store.endLive(80, "the process that ran it stopped");
      expect(await store.live()).toEqual([]);
      const lost = { code: "WORKER_LOST", message: "the process that ran it stopped", retryable: true };
      expect(await store.attempts("sales-2")).toEqual([{ ...all[3], status: "lost", finishedAt: 80, error: lost }]);
      expect(
        (await store.attempts("sales-1")).map(({ item, attempt: number, status }) => [item, number, status]),
      ).toEqual([
        [null, 1, "succeeded"],
        [null, 2, "lost"],
        [0, 1, "lost"],
        [11, 1, "succeeded"],
      ]);
    });

    it("gives log lines back in the order they were written, of a run, a step, an item or an attempt", async () => {
      await createRun("sales-1");
      await createRun("sales-2");
      const line = (step: string, message: string, parts: Partial<AttemptLogLine> = {}): AttemptLogLine => ({
        runId: "sales-1",
        step,
        item: null,
        attempt: 1,
        at: 9,
        level: "warn",
        message,
        ...parts,
      });
      const lines = [
        line("zeta", "one"),
        line("alpha", "two", { at: 5, fields: { rows: 3, nested: { a: [1] } } }),
        line("zeta", "three", { attempt: 2 }),
        line("mid", "four", { item: 0 }),
        line("mid", "five", { item: 12 }),
        line("mid", "six", { item: 0, attempt: 2 }),
        line("zeta", "seven", { attempt: 2 }),
      ];
      await store.commit(batch({ logs: [...lines.slice(0, 2), { ...lines[0]!, runId: "sales-2" }] }));
      await store.commit(batch({ logs: lines.slice(2) }));
      const read = await store.logs("sales-1");
      expect(read.map(({ position: _position, ...rest }) => rest)).toEqual(lines);
      expect(Object.keys(read[0]!)).not.toContain("fields");
      const messages = async (options: Parameters<RunStore["logs"]>[1]): Promise<string> =>
        (await store.logs("sales-1", options)).map(({ message }) => message).join(" ");
      expect(await messages({ step: "zeta" })).toBe("one three seven");
      expect(await messages({ step: "zeta", attempt: 2 })).toBe("three seven");
      expect(await messages({ step: "mid", item: 0 })).toBe("four six");
      expect(await messages({ step: "mid", item: 0, attempt: 1 })).toBe("four");
      expect(await messages({ step: "nothing" })).toBe("");
      expect(await messages({ limit: 2 })).toBe("one two");
      expect(await messages({ limit: 2, tail: true })).toBe("six seven");
      expect(await messages({ step: "zeta", limit: 2, tail: true })).toBe("three seven");
      expect(await messages({ step: "mid", item: 0, limit: 1, tail: true })).toBe("six");
      expect(await messages({ after: read[4]!.position, limit: 9, tail: true })).toBe("six seven");
      expect(await messages({ after: read[1]!.position, limit: 1 })).toBe("three");
      expect(await messages({ after: read[0]!.position, step: "zeta" })).toBe("three seven");
      expect(await messages({ after: read.at(-1)!.position })).toBe("");
    });

    it("pages through every log line once", async () => {
      await createRun("sales-1");
      const line = { runId: "sales-1", step: "zeta", item: null, attempt: 1, at: 1, level: "info" } as const;
      for (let index = 0; index < 40; index += 1)
        await store.commit(batch({ logs: [{ ...line, message: String(index) }] }));
      const seen: string[] = [];
      for (let after = 0; ;) {
        const page = await store.logs("sales-1", { after, limit: 7 });
        if (page.length === 0) break;
        seen.push(...page.map(({ message }) => message));
        after = page.at(-1)!.position;
      }
      expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => String(index)));
    });

    it("keeps the newest result under a key, for as long as it is asked for", async () => {
      const run = await createRun("sales-1");
      const result = (at: number, parts: Partial<CachedResult> = {}): CachedResult => ({
        key: "hash",
        runId: run.record.id,
        output: { at },
        rows,
        assets: ["lake.raw"],
        at,
        ...parts,
      });
      await store.commit(batch({ cached: [result(50), result(60, { key: "other", output: null, rows: null })] }));
      expect(await store.cached("hash", 50)).toEqual(result(50));
      expect(await store.cached("hash", 51)).toBeNull();
      expect(await store.cached("other", 0)).toEqual(result(60, { key: "other", output: null, rows: null }));
      await store.commit(batch({ cached: [result(70)] }));
      await store.commit(batch({ cached: [result(40)] }));
      expect(await store.cached("hash", 0)).toEqual(result(70));
      expect(await store.cached("nothing", 0)).toBeNull();
    });

    it("tells of every update of an asset, once and in order", async () => {
      let one = await createRun("sales-1", { partition: "2011-01-04" });
      let two = await createRun("sales-2");
      const success = (run: StoredRun, step: string, assets: string[], finishedAt: number) =>
        advance(store, run, withStep(run.state, step, { status: "succeeded", assets, finishedAt }));
      one = await success(one, "zeta", ["lake.raw", "lake.extra"], 10);
      two = await success(two, "zeta", ["lake.raw"], 20);
      two = await advance(
        store,
        two,
        withStep(two.state, "alpha", { status: "failed", assets: ["lake.no"], finishedAt: 25 }),
      );
      one = await success(one, "alpha", ["lake.raw"], 30);
      await createRun("sales-3", { state: two.state });
      const update = (asset: string, partition: string | null, runId: string, at: number) => ({
        position: expect.any(Number) as number,
        asset,
        partition,
        runId,
        at,
      });
      const expected = [
        update("lake.raw", "2011-01-04", "sales-1", 10),
        update("lake.extra", "2011-01-04", "sales-1", 10),
        update("lake.raw", null, "sales-2", 20),
        update("lake.raw", "2011-01-04", "sales-1", 30),
      ];
      const all = await store.assetUpdates(0);
      expect(all).toEqual(expected);
      const positions = all.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
      expect(await store.assetUpdates(positions[1]!)).toEqual(expected.slice(2));
      expect(await store.assetUpdates(positions[0]!, 2)).toEqual(expected.slice(1, 3));
      expect(await store.newestUpdate("lake.raw")).toEqual(all[3]);
      expect(await store.newestUpdate("lake.raw", null)).toEqual(all[2]);
      expect(await store.newestUpdate("lake.raw", "2011-01-04")).toEqual(all[3]);
      expect(await store.newestUpdate("lake.extra", null)).toBeNull();
      expect(await store.newestUpdate("lake.no")).toBeNull();
      expect((await store.statistics()).assets.toSorted((a, b) => (a.asset < b.asset ? -1 : 1))).toEqual([
        { asset: "lake.extra", updatedAt: 10 },
        { asset: "lake.raw", updatedAt: 30 },
      ]);
    });

    it("keeps what hooks are to be told until they were, or it was given up", async () => {
      await createRun("sales-1");
      await createRun("sales-2");
      const [first, second, other] = [
        noticeOf("sales-1", "n1", 50),
        noticeOf("sales-1", "n2", 40),
        noticeOf("sales-2", "n3", 60),
      ];
      await store.commit(batch({ notices: [first, second] }));
      await store.commit(batch({ notices: [{ ...first, at: 1, event: "late" }, other] }));
      const fresh = { attempts: 0, deliveredAt: null, error: null };
      expect(await store.notices("sales-1")).toEqual([
        { notice: first, dueAt: 50, ...fresh },
        { notice: second, dueAt: 40, ...fresh },
      ]);
      const due = async (now: number, limit = 9): Promise<string> =>
        (await store.dueNotices(now, limit)).map(({ notice }) => notice.key).join(" ");
      expect([await due(39), await due(40), await due(99), await due(99, 2)]).toEqual(["", "n2", "n2 n1 n3", "n2 n1"]);
      expect(await store.nextNoticeAt()).toBe(40);
      await store.noticeTold("n2", { at: 70, dueAt: 170, error });
      expect(await due(169)).toBe("n1 n3");
      expect((await store.notices("sales-1"))[1]).toEqual({
        notice: second,
        attempts: 1,
        dueAt: 170,
        deliveredAt: null,
        error,
      });
      expect(await store.noticeCounts()).toEqual({ waiting: 3, failed: 0 });
      await store.noticeTold("n1", { at: 80, dueAt: null, error: null });
      await store.noticeTold("n3", { at: 81, dueAt: null, error });
      expect(await store.noticeCounts()).toEqual({ waiting: 1, failed: 1 });
      expect([await due(999), await store.nextNoticeAt()]).toEqual(["n2", 170]);
      await store.noticeTold("n2", { at: 171, dueAt: null, error: null });
      expect([await due(999), await store.nextNoticeAt()]).toEqual(["", null]);
      expect(
        (await store.notices("sales-1")).map(({ attempts, deliveredAt, error: why }) => [attempts, deliveredAt, why]),
      ).toEqual([
        [1, 80, null],
        [2, 171, null],
      ]);
      expect(await store.notices("sales-2")).toEqual([
        { notice: other, attempts: 1, dueAt: null, deliveredAt: null, error },
      ]);
      await store.commit(batch({ notices: [first] }));
      expect(await due(999)).toBe("");
      await store.noticeTold("nobody", { at: 1, dueAt: 1, error: null });
    });
  });
}
