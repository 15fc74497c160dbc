// A scheduler that is killed takes its workers with it, whatever they are doing.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { sluice } from "./command.ts";
import { configWithWarehouse, scratchProject, type ScratchProject } from "./scratch-project.ts";

const bodies = {
  "waits for something": "await new Promise(() => setInterval(() => {}, 1000));",
  "never lets go of its thread": "for (;;) Math.random();",
};

let project: ScratchProject;
afterEach(() => project.remove());

describe("a worker whose scheduler was killed", () => {
  it.each(Object.entries(bodies))("ends, though its task %s", async (_what, body) => {
    project = scratchProject({
      "sluice.config.ts": configWithWarehouse,
      "pipelines/stuck.ts": `
        import { pipeline, task } from "sluice";
        import { writeFileSync } from "node:fs";
        export default pipeline("stuck", ({ step }) => {
          step("stuck", task(async (_inputs, { folder }) => {
            writeFileSync(folder + "/worker", String(process.pid));
            ${body}
          }));
        });`,
    });
    const { folder } = project;
    let scheduler: ChildProcess | null = null;
    const ended = sluice(["run", "stuck"], {
      cwd: folder,
      env: { SLUICE_HOME: join(folder, ".sluice") },
      onStart: (child) => (scheduler = child),
    });
    const pidFile = join(folder, "worker");
    await expect
      .poll(() => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "", { timeout: 30_000 })
      .toBe(true);
    const worker = Number(readFileSync(pidFile, "utf8"));
    expect(isAlive(worker)).toBe(true);
    scheduler!.kill("SIGKILL");
    await expect.poll(() => isAlive(worker), { timeout: 20_000 }).toBe(false);
    await ended;
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended and was not yet waited for still answers.
    return !/^\d+ \(.*\) Z/.test(existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "");
  } catch {
    return false;
  }
}
