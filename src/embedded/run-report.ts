// What is known of the data of one run, gathered from the stores: expectations, drift, gates, failing rows, history.
// Secrets are redacted by value, by key and in addresses. How it looks is the page's matter.
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import type { ExpectationReport, ExpectationResult } from "../dataset/expectation-report.ts";
import type { RunRecord, StoredStep } from "../engine/stores/run-store.ts";
import type { Redactor } from "../log.ts";
import { viewDocument, type RunView, type StepView } from "../monitor/run-view.ts";
import type { RowCounts } from "../pipeline/step.ts";
import type { DriftReport } from "../quality/drift/result.ts";
import type { GateReport } from "../quality/gate.ts";
import type { QuarantineGroup, StoredQuarantinedRow } from "../quality/quarantine-store.ts";
import type { Reader } from "./reader.ts";
import { outputReader } from "./spilled-output.ts";

/** The data of one run: what was asked of it, and what came of that. */
export interface RunReport {
  readonly run: RunView;
  readonly steps: readonly StepView[];
  /** By step, in plan order. */
  readonly expectations: readonly { readonly step: string; readonly results: readonly ExpectationResult[] }[];
  readonly drift: readonly { readonly step: string; readonly report: DriftReport }[];
  /** Gates that a run passed or was warned by; one that stopped it is a failed step. A diverting gate has its answer. */
  readonly gates: readonly { readonly step: string; readonly report: GateReport | "open" | "closed" }[];
  /** Rows that this run has set aside and that still lie in quarantine. */
  readonly quarantine: {
    readonly groups: readonly Omit<QuarantineGroup, "at" | "delivery">[];
    /** The first of them. */
    readonly sample: readonly StoredQuarantinedRow[];
  };
  /** Runs of the pipeline up to this one, the oldest first: what its validate steps counted together. */
  readonly history: readonly {
    readonly run: string;
    readonly partition: string | null;
    readonly status: RunView["status"];
    readonly createdAt: string;
    /** Null where no validate step has counted. */
    readonly rows: RowCounts | null;
  }[];
}

const runsShown = 30;
const rowsShown = 20;

/** @param redactor Knows the project's secrets by value. */
export async function readRunReport(reader: Reader, record: RunRecord, redactor: Redactor): Promise<RunReport> {
  const store = reader.store();
  const { artifacts, temporary } = reader.home;
  const outputs = outputReader(openArtifactStore({ artifacts, temporary }));
  const steps = await store.steps(record.id);
  const expectations: RunReport["expectations"][number][] = [];
  const gates: RunReport["gates"][number][] = [];
  for (const step of steps) {
    const output = await outputs.read(step.output).catch(() => null);
    const report = expectationsOf(step, output);
    if (report !== null) expectations.push({ step: step.name, results: report.results });
    if (step.kind === "gate" && step.status === "succeeded") {
      gates.push({ step: step.name, report: output as RunReport["gates"][number]["report"] });
    }
  }
  const drift = (await reader.profiles(record.id)).map(({ step, report }) => ({
    step,
    report: report as unknown as DriftReport,
  }));
  return redactor.value({
    ...viewDocument(record, steps),
    expectations,
    drift,
    gates,
    quarantine: await quarantineOf(reader, record),
    history: await historyOf(reader, record),
  });
}

/** With the dataset that a step handed on, or with the error it ended with. */
function expectationsOf({ error }: StoredStep, output: unknown): ExpectationReport | null {
  const found = (output as { readonly expectations?: unknown } | null)?.expectations ?? error?.details?.["report"];
  return (found as Partial<ExpectationReport> | undefined)?.kind === "expectation-report"
    ? (found as ExpectationReport)
    : null;
}

async function quarantineOf(reader: Reader, { id, pipeline, partition }: RunRecord): Promise<RunReport["quarantine"]> {
  const filter = { pipeline, run: id, ...(partition === null ? {} : { partition }) };
  const groups = await reader.quarantine(filter);
  const sample: StoredQuarantinedRow[] = [];
  for (const { step } of groups) {
    const rows = await reader.quarantinedRows(pipeline, { ...filter, step, limit: rowsShown });
    sample.push(...rows.slice(0, rowsShown - sample.length));
  }
  return { groups: groups.map(({ at: _at, delivery: _delivery, ...group }) => group), sample };
}

async function historyOf(reader: Reader, record: RunRecord): Promise<RunReport["history"]> {
  const store = reader.store();
  const runs = await store.runs({ pipeline: record.pipeline, before: record.sequence + 1, limit: runsShown });
  const history = await Promise.all(
    runs.map(async (run) => {
      const counted = (await store.steps(run.id)).flatMap(({ kind, rows, reusedFrom }) =>
        kind === "validate" && rows !== null && reusedFrom === null ? [rows] : [],
      );
      const { id, partition, status } = run;
      const createdAt = new Date(run.createdAt).toISOString();
      return { run: id, partition, status, createdAt, rows: counted.length === 0 ? null : counted.reduce(added) };
    }),
  );
  return history.reverse();
}

function added(a: RowCounts, b: RowCounts): RowCounts {
  return {
    in: a.in + b.in,
    out: a.out + b.out,
    duplicate: a.duplicate + b.duplicate,
    quarantined: a.quarantined + b.quarantined,
  };
}
