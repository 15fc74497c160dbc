// What a number of seeds came to: how much happened, and what went wrong how often, so that one sees that it did.
import type { SeedReport } from "./check-seed.ts";

export interface Tally {
  seeds: number;
  compared: number;
  acts: number;
  runs: number;
  processes: number;
  readonly faults: Record<string, number>;
}

export function emptyTally(): Tally {
  return { seeds: 0, compared: 0, acts: 0, runs: 0, processes: 0, faults: {} };
}

export function addReport(tally: Tally, report: SeedReport): void {
  const { acts, runs, processes, compared } = report;
  addTally(tally, {
    seeds: 1,
    compared: compared ? 1 : 0,
    acts,
    runs,
    processes,
    faults: Object.fromEntries(report.faults),
  });
}

export function addTally(tally: Tally, other: Tally): void {
  for (const field of ["seeds", "compared", "acts", "runs", "processes"] as const) tally[field] += other[field];
  for (const [kind, count] of Object.entries(other.faults)) tally.faults[kind] = (tally.faults[kind] ?? 0) + count;
}

export function tallyText(tally: Tally): string {
  const number = (value: number): string => value.toLocaleString("en");
  const { seeds, compared, acts, runs, processes, faults } = tally;
  return [
    `${number(seeds)} seeds: ${number(runs)} runs, ${number(processes)} scheduler processes, ${number(acts)} acts;`,
    `${number(compared)} of them held against the same world without faults. What went wrong:`,
    ...Object.entries(faults)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, count]) => `  ${number(count).padStart(11)}  ${kind}`),
  ].join("\n");
}
