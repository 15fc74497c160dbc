// A scheduler's surroundings in the hands of a test: attempts end when the test says so, and time moves when it moves it.
import { manualClock, type Clock } from "../../../src/clock.ts";
import type { Assignment, AttemptEnd, Executor, Outcome } from "../../../src/engine/executor.ts";
import { createMemoryRunStore } from "../../../src/engine/memory-run-store.ts";
import type { AttemptLogLine, CommitBatch, RunRecord, RunStore } from "../../../src/engine/run-store.ts";
import { createScheduler, type Scheduler } from "../../../src/engine/scheduler.ts";
import type { RunState } from "../../../src/engine/state.ts";
import type { Timer } from "../../../src/engine/timer.ts";
import type { LogLine } from "../../../src/log.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";

export interface RunningAttempt {
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  log(message: string, fields?: LogLine["fields"]): void;
  end(outcome: Outcome): Promise<void>;
}

export interface Scripted {
  readonly store: RunStore;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  /** Attempts under way, in the order they were started. */
  readonly running: RunningAttempt[];
  /** Every attempt ever started, as "step#attempt". */
  readonly started: string[];
  /** Every batch that was offered to the store. */
  readonly commits: CommitBatch[];
  readonly changes: { readonly run: RunRecord; readonly state: RunState }[];
  readonly lines: AttemptLogLine[];
  /** When timers are due, in order. */
  timersDue(): number[];
  attempt(step: string, runId?: string): RunningAttempt;
  succeed(step: string, output?: unknown): Promise<void>;
  /** Moves time, fires what is due by then, and lets everything settle. */
  advance(milliseconds: number): Promise<void>;
  /** The next commit fails with `error`: before it takes effect, or after. */
  failNextCommit(error: Error, when?: "before" | "after"): void;
  /** Another scheduler on the same store, as after a restart. This one goes on living, like a process that hangs. */
  restart(): Scripted;
}

export const success = (output: unknown = null): Outcome => ({ type: "succeeded", output, rows: null, assets: [] });

/** A scheduler on a memory store that knows the plans. */
export async function scripted(...plans: readonly Plan[]): Promise<Scripted> {
  const store = createMemoryRunStore();
  for (const plan of plans) await store.savePlan(plan);
  return around(store, manualClock(1_000_000), { count: 0 });
}

/** Lets everything that is ready happen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function around(inner: RunStore, clock: ReturnType<typeof manualClock>, ids: { count: number }): Scripted {
  const running: RunningAttempt[] = [];
  const started: string[] = [];
  const commits: CommitBatch[] = [];
  const changes: Scripted["changes"] = [];
  const lines: AttemptLogLine[] = [];
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
  const store: RunStore = {
    ...inner,
    createRuns: (runs) => failing(() => inner.createRuns(runs)),
    commit: (batch) => {
      commits.push(structuredClone(batch));
      return failing(() => inner.commit(batch));
    },
  };
  const executor: Executor = {
    run: (assignment, signal, onLog) =>
      new Promise<AttemptEnd>((resolve) => {
        started.push(`${assignment.step}#${assignment.attempt}`);
        const attempt: RunningAttempt = {
          assignment,
          signal,
          log: (message, fields) =>
            onLog({ at: clock.now(), level: "info", message, ...(fields === undefined ? {} : { fields }) }),
          end: async (outcome) => {
            if (running.includes(attempt)) running.splice(running.indexOf(attempt), 1);
            resolve({ outcome, startedAt: clock.now() });
            await settled();
          },
        };
        running.push(attempt);
      }),
  };
  const timer: Timer = (at, wake) => {
    const entry = { at, wake };
    timers.add(entry);
    return () => void timers.delete(entry);
  };
  const scheduler = createScheduler({
    store,
    executor,
    clock,
    timer,
    randomId: () => String((ids.count += 1)),
    onChange: (run, state) => changes.push({ run, state }),
    onLog: (line) => lines.push(line),
  });
  const attempt = (step: string, runId?: string): RunningAttempt => {
    const found = running.find(
      ({ assignment }) => assignment.step === step && (runId === undefined || assignment.runId === runId),
    );
    if (found === undefined)
      throw new Error(`${step} is not running; these are: ${running.map((item) => item.assignment.step).join(", ")}`);
    return found;
  };
  return {
    store,
    scheduler,
    clock,
    running,
    started,
    commits,
    changes,
    lines,
    attempt,
    timersDue: () => [...timers].map(({ at }) => at).sort((a, b) => a - b),
    succeed: (step, output) => attempt(step).end(success(output)),
    advance: async (milliseconds) => {
      clock.advance(milliseconds);
      for (const entry of [...timers].sort((a, b) => a.at - b.at)) {
        if (entry.at > clock.now() || !timers.delete(entry)) continue;
        entry.wake();
      }
      await settled();
    },
    failNextCommit: (error, when = "before") => {
      failure = { error, when };
    },
    restart: () => around(inner, clock, ids),
  };
}
