// The figures behind /metrics, recomputed from the runs themselves: the measure for stores that let a database add up.
import type { RunRecord, RunStatistics, StoredStep } from "./run-store.ts";

export interface RunWithSteps {
  readonly record: RunRecord;
  readonly steps: readonly StoredStep[];
}

/** `assets` is when each asset was last brought up to date. Runs come in the order of their creation. */
export function statisticsOf(runs: readonly RunWithSteps[], assets: ReadonlyMap<string, number>): RunStatistics {
  const steps = runs.flatMap((run) =>
    run.steps.filter((step) => step.reusedFrom === null).map((step) => ({ ...step, pipeline: run.record.pipeline })),
  );
  return {
    runs: grouped(runs, ({ record }) => [record.pipeline, record.status]).map((group) => ({
      pipeline: group[0].record.pipeline,
      status: group[0].record.status,
      count: group.length,
      seconds: sum(group, ({ record }) => elapsed(record.createdAt, record.finishedAt)) / 1000,
    })),
    last: grouped(runs, ({ record }) => [record.pipeline]).map((group) => {
      const ended = group.map(({ record }) => record).filter((record) => record.finishedAt !== null);
      const latest = ended.reduce<RunRecord | null>(
        (best, record) => (best === null || record.finishedAt! >= best.finishedAt! ? record : best),
        null,
      );
      const succeeded = ended.filter((record) => record.status === "succeeded").map((record) => record.finishedAt!);
      return {
        pipeline: group[0].record.pipeline,
        finishedAt: latest?.finishedAt ?? null,
        succeededAt: succeeded.length === 0 ? null : Math.max(...succeeded),
        durationSeconds: latest === null ? null : elapsed(latest.createdAt, latest.finishedAt) / 1000,
      };
    }),
    steps: grouped(steps, (step) => [step.pipeline, step.name, step.kind, step.status]).map((group) => ({
      pipeline: group[0].pipeline,
      step: group[0].name,
      kind: group[0].kind,
      status: group[0].status,
      count: group.length,
      attempts: sum(group, (step) => step.attempts),
      seconds: sum(group, (step) => elapsed(step.startedAt, step.finishedAt)) / 1000,
      rowsIn: sum(group, (step) => step.rows?.in ?? 0),
      rowsOut: sum(group, (step) => step.rows?.out ?? 0),
      duplicate: sum(group, (step) => step.rows?.duplicate ?? 0),
      quarantined: sum(group, (step) => step.rows?.quarantined ?? 0),
    })),
    assets: [...assets].map(([asset, updatedAt]) => ({ asset, updatedAt })),
  };
}

function grouped<T>(items: readonly T[], key: (item: T) => readonly string[]): [T, ...T[]][] {
  return [...Map.groupBy(items, (item) => JSON.stringify(key(item))).values()] as [T, ...T[]][];
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function elapsed(from: number | null, to: number | null): number {
  return from === null || to === null ? 0 : to - from;
}
