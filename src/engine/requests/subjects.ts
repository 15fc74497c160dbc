// What an instruction is about: found by name, or an error that says what there is instead.
import { SluiceError } from "../../errors.ts";
import type { Plan, PlanStep } from "../../pipeline/plan.ts";
import { planGraph } from "../state-machine/plan-graph.ts";

/** How many names are listed in a hint. */
const listed = 12;

export function planNamed(plans: ReadonlyMap<string, Plan>, pipeline: string): Plan {
  const plan = plans.get(pipeline);
  if (plan !== undefined) return plan;
  throw new SluiceError("NOT_FOUND", `There is no pipeline "${pipeline}"`, {
    hint: plans.size === 0 ? "The folder pipelines/ defines none." : `There are ${names([...plans.keys()])}.`,
  });
}

export function stepNamed(plan: Plan, step: string): PlanStep {
  const graph = planGraph(plan);
  const position = graph.positions.get(step);
  if (position !== undefined) return graph.steps[position]!;
  throw new SluiceError("NOT_FOUND", `Pipeline "${plan.pipeline}" has no step "${step}"`, {
    hint: `Its steps are ${names(graph.steps.map(({ name }) => name))}.`,
  });
}

export function noSuchRun(run: string): SluiceError {
  return new SluiceError("NOT_FOUND", `There is no run "${run}"`, {
    hint: "List runs with: sluice runs. The beginning of an id will do, where only one run's begins with it.",
  });
}

export function noPartitions(pipeline: string): SluiceError {
  return new SluiceError("USAGE", `Pipeline "${pipeline}" has no partitions to backfill`, {
    hint: `Run it: sluice run ${pipeline}`,
  });
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, listed).join(", ");
  return all.length > listed ? `${shown} and ${all.length - listed} more` : shown;
}
