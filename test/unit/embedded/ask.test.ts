// Asking the process that holds the state folder, from beside it: answered once, whoever asks, and never left to come true
// when nobody is there.
import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { openEngineStore } from "../../../src/adapters/sqlite/engine-store.ts";
import { askEngine } from "../../../src/embedded/ask.ts";
import { openEngine, type Engine } from "../../../src/embedded/engine.ts";
import { homeAt, lockHome } from "../../../src/embedded/home.ts";
import type { Instruction } from "../../../src/engine/stores/instruction.ts";
import { sourceProject, type SourceProject } from "./source-project.ts";

const files = {
  "pipelines/orders.ts": `
    import { pipeline, task } from "sluice";
    export default pipeline("orders", { maxActiveRuns: 100 }, ({ step }) => { step("done", task(() => "yes")); });`,
};
const ask: Instruction = { type: "run", pipeline: "orders", partition: null, params: null, key: null };

let project: SourceProject | null = null;
let engine: Engine | null = null;
afterEach(async () => {
  await engine?.close();
  project?.remove();
  engine = null;
  project = null;
});

async function open(): Promise<Engine> {
  project = sourceProject(files);
  engine = await openEngine({ configPath: project.configPath, command: "serve", home: project.home });
  return engine;
}

describe("an instruction from another process", () => {
  it("is carried out and answered", async () => {
    const { home } = await open();
    const script = `
      import { askEngine } from ${JSON.stringify(module("ask"))};
      import { homeAt } from ${JSON.stringify(module("home"))};
      const answer = await askEngine(homeAt(${JSON.stringify(home.folder)}), ${JSON.stringify(ask)}, "elsewhere");
      console.log(JSON.stringify(answer));`;
    const { run } = JSON.parse(await output(script)) as { run: string };
    expect((await engine!.finished(run)).record.status).toBe("succeeded");
  });

  it("is refused in the words of the scheduler", async () => {
    const { home } = await open();
    await expect(askEngine(home, { ...ask, pipeline: "order" }, "me")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: 'There is no pipeline "order"',
      hint: "There are orders.",
    });
  });

  it("is one of many that come at the same time, each answered for itself", async () => {
    const { home } = await open();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => askEngine(home, { ...ask, key: `key ${i % 10}` }, "me")),
    );
    // Asked twice under one key it is one run.
    expect(new Set(answers.map((answer) => (answer as { run: string }).run)).size).toBe(10);
  });

  it("is found though the file that is watched has gone", async () => {
    const { home } = await open();
    rmSync(join(home.folder, "wake"));
    expect(await askEngine(home, ask, "me")).toMatchObject({ run: expect.any(String) });
  });
});

describe("an instruction that nobody takes", () => {
  const openInstructions = async (folder: string): Promise<unknown[]> => {
    const store = openEngineStore(homeAt(folder).state);
    try {
      return await store.openInstructions(10);
    } finally {
      store.close();
    }
  };

  it("is taken back when the folder is held by a process that does not answer", async () => {
    project = sourceProject(files);
    const home = homeAt(project.home);
    const lock = lockHome(home, "hang");
    await expect(askEngine(home, ask, "me", { timeoutMs: 300 })).rejects.toMatchObject({
      code: "HOME_BUSY",
      message: `process ${process.pid}: sluice hang has not answered, and was not asked any more`,
    });
    expect(await openInstructions(project.home)).toEqual([]);
    lock.release();
  });

  it("is taken back when the scheduler has gone", async () => {
    const { home } = await open();
    await engine!.close();
    await expect(askEngine(home, ask, "me")).rejects.toMatchObject({ code: "WORKER_LOST", retryable: true });
    expect(await openInstructions(home.folder)).toEqual([]);
  });

  it("is taken back when whoever asks does not want to wait any longer", async () => {
    const { home } = await open();
    await engine!.close();
    const signal = AbortSignal.timeout(100);
    await expect(askEngine(home, ask, "me", { signal })).rejects.toThrow();
    expect(await openInstructions(home.folder)).toEqual([]);
  });

  it("is carried out by the next scheduler when the one asking has died", async () => {
    const { home } = await open();
    await engine!.close();
    const store = openEngineStore(home.state);
    const record = {
      id: "left",
      instruction: ask,
      by: "me",
      createdAt: 1,
      answeredAt: null,
      result: null,
      error: null,
    };
    await store.addInstruction(record);
    engine = await openEngine({ configPath: project!.configPath, command: "serve", home: project!.home });
    await expect.poll(async () => (await store.instruction("left"))?.result).toMatchObject({ run: expect.any(String) });
    store.close();
  });
});

function module(name: string): string {
  return new URL(`../../../src/embedded/${name}.ts`, import.meta.url).href;
}

function output(script: string): Promise<string> {
  const node = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  const command = existsSync(node) ? node : process.execPath;
  return new Promise((resolve, reject) => {
    const child = spawn(command, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", 2],
    });
    let text = "";
    child.stdout!.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(text) : reject(new Error(`exit code ${code}`))));
  });
}
