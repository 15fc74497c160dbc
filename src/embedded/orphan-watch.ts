// A thread of the worker's for what must work even while user code keeps its main thread busy: it ends the process when
// its scheduler is gone, and gives back the jobs that the scheduler wants back. Both are asked where the main thread
// can't be.
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Claims } from "./claims.ts";

/** What the thread is started with. */
export interface WatchStart {
  readonly parent: number;
  readonly claims: Claims;
}

export function startWatch(claims: Claims): void {
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const start: WatchStart = { parent: process.ppid, claims };
  new Worker(fileURLToPath(new URL(`./watch-thread${extension}`, import.meta.url)), {
    workerData: start,
    stdout: false,
    // It keeps next to nothing; without a limit it would reserve as much as the main thread.
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  }).unref();
}
