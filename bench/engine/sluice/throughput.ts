// How many tasks that do nothing at all go through the engine in a second: a list that is mapped over, in one run.
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
  { items, rounds }: { readonly items: number; readonly rounds: number },
): Throughput {
  writeProject(folder, "fan-out", { runs: 1, tasks: items }, false);
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
  const tasks = items + 2;
  return {
    tasks,
    overheadMsMedian: (figures.wallSeconds * 1000) / tasks,
    tasksPerSecond: tasks / figures.wallSeconds,
    cpuMsPerTask: (figures.cpuSeconds * 1000) / tasks,
    rssMb: figures.rssMb,
  };
}
