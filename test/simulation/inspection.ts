// What must hold whenever something has become durable, held against what was durable before.
import { assertInvariants } from "../../src/engine/state-machine/invariants.ts";
import type { StoredRun } from "../../src/engine/stores/run-store.ts";
import { isEnd, type StepState } from "../../src/engine/state-machine/state.ts";
import { learnRun, type World } from "./world.ts";

export function inspectNewRuns(world: World, runs: readonly StoredRun[]): void {
  for (const { record } of runs) {
    const twin = [...world.runs.values()].find(
      (other) => other.record.id !== record.id && other.record.requestKey === record.requestKey,
    );
    if (twin !== undefined)
      world.breaches.push(`${record.id} and ${twin.record.id} are for one request, ${record.requestKey}`);
  }
  for (const pipeline of new Set(runs.map(({ record }) => record.pipeline))) inspectActiveRuns(world, pipeline);
}

/** No more runs at a time than the pipeline allows; a backfill's are counted by themselves. */
function inspectActiveRuns(world: World, pipeline: string): void {
  const open = [...world.runs.values()].filter(
    ({ stored }) => stored.record.pipeline === pipeline && stored.record.status === "running",
  );
  // Who runs a run again does not wait.
  const own = open.filter(({ record }) => record.backfill === null && record.rerunOf === null);
  const { maxActiveRuns } = world.workload.pipelines.find(({ plan }) => plan.pipeline === pipeline)!.plan;
  if (own.length > maxActiveRuns)
    world.breaches.push(`${pipeline} has ${own.length} runs at a time; ${maxActiveRuns} are allowed`);
}

export function inspectCommit(world: World, stored: StoredRun): void {
  const known = world.runs.get(stored.record.id)!;
  const before = known.stored;
  learnRun(world, stored);
  tryTo(world, stored.record.id, () => assertInvariants(known.plan, stored.state));
  if (before.record.status !== "running" && stored.record.status !== before.record.status)
    world.breaches.push(`${stored.record.id} had ended as ${before.record.status} and is ${stored.record.status}`);
  for (const [name, step] of stored.state.steps) {
    const breach = brokenStep(before.state.steps.get(name)!, step);
    if (breach !== null) world.breaches.push(`${stored.record.id} ${name} ${breach}`);
  }
}

function brokenStep(before: StepState, after: StepState): string | null {
  if (isEnd(before.status) && after.status !== before.status)
    return `had ended as ${before.status} and is ${after.status}`;
  if (after.attempts < before.attempts) return `had ${before.attempts} attempts and has ${after.attempts}`;
  for (const [position, item] of (before.items ?? []).entries()) {
    const now = after.items?.[position];
    if (now === undefined) return `has lost its item ${position}`;
    if (now.attempts < item.attempts) return `item ${position} had ${item.attempts} attempts and has ${now.attempts}`;
    if (["succeeded", "failed", "cancelled"].includes(item.status) && now.status !== item.status)
      return `item ${position} had ended as ${item.status} and is ${now.status}`;
  }
  return null;
}

function tryTo(world: World, run: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    world.breaches.push(`${run}: ${(error as Error).message}`);
  }
}
