// An expectation while it is being judged on one dataset: its check, its condition and its groups as SQL, and what
// comes of it.
import type { ExpectationResult, GroupResult } from "../../dataset/expectation-report.ts";
import type { Json, JsonObject } from "../../json.ts";
import type { Check, Finding, QueryFinding } from "./check.ts";
import { conditionSql, type Expectation } from "./expectation.ts";
import { plainValue } from "./measure.ts";
import type { Table, ValueClass } from "./table.ts";

export interface Slot {
  readonly expectation: Expectation;
  readonly check: Check;
  /** SQL of the condition that rows must meet to be looked at. */
  readonly where: string | null;
  /** SQL of the columns to group by. */
  readonly by: readonly string[];
  readonly byClasses: readonly ValueClass[];
  /** SQL of the one column that it speaks of; null when it speaks of none or of several. */
  readonly cell: string | null;
}

/** What was found in one group of rows, or in all of them. */
export interface GroupOutcome {
  readonly group: JsonObject;
  readonly finding: QueryFinding;
  /** Of rules about rows: rows looked at, rows that were judged, rows that break the rule and the first of them. */
  readonly rows?: number;
  readonly judged?: number;
  readonly broken?: number;
  readonly records?: readonly number[];
}

export type SlotOutcome = { readonly groups: readonly GroupOutcome[] } | { readonly error: string };

export function slotOf(expectation: Expectation, table: Table): Slot {
  const check = expectation.check(table);
  return {
    expectation,
    check,
    where: expectation.where === null ? null : conditionSql(expectation.where, table),
    by: expectation.by.map((column) => table.cell(column)),
    byClasses: expectation.by.map((column) => table.classOf(column)),
    cell: expectation.columns.length === 1 && check.type !== "settled" ? table.cell(expectation.columns[0]!) : null,
  };
}

/** What rows came to: those that break the rule, as a share of those that were judged, against `mostly`. */
export function rowOutcome(
  { expectation, check }: Slot,
  group: JsonObject,
  counts: {
    readonly rows: number;
    readonly judged: number;
    readonly broken: number;
    readonly records: readonly number[];
  },
): GroupOutcome {
  const { judged, broken } = counts;
  const share = judged === 0 ? 0 : broken / judged;
  // Of no rows, all do.
  const success = judged === 0 || (judged - broken) / judged >= expectation.mostly;
  const known = check.type === "rows" ? check.finding : undefined;
  return { group, ...counts, finding: known ?? { success, observed: share } };
}

export function groupOf({ expectation, byClasses }: Slot, row: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(expectation.by.map((column, at) => [column, plainValue(row[`g${at}`], byClasses[at])]));
}

const groupsShown = 20;

/** The result that is kept. `sample` gives the cells of a record. */
export function resultOf(
  { expectation, by }: Pick<Slot, "expectation" | "by">,
  outcome: SlotOutcome,
  sample: (record: number) => JsonObject,
): ExpectationResult {
  const base = {
    expectation: expectation.name,
    title: expectation.title,
    column: expectation.columns[0] ?? null,
    columns: expectation.columns,
    severity: expectation.severity,
    expected: expectation.expected,
  };
  if ("error" in outcome) return { ...base, success: false, observed: null, error: outcome.error };
  const { groups } = outcome;
  const all = groups.every(({ finding }) => finding.success);
  const rows = sumOf(groups, ({ rows: count }) => count);
  const judged = sumOf(groups, ({ judged: count }) => count);
  const broken = sumOf(groups, ({ broken: count }) => count);
  const records = groups.flatMap((group) => group.records ?? []).sort((a, b) => a - b);
  const [only] = groups;
  const finding: Finding =
    by.length === 0 && only !== undefined
      ? only.finding
      : {
          success: all,
          observed: { groups: groups.length, failing: groups.filter((group) => !group.finding.success).length },
        };
  const asked = only?.finding.unexpected;
  return {
    ...base,
    success: finding.success,
    observed: finding.observed,
    ...(rows === undefined ? {} : { rows }),
    ...(rows === undefined || judged === undefined ? {} : { missing: rows - judged }),
    ...(broken === undefined
      ? asked === undefined
        ? {}
        : { unexpected: { count: asked.count, share: asked.count === 0 ? 0 : 1, sample: asked.sample, records: [] } }
      : {
          unexpected: {
            count: broken,
            share: judged === undefined || judged === 0 ? 0 : broken / judged,
            sample: records.map(sample),
            records,
          },
        }),
    ...(by.length === 0 ? {} : { groups: shownGroups(groups), groupCount: groups.length }),
    ...(finding.details === undefined ? {} : { details: finding.details }),
  };
}

function sumOf(
  groups: readonly GroupOutcome[],
  count: (group: GroupOutcome) => number | undefined,
): number | undefined {
  const counts = groups.map(count);
  if (counts.length === 0 || counts.some((value) => value === undefined)) return undefined;
  return counts.reduce<number>((sum, value) => sum + value!, 0);
}

function shownGroups(groups: readonly GroupOutcome[]): GroupResult[] {
  return [...groups]
    .sort((a, b) => Number(a.finding.success) - Number(b.finding.success))
    .slice(0, groupsShown)
    .map(({ group, finding, rows, broken }) => ({
      group,
      success: finding.success,
      observed: finding.observed as Json,
      ...(rows === undefined ? {} : { rows }),
      ...(broken === undefined ? {} : { unexpected: broken }),
    }));
}
