// What one scan of aggregates can't tell: rows that are judged by their neighbours, counts of distinct values, values in
// order, texts that only JS can judge, and queries of one's own. Each says that it reads the dataset once more.
import { randomUUID } from "node:crypto";
import type { Dataset } from "../../dataset/dataset.ts";
import { inlineSql, quoteIdentifier } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import type { JsonObject } from "../../json.ts";
import { mostGroups } from "./aggregate-scan.ts";
import type { CountsCheck, QueryCheck, QueryReader, RowCheck, SortedCheck, ValueCount, WindowCheck } from "./check.ts";
import { Refusal } from "./expectation.ts";
import { plainValue } from "./measure.ts";
import { type GroupOutcome, groupOf, rowOutcome, type Slot } from "./slot.ts";
import type { Source } from "./source.ts";
import { rowNumber } from "./table.ts";

/** More distinct values than this are not counted one by one. */
const mostValues = 200_000;

function whereSql(...conditions: readonly (string | null)[]): string {
  const parts = conditions.filter((condition) => condition !== null);
  return parts.length === 0 ? "" : ` WHERE ${parts.map((part) => `(${part})`).join(" AND ")}`;
}

function groupSql(slot: Slot): { readonly named: string; readonly grouped: string } {
  const names = slot.by.map((_, at) => `g${at}`);
  return {
    named: slot.by.map((column, at) => `${column} AS g${at}, `).join(""),
    grouped: names.length === 0 ? "" : ` GROUP BY ${names.join(", ")}`,
  };
}

/** `before` has the counts of the first scan, by group. */
export async function windowScan(
  source: Source,
  slot: Slot,
  check: WindowCheck,
  before: readonly GroupOutcome[],
  sampleSize: number,
): Promise<GroupOutcome[]> {
  const { named, grouped } = groupSql(slot);
  const names = slot.by.map((_, at) => `g${at}, `).join("");
  const inner = `SELECT ${named}${rowNumber}, ${check.broken(slot.by)} AS broken FROM ${source.sql}${whereSql(slot.where, check.counted)}`;
  const rows = await source.rows(
    `SELECT ${names}count(*) AS judged, count(*) FILTER (WHERE broken) AS broken, min(${rowNumber}, ${Math.max(1, sampleSize)}) FILTER (WHERE broken) AS records FROM (${inner})${grouped}`,
  );
  const found = new Map(rows.map((row) => [JSON.stringify(groupOf(slot, row)), row]));
  return before.map(({ group, rows: all = 0 }) => {
    const row = found.get(JSON.stringify(group));
    const records = ((row?.["records"] as unknown[] | null | undefined) ?? []).slice(0, sampleSize).map(Number);
    const counts = { rows: all, judged: Number(row?.["judged"] ?? 0), broken: Number(row?.["broken"] ?? 0), records };
    return rowOutcome(slot, group, counts);
  });
}

export async function countsScan(source: Source, slot: Slot, check: CountsCheck): Promise<GroupOutcome[]> {
  const { named } = groupSql(slot);
  const groups = slot.by.map((_, at) => `g${at}, `).join("");
  const rows = await source.rows(
    `SELECT ${named}${check.value} AS value, count(*) AS n FROM ${source.sql}${whereSql(slot.where)} GROUP BY ${groups}value LIMIT ${mostValues + 1}`,
  );
  if (rows.length > mostValues) throw new Refusal(`there are more than ${mostValues} distinct values`);
  const byGroup = new Map<string, { group: JsonObject; counts: ValueCount[]; missing: number }>();
  if (slot.by.length === 0) byGroup.set("{}", { group: {}, counts: [], missing: 0 });
  for (const row of rows) {
    const group = groupOf(slot, row);
    const key = JSON.stringify(group);
    const known = byGroup.get(key) ?? { group, counts: [], missing: 0 };
    byGroup.set(key, known);
    if (row["value"] === null) known.missing += Number(row["n"]);
    else known.counts.push({ value: valueOf(row["value"], check), count: Number(row["n"]) });
  }
  if (byGroup.size > mostGroups) throw new Refusal(`there are more than ${mostGroups} groups`);
  return [...byGroup.values()].map(({ group, counts, missing }) => {
    const judged = counts.reduce((sum, { count }) => sum + count, 0);
    return { group, finding: check.judge(counts), rows: judged + missing, judged };
  });
}

function valueOf(value: unknown, { found }: CountsCheck): ValueCount["value"] {
  if (found !== "nested" || typeof value !== "object" || value === null) return plainValue(value, found);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, plainValue(item, typeof item === "string" ? "text" : "number")]),
  );
}

export async function sortedScan(source: Source, slot: Slot, check: SortedCheck): Promise<GroupOutcome[]> {
  const value = `CAST(${check.value} AS DOUBLE)`;
  source.count();
  const result = await source.session.connection.run(
    `SELECT ${value} AS value FROM ${source.sql}${whereSql(slot.where, `${value} IS NOT NULL`)} ORDER BY 1`,
  );
  const parts: Float64Array[] = [];
  let length = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const values = Float64Array.from(chunk.getColumnValues(0) as number[]);
    parts.push(values);
    length += values.length;
  }
  const sorted = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    sorted.set(part, at);
    at += part.length;
  }
  return [{ group: {}, finding: check.judge(sorted) }];
}

/** Judges each distinct text once, in JS. */
export async function textScan(
  source: Source,
  slot: Slot,
  check: RowCheck,
  before: readonly GroupOutcome[],
  sampleSize: number,
): Promise<GroupOutcome[]> {
  const { text, accepts } = check.undecided!;
  const { named } = groupSql(slot);
  const groups = slot.by.map((_, at) => `g${at}, `).join("");
  source.count();
  // The binding's decoder swallows a byte order mark at the start of a text: no text starts with its own first character.
  const result = await source.session.connection.run(
    `SELECT ${named}'.' || ${text} AS value, count(*) AS n, min(${rowNumber}, ${Math.max(1, sampleSize)}) AS records FROM ${source.sql}${whereSql(slot.where, check.counted)} GROUP BY ${groups}value`,
  );
  const found = new Map<string, { broken: number; records: number[] }>();
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const row of chunk.getRows()) {
      const [value, count, records] = row.slice(slot.by.length) as [string, bigint, { items: readonly bigint[] }];
      if (accepts(value.slice(1))) continue;
      const cells = Object.fromEntries(slot.by.map((_, at) => [`g${at}`, cellOf(row[at])]));
      const key = JSON.stringify(groupOf(slot, cells));
      const known = found.get(key) ?? { broken: 0, records: [] };
      found.set(key, known);
      known.broken += Number(count);
      known.records = [...known.records, ...records.items.map(Number)].sort((a, b) => a - b).slice(0, sampleSize);
    }
  }
  return before.map(({ group, rows = 0, judged = 0 }) => {
    const { broken, records } = found.get(JSON.stringify(group)) ?? { broken: 0, records: [] };
    return rowOutcome(slot, group, { rows, judged, broken, records });
  });
}

function cellOf(value: unknown): unknown {
  return typeof value === "bigint"
    ? value.toString()
    : typeof value === "object" && value !== null
      ? String(value)
      : value;
}

/** Runs a check of one's own, with the dataset and the others as views of their names. */
export async function queryScan(
  source: Source,
  check: QueryCheck,
  others: ReadonlyMap<string, Dataset>,
): Promise<GroupOutcome[]> {
  const { session } = source;
  // A view of the session may have the name already: the query's own hide it.
  const schema = `expectation_${randomUUID().replaceAll("-", "")}`;
  const views = [["dataset", source.dataset] as const, ...others];
  await session.run(
    [
      `CREATE SCHEMA ${schema};`,
      ...views.map(
        ([name, dataset]) => `CREATE VIEW ${schema}.${quoteIdentifier(name)} AS SELECT * FROM ${readDataset(dataset)};`,
      ),
      `SET search_path = '${schema},main';`,
    ].join("\n"),
  );
  const reader: QueryReader = { rows: (query) => source.rows(inlineSql(query)), rowCount: source.dataset.rows };
  try {
    return [{ group: {}, finding: await check.run(reader) }];
  } finally {
    await session.run(`SET search_path = 'main'; DROP SCHEMA ${schema} CASCADE;`);
  }
}
