// What a life, or several, have left in the state and in PostgreSQL, and whether it is as it should be.
import type { Client } from "pg";
import type { LifeReport } from "./driver.ts";

/** What must be the same however often the process was killed. */
export interface Outcome {
  readonly run: string;
  readonly runs: number;
  readonly steps: readonly unknown[];
  readonly items: readonly unknown[];
  readonly notices: readonly unknown[];
  readonly sales: readonly unknown[];
  readonly effects: readonly unknown[];
}

/** The outcome; and what was written as it must not be, in words: [] when nothing was. */
export async function outcomeOf(
  report: LifeReport,
  client: Client,
): Promise<{ readonly outcome: Outcome; readonly breaches: readonly string[] }> {
  const rows = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await client.query(sql)).rows as Record<string, unknown>[];
  const outcome: Outcome = {
    run: report.run.status,
    runs: report.runs,
    steps: report.steps.map(({ name, status, output, rows: counts }) => [name, status, comparable(output), counts]),
    items: report.items,
    notices: report.notices,
    sales: await rows("select id, amount from sales order by id, amount"),
    effects: await rows("select slot, value from effects order by slot, value"),
  };
  const breaches = [
    ...(
      await rows("select slot, count(*) as n from effects where slot <> 'hook/' group by slot having count(*) > 1")
    ).map(({ slot, n }) => `${slot} had its effect ${n} times`),
    ...(await rows("select step, item from ledger where wrote group by run, step, item having count(*) > 1")).map(
      ({ step, item }) => `${step}[${item}] was written twice`,
    ),
    // In the order of the commits: a write after that of a higher fence is one that should have been refused.
    ...(
      await rows(
        `select step, item, attempt from (
         select *, max(fence) over (partition by step, item order by id rows between unbounded preceding and 1 preceding) as highest from ledger
       ) as written where fence < highest and step <> 'hook'`,
      )
    ).map(({ step, item, attempt }) => `${step}[${item}]#${attempt} wrote though it had been overtaken`),
    ...(await rows("select id from sales group by id having count(*) > 1")).map(({ id }) => `${id} was loaded twice`),
  ];
  return { outcome, breaches };
}

/** A dataset lies where it lies, which rows it has is told by its hash; and a decision is made when it is made. */
function comparable(output: unknown): unknown {
  if (typeof output !== "object" || output === null || Array.isArray(output)) return output;
  return { ...output, files: undefined, at: undefined };
}
