// Holds what was measured against what was measured before, and records it for the times to come: every number that an
// expectation observes, so that one which is to be usual tomorrow has its history today.
import type { Column } from "../../dataset/dataset.ts";
import type { ExpectationReport, ExpectationResult } from "../../dataset/expectation-report.ts";
import type { Json } from "../../json.ts";
import { judgeUsual, type UsualOptions } from "./anomaly.ts";
import type { Expectation } from "./expectation.ts";
import type { Measurement, MeasurementKey, MeasurementStore } from "./measurement-store.ts";
import { changes } from "./table-rules.ts";

/** The report with the verdicts of history in it. `expectations` are those of the report's results, in their order. */
export async function againstHistory(
  store: MeasurementStore,
  key: MeasurementKey,
  report: ExpectationReport,
  expectations: readonly Expectation[],
): Promise<ExpectationReport> {
  const results: ExpectationResult[] = [];
  const measured = new Map<string, Measurement>();
  for (const [at, result] of report.results.entries()) {
    const { history, measurement } = expectations[at]!;
    const value = measuredValue(result);
    if (value !== null) measured.set(measurement, { measurement, value });
    if (history === null) {
      results.push(result);
      continue;
    }
    const past = await store.past({
      pipeline: key.pipeline,
      step: key.step,
      series: key.series,
      measurement,
      before: key.at,
      limit: (history.kind === "usual" ? (history.options.window ?? 60) : 1) + 1,
    });
    const before = past.filter(({ place }) => place !== key.place);
    results.push(
      history.kind === "usual"
        ? heldAgainst(result, key.at, before, history.options)
        : comparedWith(result, before[0]?.value, history.added),
    );
  }
  if (measured.size > 0) await store.record(key, [...measured.values()]);
  return { ...report, results };
}

/** What is kept of a result: a number, or columns. */
function measuredValue(result: ExpectationResult): Json {
  if (result.error !== undefined || result.groups !== undefined) return null;
  if (result.expectation === "columnsUnchanged") return result.observed;
  return typeof result.observed === "number" ? result.observed : null;
}

function heldAgainst(
  result: ExpectationResult,
  at: number,
  past: readonly { readonly at: number; readonly value: Json }[],
  options: UsualOptions,
): ExpectationResult {
  if (result.error !== undefined) return result;
  if (typeof result.observed !== "number") {
    return {
      ...result,
      success: false,
      error: `it measured no number that could be usual, but ${JSON.stringify(result.observed)}`,
    };
  }
  const points = past.flatMap((item) => (typeof item.value === "number" ? [{ at: item.at, value: item.value }] : []));
  const {
    verdict,
    expected,
    range,
    deviations,
    points: count,
  } = judgeUsual({ at, value: result.observed }, points, options);
  const history: Json = {
    verdict,
    usual: expected,
    range: range === null ? null : range.map((edge) => (Number.isFinite(edge) ? edge : null)),
    deviations,
    points: count,
  };
  const details = { ...(result.details as object | undefined), history };
  return { ...result, success: result.success && verdict !== "unusual", details };
}

function comparedWith(result: ExpectationResult, before: Json | undefined, added: "pass" | "fail"): ExpectationResult {
  if (before === undefined) return result;
  const [old, now] = [before, result.observed] as unknown as [readonly Column[], readonly Column[]];
  const types = new Map(now.map(({ name, type }) => [name, type]));
  const missing = old.filter(({ name }) => !types.has(name)).map(({ name }) => name);
  const unexpected = now.filter(({ name }) => !old.some((column) => column.name === name)).map(({ name }) => name);
  const retyped = old.flatMap(({ name, type }) => {
    const found = types.get(name);
    return found === undefined || found === type ? [] : [{ name, was: type, is: found }];
  });
  const success = missing.length === 0 && retyped.length === 0 && (unexpected.length === 0 || added === "pass");
  const details = { ...(changes(missing, unexpected) as object), ...(retyped.length === 0 ? {} : { retyped }) };
  return { ...result, success, details };
}
