// One world from one seed: the whole engine, with everything around it that can go wrong going wrong as the seed says.
// Nothing happens here unless the world picks it, so a seed tells the whole story again.
import type { StoredRun } from "../../src/engine/stores/run-store.ts";
import { finalBreaches } from "./checks.ts";
import { hour } from "./drawn-pipeline.ts";
import { mishap } from "./mishaps.ts";
import { createPeople, type People } from "./people.ts";
import { bootProcess, killProcess, type Operation, type SimulatedProcess } from "./process.ts";
import type { Written } from "./sink.ts";
import { watchStillness } from "./stillness.ts";
import { booksOf, proceed, tell, workName, type Attempt } from "./workers.ts";
import { drawWorkload, type Workload } from "./workload.ts";
import { createWorld, type FaultKind, type KnownRun, type PlantedFault, type World } from "./world.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** How many faults may happen; 0 is the world as it should be. */
  readonly faults: number;
  /** The process dies at this act, counted from 1, and nothing else goes wrong. */
  readonly crashAt?: number;
  /** A fault of the engine, planted to see that the simulation finds it. */
  readonly planted?: PlantedFault;
  /** Keeps the story. */
  readonly verbose?: boolean;
}

export interface Simulated {
  readonly workload: Workload;
  readonly runs: readonly KnownRun[];
  readonly written: readonly Written[];
  /** How many things happened. */
  readonly acts: number;
  readonly processes: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly breaches: readonly string[];
  readonly trace: readonly string[];
}

/** Acts that a world may take before it counts as one that comes to no end. */
const actLimit = 60_000;

/** For so many milliseconds nothing may happen any more before a world is over: a clock that was put forward is noticed late. */
const quiet = 600_000;

export async function simulate(options: SimulationOptions): Promise<Simulated> {
  const workload = drawWorkload(options.seed);
  const world = createWorld(workload, options.planted ?? null, options.verbose ?? false);
  const stillness = watchStillness();
  try {
    return await live(world, options, stillness.reached);
  } finally {
    stillness.end();
  }
}

async function live(world: World, options: SimulationOptions, still: () => Promise<void>): Promise<Simulated> {
  const { chance, time } = world;
  const people = createPeople(world);
  const stragglers = new Set<Operation>();
  const { lingering } = booksOf(world);
  // Faults come in spells of different density, so that some worlds are hit all the time and some once.
  const density = chance.pick([0.004, 0.02, 0.08]);
  let faults = options.faults;
  let processes = 1;
  let acts = 0;
  let self = bootProcess(world, processes);
  /** Since when nothing has been left to do, as far as one can see. */
  let overSince: number | null = null;
  const result = (): Simulated => ({
    workload: world.workload,
    runs: [...world.runs.values()],
    written: world.sink.written,
    acts,
    processes,
    faults: world.faults,
    breaches: world.breaches,
    trace: world.trace ?? [],
  });
  const reboot = async (): Promise<void> => {
    for (const operation of await killProcess(world, self)) stragglers.add(operation);
    for (const attempt of self.attempts) {
      attempt.end = null;
      if (!chance.chance(0.4)) lingering.add(attempt);
    }
    people.hungUp();
    // Mostly it is started again at once; at times nobody is there for hours, and the world goes on.
    if (world.faults.size > 0 && chance.chance(0.15)) {
      world.count("nobody starts it again for a while");
      time.pass(chance.below(3 * hour));
    }
    processes += 1;
    world.trace?.push(`process ${processes} starts`);
    self = bootProcess(world, processes);
  };

  for (;;) {
    await still();
    if (world.breaches.length > 0) return result();
    acts += 1;
    if (acts > actLimit) return failed(world, result, "comes to no end", self);
    if (self.failure !== null) {
      if (world.faults.size === 0)
        return failed(world, result, `failed without a fault: ${String(self.failure)}`, self);
      await reboot();
      continue;
    }
    if (acts === options.crashAt) {
      world.count("process dies");
      world.trace?.push("the process dies");
      await reboot();
      continue;
    }
    if (faults > 0 && chance.chance(density)) {
      faults -= 1;
      if ((await mishap(world, self, stragglers)) === "dies") await reboot();
      continue;
    }
    if (await happen(world, self, people)) continue;
    // Only time can bring anything about now.
    const { horizon, start } = world.workload;
    // Schedules go by the clock on the wall, wherever it was put.
    const past = Math.min(time.passed(), time.now() - start) >= horizon;
    if (!past || self.refused || !self.ready || !(await isOver(world, people))) overSince = null;
    else if ((overSince ??= time.passed()) + quiet < time.passed()) break;
    const stuck = self.refused || self.disturbed ? null : await stillWaiting(world, self);
    if (stuck !== null) return failed(world, result, stuck, self);
    if (time.passed() > horizon + 40 * hour) return failed(world, result, "comes to no end", self);
    // A process that was refused something may have given up; whoever runs it starts it again.
    if (self.refused && (self.timers.size === 0 || chance.chance(0.3))) {
      await reboot();
      continue;
    }
    await passTime(world, self, people);
  }
  await writeLate(world, self, still);
  world.breaches.push(...(await finalBreaches(world, people)));
  return result();
}

/** Something that is under way moves on. False when nothing is. */
async function happen(world: World, self: SimulatedProcess, people: People): Promise<boolean> {
  const { chance, time } = world;
  const { lingering } = booksOf(world);
  const sizes = [self.operations.size, self.attempts.size, self.tellings.size];
  const busy = sizes[0]! + sizes[1]! + sizes[2]!;
  if (busy === 0) return false;
  time.pass(chance.below(20));
  // Time may pass while something is under way: not much while a store is asked, any while somebody works.
  if (chance.chance(0.06)) {
    await passTime(world, self, people, self.operations.size > 0 ? 2_000 : Infinity);
    return true;
  }
  // Those whom nobody hears go on.
  if (lingering.size > 0 && chance.chance(0.1)) {
    linger(world, chance.pick([...lingering]), self);
    return true;
  }
  let chosen = chance.below(busy);
  if (chosen < sizes[0]!) {
    const operation = nth(self.operations, chosen);
    if (operation.applied) {
      world.trace?.push(`${operation.name} is answered`);
      operation.answer();
    } else {
      world.trace?.push(`${operation.name} takes effect`);
      await operation.apply();
    }
    return true;
  }
  chosen -= sizes[0]!;
  if (chosen < sizes[1]!) {
    const attempt = nth(self.attempts, chosen);
    world.trace?.push(`${attempt.run.record.id} ${attempt.assignment.step}#${attempt.assignment.attempt} goes on`);
    proceed(world, attempt, (gone) => self.attempts.delete(gone));
    return true;
  }
  callHook(world, self, chosen - sizes[1]!);
  return true;
}

/** A hook is called: it takes what it is told, or does not this time. */
function callHook(world: World, self: SimulatedProcess, position: number): void {
  const telling = nth(self.tellings, position);
  self.tellings.delete(telling);
  const refuses = world.chance.chance(0.2);
  if (refuses) world.count("hook refuses");
  tell(world, telling.notice, !refuses);
  world.trace?.push(`the hook of ${telling.notice.key} ${refuses ? "refuses" : "is told"}`);
  telling.resolve(refuses ? { code: "TASK_FAILED", message: "no answer", retryable: true } : null);
}

/** Someone works on whom nobody hears any more. */
function linger(world: World, attempt: Attempt, self: SimulatedProcess): void {
  world.trace?.push(
    `${attempt.run.record.id} ${attempt.assignment.step}#${attempt.assignment.attempt} goes on, given up`,
  );
  const name = workName(attempt.assignment);
  const heir =
    world.planted === "hears-the-dead" && [...self.attempts].find((other) => workName(other.assignment) === name);
  if (heir) [attempt.end, heir.end] = [heir.end, null];
  proceed(world, attempt, (gone) => {
    booksOf(world).lingering.delete(gone);
    if (heir) self.attempts.delete(heir);
  });
}

/** Time goes on to what is next due by it. */
async function passTime(world: World, self: SimulatedProcess, people: People, atMost = Infinity): Promise<void> {
  const { time } = world;
  let next: { at: number; wake: () => void } | null = null;
  for (const timer of self.timers) if (next === null || timer.at < next.at) next = timer;
  const peopleAt = people.nextAt();
  if (Math.min(peopleAt, next?.at ?? Infinity) > time.passed() + atMost) return;
  if (next === null || peopleAt <= next.at) {
    time.pass(Math.max(0, peopleAt - time.passed()));
    return people.act(self);
  }
  time.pass(Math.max(0, next.at - time.passed()));
  self.timers.delete(next);
  world.trace?.push(`a timer fires at ${new Date(time.now()).toISOString()}`);
  next.wake();
}

/** Has everything been done that will ever be? */
async function isOver({ store, runs }: World, people: People): Promise<boolean> {
  for (const { stored } of runs.values()) if (stored.record.status === "running") return false;
  if (!(await people.content())) return false;
  if ((await store.requests({ limit: 1 })).length > 0) return false;
  if ((await store.backfills({ status: "running", limit: 1 })).length > 0) return false;
  return (await store.nextNoticeAt()) === null;
}

/**
 * With nothing under way and only time to pass, whatever is stored as due must have someone who sees to it: what is queued
 * would have been started, and there must be a timer for the rest.
 */
async function stillWaiting({ runs }: World, self: SimulatedProcess): Promise<string | null> {
  if (!self.ready) return "a process hangs before it is ready";
  let needsTimer: string | null = null;
  for (const { stored } of runs.values()) {
    if (stored.record.status !== "running") continue;
    for (const [name, step] of stored.state.steps) {
      // What a re-run has taken over of a step's items lies ready until the step begins.
      const works = step.status === "mapped" ? step.items! : [step];
      for (const work of works) {
        if (work.status === "queued") return `${stored.record.id} ${name} is due, and nobody starts it`;
        if (work.status === "retrying" || work.status === "sleeping") needsTimer = `${stored.record.id} ${name}`;
      }
    }
  }
  return needsTimer !== null && self.timers.size === 0 ? `${needsTimer} waits for a timer that is not there` : null;
}

/** What was given up long ago may still write. */
async function writeLate(world: World, self: SimulatedProcess, still: () => Promise<void>): Promise<void> {
  const { lingering } = booksOf(world);
  self.alive = false;
  self.scheduler.stop();
  for (const attempt of lingering) {
    attempt.end = null;
    for (let times = 0; times < 8 && lingering.has(attempt); times += 1) linger(world, attempt, self);
  }
  await still();
}

function failed(world: World, result: () => Simulated, why: string, self: SimulatedProcess): Simulated {
  const under = [...self.operations].map((operation) => `${operation.name}${operation.applied ? " (applied)" : ""}`);
  world.breaches.push(
    `${why}; under way: ${under.join(", ") || "nothing"}, ${self.attempts.size} attempts, ${self.timers.size} timers`,
  );
  for (const { stored } of world.runs.values())
    if (stored.record.status === "running") world.breaches.push(describe(stored));
  return result();
}

function describe({ record, state }: StoredRun): string {
  const steps = [...state.steps].map(([name, step]) => {
    const items = step.items === null ? "" : ` [${step.items.map((item) => item.status).join(" ")}]`;
    return `${name} ${step.status}${step.awaits === null ? "" : ` for ${step.awaits}`}${items}`;
  });
  return `  open: ${record.id} (${record.requestKey}): ${steps.join(", ")}`;
}

function nth<T>(items: ReadonlySet<T>, position: number): T {
  let index = 0;
  for (const item of items) {
    if (index === position) return item;
    index += 1;
  }
  throw new RangeError(`There are ${items.size}, and number ${position} was asked for`);
}
