// npm run soak -- --minutes 120 [--pipelines 20] [--every 5] [--seed 1] [--keep]: an engine on short schedules whose workers
// and scheduler are killed at random. Ends with 0 when its memory is flat, nothing is stuck, and every effect is there once;
// prints what came of it as JSON.
//
// For the first two fifths of the time the scheduler itself is killed again and again; from then on one scheduler lives to
// the end, while its workers go on being killed: that is the life whose memory is judged.
import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomFrom } from "../test/simulation/random.ts";
import type { FromSoaking, ToSoaking } from "./soak/engine.ts";
import { judgeLedger } from "./soak/ledger.ts";
import { judgeMemory, type MemorySample } from "./soak/memory.ts";
import { writeProject } from "./soak/project.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "120" },
    pipelines: { type: "string", default: "20" },
    every: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
  },
});
const amount = (name: "minutes" | "pipelines" | "every" | "seed"): number => {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} needs a number above 0, not "${values[name]}"`);
  process.exit(2);
};
const [minutes, pipelines, every] = [amount("minutes"), amount("pipelines"), amount("every")];
const chance = randomFrom(amount("seed"));

/** Minutes after which the life of the last scheduler is long enough to judge its memory. */
const longEnough = 1.5;

interface Soaking {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  isReady(): boolean;
  readonly samples: MemorySample[];
  readonly finished: Promise<readonly string[]>;
  readonly ended: Promise<void>;
}

// Inside the repository, where `import … from "sluice"` finds the package as in a user's project.
const parent = join(import.meta.dirname, "../test/.tmp");
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, "soak-"));
const home = mkdtempSync(join(tmpdir(), "sluice-soak-"));
writeProject(folder, pipelines, every * 1_000);
const length = minutes * 60_000;
const began = Date.now();
const killing = length * 0.4;
const kills = { schedulers: 0, workers: 0 };

let soaking = start();
await soaking.ready;
while (Date.now() - began < killing) {
  // Lives of all lengths: some don't get to the end of their recovery.
  await sleep(Math.min(chance.between(100, Math.max(2_000, length / 40)), Math.max(0, killing - (Date.now() - began))));
  // Whoever can't load the project doesn't start at all, and says so: that is not what is tried here.
  if (soaking.isReady() && chance.chance(0.5)) killWorker(soaking.child.pid!);
  if (chance.chance(0.5)) continue;
  kills.schedulers += 1;
  soaking.child.kill("SIGKILL");
  await soaking.ended;
  soaking = start();
}
await soaking.ready;
while (Date.now() - began < length) {
  await sleep(Math.min(chance.between(500, 5_000), Math.max(0, length - (Date.now() - began))));
  if (soaking.child.exitCode !== null) break;
  killWorker(soaking.child.pid!);
}
soaking.child.send({ type: "finish", withinMs: 120_000 } satisfies ToSoaking);
const stuck = await soaking.finished;
await soaking.ended;

const memory = judgeMemory(soaking.samples);
const ledger = await judgeLedger(folder, home);
// Of a short life, memory says nothing; a long one in which it says nothing has gone wrong.
const flat = minutes < longEnough ? memory.flat !== false : memory.flat === true;
const passed = flat && stuck.length === 0 && ledger.breaches.length === 0;
console.log(JSON.stringify({ passed, minutes, pipelines, kills, memory, stuck, ledger }, null, 2));
if (passed && !values.keep) for (const path of [folder, home]) rmSync(path, { recursive: true, force: true });
else console.error(`The project is in ${folder}, its state in ${home}.`);
process.exit(passed ? 0 : 1);

function start(): Soaking {
  const child = fork(join(import.meta.dirname, "soak/engine.ts"), [join(folder, "sluice.config.ts"), home], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const ready = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<readonly string[]>();
  const ended = Promise.withResolvers<void>();
  // Of one that is killed, nobody waits for these.
  for (const { promise } of [ready, finished]) promise.catch(() => {});
  const samples: MemorySample[] = [];
  let readyAt = 0;
  child.on("message", (message: FromSoaking) => {
    if (message.type === "ready") {
      readyAt = Date.now();
      ready.resolve();
    } else if (message.type === "memory")
      samples.push({ at: (Date.now() - readyAt) / 1_000, megabytes: message.megabytes });
    else finished.resolve(message.open);
  });
  child.on("exit", (code, signal) => {
    const error = new Error(`The engine ended with ${code ?? signal} by itself`);
    ready.reject(error);
    finished.reject(error);
    ended.resolve();
  });
  return {
    child,
    ready: ready.promise,
    isReady: () => readyAt > 0,
    samples,
    finished: finished.promise,
    ended: ended.promise,
  };
}

/** SIGKILL for one of the processes that the scheduler has started. */
function killWorker(scheduler: number): void {
  let children: number[] = [];
  try {
    children = readFileSync(`/proc/${scheduler}/task/${scheduler}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    // It has just died; or this is no Linux, and workers are left alone.
  }
  if (children.length === 0) return;
  try {
    process.kill(chance.pick(children), "SIGKILL");
    kills.workers += 1;
  } catch {
    // It has just ended.
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
