// Whether one seed's worlds are as they should be: the world with faults keeps every rule, and ends as the world without.
import { differences } from "./compare.ts";
import { simulate, type Simulated } from "./simulate.ts";
import type { FaultKind, PlantedFault } from "./world.ts";

export interface SeedReport {
  readonly acts: number;
  readonly runs: number;
  readonly processes: number;
  readonly compared: boolean;
  readonly faults: ReadonlyMap<FaultKind, number>;
}

/** Throws, with the command that replays the seed, when a rule is broken or the worlds differ. */
export async function checkSeed(seed: number, planted?: PlantedFault): Promise<SeedReport> {
  const rough = await simulate({ seed, faults: faultsOf(seed), ...(planted === undefined ? {} : { planted }) });
  const calm = rough.workload.tame ? await simulate({ seed, faults: 0 }) : null;
  const breaches = breachesOf(seed, calm, rough);
  if (breaches.length > 0) throw new Error(breaches.join("\n"));
  return {
    acts: rough.acts + (calm?.acts ?? 0),
    runs: rough.runs.length,
    processes: rough.processes,
    compared: calm !== null,
    faults: rough.faults,
  };
}

/** How many faults the world of a seed has in it. */
export function faultsOf(seed: number): number {
  return 1 + (seed % 16);
}

function breachesOf(seed: number, calm: Simulated | null, rough: Simulated): string[] {
  const told = (breaches: readonly string[], where: string): string[] =>
    breaches.length === 0
      ? []
      : [
          `seed ${seed}, ${where}. Replay: npm run simulate -- --seed ${seed}`,
          ...breaches.slice(0, 12).map((line) => `  ${line}`),
        ];
  if (rough.breaches.length > 0) return told(rough.breaches, "the world with faults");
  if (calm === null) return [];
  if (calm.breaches.length > 0) return told(calm.breaches, "the world without faults");
  return told(differences(calm, rough), "compared with the world without faults");
}
