import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEngineStore } from "../../../src/adapters/sqlite/engine-store.ts";
import { testEngineStore } from "../../conformance/engine-store.ts";
import { batch, newRun, planNamed } from "../../conformance/run-states.ts";

testEngineStore({
  name: "SQLite",
  survives: true,
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-runs-"));
    const path = join(folder, "state.db");
    return {
      store: openEngineStore(path),
      reopen: (options) => openEngineStore(path, options),
      dispose: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});

describe("the engine's store on SQLite", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-runs-"));
    path = join(folder, "state.db");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("applies its migrations once", () => {
    openEngineStore(path).close();
    const handle = new DatabaseSync(path);
    const schema = () => handle.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all();
    const version = () => handle.prepare("PRAGMA user_version").get();
    const before = [schema(), version()];
    openEngineStore(path).close();
    expect([schema(), version()]).toEqual(before);
    expect(version()).toEqual({ user_version: 2 });
    handle.close();
  });

  it("prunes without keeping a commit of the same process waiting for all of it", async () => {
    const store = openEngineStore(path);
    const plan = planNamed("sales");
    await store.savePlan(plan, 1);
    const ended = { ...newRun(plan, "").state, status: "succeeded", finishedAt: 2_000 } as const;
    await store.createRuns(Array.from({ length: 3_000 }, (_, n) => newRun(plan, `sales-${n}.`, { state: ended })));
    let left: number | null = null;
    const pruned = store.prune(9_000, 1);
    // Whatever was due when it began has its turn while it works.
    setImmediate(() => {
      const handle = new DatabaseSync(path);
      left = (handle.prepare("SELECT count(*) AS n FROM runs").get() as { n: number }).n;
      handle.prepare("UPDATE runs SET late = 1 WHERE id = 'sales-2999.'").run();
      handle.close();
    });
    expect(await pruned).toBe(2_999);
    expect(left).toBeGreaterThan(1);
    expect(left).toBeLessThan(3_000);
    store.close();
  });

  it("gives others their turn as well while it looks through runs that stay", async () => {
    const store = openEngineStore(path);
    const plan = planNamed("sales");
    await store.savePlan(plan, 1);
    const state = { ...newRun(plan, "").state, status: "succeeded", finishedAt: 2_000 } as const;
    const ofItsOwn = (n: number) => newRun(plan, `sales-${n}.`, { state, partition: `p${n}` });
    await store.createRuns(Array.from({ length: 4_500 }, (_, n) => ofItsOwn(n)));
    let turns = 0;
    let working = true;
    const take = (): void => {
      turns += 1;
      if (working) setImmediate(take);
    };
    setImmediate(take);
    expect(await store.prune(9_000, 1)).toBe(0);
    working = false;
    expect(turns).toBeGreaterThan(3);
    store.close();
  });

  it("is read by one process, whole states only, while another writes", async () => {
    const plan = planNamed("sales");
    const store = openEngineStore(path);
    await store.savePlan(plan, 1);
    await store.createRuns([newRun(plan, "sales-1")]);
    await store.commit(batch({}));
    // Each commit gives every step the same number of attempts: a reader that sees two numbers has seen half a commit.
    const writer = join(folder, "writer.ts");
    writeFileSync(
      writer,
      `import { openEngineStore } from ${JSON.stringify(new URL("../../../src/adapters/sqlite/engine-store.ts", import.meta.url).href)};
       const store = openEngineStore(process.argv[2]);
       const { state, revision } = await store.run("sales-1");
       const rest = { attempts: [], logs: [], notices: [], cached: [], live: [] };
       for (let n = 1; n <= 400; n += 1) {
         const steps = state.steps.withValues(state.steps.values().map((step) => ({ ...step, attempts: n })));
         const changed = steps.names().map((step) => ({ step, items: [] }));
         await store.commit({ updates: [{ runId: "sales-1", expectedRevision: n - 1, state: { ...state, steps }, changed }], ...rest });
       }
       store.close();`,
    );
    const child = fork(writer, [path], { execArgv: ["--disable-warning=ExperimentalWarning"] });
    const ended = new AbortController();
    child.once("exit", (code) => ended.abort(code));
    const reader = openEngineStore(path, { readOnly: true });
    const seen = new Set<number>();
    while (!ended.signal.aborted) {
      const run = (await reader.run("sales-1"))!;
      const attempts = new Set(run.state.steps.values().map((step) => step.attempts));
      expect(attempts.size).toBe(1);
      expect([...attempts][0]).toBe(run.revision);
      seen.add(run.revision);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ended.signal.reason).toBe(0);
    expect((await reader.run("sales-1"))!.revision).toBe(400);
    expect(seen.size, "the reader saw the run move").toBeGreaterThan(3);
    reader.close();
    store.close();
  });
});
