// What must hold at the end of a world, when everything has been done that ever will be.
import type { StoredRun } from "../../src/engine/stores/run-store.ts";
import { isEnd, type StepState } from "../../src/engine/state-machine/state.ts";
import type { NamedList } from "../../src/named-list.ts";
import { outputOf } from "../../src/engine/state-machine/step-output.ts";
import { isEffectful } from "./drawn-pipeline.ts";
import { noticeBreaches } from "./notice-checks.ts";
import type { People } from "./people.ts";
import { requestBreaches } from "./request-checks.ts";
import { booksOf, valueFrom } from "./workers.ts";
import type { KnownRun, World } from "./world.ts";

export async function finalBreaches(world: World, people: People): Promise<string[]> {
  const runs: KnownRun[] = [];
  for (const run of world.runs.values()) runs.push({ ...run, stored: (await world.store.run(run.record.id))! });
  return [
    ...(await storeBreaches(world, runs)),
    ...runs.flatMap((run) => runBreaches(run)),
    ...runs.flatMap((run) => effectBreaches(world, run)),
    ...runs.flatMap((run) => rerunBreaches(world, run)),
    ...fenceBreaches(world),
    ...(await requestBreaches(world, runs, people)),
    ...(await noticeBreaches(world, runs)),
  ];
}

async function storeBreaches({ store }: World, runs: readonly KnownRun[]): Promise<string[]> {
  const breaches: string[] = [];
  const live = await store.live();
  for (const { runId, step, item, attempt } of live)
    breaches.push(`${runId}/${step}[${item}]#${attempt} is kept as live, and nothing is under way`);
  for (const { stored, plan } of runs) {
    const attempts = await store.attempts(stored.record.id, { limit: 10_000 });
    const seen = new Set<string>();
    // A sensor's attempt that looked in vain has succeeded in looking.
    const senses = new Set(plan.steps.filter(({ control }) => control.type === "sense").map(({ name }) => name));
    for (const { step, item, attempt, status } of attempts) {
      const name = `${stored.record.id}/${step}[${item}]#${attempt}`;
      if (seen.has(name)) breaches.push(`${name} is kept twice as an attempt`);
      seen.add(name);
      const known = stored.state.steps.get(step)!;
      const work = item === null ? known : known.items?.[item];
      if (work === undefined || attempt > work.attempts)
        breaches.push(`${name} is kept as an attempt, and was never made`);
      else if (attempt < work.attempts && status === "succeeded" && !senses.has(step))
        breaches.push(`${name} is kept as succeeded, and another one was made`);
    }
    for (const [step, state] of stored.state.steps) {
      const works = state.items ?? [state];
      for (const [position, work] of works.entries()) {
        const item = state.items === null ? null : position;
        // The attempt whose word counted must be on record.
        const told =
          work.status === "succeeded" &&
          work.reason === null &&
          state.reusedFrom === null &&
          work.attempts > 0 &&
          !isTakenOver(runs, stored, step, item);
        if (told && !seen.has(`${stored.record.id}/${step}[${item}]#${work.attempts}`))
          breaches.push(`${stored.record.id}/${step}[${item}] succeeded, and its attempt ${work.attempts} is not kept`);
      }
    }
  }
  return breaches;
}

function runBreaches({ stored, plan }: KnownRun): string[] {
  const { record, state } = stored;
  const breaches: string[] = [];
  const breach = (what: string): void => void breaches.push(`${record.id} ${what}`);
  if (record.status === "running") breach("is left open");
  if (record.status !== state.status) breach(`is ${record.status} by its record and ${state.status} by its state`);
  for (const [name, step] of state.steps) {
    if (!isEnd(step.status)) breach(`${name} is left open as ${step.status}`);
    for (const [position, work] of (step.items ?? [step]).entries()) {
      const output = work.output as { attempt?: number } | null;
      const own = step.reusedFrom === null && work.status === "succeeded";
      if (own && typeof output?.attempt === "number" && output.attempt !== work.attempts)
        breach(`${name}[${position}] has the word of attempt ${output.attempt}, and made ${work.attempts}`);
    }
  }
  const expected = expectedStatus(plan, state.steps);
  if (state.ending === null && record.status !== expected)
    breach(`is ${record.status}, and its leaves make it ${expected}`);
  return breaches;
}

/** As the last steps are, teardowns aside. */
function expectedStatus({ steps }: KnownRun["plan"], states: NamedList<StepState>): string {
  const needed = new Set(steps.filter((step) => step.teardownOf === null).flatMap((step) => step.dependsOn));
  const leaves = steps
    .filter((step) => step.teardownOf === null && !needed.has(step.name))
    .map(({ name }) => states.get(name)!.status);
  if (leaves.some((status) => status === "failed" || status === "upstream-failed")) return "failed";
  return leaves.includes("cancelled") ? "cancelled" : "succeeded";
}

/** What succeeded has had its effect exactly once, and what was written is what the step makes of its inputs. */
function effectBreaches(world: World, run: KnownRun): string[] {
  const { keys } = booksOf(world);
  const breaches: string[] = [];
  const { record, state } = run.stored;
  for (const planned of run.plan.steps) {
    if (!isEffectful(planned)) continue;
    const step = state.steps.get(planned.name)!;
    const works = step.items ?? (planned.control.type === "map" ? [] : [step]);
    for (const [position, work] of works.entries()) {
      const item = step.items === null ? null : position;
      const name = `${record.id}/${planned.name}${item === null ? "" : `[${item}]`}`;
      const key = keys.get(name);
      const rows =
        key === undefined
          ? []
          : world.sink.written.filter((row) => row.loadKey === key || row.loadKey.startsWith(`${key}/`));
      if (rows.length > 1)
        breaches.push(`${name} has its effect ${rows.length} times: ${rows.map((row) => row.by.name).join(", ")}`);
      const worked =
        work.status === "succeeded" &&
        work.reason === null &&
        step.reusedFrom === null &&
        work.attempts > 0 &&
        !isTakenOver(world.runs.values(), run.stored, planned.name, item);
      if (worked && rows.length === 0) breaches.push(`${name} succeeded without its effect`);
      // Inputs of a run that runs again may have come from the run before.
      if (!worked || rows.length === 0 || run.pipeline.untimely.has(planned.name) || record.rerunOf !== null) continue;
      const inputs = Object.fromEntries(planned.dependsOn.map((other) => [other, outputOf(state.steps.get(other)!)]));
      const value = valueFrom(run, planned, item, inputs);
      if (rows[0]!.value !== value) breaches.push(`${name} wrote ${rows[0]!.value}, and its inputs make ${value}`);
    }
  }
  return breaches;
}

/** What did not succeed may have had its effect all the same: done again from the same inputs, it is the same effect. */
function rerunBreaches(world: World, { record, stored, plan }: KnownRun): string[] {
  if (record.rerunOf === null) return [];
  const { keys } = booksOf(world);
  const before = world.runs.get(record.rerunOf)!.stored.state.steps;
  return plan.steps.filter(isEffectful).flatMap((planned) => {
    const step = stored.state.steps.get(planned.name)!;
    const sameInputs = planned.dependsOn.every((name) => stored.state.steps.get(name)!.reusedFrom !== null);
    if (before.get(planned.name)!.status === "succeeded" || step.reusedFrom !== null || !sameInputs) return [];
    const [key, keyBefore] = [keys.get(`${record.id}/${planned.name}`), keys.get(`${record.rerunOf}/${planned.name}`)];
    if (key === undefined || keyBefore === undefined || key === keyBefore) return [];
    return [`${record.id}/${planned.name} is tried again under another key than in ${record.rerunOf}`];
  });
}

/** In no place has anyone written after somebody who came later. */
function fenceBreaches({ sink }: World): string[] {
  const breaches: string[] = [];
  for (const [slot, rows] of Map.groupBy(sink.written, (row) => row.slot)) {
    for (const [position, { by }] of rows.entries()) {
      const before = rows.slice(0, position).find((other) => other.by.fence > by.fence);
      if (before !== undefined) breaches.push(`${by.name} wrote to ${slot} after ${before.by.name}, which came later`);
    }
  }
  return breaches;
}

/** Items that had succeeded are taken over by a run that runs the rest of them again. */
function isTakenOver(runs: Iterable<KnownRun>, { record }: StoredRun, step: string, item: number | null): boolean {
  if (item === null || record.rerunOf === null) return false;
  const before = [...runs].find((run) => run.record.id === record.rerunOf);
  return before?.stored.state.steps.get(step)?.items?.[item]?.status === "succeeded";
}
