// What an attempt needs to be let start, read off its step's plan: slots of pools, its place under a concurrency key, a
// share of the machine.
import type { PlanStep } from "../../pipeline/plan.ts";
import type { Need } from "./admission.ts";

export interface Machine {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

export interface Needs {
  readonly needs: readonly Need[];
  /** Equal for all that need the same; "" for those that need nothing. */
  readonly lane: string;
}

const nothing: Needs = { needs: [], lane: "" };

/**
 * What an attempt at this step needs. A pool that the configuration no longer has, which only a run of an older version can
 * ask for, lets one at a time pass.
 *
 * @param key What its concurrency is counted by: the step's own key, or that of its item; null when it has no limit.
 */
export function needsOf(
  step: PlanStep,
  key: string | null,
  pools: () => Readonly<Record<string, number>>,
  machine: () => Machine,
): Needs {
  const needs: Need[] = [];
  for (const [name, amount] of Object.entries(step.pools))
    needs.push({ resource: `pool ${name}`, amount, limit: () => slotsOf(pools(), name) });
  if (step.concurrency !== null && key !== null) {
    const { limit } = step.concurrency;
    needs.push({ resource: `key ${key}`, amount: 1, limit: () => limit });
  }
  const { cpus, memory } = step.resources;
  if (cpus > 0) needs.push({ resource: "cpus", amount: cpus, limit: () => machine().cpus });
  if (memory > 0) needs.push({ resource: "memory", amount: memory, limit: () => machine().memory });
  if (needs.length === 0) return nothing;
  return { needs, lane: JSON.stringify(needs.map(({ resource, amount, limit }) => [resource, amount, limit()])) };
}

function slotsOf(pools: Readonly<Record<string, number>>, name: string): number {
  return Object.hasOwn(pools, name) ? pools[name]! : 1;
}
