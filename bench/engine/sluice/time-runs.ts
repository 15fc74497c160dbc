// Runs the pipeline "bench" of a project again and again in one engine, and prints medians as JSON:
//
//   node time-runs.ts FOLDER ROUNDS
import { join } from "node:path";
import { openEngine } from "../../../dist/embedded/engine.js";
import { median } from "../../bench.ts";
import { processTree } from "../peers/process-tree.ts";

const [folder, rounds] = [process.argv[2]!, Number(process.argv[3])];
const tree = processTree();
tree.add(process.pid);
const engine = await openEngine({ configPath: join(folder, "sluice.config.ts"), command: "bench" });
// One that is not measured: it starts the workers.
await engine.run("bench", { partition: null, params: null });

const walls: number[] = [];
const processors: number[] = [];
let rssMb = 0;
for (let round = 0; round < rounds; round += 1) {
  const cpuBefore = tree.cpuSeconds();
  const start = performance.now();
  const run = await engine.run("bench", { partition: null, params: null });
  walls.push((performance.now() - start) / 1000);
  processors.push(tree.cpuSeconds() - cpuBefore);
  rssMb = Math.max(rssMb, tree.pssMb());
  if (run.record.status !== "succeeded") throw new Error(`run ${run.record.id} ended as ${run.record.status}`);
}
await engine.close();
console.log(JSON.stringify({ wallSeconds: median(walls), cpuSeconds: median(processors), rssMb }));
