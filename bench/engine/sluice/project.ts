// The project that the engine's bench runs: pipelines of tasks that do nothing, but for writing down when they ran, as
// the peers' tasks do.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Size, Workload } from "../peers/figures.ts";

/** Writes the project into `folder`. With `marked` false the tasks write nothing down. */
export function writeProject(folder: string, workload: Workload, size: Size, marked = true): void {
  mkdirSync(join(folder, "pipelines"), { recursive: true });
  writeFileSync(join(folder, "sluice.config.ts"), config);
  writeFileSync(join(folder, "pipelines", "bench.ts"), opening(marked) + pipelines(workload, size));
}

export function pipelineNames(workload: Workload, size: Size): readonly string[] {
  return workload === "many" ? Array.from({ length: size.runs }, (_, run) => `many_${run}`) : ["bench"];
}

const config = `import { defineConfig } from "sluice";
export default defineConfig({});
`;

const opening = (marked: boolean): string => `import { appendFileSync } from "node:fs";
import { map, pipeline, task } from "sluice";

const now = () => (performance.timeOrigin + performance.now()) / 1000;
const body = (run, task) => {
  const start = now();
  const end = now();
  ${marked ? "appendFileSync(process.env.BENCH_MARKS, `${run} ${task} ${start.toFixed(6)} ${end.toFixed(6)}\\n`);" : ""}
};
const chain = (name, run, tasks) =>
  pipeline(name, ({ step }) => {
    let before;
    for (let number = 0; number < tasks; number += 1)
      before = step(\`task_\${number}\`, task(() => body(run, number)), before === undefined ? {} : { after: before });
  });
`;

function pipelines(workload: Workload, { runs, tasks }: Size): string {
  if (workload === "chain") return `export const bench = chain("bench", 0, ${tasks});\n`;
  if (workload === "many") {
    return Array.from(
      { length: runs },
      (_, run) => `export const run${run} = chain("many_${run}", ${run}, ${tasks});\n`,
    ).join("");
  }
  return `export const bench = pipeline("bench", ({ step }) => {
  const list = step("list", task(() => Array.from({ length: ${tasks} }, (_, number) => number)));
  const work = step("work", map(list, (number) => body(0, number)));
  step("join", task({ work }, () => body(0, ${tasks})));
});
`;
}
