// The kind of step that judges a dataset by expectations and hands it on as it is.
import type { Dataset } from "../../dataset/dataset.ts";
import { SluiceError } from "../../errors.ts";
import type { StepContext, StepHandle, StepSpec } from "../../pipeline/step.ts";
import type { QualityNeeds } from "../needs.ts";
import { describeExpectation, type Expectation } from "./expectation.ts";
import { judgeDataset } from "./judge-dataset.ts";

/** What expectations read beside the dataset. */
export interface ExpectOptions {
  /** Other datasets, by the names under which expectations read them. */
  readonly with?: Readonly<Record<string, StepHandle<Dataset>>>;
}

/**
 * A step that judges a dataset by expectations, and hands it on. It fails with EXPECTATION_FAILED if one of severity
 * "fail" is not met; the verdicts are kept with its output, or with the error.
 *
 * ```ts
 * step("checked", expect(lines, [rowCount({ min: 1 }), unique("invoice_no"), between("quantity", { min: 1, mostly: 0.99 })]));
 * ```
 */
export function expect(
  from: StepHandle<Dataset>,
  expectations: readonly Expectation[],
  options: ExpectOptions = {},
): StepSpec<Dataset, QualityNeeds> {
  if (expectations.length === 0)
    throw new SluiceError("DEFINITION_INVALID", "expect() has no expectations", {
      hint: "Write expect(orders, [rowCount({ min: 1 })]).",
    });
  checkExpectations("expect()", expectations, options.with);
  return {
    kind: "expect",
    inputs: { from, ...otherInputs(options.with) },
    config: { expectations: expectations.map(describeExpectation) },
    execute: async (context, needs) => {
      const dataset = context.inputs["from"] as Dataset;
      const output = await judgeDataset(context, needs, {
        dataset,
        expectations,
        others: othersOf(context),
        whose: `Step "${context.step}"`,
        code: "EXPECTATION_FAILED",
      });
      return { output, rows: { in: dataset.rows, out: dataset.rows, duplicate: 0, quarantined: 0 } };
    },
  };
}

/** The other datasets as inputs of a step: their names can't be the same as its own. */
export function otherInputs(others: ExpectOptions["with"] = {}): Record<string, StepHandle<Dataset>> {
  return Object.fromEntries(Object.entries(others).map(([name, handle]) => [`with:${name}`, handle]));
}

export function othersOf(context: StepContext): ReadonlyMap<string, Dataset> {
  return new Map(
    Object.entries(context.inputs)
      .filter(([name]) => name.startsWith("with:"))
      .map(([name, dataset]) => [name.slice("with:".length), dataset as Dataset]),
  );
}

/** Throws DEFINITION_INVALID where one reads a dataset that is not given, or two would have one history. */
export function checkExpectations(
  whose: string,
  expectations: readonly Expectation[],
  others: ExpectOptions["with"] = {},
): void {
  for (const { kind, name, others: reads } of expectations) {
    if (kind !== "sluice.expectation")
      throw new SluiceError("DEFINITION_INVALID", `${whose}: one of its expectations is none`, {
        hint: "Use rowCount(), notNull() and the like.",
      });
    const missing = reads.find((other) => !Object.hasOwn(others, other));
    if (missing === undefined) continue;
    throw new SluiceError("DEFINITION_INVALID", `${whose}: ${name}() reads "${missing}", which is not given`, {
      hint: `Give the step's handle: { with: { ${missing} } }.`,
    });
  }
}
