// A scheduler's process in a simulated world. What it calls (store, workers, hooks) and what it waits for (timers) is in
// the world's hands: nothing comes back, and nothing takes effect, unless the world picks it.
import type { Executor } from "../../src/engine/attempts/executor.ts";
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import { createScheduler, type Scheduler } from "../../src/engine/scheduler/scheduler.ts";
import type { Timer } from "../../src/engine/scheduler/timer.ts";
import { holdStore } from "./held-store.ts";
import { executorIn, type Attempt, type Telling } from "./workers.ts";
import type { World } from "./world.ts";

/** A call that is under way: it takes effect when it is applied, and is known to have when it is answered. */
export interface Operation {
  readonly name: string;
  readonly writes: boolean;
  /** Is it one that the store refuses when somebody else has been faster? */
  readonly mayArriveLate: boolean;
  applied: boolean;
  apply(): Promise<void>;
  answer(): void;
  refuse(error: Error): void;
}

export interface HeldTimer {
  /** In time that has really passed: a clock that is put right moves no timer. */
  readonly at: number;
  readonly wake: () => void;
}

export interface SimulatedProcess {
  readonly number: number;
  alive: boolean;
  /** Has it been told that something could not be made durable? Then it may be past going on. */
  refused: boolean;
  /** Has somebody else written to the runs it works on? It will find out when it writes itself. */
  disturbed: boolean;
  /** Why it can't go on; null as long as it can. */
  failure: unknown;
  ready: boolean;
  readonly operations: Set<Operation>;
  readonly timers: Set<HeldTimer>;
  readonly attempts: Set<Attempt>;
  readonly tellings: Set<Telling>;
  readonly scheduler: Scheduler;
}

export function bootProcess(world: World, number: number): SimulatedProcess {
  const { workload, time } = world;
  const plans = new Map(workload.pipelines.map(({ plan }) => [plan.pipeline, plan]));
  const self = {
    number,
    alive: true,
    refused: false,
    disturbed: false,
    failure: null as unknown,
    ready: false,
    operations: new Set<Operation>(),
    timers: new Set<HeldTimer>(),
    attempts: new Set<Attempt>(),
    tellings: new Set<Telling>(),
  };
  const timer: Timer = (at, wake) => {
    const held: HeldTimer = { at: time.passed() + Math.max(0, at - time.now()), wake };
    self.timers.add(held);
    return () => void self.timers.delete(held);
  };
  const store: EngineStore = holdStore(world, self);
  const executor: Executor = executorIn(world, self);
  const scheduler = createScheduler({
    store,
    executor,
    clock: { now: time.now },
    timer,
    randomId: world.nextId,
    plans: () => plans,
    pools: workload.pools,
    machine: workload.machine,
    projectHooks: workload.projectHooks,
    schedules: true,
    prepareParams: async (_pipeline, raw) => raw,
  });
  const whole: SimulatedProcess = Object.assign(self, { scheduler });
  void begin(whole, store, world);
  return whole;
}

async function begin(self: SimulatedProcess, store: EngineStore, world: World): Promise<void> {
  try {
    for (const { plan } of world.workload.pipelines) await store.savePlan(plan, world.time.now());
    await self.scheduler.recover();
    self.ready = true;
  } catch (error) {
    self.failure = error;
  }
}

/** The process is gone, at this very moment. What it had asked for may still happen, as its fate is. */
export async function killProcess(world: World, self: SimulatedProcess): Promise<Operation[]> {
  const stragglers: Operation[] = [];
  self.alive = false;
  for (const operation of self.operations) {
    if (operation.applied) {
      world.count("call takes effect, answer lost with its process");
      continue;
    }
    const fate = world.chance.below(3);
    // What was under way never happened; or it did, and nobody heard; or, if it is a commit, it arrives later still.
    if (fate === 1) {
      await operation.apply();
      world.count("call takes effect, answer lost with its process");
    } else if (fate === 2 && operation.mayArriveLate) stragglers.push(operation);
    else world.count("call lost with its process");
    world.trace?.push(
      `  ${operation.name} ${["is lost", "takes effect", operation.mayArriveLate ? "is on its way" : "is lost"][fate]}`,
    );
  }
  self.operations.clear();
  self.timers.clear();
  for (const telling of self.tellings) telling.abandoned = true;
  self.tellings.clear();
  return stragglers;
}
