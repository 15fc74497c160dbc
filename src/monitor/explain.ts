// Says of every step of a run what it waits for or how it ended, and of a run that was left behind how to go on. It
// reads what is stored and decides nothing.
import type { RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import type { Plan } from "../pipeline/plan.ts";
import { explainStep, type StepExplanation } from "./explain-step.ts";
import { isoTime } from "./run-view.ts";
import { listed, runCommand, shellWord } from "./sentence.ts";
import { plannedStep, type AwaitedRun, type Situation } from "./situation.ts";

export type { StepExplanation };

export interface ExplainRequest {
  readonly record: RunRecord;
  readonly steps: readonly StoredStep[];
  /** The plan the run was started with; null when the store doesn't have it. */
  readonly plan: Plan | null;
  readonly situation: Situation;
  /** What held steps wait for, by step. */
  readonly awaited: ReadonlyMap<string, readonly AwaitedRun[]>;
}

export interface Explanation {
  /** One sentence about it. */
  readonly summary: string;
  /** Is it stored as running, with no process to run it? */
  readonly interrupted: boolean;
  /** The command that goes on with it, or runs it again; null when there is nothing to do. */
  readonly command: string | null;
  readonly steps: readonly StepExplanation[];
}

export function explainRun(request: ExplainRequest): Explanation {
  const { record, situation } = request;
  const interrupted = record.status === "running" && situation.holder === null;
  const run = { record, steps: request.steps, plan: request.plan };
  const steps = request.steps.map((step) => explainStep(step, { run, situation, awaited: request.awaited }));
  return {
    summary: summarize(request, interrupted, steps),
    interrupted,
    command: commandFor(request, interrupted, steps),
    steps,
  };
}

function commandFor(
  { record }: ExplainRequest,
  interrupted: boolean,
  steps: readonly StepExplanation[],
): string | null {
  const decision = steps.find((step) => step.command !== null)?.command ?? null;
  if (interrupted) return decision ?? runCommand(record.pipeline, record.partition);
  if (record.status === "failed" || record.status === "cancelled") return `sluice rerun ${shellWord(record.id)}`;
  return decision;
}

function summarize(request: ExplainRequest, interrupted: boolean, explained: readonly StepExplanation[]): string {
  const { record, steps, situation } = request;
  const open = explained.filter((step) => step.waitsOn !== null);
  const left = `${open.length} of ${steps.length} steps ${open.length === 1 ? "is" : "are"} not finished`;
  if (interrupted) return `The run was interrupted: it is stored as running, but no process works on it. ${left}.`;
  const named = (status: StoredStep["status"]): string[] =>
    steps.filter((step) => step.status === status).map((step) => step.name);
  switch (record.status) {
    case "running":
      return `The run is under way (${situation.holder}). ${left}.${onlyHeld(open)}`;
    case "succeeded": {
      const failed = named("failed");
      // The last steps decide how a run ends, so failures before them may be hidden.
      const hidden =
        failed.length === 0
          ? ""
          : ` ${listed(failed, 6)} failed, and the steps after ${failed.length === 1 ? "it" : "them"} dealt with that.`;
      return `The run succeeded at ${isoTime(record.finishedAt)}.${hidden}`;
    }
    case "failed": {
      const failed = named("failed").filter((name) => plannedStep(request.plan, name)?.teardownOf == null);
      const why = failed.length === 0 ? reasonOf(steps) : `, because ${listed(failed, 6)} failed`;
      return `The run failed at ${isoTime(record.finishedAt)}${why}.`;
    }
    case "cancelled":
      return `The run was cancelled at ${isoTime(record.finishedAt)}${reasonOf(steps)}.`;
  }
}

/** Says so when nothing happens until somebody, or another run, does something. */
function onlyHeld(open: readonly StepExplanation[]): string {
  const moving = open.filter((step) => step.waitsOn !== "steps");
  if (moving.length === 0 || !moving.every((step) => step.waitsOn === "decision" || step.waitsOn === "run")) return "";
  const people = moving.filter((step) => step.waitsOn === "decision").map((step) => step.name);
  return people.length === 0 ? " It waits for other runs." : ` It waits for a person: ${listed(people, 6)}.`;
}

function reasonOf(steps: readonly StoredStep[]): string {
  const reason = steps.find((step) => step.status === "cancelled" && step.reason !== null)?.reason;
  return reason ? `: ${reason}` : "";
}
