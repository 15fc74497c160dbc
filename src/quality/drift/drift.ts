// The kind of step that watches a dataset for drift. It compares distributions, never rows; what it finds is recorded
// before it is acted on. It hands on a report, not the dataset.
import type { Dataset } from "../../dataset/dataset.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { StepContext, StepHandle, StepResult, StepSpec } from "../../pipeline/step.ts";
import type { QualityNeeds } from "../needs.ts";
import type { Profile } from "../profile/profile.ts";
import { profileRelation } from "../profile/scan.ts";
import { type Baseline, findBaseline, isHandle } from "./baseline.ts";
import { judgeColumns, overall } from "./chance.ts";
import { compareTable } from "./compare.ts";
import type { DriftReport } from "./result.ts";

/** What is compared with what, and what happens when it has drifted. */
export interface DriftOptions {
  /** What the dataset is compared with. */
  readonly baseline: Baseline;
  /** Columns to compare. @default all numbers, truths, embeddings, and texts with at most 10,000 different values */
  readonly columns?: readonly string[];
  /** Columns of numbers that are names of things: compared by how often each occurs. */
  readonly categories?: readonly string[];
  /** warn: say so in the log and go on · fail: DRIFT, so that what depends on the step does not run. @default "warn" */
  readonly onDrift?: "warn" | "fail";
  /** Changes smaller than these are of no consequence. */
  readonly thresholds?: {
    /** Population Stability Index. @default 0.1 */
    readonly psi?: number;
    /** How far numbers moved, in robust standard deviations. @default 0.1 */
    readonly wasserstein?: number;
    /** Distance of the shares of categories, 0 to 1. @default 0.1 */
    readonly jensenShannon?: number;
    /** How far the centre of embeddings moved, in their spread. @default 0.1 */
    readonly centre?: number;
  };
  /** False alarms that are put up with, per run, all columns together. @default 0.01 */
  readonly level?: number;
  /** Rows without which a side is not judged. @default 30 */
  readonly minRows?: number;
}

/**
 * A step that compares the distributions of a dataset's columns with a baseline. A column has drifted when it changed by
 * more than a threshold, and by more than chance explains with so many rows.
 *
 * ```ts
 * step("watched", drift(clean, { baseline: { runs: 7 }, columns: ["quantity", "unit_price", "country"] }));
 * ```
 */
export function drift(from: StepHandle<Dataset>, options: DriftOptions): StepSpec<DriftReport, QualityNeeds> {
  const settings = settingsOf(options);
  const { baseline } = options;
  return {
    kind: "drift",
    inputs: isHandle(baseline) ? { from, baseline } : { from },
    config: { ...settings, baseline: isHandle(baseline) ? { step: baseline.step } : { ...baseline } } as Json,
    execute: (context, needs) => execute(context, needs, baseline, settings, from.step),
  };
}

interface Settings {
  readonly columns: readonly string[] | null;
  readonly categories: readonly string[];
  readonly onDrift: "warn" | "fail";
  readonly thresholds: { psi: number; wasserstein: number; jensenShannon: number; centre: number };
  readonly level: number;
  readonly minRows: number;
}

async function execute(
  context: StepContext,
  needs: QualityNeeds,
  baseline: Baseline,
  settings: Settings,
  source: string,
): Promise<StepResult<DriftReport>> {
  const dataset = context.inputs["from"] as Dataset;
  checkColumns(dataset, settings, source);
  if (dataset.before !== undefined) return { output: replayedReport(dataset, context) };
  const key = {
    pipeline: context.pipeline,
    step: context.step,
    partition: context.partition?.key ?? null,
    series: context.partition?.series ?? "",
    start: context.partition?.start ?? null,
    runId: context.runId,
    fence: context.fence,
    at: context.clock.now(),
  };
  const found = await findBaseline(baseline, key, context, needs, settings.categories);
  const session = await needs.session();
  const relation = readDataset(dataset);
  const wanted = dataset.columns.filter(({ name }) => settings.columns === null || settings.columns.includes(name));
  const profile = await profileRelation(session, relation, wanted, {
    rows: dataset.rows,
    categories: settings.categories,
  });
  const reference = found.profile;
  const columns =
    reference === null
      ? []
      : judgeColumns(
          await compareTable({ session, relation, reference, current: profile, ...settings }),
          settings.level,
        );
  const report: DriftReport = {
    kind: "drift-report",
    verdict: overall(columns),
    baseline: found.told,
    referenceRows: reference?.rows ?? 0,
    currentRows: profile.rows,
    columns,
  };
  await record(needs, { ...key, profile, report }, settings);
  tell(context, report, settings);
  return { output: report };
}

/** Some rows of a delivery are spread as they were broken, not as the delivery is: nothing is compared, and nothing kept. */
function replayedReport({ rows }: Dataset, { log }: StepContext): DriftReport {
  log.info(`drift: not looked for among ${rows} replayed rows`);
  const baseline = "nothing: these rows were replayed";
  return {
    kind: "drift-report",
    verdict: "insufficient data",
    baseline,
    referenceRows: 0,
    currentRows: rows,
    columns: [],
  };
}

async function record(
  needs: QualityNeeds,
  entry: Omit<Parameters<QualityNeeds["profiles"]["record"]>[0], "report" | "accepted"> & {
    readonly profile: Profile;
    readonly report: DriftReport;
  },
  { onDrift }: Settings,
): Promise<void> {
  const accepted = !(onDrift === "fail" && entry.report.verdict === "drift");
  await needs.profiles.record({ ...entry, report: entry.report as unknown as Json, accepted });
}

function tell({ log, step }: StepContext, report: DriftReport, { onDrift }: Settings): void {
  const drifted = report.columns.filter(({ verdict }) => verdict === "drift");
  if (drifted.length === 0) {
    log.info(`drift: ${report.verdict}, compared with ${report.baseline}`);
    return;
  }
  if (onDrift === "warn") {
    for (const { column, reason } of drifted)
      log.warn(`${column} has drifted: ${reason}`, { baseline: report.baseline });
    return;
  }
  const [first] = drifted;
  const more =
    drifted.length === 1
      ? ""
      : ` (and ${drifted.length - 1} more: ${drifted
          .slice(1)
          .map(({ column }) => column)
          .join(", ")})`;
  throw new SluiceError(
    "DRIFT",
    `Step "${step}": column "${first!.column}" has drifted from ${report.baseline}: ${first!.reason}${more}`,
    {
      hint: 'Look at what changed in the source. If it is right, take a new baseline, or use onDrift: "warn".',
      details: { baseline: report.baseline, columns: drifted.map(({ column, reason }) => ({ column, reason })) },
    },
  );
}

function settingsOf(options: DriftOptions): Settings {
  const { columns, categories = [], onDrift = "warn", thresholds = {}, level = 0.01, minRows = 30, baseline } = options;
  const invalid = (what: string, hint: string): SluiceError =>
    new SluiceError("DEFINITION_INVALID", `drift(): ${what}`, { hint });
  if (columns !== undefined && columns.length === 0)
    throw invalid("columns is empty", "Name one, or leave it out for all.");
  if (!(level > 0 && level < 1)) throw invalid(`level is ${level}`, "It is a share of false alarms, such as 0.01.");
  if (!Number.isSafeInteger(minRows) || minRows < 2)
    throw invalid(`minRows is ${minRows}`, "It is a count of rows, 2 or more.");
  if ("runs" in baseline && (!Number.isSafeInteger(baseline.runs) || baseline.runs < 1)) {
    throw invalid(`the baseline has ${baseline.runs} runs`, "Write a whole number from 1, such as { runs: 7 }.");
  }
  const limits = { psi: 0.1, wasserstein: 0.1, jensenShannon: 0.1, centre: 0.1, ...thresholds };
  for (const [name, limit] of Object.entries(limits)) {
    if (!(limit >= 0)) throw invalid(`the threshold of ${name} is ${limit}`, "It is a number from 0.");
  }
  return { columns: columns ?? null, categories, onDrift, thresholds: limits, level, minRows };
}

function checkColumns({ columns }: Dataset, settings: Settings, source: string): void {
  const missing = [...(settings.columns ?? []), ...settings.categories].find(
    (name) => !columns.some((column) => column.name === name),
  );
  if (missing === undefined || columns.length === 0) return;
  throw new SluiceError("CONTRACT_MISMATCH", `drift(): step "${source}" has no column "${missing}"`, {
    hint: `It has ${columns.map(({ name }) => name).join(", ")}.`,
  });
}
