// Feeds events to the state machine, makes durable what comes of them, and only then has it carried out. All events that
// have gathered while a commit was under way go into the next one, and a step's successors become due in the very commit
// that ends it.
import type { Clock } from "../../clock.ts";
import type { HookEvent, Plan } from "../../pipeline/plan.ts";
import type { ActiveRun } from "./active-runs.ts";
import { noticesOf } from "./hook-notices.ts";
import type {
  AttemptLogLine,
  AttemptRecord,
  CachedResult,
  CommitBatch,
  LiveAttempt,
  RunStore,
  RunUpdate,
} from "../stores/run-store.ts";
import type { ChangedStep, Command, RunEvent, RunState } from "../state-machine/state.ts";
import type { Timer } from "./timer.ts";
import { transitionAll } from "../state-machine/transition.ts";

/** How long a log line may wait for a commit, in milliseconds. */
const logDelay = 1_000;

export interface GroupCommitOptions {
  readonly store: Pick<RunStore, "commit">;
  readonly clock: Clock;
  readonly timer: Timer;
  /** Resolves when everything that the current turn of the event loop still has to deliver has been. */
  readonly endOfTurn: () => Promise<void>;
  readonly assertInvariants: (
    plan: Plan,
    state: RunState,
    changedFrom: RunState | undefined,
    changed: readonly ChangedStep[],
  ) => void;
  readonly projectHooks: () => readonly HookEvent[];
  /** Attempts under way that are to be stored as such. */
  readonly takeLive: (now: number) => readonly LiveAttempt[];
  /** When `takeLive` wants to be asked at the latest; null when it has nothing. */
  readonly liveDueAt: () => number | null;
  /** Nothing is done any more once this is so. */
  readonly closed: () => boolean;
  /** A commit is durable. */
  readonly committed: (changes: readonly RunChange[], notices: number) => void;
  /** A commit failed, or an invariant did not hold. */
  readonly failed: (error: unknown) => void;
  /** Nothing is under way any more, and nothing waits. */
  readonly idled: () => void;
}

/** What a commit has made of one run. */
export interface RunChange {
  readonly run: ActiveRun;
  readonly changed: readonly ChangedStep[];
  readonly commands: readonly Command[];
}

export interface GroupCommit {
  /** Something has happened to a run. */
  push(run: ActiveRun, event: RunEvent): void;
  /** The same; resolves when it is durable, whatever it has changed, and rejects when it never will be. */
  pushed(run: ActiveRun, event: RunEvent): Promise<void>;
  keepAttempt(attempt: AttemptRecord): void;
  /** Keeps a result for later runs, if the event that brought it counts. */
  keepResult(run: ActiveRun, event: AttemptSucceeded, key: string): void;
  /** Lines go with the next commit, and those of an attempt that works on in silence with one of their own. */
  keepLine(line: AttemptLogLine): void;
  /** Commits when the time has come for what `takeLive` has, even if nothing else is to be committed by then. */
  watchLive(): void;
  /** Nothing is under way and nothing waits. */
  readonly idle: boolean;
  /** Nothing is committed any more: whoever waits for something to become durable is told why. */
  close(why: Error): void;
}

type AttemptSucceeded = Extract<RunEvent, { readonly type: "attempt-succeeded" }>;

interface Gathered {
  readonly runs: ActiveRun[];
  readonly attempts: AttemptRecord[];
  readonly logs: AttemptLogLine[];
  readonly results: { readonly run: ActiveRun; readonly event: AttemptSucceeded; readonly key: string }[];
  readonly durable: PromiseWithResolvers<void>[];
}

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { store, clock, timer } = options;
  let gathered = nothingGathered();
  let committing = false;
  let flushDue = false;
  /** Who waits for the commit that is under way. */
  let underWay: Gathered["durable"] = [];
  /** Takes back the timer after which a commit is made though nothing else asks for one. */
  let cancelFlush: (() => void) | null = null;

  const isDue = (): boolean =>
    flushDue || gathered.runs.length > 0 || gathered.attempts.length > 0 || gathered.durable.length > 0;

  async function pump(): Promise<void> {
    if (committing) return;
    committing = true;
    try {
      while (isDue() && !options.closed()) {
        // Everything that has arrived meanwhile, such as the words of other workers, joins the commit.
        await options.endOfTurn();
        if (!options.closed()) await commitGathered();
      }
    } catch (error) {
      options.failed(error);
    } finally {
      committing = false;
    }
    if (!options.closed()) options.idled();
  }

  async function commitGathered(): Promise<void> {
    const { runs, attempts, logs, results, durable } = gathered;
    gathered = nothingGathered();
    underWay = durable;
    flushDue = false;
    const now = clock.now();
    const changes: RunChange[] = [];
    const updated: ActiveRun[] = [];
    const updates: RunUpdate[] = [];
    const notices: CommitBatch["notices"][number][] = [];
    for (const run of runs) {
      const { events } = run;
      run.events = [];
      const before = run.state;
      const { state, commands, changed } = transitionAll(run.plan, before, events, now);
      if (state === before && commands.length === 0) continue;
      // In full when it is the first that is heard of the run.
      options.assertInvariants(run.plan, state, run.checked ? before : undefined, changed);
      run.checked = true;
      run.state = state;
      changes.push({ run, changed, commands });
      if (state !== before) {
        updated.push(run);
        updates.push({ runId: run.record.id, expectedRevision: run.revision, state, changed });
      }
      for (const command of commands)
        if (command.type === "notify") notices.push(...noticesOf(run, command, options.projectHooks(), now));
    }
    const live = options.takeLive(now);
    const cached = results.flatMap((result) => resultOf(result, now));
    if (updates.length + attempts.length + logs.length + live.length + notices.length + cached.length > 0)
      await store.commit({ updates, attempts, logs, notices, cached, live });
    if (options.closed()) return;
    for (const run of updated) {
      run.revision += 1;
      const { status, finishedAt } = run.state;
      if (status !== run.record.status) run.record = { ...run.record, status, finishedAt };
    }
    options.committed(changes, notices.length);
    for (const { resolve } of durable) resolve();
    underWay = [];
    watchLive();
  }

  /** The timer stays when a commit comes before it: it costs less to find nothing to do than to be set anew each time. */
  function flushAt(at: number): void {
    cancelFlush ??= timer(at, () => {
      cancelFlush = null;
      if (options.closed()) return;
      const liveDueAt = options.liveDueAt();
      flushDue = gathered.logs.length > 0 || (liveDueAt !== null && liveDueAt <= clock.now());
      if (flushDue) void pump();
      else watchLive();
    });
  }

  function watchLive(): void {
    if (cancelFlush !== null || options.closed()) return;
    const at = options.liveDueAt();
    if (at !== null) flushAt(at);
  }

  function push(run: ActiveRun, event: RunEvent): void {
    if (run.events.length === 0) gathered.runs.push(run);
    run.events.push(event);
    if (!committing) void pump();
  }

  return {
    push,
    pushed: (run, event) => {
      const durable = Promise.withResolvers<void>();
      gathered.durable.push(durable);
      push(run, event);
      return durable.promise;
    },
    keepAttempt: (attempt) => void gathered.attempts.push(attempt),
    keepResult: (run, event, key) => void gathered.results.push({ run, event, key }),
    keepLine: (line) => {
      gathered.logs.push(line);
      flushAt(clock.now() + logDelay);
    },
    watchLive,
    get idle() {
      return !committing && !isDue();
    },
    close: (why) => {
      cancelFlush?.();
      cancelFlush = null;
      for (const { reject } of [...underWay, ...gathered.durable]) reject(why);
      gathered = nothingGathered();
    },
  };
}

function nothingGathered(): Gathered {
  return { runs: [], attempts: [], logs: [], results: [], durable: [] };
}

/** What is to be kept of an attempt's result: nothing, when the attempt no longer counted. */
function resultOf({ run, event, key }: Gathered["results"][number], at: number): CachedResult[] {
  const step = run.state.steps.get(event.step);
  const work = event.item === null ? step : step?.items?.[event.item];
  if (work?.status !== "succeeded" || work.attempts !== event.epoch) return [];
  const { output, rows, assets } = event;
  return [{ key, runId: run.record.id, output, rows, assets, at }];
}
