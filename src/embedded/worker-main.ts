// The worker process: loads the project, then does what it is given, one thing at a time and in order. Whatever the
// user's code or a native library does here costs this process at most.
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { isReference, isSecret, resolveSetting } from "../config.ts";
import type { InboxSettings } from "../connect/inbox.ts";
import { SluiceError, toFailure } from "../errors.ts";
import { createLog, createRedactor } from "../log.ts";
import { systemClock } from "../clock.ts";
import { attemptRunner, type AttemptRunner } from "./attempt.ts";
import { parsedParams, tellHooks } from "./call.ts";
import type { ContractExplanation } from "../quality/explain.ts";
import { begin, createClaims } from "./claims.ts";
import { homeAt } from "./home.ts";
import { lineOf, lineReader, writeLine } from "./message-lines.ts";
import { pipes, type FromWorker, type LoadedProject, type ToWorker, type Work, type WorkerStart } from "./messages.ts";
import { startWatch } from "./orphan-watch.ts";
import { loadProject, type Project } from "./project.ts";
import { createServices, type Services } from "./services.ts";
import { receivedValues } from "./shared-values.ts";

/** Something to do that has not begun. */
interface Waiting {
  readonly job: number;
  readonly work: Work;
  readonly shared: ReadonlyMap<string, unknown>;
  /** Is it to be stopped as soon as it begins? */
  stopped: boolean;
}

/** After so many milliseconds of jobs on end, the event loop has its turn: what was asked meanwhile is heard. */
const turn = 2;
/** A query that begins after an interrupt does not know of it: it is interrupted anew, every so many milliseconds. */
const interruptEvery = 50;

const nothingShared: ReadonlyMap<string, unknown> = new Map();
const redactor = createRedactor();
const claims = createClaims();
const values = receivedValues();
const waiting: Waiting[] = [];
let current: { readonly job: number; stop(): void } | null = null;
let working = false;
/** There is something to do; null before the project is loaded. */
let wake: (() => void) | null = null;

// The scheduler decides when a worker ends: an interrupt typed at the terminal reaches the whole group, the end of a
// service everything it has started, and a scheduler that is gone takes its workers with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
process.on("uncaughtException", (error) => {
  say({ type: "died", failure: redactor.value(toFailure(error)) });
  process.stderr.write(`${redactor.text(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`);
  process.exit(1);
});
startWatch(claims);
const input = new Socket({ fd: pipes.fromScheduler, readable: true, writable: false });
input.setEncoding("utf8");
input.on(
  "data",
  lineReader<ToWorker>(receive, () => process.exit(1)),
);
input.on("end", () => process.exit(0));
input.on("error", () => process.exit(0));

async function main(start: WorkerStart): Promise<void> {
  let loaded: Project;
  try {
    loaded = await loadProject(start.configPath);
  } catch (error) {
    say({ type: "load-failed", failure: redactor.value(toFailure(error)) });
    return;
  }
  hideSecrets(
    [loaded.config.connections, loaded.config.hooks, ...[...loaded.pipelines.values()].map(({ plan }) => plan)],
    loaded.folder,
  );
  const own = createServices({
    home: homeAt(start.homeFolder),
    folder: loaded.folder,
    memory: loaded.config.memory ?? start.memory,
    redactor,
  });
  const { project, services } = await inTest(start, loaded, own);
  const run = attemptRunner({ project, services, redactor, faults: start.faults });
  wake = () => {
    if (!working) void workThrough(project, services, run);
  };
  say({ type: "loaded", project: describe(project) });
  // A worker ends by being killed: what Node keeps for the next one's start would be lost. With nothing new it costs next to nothing.
  setImmediate(flushCompileCache);
}

/** With what a test has put in place of the world, if it has. */
async function inTest(
  { standIns }: WorkerStart,
  project: Project,
  services: Services,
): Promise<{ readonly project: Project; readonly services: Services }> {
  if (standIns === null) return { project, services };
  const { projectWith, servicesWith } = await import("./stand-ins.ts");
  return { project: projectWith(project, standIns), services: servicesWith(services, standIns) };
}

function receive(message: ToWorker): void {
  if (message.type === "start") return void main(message.start);
  if (message.type === "share") return values.keep(message.number, message.value);
  if (message.type === "stop") {
    if (current?.job === message.job) return current.stop();
    for (const item of waiting) if (item.job === message.job) item.stopped = true;
    return;
  }
  const { job, ...work } = message;
  waiting.push({ job, work, shared: sharedOf(work), stopped: false });
  wake?.();
}

/** The values that a job reads with others: looked up as it arrives, for they are kept a while only. */
function sharedOf(work: Work): ReadonlyMap<string, unknown> {
  if (work.type !== "run" || work.shared === undefined) return nothingShared;
  return new Map(Object.entries(work.shared).map(([step, number]) => [step, values.get(number)]));
}

async function workThrough(project: Project, services: Services, run: AttemptRunner): Promise<void> {
  working = true;
  let since = performance.now();
  for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
    if (!begin(claims, item.job)) continue;
    await perform(item, project, services, run);
    if (performance.now() - since < turn) continue;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  }
  working = false;
}

async function perform(
  { job, work, shared, stopped }: Waiting,
  project: Project,
  services: Services,
  run: AttemptRunner,
) {
  const controller = new AbortController();
  let interrupting: NodeJS.Timeout | null = null;
  const stop = (): void => {
    controller.abort(new SluiceError("CANCELLED", "The attempt was stopped"));
    services.interrupt();
    interrupting ??= setInterval(() => services.interrupt(), interruptEvery);
  };
  current = { job, stop };
  if (stopped) stop();
  const { signal } = controller;
  if (work.type === "run") {
    const startedAt = Date.now();
    const began = performance.now();
    const onLog = (line: Parameters<Parameters<typeof createLog>[0]>[0]): void => say({ type: "log", job, line });
    const outcome = await run({ assignment: work.assignment, shared, signal, onLog });
    current = null;
    say({ type: "ended", job, outcome, startedAt, ms: Math.round((performance.now() - began) * 1000) / 1000 });
  } else {
    const answer = await answered(work, project, services, signal);
    current = null;
    say({ type: "answered", job, ...answer });
  }
  if (interrupting !== null) clearInterval(interrupting);
}

async function answered(
  work: Exclude<Work, { type: "run" }>,
  project: Project,
  services: Services,
  signal: AbortSignal,
) {
  try {
    if (work.type === "params") return { result: parsedParams(project, work.pipeline, work.raw), failure: null };
    const log = createLog(() => {}, systemClock.now, redactor);
    const context = { signal, log, resolve: services.resolve };
    return { result: null, failure: await tellHooks(project, work.notice, context, redactor) };
  } catch (error) {
    return { result: null, failure: redactor.value(toFailure(error)) };
  }
}

/** Teaches the redactor every secret the project refers to: user code may come by one before a connection resolves it. */
function hideSecrets(value: unknown, folder: string): void {
  if (isReference(value)) {
    if (!isSecret(value)) return;
    try {
      redactor.add(resolveSetting(value, folder));
    } catch {
      // It has no value here; whoever needs it will say so.
    }
  } else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) hideSecrets(item, folder);
  }
}

function describe(project: Project): LoadedProject {
  return {
    plans: [...project.pipelines.values()].map((pipeline) => pipeline.plan),
    files: Object.fromEntries(project.files),
    connections: Object.fromEntries(
      Object.entries(project.config.connections).map(([name, connection]) => [name, connection.vendor]),
    ),
    inboxes: Object.fromEntries(
      Object.entries(project.config.connections)
        .filter(([, { vendor }]) => vendor === "inbox")
        .map(([name, { settings }]) => [name, settings as unknown as InboxSettings]),
    ),
    workers: project.config.workers ?? null,
    pools: project.config.pools,
    contracts: [...project.pipelines.values()].flatMap((pipeline) =>
      Object.entries(pipeline.explanations()).flatMap(([step, told]) =>
        pipeline.plan.steps.find(({ name }) => name === step)?.kind === "validate"
          ? [told as unknown as ContractExplanation]
          : [],
      ),
    ),
    hooks: project.config.hooks.events,
  };
}

function say(message: FromWorker): void {
  try {
    writeLine(pipes.toScheduler, lineOf(message));
  } catch {
    // The scheduler is gone.
    process.exit(0);
  }
}
