// What scripts rely on, for every command there is, in the built package: help, one JSON document on stdout and nothing
// else there, errors on stderr, exit codes.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandTable } from "../../src/cli/main.ts";
import { retailExample, root, sluice } from "./command.ts";
import { configWithWarehouse, eventsPipeline, scratchProject, type ScratchProject } from "./scratch-project.ts";

const commands = commandTable.map((entry) => ({ name: entry.path.join(" "), words: entry.path, entry }));

describe.each(commands)("sluice $name", ({ name, words, entry }) => {
  it("has help that opens with an example, on stdout, with exit code 0", async () => {
    const { code, stdout, stderr } = await sluice([...words, "--help"], { cwd: "/" });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`^Example:\\n  \\$ sluice ${name}`));
    expect(stdout).toMatch(/--json /);
  });

  it("refuses an option that it doesn't have, on stderr alone, with exit code 2", async () => {
    const { options = [] } = (await entry.load()).command;
    // One that is missing would be told of first.
    const needed = options.flatMap((option) =>
      option.required === true ? [`--${option.name}`, option.choices?.[0] ?? "2011-01-04"] : [],
    );
    const plain = await sluice([...words, ...needed, "--nonsense"], { cwd: "/" });
    expect([plain.code, plain.stdout]).toEqual([2, ""]);
    expect(plain.stderr).toMatch(/^error: .*--nonsense.*\n$/);
    const json = await sluice([...words, ...needed, "--nonsense", "--json"], { cwd: "/" });
    expect([json.code, json.stdout]).toEqual([2, ""]);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: "USAGE" } });
  });
});

describe("a command with --json", () => {
  let project: ScratchProject;
  const options = () => ({ cwd: project.folder, env: { SLUICE_HOME: "" } });

  beforeAll(() => {
    project = scratchProject({
      // Code of the user's that prints wherever it can.
      "sluice.config.ts": `console.log("noise of the configuration");\n${configWithWarehouse}`,
      "pipelines/events.ts": `console.log("noise of a definition");\n${eventsPipeline}`,
      "pipelines/noisy.ts": `
        import { pipeline, task } from "sluice";
        export default pipeline("noisy", ({ step }) => { step("print", task(() => { console.log("noise of a task"); process.stdout.write("more of it"); })); });`,
      "pipelines/strict.ts": `
        import { extract, pipeline } from "sluice"; import { csv } from "sluice/connect"; import { contract, validate } from "sluice/quality"; import { z } from "zod";
        const event = contract("event", { row: z.strictObject({ user_id: z.string().min(1), amount: z.number().positive() }), onInvalid: "fail" });
        export default pipeline("strict", ({ step }) => { step("clean", validate(step("rows", extract(csv("data/events.csv.gz"))), event)); });`,
      "pipelines/gated.ts": `
        import { extract, load, pipeline } from "sluice"; import { csv } from "sluice/connect"; import { gate } from "sluice/quality"; import { warehouse } from "../sluice.config.ts";
        export default pipeline("gated", ({ step }) => {
          step("enough", gate(step("load", load(step("rows", extract(csv("data/events.csv.gz"))), warehouse.table("gated"), { write: "replace" })), { minRows: 100 }));
        });`,
      "data/events.csv.gz": gzipSync("user_id,amount\nu1,5\nu2,-1\n"),
    });
  });
  afterAll(() => project.remove());

  it.each([
    ["run noisy", 0],
    ["run events", 0],
    ["list", 0],
    ["runs", 0],
    ["quarantine list", 0],
    ["quarantine show events", 0],
    ["query select(1)", 0],
    ["run strict", 4],
    ["run gated", 4],
  ])("prints one document and nothing else on stdout, whatever the project's code prints: %s", async (line, code) => {
    const result = await sluice([...line.split(" "), "--json"], options());
    expect(result.code, result.stderr).toBe(code);
    expect(JSON.parse(result.stdout)).toBeTypeOf("object");
    expect(result.stdout).not.toContain("noise");
    if (line === "run noisy") expect(result.stderr).toContain("noise of a task");
    if (code !== 0)
      expect(JSON.parse(result.stderr.trimEnd().split("\n").at(-1)!)).toMatchObject({
        error: { code: expect.stringMatching(/CONTRACT_FAILED|GATE_CLOSED/) },
      });
  });

  it.each([
    ["run nothing", 5, "NOT_FOUND"],
    ["run noisy --partition 2011-01-04", 2, "USAGE"],
    ["why nothing", 5, "NOT_FOUND"],
    ["logs nothing", 5, "NOT_FOUND"],
    ["query nonsense", 1, "QUERY_FAILED"],
    ["search docs word", 5, "NOT_FOUND"],
    ["features get nothing 1", 5, "NOT_FOUND"],
    ["quarantine show nothing", 5, "NOT_FOUND"],
    ["init .", 2, "USAGE"],
    ["serve --port 70000", 2, "USAGE"],
    ["rerun nothing", 5, "NOT_FOUND"],
    ["rerun nothing --all --step a", 2, "USAGE"],
    ["approve nothing", 5, "NOT_FOUND"],
    ["reject nothing", 5, "NOT_FOUND"],
    ["mark nothing a --as failed --reason x", 5, "NOT_FOUND"],
    ["cancel nothing", 5, "NOT_FOUND"],
    ["pause nothing", 5, "NOT_FOUND"],
    ["pause noisy", 2, "USAGE"],
    ["trigger nothing", 5, "NOT_FOUND"],
    ["partitions nothing", 5, "NOT_FOUND"],
    ["partitions noisy", 2, "USAGE"],
    ["partitions add nothing a", 5, "NOT_FOUND"],
    ["backfill noisy --all", 2, "USAGE"],
    ["backfill noisy", 2, "USAGE"],
    ["backfills cancel nothing", 5, "NOT_FOUND"],
    ["diff nothing", 5, "NOT_FOUND"],
    ["prune --older-than soon", 2, "USAGE"],
    ["run noisy --params {", 2, "USAGE"],
  ])("prints its error as one document on stderr, with its exit code: %s", async (line, code, error) => {
    const result = await sluice([...line.split(" "), "--json"], options());
    expect(result.stdout).toBe("");
    expect(JSON.parse(result.stderr.trimEnd().split("\n").at(-1)!)).toMatchObject({
      error: { code: error, message: expect.stringMatching(/^\S[^\n]+$/) },
    });
    expect(result.code).toBe(code);
  });

  it("has exit code 3 where there is no project", async () => {
    const result = await sluice(["list", "--json"], { cwd: "/" });
    expect([result.code, result.stdout]).toEqual([3, ""]);
  });

  it("can be read by a program that stops reading", () => {
    const line = `"${process.execPath}" "${join(root, "bin/sluice.js")}" query "select * from range(500000)" --json | head -c 10`;
    const { stdout, stderr, status } = spawnSync("bash", ["-c", `set -o pipefail; ${line}`], {
      ...options(),
      env: { ...process.env },
      encoding: "utf8",
    });
    expect([stdout.length, stderr, status]).toEqual([10, "noise of the configuration\n", 0]);
  });
});

describe("npx sluice", () => {
  it("works inside the example of a clone, once npm ci has been run", () => {
    const version = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
    const { stdout, status } = spawnSync("npx", ["--no-install", "sluice", "--version"], {
      cwd: retailExample,
      encoding: "utf8",
    });
    expect([stdout.trim(), status]).toEqual([version, 0]);
  });
});
