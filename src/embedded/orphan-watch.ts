// Ends a worker process whose scheduler is gone, even while user code keeps its main thread busy: the event that says
// so can't be delivered there. A thread of its own looks once a second who the parent is.
import { Worker } from "node:worker_threads";

const watch = `
  const { workerData } = require("node:worker_threads");
  setInterval(() => process.ppid !== workerData && process.kill(process.pid, "SIGKILL"), 1000);
`;

export function endWithParent(): void {
  new Worker(watch, { eval: true, workerData: process.ppid, stdout: false }).unref();
}
