// Judges all expectations of a dataset together, in as few scans as it can: one for what aggregates can tell (one per
// set of `by` columns), and a further one for each expectation that needs more, most of which need it only when they fail.
// One that can't be judged says why and takes nothing from the others.
import type { Dataset } from "../../dataset/dataset.ts";
import type { ExpectationReport } from "../../dataset/expectation-report.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { isSluiceError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { brokenRecords, scan, type Scanned } from "./aggregate-scan.ts";
import { type Expectation, Refusal } from "./expectation.ts";
import { countsScan, queryScan, sortedScan, textScan, windowScan } from "./further-scans.ts";
import { plainValue } from "./measure.ts";
import { type GroupOutcome, resultOf, type Slot, type SlotOutcome, slotOf } from "./slot.ts";
import { type Source, sourceOf } from "./source.ts";
import { rowNumber, type Table, tableOf } from "./table.ts";

export interface EvaluateRequest {
  readonly session: Session;
  readonly dataset: Dataset;
  readonly expectations: readonly Expectation[];
  /** Other datasets, by the names under which expectations read them. */
  readonly others?: ReadonlyMap<string, Dataset>;
  /** The instant as of which ages are measured, in milliseconds since the epoch. */
  readonly asOf: number;
  /** How many unexpected rows are shown per expectation. @default 5 */
  readonly sampleSize?: number;
}

export async function evaluate(request: EvaluateRequest): Promise<ExpectationReport> {
  const { session, dataset, expectations, asOf, others = new Map(), sampleSize = 5 } = request;
  session.expect(dataset.rows);
  const table = tableOf(dataset.columns, others, asOf);
  const source = await sourceOf(session, dataset);
  const outcomes = new Map<Expectation, SlotOutcome>();
  const slots: Slot[] = [];
  for (const expectation of expectations) {
    try {
      const slot = slotOf(expectation, table);
      if (slot.by.length > 0 && ["settled", "sorted", "query"].includes(slot.check.type))
        throw new Refusal("it can't be judged by group");
      slots.push(slot);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      outcomes.set(expectation, { error: error.message });
    }
  }
  const scanned = await scanAll(source, slots);
  for (const slot of slots) {
    outcomes.set(slot.expectation, await guarded(() => finish(source, slot, scanned.get(slot), others, sampleSize)));
  }
  await addRecords(source, slots, outcomes, sampleSize);
  const bySlot = new Map(slots.map((slot) => [slot.expectation, slot]));
  const sample = await sampleRows(source, table, expectations, outcomes);
  return {
    kind: "expectation-report",
    rows: dataset.rows,
    results: expectations.map((expectation) =>
      resultOf(bySlot.get(expectation) ?? { expectation, by: expectation.by }, outcomes.get(expectation)!, (record) =>
        sample(expectation, record),
      ),
    ),
    scans: source.scans(),
  };
}

/** One scan per set of groups. Where it fails, each expectation is tried by itself, to find out which it was. */
async function scanAll(source: Source, slots: readonly Slot[]): Promise<Map<Slot, Scanned>> {
  const aggregates = slots.filter(({ check }) => ["rows", "window", "measure"].includes(check.type));
  const groups = Map.groupBy(aggregates, ({ by, where, check }) =>
    JSON.stringify([by, check.type === "measure" && check.ownScan === true && where !== null ? where : null]),
  );
  const all = new Map<Slot, Scanned>();
  for (const group of groups.values()) {
    try {
      for (const [slot, found] of await scan(source, group)) all.set(slot, found);
    } catch (error) {
      if (!isQueryFailure(error)) throw error;
      for (const slot of group) {
        const outcome = await guarded(async () => {
          const found = (await scan(source, [slot], "plain")).get(slot)!;
          all.set(slot, found);
          return found.outcome;
        });
        if ("error" in outcome) all.set(slot, { outcome, next: null });
      }
    }
  }
  return all;
}

async function finish(
  source: Source,
  slot: Slot,
  scanned: Scanned | undefined,
  others: ReadonlyMap<string, Dataset>,
  sampleSize: number,
): Promise<SlotOutcome> {
  const { check } = slot;
  if (scanned !== undefined) {
    const { outcome, next } = scanned;
    if (next === null || "error" in outcome) return outcome;
    const groups =
      check.type === "window"
        ? await windowScan(source, slot, check, outcome.groups, sampleSize)
        : check.type === "rows"
          ? await textScan(source, slot, check, outcome.groups, sampleSize)
          : outcome.groups;
    return { groups };
  }
  switch (check.type) {
    case "settled":
      return { groups: [{ group: {}, finding: check.finding }] };
    case "counts":
      return { groups: await countsScan(source, slot, check) };
    case "sorted":
      return { groups: await sortedScan(source, slot, check) };
    case "query":
      return { groups: await queryScan(source, check, others) };
    default:
      return { error: "it was not read" };
  }
}

/** The positions of rows that are shown, for the rules about rows that some rows break. */
async function addRecords(
  source: Source,
  slots: readonly Slot[],
  outcomes: Map<Expectation, SlotOutcome>,
  sampleSize: number,
): Promise<void> {
  const broken = new Map<Slot, number>();
  for (const slot of slots) {
    const outcome = outcomes.get(slot.expectation)!;
    if (slot.check.type !== "rows" || "error" in outcome) continue;
    const count = outcome.groups.reduce((sum, group) => sum + (group.broken ?? 0), 0);
    if (count > 0 && outcome.groups.every((group) => (group.records ?? []).length === 0)) broken.set(slot, count);
  }
  for (const [slot, records] of await brokenRecords(source, broken, sampleSize)) {
    const outcome = outcomes.get(slot.expectation) as Extract<SlotOutcome, { groups: unknown }>;
    const [first, ...rest] = outcome.groups;
    outcomes.set(slot.expectation, { groups: [{ ...first!, records }, ...rest] });
  }
}

async function guarded(work: () => Promise<SlotOutcome>): Promise<SlotOutcome> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal || isQueryFailure(error)) return { error: error.message };
    throw error;
  }
}

function isQueryFailure(error: unknown): error is Error {
  return isSluiceError(error) && error.code === "QUERY_FAILED";
}

/** The cells of the rows that are shown as unexpected: read once for all expectations, and not at all if there are none. */
async function sampleRows(
  source: Source,
  table: Table,
  expectations: readonly Expectation[],
  outcomes: ReadonlyMap<Expectation, SlotOutcome>,
): Promise<(expectation: Expectation, record: number) => JsonObject> {
  const wanted = new Set<number>();
  const columns = new Set<string>();
  const all = source.dataset.columns.map((column) => column.name);
  const columnsOf = (expectation: Expectation): readonly string[] =>
    expectation.columns.length > 0 ? [...new Set([...expectation.columns, ...expectation.by])] : all.slice(0, 20);
  for (const expectation of expectations) {
    const outcome = outcomes.get(expectation)!;
    if ("error" in outcome) continue;
    const records = outcome.groups.flatMap((group: GroupOutcome) => group.records ?? []);
    for (const record of records) wanted.add(record);
    if (records.length > 0) for (const column of columnsOf(expectation)) columns.add(column);
  }
  if (wanted.size === 0) return () => ({});
  const cells = [...columns].map((column) => quoteIdentifier(column));
  const rows = await source.rows(
    `SELECT ${[rowNumber, ...cells].join(", ")} FROM ${source.sql} WHERE ${source.at([...wanted])}`,
  );
  const key = rowNumber.slice(1, -1);
  const byRecord = new Map(rows.map((row) => [Number(row[key]), row]));
  return (expectation, record) =>
    Object.fromEntries(
      columnsOf(expectation).map((column) => [
        column,
        plainValue(byRecord.get(record)?.[column], table.classOf(column)),
      ]),
    );
}
