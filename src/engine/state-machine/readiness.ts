// May a waiting step start? Said from the ends of the steps before it, and not from the order in which they came, except
// by the rules that don't wait for all of them: a run that was interrupted goes the same way as one that was not.
import type { PlanStep, TriggerRule } from "../../pipeline/plan.ts";
import type { Draft } from "./draft.ts";
import { isEnd, type StepState, type StepStatus } from "./state.ts";
import { endKind, isCulprit, openEnds, triggerVerdict } from "./trigger-rule.ts";

export type Readiness =
  | { readonly verdict: "wait" }
  | { readonly verdict: "start" }
  | { readonly verdict: "skipped" | "upstream-failed"; readonly reason: string };

const wait: Readiness = { verdict: "wait" };
const start: Readiness = { verdict: "start" };

export function readinessOf(draft: Draft, position: number): Readiness {
  const planned = draft.graph.steps[position]!;
  if (planned.teardownOf !== null) return teardownReadiness(draft, position, planned.teardownOf);
  const cuts = draft.graph.shortCircuitsAbove[position]!;
  for (const cut of cuts) {
    if (isClosed(draft.step(cut)))
      return { verdict: "skipped", reason: `${draft.graph.steps[cut]!.name} ended this path` };
  }
  return byBranches(draft, planned) ?? byTrigger(draft, position, cuts);
}

/** Has this short-circuit said that what follows it is not to run? */
function isClosed({ status, output }: StepState): boolean {
  return status === "succeeded" && output === false;
}

/** A teardown runs once everything between it and its set-up has ended, however it has. */
function teardownReadiness(draft: Draft, position: number, setUp: string): Readiness {
  if (openEnds(draft.ends(position)) > 0) return wait;
  const { status } = draft.step(draft.graph.positions.get(setUp)!);
  return status === "succeeded" ? start : { verdict: "skipped", reason: `${setUp} ${pastTense(status)}` };
}

/** Null when the branches have nothing against the step, or did not get to choose: then it goes by its trigger rule. */
function byBranches(draft: Draft, { when }: PlanStep): Readiness | null {
  for (const { step, outcome } of when) {
    const branch = draft.step(draft.graph.positions.get(step)!);
    if (!isEnd(branch.status)) return wait;
    if (branch.status !== "succeeded") continue;
    const chosen = outcomesOf(branch.output);
    if (chosen.includes(outcome)) continue;
    return { verdict: "skipped", reason: `${step} chose ${listed(chosen)}, not ${outcome}` };
  }
  return null;
}

function outcomesOf(output: unknown): readonly string[] {
  return [output].flat().filter((label) => typeof label === "string");
}

function byTrigger(draft: Draft, position: number, cuts: readonly number[]): Readiness {
  const isOpen = (name: string): boolean => {
    const other = draft.graph.positions.get(name);
    return other !== undefined && !isEnd(draft.step(other).status);
  };
  const { trigger, control } = draft.graph.steps[position]!;
  const verdict = triggerVerdict(trigger, draft.ends(position));
  if (verdict === "wait") return wait;
  // A short-circuit that is still to speak may skip the step, whether it is known early that it can't start, or the steps
  // between the two have ended early: what becomes of it must not depend on who comes first.
  const mayBeCut = cuts.some((cut) => !isEnd(draft.step(cut).status));
  if (mayBeCut && !(verdict === "start" && isEager(trigger))) return wait;
  // However eager its rule, a mapped step has to know what it maps over.
  if (verdict === "start") return control.type === "map" && control.over.some(isOpen) ? wait : start;
  const culprits = draft.graph.dependencies[position]!.filter((other) => {
    const kind = endKind(draft.step(other).status);
    return kind !== null && isCulprit(trigger, verdict, kind);
  });
  const first = culprits[0]!;
  const clause = `${draft.graph.steps[first]!.name} ${pastTense(draft.step(first).status)}`;
  const others = culprits.length - 1;
  return { verdict, reason: others === 0 ? clause : `${clause}, and ${others} more` };
}

/** Does the rule let a step start while others before it are still open? */
function isEager(trigger: TriggerRule): boolean {
  return trigger === "always" || trigger.startsWith("one-");
}

function pastTense(status: StepStatus): string {
  switch (status) {
    case "failed":
    case "succeeded":
      return status;
    case "upstream-failed":
      return "could not start";
    default:
      return `was ${status}`;
  }
}

function listed(labels: readonly string[]): string {
  return labels.length === 0 ? "nothing" : labels.join(" and ");
}
