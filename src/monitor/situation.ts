// What is going on in the engine at one moment, as far as explanations need it: plain data, gathered elsewhere.
import type { BackfillRecord, RunRequest, ScheduleState } from "../engine/stores/request-store.ts";
import type { LiveAttempt, RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import type { RunStatus, StepStatus } from "../engine/state-machine/state.ts";
import type { Plan, PlanStep } from "../pipeline/plan.ts";

export interface RunningRun {
  readonly record: RunRecord;
  readonly steps: readonly StoredStep[];
  /** The plan the run was started with; null when the store doesn't have it. */
  readonly plan: Plan | null;
}

export interface Situation {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The process that works on the state folder, as "process 123: sluice serve"; null when none does. */
  readonly holder: string | null;
  /** Does that process start what schedules ask for? Null when it is not known. */
  readonly schedules: boolean | null;
  /** Sizes of the pools; null when they are not known. */
  readonly pools: Readonly<Record<string, number>> | null;
  /** How many attempts are handed to workers at a time; null when it is not known. */
  readonly capacity: number | null;
  /** What the machine has, in CPUs and bytes; null when it is not known. */
  readonly machine: { readonly cpus: number; readonly memory: number } | null;
  /** Attempts under way in all runs. One that began less than a second ago may be missing. */
  readonly live: readonly LiveAttempt[];
  /** Runs that have not ended, the oldest first. */
  readonly running: readonly RunningRun[];
}

/** A run of another partition or pipeline that a held step waits for. */
export interface AwaitedRun {
  readonly pipeline: string;
  readonly partition: string | null;
  /** A step of it; null for the whole run. */
  readonly step: string | null;
  /** Its newest run; null when there is none. */
  readonly run: { readonly id: string; readonly status: RunStatus } | null;
  /** How that step stands in the newest run. */
  readonly stepStatus: StepStatus | null;
  readonly met: boolean;
}

/** What is asked of a pipeline, and what it does by itself. */
export interface PipelineSituation {
  readonly pipeline: string;
  /** The plan that its next run gets. */
  readonly plan: Plan | null;
  readonly schedule: ScheduleState | null;
  /** The oldest of what waits, and how many there are. */
  readonly requests: readonly RunRequest[];
  readonly waiting: number;
  /** Runs that have not ended, those of backfills among them. */
  readonly running: readonly RunRecord[];
  readonly backfills: readonly BackfillRecord[];
  readonly lastRun: RunRecord | null;
  /** Which of the assets it waits for were updated since its last run for them. */
  readonly updated: readonly string[];
}

/** The step of a running run's plan, by name. */
export function plannedStep(plan: Plan | null, name: string): PlanStep | null {
  return plan?.steps.find((step) => step.name === name) ?? null;
}

/** "orders-1a2b/publish", with the item where the step is mapped: "orders-1a2b/size[17]". */
export function workName(work: {
  readonly runId: string;
  readonly step: string;
  readonly item: number | null;
}): string {
  return `${work.runId}/${work.step}${work.item === null ? "" : `[${work.item}]`}`;
}
