// What `sluice/testing` promises, on a small project: the real engine and real workers, in a folder of their own.
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { delay, fail, freeze, kill, testPipeline, type TestPipelineOptions } from "../../../src/testing/index.ts";
import { scratchProject, type ScratchProject } from "../../e2e/scratch-project.ts";

const files = {
  "sluice.config.ts": `
    import { defineConfig, env } from "sluice";
    import { lake, postgres } from "sluice/connect";
    export const config = defineConfig({ workers: 2, connections: {
      warehouse: postgres(env("A_SERVER_THAT_IS_NOT_THERE")), files: lake({ folder: "lake" }),
    } });
    export const { warehouse, files } = config.connections;
    export default config;`,
  "pipelines/sales.ts": `
    import { extract, load, map, pipeline, task } from "sluice";
    import { csv, http } from "sluice/connect";
    import { contract, validate } from "sluice/quality";
    import { z } from "zod";
    import { files, warehouse } from "../sluice.config.ts";
    const sale = contract("sale", { row: z.strictObject({ id: z.string().min(1), amount: z.number().positive() }), onInvalid: "quarantine" });
    export default pipeline("sales", { retry: { limit: 2, delay: "6h" } }, ({ step }) => {
      const rows = step("rows", extract(csv("data/nothing.csv", { columns: { id: "id", amount: "amount" } })));
      const clean = step("clean", validate(rows, sale));
      step("loaded", load(clean, warehouse.table("shop.sales"), { write: "replace" }));
      step("archived", load(clean, files.table("sales"), { write: "replace" }));
      const api = step("api", task(async () => { throw new Error("nobody calls this in a test"); }));
      const each = step("each", map(api, async (word, { log }) => { log.info("at " + word); return word.length; }));
      step("sum", task({ each }, async ({ each }) => each.reduce((sum, length) => sum + length, 0)));
    });`,
  "pipelines/waits.ts": `
    import { approval, pipeline, sensor, task, waitFor } from "sluice";
    export default pipeline("waits", { retry: { limit: 0 } }, ({ step }) => {
      const other = step("other", waitFor("sales"));
      const ready = step("ready", sensor(async (_inputs, { attempt }) => attempt > 2 && { attempt }, { every: "3h", deadline: "30d" }), { after: other });
      const never = step("never", sensor(async () => false, { every: "1h", deadline: "1d", onDeadline: "skip" }));
      const ok = step("ok", approval({ message: "Go?" }), { after: ready });
      step("done", task({ ready }, async ({ ready }) => ready.attempt), { after: ok });
    });`,
};

const sales = {
  rows: [
    { id: "s-1", amount: "2.5" },
    { id: "", amount: "1" },
    { id: "s-2", amount: 4 },
  ],
  api: ["a", "bcd"],
};

describe("testPipeline", () => {
  let project: ScratchProject;
  const run = (options: Omit<TestPipelineOptions, "project">) => testPipeline({ project: project.folder, ...options });

  beforeAll(() => (project = scratchProject(files)));
  afterAll(() => project.remove());

  it("runs a pipeline with what the test gives, into a warehouse of its own, whatever the connections", async () => {
    await using tested = await run({ pipeline: "sales", fixtures: sales });
    expect(tested.status).toBe("succeeded");
    expect(await tested.rows("rows")).toEqual([
      { id: "s-1", amount: "2.5" },
      { id: "", amount: "1" },
      { id: "s-2", amount: "4" },
    ]);
    const loaded = [
      { id: "s-1", amount: 2.5 },
      { id: "s-2", amount: 4 },
    ];
    expect(await tested.rows("loaded")).toEqual(loaded);
    expect(await tested.table("warehouse.shop.sales")).toEqual(loaded);
    expect(await tested.table("files.sales")).toEqual(loaded);
    expect((await tested.quarantine("clean")).map(({ row }) => row["amount"])).toEqual(["1"]);
    expect(tested.steps["each"]).toMatchObject({ status: "succeeded", attempts: 2, output: [1, 3] });
    expect(tested.steps["sum"]?.output).toBe(4);
    expect(tested.logs.map(({ item, message }) => [item, message])).toEqual(
      expect.arrayContaining([
        [0, "at a"],
        [1, "at bcd"],
      ]),
    );
    // The project itself has been left alone.
    expect(["lake", ".sluice"].filter((name) => existsSync(join(project.folder, name)))).toEqual([]);
  });

  it("does the harm that it is asked for, and skips the waits that follow", async () => {
    await using tested = await run({
      pipeline: "sales",
      fixtures: sales,
      faults: [
        fail("clean", { attempts: 2, message: "not today" }),
        kill("loaded", { when: "after" }),
        kill("each", { item: 1 }),
        delay("archived", "20ms"),
        freeze("sum", "20ms"),
      ],
    });
    expect(tested.status).toBe("succeeded");
    const made = (step: string): string[] =>
      tested.attempts.filter((attempt) => attempt.step === step).map(({ status }) => status);
    expect(made("clean")).toEqual(["failed", "failed", "succeeded"]);
    expect(tested.attempts.find(({ status }) => status === "failed")?.error?.message).toContain("not today");
    expect(made("loaded")).toEqual(["lost", "succeeded"]);
    expect(made("each").sort()).toEqual(["lost", "succeeded", "succeeded"]);
    expect(await tested.table("warehouse.shop.sales")).toHaveLength(2);
  });

  it("ends as the pipeline does when it can't be saved", async () => {
    await using tested = await run({
      pipeline: "sales",
      fixtures: sales,
      faults: [fail("clean", { retryable: false })],
    });
    expect([tested.status, tested.steps["clean"]?.status, tested.steps["loaded"]?.status]).toEqual([
      "failed",
      "failed",
      "upstream-failed",
    ]);
    await expect(tested.rows("loaded")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(tested.table("warehouse.shop.sales")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("runs the code of a step that has no fixture, and gives items theirs", async () => {
    await using tested = await run({ pipeline: "sales", fixtures: { ...sales, each: [7] } });
    expect(tested.steps["each"]).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("nothing for its item 1") },
    });
    await using real = await run({ pipeline: "sales", fixtures: { rows: sales.rows } });
    expect(real.steps["api"]).toMatchObject({ status: "failed", attempts: 3 });
    expect(real.steps["api"]?.error?.message).toContain("nobody calls this in a test");
  });

  it("decides as the test says, skips sensors' intervals and deadlines, and does not wait for other pipelines", async () => {
    await using tested = await run({ pipeline: "waits", decisions: { ok: "approve" } });
    expect(tested.status).toBe("succeeded");
    expect(tested.steps["other"]?.status).toBe("succeeded");
    expect(tested.steps["done"]?.output).toBe(3);
    expect(tested.steps["never"]?.status).toBe("skipped");
    await using rejected = await run({ pipeline: "waits", decisions: { ok: "reject" } });
    expect(rejected.steps["ok"]?.status).not.toBe("succeeded");
    expect(rejected.steps["done"]?.output).toBeNull();
  });

  it("says what is wrong with the test, and leaves nothing behind", async () => {
    // Its own, so that nobody else's are counted.
    const temporary = mkdtempSync(join(tmpdir(), "sluice-homes-"));
    vi.stubEnv("TMPDIR", temporary);
    await expect(run({ pipeline: "waits" })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining('"ok" waits for a decision'),
    });
    await expect(run({ pipeline: "sales", fixtures: { row: [] } })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining('no step "row"'),
    });
    await expect(run({ pipeline: "sale" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const tested = await run({ pipeline: "sales", fixtures: { ...sales, rows: [] } });
    // The source names its columns, so there may be no row.
    expect(tested.steps["rows"]).toMatchObject({ status: "succeeded", rows: { out: 0 } });
    await tested.close();
    vi.unstubAllEnvs();
    // Node's own cache of compiled code stays, for the next start.
    expect(readdirSync(temporary).filter((name) => name !== "node-compile-cache")).toEqual([]);
    rmSync(temporary, { recursive: true });
  });
});
