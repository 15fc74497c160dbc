// The command as a process: what only shows there.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { config, demoFiles, makeProject, repository } from "./project.ts";

const main = join(repository, "src/cli/main.ts");
const start = (args: readonly string[], cwd: string) =>
  spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });

function textOf(stream: NodeJS.ReadableStream): { text: string } {
  const read = { text: "" };
  stream.on("data", (part: Buffer) => (read.text += part.toString()));
  return read;
}

describe("the sluice process", () => {
  it("serves until it is interrupted, and then ends with 0", async () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      using project = makeProject();
      const child = start(["serve", "--port", "0", "--json"], project.folder);
      const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
      await expect.poll(() => stdout.text, { timeout: 10_000 }).toMatch(/\n$/);
      const { url } = JSON.parse(stdout.text) as { url: string };
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ status: "ok" });
      const taken = start(["serve", "--port", new URL(url).port], project.folder);
      const refused = textOf(taken.stderr);
      expect(await once(taken, "close")).toEqual([2, null]);
      expect(refused.text).toMatch(/^error: Can't listen on 127\.0\.0\.1:\d+: something listens there already\. .+\n$/);
      child.kill(signal);
      expect(await once(child, "close")).toEqual([0, null]);
      expect(stderr.text).toBe(`serving ${url} (stop with Ctrl-C)\n`);
      expect(project.files()).toEqual(["sluice.config.ts"]);
    }
  });

  it("ends an interrupted run with 130, even one whose code is deaf, and leaves no process behind", async () => {
    using project = makeProject({
      "sluice.config.ts": config,
      "pipelines/stubborn.ts": `import { pipeline, task } from "sluice"; import { existsSync, writeFileSync } from "node:fs";
        export default pipeline("stubborn", ({ step }) => { step("deaf", task((_inputs, { folder }) => {
          if (existsSync(folder + "/begun")) return "done";
          writeFileSync(folder + "/begun", String(process.pid));
          for (;;) {}
        })); });`,
    });
    const child = start(["run", "stubborn", "--json"], project.folder);
    const [stdout, ended] = [textOf(child.stdout), once(child, "close")];
    const begun = join(project.folder, "begun");
    await expect.poll(() => existsSync(begun) && readFileSync(begun, "utf8"), { timeout: 10_000 }).toBeTruthy();
    child.kill("SIGINT");
    // Closed: the worker, which has the same stderr, is gone too.
    expect(await ended).toEqual([130, null]);
    expect(JSON.parse(stdout.text)).toMatchObject({ run: { status: "cancelled" } });
    expect(() => process.kill(Number(readFileSync(begun, "utf8")), 0)).toThrow("ESRCH");
    expect(await project.sluice(["run", "stubborn"])).toMatchObject({ code: 0 });
  });

  it("takes a reader that stops reading for no failure, and cleans up", async () => {
    using project = makeProject({ ...demoFiles(), "temporary/.keep": "" });
    const line = `${process.execPath} ${main} query 'select * from range(2000000)' --json | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = spawnSync("bash", ["-c", line], {
      cwd: project.folder,
      encoding: "utf8",
      env: { ...process.env, TMPDIR: join(project.folder, "temporary") },
    });
    expect(stdout).toBe('[{"range":0},\n0\n');
    expect(project.files().filter((path) => path.startsWith("temporary/"))).toEqual(["temporary/.keep"]);
  });

  it("loads the query engine and the web server only for what needs them", () => {
    using project = makeProject();
    const script = `
      const { main } = await import(${JSON.stringify(main)});
      const stream = { write: async () => {}, isTTY: false, columns: 80, closed: false };
      const io = { stdout: stream, stderr: stream, cwd: process.cwd(), onInterrupt: () => () => {}, exit: () => {} };
      for (const args of [["runs"], ["quarantine", "list"], ["why", "x"], ["logs", "x"], ["features", "get", "a", "b"], ["search", "a", "b"], ["query", "--help"], ["serve", "--help"]]) await main(args, io);
      const { createRequire } = await import("node:module");
      const loaded = [...process.report.getReport().sharedObjects, ...Object.keys(createRequire(import.meta.url).cache)];
      console.log(JSON.stringify(loaded.filter((path) => /duckdb|node_modules.(hono|@hono|pg|zod)\\b/.test(path))));`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
      { cwd: project.folder, encoding: "utf8" },
    );
    expect({ stdout, stderr }).toEqual({ stdout: "[]\n", stderr: "" });
  });
});
