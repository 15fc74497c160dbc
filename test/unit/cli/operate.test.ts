// What people do to runs: the same commands where this process runs them itself, and where another process has to be asked.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openEngine, type Engine } from "../../../src/embedded/engine.ts";
import type { RunDocument, RunView, StepView } from "../../../src/monitor/run-view.ts";
import { config, makeProject, type TestProject } from "./project.ts";

const pipelines = `import { approval, daily, dynamicPartitions, map, pipeline, task } from "sluice";
import { existsSync } from "node:fs";
import { z } from "zod";

export const asks = pipeline("asks", { params: z.object({ name: z.string().default("you"), count: z.number().default(1) }) }, ({ step, params }) => {
  const first = step("first", task((_inputs, { log }) => { log.info("given", { params }); return params; }));
  const ok = step("ok", approval({ message: "Publish?", onReject: "fail" }), { after: first });
  step("publish", task(() => "published"), { after: ok });
});

export const hangs = pipeline("hangs", ({ step }) => {
  const wait = step("wait", task((_inputs, { signal, log }) => new Promise((_resolve, reject) => { log.warn("begun"); signal.addEventListener("abort", () => reject(signal.reason)); })));
  step("after", task({ wait }, () => "after"));
});

export const halves = pipeline("halves", { retry: { limit: 0 } }, ({ step }) => {
  const good = step("good", task(() => Math.random()));
  const bad = step("bad", task({ good }, (_inputs, { folder }) => { if (!existsSync(folder + "/mended")) throw new Error("not yet"); return 1; }));
  step("last", task({ bad }, () => "last"));
});

export const items = pipeline("items", { retry: { limit: 0 } }, ({ step }) => {
  const list = step("list", task(() => [1, 2, 3]));
  step("each", map(list, async (n, { log }) => { log.info("item " + n); return n; }));
});

export const nightly = pipeline("nightly", { schedule: { cron: "0 2 * * *", timeZone: "Europe/London" } }, ({ step }) => { step("one", task(() => 1)); });
export const ready = pipeline("ready", { schedule: { onEvent: "orders.ready" } }, ({ step }) => { step("one", task(() => 1)); });
export const perCustomer = pipeline("per_customer", { partitions: dynamicPartitions("customers") }, ({ step }) => { step("one", task((_inputs, { partition }) => partition.key)); });
export const days = pipeline("days", { partitions: daily({ from: "2026-01-01", to: "2026-01-06" }) }, ({ step, partition }) => {
  step("day", task((_inputs, { folder }) => { if (partition.key === "2026-01-03" && !existsSync(folder + "/mended")) throw new Error("broken"); }), { retry: { limit: 0 } });
});
`;
const files = { "sluice.config.ts": config, "pipelines/all.ts": pipelines };

/** Works with an engine that holds the project, as `sluice serve` does. */
async function withEngine(project: TestProject, work: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await openEngine({ configPath: join(project.folder, "sluice.config.ts"), command: "serve" });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

const started = async (project: TestProject, ...args: string[]): Promise<RunView> =>
  (await project.sluice(["run", ...args, "--no-wait", "--json"])).json<RunDocument>().run;

describe("a run that waits for a person", () => {
  it("says what to type; another process decides, and the run goes on", async () => {
    using project = makeProject(files);
    let decided: Promise<unknown> | null = null;
    const run = await project.sluice(["run", "asks", "--param", "count=2", "--json"], {
      onStderr: (text) => {
        const [, id] = /sluice approve (\S+) ok/.exec(text) ?? [];
        if (id !== undefined) decided ??= project.sluice(["approve", id, "--note", "looks right", "--json"]);
      },
    });
    expect(run.code, run.stderr).toBe(0);
    expect(run.stderr).toContain("asks: ok waits for a person to decide: Publish?");
    expect(run.json()).toMatchObject({
      run: { status: "succeeded", params: { name: "you", count: 2 } },
      request: null,
    });
    expect(await decided).toMatchObject({ code: 0, stdout: expect.stringContaining('"name":"ok"') });
    const why = await project.sluice(["why", run.json<RunDocument>().run.id]);
    expect(why.stdout).toMatch(/^ok +succeeded +approved by \S+: looks right$/m);
  });

  it("is decided without a scheduler, and goes on in the command that does it", async () => {
    using project = makeProject(files);
    const run = await started(project, "asks");
    const why = await project.sluice(["why", run.id, "--json"]);
    expect(why.json()).toMatchObject({ interrupted: true });
    const rejected = await project.sluice(["reject", run.id, "ok", "--note", "no", "--json"]);
    expect(rejected.code, rejected.stderr).toBe(0);
    expect(rejected.json<{ run: RunView; step: StepView }>()).toMatchObject({
      run: { status: "failed" },
      step: { name: "ok", status: "failed", error: { code: "APPROVAL_REJECTED" } },
    });
    const again = await project.sluice(["approve", run.id, "ok"]);
    expect([again.code, again.stdout]).toEqual([2, ""]);
    expect(again.stderr).toMatch(/^error: Step "ok" of run asks-\w+ has ended already: failed/m);
    expect(await project.sluice(["approve", run.id])).toMatchObject({
      code: 2,
      stderr: `error: No step of ${run.id} waits for a person to decide. See: sluice why ${run.id}\n`,
    });
  });
});

describe("commands beside a process that works on the project", () => {
  it("ask it to run, follow the run, and end as the run does", async () => {
    using project = makeProject(files);
    await withEngine(project, async () => {
      const good = await project.sluice(["run", "items", "--json"]);
      expect(good.code, good.stderr).toBe(0);
      expect(good.stderr).toMatch(/is run by process \d+: sluice serve\n[\s\S]*items: each succeeded/);
      expect(good.json<RunDocument>().steps[1]).toMatchObject({ items: { succeeded: 3, queued: 0 } });
      const bad = await project.sluice(["run", "halves"]);
      expect(bad.code).toBe(1);
      expect(bad.stderr).toMatch(/^error: halves: step bad failed: Error: not yet\. See: sluice why halves-\w+$/m);
      const unknown = await project.sluice(["run", "nope"]);
      expect([unknown.code, unknown.stdout]).toEqual([5, ""]);
      expect(await project.sluice(["run", "asks", "--param", "count=many"])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^error: The params of pipeline "asks" do not fit: count: /),
      });
    });
  });

  it("leave the run alone when they are interrupted, and can have it cancelled", async () => {
    using project = makeProject(files);
    await withEngine(project, async (engine) => {
      const stopped = await project.sluice(["run", "hangs"], {
        onStderr: (text, interrupt) => text.includes("begun") && interrupt(),
      });
      expect([stopped.code, stopped.stdout]).toEqual([130, ""]);
      expect(stopped.stderr).toMatch(/error: Stopped following; the run goes on in process \d+: sluice serve\. See: /);
      const [run] = (await project.sluice(["runs", "--status", "running", "--json"])).json<RunView[]>();
      const why = (await project.sluice(["why", run!.id, "--json"])).json<{ steps: { because: string }[] }>();
      expect(why.steps[1]!.because).toBe("waits for wait (queued)");
      expect(await project.sluice(["rerun", run!.id])).toMatchObject({ code: 2, stdout: "" });
      const cancelled = await project.sluice(["cancel", run!.id, "--reason", "enough", "--json"]);
      expect(cancelled.code, cancelled.stderr).toBe(0);
      expect((await engine.finished(run!.id)).record.status).toBe("cancelled");
      const told = await project.sluice(["why", run!.id]);
      expect(told.stdout).toMatch(/was cancelled at .+: enough\./);
    });
  });

  it("follow a backfill, and can be asked for one without waiting", async () => {
    using project = makeProject(files);
    await withEngine(project, async (engine) => {
      const result = await project.sluice(["backfill", "days", "--all", "--json"]);
      expect(result.code).toBe(1);
      expect(result.json()).toMatchObject({ backfill: { status: "failed", succeeded: 5, failed: 1 }, moreRuns: 0 });
      expect(result.stderr).toContain("2026-01-03 failed at step day: Error: broken");
      project.write({ mended: "" });
      const asked = await project.sluice(["backfill", "days", "--all", "--no-wait", "--json"]);
      const { backfill } = asked.json<{ backfill: { id: string } }>();
      await engine.settled();
      const listed = (await project.sluice(["backfills", "--json"])).json<object[]>();
      expect(listed[0]).toMatchObject({ id: backfill.id, requested: 1, succeeded: 1, status: "succeeded" });
    });
  });
});

describe("sluice rerun", () => {
  it("runs what did not succeed, takes over what did, and names where it came from", async () => {
    using project = makeProject(files);
    const failed = (await project.sluice(["run", "halves", "--json"])).json<RunDocument>().run;
    project.write({ mended: "" });
    const again = await project.sluice(["rerun", failed.id, "--json"]);
    expect(again.code, again.stderr).toBe(0);
    const { run, steps } = again.json<RunDocument>();
    expect(run).toMatchObject({ rerunOf: failed.id, trigger: "rerun", status: "succeeded" });
    expect(steps.map((step) => [step.name, step.status, step.reusedFrom])).toEqual([
      ["good", "succeeded", failed.id],
      ["bad", "succeeded", null],
      ["last", "succeeded", null],
    ]);
    const only = (await project.sluice(["rerun", run.id, "--only", "last", "--json"])).json<RunDocument>();
    expect(only.steps.map((step) => step.reusedFrom === null)).toEqual([false, false, true]);
    const rest = await project.sluice(["rerun", run.id]);
    expect([rest.code, rest.stdout]).toEqual([2, ""]);
    expect(rest.stderr).toMatch(/^error: Nothing of run .+ is left to be run.+--all\n$/);
    expect(await project.sluice(["rerun", run.id, "--step", "nope"])).toMatchObject({ code: 5 });
  });
});

describe("sluice mark", () => {
  it("ends a step as it is told, and the run goes on from there", async () => {
    using project = makeProject(files);
    const run = await started(project, "asks");
    const marked = await project.sluice(["mark", run.id, "ok", "--as", "succeeded", "--reason", "by phone", "--json"]);
    expect(marked.code, marked.stderr).toBe(0);
    expect(marked.json()).toMatchObject({
      run: { status: "succeeded" },
      step: { reason: expect.stringMatching(/^marked succeeded by \S+: by phone$/) },
    });
    expect(await project.sluice(["mark", run.id, "nope", "--as", "failed", "--reason", "x"])).toMatchObject({
      code: 5,
    });
  });
});

describe("schedules, events and partitions", () => {
  it("are paused, unpaused, told and listed", async () => {
    using project = makeProject(files);
    const next = async () =>
      (await project.sluice(["schedules", "--json"])).json<{ pipeline: string; next: string }[]>();
    expect((await next()).map(({ pipeline }) => pipeline)).toEqual(["nightly", "ready"]);
    expect((await next())[0]).toMatchObject({ paused: false, next: expect.stringMatching(/T0[12]:00:00\.000Z$/) });
    expect(await project.sluice(["pause", "nightly", "--json"])).toMatchObject({
      code: 0,
      stdout: '{"pipeline":"nightly","paused":true}\n',
    });
    expect((await next())[0]).toMatchObject({ paused: true, next: null });
    expect((await project.sluice(["why", "nightly"])).stdout).toMatch(
      /is paused\.[\s\S]+Next: sluice unpause nightly\n$/,
    );
    expect((await project.sluice(["unpause", "nightly"])).stdout).toBe("the schedule of nightly is on\n");
    expect((await next())[0]).toMatchObject({ paused: false });
    expect(await project.sluice(["pause", "asks"])).toMatchObject({ code: 2, stdout: "" });
    expect(await project.sluice(["pause", "nope"])).toMatchObject({ code: 5, stdout: "" });
    const told = await project.sluice(["trigger", "orders.ready", "--key", "k1", "--json"]);
    expect(told.json()).toEqual({ event: "orders.ready", key: "k1", pipelines: ["ready"], paused: [] });
    await project.sluice(["trigger", "orders.ready", "--key", "k1"]);
    expect((await project.sluice(["runs", "--pipeline", "ready", "--json"])).json()).toMatchObject([
      { trigger: "event", status: "succeeded" },
    ]);
    expect(await project.sluice(["trigger", "orders.gone"])).toMatchObject({ code: 5, stdout: "" });
  });

  it("of a dynamic set come and go", async () => {
    using project = makeProject(files);
    expect((await project.sluice(["partitions", "add", "customers", "acme", "globex", "acme"])).stdout).toBe(
      "2 partitions added to customers\n",
    );
    expect(await project.sluice(["run", "per_customer", "--partition", "acme"])).toMatchObject({ code: 0 });
    expect(await project.sluice(["run", "per_customer", "--partition", "other"])).toMatchObject({ code: 2 });
    const standing = (await project.sluice(["partitions", "per_customer", "--json"])).json();
    expect(standing).toMatchObject({ total: 2, counts: { succeeded: 1, missing: 1 }, neverSucceeded: 1 });
    expect((await project.sluice(["partitions", "remove", "customers", "globex", "--json"])).json()).toEqual({
      set: "customers",
      removed: 1,
    });
    expect((await project.sluice(["partitions", "per_customer"])).stdout).toMatch(/^1 partition: 1 succeeded$/m);
    expect(await project.sluice(["partitions", "asks"])).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("sluice backfill", () => {
  it("says beforehand what it would do, and does nothing then", async () => {
    using project = makeProject(files);
    const range = ["backfill", "days", "--from", "2026-01-02", "--to", "2026-01-05"];
    const before = (await project.sluice([...range, "--dry-run", "--json"])).json();
    expect(before).toMatchObject({
      total: 4,
      toRun: 4,
      estimateSeconds: null,
      ranges: [{ count: 4, status: "missing" }],
    });
    expect(existsSync(join(project.folder, ".sluice/state.db"))).toBe(false);
    await project.sluice(range);
    const after = await project.sluice([...range, "--dry-run", "--only", "failed", "--json"]);
    expect(after.json()).toMatchObject({
      total: 4,
      toRun: 1,
      ranges: [{ from: "2026-01-03", to: "2026-01-03", count: 1 }],
    });
    expect((await project.sluice([...range, "--dry-run", "--reprocess"])).stdout).toMatch(
      /^4 of 4 partitions would run/,
    );
    expect(await project.sluice(["backfill", "days", "--partition", "2026-02-01"])).toMatchObject({
      code: 2,
      stdout: "",
    });
    project.write({ mended: "" });
    const some = await project.sluice(["backfill", "days", "--partition", "2026-01-03,2026-01-01", "--json"]);
    expect(some.json()).toMatchObject({
      backfill: { status: "succeeded", requested: 2, from: null, selection: { type: "keys" } },
      runs: [{ run: { partition: "2026-01-03" } }, { run: { partition: "2026-01-01" } }],
    });
  });

  it("is cancelled and resumed by its id", async () => {
    using project = makeProject(files);
    const asked = await project.sluice(["backfill", "days", "--all", "--no-wait", "--json"]);
    const { id } = asked.json<{ backfill: { id: string } }>().backfill;
    expect((await project.sluice(["backfills", "cancel", id, "--json"])).json()).toEqual({
      backfill: id,
      status: "cancelled",
    });
    project.write({ mended: "" });
    const resumed = await project.sluice(["backfills", "resume", id, "--json"]);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.json()).toMatchObject({ backfill: { id, status: "succeeded" } });
    expect((await project.sluice(["partitions", "days", "--json"])).json()).toMatchObject({ counts: { succeeded: 6 } });
    expect(await project.sluice(["backfills", "cancel", "nope"])).toMatchObject({ code: 5, stdout: "" });
  });
});

describe("reading what was done", () => {
  it("pages through runs, and lists what waits", async () => {
    using project = makeProject(files);
    for (let time = 0; time < 3; time += 1) await project.sluice(["run", "items"]);
    const all = (await project.sluice(["runs", "--json"])).json<RunView[]>();
    const rest = (await project.sluice(["runs", "--before", all[0]!.id, "--limit", "1", "--json"])).json();
    expect(rest).toEqual([all[1]]);
    expect(await project.sluice(["runs", "--waiting"])).toMatchObject({ code: 0, stderr: "nothing waits to begin\n" });
    expect(await project.sluice(["runs", "--before", "nope"])).toMatchObject({ code: 5 });
  });

  it("filters logs by item and attempt, from the end or from a position", async () => {
    using project = makeProject(files);
    const { run } = (await project.sluice(["run", "items", "--json"])).json<RunDocument>();
    const logs = async (...args: string[]) =>
      (await project.sluice(["logs", run.id, ...args, "--json"])).json<
        { message: string; position: number; item: number }[]
      >();
    const all = await logs();
    expect(all.map(({ message }) => message).sort()).toEqual(["item 1", "item 2", "item 3"]);
    expect(await logs("--tail", "2")).toEqual(all.slice(1));
    expect(await logs("--after", String(all[0]!.position))).toEqual(all.slice(1));
    expect(await logs("--step", "each", "--item", "2")).toMatchObject([{ item: 2, message: "item 3" }]);
    expect(await logs("--step", "list")).toEqual([]);
    const followed = await project.sluice(["logs", run.id, "--follow", "--tail", "1", "--json"]);
    expect(
      followed.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toEqual(all.slice(2));
    expect(followed.stderr).toBe("the run is succeeded\n");
  });

  it("shows how a definition has changed since a run", async () => {
    using project = makeProject(files);
    const { run } = (await project.sluice(["run", "items", "--json"])).json<RunDocument>();
    expect(await project.sluice(["diff", run.id])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "the definitions are the same\n",
    });
    project.write({
      "pipelines/all.ts": pipelines.replace('"items", { retry: { limit: 0 } }', '"items", { retry: { limit: 3 } }'),
    });
    const changed = (await project.sluice(["diff", run.id, "--json"])).json();
    expect(changed).toMatchObject({
      pipeline: "items",
      before: { version: run.version, run: run.id },
      after: { run: null },
      changes: [
        { path: "steps.list.retry.limit", before: 0, after: 3 },
        { path: "steps.each.retry.limit", before: 0, after: 3 },
      ],
    });
    const later = (await project.sluice(["run", "items", "--json"])).json<RunDocument>().run;
    expect((await project.sluice(["diff", run.id, later.id])).stdout).toMatch(
      /^WHAT +BEFORE +AFTER\nsteps\.list\.retry\.limit +0 +3\n/,
    );
  });

  it("forgets old runs when it is told to, and keeps the newest", async () => {
    using project = makeProject(files);
    for (let time = 0; time < 3; time += 1) await project.sluice(["run", "items"]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await project.sluice(["prune", "--older-than", "1ms", "--json"])).json()).toMatchObject({ deleted: 2 });
    expect((await project.sluice(["runs", "--json"])).json()).toHaveLength(1);
    expect(await project.sluice(["prune", "--older-than", "soon"])).toMatchObject({ code: 2, stdout: "" });
  });
});
