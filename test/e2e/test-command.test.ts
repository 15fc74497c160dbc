// sluice test: the project's tests, run by Node's own runner; and the demo's, which a new project begins with.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { root, sluice } from "./command.ts";
import { scratchProject, type ScratchProject } from "./scratch-project.ts";

const config = `import { defineConfig } from "sluice"; export default defineConfig({});`;
const pipeline = `
  import { pipeline, task } from "sluice";
  export default pipeline("sum", ({ step }) => { step("one", task(async () => 1)); });`;
const testOf = (name: string, expected: number): string => `
  import assert from "node:assert/strict";
  import { test } from "node:test";
  import { testPipeline } from "sluice/testing";
  test(${JSON.stringify(name)}, async (context) => {
    const run = await testPipeline({ pipeline: "sum" });
    context.after(() => run.close());
    assert.equal(run.steps.one.output, ${expected});
  });`;

describe("sluice test", () => {
  let project: ScratchProject | null = null;
  afterEach(() => project?.remove());

  it("runs the tests of tests/, wherever in the project it is given, and ends with 0 when all pass", async () => {
    project = scratchProject({
      "sluice.config.ts": config,
      "pipelines/sum.ts": pipeline,
      "tests/a/sum.test.ts": testOf("adds up", 1),
    });
    const { code, stdout } = await sluice(["test"], { cwd: join(project.folder, "pipelines") });
    expect(stdout).toMatch(/adds up/);
    expect(stdout).toMatch(/pass 1/);
    expect(code).toBe(0);
  });

  it("ends with 1 when one fails, and says which as JSON", async () => {
    project = scratchProject({
      "sluice.config.ts": config,
      "pipelines/sum.ts": pipeline,
      "tests/right.test.ts": testOf("adds up", 1),
      "tests/wrong.test.ts": testOf("is mistaken", 2),
    });
    const all = await sluice(["test", "--json"], { cwd: project.folder });
    expect(all.code).toBe(1);
    expect(JSON.parse(all.stdout)).toMatchObject({
      files: 2,
      tests: 2,
      passed: 1,
      failed: 1,
      failures: ["is mistaken"],
    });
    const one = await sluice(["test", "tests/right.test.ts"], { cwd: project.folder });
    expect(one.code).toBe(0);
    expect(one.stdout).not.toMatch(/is mistaken/);
  });

  it("says what to do where there is no test", async () => {
    project = scratchProject({ "sluice.config.ts": config });
    const { code, stderr } = await sluice(["test"], { cwd: project.folder });
    expect([code, stderr]).toEqual([
      5,
      expect.stringMatching(/^error: There is no test in tests\. Write one as tests\/orders\.test\.ts/),
    ]);
  });

  it("passes in the demo", async () => {
    project = scratchProject();
    cpSync(join(root, "templates/demo"), project.folder, { recursive: true });
    const { code, stdout, stderr } = await sluice(["test"], { cwd: project.folder });
    expect(code, `${stdout}${stderr}`).toBe(0);
    expect(stdout).toMatch(/pass 1/);
  });
});
