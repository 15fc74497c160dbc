// The workloads, as Temporal's workflows. Each activity is an ordinary one (scheduled, started and completed in the
// workflow's history) or a local one (run by the worker itself, a marker in the history).
import { proxyActivities, proxyLocalActivities } from "@temporalio/workflow";

const options = { startToCloseTimeout: "10 minutes" };
const ordinary = proxyActivities(options);
const local = proxyLocalActivities(options);

export async function chain(run, tasks, inWorker) {
  const { noop } = inWorker ? local : ordinary;
  for (let task = 0; task < tasks; task += 1) await noop(run, task);
}

export async function fanOut(run, tasks, inWorker) {
  const { noop } = inWorker ? local : ordinary;
  await Promise.all(Array.from({ length: tasks }, (_, task) => noop(run, task)));
  await noop(run, tasks);
}
