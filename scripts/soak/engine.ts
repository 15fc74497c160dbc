// The engine that soaks, in a process of its own: it opens the project, keeps its schedules, tells its memory once a second,
// and is killed at any moment. Told to finish, it pauses every pipeline and ends once nothing is under way.
import { openEngine } from "../../src/embedded/engine.ts";

/** What it says to the process that watches it. */
export type FromSoaking =
  | { readonly type: "ready"; readonly recovered: number }
  | { readonly type: "memory"; readonly megabytes: number }
  /** Nothing is under way any more; and what is, all the same, after the time that was given. */
  | { readonly type: "finished"; readonly open: readonly string[] };

export type ToSoaking = { readonly type: "finish"; readonly withinMs: number };

const [configPath, home] = process.argv.slice(2) as [string, string];
const engine = await openEngine({ configPath, home, command: "soak", schedules: true });
const say = (message: FromSoaking): void => void process.send?.(message);

setInterval(() => say({ type: "memory", megabytes: process.memoryUsage.rss() / 2 ** 20 }), 1_000).unref();
process.on("message", ({ withinMs }: ToSoaking) => void finish(withinMs));
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
say({ type: "ready", recovered: engine.recovered });

async function finish(withinMs: number): Promise<void> {
  for (const pipeline of engine.plans.keys()) await engine.instruct({ type: "pause", pipeline }, "soak");
  const until = Date.now() + withinMs;
  let open = await underWay();
  while (open.length > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    open = await underWay();
  }
  say({ type: "finished", open });
  await engine.close();
  process.disconnect();
}

/** Runs, requests and notices that have not come to their end. */
async function underWay(): Promise<string[]> {
  const { store } = engine;
  const runs = (await store.unfinishedRuns()).map(({ record }) => `run ${record.id}`);
  const requests = (await store.requests({ limit: 100 })).map(({ key }) => `request ${key}`);
  const notice = await store.nextNoticeAt();
  return [
    ...runs,
    ...requests,
    ...(notice === null ? [] : [`a notice that is due at ${new Date(notice).toISOString()}`]),
  ];
}
