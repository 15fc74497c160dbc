// Expectations of your own making in SQL and TypeScript, and those that read other datasets.
import { describeSql, quoteIdentifier, type Sql, sql } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { canonicalJson, type JsonObject } from "../../json.ts";
import type { QueryFinding, QueryReader } from "./check.ts";
import {
  commonOptions,
  type Expectation,
  type ExpectationOptions,
  makeExpectation,
  Refusal,
  refuseDefinition,
  type RowOptions,
} from "./expectation.ts";
import { listText, plainValue } from "./measure.ts";

export interface QueryOptions extends ExpectationOptions {
  /** Names of other datasets that the query reads, as they were given to the step. */
  readonly reads?: readonly string[];
}

/**
 * A query finds nothing. It reads the dataset as `dataset`, and others by their names.
 *
 * ```ts
 * noRows("paid_before_ordered", sql`from dataset where paid_at < ordered_at`)
 * ```
 */
export function noRows(name: string, query: Sql, options: QueryOptions = {}): Expectation {
  return makeExpectation({
    name: "noRows",
    columns: [],
    title: name,
    expected: { name, query: describeSql(query) },
    measures: name,
    others: options.reads ?? [],
    options: commonOptions(options),
    check: () => ({
      type: "query",
      run: async (reader) => {
        const [found] = await reader.rows(sql`select count(*) as n from (${query}
)`);
        const count = Number(found?.["n"]);
        const sample =
          count === 0
            ? []
            : await reader.rows(sql`select * from (${query}
) limit 5`);
        return {
          success: count === 0,
          observed: count,
          unexpected: { count, sample: sample.map((row) => plainValueRow(row)) },
        };
      },
    }),
  });
}

function plainValueRow(row: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
}

/**
 * Two queries give the same rows, in any order. `mostly` is the share of the rows of either that the other has, too.
 *
 * ```ts
 * sameResult("totals", sql`select day, sum(n) from dataset group by 1`, sql`select day, total from ledger`, { reads: ["ledger"] })
 * ```
 */
export function sameResult(
  name: string,
  query: Sql,
  reference: Sql,
  options: QueryOptions & Pick<RowOptions, "mostly"> = {},
): Expectation {
  const mostly = options.mostly ?? 1;
  return makeExpectation({
    name: "sameResult",
    columns: [],
    title: name,
    expected: { name, query: describeSql(query), reference: describeSql(reference) },
    measures: name,
    others: options.reads ?? [],
    options: commonOptions(options),
    check: () => ({
      type: "query",
      run: async (reader) => {
        const counts = await reader.rows(sql`
          with a as (${query}
          ), b as (${reference}
          ), more as (select * from a except all select * from b), less as (select * from b except all select * from a)
          select (select count(*) from a) as a, (select count(*) from b) as b,
                 (select count(*) from more) as more, (select count(*) from less) as less`);
        const [all, wanted, more, less] = ["a", "b", "more", "less"].map((key) => Number(counts[0]?.[key])) as [
          number,
          number,
          number,
          number,
        ];
        const largest = Math.max(all, wanted);
        const share = largest === 0 ? 1 : 1 - Math.max(more, less) / largest;
        return {
          success: share >= mostly,
          observed: share,
          details: { rows: all, referenceRows: wanted, notInReference: more, onlyInReference: less },
        };
      },
    }),
  });
}

/**
 * A rule in TypeScript, over the results of queries. It answers with its verdict and what it saw.
 *
 * ```ts
 * custom("weekend_share", async ({ rows }) => {
 *   const [found] = await rows(sql`select avg((dayofweek(created_at) in (0, 6))::int) as share from dataset`);
 *   return { success: Number(found?.share) < 0.5, observed: Number(found?.share) };
 * })
 * ```
 */
export function custom(
  name: string,
  judge: (reader: QueryReader) => Promise<QueryFinding> | QueryFinding,
  options: QueryOptions = {},
): Expectation {
  if (typeof judge !== "function")
    refuseDefinition("custom", "there is no function", "Write custom(name, async ({ rows }) => …).");
  return makeExpectation({
    name: "custom",
    columns: [],
    title: name,
    expected: { name, code: judge.toString() },
    measures: name,
    others: options.reads ?? [],
    options: commonOptions(options),
    check: () => ({
      type: "query",
      run: async (reader) => {
        const finding: unknown = await judge(reader);
        if (typeof (finding as QueryFinding | null)?.success !== "boolean")
          throw new Refusal(`its function answered ${JSON.stringify(finding) ?? "nothing"}, not { success, observed }`);
        const { observed = null, ...rest } = finding as QueryFinding;
        return { ...(JSON.parse(canonicalJson(rest as never)) as QueryFinding), observed: plainValue(observed) };
      },
    }),
  });
}

/**
 * Every value of a column, or combination of values of several, occurs in another dataset. A missing value refers to
 * nothing and is not judged.
 *
 * ```ts
 * references("customer_id", "customers", "id")
 * ```
 */
export function references(
  column: string | readonly string[],
  other: string,
  key: string | readonly string[] = column,
  options: RowOptions = {},
): Expectation {
  const columns = typeof column === "string" ? [column] : [...column];
  const keys = typeof key === "string" ? [key] : [...key];
  if (columns.length === 0 || columns.length !== keys.length)
    refuseDefinition("references", `${columns.length} columns refer to ${keys.length}`, "Name as many of each.");
  return makeExpectation({
    name: "references",
    columns,
    title: `${listText(columns)} refers to ${other} (${keys.join(", ")})`,
    expected: { dataset: other, columns: keys },
    others: [other],
    options,
    check: (table) => {
      const target = table.other(other);
      const names = new Set(target.columns.map(({ name }) => name));
      const lost = keys.find((name) => !names.has(name));
      if (lost !== undefined) throw new Refusal(`"${other}" has no column "${lost}"`);
      const cells = columns.map((name) => table.cell(name));
      const counted = cells.map((cell) => `${cell} IS NOT NULL`).join(" AND ");
      const wanted = keys.map((name) => quoteIdentifier(name));
      const filled = wanted.map((name) => `${name} IS NOT NULL`).join(" AND ");
      const value = cells.length === 1 ? cells[0]! : `row(${cells.join(", ")})`;
      const list = wanted.length === 1 ? wanted[0]! : `row(${wanted.join(", ")})`;
      const found = `${value} IN (SELECT ${list} FROM ${readDataset(target)} WHERE ${filled})`;
      return { type: "rows", counted: `(${counted})`, broken: `(${counted} AND NOT coalesce(${found}, false))` };
    },
  });
}
