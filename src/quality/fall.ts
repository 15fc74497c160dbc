// Has a count fallen sharply below what it was in recent runs? The history is that of the gate which asks; what it refuses
// does not become usual.
import type { Dataset } from "../dataset/dataset.ts";
import type { LoadResult } from "../dataset/load-result.ts";
import { quoteIdentifier } from "../dataset/sql.ts";
import { readDataset } from "../dataset/write-dataset.ts";
import type { StepContext } from "../pipeline/step.ts";
import { measurementKey } from "./expectations/judge-dataset.ts";
import type { Measurement } from "./expectations/measurement-store.ts";
import type { QualityNeeds } from "./needs.ts";

export interface FallLimits {
  /** A share: 0.9 is a fall by 90 %. */
  readonly fall: number;
  readonly over: number;
  /** Milliseconds since the epoch; null for all history. */
  readonly since: number | null;
}

export interface Compared {
  /** What has fallen, in words; null where nothing has. */
  readonly what: string | null;
  readonly measurements: readonly Measurement[];
}

/** Runs without which nothing is usual. */
const leastHistory = 3;

/** Holds the rows, and of a dataset the share of filled values of each column, against the median of recent ones. */
export async function comparedWithUsual(
  context: StepContext,
  needs: QualityNeeds,
  input: LoadResult | Dataset,
  rows: number,
  limits: FallLimits,
): Promise<Compared> {
  const shares = input.kind === "dataset" && input.before === undefined ? await filledShares(needs, input) : [];
  const measurements: Measurement[] = [
    { measurement: "rows", value: rows },
    ...shares.map(({ column, share }) => ({ measurement: `filled(${column})`, value: share })),
  ];
  const fallen: string[] = [];
  for (const { measurement, value } of measurements) {
    const usual = await usualValue(context, needs, measurement, limits);
    if (usual === null || !(Number(value) < usual.median * (1 - limits.fall))) continue;
    const column = /^filled\((.*)\)$/s.exec(measurement)?.[1];
    fallen.push(
      column === undefined
        ? `${rows} rows, where the median of the ${usual.count} before is ${usual.median}`
        : `column "${column}" is ${percent(1 - Number(value))} null, where it usually is ${percent(1 - usual.median)}`,
    );
  }
  return { what: fallen.length === 0 ? null : fallen.join("; "), measurements };
}

/** Makes them part of what is usual. */
export async function recordUsual(
  context: StepContext,
  needs: QualityNeeds,
  measurements: readonly Measurement[],
): Promise<void> {
  await needs.measurements.record(measurementKey(context, context.clock.now()), measurements);
}

async function usualValue(
  context: StepContext,
  needs: QualityNeeds,
  measurement: string,
  { over, since }: FallLimits,
): Promise<{ readonly median: number; readonly count: number } | null> {
  const { pipeline, step, series, place, at } = measurementKey(context, context.clock.now());
  const past = await needs.measurements.past({ pipeline, step, series, measurement, before: at, limit: over });
  const values = past
    .filter((value) => value.place !== place && (since === null || value.at >= since))
    .map(({ value }) => Number(value))
    .sort((a, b) => a - b);
  if (values.length < leastHistory) return null;
  const middle = values.length >> 1;
  const median = values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
  return { median, count: values.length };
}

async function filledShares(
  { session }: QualityNeeds,
  dataset: Dataset,
): Promise<readonly { readonly column: string; readonly share: number }[]> {
  if (dataset.rows === 0 || dataset.columns.length === 0) return [];
  const counts = dataset.columns.map(({ name }, position) => `count(${quoteIdentifier(name)}) AS c${position}`);
  const [found] = await (await session()).rows(`SELECT ${counts.join(", ")} FROM ${readDataset(dataset)}`);
  return dataset.columns.map(({ name }, position) => ({
    column: name,
    share: Number(found![`c${position}`]) / dataset.rows,
  }));
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))} %`;
}
