import { describe, expect, it } from "vitest";
import type { RunDocument } from "../../../src/monitor/run-view.ts";
import { config, makeProject } from "./project.ts";

const pipelines = `import { daily, env, pipeline, SluiceError, task } from "sluice";
console.log("printed while loading");

export const greet = pipeline("greet", ({ step }) => {
  const name = step("name", task((_inputs, context) => { context.log.warn("half awake"); console.log("printed while running"); return { name: "you" }; }));
  step("greeting", task({ name }, ({ name }) => "hello " + name.name));
});

const failing = (name, error) => pipeline(name, { retry: { limit: 0 } }, ({ step }) => {
  const first = step("first", task(() => { throw error(); }));
  step("second", task({ first }, () => null));
});
export const breaks = failing("breaks", () => new Error("boom"));
export const gated = failing("gated", () => new SluiceError("GATE_CLOSED", "The gate is closed: 3 rows", { hint: "Look at the source." }));
export const secret = failing("secret", () => new SluiceError("REFERENCE_UNRESOLVED", "The environment variable TOKEN is not set"));

export const flaky = pipeline("flaky", { retry: { limit: 1, delay: "1ms" } }, ({ step }) => {
  step("once", task((_inputs, context) => { if (context.attempt === 1) throw new Error("not yet"); return null; }));
});

export const slow = pipeline("slow", ({ step }) => {
  step("wait", task((_inputs, { signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))));
});

export const by_day = pipeline("by_day", { partitions: daily({ from: "2026-01-01", to: "2026-12-31" }) }, ({ step }) => {
  step("day", task((_inputs, context) => context.partition.key));
});
`;
const files = { "sluice.config.ts": config, "pipelines/all.ts": pipelines };

describe("sluice run", () => {
  it("prints the run and its steps as one JSON document, whatever the user's code prints", async () => {
    using project = makeProject(files);
    const result = await project.sluice(["run", "greet", "--json"]);
    expect(result.code).toBe(0);
    const { run, steps } = result.json<RunDocument>();
    expect(run).toEqual({
      id: expect.stringMatching(/^greet-[0-9a-f]{12}$/),
      pipeline: "greet",
      partition: null,
      version: expect.stringMatching(/^[0-9a-f]{64}$/),
      params: null,
      trigger: "manual",
      scheduledFor: null,
      backfill: null,
      rerunOf: null,
      status: "succeeded",
      createdAt: expect.stringMatching(/^\d{4}-.+Z$/),
      finishedAt: expect.stringMatching(/^\d{4}-.+Z$/),
    });
    expect(steps.map((step) => step.name)).toEqual(["name", "greeting"]);
    expect(steps[0]).toEqual({
      name: "name",
      kind: "task",
      status: "succeeded",
      attempts: 1,
      items: null,
      rows: null,
      error: null,
      reason: null,
      awaits: null,
      wakeAt: null,
      reusedFrom: null,
      late: false,
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
    });
    expect(result.stderr).toBe("name warn: half awake\ngreet: name succeeded\ngreet: greeting succeeded\n");
  });

  it("prints a table for people", async () => {
    using project = makeProject(files);
    const { code, stdout } = await project.sluice(["run", "by_day", "--partition", "2026-02-03"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^by_day 2026-02-03 succeeded in .+ \(run by_day-2026-02-03-\w{12}\)\n\nSTEP +KIND +STATUS +ATTEMPTS +ROWS IN .*\nday +task +succeeded +1 /,
    );
  });

  it.each([
    ["breaks", 1, "TASK_FAILED", "Error: boom"],
    ["gated", 4, "GATE_CLOSED", "The gate is closed: 3 rows"],
    ["secret", 3, "REFERENCE_UNRESOLVED", "The environment variable TOKEN is not set"],
  ])(
    "ends a failing run of %s with exit code %i, its JSON on stdout and one line on stderr",
    async (name, code, error, message) => {
      using project = makeProject(files);
      const result = await project.sluice(["run", name, "--json"]);
      expect(result.code).toBe(code);
      const { run, steps } = result.json<RunDocument>();
      expect(run.status).toBe("failed");
      expect(steps).toMatchObject([
        { status: "failed", error: { code: error, message }, reason: null },
        { status: "upstream-failed", error: null, reason: "first failed" },
      ]);
      expect(JSON.parse(result.stderr.trim().split("\n").at(-1)!)).toMatchObject({
        error: { code: error, message: `${name}: step first failed: ${message}` },
      });
      const spoken = await project.sluice(["run", name]);
      expect(spoken.stderr).toMatch(new RegExp(`^error: ${name}: step first failed: ${message}\\. \\S.+$`, "m"));
    },
  );

  it("says that a step is tried again, and succeeds", async () => {
    using project = makeProject(files);
    const { code, stdout, stderr } = await project.sluice(["run", "flaky", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).steps[0]).toMatchObject({ status: "succeeded", attempts: 2, error: null });
    expect(stderr).toContain("flaky: once is tried again after Error: not yet\n");
  });

  it("cancels at the first interrupt and ends with exit code 130", async () => {
    using project = makeProject(files);
    // The rewritten line of a terminal says when the step is under way.
    const result = await project.sluice(["run", "slow", "--json"], {
      tty: true,
      onStderr: (text, interrupt) => text.includes("wait") && interrupt(),
    });
    expect(result.code).toBe(130);
    expect(result.json<RunDocument>()).toMatchObject({
      run: { status: "cancelled" },
      steps: [{ status: "cancelled", reason: "interrupted" }],
    });
    expect(result.stderr).toContain("stopping cleanly");
    expect(JSON.parse(result.stderr.slice(result.stderr.lastIndexOf('{"error"')))).toMatchObject({
      error: { code: "CANCELLED" },
    });
  });

  it.each([
    [["run", "nope"], 5, 'There is no pipeline "nope"'],
    [["run", "by_day"], 2, 'Pipeline "by_day" needs a partition'],
    [["run", "greet", "--partition", "2026-01-01"], 2, 'Pipeline "greet" has no partitions'],
    [["run", "by_day", "--partition", "2025-01-01"], 2, "The partition 2025-01-01 is outside"],
    [["run", "by_day", "--partition", "tomorrow"], 2, '"tomorrow" is not a day'],
  ])("answers %j with exit code %i and prints nothing on stdout", async (args, code, message) => {
    using project = makeProject(files);
    const result = await project.sluice(args);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr.trim().split("\n").at(-1)).toMatch(`error: ${message}`);
  });

  it("answers a configuration that does not parse with one line that names the place, and exit code 3", async () => {
    using project = makeProject({ "sluice.config.ts": "export default {\n  nope nope\n};\n" });
    const { code, stdout, stderr } = await project.sluice(["run", "a"]);
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(/^error: sluice\.config\.ts.*\n$/);
  });
});

describe("sluice backfill", () => {
  const range = ["backfill", "by_day", "--from", "2026-01-01", "--to", "2026-01-05"];

  it("runs every partition of the range, once", async () => {
    using project = makeProject(files);
    const first = await project.sluice([...range, "--json"]);
    expect(first.code).toBe(0);
    const { backfill, runs } = first.json<{ backfill: object; runs: RunDocument[] }>();
    expect(backfill).toMatchObject({
      pipeline: "by_day",
      from: "2026-01-01",
      to: "2026-01-05",
      selection: { type: "range", from: "2026-01-01", to: "2026-01-05" },
      mode: "missing",
      total: 5,
      requested: 5,
      succeeded: 5,
      failed: 0,
      status: "succeeded",
      started: 5,
    });
    expect(runs.map(({ run }) => run.partition)).toEqual([
      "2026-01-01",
      "2026-01-02",
      "2026-01-03",
      "2026-01-04",
      "2026-01-05",
    ]);

    const second = await project.sluice([...range, "--json"]);
    expect(second.code).toBe(0);
    expect(second.json<{ backfill: object; runs: RunDocument[] }>()).toMatchObject({
      backfill: { started: 0, status: "succeeded" },
      runs,
    });
    expect(second.stderr).toContain("all 5 partitions had already succeeded; --reprocess runs them again\n");

    const third = await project.sluice([...range, "--reprocess"]);
    expect(third).toMatchObject({ code: 0, stderr: expect.not.stringContaining("already") });
    expect(third.stdout).toMatch(/^5 runs: 5 succeeded\n\nSTEP/);
  });

  it("names the first partition that failed, and why", async () => {
    using project = makeProject({
      ...files,
      "pipelines/all.ts": `import { daily, pipeline, SluiceError, task } from "sluice";
        export default pipeline("by_day", { partitions: daily({ from: "2026-01-01" }) }, ({ step }) => {
          step("day", task((_inputs, { partition }) => { if (partition.key >= "2026-01-03") throw new SluiceError("CONTRACT_FAILED", "2 rows break it"); }));
        });`,
    });
    const { code, stderr } = await project.sluice(range);
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^error: 3 of 5 partitions failed, first 2026-01-03 at step day: 2 rows break it\. See: sluice why by_day-2026-01-03-\w+$/m,
    );
  });

  it("stops cleanly at an interrupt, and the same command finishes the rest", async () => {
    const slow = (first: string): string => `import { daily, pipeline, task } from "sluice";
      import { writeFileSync, existsSync } from "node:fs";
      export default pipeline("by_day", { partitions: daily({ from: "2026-01-01" }) }, ({ step }) => {
        step("day", task((_inputs, { signal, folder, log }) => existsSync(folder + "/go") ? null : new Promise((_resolve, reject) => {
          log.warn("${first}");
          signal.addEventListener("abort", () => reject(signal.reason));
        })));
      });`;
    using project = makeProject({ ...files, "pipelines/all.ts": slow("begun") });
    const stopped = await project.sluice([...range, "--json"], {
      onStderr: (text, interrupt) => text.includes("begun") && interrupt(),
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain("The same command, given again, finishes the rest.");
    project.write({ go: "" });
    const resumed = await project.sluice([...range, "--json"]);
    expect(resumed.code).toBe(0);
    const { runs } = resumed.json<{ runs: RunDocument[] }>();
    expect(runs.map(({ run }) => run.status)).toEqual(Array(5).fill("succeeded"));
  });
});
