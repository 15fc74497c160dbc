// Runs as text for people, and the exit code that a run's end gives.
import type { RunDocument, StepView } from "../monitor/run-view.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { runTitle } from "./progress.ts";
import { formatCount, formatDuration, formatTable, plural, type TableColumn } from "./table.ts";

const rowColumns: readonly TableColumn[] = [
  { title: "rows in", align: "right" },
  { title: "out", align: "right" },
  { title: "duplicate", align: "right" },
  { title: "quarantined", align: "right" },
];

/** A run and its steps. */
export function runText({ run, steps }: RunDocument): string {
  const took =
    run.finishedAt === null ? "" : ` in ${formatDuration(Date.parse(run.finishedAt) - Date.parse(run.createdAt))}`;
  const table = formatTable(
    [
      { title: "step" },
      { title: "kind" },
      { title: "status" },
      { title: "attempts", align: "right" },
      ...rowColumns,
      { title: "time", align: "right" },
    ],
    steps.map((step) => [
      step.name,
      step.kind,
      step.status,
      step.items === null ? String(step.attempts) : itemsText(step.items),
      ...rowCells(step.rows),
      timeOf(step),
    ]),
  );
  return `${runTitle(run)} ${run.status}${took} (run ${run.id})\n\n${table}`;
}

/** What a range of runs did together: how they ended, and the rows of each step summed. */
export function runsText(documents: readonly RunDocument[]): string {
  const ends = new Map<string, number>();
  const steps = new Map<string, { kind: string; runs: number; rows: StepView["rows"] }>();
  for (const { run, steps: own } of documents) {
    ends.set(run.status, (ends.get(run.status) ?? 0) + 1);
    for (const step of own) {
      const sum = steps.get(step.name) ?? { kind: step.kind, runs: 0, rows: null };
      steps.set(step.name, {
        ...sum,
        runs: sum.runs + (step.status === "succeeded" ? 1 : 0),
        rows: addRows(sum.rows, step.rows),
      });
    }
  }
  const summary = `${plural(documents.length, "run")}: ${[...ends].map(([status, count]) => `${count} ${status}`).join(", ")}\n`;
  if (documents.length === 0) return summary;
  const table = formatTable(
    [{ title: "step" }, { title: "kind" }, { title: "succeeded", align: "right" }, ...rowColumns],
    [...steps].map(([name, { kind, runs, rows }]) => [name, kind, formatCount(runs), ...rowCells(rows)]),
  );
  return `${summary}\n${table}`;
}

/** The failed step that decides how a run's end is reported: the first in plan order. */
export function failedStep({ steps }: RunDocument): StepView | undefined {
  return steps.find((step) => step.status === "failed");
}

/** 0 for a run that succeeded, else the code of its first failed step's error; 130 when it was cancelled. */
export function runExitCode(document: RunDocument): number {
  if (document.run.status === "succeeded") return exitCodes.ok;
  const error = failedStep(document)?.error;
  if (error) return exitCodeOf(error.code);
  return document.run.status === "cancelled" ? exitCodes.interrupted : exitCodes.failed;
}

/** "60 items", or "58/60 items" where some have not succeeded. */
function itemsText(items: NonNullable<StepView["items"]>): string {
  const total = Object.values(items).reduce((sum, count) => sum + count, 0);
  return items.succeeded === total ? plural(total, "item") : `${formatCount(items.succeeded)}/${plural(total, "item")}`;
}

function rowCells(rows: StepView["rows"]): string[] {
  return rows === null ? ["-", "-", "-", "-"] : [rows.in, rows.out, rows.duplicate, rows.quarantined].map(formatCount);
}

function addRows(left: StepView["rows"], right: StepView["rows"]): StepView["rows"] {
  if (left === null || right === null) return left ?? right;
  return {
    in: left.in + right.in,
    out: left.out + right.out,
    duplicate: left.duplicate + right.duplicate,
    quarantined: left.quarantined + right.quarantined,
  };
}

function timeOf(step: StepView): string {
  return step.startedAt === null || step.finishedAt === null
    ? "-"
    : formatDuration(Date.parse(step.finishedAt) - Date.parse(step.startedAt));
}
