// Temporal: a worker and a client in this process, against the server at BENCH_TEMPORAL.
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import * as activities from "./activities.js";
import { drive } from "./marks.js";

const [workload, runs, tasks] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const address = process.env.BENCH_TEMPORAL;
const inWorker = process.env.BENCH_LOCAL_ACTIVITIES === "1";
const taskQueue = "bench";

Runtime.install({ logger: new DefaultLogger("WARN") });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowsPath: fileURLToPath(new URL("workflows.js", import.meta.url)),
  activities,
});
const polling = worker.run();
const client = new Client({ connection: await Connection.connect({ address }) });

const execute = (workflow, run, tasks) =>
  client.workflow.execute(workflow, { taskQueue, workflowId: `bench-${run}`, args: [run, tasks, inWorker] });
await execute("chain", -1, 1);

await drive(async () => {
  const workflow = workload === "fan-out" ? "fanOut" : "chain";
  await Promise.all(Array.from({ length: runs }, (_, run) => execute(workflow, run, tasks)));
});
worker.shutdown();
await polling;
