import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openEngineStore } from "../../../src/adapters/sqlite/engine-store.ts";
import { initialState, transition } from "../../../src/engine/state-machine/transition.ts";
import { homeAt, lockHome } from "../../../src/embedded/home.ts";
import type { RunView } from "../../../src/monitor/run-view.ts";
import { failed, planOf } from "../engine/plans.ts";
import { config, demoFiles, makeProject, type TestProject } from "./project.ts";

let demo: TestProject;
beforeAll(async () => {
  demo = makeProject({
    ...demoFiles(),
    "notes/backfill.md":
      "# Backfill\n\nA backfill runs a range of partitions.\n\n## Again\n\nGiven again, it finishes what is unfinished.\n",
    "pipelines/notes.ts": `import { pipeline, task } from "sluice";
      import { index, markdown, sync } from "sluice/retrieval";
      export default pipeline("notes", ({ step }) => {
        const said = step("said", task((_inputs, { log }) => { log.info("line\\none", { n: 1 }); log.warn("two"); }));
        step("sync", sync(index("notes", { documents: markdown("notes/*.md") })), { after: said });
      });`,
  });
  expect(await demo.sluice(["backfill", "orders_daily", "--from", "2026-01-05", "--to", "2026-01-07"])).toMatchObject({
    code: 0,
  });
  expect(await demo.sluice(["run", "notes"])).toMatchObject({ code: 0 });
});
afterAll(() => demo[Symbol.dispose]());

describe("commands that read", () => {
  const reading = [
    ["runs"],
    ["quarantine", "list"],
    ["query", "select 1 x"],
    ["logs", "x"],
    ["why", "x"],
    ["quarantine", "show", "x"],
    ["features", "get", "a", "b"],
    ["search", "a", "b"],
  ];

  it("make no file in a project that was never run, and say that nothing is there", async () => {
    using project = makeProject();
    const codes: number[] = [];
    for (const args of reading) codes.push((await project.sluice([...args, "--json"])).code);
    expect(codes).toEqual([0, 0, 0, 5, 5, 5, 5, 5]);
    expect(project.files()).toEqual(["sluice.config.ts"]);
    expect(await project.sluice(["runs", "--json"])).toMatchObject({
      stdout: "[]\n",
      stderr: "there is no such run\n",
    });
    expect(await project.sluice(["quarantine", "list", "--json"])).toMatchObject({ stdout: "[]\n" });
  });

  it("work while another process holds the state folder", async () => {
    const lock = lockHome(homeAt(join(demo.folder, ".sluice")), "run orders_daily");
    try {
      expect(await demo.sluice(["runs", "--json"])).toMatchObject({ code: 0 });
      expect(await demo.sluice(["query", "select count(*) n from warehouse.orders", "--json"])).toMatchObject({
        code: 0,
        stdout: '[{"n":109}]\n',
      });
    } finally {
      lock.release();
    }
  });

  it("find the project from a folder inside it, and by --project", async () => {
    expect(
      await demo.sluice(["runs", "--limit", "1", "--json"], { cwd: join(demo.folder, "data/orders") }),
    ).toMatchObject({ code: 0 });
    expect(await demo.sluice(["--project", demo.folder, "runs", "--limit", "1", "--json"], { cwd: "/" })).toMatchObject(
      { code: 0 },
    );
    expect(await demo.sluice(["runs", "--limit", "1", "--project", demo.folder], { cwd: "/" })).toMatchObject({
      code: 0,
    });
  });
});

describe("sluice list", () => {
  it("says what the project defines, and how each pipeline ended last", async () => {
    const result = await demo.sluice(["list", "--json"]);
    expect(result.code).toBe(0);
    expect(result.json()).toMatchObject({
      pipelines: [
        {
          name: "notes",
          file: "pipelines/notes.ts",
          partitions: null,
          steps: [
            { name: "said", kind: "task" },
            { name: "sync", kind: "sync", dependsOn: ["said"] },
          ],
        },
        {
          name: "orders_daily",
          partitions: { unit: "day", from: "2026-01-05" },
          lastRun: { status: "succeeded", partition: expect.stringMatching(/^2026-01-0[567]$/) },
        },
      ],
      connections: [{ name: "warehouse", vendor: "lake" }],
      featureViews: ["customer_orders"],
      indexes: ["notes"],
    });
    expect((await demo.sluice(["list"])).stdout).toMatch(
      /^PIPELINE .+\nnotes +pipelines\/notes\.ts +- +- +said \(task\), sync /,
    );
  });
});

describe("sluice runs", () => {
  it("lists the newest first, as far as the filters let through", async () => {
    const all = (await demo.sluice(["runs", "--json"])).json<RunView[]>();
    expect(all.map((run) => run.pipeline)).toEqual(["notes", "orders_daily", "orders_daily", "orders_daily"]);
    const some = (
      await demo.sluice([
        "runs",
        "--pipeline",
        "orders_daily",
        "--partition",
        "2026-01-06",
        "--status",
        "succeeded",
        "--json",
      ])
    ).json<RunView[]>();
    expect(some).toEqual(all.filter((run) => run.partition === "2026-01-06"));
    expect((await demo.sluice(["runs", "--limit", "2"])).stdout.trim().split("\n")).toHaveLength(3);
    expect((await demo.sluice(["runs", "--status", "failed", "--json"])).json()).toEqual([]);
  });
});

describe("sluice logs", () => {
  it("prints lines in their order, each on one line, for a run named by its beginning", async () => {
    const { code, stdout } = await demo.sluice(["logs", "notes"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S+Z info  said#1 line\\none \{"n":1\}\n\S+Z warn  said#1 two\n/);
    const json = (await demo.sluice(["logs", "notes", "--step", "said", "--json"])).json();
    expect(json).toMatchObject([
      { step: "said", attempt: 1, level: "info", message: "line\none", fields: { n: 1 } },
      { level: "warn", fields: null },
    ]);
    expect(await demo.sluice(["logs", "notes", "--step", "nope"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "nothing was logged\n",
    });
  });

  it("doesn't choose between runs that begin alike", async () => {
    const { code, stderr } = await demo.sluice(["logs", "orders_daily"]);
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^error: 3 runs begin with "orders_daily"\. Give more of the id: orders_daily-2026-\S+, .+\n$/,
    );
  });
});

describe("sluice quarantine", () => {
  it("counts rows with their reasons, and shows them as they were delivered", async () => {
    const groups = (await demo.sluice(["quarantine", "list", "--json"])).json<
      { partition: string; rows: number; reasons: object[] }[]
    >();
    expect(groups.map((group) => group.rows).sort()).toEqual([3, 4, 4]);
    expect(groups[0]).toMatchObject({
      pipeline: "orders_daily",
      step: "clean",
      contract: "order",
      at: expect.stringMatching(/Z$/),
    });
    expect(groups[0]!.reasons).toContainEqual({ path: "status", rule: "enum", count: 1 });

    const rows = (
      await demo.sluice(["quarantine", "show", "orders_daily", "--partition", "2026-01-06", "--json"])
    ).json<object[]>();
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      partition: "2026-01-06",
      row: { amount: "twelve" },
      reasons: [{ path: "amount", value: "twelve" }],
    });
    const some = await demo.sluice(["quarantine", "show", "orders_daily", "--limit", "4"]);
    expect(some.stdout.match(/record \d+:/g)).toHaveLength(4);
    expect(some.stderr).toBe("4 of 11 rows; --limit shows more\n");
    expect(await demo.sluice(["quarantine", "show", "orders_daily", "--step", "loaded"])).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(await demo.sluice(["quarantine", "show", "nope"])).toMatchObject({ code: 5 });
  });
});

describe("sluice features get", () => {
  it("reads an entity now and as of an instant", async () => {
    const now = (await demo.sluice(["features", "get", "customer_orders", "c-102", "--json"])).json<{
      features: { orders: number };
    }>();
    expect(now).toMatchObject({
      view: "customer_orders",
      entity: "customer",
      key: "c-102",
      asOf: "2026-01-08T00:00:00.000Z",
    });
    const before = (
      await demo.sluice(["features", "get", "customer_orders", "c-102", "--as-of", "2026-01-06T00:00:00Z", "--json"])
    ).json<typeof now>();
    expect(before.features.orders).toBeGreaterThan(0);
    expect(before.features.orders).toBeLessThan(now.features.orders);
    expect((await demo.sluice(["features", "get", "customer_orders", "c-102"])).stdout).toContain(`orders`);
  });

  it.each([
    [["customer_orders", "nobody"], 5],
    [["nope", "c-102"], 5],
    [["customer_orders", "c-102", "--as-of", "yesterday"], 2],
  ])("answers %j with exit code %i", async (args, code) => {
    expect(await demo.sluice(["features", "get", ...args])).toMatchObject({
      code,
      stdout: "",
      stderr: expect.stringMatching(/^error: .+\n$/),
    });
  });
});

describe("sluice search", () => {
  it("answers with file, heading and a snippet", async () => {
    const hits = (await demo.sluice(["search", "notes", "finish what is unfinished", "--limit", "1", "--json"])).json<
      object[]
    >();
    expect(hits).toMatchObject([
      { document: "backfill.md", heading: ["Backfill"], line: expect.any(Number), score: expect.any(Number) },
    ]);
    expect((await demo.sluice(["search", "notes", "unfinished"])).stdout).toMatch(
      /^1\. backfill\.md:\d+  Backfill\n   .*unfinished/,
    );
    expect(await demo.sluice(["search", "notes", "zebra"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "nothing in the index answers that\n",
    });
  });

  it("names the indexes there are when asked for another", async () => {
    expect(await demo.sluice(["search", "nope", "x"])).toMatchObject({
      code: 5,
      stderr: 'error: There is no index "nope". There is notes.\n',
    });
    expect(await demo.sluice(["search", "../notes", "x"])).toMatchObject({ code: 5 });
  });
});

describe("sluice why", () => {
  it("says that a run is interrupted when no process works on it, and how to resume it", async () => {
    using project = makeProject({ "sluice.config.ts": config, "pipelines/.keep": "" });
    const home = homeAt(join(project.folder, ".sluice"));
    const retry = { limit: 2, delayMs: 60_000, backoff: "constant", maxDelayMs: 60_000, jitter: 0 } as const;
    const plan = planOf(
      [
        { name: "one", retry },
        { name: "two", retry },
        { name: "three", retry, dependsOn: ["one", "two"] },
      ],
      { pipeline: "daily" },
    );
    const store = openEngineStore(home.state);
    const now = Date.now();
    await store.savePlan(plan, now);
    const begun = transition(plan, initialState(plan, now), { type: "started" }, now).state;
    const [stored] = await store.createRuns([
      {
        id: "daily-2026-01-01-aa",
        pipeline: "daily",
        version: plan.version,
        partition: "2026-01-01",
        params: null,
        trigger: "manual",
        requestKey: "run:aa",
        scheduledFor: null,
        backfill: null,
        rerunOf: null,
        createdAt: now,
        state: begun,
      },
    ]);
    const error = { code: "SOURCE_UNAVAILABLE", message: "It answered 503", retryable: true } as const;
    const { state } = transition(plan, begun, failed("two", 1, error), now);
    await store.commit({
      updates: [{ runId: stored!.record.id, expectedRevision: 0, state, changed: [{ step: "two", items: [] }] }],
      attempts: [],
      logs: [],
      notices: [],
      cached: [],
      live: [],
    });
    store.close();

    const left = (await project.sluice(["why", "daily-2026", "--json"])).json<{ steps: object[] }>();
    expect(left).toMatchObject({
      run: { status: "running" },
      interrupted: true,
      command: "sluice run daily --partition 2026-01-01",
    });
    expect(left.steps).toMatchObject([
      { name: "one", because: expect.stringContaining("was under way when the process stopped") },
      {
        name: "two",
        because: expect.stringContaining(
          "waits for the run to be resumed for try 2 of 3, after SOURCE_UNAVAILABLE: It answered 503",
        ),
      },
      {
        name: "three",
        status: "waiting",
        waitsFor: ["one", "two"],
        because: "waits for one (queued) and two (retrying)",
      },
    ]);
    expect((await project.sluice(["why", "daily-2026"])).stdout).toMatch(
      /was interrupted.*\n\n[\s\S]+\nResume it with: sluice run daily --partition 2026-01-01\n$/,
    );

    const lock = lockHome(home, "run daily");
    try {
      const held = (await project.sluice(["why", "daily-2026", "--json"])).json<{ steps: { because: string }[] }>();
      expect(held).toMatchObject({
        interrupted: false,
        command: null,
        summary: `The run is under way (process ${process.pid}: sluice run daily). 3 of 3 steps are not finished.`,
      });
      expect(held.steps[1]!.because).toMatch(/^waits until \S+Z \((60|59) s\) for try 2 of 3, after /);
    } finally {
      lock.release();
    }
  });

  it("reads a state folder that a killed process left its note in as free", async () => {
    const note = join(demo.folder, ".sluice/lock.json");
    demo.write({ ".sluice/lock.json": JSON.stringify({ pid: process.pid, command: "run x" }) });
    expect((await demo.sluice(["why", "notes-", "--json"])).json()).toMatchObject({
      interrupted: false,
      summary: expect.stringMatching(/^The run succeeded at/),
    });
    expect(readFileSync(note, "utf8")).toContain("run x");
  });
});
