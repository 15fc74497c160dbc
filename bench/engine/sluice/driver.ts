// Sluice under the same harness as its peers: opens an engine on the project, says that it is ready, waits for the word,
// runs the workload and says when it asked and when all had ended. It runs the built package, as users do.
//
//   node driver.ts FOLDER PIPELINE… -- (what follows is of no use here)
import { createInterface } from "node:readline";
import { join } from "node:path";
import { openEngine } from "../../../dist/embedded/engine.js";

const [folder, pipelines] = [process.argv[2]!, process.argv.slice(3, process.argv.indexOf("--"))];
const engine = await openEngine({ configPath: join(folder, "sluice.config.ts"), command: "bench" });
const now = (): number => (performance.timeOrigin + performance.now()) / 1000;

// One run that is not measured, as every peer has it: then all that only the first one needs is there.
await engine.run(pipelines[0]!, { partition: null, params: null });
say("ready");
for await (const word of createInterface({ input: process.stdin })) {
  if (word !== "go") continue;
  const asked = now();
  const runs = await Promise.all(pipelines.map((pipeline) => engine.run(pipeline, { partition: null, params: null })));
  const ended = now();
  const failed = runs.find((run) => run.record.status !== "succeeded");
  if (failed !== undefined) throw new Error(`run ${failed.record.id} ended as ${failed.record.status}`);
  say(JSON.stringify({ asked, ended }));
}
await engine.close();

function say(text: string): void {
  process.stdout.write(`bench ${text}\n`);
}
