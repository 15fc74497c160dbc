// What never changes of a run and of its plan, kept in memory while the run is open: with it, a commit needs no query.
import type { Plan } from "../../pipeline/plan.ts";
import { SluiceError } from "../../errors.ts";
import type { Database } from "./database.ts";

export interface PlanSteps {
  readonly names: readonly string[];
  readonly kinds: readonly string[];
  /** Positions by name. */
  readonly positions: ReadonlyMap<string, number>;
}

export interface KnownRun {
  readonly id: string;
  readonly sequence: number;
  readonly pipeline: string;
  readonly partition: string | null;
  readonly createdAt: number;
  readonly plan: PlanSteps;
}

export interface KnownRuns {
  /** The steps of a plan; null for one that was never saved. */
  plan(version: string): PlanSteps | null;
  find(id: string): KnownRun | null;
  /** Keeps what was found or made, until it is forgotten. */
  keep(run: KnownRun): void;
  forget(id: string): void;
}

/** How many plans are kept: enough for every pipeline of a project, not for every version of a day's work on them. */
const plansKept = 256;

export function createKnownRuns(database: Database): KnownRuns {
  const runs = new Map<string, KnownRun>();
  const plans = new Map<string, PlanSteps>();
  const plan = (version: string): PlanSteps | null => {
    const known = plans.get(version);
    if (known !== undefined) return known;
    const loaded = loadPlan(database, version);
    if (loaded === null) return null;
    const names = loaded.steps.map((step) => step.name);
    const steps = {
      names,
      kinds: loaded.steps.map((step) => step.kind),
      positions: new Map(names.map((name, position) => [name, position])),
    };
    if (plans.size >= plansKept) plans.clear();
    plans.set(version, steps);
    return steps;
  };
  return {
    plan,
    find: (id) => {
      const known = runs.get(id);
      if (known !== undefined) return known;
      const row = database
        .prepare("SELECT sequence, pipeline, partition, version, created_at FROM runs WHERE id = ?")
        .get(id) as FactsRow | undefined;
      if (row === undefined) return null;
      const { sequence, pipeline, partition, created_at: createdAt } = row;
      return { id, sequence, pipeline, partition, createdAt, plan: plan(row.version)! };
    },
    keep: (run) => void runs.set(run.id, run),
    forget: (id) => void runs.delete(id),
  };
}

interface FactsRow {
  sequence: number;
  pipeline: string;
  partition: string | null;
  version: string;
  created_at: number;
}

export function loadPlan(database: Database, version: string): Plan | null {
  const row = database.prepare("SELECT plan FROM plans WHERE version = ?").get(version) as { plan: string } | undefined;
  return row === undefined ? null : (JSON.parse(row.plan) as Plan);
}

/** Where a step stands in its run's plan. */
export function positionOf(run: KnownRun, step: string): number {
  const position = run.plan.positions.get(step);
  if (position === undefined) throw new SluiceError("INTERNAL", `Run ${run.id} has no step "${step}"`);
  return position;
}
