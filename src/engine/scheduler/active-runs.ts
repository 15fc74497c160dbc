// The runs that a scheduler is working on, and those who wait for one to end.
import type { Plan } from "../../pipeline/plan.ts";
import type { RunRecord, StoredRun } from "../stores/run-store.ts";
import type { RunEvent, RunState } from "../state-machine/state.ts";

export interface FinishedRun {
  readonly record: RunRecord;
  readonly state: RunState;
}

export interface ActiveRun {
  record: RunRecord;
  readonly plan: Plan;
  /** With all that the commit under way makes of it. */
  state: RunState;
  /** Of the last commit that is durable. */
  revision: number;
  /** Have its invariants been checked in full? */
  checked: boolean;
  /** What the next commit is to make of it. */
  events: RunEvent[];
  /** How attempts under way are stopped, by place. */
  readonly stops: Map<string, AbortController>;
  /** How timers are taken back, by what they are for. */
  readonly timers: Map<string, () => void>;
  /** What the items of a mapped step are given: made once, and the same object for all of them. */
  readonly itemOutputs: Map<string, Readonly<Record<string, unknown>>>;
}

export interface ActiveRuns {
  readonly size: number;
  get(runId: string): ActiveRun | undefined;
  all(): Iterable<ActiveRun>;
  add(stored: StoredRun, plan: Plan): ActiveRun;
  /** It has ended: whoever waits for it is told. */
  finish(run: ActiveRun): void;
  /** How many of a pipeline there are, those of backfills aside. */
  countOf(pipeline: string): number;
  /** How many of a backfill there are. */
  countOfBackfill(backfill: string): number;
  /** Resolves when the run ends. */
  finished(runId: string): Promise<FinishedRun>;
  /** Nothing ends any more: whoever waits is told why. */
  abandon(error: Error): void;
}

export function createActiveRuns(): ActiveRuns {
  const runs = new Map<string, ActiveRun>();
  const counts = new Map<string, number>();
  const waiters = new Map<string, PromiseWithResolvers<FinishedRun>>();

  const count = ({ record }: ActiveRun, change: 1 | -1): void => {
    const key = record.backfill === null ? `pipeline ${record.pipeline}` : `backfill ${record.backfill}`;
    const next = (counts.get(key) ?? 0) + change;
    if (next === 0) counts.delete(key);
    else counts.set(key, next);
  };

  return {
    get size() {
      return runs.size;
    },
    get: (runId) => runs.get(runId),
    all: () => runs.values(),
    add: ({ record, state, revision }, plan) => {
      const run: ActiveRun = {
        record,
        plan,
        state,
        revision,
        checked: false,
        events: [],
        stops: new Map(),
        timers: new Map(),
        itemOutputs: new Map(),
      };
      runs.set(record.id, run);
      count(run, 1);
      return run;
    },
    finish: (run) => {
      if (!runs.delete(run.record.id)) return;
      count(run, -1);
      for (const cancel of run.timers.values()) cancel();
      run.timers.clear();
      waiters.get(run.record.id)?.resolve({ record: run.record, state: run.state });
      waiters.delete(run.record.id);
    },
    countOf: (pipeline) => counts.get(`pipeline ${pipeline}`) ?? 0,
    countOfBackfill: (backfill) => counts.get(`backfill ${backfill}`) ?? 0,
    finished: (runId) => {
      let waiter = waiters.get(runId);
      if (waiter === undefined) {
        waiter = Promise.withResolvers();
        // A failure that nobody waits for any more must not bring the process down.
        waiter.promise.catch(() => {});
        waiters.set(runId, waiter);
      }
      return waiter.promise;
    },
    abandon: (error) => {
      for (const run of runs.values()) {
        for (const cancel of run.timers.values()) cancel();
        for (const stop of run.stops.values()) stop.abort(error);
      }
      runs.clear();
      counts.clear();
      for (const { reject } of waiters.values()) reject(error);
      waiters.clear();
    },
  };
}

/** Name of the place where attempts are made: a step, or an item of it. */
export function placeName(step: string, item: number | null): string {
  return item === null ? step : `${step} ${item}`;
}
