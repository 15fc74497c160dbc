// Drives runs to their end: feeds events to `transition`, commits what comes out, and only then carries out the
// commands. It runs no user code and no query. All events that have gathered while a commit was under way go into the
// next one (group commit), and a step's successors become due in the very commit that finishes it.
import type { Clock } from "../clock.ts";
import { fromFailure, SluiceError, toFailure } from "../errors.ts";
import type { LogLine } from "../log.ts";
import { contentHash } from "../json.ts";
import type { Plan } from "../pipeline/plan.ts";
import { attemptRecord, plainEnd, plainLine } from "./attempt-end.ts";
import type { Assignment, AttemptEnd, Executor } from "./executor.ts";
import { assertInvariants } from "./invariants.ts";
import type { AttemptLogLine, AttemptRecord, RunRecord, RunStore, RunUpdate, StoredRun } from "./run-store.ts";
import type { Command, RunEvent, RunState } from "./state.ts";
import { processTimer, type Timer } from "./timer.ts";
import { initialState, transition } from "./transition.ts";

export interface SchedulerOptions {
  readonly store: RunStore;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Makes the random part of a run's id. */
  readonly randomId: () => string;
  /** @default the process's own timers */
  readonly timer?: Timer;
  /** Told after each commit, once per run that changed. Must not throw. */
  readonly onChange?: (run: RunRecord, state: RunState) => void;
  readonly onLog?: (line: AttemptLogLine) => void;
}

export interface RunRequest {
  readonly plan: Plan;
  readonly partition: string | null;
  readonly backfill: string | null;
}

export interface FinishedRun {
  readonly record: RunRecord;
  readonly state: RunState;
}

export interface Scheduler {
  /** Starts a run; resolves when it has ended, however it ended. Rejects only when nothing can be made durable any more. */
  start(request: RunRequest): Promise<FinishedRun>;
  /**
   * Takes up what an earlier process left unfinished. Runs of a plan that is no longer known are cancelled: their code
   * is gone. Returns a promise per run.
   */
  recover(plans: ReadonlyMap<string, Plan>): Promise<Promise<FinishedRun>[]>;
  /** Cancels every run that has not ended. */
  cancelAll(reason: string): void;
  /** Does nothing from now on. Runs that have not ended stay as they are stored, and their promises open. */
  stop(): void;
}

interface ActiveRun {
  record: RunRecord;
  readonly plan: Plan;
  state: RunState;
  revision: number;
  readonly attempts: Map<string, AbortController>;
  /** What cancels the timer of a step that waits for its retry. */
  readonly timers: Map<string, () => void>;
  readonly resolve: (run: FinishedRun) => void;
  readonly reject: (error: unknown) => void;
}

interface Pending {
  readonly run: ActiveRun;
  readonly event: RunEvent;
  readonly attempt?: AttemptRecord;
}

/** Attempts of one run stay below this, so that fences of later runs are always higher. */
const fenceSpan = 1_000_000;

/** How long a log line may wait for a commit, in milliseconds. */
const logDelay = 1_000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, executor, clock } = options;
  const timer = options.timer ?? processTimer(clock);
  const active = new Map<string, ActiveRun>();
  let pending: Pending[] = [];
  let logs: AttemptLogLine[] = [];
  /** Cancels the timer after which lines are kept though nothing else is to be committed. */
  let cancelFlush: (() => void) | null = null;
  let flushDue = false;
  let committing = false;
  let stopped = false;
  let broken: SluiceError | null = null;
  /** Why, and how often, everything was cancelled: runs that were just being created must hear of it too. */
  let cancellation = { count: 0, reason: "" };

  const push = (item: Pending): void => {
    pending.push(item);
    void pump();
  };

  const isDue = (): boolean => !stopped && (pending.length > 0 || flushDue);

  async function pump(): Promise<void> {
    if (committing || stopped || broken !== null) return;
    committing = true;
    try {
      while (isDue()) {
        // Everything that has arrived meanwhile, such as the words of other workers, joins the commit.
        await endOfTurn();
        if (!stopped) await commitPending();
      }
    } catch (error) {
      breakDown(error);
    } finally {
      committing = false;
    }
  }

  async function commitPending(): Promise<void> {
    const batch = pending;
    const lines = logs;
    pending = [];
    logs = [];
    flushDue = false;
    cancelFlush?.();
    cancelFlush = null;
    const now = clock.now();
    const touched = new Map<ActiveRun, { before: RunState; commands: Command[] }>();
    const attempts: AttemptRecord[] = [];
    for (const { run, event, attempt } of batch) {
      const before = run.state;
      const { state, commands } = transition(run.plan, before, event, now);
      if (attempt !== undefined) attempts.push(attempt);
      if (state === before && commands.length === 0) continue;
      assertInvariants(run.plan, state);
      run.state = state;
      const entry = touched.get(run);
      if (entry === undefined) touched.set(run, { before, commands: [...commands] });
      else entry.commands.push(...commands);
    }
    const updates = [...touched].map(([run, { before }]) => updateOf(run, before));
    await store.commit({ updates, attempts, logs: lines });
    for (const [run, { commands }] of touched) {
      run.revision += 1;
      run.record = { ...run.record, status: run.state.status, finishedAt: run.state.finishedAt };
      options.onChange?.(run.record, run.state);
      for (const command of commands) carryOut(run, command);
    }
  }

  function carryOut(run: ActiveRun, command: Command): void {
    if (command.type === "finish-run") {
      active.delete(run.record.id);
      for (const cancel of run.timers.values()) cancel();
      return run.resolve({ record: run.record, state: run.state });
    }
    if (command.type === "stop-attempt") {
      return run.attempts.get(command.step)?.abort(new SluiceError("CANCELLED", "The run was cancelled"));
    }
    // The state may have moved on within the same batch: only what it still waits for is started.
    const { status, attempts } = run.state.steps[command.step]!;
    if (stopped || attempts !== command.epoch) return;
    if (command.type === "start-attempt" && status === "queued") void runAttempt(run, command.step, command.epoch);
    if (command.type === "set-timer" && status === "retrying") setTimer(run, command.step, command.epoch, command.at);
  }

  function setTimer(run: ActiveRun, step: string, epoch: number, at: number): void {
    const cancel = timer(at, () => {
      run.timers.delete(step);
      push({ run, event: { type: "timer-fired", step, epoch } });
    });
    run.timers.set(step, cancel);
  }

  /** Lines go with the next commit, and those of a step that works on in silence with one of their own. */
  function keepLine(line: AttemptLogLine): void {
    if (stopped || broken !== null) return;
    logs.push(line);
    cancelFlush ??= timer(clock.now() + logDelay, () => {
      flushDue = true;
      void pump();
    });
  }

  async function runAttempt(run: ActiveRun, step: string, epoch: number): Promise<void> {
    const planned = run.plan.steps.find((item) => item.name === step)!;
    const controller = new AbortController();
    run.attempts.set(step, controller);
    const identity = { runId: run.record.id, step, attempt: epoch };
    const onLog = (line: LogLine): void => {
      const complete = { ...plainLine(line), ...identity };
      keepLine(complete);
      options.onLog?.(complete);
    };
    const assignment: Assignment = {
      ...identity,
      pipeline: run.plan.pipeline,
      version: run.plan.version,
      partition: run.record.partition,
      fence: run.record.sequence * fenceSpan + epoch,
      idempotencyKey: contentHash([run.record.id, step]).slice(0, 32),
      outputs: Object.fromEntries(planned.dependsOn.map((name) => [name, run.state.steps[name]!.output])),
      timeoutMs: planned.timeoutMs,
      priority: run.record.sequence,
    };
    const startedAt = clock.now();
    // An executor never rejects. One that does, all the same, costs the attempt and not the scheduler.
    const lost = (error: unknown): AttemptEnd => ({
      outcome: { type: "lost", reason: toFailure(error).message },
      startedAt,
    });
    const end = plainEnd(step, await (async () => executor.run(assignment, controller.signal, onLog))().catch(lost));
    if (run.attempts.get(step) === controller) run.attempts.delete(step);
    push({
      run,
      event: eventOf(step, epoch, end),
      attempt: attemptRecord(identity, end, controller.signal.aborted, clock.now()),
    });
  }

  function adopt(stored: StoredRun, plan: Plan): { run: ActiveRun; finished: Promise<FinishedRun> } {
    const { promise, resolve, reject } = Promise.withResolvers<FinishedRun>();
    const run: ActiveRun = {
      record: stored.record,
      plan,
      state: stored.state,
      revision: stored.revision,
      attempts: new Map(),
      timers: new Map(),
      resolve,
      reject,
    };
    active.set(stored.record.id, run);
    // A failure that nobody waits for yet must not bring the process down; whoever asks for the promise hears of it.
    promise.catch(() => {});
    return { run, finished: promise };
  }

  /** Nothing can be made durable any more: say so to everyone who waits, and touch nothing else. */
  function breakDown(error: unknown): void {
    broken = fromFailure(toFailure(error));
    for (const run of active.values()) {
      for (const cancel of run.timers.values()) cancel();
      for (const controller of run.attempts.values()) controller.abort(broken);
      run.reject(broken);
    }
    active.clear();
    cancelFlush?.();
    pending = [];
    logs = [];
  }

  /** Whatever was awaited, the world may have ended meanwhile. */
  function assertWhole(): void {
    if (broken !== null) throw broken;
    if (stopped)
      throw new SluiceError("CANCELLED", "The scheduler was stopped", { hint: "Give the command again: it resumes." });
  }

  return {
    start: async ({ plan, partition, backfill }) => {
      assertWhole();
      const { count } = cancellation;
      const id = [plan.pipeline, ...(partition === null ? [] : [partition]), options.randomId()].join("-");
      // Stored as started already, so that a run's first attempts cost no commit of their own.
      const createdAt = clock.now();
      const { state, commands } = transition(plan, initialState(plan), { type: "started" }, createdAt);
      const created = { id, pipeline: plan.pipeline, version: plan.version, partition, backfill, createdAt, state };
      const [stored] = await store.createRuns([created]).catch((error: unknown) => {
        breakDown(error);
        throw broken;
      });
      assertWhole();
      const { run, finished } = adopt(stored!, plan);
      if (cancellation.count !== count) {
        push({ run, event: { type: "cancelled", reason: cancellation.reason } });
      } else {
        options.onChange?.(run.record, run.state);
        for (const command of commands) carryOut(run, command);
      }
      return finished;
    },
    recover: async (plans) => {
      assertWhole();
      const { count } = cancellation;
      const found: { stored: StoredRun; plan: Plan }[] = [];
      for (const stored of await store.unfinishedRuns()) {
        const plan = plans.get(stored.record.version) ?? (await store.plan(stored.record.version));
        if (plan === null) throw new SluiceError("INTERNAL", `The plan of run ${stored.record.id} is not in the store`);
        found.push({ stored, plan });
      }
      assertWhole();
      return found.map(({ stored, plan }) => {
        const { run, finished } = adopt(stored, plan);
        if (cancellation.count !== count) push({ run, event: { type: "cancelled", reason: cancellation.reason } });
        else if (!plans.has(plan.version)) {
          push({
            run,
            event: { type: "cancelled", reason: "the pipeline was changed before the run could be resumed" },
          });
        } else resume(run);
        return finished;
      });
    },
    cancelAll: (reason) => {
      cancellation = { count: cancellation.count + 1, reason };
      for (const run of active.values()) push({ run, event: { type: "cancelled", reason } });
    },
    stop: () => {
      stopped = true;
      cancelFlush?.();
      for (const run of active.values()) for (const cancel of run.timers.values()) cancel();
    },
  };

  /** Tells a run what happened to it since its last commit: attempts in flight are lost, timers run on to their time. */
  function resume(run: ActiveRun): void {
    push({ run, event: { type: "started" } });
    for (const [step, { status, attempts, wakeAt }] of Object.entries(run.state.steps)) {
      if (status === "retrying") setTimer(run, step, attempts, wakeAt!);
      if (status !== "queued") continue;
      push({
        run,
        event: {
          type: "attempt-lost",
          step,
          epoch: attempts,
          cause: "scheduler-stopped",
          reason: "the process that ran it stopped",
        },
      });
    }
  }
}

/** After every event that this turn of the event loop still has to deliver. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function updateOf(run: ActiveRun, before: RunState): RunUpdate {
  const changed = Object.keys(run.state.steps).filter((name) => run.state.steps[name] !== before.steps[name]);
  return { runId: run.record.id, expectedRevision: run.revision, state: run.state, changed };
}

function eventOf(step: string, epoch: number, { outcome }: AttemptEnd): RunEvent {
  switch (outcome.type) {
    case "succeeded":
      return {
        type: "attempt-succeeded",
        step,
        epoch,
        output: outcome.output,
        rows: outcome.rows,
        assets: outcome.assets,
      };
    case "failed":
      return { type: "attempt-failed", step, epoch, error: outcome.error };
    case "lost":
      return { type: "attempt-lost", step, epoch, cause: "worker-died", reason: outcome.reason };
  }
}
