import { describe, expect, it } from "vitest";
import { assertInvariants } from "../../src/engine/invariants.ts";
import type { StoredRun } from "../../src/engine/run-store.ts";
import { simulate, type Simulated, type SimulationOptions } from "./simulate.ts";

// SLUICE_SEEDS=n tries n seeds; SLUICE_SEED=n tries that one.
const one = process.env["SLUICE_SEED"];
const seeds =
  one === undefined
    ? Array.from({ length: Number(process.env["SLUICE_SEEDS"] ?? 300) }, (_, index) => index + 1)
    : [Number(one)];

/** Holds a world with faults against the same world without. Throws, with the seed and what happened, when they differ. */
async function check(seed: number, planted?: SimulationOptions["planted"]): Promise<Simulated> {
  const calm = await simulate({ seed, faults: 0 });
  const rough = await simulate({ seed, faults: 1 + (seed % 12), ...(planted === undefined ? {} : { planted }) });
  try {
    compare(calm, rough);
  } catch (error) {
    const message = `seed ${seed} (again with SLUICE_SEED=${seed}): ${(error as Error).message}`;
    throw new Error(`${message}\n\n${rough.trace.slice(-60).join("\n")}`, { cause: error });
  }
  return rough;
}

function compare(calm: Simulated, rough: Simulated): void {
  expect(rough.backfill.backfill.status).toBe(calm.backfill.backfill.status);
  expect(ends(rough)).toEqual(ends(calm));
  for (const run of rough.runs) {
    assertInvariants(rough.plan, run.state);
    expect(run.record.status, `${run.record.id} is left open`).not.toBe("running");
    for (const [name, step] of Object.entries(run.state.steps)) {
      // The word that counted is that of the current attempt.
      if (step.status === "succeeded")
        expect((step.output as { attempt: number }).attempt, `${run.record.id} ${name}`).toBe(step.attempts);
      expect(step.failures).toBeLessThanOrEqual(4);
    }
  }
  for (const partition of new Set(calm.runs.map(({ record }) => record.partition!))) {
    const runs = rough.runs.filter(({ record }) => record.partition === partition);
    // Only a partition that failed is run again, and only by the command given again.
    const good = runs.filter(({ record }) => record.status === "succeeded");
    expect(good.length === 1 ? runs.length : 1, `${partition} was run twice`).toBe(1);
    for (const { name } of rough.plan.steps) {
      const done = runs.filter(({ state }) => state.steps[name]!.status === "succeeded").length;
      const written = rough.written.filter((row) => row.table === name && row.partition === partition);
      expect(written.length, `${partition} ${name}: written this often`).toBe(done);
      for (const row of written)
        expect(row.value).toBe(
          calm.written.find((other) => other.table === name && other.partition === partition)!.value,
        );
    }
  }
}

/** How each partition ended, without what may differ: numbers of attempts, times, ids, and which of two failures came first. */
function ends({ runs }: Simulated): Record<string, unknown> {
  const newest = new Map<string, StoredRun>();
  for (const run of [...runs].sort((a, b) => a.record.sequence - b.record.sequence))
    newest.set(run.record.partition!, run);
  return Object.fromEntries(
    [...newest]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([partition, { record, state }]) => [
        partition,
        {
          status: record.status,
          steps: Object.fromEntries(
            Object.entries(state.steps).map(([name, step]) => [
              name,
              [
                step.status,
                step.reason !== null,
                step.error?.code ?? null,
                (step.output as { value: string } | null)?.value ?? null,
              ],
            ]),
          ),
        },
      ]),
  );
}

describe("a backfill, simulated", () => {
  it(
    `ends as it would have without the faults, each effect there exactly once (${seeds.length} seeds)`,
    { timeout: 60_000 + seeds.length * 200 },
    async () => {
      let processes = 0;
      for (const seed of seeds) processes += (await check(seed)).processes;
      if (one === undefined) expect(processes, "processes died").toBeGreaterThan(seeds.length * 1.5);
    },
  );

  it("goes the same way twice for one seed", async () => {
    expect((await simulate({ seed: 11, faults: 8 })).trace).toEqual((await simulate({ seed: 11, faults: 8 })).trace);
  });

  // A simulation that can't fail proves nothing.
  it.each(["key-per-attempt", "no-fence", "no-revision"] as const)("finds a planted fault: %s", async (planted) => {
    const found = async (seed: number): Promise<boolean> =>
      check(seed, planted).then(
        () => false,
        () => true,
      );
    for (let seed = 1; seed <= 300; seed += 1) if (await found(seed)) return;
    throw new Error("300 seeds did not find it");
  });
});
