// How many tasks that do nothing at all go through the engine in a second, in one run: a list that is mapped over, or a
// chain of steps.
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeProject } from "./project.ts";

export interface Throughput {
  readonly tasks: number;
  readonly overheadMsMedian: number;
  readonly tasksPerSecond: number;
  readonly cpuMsPerTask: number;
  readonly rssMb: number;
}

export function measureThroughput(
  folder: string,
  workload: "fan-out" | "chain",
  { size, rounds }: { readonly size: number; readonly rounds: number },
): Throughput {
  writeProject(folder, workload, { runs: 1, tasks: size }, false);
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(fileURLToPath(new URL("../../..", import.meta.url)), join(folder, "node_modules", "sluice"));
  const script = fileURLToPath(new URL("./time-runs.ts", import.meta.url));
  const result = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", script, folder, String(rounds)],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  if (result.status !== 0) throw new Error(`${script} ended with ${result.status}`);
  const figures = JSON.parse(result.stdout) as { wallSeconds: number; cpuSeconds: number; rssMb: number };
  // What makes the list, and what joins.
  const tasks = workload === "fan-out" ? size + 2 : size;
  return {
    tasks,
    overheadMsMedian: (figures.wallSeconds * 1000) / tasks,
    tasksPerSecond: tasks / figures.wallSeconds,
    cpuMsPerTask: (figures.cpuSeconds * 1000) / tasks,
    rssMb: figures.rssMb,
  };
}
