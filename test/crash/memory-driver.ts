// An engine that maps over thousands of items again and again, and prints after each run what its process still holds, in
// bytes of live objects: what the garbage collector leaves when it is made to look at once.
import { openEngine } from "../../src/embedded/engine.ts";

const { configPath, runs } = JSON.parse(process.argv[2]!) as { configPath: string; runs: number };
const engine = await openEngine({ configPath, command: "memory test" });
const live: number[] = [];
for (let run = 0; run < runs; run += 1) {
  const { record } = await engine.run("wide", { key: `run ${run}` });
  if (record.status !== "succeeded") throw new Error(`run ${record.id} ended as ${record.status}`);
  await globalThis.gc!({ type: "major", execution: "async" });
  live.push(process.memoryUsage().heapUsed + process.memoryUsage().external);
}
await engine.close();
process.stdout.write(JSON.stringify(live));
