// What the soaked engine says it has done, held against what its tasks have written down.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openEngineStore } from "../../src/adapters/sqlite/engine-store.ts";
import type { RunRecord } from "../../src/engine/stores/run-store.ts";
import { ledgerFile } from "./project.ts";

export interface LedgerVerdict {
  readonly runs: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly effects: number;
  /** Writes of attempts that had been overtaken; all were refused. */
  readonly refused: number;
  readonly told: number;
  /** What is wrong, in words. */
  readonly breaches: readonly string[];
}

/** Steps whose tasks write down that they were done. */
const silent = new Set(["list", "ready", "route", "ok", "go", "rows", "loaded"]);

export async function judgeLedger(folder: string, home: string): Promise<LedgerVerdict> {
  const store = openEngineStore(join(home, "state.db"), { readOnly: true });
  const ledger = new DatabaseSync(join(folder, ledgerFile), { readOnly: true });
  const breaches: string[] = [];
  try {
    const effectsOf = ledger.prepare(
      "SELECT item, count(*) AS n FROM effects WHERE run = ? AND step = ? GROUP BY item",
    );
    const toldOf = ledger.prepare("SELECT count(*) AS n FROM told WHERE run = ? AND event = ?");
    const runs = await allRuns(store);
    const byStatus: Record<string, number> = {};
    for (const run of runs) {
      byStatus[run.status] = (byStatus[run.status] ?? 0) + 1;
      for (const step of await store.steps(run.id)) {
        if (silent.has(step.name) || step.reason !== null) continue;
        const found = effectsOf.all(run.id, step.name) as { item: number | null; n: number }[];
        if (found.some(({ n }) => n > 1)) breaches.push(`${run.id} ${step.name} had its effect more than once`);
        if (step.status !== "succeeded") continue;
        const expected = step.items === null ? 1 : step.items.succeeded;
        if (found.length !== expected)
          breaches.push(`${run.id} ${step.name} succeeded, with ${found.length} of ${expected} effects`);
      }
      if (run.status === "failed" && (toldOf.get(run.id, "failure") as { n: number }).n === 0)
        breaches.push(`${run.id} failed, and no hook was told`);
    }
    breaches.push(...missedTicks(runs));
    const count = (table: string): number =>
      (ledger.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    return {
      runs: runs.length,
      byStatus,
      effects: count("effects"),
      refused: count("refused"),
      told: count("told"),
      breaches,
    };
  } finally {
    ledger.close();
    store.close();
  }
}

async function allRuns(store: ReturnType<typeof openEngineStore>): Promise<RunRecord[]> {
  const all: RunRecord[] = [];
  for (let before: number | undefined; ;) {
    const page = await store.runs({ limit: 1_000, ...(before === undefined ? {} : { before }) });
    all.push(...page);
    if (page.length < 1_000) return all;
    before = page.at(-1)!.sequence;
  }
}

/** Of a schedule that makes up for what it missed, every tick between its first and its last has one run. */
function missedTicks(runs: readonly RunRecord[]): string[] {
  const breaches: string[] = [];
  for (const [pipeline, own] of Map.groupBy(runs, (run) => run.pipeline)) {
    const ticks = own.flatMap((run) => run.scheduledFor ?? []).sort((a, b) => a - b);
    const steps = ticks.slice(1).map((tick, index) => tick - ticks[index]!);
    if (steps.includes(0)) breaches.push(`${pipeline} ran twice for one tick`);
    // One that doesn't make up for what it missed has holes, as it should.
    const every = Math.min(...steps.filter((step) => step > 0));
    if (isMadeUpFor(pipeline) && steps.some((step) => step !== every))
      breaches.push(
        `${pipeline} has missed ticks: ${steps.filter((step) => step !== every).join(", ")} ms apart, not ${every}`,
      );
  }
  return breaches;
}

/** Only the pipelines with an approval don't, see the project. */
function isMadeUpFor(pipeline: string): boolean {
  return Number(pipeline.slice(1)) % 7 !== 6;
}
