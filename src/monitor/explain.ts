// Says of every step of a run what it waits for or how it ended, and of a run that was left behind how to go on. It
// reads what is stored and decides nothing.
import type { RunRecord, StoredStep } from "../engine/run-store.ts";
import type { StepStatus } from "../engine/state.ts";
import type { Plan } from "../pipeline/plan.ts";
import { isoTime } from "./run-view.ts";

export interface ExplainRequest {
  readonly record: RunRecord;
  readonly steps: readonly StoredStep[];
  /** The plan the run was started with; null when the store doesn't have it. */
  readonly plan: Plan | null;
  /** The process that works on the state folder now, as "process 123: sluice run …"; null when none does. */
  readonly holder: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface StepExplanation {
  readonly name: string;
  readonly status: StepStatus;
  /** A sentence without its subject: "waits for clean (queued)". */
  readonly because: string;
  /** Names of the steps it waits for. */
  readonly waitsFor: readonly string[];
}

export interface Explanation {
  /** One sentence about the run. */
  readonly summary: string;
  /** Is it stored as running, with no process to run it? */
  readonly interrupted: boolean;
  /** The command that goes on with it, or runs it again; null when there is nothing to do. */
  readonly command: string | null;
  readonly steps: readonly StepExplanation[];
}

export function explainRun(request: ExplainRequest): Explanation {
  const { record, holder } = request;
  const interrupted = record.status === "running" && holder === null;
  const again = `sluice run ${record.pipeline}${record.partition === null ? "" : ` --partition ${record.partition}`}`;
  return {
    summary: summarize(request, interrupted),
    interrupted,
    command: interrupted || record.status === "failed" || record.status === "cancelled" ? again : null,
    steps: request.steps.map((step) => explainStep(step, request)),
  };
}

function summarize({ record, steps, holder }: ExplainRequest, interrupted: boolean): string {
  const open = steps.filter(
    (step) => step.status === "waiting" || step.status === "queued" || step.status === "retrying",
  ).length;
  const left = `${open} of ${steps.length} steps ${open === 1 ? "is" : "are"} not finished`;
  if (interrupted) return `The run was interrupted: it is stored as running, but no process works on it. ${left}.`;
  switch (record.status) {
    case "running":
      return `The run is under way (${holder}). ${left}.`;
    case "succeeded":
      return `The run succeeded at ${isoTime(record.finishedAt)}.`;
    case "failed": {
      const failed = steps.filter((step) => step.status === "failed").map((step) => step.name);
      return `The run failed at ${isoTime(record.finishedAt)}, because ${listed(failed)} failed.`;
    }
    case "cancelled": {
      const reason = steps.find((step) => step.status === "cancelled")?.reason;
      return `The run was cancelled at ${isoTime(record.finishedAt)}${reason ? `: ${reason}` : ""}.`;
    }
  }
}

function explainStep(step: StoredStep, request: ExplainRequest): StepExplanation {
  const waitsFor = step.status === "waiting" ? openDependencies(step, request) : [];
  return { name: step.name, status: step.status, because: because(step, request, waitsFor), waitsFor };
}

function because(step: StoredStep, { steps, plan, holder, now }: ExplainRequest, waitsFor: readonly string[]): string {
  const limit = plan?.steps.find((item) => item.name === step.name)?.retry.limit ?? null;
  const error = step.error === null ? "" : `${step.error.code}: ${step.error.message}`;
  const hint = step.error?.hint === undefined ? "" : ` ${step.error.hint}`;
  switch (step.status) {
    case "waiting": {
      const named = waitsFor.map(
        (name) => `${name} (${steps.find((other) => other.name === name)?.status ?? "unknown"})`,
      );
      return named.length === 0 ? "waits to be started" : `waits for ${listed(named)}`;
    }
    case "queued":
      if (holder === null)
        return `attempt ${step.attempts} was under way when the process stopped; it starts again when the run is resumed`;
      return `attempt ${step.attempts} runs, or waits for a free worker`;
    case "retrying": {
      const wait = Math.max(0, Math.ceil(((step.wakeAt ?? now) - now) / 1000));
      const of = limit === null ? "" : ` of ${limit + 1}`;
      const due = wait > 0 ? `waits until ${isoTime(step.wakeAt)} (${wait} s)` : `is due since ${isoTime(step.wakeAt)}`;
      const when = holder === null ? "waits for the run to be resumed" : due;
      return `${when} for try ${step.failures + 1}${of}, after ${error}`;
    }
    case "succeeded":
      return `succeeded${step.attempts > 1 ? ` at attempt ${step.attempts}` : ""}`;
    case "failed":
      return `failed after ${step.attempts} attempt${step.attempts === 1 ? "" : "s"} with ${error}.${hint}`;
    case "skipped":
      return `skipped because ${step.reason ?? "a step before it did not succeed"}`;
    case "cancelled":
      return `cancelled${step.reason === null ? "" : `: ${step.reason}`}`;
  }
}

function openDependencies(step: StoredStep, { plan, steps }: ExplainRequest): string[] {
  const planned = plan?.steps.find((item) => item.name === step.name);
  return (planned?.dependsOn ?? []).filter(
    (name) => steps.find((other) => other.name === name)?.status !== "succeeded",
  );
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
