// What a step does with expectations: judges its dataset by them, holds the values against the history, says what only
// warns, and fails with one line where one has failed. The report goes with the dataset, or with the error.
import type { Dataset } from "../../dataset/dataset.ts";
import type { ExpectationReport, ExpectationResult } from "../../dataset/expectation-report.ts";
import { type ErrorCode, SluiceError } from "../../errors.ts";
import { canonicalJson } from "../../json.ts";
import type { StepContext } from "../../pipeline/step.ts";
import type { QualityNeeds } from "../needs.ts";
import { againstHistory } from "./against-history.ts";
import { evaluate } from "./evaluate.ts";
import type { Expectation } from "./expectation.ts";
import type { MeasurementKey } from "./measurement-store.ts";

export interface JudgeRequest {
  readonly dataset: Dataset;
  readonly expectations: readonly Expectation[];
  readonly others: ReadonlyMap<string, Dataset>;
  /** Whose expectations they are, such as `contract "sale"`. */
  readonly whose: string;
  /** The code to fail with. */
  readonly code: ErrorCode;
}

/** The dataset with its report. */
export async function judgeDataset(
  context: StepContext,
  needs: QualityNeeds,
  { dataset, expectations, others, whose, code }: JudgeRequest,
): Promise<Dataset> {
  if (expectations.length === 0) return dataset;
  // Some rows say nothing about what holds of all of them.
  if (dataset.before !== undefined) {
    context.log.info(`${whose}: expectations are not asked about ${dataset.rows} replayed rows`);
    return dataset;
  }
  const now = context.clock.now();
  const end = context.partition?.end == null ? now : Date.parse(context.partition.end);
  const session = await needs.session();
  const found = await evaluate({ session, dataset, expectations, others, asOf: Math.min(now, end) });
  const report = await againstHistory(needs.measurements, measurementKey(context, now), found, expectations);
  for (const result of report.results) {
    if (!result.success && result.severity === "warn") context.log.warn(`${sentence(result)} (a warning)`);
  }
  const failed = report.results.filter((result) => !result.success && result.severity === "fail");
  const [first] = failed;
  if (first === undefined) return { ...dataset, expectations: report };
  const more = failed.length === 1 ? "" : ` (and ${failed.length - 1} more)`;
  throw new SluiceError(code, `${whose}: ${sentence(first)}${more}`, {
    hint: 'Mend the data or the expectation, then run it again; one with severity: "warn" lets the run go on.',
    details: { failed: failed.map((result) => result.title), report: report as unknown as ExpectationReport },
  });
}

/** What an expectation wanted and what there was instead, in one line. */
export function sentence(result: ExpectationResult): string {
  return `expected that ${result.title}, but ${findingText(result)}`;
}

function findingText({
  error,
  groups,
  groupCount,
  observed,
  unexpected,
  rows,
  missing,
  details,
}: ExpectationResult): string {
  if (error !== undefined) return error.split("\n", 1)[0]!;
  const history = (
    details as { history?: { verdict: string; usual: number; range: readonly (number | null)[] } } | undefined
  )?.history;
  if (history?.verdict === "unusual") {
    const [low, high] = history.range.map((edge) => (edge === null ? "any" : short(edge)));
    return `it is ${short(observed)}, where ${short(history.usual)} is usual (${low} to ${high})`;
  }
  if (groups !== undefined) {
    const failing = groups.filter(({ success }) => !success).length;
    const [first] = groups;
    const name = Object.entries(first?.group ?? {}).map(([column, value]) => `${column} ${JSON.stringify(value)}`);
    return `${failing === groups.length ? "at least " : ""}${failing} of ${groupCount ?? groups.length} groups break it, such as ${name.join(", ")}`;
  }
  if (unexpected !== undefined && rows !== undefined) {
    const share = `${unexpected.count} of ${rows - (missing ?? 0)} rows`;
    const [record] = unexpected.records;
    if (record === undefined) return `${share} don't meet it`;
    const values = Object.entries(unexpected.sample[0] ?? {}).slice(0, 3);
    return `${share} don't meet it; the first is row ${record} (${values.map(([name, value]) => `${name} ${short(value)}`).join(", ")})`;
  }
  if (unexpected !== undefined) return `there ${unexpected.count === 1 ? "is 1 row" : `are ${unexpected.count} rows`}`;
  const renamed = (details as { probablyRenamed?: Record<string, string> } | undefined)?.probablyRenamed;
  const guess =
    renamed === undefined
      ? ""
      : `; ${Object.entries(renamed)
          .map(([was, is]) => `"${was}" was probably renamed to "${is}"`)
          .join(", ")}`;
  return `${observed === null ? "there is none" : `it is ${short(observed)}`}${guess}`;
}

function short(value: unknown): string {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  const text = typeof value === "string" ? JSON.stringify(value) : canonicalJson(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** Where what a step measures lies on its time line. */
export function measurementKey(context: StepContext, now: number): MeasurementKey {
  const { partition, pipeline, step, runId, fence } = context;
  const isTime = partition !== null && partition.start !== null;
  return {
    pipeline,
    step,
    runId,
    fence,
    series: partition?.series ?? "",
    place: isTime ? partition.key : runId,
    at: isTime ? Date.parse(partition.start!) : now,
  };
}
