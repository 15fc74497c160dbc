// A backfill in a world where everything that can go wrong does, as a seed says: processes that die at any await, before
// or after a commit took effect; commits that fail, or are answered with an error though they took effect, or arrive
// after their process was replaced; workers that die, or work on after they were given up; clocks that jump. Nothing
// happens here unless the world picks it, so a seed tells the whole story again.
import { manualClock } from "../../src/clock.ts";
import { runBackfill, type BackfillResult } from "../../src/engine/backfill.ts";
import type { Assignment, AttemptEnd, Executor, Outcome } from "../../src/engine/executor.ts";
import { createMemoryRunStore } from "../../src/engine/memory-run-store.ts";
import type { RunStore, StoredRun } from "../../src/engine/run-store.ts";
import { createScheduler } from "../../src/engine/scheduler.ts";
import { toFailure } from "../../src/errors.ts";
import { contentHash } from "../../src/json.ts";
import { daily } from "../../src/pipeline/partition.ts";
import { makePlan, type Plan } from "../../src/pipeline/plan.ts";
import { randomFrom, type Random } from "./random.ts";
import { createSink, type Written } from "./sink.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** How many faults may happen; 0 is the world as it should be. */
  readonly faults: number;
  /** A fault of the engine, planted to see that the simulation finds it. */
  readonly planted?: "key-per-attempt" | "no-fence" | "no-revision";
}

export interface Simulated {
  readonly plan: Plan;
  readonly backfill: BackfillResult;
  readonly runs: readonly StoredRun[];
  readonly written: readonly Written[];
  /** How many processes it took. */
  readonly processes: number;
  /** What happened, in order. */
  readonly trace: readonly string[];
}

/** How a step goes, whoever runs it and however often: all that may differ between two worlds of one seed is the faults. */
type Behaviour =
  | { readonly type: "good" }
  | { readonly type: "flaky"; readonly failures: number }
  | { readonly type: "broken" }
  | { readonly type: "hopeless" };

interface Operation {
  readonly name: string;
  readonly apply: () => Promise<() => void>;
  readonly refuse: (error: Error) => void;
}

interface Process {
  alive: boolean;
  readonly operations: Set<Operation>;
  readonly timers: Set<{ readonly at: number; readonly wake: () => void }>;
  result: { readonly value: BackfillResult } | { readonly error: unknown } | null;
}

interface Attempt {
  readonly process: Process;
  readonly assignment: Assignment;
  /** Not there once the executor has given the attempt up. */
  end: ((outcome: Outcome) => void) | null;
  written: boolean;
}

const days = { from: "2011-01-01", limit: 5 };

export async function simulate(options: SimulationOptions): Promise<Simulated> {
  // What is to be done and what goes wrong are drawn separately, so that both worlds of a seed have the same to do.
  const shape = randomFrom(options.seed);
  const chance = randomFrom(options.seed * 2 + 1);
  const plan = drawPlan(shape);
  const to = `2011-01-0${1 + shape.below(days.limit)}`;
  const parallel = 1 + shape.below(3);
  const behaviourOf = drawBehaviours(plan, options.seed);

  const inner = createMemoryRunStore();
  const sink = createSink();
  const clock = manualClock(Date.parse("2011-02-01T00:00:00Z"));
  const trace: string[] = [];
  const attempts = new Set<Attempt>();
  const failuresSeen = new Map<string, number>();
  const lossesInRow = new Map<string, number>();
  let ids = 0;
  let faults = options.faults;
  let processes = 0;

  function boot(): Process {
    processes += 1;
    trace.push(`process ${processes} starts`);
    const self: Process = { alive: true, operations: new Set(), timers: new Set(), result: null };
    const store = heldStore(self);
    const scheduler = createScheduler({
      store,
      executor: executorOf(self),
      clock,
      randomId: () => String((ids += 1)),
      timer: (at, wake) => {
        const timer = { at, wake };
        self.timers.add(timer);
        return () => void self.timers.delete(timer);
      },
    });
    const work = async (): Promise<BackfillResult> => {
      await store.savePlan(plan);
      const unfinished = await store.unfinishedRuns();
      const finishing = await scheduler.recover(new Map([[plan.version, plan]]));
      const result = await runBackfill(
        { plan, from: days.from, to, parallel, reprocess: false },
        {
          store,
          scheduler,
          clock,
          randomId: () => String((ids += 1)),
          recovered: new Map(unfinished.map((run, position) => [run.record.id, finishing[position]!])),
          signal: new AbortController().signal,
        },
      );
      await Promise.all(finishing);
      return result;
    };
    work().then(
      (value) => (self.result = { value }),
      (error: unknown) => (self.result = { error }),
    );
    return self;
  }

  /** The store as a process sees it: a call is under way until the world lets it take effect. */
  function heldStore(self: Process): RunStore {
    const hold = <Key extends keyof RunStore>(name: Key): RunStore[Key] =>
      ((...given: never[]) =>
        new Promise((resolve, reject) => {
          // A dead process does nothing more.
          if (!self.alive) return;
          const arguments_ = structuredClone(given);
          const operation: Operation = {
            name,
            apply: async () => {
              self.operations.delete(operation);
              try {
                const value: unknown = await (inner[name] as (...all: never[]) => unknown)(
                  ...planted(name, arguments_),
                );
                return () => self.alive && resolve(value);
              } catch (error) {
                return () => self.alive && reject(error);
              }
            },
            refuse: (error) => {
              self.operations.delete(operation);
              reject(error);
            },
          };
          self.operations.add(operation);
        })) as RunStore[Key];
    return Object.fromEntries(
      Object.keys(inner).map((name) => [name, hold(name as keyof RunStore)]),
    ) as unknown as RunStore;
  }

  let revisions = new Map<string, number>();
  function planted(name: string, given: never[]): never[] {
    if (options.planted !== "no-revision" || name !== "commit") return given;
    const [batch] = given as unknown as [Parameters<RunStore["commit"]>[0]];
    const updates = batch.updates.map((update) => {
      const revision = revisions.get(update.runId) ?? 0;
      revisions = new Map(revisions).set(update.runId, revision + 1);
      return { ...update, expectedRevision: revision };
    });
    return [{ ...batch, updates }] as never[];
  }

  function executorOf(self: Process): Executor {
    return {
      run: (assignment) =>
        new Promise<AttemptEnd>((resolve) => {
          const attempt: Attempt = {
            process: self,
            assignment: structuredClone(assignment),
            end: (outcome) => resolve({ outcome, startedAt: clock.now() }),
            written: false,
          };
          attempts.add(attempt);
        }),
    };
  }

  /** An attempt does the next thing it would do: write, then say how it went. */
  function proceed(attempt: Attempt): void {
    const { assignment } = attempt;
    const { runId, step, partition, outputs } = assignment;
    const behaviour = behaviourOf(partition!, step);
    const key = `${runId}/${step}`;
    const value = contentHash([
      partition,
      step,
      Object.entries(outputs).map(([name, output]) => [name, (output as { value: string }).value]),
    ]).slice(0, 8);
    const say = (outcome: Outcome): void => {
      attempts.delete(attempt);
      if (outcome.type !== "lost") lossesInRow.delete(key);
      attempt.end?.(outcome);
    };
    if (behaviour.type === "broken")
      return say({ type: "failed", error: { code: "SOURCE_MISSING", message: "no such file", retryable: false } });
    const failures = failuresSeen.get(key) ?? 0;
    if (behaviour.type === "hopeless" || (behaviour.type === "flaky" && failures < behaviour.failures)) {
      failuresSeen.set(key, failures + 1);
      return say({ type: "failed", error: { code: "SOURCE_UNAVAILABLE", message: "no answer", retryable: true } });
    }
    if (attempt.written)
      return say({ type: "succeeded", output: { value, attempt: assignment.attempt }, rows: null, assets: [] });
    const { fence, idempotencyKey } = assignment;
    const loadKey = options.planted === "key-per-attempt" ? `${idempotencyKey}/${assignment.attempt}` : idempotencyKey;
    try {
      sink.load({
        table: step,
        partition: partition!,
        loadKey,
        value,
        fence: options.planted === "no-fence" ? fence % 7 : fence,
      });
      attempt.written = true;
    } catch (error) {
      say({ type: "failed", error: toFailure(error) });
    }
  }

  /** The executor takes an attempt for lost. Its code may work on all the same, and write late. */
  function lose(attempt: Attempt): void {
    const key = `${attempt.assignment.runId}/${attempt.assignment.step}`;
    lossesInRow.set(key, (lossesInRow.get(key) ?? 0) + 1);
    const { end } = attempt;
    attempt.end = null;
    if (chance.chance(0.4)) attempts.delete(attempt);
    end?.({ type: "lost", reason: "signal SIGKILL" });
  }

  async function crash(self: Process): Promise<void> {
    trace.push("the process dies");
    self.alive = false;
    for (const operation of self.operations) {
      const fate = chance.below(3);
      // What was under way never happened; or it did, and nobody heard; or, if it is a commit, it arrives later still.
      if (fate === 1) await operation.apply();
      else if (fate === 2 && operation.name === "commit") stragglers.add(operation);
      trace.push(
        `  ${operation.name} ${["is lost", "took effect", operation.name === "commit" ? "arrives later" : "is lost"][fate]}`,
      );
    }
    self.operations.clear();
    for (const attempt of attempts) {
      if (attempt.process !== self) continue;
      attempt.end = null;
      if (chance.chance(0.4)) attempts.delete(attempt);
    }
  }

  const stragglers = new Set<Operation>();

  function possible(self: Process): (() => Promise<void> | void)[] {
    const acts: (() => Promise<void> | void)[] = [];
    for (const operation of self.operations) {
      acts.push(async () => {
        trace.push(operation.name);
        (await operation.apply())();
      });
    }
    for (const attempt of attempts) {
      acts.push(() => {
        trace.push(
          `${attempt.assignment.runId} ${attempt.assignment.step}#${attempt.assignment.attempt} proceeds${attempt.end === null ? ", given up" : ""}`,
        );
        proceed(attempt);
      });
    }
    const [timer] = [...self.timers].sort((a, b) => a.at - b.at);
    if (timer !== undefined) {
      acts.push(() => {
        trace.push(`timer`);
        self.timers.delete(timer);
        clock.advance(Math.max(0, timer.at - clock.now()));
        timer.wake();
      });
    }
    return acts;
  }

  /** The faults that could happen now. */
  function mishaps(self: Process): (() => Promise<void> | void)[] {
    const acts: (() => Promise<void> | void)[] = [
      () => crash(self),
      () => clock.advance(chance.below(7_200_000) - 3_600_000),
    ];
    for (const operation of self.operations) {
      acts.push(async () => {
        const took = chance.chance(0.5);
        trace.push(`${operation.name} is refused${took ? " after it took effect" : ""}`);
        if (took) await operation.apply();
        operation.refuse(new Error("disk I/O error"));
      });
    }
    for (const operation of stragglers) {
      acts.push(async () => {
        trace.push(`a late ${operation.name} arrives`);
        stragglers.delete(operation);
        await operation.apply();
      });
    }
    for (const attempt of attempts) {
      // Five losses in a row would end the step, which the world without faults doesn't.
      const { runId, step } = attempt.assignment;
      if (attempt.end === null || (lossesInRow.get(`${runId}/${step}`) ?? 0) >= 3) continue;
      acts.push(() => {
        trace.push(`${runId} ${step}#${attempt.assignment.attempt} is given up`);
        lose(attempt);
      });
    }
    return acts;
  }

  const story = (): string => trace.slice(-40).join("\n");
  let self = boot();
  for (let turn = 0; ; turn += 1) {
    await settled(3);
    if (self.result !== null && "value" in self.result) break;
    if (self.result !== null || !self.alive) {
      // A process that can't go on ends, and its workers with it.
      if (self.alive && options.faults === 0)
        throw new Error(
          `failed without a fault: ${String(self.result && "error" in self.result && self.result.error)}\n${story()}`,
        );
      if (self.alive) await crash(self);
      self = boot();
      continue;
    }
    if (turn > 20_000) throw new Error(`comes to no end\n${story()}`);
    const acts = possible(self);
    if (acts.length === 0) {
      await settled(20);
      if (self.result === null && possible(self).length === 0)
        throw new Error(`hangs: nothing is under way and nothing is due\n${story()}`);
      continue;
    }
    if (faults > 0 && chance.chance(0.15)) {
      faults -= 1;
      await chance.pick(mishaps(self))();
    } else {
      await chance.pick(acts)();
    }
  }
  const { value } = self.result;
  // What was given up long ago may still write.
  self.alive = false;
  for (const attempt of attempts) {
    attempt.end = null;
    for (let times = 0; times < 3 && attempts.has(attempt); times += 1) proceed(attempt);
  }
  const records = await inner.runs({ limit: 1_000 });
  const runs = await Promise.all(records.map(async ({ id }) => (await inner.run(id))!));
  return { plan, backfill: value, runs, written: sink.written, processes, trace };
}

/** Three to six steps, each after some of those before it. */
function drawPlan(random: Random): Plan {
  const size = 3 + random.below(4);
  return makePlan({
    pipeline: "orders",
    partitions: daily({ from: days.from }),
    steps: Array.from({ length: size }, (_, position) => ({
      name: `s${position}`,
      kind: "load",
      dependsOn: Array.from({ length: position }, (_unused, other) => `s${other}`).filter(() => random.chance(0.4)),
      retry: { limit: 3, delayMs: 1_000, backoff: "exponential" as const, maxDelayMs: 60_000 },
      timeoutMs: null,
      config: null,
    })),
  });
}

function drawBehaviours(plan: Plan, seed: number): (partition: string, step: string) => Behaviour {
  const known = new Map<string, Behaviour>();
  return (partition, step) => {
    const key = `${partition}/${step}`;
    if (!known.has(key)) {
      const random = randomFrom(Number.parseInt(contentHash([seed, key, plan.version]).slice(0, 8), 16));
      const drawn = random.below(100);
      known.set(
        key,
        drawn < 75
          ? { type: "good" }
          : drawn < 94
            ? { type: "flaky", failures: 1 + random.below(3) }
            : { type: drawn < 97 ? "broken" : "hopeless" },
      );
    }
    return known.get(key)!;
  };
}

async function settled(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
