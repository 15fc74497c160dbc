// Plans and states of runs, put together by hand: a store keeps whatever it is given, so its suite needs no engine.
import type { HookNotice } from "../../src/engine/attempts/executor.ts";
import type { CommitBatch, NewRun, RunStore, StoredRun } from "../../src/engine/stores/run-store.ts";
import type { ItemState, RunState, StepState } from "../../src/engine/state-machine/state.ts";
import { NamedList } from "../../src/named-list.ts";
import type { Failure } from "../../src/errors.ts";
import { makePlan, type Plan } from "../../src/pipeline/plan.ts";
import type { RowCounts } from "../../src/pipeline/step.ts";

/** A plan of three steps. Not in the order of the alphabet: the plan's order is what counts. */
export function planNamed(pipeline: string, config: string = "2011-01-04"): Plan {
  const steps = [
    ["zeta", "extract", []],
    ["alpha", "validate", ["zeta"]],
    ["mid", "load", ["alpha"]],
  ] as const;
  return makePlan({
    pipeline,
    partitions: null,
    schedule: null,
    maxActiveRuns: 16,
    timeoutMs: null,
    lateMs: null,
    hooks: [],
    params: null,
    steps: steps.map(([name, kind, dependsOn]) => ({
      name,
      kind,
      control: { type: "run" },
      dependsOn,
      when: [],
      trigger: "all-succeeded",
      teardownOf: null,
      dependsOnPast: false,
      retry: { limit: 1, delayMs: 1_000, backoff: "exponential", maxDelayMs: 60_000, jitter: 0 },
      timeoutMs: null,
      lateMs: null,
      pools: {},
      concurrency: null,
      priority: 0,
      resources: { cpus: 0, memory: 0 },
      cache: null,
      hooks: [],
      config: { from: config },
    })),
  });
}

export const waiting: StepState = {
  status: "waiting",
  attempts: 0,
  failures: 0,
  losses: 0,
  wakeAt: null,
  output: null,
  rows: null,
  assets: [],
  error: null,
  reason: null,
  startedAt: null,
  finishedAt: null,
  awaits: null,
  items: null,
  effectRun: null,
  reusedFrom: null,
  late: false,
};

export function itemState(parts: Partial<ItemState> = {}): ItemState {
  const { awaits: _awaits, items: _items, effectRun: _effect, reusedFrom: _reused, late: _late, ...work } = waiting;
  return { ...work, status: "queued", attempts: 1, ...parts };
}

/** A running state of a plan with every step waiting, but for those that are given. */
export function stateOf(
  plan: Plan,
  steps: Readonly<Record<string, Partial<StepState>>> = {},
  parts: Partial<RunState> = {},
): RunState {
  return {
    status: "running",
    startedAt: 1_000,
    finishedAt: null,
    ending: null,
    late: false,
    ...parts,
    steps: NamedList.from(plan.steps.map(({ name }) => [name, { ...waiting, ...steps[name] }])),
  };
}

export function newRun(plan: Plan, id: string, parts: Partial<NewRun> = {}): NewRun {
  return {
    id,
    pipeline: plan.pipeline,
    version: plan.version,
    partition: null,
    params: null,
    trigger: "manual",
    requestKey: `key of ${id}`,
    scheduledFor: null,
    backfill: null,
    rerunOf: null,
    createdAt: 1_000,
    state: stateOf(plan),
    ...parts,
  };
}

export function batch(parts: Partial<CommitBatch>): CommitBatch {
  return { updates: [], attempts: [], logs: [], notices: [], cached: [], live: [], ...parts };
}

/** The steps and items in which two states differ, as a commit names them. */
export function changesBetween(before: RunState, after: RunState): { step: string; items: number[] }[] {
  return [...after.steps].flatMap(([step, next]) => {
    const known = before.steps.get(step)!;
    if (known === next) return [];
    const items = (next.items ?? []).flatMap((item, position) => (known.items?.[position] === item ? [] : [position]));
    return [{ step, items }];
  });
}

/** Commits a state of a run, with whatever else is given, and tells how it then is stored. */
export async function advance(
  store: Pick<RunStore, "commit">,
  run: StoredRun,
  state: RunState,
  rest: Partial<CommitBatch> = {},
): Promise<StoredRun> {
  const { id: runId } = run.record;
  const changed = changesBetween(run.state, state);
  await store.commit(batch({ ...rest, updates: [{ runId, expectedRevision: run.revision, state, changed }] }));
  const { status, finishedAt } = state;
  return { record: { ...run.record, status, finishedAt }, state, revision: run.revision + 1 };
}

/** A state with its steps as a record: for matching a part of it, and for writing it down. */
export function plain(state: RunState): Omit<RunState, "steps"> & { readonly steps: Record<string, StepState> } {
  return { ...state, steps: Object.fromEntries(state.steps) };
}

export function withStep(state: RunState, step: string, parts: Partial<StepState>): RunState {
  return { ...state, steps: state.steps.with(step, { ...state.steps.get(step)!, ...parts }) };
}

export const failure: Failure = {
  code: "QUERY_FAILED",
  message: 'no such column: "größe"',
  retryable: false,
  hint: "Look.",
  details: { sql: "select 'x'", nested: [1, null, { a: true }] },
};

export const rows: RowCounts = { in: 3_108, out: 3_054, duplicate: 44, quarantined: 10 };

export function noticeOf(runId: string, key: string, at: number): HookNotice {
  return {
    key,
    event: "failure",
    level: "pipeline",
    runId,
    pipeline: "sales",
    version: "v",
    partition: null,
    params: null,
    step: "zeta",
    item: 3,
    attempt: 1,
    status: "failed",
    error: failure,
    at,
  };
}
