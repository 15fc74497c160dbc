// How the steps of a plan hang together, by their positions in it. Derived from the plan once and kept with it, so that
// an event costs no look at steps that it doesn't concern.
import { SluiceError } from "../../errors.ts";
import type { Plan, PlanStep } from "../../pipeline/plan.ts";

export interface PlanGraph {
  readonly steps: readonly PlanStep[];
  /** Where a step of this name is. */
  readonly positions: ReadonlyMap<string, number>;
  /** What each step waits for: all it depends on, the branches it is for, what it maps over, and what it tears down. */
  readonly dependencies: readonly (readonly number[])[];
  /** What waits for each step, in plan order. */
  readonly dependents: readonly (readonly number[])[];
  /** Short-circuits that each step follows, directly or through others. */
  readonly shortCircuitsAbove: readonly (readonly number[])[];
  /** All that follows a short-circuit, in plan order. */
  readonly belowShortCircuit: ReadonlyMap<number, readonly number[]>;
  /** Steps that nothing depends on but teardowns; a teardown is none itself. They decide how a run ends. */
  readonly leaves: readonly number[];
}

const graphs = new WeakMap<Plan, PlanGraph>();

export function planGraph(plan: Plan): PlanGraph {
  const known = graphs.get(plan);
  if (known !== undefined) return known;
  const graph = makeGraph(plan);
  graphs.set(plan, graph);
  return graph;
}

function makeGraph(plan: Plan): PlanGraph {
  const { steps } = plan;
  const positions = new Map(steps.map((step, position) => [step.name, position]));
  const dependencies = steps.map((step, position) =>
    dependencyNames(step, positions).map((name) => {
      const other = positions.get(name);
      if (other !== undefined && other < position) return other;
      throw new SluiceError(
        "INTERNAL",
        `In pipeline ${plan.pipeline}, ${step.name} depends on ${name}, which is not before it`,
      );
    }),
  );
  const dependents: number[][] = steps.map(() => []);
  for (const [position, before] of dependencies.entries())
    for (const other of before) dependents[other]!.push(position);
  const shortCircuitsAbove = cutsAbove(steps, dependencies);
  return {
    steps,
    positions,
    dependencies,
    dependents,
    shortCircuitsAbove,
    belowShortCircuit: invert(shortCircuitsAbove),
    leaves: steps.flatMap(({ teardownOf }, position) =>
      teardownOf === null && dependents[position]!.every((other) => steps[other]!.teardownOf !== null)
        ? [position]
        : [],
    ),
  };
}

function dependencyNames(
  { dependsOn, when, control, teardownOf }: PlanStep,
  positions: ReadonlyMap<string, number>,
): readonly string[] {
  const branches = when.map(({ step }) => step);
  // A source that there is not fails the step when it begins, and nothing else.
  const sources = control.type === "map" ? control.over.filter((name) => positions.has(name)) : [];
  return [...new Set([...dependsOn, ...branches, ...sources, ...(teardownOf === null ? [] : [teardownOf])])];
}

function cutsAbove(
  steps: readonly PlanStep[],
  dependencies: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const above: (readonly number[])[] = [];
  for (const position of steps.keys()) {
    const found = new Set<number>();
    for (const other of dependencies[position]!) {
      if (steps[other]!.control.type === "short-circuit") found.add(other);
      for (const cut of above[other]!) found.add(cut);
    }
    above.push([...found]);
  }
  return above;
}

function invert(above: readonly (readonly number[])[]): ReadonlyMap<number, readonly number[]> {
  const below = new Map<number, number[]>();
  for (const [position, cuts] of above.entries()) {
    for (const cut of cuts) {
      const list = below.get(cut);
      if (list === undefined) below.set(cut, [position]);
      else list.push(position);
    }
  }
  return below;
}
