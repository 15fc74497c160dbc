// The kind of step that lets valid rows through and sets the others aside. It drops nothing in silence: rows in are
// rows out + duplicate + quarantined, checked on what was really read and written.
import { positionsBehind, type Dataset } from "../dataset/dataset.ts";
import { deliveryOf } from "../dataset/position.ts";
import { SluiceError } from "../errors.ts";
import { contentHash, type Json } from "../json.ts";
import type { StepContext, StepHandle, StepResult, StepSpec } from "../pipeline/step.ts";
import { matchColumns } from "./columns.ts";
import { compileContract } from "./compile.ts";
import type { Contract } from "./contract.ts";
import { checkExpectations, type ExpectOptions, otherInputs, othersOf } from "./expectations/expect.ts";
import { judgeDataset } from "./expectations/judge-dataset.ts";
import { explainContract } from "./explain.ts";
import type { QualityNeeds } from "./needs.ts";
import type { QuarantinedRow, QuarantineKey, StagedReplay } from "./quarantine-store.ts";
import { createReasonCounter } from "./reason-counts.ts";
import { mendedDataset, replayedRows, underRecords } from "./replay/replay-rows.ts";
import { runVerdictPass } from "./verdict-pass.ts";

/** What becomes of rows that repeat another. */
export interface ValidateOptions {
  /**
   * drop: of rows that repeat another in every column, the first is kept; the rest are counted as duplicate.
   * @default "keep"
   */
  readonly duplicates?: "drop" | "keep";
  /** quarantine: set broken rows aside and go on · fail: CONTRACT_FAILED if there is one. @default the contract's, else "quarantine" */
  readonly onInvalid?: "quarantine" | "fail";
  /** Other datasets that the contract's expectations read, by the names they have there. */
  readonly with?: ExpectOptions["with"];
}

/**
 * A step that judges every row of a dataset by a contract and hands on the valid ones, in their order, with the
 * contract's types. Columns that don't fit are a CONTRACT_MISMATCH.
 *
 * ```ts
 * const clean = step("clean", validate(lines, invoiceLine, { duplicates: "drop" }));
 * ```
 */
export function validate(
  from: StepHandle<Dataset>,
  contract: Contract,
  options: ValidateOptions = {},
): StepSpec<Dataset, QualityNeeds> {
  const settings = {
    duplicates: options.duplicates ?? "keep",
    onInvalid: options.onInvalid ?? contract.onInvalid,
  } as const;
  checkExpectations(`validate() with contract "${contract.name}"`, contract.expectations, options.with);
  return {
    kind: "validate",
    inputs: { from, ...otherInputs(options.with) },
    config: { contract: contract.description, ...settings },
    execute: async (context, needs) => {
      const replay = await needs.quarantine.staged(context.idempotencyKey);
      const result = await execute(context, needs, contract, from.step, settings, replay);
      const output = await judgeDataset(context, needs, {
        dataset: result.output,
        expectations: contract.expectations,
        others: othersOf(context),
        whose: `Contract "${contract.name}"`,
        code: "CONTRACT_FAILED",
      });
      return { ...result, output };
    },
    explanation: () => explainContract(contract) as unknown as Json,
  };
}

async function execute(
  context: StepContext,
  needs: QualityNeeds,
  contract: Contract,
  source: string,
  settings: Required<Omit<ValidateOptions, "with">>,
  replay: StagedReplay | null,
): Promise<StepResult<Dataset>> {
  const delivered = context.inputs["from"] as Dataset;
  const { dataset, records } = await judgedRows(needs, replay, delivered);
  if (dataset.rows > 0 || dataset.columns.length > 0) matchColumns(contract, dataset.columns, `step "${source}"`);
  const before = replay?.mode === "rows" ? { before: replay.before ?? 0 } : {};
  const key: QuarantineKey = {
    pipeline: context.pipeline,
    step: context.step,
    partition: context.partition?.key ?? null,
    delivery: replay?.delivery ?? deliveryOf(delivered.positions ?? []),
    runId: context.runId,
    contract: contract.name,
    fence: context.fence,
    at: context.clock.now(),
  };
  if (dataset.rows === 0) {
    await needs.quarantine.replace(key, []);
    const output = { ...emptyDataset(contract, dataset), ...before };
    return { output, rows: { in: 0, out: 0, duplicate: 0, quarantined: 0 } };
  }
  const renumbered = (rows: AsyncIterable<readonly QuarantinedRow[]>): AsyncIterable<readonly QuarantinedRow[]> =>
    records === null ? rows : underRecords(rows, records);
  const setAside =
    settings.onInvalid === "fail"
      ? (rows: AsyncIterable<readonly QuarantinedRow[]>) => failOnAny(contract, source, renumbered(rows))
      : (rows: AsyncIterable<readonly QuarantinedRow[]>) => needs.quarantine.replace(key, renumbered(rows));
  const outcome = await runVerdictPass({
    session: await needs.session(),
    artifacts: needs.artifacts,
    contract,
    dataset,
    duplicates: settings.duplicates,
    setAside,
  });
  const rows = {
    in: dataset.rows,
    out: outcome.valid.rows,
    duplicate: outcome.duplicate,
    quarantined: outcome.quarantined,
  };
  const { quarantined } = outcome;
  // The positions behind the dataset are stored already, and may have moved on.
  const valid = { ...outcome.valid, ...(records === null ? positionsBehind([delivered]) : {}), ...before };
  return { output: quarantined === 0 ? valid : { ...valid, quarantined }, rows };
}

/** What is judged: the dataset, or what a replay puts in its place, and then the record that each row had. */
async function judgedRows(
  needs: QualityNeeds,
  replay: StagedReplay | null,
  dataset: Dataset,
): Promise<{ readonly dataset: Dataset; readonly records: readonly number[] | null }> {
  if (replay === null) return { dataset, records: null };
  if (replay.mode === "whole") return { dataset: await mendedDataset(needs, replay, dataset), records: null };
  return replayedRows(needs, replay, dataset);
}

function emptyDataset(contract: Contract, dataset: Dataset): Dataset {
  const { columns } = compileContract(contract, dataset.columns, (position) => `c${position}`);
  return {
    kind: "dataset",
    files: [],
    columns,
    rows: 0,
    bytes: 0,
    hash: contentHash([]),
    ...positionsBehind([dataset]),
  };
}

async function failOnAny(
  contract: Contract,
  source: string,
  batches: AsyncIterable<readonly QuarantinedRow[]>,
): Promise<number> {
  const counter = createReasonCounter();
  let count = 0;
  let first: QuarantinedRow | undefined;
  for await (const batch of batches) {
    first ??= batch[0];
    count += batch.length;
    for (const row of batch) counter.add(row.reasons);
  }
  if (first === undefined) return 0;
  const rows = count === 1 ? "1 row breaks" : `${count} rows break`;
  throw new SluiceError(
    "CONTRACT_FAILED",
    `${rows} contract "${contract.name}" on step "${source}"; the first is row ${first.record}: ${first.reasons[0]?.message ?? ""}`,
    {
      hint: 'Mend the source, or use onInvalid: "quarantine" to set such rows aside and go on.',
      details: { contract: contract.name, rows: count, first, reasons: counter.counts() },
    },
  );
}
