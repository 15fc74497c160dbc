// Promise 1: SIGKILL of the whole process group at any moment of a backfill, then the same command again: every run
// ends as it would have, no row is lost, none is loaded twice. Here at 20 seeded moments.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killGroup, retailExample, sluice, sluiceJson, temporaryFolder, totals, type BackfillJson } from "./command.ts";
import { retailMonth } from "./retail-month.ts";

const seeds = Array.from({ length: 20 }, (_, position) => position + 1);
const range = ["backfill", "retail_daily", "--from", "2010-12-01", "--to", "2010-12-10"];
// The generated month: the same on every machine.
const month = retailMonth();
const { env } = month;

interface Outcome {
  readonly totals: object;
  readonly perDay: readonly object[];
  readonly warehouse: readonly object[];
  readonly quarantine: readonly object[];
  readonly features: readonly object[];
}

async function outcome(home: string, backfill: BackfillJson): Promise<Outcome> {
  const options = { cwd: retailExample, env: { ...env, SLUICE_HOME: home } };
  const query = (sql: string) => sluiceJson<object[]>(["query", sql], options);
  const quarantine = await sluiceJson<Record<string, unknown>[]>(["quarantine", "list"], options);
  const customers = await query(
    "select customer_id from warehouse.sales where customer_id is not null group by 1 order by count(*) desc, 1 limit 5",
  );
  const features = customers.map((row) =>
    sluiceJson<object>(
      ["features", "get", "customer_activity", String((row as { customer_id: string }).customer_id)],
      options,
    ),
  );
  return {
    totals: totals(backfill.runs),
    perDay: backfill.runs.map((run) => ({
      day: run.run.partition,
      status: run.run.status,
      rows: run.steps.map((step) => step.rows),
    })),
    warehouse: await query(
      `select cast(invoice_date at time zone 'Europe/London' as date) as day, count(*) as n, sum(cast(quantity * unit_price as decimal(38, 6))) as revenue,
              count(distinct hash(invoice_no, stock_code, description, quantity, invoice_date, unit_price, customer_id, country)) as different
       from warehouse.sales group by 1 order by 1`,
    ),
    quarantine: quarantine
      .map(({ partition, rows, reasons }) => ({ partition, rows, reasons }))
      .sort((a, b) => String(a.partition).localeCompare(String(b.partition))),
    features: await Promise.all(features),
  };
}

describe("a backfill that is killed", () => {
  let expected: Outcome;
  let duration: number;
  const homes: string[] = [];
  const newHome = (): string => {
    const home = temporaryFolder("kill");
    homes.push(home);
    return home;
  };

  beforeAll(async () => {
    const home = newHome();
    const started = Date.now();
    const whole = await sluiceJson<BackfillJson>(range, { cwd: retailExample, env: { ...env, SLUICE_HOME: home } });
    duration = Date.now() - started;
    expected = await outcome(home, whole);
  });

  afterAll(() => {
    rmSync(month.folder, { recursive: true, force: true });
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  it.each(seeds)("ends as it would have when it is killed at moment %i of 20 and given again", async (seed) => {
    const home = newHome();
    const options = { cwd: retailExample, env: { ...env, SLUICE_HOME: home } };
    // Moments are spread over the whole run, each with its own seeded jitter.
    const jitter = ((seed * 2654435761) % 1000) / 1000;
    const moment = duration * ((seed - 1 + jitter) / seeds.length);
    const killed = await sluice([...range, "--json"], {
      ...options,
      onStart: (child) => void setTimeout(() => killGroup(child), moment),
    });
    const again = await sluiceJson<BackfillJson>(range, options);
    expect(killed.signal === "SIGKILL" || killed.code === 0).toBe(true);
    expect(again.runs.every((run) => run.run.status === "succeeded")).toBe(true);
    expect(await outcome(home, again)).toEqual(expected);
  });
});
