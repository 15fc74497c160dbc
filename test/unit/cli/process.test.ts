// The command as a process: what only shows there.
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { config, demoFiles, makeProject, repository } from "./project.ts";

const main = join(repository, "src/cli/main.ts");
const started: ChildProcessByStdio<null, Readable, Readable>[] = [];
const start = (args: readonly string[], cwd: string): ChildProcessByStdio<null, Readable, Readable> => {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  return child;
};
// A test that fails must not leave a service behind.
afterEach(() => started.splice(0).forEach((child) => child.kill("SIGKILL")));

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
      const second = start(["serve", "--port", "0"], project.folder);
      const busy = textOf(second.stderr);
      expect(await once(second, "close")).toEqual([1, null]);
      expect(busy.text).toMatch(
        /^error: Another sluice process is working on .+ \(process \d+: sluice serve .+\)\. One .+ --read-only\n$/,
      );
      const taken = start(["serve", "--read-only", "--port", new URL(url).port], project.folder);
      const refused = textOf(taken.stderr);
      expect(await once(taken, "close")).toEqual([2, null]);
      expect(refused.text).toMatch(/^error: Can't listen on 127\.0\.0\.1:\d+: something listens there already\. .+\n$/);
      child.kill(signal);
      expect(await once(child, "close")).toEqual([0, null]);
      expect(stderr.text).toBe(
        `serving ${url} (stop with Ctrl-C)\n0 pipelines, 0 with a schedule; 0 runs taken up again\n`,
      );
      // Nobody holds the project any more.
      expect(existsSync(join(project.folder, ".sluice/lock.json"))).toBe(false);
    }
  });

  it("serves for reading only without a file of its own", async () => {
    using project = makeProject();
    const child = start(["serve", "--read-only", "--port", "0", "--json"], project.folder);
    const stdout = textOf(child.stdout);
    await expect.poll(() => stdout.text, { timeout: 10_000 }).toMatch(/\n$/);
    const { url, ...rest } = JSON.parse(stdout.text) as { url: string };
    expect(rest).toEqual({ readOnly: true, writing: false });
    const body = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
    const refused = await fetch(`${url}/api/pipelines/x/runs`, body);
    expect([refused.status, await refused.json()]).toEqual([
      403,
      { error: { code: "USAGE", message: "This service is for reading only", hint: expect.any(String) } },
    ]);
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(project.files()).toEqual(["sluice.config.ts"]);
  });

  it("goes on after it was killed with what it was doing, when it is started again", async () => {
    using project = makeProject({
      "sluice.config.ts": config,
      "pipelines/long.ts": `import { pipeline, task } from "sluice"; import { existsSync, writeFileSync } from "node:fs";
        export default pipeline("long", ({ step }) => { step("wait", task(async (_inputs, { folder, attempt }) => {
          writeFileSync(folder + "/attempt", String(attempt));
          while (!existsSync(folder + "/go")) await new Promise((resolve) => setTimeout(resolve, 20));
        })); });`,
    });
    const serve = async () => {
      const child = start(["serve", "--port", "0", "--json"], project.folder);
      const stdout = textOf(child.stdout);
      await expect.poll(() => stdout.text, { timeout: 10_000 }).toMatch(/\n$/);
      return child;
    };
    const first = await serve();
    const asked = await project.sluice(["run", "long", "--no-wait", "--json"]);
    const { run } = asked.json<{ run: { id: string } }>();
    const attempt = (): string | null =>
      existsSync(join(project.folder, "attempt")) ? readFileSync(join(project.folder, "attempt"), "utf8") : null;
    await expect.poll(attempt, { timeout: 10_000 }).toBe("1");
    first.kill("SIGKILL");
    await once(first, "close");
    expect((await project.sluice(["why", run.id, "--json"])).json()).toMatchObject({ interrupted: true });
    const second = await serve();
    await expect.poll(attempt, { timeout: 10_000 }).toBe("2");
    const followed = project.sluice(["logs", run.id, "--follow"]);
    project.write({ go: "" });
    expect(await followed).toMatchObject({ code: 0, stderr: "the run is succeeded\n" });
    second.kill("SIGTERM");
    expect(await once(second, "close")).toEqual([0, null]);
  });

  it("loads what is saved while it works, and lets runs end as they began", async () => {
    const version = (
      number: number,
    ): string => `import { pipeline, task } from "sluice"; import { existsSync, writeFileSync } from "node:fs";
      export default pipeline("long", ({ step }) => { step("wait", task(async (_inputs, { folder, log }) => {
        writeFileSync(folder + "/begun", "");
        while (!existsSync(folder + "/go")) await new Promise((resolve) => setTimeout(resolve, 20));
        log.info("version ${number}");
      })); });`;
    using project = makeProject({ "sluice.config.ts": config, "pipelines/long.ts": version(1) });
    const child = start(["dev", "--port", "0", "--json"], project.folder);
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
    await expect.poll(() => stdout.text, { timeout: 10_000 }).toMatch(/\n$/);
    await expect.poll(() => stderr.text, { timeout: 10_000 }).toContain("loading what is saved");
    const first = project.sluice(["run", "long", "--json"]);
    await expect.poll(() => existsSync(join(project.folder, "begun")), { timeout: 10_000 }).toBe(true);
    project.write({ "pipelines/long.ts": version(2) });
    await expect
      .poll(() => stderr.text, { timeout: 20_000 })
      .toMatch(/^loaded pipelines\/long\.ts in .+\n {2}long: steps\.wait\.config/m);
    project.write({ "pipelines/long.ts": `${version(3)} }}}` });
    await expect
      .poll(() => stderr.text, { timeout: 20_000 })
      .toMatch(/"code":"CONFIG_INVALID".+\nwhat was there before stays\n/);
    project.write({ go: "" });
    const said = async (run: Promise<{ json<T>(): T }>): Promise<unknown> => {
      const { id } = (await run).json<{ run: { id: string } }>().run;
      return (await project.sluice(["logs", id, "--json"])).json<{ message: string }[]>().map(({ message }) => message);
    };
    expect(await said(first)).toEqual(["version 1"]);
    expect(await said(project.sluice(["run", "long", "--json"]))).toEqual(["version 2"]);
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([0, null]);
  });

  it("gives way to others of its kind: however many commands come at once, each run is made once and ends well", async () => {
    using project = makeProject({
      "sluice.config.ts": config,
      "pipelines/quick.ts": `import { pipeline, task } from "sluice";
        export default pipeline("quick", ({ step }) => { step("one", task(() => 1)); });`,
    });
    const ended = Array.from({ length: 6 }, async (_, place) => {
      // Some find the project free, some ask whoever works on it, some find that one just ending.
      await new Promise((resolve) => setTimeout(resolve, place * 150));
      const child = start(["run", "quick", "--json"], project.folder);
      const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
      const [code] = await once(child, "close");
      expect(code, stderr.text).toBe(0);
      return (JSON.parse(stdout.text) as { run: { id: string; status: string } }).run;
    });
    const runs = await Promise.all(ended);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(6);
    const stored = (await project.sluice(["runs", "--json"])).json<{ id: string; status: string }[]>();
    expect(stored.map(({ status }) => status)).toEqual(Array(6).fill("succeeded"));
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
