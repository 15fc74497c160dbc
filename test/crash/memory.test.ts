// What an engine holds of runs that have ended: nothing. Its process may be larger for a while, by garbage that has not been
// collected; live objects are what counts, and they are counted.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { sourceProject } from "../unit/embedded/source-project.ts";

const [items, runs] = [4_000, 5];

it(`holds nothing of ${items} tasks once their run has ended`, { timeout: 240_000 }, async () => {
  const project = sourceProject({
    "pipelines/wide.ts": `
      import { map, pipeline, task } from "sluice";
      export default pipeline("wide", ({ step }) => {
        const list = step("list", task(() => Array.from({ length: ${items} }, (_, number) => number)));
        const each = step("each", map(list, (number) => ({ number, text: "x".repeat(100) })));
        step("join", task({ each }, ({ each }) => each.length));
      });`,
  });
  try {
    const life = JSON.stringify({ configPath: project.configPath, runs });
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--expose-gc",
      "--disable-warning=ExperimentalWarning",
      join(import.meta.dirname, "memory-driver.ts"),
      life,
    ]);
    const live = JSON.parse(stdout) as number[];
    console.log(`live after each run: ${live.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`).join(", ")}`);
    // From the second on, when the code is warm. A hundred and fifty bytes kept of each task would be more than that.
    expect((live.at(-1)! - live[1]!) / (runs - 2)).toBeLessThan(items * 150);
    expect(live.at(-1)!).toBeLessThan(64 * 2 ** 20);
  } finally {
    project.remove();
  }
});
