import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRunStore } from "../../../src/adapters/sqlite/run-store.ts";
import type { RunStore } from "../../../src/engine/run-store.ts";
import { initialState } from "../../../src/engine/transition.ts";
import { testRunStore } from "../../conformance/run-store.ts";
import { planOf } from "../engine/plans.ts";

testRunStore({
  name: "SQLite",
  survives: true,
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-runs-"));
    const path = join(folder, "state.db");
    return {
      store: openRunStore(path),
      reopen: (options) => openRunStore(path, options),
      dispose: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});

describe("the run store on SQLite", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-runs-"));
    path = join(folder, "state.db");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("applies its migrations once", () => {
    openRunStore(path).close();
    const handle = new DatabaseSync(path);
    const schema = () => handle.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all();
    const version = () => handle.prepare("PRAGMA user_version").get();
    const before = [schema(), version()];
    openRunStore(path).close();
    expect([schema(), version()]).toEqual(before);
    expect(version()).not.toEqual({ user_version: 0 });
    handle.close();
  });

  it("is read by one process, whole states only, while another writes", async () => {
    const plan = planOf({ a: [], b: [], c: [] });
    const store: RunStore = openRunStore(path);
    await store.savePlan(plan);
    await store.createRuns([
      {
        id: "orders-1",
        pipeline: "orders",
        version: plan.version,
        partition: null,
        backfill: null,
        createdAt: 1,
        state: initialState(plan),
      },
    ]);
    // Each commit gives every step the same number of attempts: a reader that sees two numbers has seen half a commit.
    const writer = join(folder, "writer.ts");
    writeFileSync(
      writer,
      `import { openRunStore } from ${JSON.stringify(new URL("../../../src/adapters/sqlite/run-store.ts", import.meta.url).href)};
       const store = openRunStore(process.argv[2]);
       const { state, revision } = await store.run("orders-1");
       for (let n = 1; n <= 400; n += 1) {
         const steps = Object.fromEntries(Object.entries(state.steps).map(([name, step]) => [name, { ...step, attempts: n }]));
         await store.commit({ updates: [{ runId: "orders-1", expectedRevision: n - 1, state: { ...state, steps }, changed: Object.keys(steps) }], attempts: [], logs: [] });
       }
       store.close();`,
    );
    const child = fork(writer, [path], { execArgv: ["--disable-warning=ExperimentalWarning"] });
    const ended = new AbortController();
    child.once("exit", (code) => ended.abort(code));
    const reader = openRunStore(path, { readOnly: true });
    const seen = new Set<number>();
    while (!ended.signal.aborted) {
      const run = (await reader.run("orders-1"))!;
      const attempts = new Set(Object.values(run.state.steps).map((step) => step.attempts));
      expect(attempts.size).toBe(1);
      expect([...attempts][0]).toBe(run.revision);
      seen.add(run.revision);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ended.signal.reason).toBe(0);
    expect((await reader.run("orders-1"))!.revision).toBe(400);
    expect(seen.size, "the reader saw the run move").toBeGreaterThan(3);
    reader.close();
    store.close();
  });
});
