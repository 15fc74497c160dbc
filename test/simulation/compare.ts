// Two worlds of one seed, held against each other: what depends on nothing but the seed must be the same in both.
import { canonicalJson } from "../../src/json.ts";
import { givenUp } from "./people.ts";
import type { Simulated } from "./simulate.ts";
import { withoutCircumstances } from "./workers.ts";
import type { KnownRun } from "./world.ts";

/** How the worlds differ; empty when they don't. */
export function differences(calm: Simulated, rough: Simulated): string[] {
  if (!calm.workload.tame) return [];
  // Who was given up because what it waited for did not come may be another one where time went otherwise.
  const patient = [calm, rough].every(({ runs }) => !runs.some(wasGivenUp));
  const [expected, found] = [endsOf(calm, patient), endsOf(rough, patient)];
  const names = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [expected.get(name), found.get(name)];
    return was === is
      ? []
      : [`${name} ends otherwise than without the faults:\n    ${was ?? "not at all"}\n    ${is ?? "not at all"}`];
  });
}

/** How each run ended that is sure to be made, by what it is for; without numbers of attempts, times and ids. */
function endsOf({ runs }: Simulated, patient: boolean): Map<string, string> {
  const ends = new Map<string, string>();
  for (const run of runs)
    if (run.pipeline.comparable && (patient || !waitsForRuns(run))) ends.set(run.identity, endOf(run));
  return ends;
}

function waitsForRuns({ plan }: KnownRun): boolean {
  return plan.steps.some(({ control }) => control.type === "await-run");
}

function wasGivenUp({ stored }: KnownRun): boolean {
  return stored.state.steps.values().some(({ reason }) => reason !== null && reason.includes(givenUp));
}

function endOf({ stored, record, plan }: KnownRun): string {
  const { state } = stored;
  const steps = [...state.steps].map(([name, step]) => [
    name,
    step.status,
    step.error?.code ?? null,
    // Which runs were there to be waited for may differ.
    plan.steps.find((planned) => planned.name === name)!.control.type === "await-run"
      ? null
      : withoutCircumstances(step.output),
    step.items?.map((item) => [item.status, item.error?.code ?? null, withoutCircumstances(item.output)]) ?? null,
  ]);
  return canonicalJson([record.pipeline, record.partition, record.scheduledFor, state.status, steps]);
}
