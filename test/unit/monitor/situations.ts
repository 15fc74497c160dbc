// Runs, steps and situations for the tests of explanations: everything at rest, but for what is given.
import type { RunRequest } from "../../../src/engine/stores/request-store.ts";
import type { LiveAttempt, RunRecord, StoredStep } from "../../../src/engine/stores/run-store.ts";
import type { PipelineSituation, RunningRun, Situation } from "../../../src/monitor/situation.ts";
import type { Plan } from "../../../src/pipeline/plan.ts";

export const now: number = Date.UTC(2026, 0, 5, 12);

export function recordOf(draft: Partial<RunRecord> & Pick<RunRecord, "id">): RunRecord {
  return {
    sequence: 1,
    pipeline: "orders",
    version: "v1",
    partition: null,
    params: null,
    trigger: "manual",
    requestKey: `run:${draft.id}`,
    scheduledFor: null,
    backfill: null,
    rerunOf: null,
    status: "running",
    createdAt: now - 60_000,
    finishedAt: null,
    ...draft,
  };
}

export function storedStep(draft: Partial<StoredStep> & Pick<StoredStep, "name" | "status">): StoredStep {
  return {
    kind: "task",
    attempts: 1,
    failures: 0,
    losses: 0,
    wakeAt: null,
    output: null,
    rows: null,
    assets: [],
    error: null,
    reason: null,
    startedAt: now - 30_000,
    finishedAt: null,
    awaits: null,
    items: null,
    effectRun: null,
    reusedFrom: null,
    late: false,
    ...draft,
  };
}

export function situationOf(draft: Partial<Situation> = {}): Situation {
  return {
    now,
    holder: "process 7: sluice serve",
    schedules: true,
    pools: {},
    capacity: 64,
    machine: { cpus: 4, memory: 8e9 },
    live: [],
    running: [],
    ...draft,
  };
}

export function liveAt(runId: string, step: string, item: number | null = null): LiveAttempt {
  return { runId, step, item, attempt: 1, startedAt: now - 12_000 };
}

/** A run whose steps stand as they are given. */
export function runningOf(
  plan: Plan,
  record: Partial<RunRecord> & Pick<RunRecord, "id">,
  steps: readonly (Partial<StoredStep> & Pick<StoredStep, "name" | "status">)[],
): RunningRun {
  return { record: recordOf({ version: plan.version, ...record }), plan, steps: steps.map(storedStep) };
}

export function requestOf(draft: Partial<RunRequest> & Pick<RunRequest, "key">): RunRequest {
  return {
    pipeline: "orders",
    partition: null,
    params: null,
    trigger: "schedule",
    scheduledFor: now - 60_000,
    backfill: null,
    notBefore: now - 60_000,
    createdAt: now - 60_000,
    ...draft,
  };
}

export function pipelineOf(plan: Plan | null, draft: Partial<PipelineSituation> = {}): PipelineSituation {
  return {
    pipeline: "orders",
    plan,
    schedule: null,
    requests: [],
    waiting: draft.requests?.length ?? 0,
    running: [],
    backfills: [],
    lastRun: null,
    updated: [],
    ...draft,
  };
}
