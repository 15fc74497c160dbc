// One life of an engine's process, in a test: it opens the project's engine, finishes or makes the one run there is, decides
// what it is asked, and prints how the run ended. It is killed after a durable write, if the test says so.
import { openEngine, type Engine } from "../../src/embedded/engine.ts";
import type { Fault } from "../../src/embedded/faults.ts";
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import type { StoredStep } from "../../src/engine/stores/run-store.ts";

/** How the life of this process ends. */
export interface Life {
  readonly configPath: string;
  readonly home: string;
  /** Number of the durable write after which everything is killed, from 1; null to go on to the end. */
  readonly killAfter: number | null;
  /**
   * unheard: before the engine hears that the write is durable · heard: once it has, and has done what follows at once ·
   * scheduler: then, too, but the workers are left to end by themselves, and may write meanwhile.
   */
  readonly moment: "unheard" | "heard" | "scheduler";
  readonly faults: readonly Fault[];
}

export interface LifeReport {
  readonly run: { readonly id: string; readonly status: string };
  readonly steps: readonly Pick<StoredStep, "name" | "status" | "output" | "rows">[];
  readonly items: readonly { readonly status: string; readonly output: unknown }[];
  readonly notices: readonly { readonly event: string; readonly delivered: boolean }[];
  /** Durable writes of this process. */
  readonly writes: number;
  /** Runs that there are. */
  readonly runs: number;
}

type Method = (...given: never[]) => unknown;

const writing: readonly (keyof EngineStore)[] = [
  "savePlan",
  "createRuns",
  "commit",
  "endLive",
  "noticeTold",
  "addRequests",
  "dropRequests",
  "addInstruction",
  "answerInstruction",
  "saveSchedule",
  "createBackfill",
  "advanceBackfill",
];

const life = JSON.parse(process.argv[2]!) as Life;
let writes = 0;

/** The store, with its durable writes counted. A name that it doesn't have would make a write that is not. */
function counted(store: EngineStore): EngineStore {
  const wrapped = Object.create(store) as Record<string, Method>;
  for (const name of writing) {
    const inner = store[name] as Method;
    if (typeof inner !== "function") throw new Error(`The store has no ${name}`);
    wrapped[name] = async (...given: never[]): Promise<unknown> => {
      const result = await inner.apply(store, given);
      writes += 1;
      if (writes === life.killAfter) {
        if (life.moment === "unheard") die();
        // What follows at once: the answer is heard, commands are carried out.
        setImmediate(() => setImmediate(die));
      }
      return result;
    };
  }
  return wrapped as unknown as EngineStore;
}

function die(): void {
  // The group's leader is this process.
  process.kill(life.moment === "scheduler" ? process.pid : -process.pid, "SIGKILL");
}

// Should it hang, whoever kills it then can read why.
setTimeout(() => void describeOpen(), 60_000).unref();

const engine: Engine = await openEngine({
  configPath: life.configPath,
  home: life.home,
  command: "crash test",
  schedules: false,
  faults: life.faults,
  storeWrapper: counted,
  onChange: (run, state) => {
    if (state.steps.get("ok")?.status === "held") decide(run.id);
  },
});
const finished = await engine.run("crash", { partition: null, key: "the-one" });
await engine.settled();
const report = await reportOf(engine, finished.record.id);
await engine.close();
process.stdout.write(JSON.stringify(report));

async function describeOpen(): Promise<void> {
  const open = await engine.store.unfinishedRuns();
  for (const { record, state } of open) {
    const steps = [...state.steps].map(([name, { status, attempts, items }]) => ({
      name,
      status,
      attempts,
      items: items?.map((item) => item.status),
    }));
    process.stderr.write(`${JSON.stringify({ open: record.id, steps, workers: engine.workers })}\n`);
  }
  process.stderr.write(`${open.length} runs are open after a minute, and ${writes} durable writes\n`);
}

function decide(run: string): void {
  // Asked again and again until it is decided: only the first word counts.
  engine.instruct({ type: "decide", run, step: "ok", decision: "approved", note: null }, "ann").catch(() => {});
}

async function reportOf({ store }: Engine, id: string): Promise<LifeReport> {
  const { record } = (await store.run(id))!;
  const steps = await store.steps(id);
  const items = await store.items(id, "each");
  const notices = await store.notices(id);
  return {
    run: { id, status: record.status },
    steps: steps.map(({ name, status, output, rows }) => ({ name, status, output, rows })),
    items: items.map(({ status, output }) => ({ status, output })),
    notices: notices.map(({ notice, deliveredAt }) => ({ event: notice.event, delivered: deliveredAt !== null })),
    writes,
    runs: (await store.runs({ limit: 100 })).length,
  };
}
