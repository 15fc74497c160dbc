// The whole engine in worlds where everything goes wrong, one world per seed. SLUICE_SIMULATION_SECONDS=n tries as many
// seeds as n seconds hold; `npm run simulate` tries as many as one likes, and replays one.
import { describe, expect, it } from "vitest";
import { checkSeed } from "./check-seed.ts";
import { differences } from "./compare.ts";
import { simulate } from "./simulate.ts";
import { addReport, emptyTally, tallyText } from "./tally.ts";
import type { FaultKind, PlantedFault } from "./world.ts";

const seconds = Number(process.env["SLUICE_SIMULATION_SECONDS"] ?? (process.env["CI"] === undefined ? 5 : 120));

const kinds: readonly FaultKind[] = [
  "process dies",
  "process told to stop",
  "call lost with its process",
  "call takes effect, answer lost with its process",
  "commit arrives after its process is gone",
  "call refused, without effect",
  "call refused, after it took effect",
  "disk full",
  "clock forward",
  "clock back",
  "worker dies",
  "worker given up works on",
  "worker writes late",
  "late writer refused",
  "executor rejects",
  "hook refuses",
  "hook told, answer lost",
];

describe("the engine, simulated", () => {
  it(
    `keeps every rule, and ends as it would have without the faults: as many seeds as ${seconds} s hold`,
    { timeout: (seconds + 120) * 1_000 },
    async () => {
      const tally = emptyTally();
      const until = performance.now() + seconds * 1_000;
      for (let seed = 1; performance.now() < until || seed <= 50; seed += 1) addReport(tally, await checkSeed(seed));
      console.log(tallyText(tally));
      // What never goes wrong proves nothing.
      if (tally.seeds >= 500) expect(kinds.filter((kind) => (tally.faults[kind] ?? 0) === 0)).toEqual([]);
      expect(tally.processes).toBeGreaterThan(tally.seeds * 1.2);
    },
  );

  it("goes the same way twice for one seed", async () => {
    for (const seed of [7, 8, 9, 10]) {
      const [first, second] = [
        await simulate({ seed, faults: 8, verbose: true }),
        await simulate({ seed, faults: 8, verbose: true }),
      ];
      expect(first.trace.length).toBeGreaterThan(20);
      expect(second.trace).toEqual(first.trace);
    }
  });

  it("ends alike when its process dies at any one of the moments there are", { timeout: 300_000 }, async () => {
    let moments = 0;
    for (const seed of await shortSeeds(3)) {
      const calm = await simulate({ seed, faults: 0 });
      for (let act = 1; act <= calm.acts; act += 1) {
        const crashed = await simulate({ seed, faults: 0, crashAt: act });
        expect([...crashed.breaches, ...differences(calm, crashed)], `seed ${seed}, dead at act ${act}`).toEqual([]);
        moments += 1;
      }
    }
    expect(moments).toBeGreaterThan(300);
  });
});

/** Seeds whose worlds are small enough to be crashed everywhere, and still have several things in them. */
async function shortSeeds(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let seed = 1; found.length < count && seed < 500; seed += 1) {
    const { workload, acts, runs } = await simulate({ seed, faults: 0 });
    const controls = new Set(runs.flatMap((run) => run.plan.steps.map((step) => step.control.type)));
    if (workload.tame && acts < 800 && runs.length >= 3 && controls.size >= 3 && controls.has("map")) found.push(seed);
  }
  return found;
}

// A simulation that can't fail proves nothing.
describe("a fault planted around the engine", () => {
  const planted: readonly PlantedFault[] = [
    "answers-before-commit",
    "no-revision",
    "no-request-key",
    "key-per-attempt",
    "no-fence",
    "hears-the-dead",
    "drops-notices",
  ];
  it.each(planted)("is found: %s", { timeout: 300_000 }, async (fault) => {
    const found = (seed: number): Promise<boolean> =>
      checkSeed(seed, fault).then(
        () => false,
        () => true,
      );
    for (let seed = 1; seed <= 3_000; seed += 1) if (await found(seed)) return;
    throw new Error("3,000 seeds did not find it");
  });
});
