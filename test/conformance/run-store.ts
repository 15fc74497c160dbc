// The suite that every run store passes: what a commit promises, and what the questions answer.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { statisticsOf } from "../../src/engine/memory-statistics.ts";
import type {
  AttemptRecord,
  BackfillRecord,
  CommitBatch,
  NewRun,
  RunStatistics,
  RunStore,
  StoredRun,
} from "../../src/engine/run-store.ts";
import type { RunEvent, RunState } from "../../src/engine/state.ts";
import { initialState, transition } from "../../src/engine/transition.ts";
import { makePlan, type Plan } from "../../src/pipeline/plan.ts";

/** One store, empty. */
export interface RunStoreHarness {
  readonly store: RunStore;
  /** Another handle on the same runs, for a suite whose store `survives`. */
  readonly reopen?: (options?: { readonly readOnly?: boolean }) => RunStore;
  dispose(): Promise<void>;
}

export interface RunStoreSuite {
  readonly name: string;
  /** Are runs there for another handle, and after a close? */
  readonly survives: boolean;
  create(): Promise<RunStoreHarness>;
}

const retry = { limit: 1, delayMs: 1_000, backoff: "exponential", maxDelayMs: 60_000 } as const;
const planNamed = (pipeline: string): Plan =>
  makePlan({
    pipeline,
    partitions: null,
    // Not in the order of the alphabet: the plan's order is what counts.
    steps: [
      ["zeta", "extract", []],
      ["alpha", "validate", ["zeta"]],
      ["mid", "load", ["alpha"]],
    ].map(([name, kind, dependsOn]) => ({
      name: name as string,
      kind: kind as string,
      dependsOn: dependsOn as string[],
      retry,
      timeoutMs: null,
      config: { from: "2011-01-04" },
    })),
  });
const plan = planNamed("sales");
const batch = (parts: Partial<CommitBatch>): CommitBatch => ({ updates: [], attempts: [], logs: [], ...parts });
const names = plan.steps.map(({ name }) => name);

/** Registers the cases for one store. */
export function testRunStore({ name, survives, create }: RunStoreSuite): void {
  describe(`run store: ${name}`, () => {
    let harness: RunStoreHarness;
    let store: RunStore;
    beforeEach(async () => {
      harness = await create();
      store = harness.store;
      await store.savePlan(plan);
    });
    afterEach(async () => harness.dispose());

    const newRun = (id: string, parts: Partial<NewRun> = {}): NewRun => ({
      id,
      pipeline: plan.pipeline,
      version: plan.version,
      partition: null,
      backfill: null,
      createdAt: 1_000,
      state: initialState(plan),
      ...parts,
    });
    const createRun = async (id: string, parts: Partial<NewRun> = {}): Promise<StoredRun> =>
      (await store.createRuns([newRun(id, parts)]))[0]!;
    /** Applies events to a run through the real transition, a commit each. */
    const drive = async (run: StoredRun, ...events: readonly [RunEvent, number][]): Promise<StoredRun> => {
      let { state, revision } = run;
      for (const [event, at] of events) {
        const next = transition(plan, state, event, at).state;
        const changed = names.filter((step) => next.steps[step] !== state.steps[step]);
        await store.commit(
          batch({ updates: [{ runId: run.record.id, expectedRevision: revision, state: next, changed }] }),
        );
        [state, revision] = [next, revision + 1];
      }
      return { record: { ...run.record, status: state.status, finishedAt: state.finishedAt }, state, revision };
    };
    const started: RunEvent = { type: "started" };
    const success = (
      step: string,
      epoch = 1,
      parts: { output?: unknown; rows?: RunState["steps"][string]["rows"]; assets?: string[] } = {},
    ): RunEvent => ({
      type: "attempt-succeeded",
      step,
      epoch,
      output: parts.output ?? null,
      rows: parts.rows ?? null,
      assets: parts.assets ?? [],
    });
    const failure = (step: string, epoch: number, retryable: boolean): RunEvent => ({
      type: "attempt-failed",
      step,
      epoch,
      error: {
        code: "QUERY_FAILED",
        message: 'no such column: "größe"',
        retryable,
        hint: "Look.",
        details: { sql: "select 'x'", nested: [1, null, { a: true }] },
      },
    });

    it("gives a plan back as it was saved, the first time and the second", async () => {
      expect(await store.plan(plan.version)).toEqual(plan);
      await store.savePlan(plan);
      expect(await store.plan(plan.version)).toEqual(plan);
      expect(await store.plan("no such version")).toBeNull();
    });

    it("numbers runs in the order of their creation, starting at a revision to commit from", async () => {
      const [first, second] = await store.createRuns([
        newRun("sales-1"),
        newRun("sales-2", { partition: "2011-01-04", backfill: "b1", createdAt: 5 }),
      ]);
      expect(first).toEqual({
        record: {
          id: "sales-1",
          sequence: expect.any(Number),
          pipeline: "sales",
          version: plan.version,
          partition: null,
          backfill: null,
          status: "running",
          createdAt: 1_000,
          finishedAt: null,
        },
        state: initialState(plan),
        revision: 0,
      });
      expect(second!.record).toMatchObject({ partition: "2011-01-04", backfill: "b1", createdAt: 5 });
      expect(second!.record.sequence).toBeGreaterThan(first!.record.sequence);
      expect((await createRun("sales-3")).record.sequence).toBeGreaterThan(second!.record.sequence);
    });

    it("creates none of several runs when one of them can't be", async () => {
      await createRun("sales-1");
      await expect(store.createRuns([newRun("sales-2"), newRun("sales-1")])).rejects.toThrow();
      await expect(
        store.createRuns([newRun("sales-2"), newRun("sales-3", { version: "never saved" })]),
      ).rejects.toThrow("sales-3");
      expect((await store.runs({})).map(({ id }) => id)).toEqual(["sales-1"]);
    });

    it("reads a run back equal at every moment of its life", async () => {
      let run = await createRun("sales-1");
      const rows = { in: 3_108, out: 3_054, duplicate: 44, quarantined: 10 };
      const life: [RunEvent, number][] = [
        [started, 10],
        [failure("zeta", 1, true), 20],
        [{ type: "timer-fired", step: "zeta", epoch: 1 }, 1_020],
        [{ type: "attempt-lost", step: "zeta", epoch: 2, cause: "worker-died", reason: "SIGSEGV" }, 1_030],
        [
          success("zeta", 3, {
            output: { kind: "dataset", text: "ümläut \u0000 ' \" \n 漢字", files: [], n: 1.5 },
            rows,
            assets: ["warehouse.sales"],
          }),
          1_040,
        ],
        [failure("alpha", 1, false), 1_050],
      ];
      for (const step of life) {
        run = await drive(run, step);
        expect(await store.run("sales-1")).toEqual(run);
        expect(Object.keys((await store.run("sales-1"))!.state.steps)).toEqual(names);
        expect((await store.steps("sales-1")).map(({ name: step_, kind, ...rest }) => [step_, kind, rest])).toEqual(
          plan.steps.map((planned) => [planned.name, planned.kind, run.state.steps[planned.name]]),
        );
      }
      expect(run.record).toMatchObject({ status: "failed", finishedAt: 1_050 });
      expect((await store.runs({}))[0]).toEqual(run.record);
    });

    it("shares no object with those who gave it or got it", async () => {
      const output = { rows: 1 };
      const run = await drive(await createRun("sales-1"), [started, 1], [success("zeta", 1, { output }), 2]);
      output.rows = 2;
      const read = (await store.run("sales-1"))!;
      expect(read.state.steps["zeta"]!.output).toEqual({ rows: 1 });
      (read.state.steps["zeta"]!.output as { rows: number }).rows = 3;
      (read.record as { status: string }).status = "failed";
      expect((await store.run("sales-1"))!.state.steps["zeta"]!.output).toEqual({ rows: 1 });
      expect((await store.run("sales-1"))!.record).toEqual(run.record);
    });

    it("commits nothing of a batch that has one stale update", async () => {
      const [one, two] = [await createRun("sales-1"), await createRun("sales-2")];
      await drive(two, [started, 5]);
      const state = transition(plan, one.state, started, 9).state;
      const attempt: AttemptRecord = {
        runId: "sales-1",
        step: "zeta",
        attempt: 1,
        status: "succeeded",
        startedAt: 1,
        finishedAt: 2,
        error: null,
      };
      const before = [await store.run("sales-1"), await store.run("sales-2"), await store.statistics()];
      await expect(
        store.commit({
          updates: [
            { runId: "sales-1", expectedRevision: 0, state, changed: ["zeta"] },
            { runId: "sales-2", expectedRevision: 0, state, changed: ["zeta"] },
          ],
          attempts: [attempt],
          logs: [{ runId: "sales-1", step: "zeta", attempt: 1, at: 1, level: "info", message: "lost" }],
        }),
      ).rejects.toMatchObject({ code: "FENCED" });
      expect([await store.run("sales-1"), await store.run("sales-2"), await store.statistics()]).toEqual(before);
      expect([await store.attempts("sales-1"), await store.logs("sales-1", {})]).toEqual([[], []]);
      await store.commit(
        batch({ updates: [{ runId: "sales-1", expectedRevision: 0, state, changed: ["zeta"] }], attempts: [attempt] }),
      );
      expect((await store.run("sales-1"))!.revision).toBe(1);
    });

    it("refuses a commit from a revision before or after the current one, and for a run that isn't there", async () => {
      const run = await drive(await createRun("sales-1"), [started, 5]);
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

    it("finds a run by its id or by what only its id begins with", async () => {
      for (const id of ["sales-1", "sales-12", "sales-2%", "other_1"]) await createRun(id);
      const found = async (id: string): Promise<string | undefined> => (await store.run(id))?.record.id;
      expect(await found("sales-1"), "a whole id wins over longer ones").toBe("sales-1");
      expect(await found("sales-12")).toBe("sales-12");
      expect(await found("sales-2")).toBe("sales-2%");
      expect(await found("o")).toBe("other_1");
      for (const id of ["sales-", "sales", "nobody", "other%", "sales_1", "1", ""])
        expect(await found(id), id).toBeUndefined();
    });

    it("finds no run by an empty id, even when there is but one", async () => {
      await createRun("sales-1");
      expect(await store.run("")).toBeNull();
    });

    it("lists runs newest first, by pipeline, partition, status and backfill, and not more than asked for", async () => {
      const other = planNamed("returns");
      await store.savePlan(other);
      await createRun("a", { partition: "2011-01-04", createdAt: 900 });
      await drive(
        await createRun("b", { partition: "2011-01-05", backfill: "b1", createdAt: 100 }),
        [started, 1],
        [failure("zeta", 1, false), 2],
      );
      await createRun("c", { pipeline: "returns", version: other.version, partition: "2011-01-04", backfill: "b1" });
      await createRun("d", { partition: "2011-01-04", backfill: "b1" });
      const ids = async (filter: Parameters<RunStore["runs"]>[0]): Promise<string> =>
        (await store.runs(filter)).map(({ id }) => id).join("");
      expect(await ids({})).toBe("dcba");
      expect(await ids({ pipeline: "sales" })).toBe("dba");
      expect(await ids({ partition: "2011-01-04" })).toBe("dca");
      expect(await ids({ status: "failed" })).toBe("b");
      expect(await ids({ backfill: "b1" })).toBe("dcb");
      expect(await ids({ pipeline: "sales", partition: "2011-01-04", status: "running", backfill: "b1" })).toBe("d");
      expect(await ids({ limit: 2 })).toBe("dc");
      expect(await ids({ limit: Number.MAX_SAFE_INTEGER })).toBe("dcba");
      expect(await ids({ pipeline: "nobody" })).toBe("");
    });

    it("lists at most 50 runs when it isn't told", async () => {
      await store.createRuns(Array.from({ length: 60 }, (_, index) => newRun(`sales-${index}`)));
      expect(await store.runs({})).toHaveLength(50);
      expect((await store.runs({}))[0]!.id).toBe("sales-59");
    });

    it("knows the runs that have not ended, oldest first", async () => {
      const end: [RunEvent, number][] = [
        [started, 1],
        [{ type: "cancelled", reason: "asked for" }, 2],
      ];
      await createRun("a");
      await drive(await createRun("b"), ...end);
      const open = await drive(await createRun("c"), [started, 3]);
      expect((await store.unfinishedRuns()).map(({ record }) => record.id)).toEqual(["a", "c"]);
      expect((await store.unfinishedRuns())[1]).toEqual(open);
    });

    it("keeps one record per attempt, and lists them by when they began", async () => {
      await createRun("sales-1");
      const attempt = (
        step: string,
        number: number,
        startedAt: number,
        status: AttemptRecord["status"],
        parts: Partial<AttemptRecord> = {},
      ): AttemptRecord => ({
        runId: "sales-1",
        step,
        attempt: number,
        status,
        startedAt,
        finishedAt: startedAt + 5,
        error: null,
        ...parts,
      });
      const error = { code: "WORKER_LOST", message: "SIGKILL", retryable: false } as const;
      const all = [
        attempt("zeta", 1, 10, "failed", { error }),
        attempt("zeta", 2, 20, "lost", { error }),
        attempt("alpha", 1, 20, "succeeded"),
        attempt("zeta", 3, 30, "cancelled"),
      ];
      await store.commit(batch({ attempts: [all[1]!, all[3]!] }));
      await store.commit(batch({ attempts: [all[2]!, all[0]!, all[1]!, { ...all[0]!, runId: "another" }] }));
      expect(await store.attempts("sales-1")).toEqual([all[0], all[2], all[1], all[3]]);
    });

    it("gives log lines back in the order they were written, from a position, of a step, and not more than asked for", async () => {
      await createRun("sales-1");
      const line = (step: string, message: string, at: number, fields?: Record<string, unknown>) => ({
        runId: "sales-1",
        step,
        attempt: 1,
        at,
        level: "warn" as const,
        message,
        ...(fields === undefined ? {} : { fields }),
      });
      const lines = [
        line("zeta", "one", 9),
        line("alpha", "two", 5, { rows: 3, nested: { a: [1] } }),
        line("zeta", "three", 7),
        line("zeta", "four", 7),
      ];
      await store.commit(batch({ logs: [...lines.slice(0, 2), { ...lines[0]!, runId: "another" }] }));
      await store.commit(batch({ logs: lines.slice(2) }));
      const read = await store.logs("sales-1", {});
      expect(read.map(({ position: _position, ...rest }) => rest)).toEqual(lines);
      expect(Object.keys(read[0]!)).not.toContain("fields");
      const messages = async (options: Parameters<RunStore["logs"]>[1]): Promise<string[]> =>
        (await store.logs("sales-1", options)).map(({ message }) => message);
      expect(await messages({ step: "zeta" })).toEqual(["one", "three", "four"]);
      expect(await messages({ limit: 2 })).toEqual(["one", "two"]);
      expect(await messages({ after: read[1]!.position, limit: 1 })).toEqual(["three"]);
      expect(await messages({ after: read[0]!.position, step: "zeta" })).toEqual(["three", "four"]);
      expect(await messages({ after: read.at(-1)!.position })).toEqual([]);
    });

    it("pages through every log line once", async () => {
      await createRun("sales-1");
      for (let index = 0; index < 40; index += 1) {
        await store.commit(
          batch({
            logs: [{ runId: "sales-1", step: "zeta", attempt: 1, at: 1, level: "info", message: String(index) }],
          }),
        );
      }
      const seen: string[] = [];
      for (let after = 0; ;) {
        const page = await store.logs("sales-1", { after, limit: 7 });
        if (page.length === 0) break;
        seen.push(...page.map(({ message }) => message));
        after = page.at(-1)!.position;
      }
      expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => String(index)));
    });

    it("finds the newest backfill of exactly a range and version", async () => {
      const backfill = (id: string, parts: Partial<BackfillRecord> = {}): BackfillRecord => ({
        id,
        pipeline: "sales",
        version: "v1",
        from: "2011-01-04",
        to: "2011-01-31",
        status: "running",
        createdAt: 100,
        finishedAt: null,
        ...parts,
      });
      const find = (to = "2011-01-31", version = "v1") => store.findBackfill("sales", version, "2011-01-04", to);
      expect(await find()).toBeNull();
      await store.createBackfill(backfill("first"));
      await store.createBackfill(backfill("wider", { to: "2011-02-28", createdAt: 900 }));
      await store.createBackfill(backfill("changed", { version: "v2", createdAt: 900 }));
      expect(await find()).toEqual(backfill("first"));
      await store.createBackfill(backfill("newer", { createdAt: 200 }));
      await store.createBackfill(backfill("older", { createdAt: 50 }));
      expect((await find())!.id).toBe("newer");
      await store.createBackfill(backfill("same moment", { createdAt: 200 }));
      expect((await find())!.id).toBe("same moment");
      await store.finishBackfill("same moment", "failed", 777);
      expect(await find()).toEqual(backfill("same moment", { createdAt: 200, status: "failed", finishedAt: 777 }));
      await store.finishBackfill("same moment", "running", 800);
      expect(await find()).toEqual(backfill("same moment", { createdAt: 200 }));
      expect((await find("2011-02-28"))!.id).toBe("wider");
      expect((await find("2011-01-31", "v2"))!.id).toBe("changed");
    });

    it("computes the statistics that its runs and steps add up to", async () => {
      const other = planNamed("returns");
      await store.savePlan(other);
      const assets = new Map<string, number>();
      for (let index = 0; index < 12; index += 1) {
        const parts = index % 4 === 3 ? { pipeline: "returns", version: other.version } : {};
        const run = await createRun(`run-${index}`, { createdAt: 1_000 * index, ...parts });
        if (index === 0) continue;
        const at = 1_000 * index + 37;
        const rows = { in: 10 * index, out: 9 * index, duplicate: index % 3, quarantined: index % 2 };
        const events: [RunEvent, number][] = [[started, at]];
        if (index % 5 === 4)
          events.push([failure("zeta", 1, true), at + 1], [{ type: "cancelled", reason: "asked for" }, at + 3]);
        else events.push([success("zeta", 1, { rows, assets: ["lake.raw"] }), at + 250]);
        if (index % 3 === 1) events.push([failure("alpha", 1, false), at + 300]);
        if (index % 3 === 2)
          events.push(
            [success("alpha", 1, { rows }), at + 300],
            [success("mid", 1, { rows, assets: ["lake.sales", "lake.raw"] }), at + 991],
          );
        await drive(run, ...events);
        if (index % 5 !== 4) assets.set("lake.raw", at + (index % 3 === 2 ? 991 : 250));
        if (index % 5 !== 4 && index % 3 === 2) assets.set("lake.sales", at + 991);
      }
      const records = (await store.runs({ limit: 1_000 })).reverse();
      const recomputed = statisticsOf(
        await Promise.all(records.map(async (record) => ({ record, steps: await store.steps(record.id) }))),
        assets,
      );
      expect(recomputed.runs.length).toBeGreaterThan(4);
      expect(sorted(await store.statistics())).toEqual(sorted(recomputed));
    });

    it("has statistics, all empty, of a project that never ran", async () => {
      expect(await store.statistics()).toEqual({ runs: [], last: [], steps: [], assets: [] });
    });

    if (!survives) return;

    it("lets a second handle see what is committed, when it is committed", async () => {
      const reader = harness.reopen!({ readOnly: true });
      const run = await createRun("sales-1");
      expect(await reader.run("sales-1")).toEqual(run);
      const moved = await drive(run, [started, 5]);
      expect(await reader.run("sales-1")).toEqual(moved);
      await expect(reader.savePlan(planNamed("another"))).rejects.toThrow(/readonly/);
      reader.close();
    });

    it("lets two writers' commits follow one another, and the slower of two on one run fail", async () => {
      const second = harness.reopen!();
      const run = await createRun("sales-1");
      const state = transition(plan, run.state, started, 5).state;
      const update = { runId: "sales-1", expectedRevision: 0, state, changed: ["zeta"] };
      await second.commit(batch({ updates: [update] }));
      await expect(store.commit(batch({ updates: [update] }))).rejects.toMatchObject({ code: "FENCED" });
      expect(await store.run("sales-1")).toEqual(await second.run("sales-1"));
      second.close();
    });

    it("has everything again after it was closed and opened", async () => {
      const run = await drive(
        await createRun("sales-1"),
        [started, 5],
        [success("zeta", 1, { output: { n: 1 }, assets: ["lake.raw"] }), 9],
      );
      const statistics = await store.statistics();
      store.close();
      const again = harness.reopen!();
      expect(await again.run("sales-1")).toEqual(run);
      expect(await again.statistics()).toEqual(statistics);
      expect(await again.plan(plan.version)).toEqual(plan);
      again.close();
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
