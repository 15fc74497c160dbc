// A scheduler's surroundings in the hands of a test: attempts end when the test says so, and time moves when it moves it.
import { manualClock } from "../../../src/clock.ts";
import type { Failure } from "../../../src/errors.ts";
import type { Json } from "../../../src/json.ts";
import type { EngineStore } from "../../../src/engine/stores/engine-store.ts";
import type { Assignment, AttemptEnd, Executor, HookNotice, Outcome } from "../../../src/engine/attempts/executor.ts";
import type { Instruction } from "../../../src/engine/stores/instruction.ts";
import { createMemoryEngineStore } from "../../../src/engine/stores/memory-engine-store.ts";
import type { AttemptLogLine, CommitBatch, RunRecord } from "../../../src/engine/stores/run-store.ts";
import { createScheduler, type Scheduler, type SchedulerOptions } from "../../../src/engine/scheduler/scheduler.ts";
import type { RunState } from "../../../src/engine/state-machine/state.ts";
import type { Timer } from "../../../src/engine/scheduler/timer.ts";
import type { LogLine } from "../../../src/log.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";

export interface RunningAttempt {
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  log(message: string, fields?: LogLine["fields"]): void;
  end(outcome: Outcome): Promise<void>;
}

/** A hook that is being told, until the test answers for it. */
export interface Told {
  readonly notice: HookNotice;
  readonly signal: AbortSignal;
  answer(failure: Failure | null): Promise<void>;
}

export interface Scripted {
  readonly store: EngineStore;
  readonly scheduler: Scheduler;
  readonly clock: ReturnType<typeof manualClock>;
  /** The pipelines the scheduler knows; a test may change them. */
  readonly plans: Map<string, Plan>;
  /** Attempts under way, in the order they were started. */
  readonly running: RunningAttempt[];
  /** Every attempt ever started, as "step#attempt", or "step[item]#attempt". */
  readonly started: string[];
  readonly told: Told[];
  /** Every batch that was offered to the store. */
  readonly commits: CommitBatch[];
  readonly changes: { readonly run: RunRecord; readonly state: RunState }[];
  readonly lines: AttemptLogLine[];
  readonly troubles: { readonly pipeline: string; readonly failure: Failure }[];
  /** When timers are due, in order. */
  timersDue(): number[];
  attempt(step: string, runId?: string): RunningAttempt;
  succeed(step: string, output?: unknown, runId?: string): Promise<void>;
  /** Ends every attempt, in the order they were started, until none is left. Returns what ran, as in `started`. */
  succeedAll(output?: (assignment: Assignment) => unknown): Promise<string[]>;
  /** Moves time, fires what is due by then in the order of its time, and lets everything settle. */
  advance(milliseconds: number): Promise<void>;
  /** Gives an instruction and lets everything settle. */
  instruct(instruction: Instruction, by?: string): Promise<Json>;
  /** Asks for a run and lets it come to its first attempts; its id. */
  run(pipeline: string, partition?: string | null, more?: { params?: Json; key?: string }): Promise<string>;
  /** How the run stands in the store. */
  state(runId: string): Promise<RunState>;
  /** The next write fails with `error`: before it takes effect, or after. */
  failNextCommit(error: Error, when?: "before" | "after"): void;
  /** Another scheduler on the same store, as after a restart. This one goes on living, like a process that hangs. */
  boot(options?: ScriptedOptions): Scripted;
  /** The same, once it has recovered. */
  restart(options?: ScriptedOptions): Promise<Scripted>;
  /** The same, for something that is only to be noted. */
  note(): Promise<Scripted>;
}

export type ScriptedOptions = Partial<
  Pick<SchedulerOptions, "machine" | "pools" | "projectHooks" | "schedules" | "prepareParams" | "invariants">
> & {
  readonly capacity?: number;
  /** @default 2026-01-01T00:00:00Z */
  readonly now?: number;
  /** Stands between the scheduler and the store. */
  readonly between?: (store: EngineStore) => EngineStore;
};

export const success = (output: unknown = null): Outcome => ({ type: "succeeded", output, rows: null, assets: [] });
export const updating = (...assets: string[]): Outcome => ({ type: "succeeded", output: null, rows: null, assets });
export const newYear = Date.parse("2026-01-01T00:00:00Z");

/** A scheduler on a memory store that knows the plans, and has recovered. */
export async function scripted(plans: Plan | readonly Plan[], options: ScriptedOptions = {}): Promise<Scripted> {
  const known = new Map([plans].flat().map((plan) => [plan.pipeline, plan]));
  const world = around(createMemoryEngineStore(), manualClock(options.now ?? newYear), { count: 0 }, known, options);
  await world.scheduler.recover();
  await settled();
  return world;
}

/** Lets everything that is ready happen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 25; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function around(
  inner: EngineStore,
  clock: ReturnType<typeof manualClock>,
  ids: { count: number },
  plans: Map<string, Plan>,
  options: ScriptedOptions,
): Scripted {
  const running: RunningAttempt[] = [];
  const started: string[] = [];
  const told: Told[] = [];
  const commits: CommitBatch[] = [];
  const changes: Scripted["changes"] = [];
  const lines: AttemptLogLine[] = [];
  const troubles: Scripted["troubles"] = [];
  const timers = new Set<{ at: number; wake: () => void }>();
  let failure: { error: Error; when: "before" | "after" } | null = null;
  const failing = async <T>(work: () => Promise<T>): Promise<T> => {
    const planned = failure;
    failure = null;
    if (planned?.when === "before") throw planned.error;
    const done = await work();
    if (planned?.when === "after") throw planned.error;
    return done;
  };
  const watched: EngineStore = {
    ...inner,
    createRuns: (runs) => failing(() => inner.createRuns(runs)),
    addRequests: (requests, schedule) => failing(() => inner.addRequests(requests, schedule)),
    commit: (batch) => {
      // What is not its own copy could change before it is looked at; states never do.
      commits.push({ ...structuredClone({ ...batch, updates: [] }), updates: [...batch.updates] });
      return failing(() => inner.commit(batch));
    },
  };
  const store = options.between?.(watched) ?? watched;
  const executor: Executor = {
    capacity: options.capacity ?? 1_000,
    run: (assignment, signal, onLog) =>
      new Promise<AttemptEnd>((resolve) => {
        const { step, item, attempt: epoch } = assignment;
        started.push(`${step}${item === null ? "" : `[${item}]`}#${epoch}`);
        const startedAt = clock.now();
        const attempt: RunningAttempt = {
          assignment,
          signal,
          log: (message, fields) =>
            onLog({ at: clock.now(), level: "info", message, ...(fields === undefined ? {} : { fields }) }),
          end: async (outcome) => {
            if (running.includes(attempt)) running.splice(running.indexOf(attempt), 1);
            resolve({ outcome, startedAt });
            await settled();
          },
        };
        running.push(attempt);
      }),
    notify: (notice, signal) =>
      new Promise((resolve) => {
        const entry: Told = {
          notice,
          signal,
          answer: async (answer) => {
            told.splice(told.indexOf(entry), 1);
            resolve(answer);
            await settled();
          },
        };
        told.push(entry);
      }),
  };
  const timer: Timer = (at, wake) => {
    const entry = { at, wake };
    timers.add(entry);
    return () => void timers.delete(entry);
  };
  const { capacity: _capacity, now: _now, between: _between, ...passed } = options;
  const scheduler = createScheduler({
    store,
    executor,
    clock,
    timer,
    randomId: () => String((ids.count += 1)),
    plans: () => plans,
    onChange: (run, state) => changes.push({ run, state }),
    onLog: (line) => lines.push(line),
    onTrouble: (pipeline, trouble) => troubles.push({ pipeline, failure: trouble }),
    ...passed,
    get pools() {
      return options.pools ?? {};
    },
  });
  const attempt = (step: string, runId?: string): RunningAttempt => {
    const found = running.find(
      ({ assignment }) => assignment.step === step && (runId === undefined || assignment.runId === runId),
    );
    if (found === undefined)
      throw new Error(`${step} is not running; these are: ${running.map((item) => item.assignment.step).join(", ")}`);
    return found;
  };
  const instruct = async (instruction: Instruction, by = "ana"): Promise<Json> => {
    const answer = scheduler.instruct(instruction, by);
    answer.catch(() => {});
    await settled();
    return answer;
  };
  return {
    store: inner,
    scheduler,
    clock,
    plans,
    running,
    started,
    told,
    commits,
    changes,
    lines,
    troubles,
    attempt,
    timersDue: () => [...timers].map(({ at }) => at).sort((a, b) => a - b),
    succeed: (step, output, runId) => attempt(step, runId).end(success(output)),
    succeedAll: async (output = () => null) => {
      const from = started.length;
      for (await settled(); running.length > 0; await settled())
        await Promise.all([...running].map((item) => item.end(success(output(item.assignment)))));
      return started.slice(from);
    },
    advance: async (milliseconds) => {
      const end = clock.now() + milliseconds;
      const next = (): { at: number; wake: () => void } | undefined =>
        [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      for (let entry = next(); entry !== undefined; entry = next()) {
        timers.delete(entry);
        clock.advance(Math.max(0, entry.at - clock.now()));
        entry.wake();
        await settled();
      }
      clock.advance(end - clock.now());
      await settled();
    },
    instruct,
    run: async (pipeline, partition = null, { params = null, key = null as string | null } = {}) => {
      const answer = (await instruct({ type: "run", pipeline, partition, params, key })) as { run?: string };
      if (answer.run === undefined) throw new Error(`The run of ${pipeline} has to wait`);
      return answer.run;
    },
    state: async (runId) => (await inner.run(runId))!.state,
    failNextCommit: (error, when = "before") => {
      failure = { error, when };
    },
    note: async () => {
      const world = around(inner, clock, ids, plans, options);
      await world.scheduler.recover({ resume: false });
      return world;
    },
    boot: (next = options) => around(inner, clock, ids, plans, next),
    restart: async (next = options) => {
      const world = around(inner, clock, ids, plans, next);
      await world.scheduler.recover();
      await settled();
      return world;
    },
  };
}
