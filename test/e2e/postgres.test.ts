// The example on a real PostgreSQL: customers come from one database, the tables are loaded into another, and promise 1
// holds there too. One file's worth of the kill test, at five seeded moments.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allCustomers } from "../../examples/retail/data/customers.ts";
import { products } from "../../examples/retail/data/products.ts";
import { startCatalogue, type Catalogue } from "../../examples/retail/catalogue-server.ts";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import {
  killGroup,
  retailExample,
  sluice,
  sluiceJson,
  temporaryFolder,
  totals,
  type BackfillJson,
  type CommandOptions,
  type RunJson,
} from "./command.ts";
import { retailMonth } from "./retail-month.ts";

const server = await startPostgres();
const month = retailMonth();
const homes: string[] = [];
const range = ["backfill", "retail_daily", "--from", "2010-12-01", "--to", "2010-12-05"];
const seeds = [1, 2, 3, 4, 5];

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function newDatabase(): Promise<string> {
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  await ask(server!.url, `create database ${name}`);
  return server!.url.replace(/\/postgres$/, `/${name}`);
}

function fillShop(url: string): void {
  const filled = spawnSync(process.execPath, ["shop-database.ts"], {
    cwd: retailExample,
    env: { ...process.env, DATABASE_URL: url },
    encoding: "utf8",
  });
  expect(filled.status, filled.stderr).toBe(0);
}

/** Everything that a day's load decides: counts, sums and a hash over all rows of each day. */
const salesByDay = (url: string) =>
  ask(
    url,
    `select to_char(invoice_date at time zone 'Europe/London', 'YYYY-MM-DD') as day, count(*)::int as n, sum(quantity)::int as quantity,
            md5(string_agg(concat_ws('|', invoice_no, stock_code, description, quantity, invoice_date at time zone 'UTC', unit_price, customer_id, country), E'\\n'
                order by invoice_no, stock_code, description, quantity, invoice_date, unit_price)) as rows
     from sales group by 1 order by 1`,
  );

describe.skipIf(server === null)(`the example on PostgreSQL${server === null ? ` (${postgresMissing})` : ""}`, () => {
  let shop: string;
  let warehouse: string;
  let catalogue: Catalogue;
  let options: CommandOptions;

  const on = (shopUrl: string, warehouseUrl: string): CommandOptions => {
    const home = temporaryFolder("postgres");
    homes.push(home);
    const urls = {
      DATABASE_URL: shopUrl,
      WAREHOUSE_URL: warehouseUrl,
      CATALOGUE_URL: catalogue.url,
      CATALOGUE_TOKEN: catalogue.token,
    };
    return { cwd: retailExample, env: { ...month.env, ...urls, SLUICE_HOME: home } };
  };

  beforeAll(async () => {
    catalogue = await startCatalogue();
    [shop, warehouse] = [await newDatabase(), await newDatabase()];
    fillShop(shop);
    options = on(shop, warehouse);
  });

  afterAll(async () => {
    await catalogue?.close();
    await server?.stop();
    for (const folder of [...homes, month.folder]) rmSync(folder, { recursive: true, force: true });
  });

  it("takes the customers from one database into the other, and the catalogue's products", async () => {
    const { run } = await sluiceJson<RunJson>(["run", "reference"], options);
    expect(run.status).toBe("succeeded");
    expect(
      await ask(warehouse, "select (select count(*) from customers)::int c, (select count(*) from products)::int p"),
    ).toEqual([{ c: allCustomers().length, p: products.length }]);
    const rows = "customer_id, name, country, segment";
    expect(await ask(warehouse, `select ${rows} from customers order by 1`)).toEqual(
      await ask(shop, `select ${rows} from shop_customers order by 1`),
    );
  });

  it("holds every valid row of five days, and no other", async () => {
    const backfill = await sluiceJson<BackfillJson>(range, options);
    const days = month.days.filter((day) => day.date <= "2010-12-05");
    expect(totals(backfill.runs)).toMatchObject({
      in: days.reduce((sum, day) => sum + day.lines, 0),
      out: days.reduce((sum, day) => sum + day.valid, 0),
    });
    expect(await salesByDay(warehouse)).toMatchObject(days.map((day) => ({ day: day.date, n: day.valid })));
  });

  it("changes nothing when a day is run again", async () => {
    const before = await salesByDay(warehouse);
    await sluiceJson(["run", "retail_daily", "--partition", "2010-12-02"], options);
    await sluiceJson([...range, "--reprocess"], options);
    expect(await salesByDay(warehouse)).toEqual(before);
  });

  it("can be queried by the command", async () => {
    const [{ n }] = (await ask(warehouse, "select count(*)::int n from sales")) as [{ n: number }];
    expect(n).toBeGreaterThan(4_000);
    expect(await sluiceJson(["query", "select count(*) n from warehouse.sales"], options)).toEqual([{ n }]);
    expect(
      await sluiceJson(
        [
          "query",
          "select count(*) n from warehouse.sales s join shop.shop_customers c using (customer_id) where s.country <> c.country",
        ],
        options,
      ),
    ).toEqual([{ n: 0 }]);
  });

  it("works where the shop and the warehouse are one database: their tables don't clash", async () => {
    const both = await newDatabase();
    fillShop(both);
    const one = on(both, both);
    for (let time = 0; time < 2; time += 1)
      expect((await sluiceJson<RunJson>(["run", "reference"], one)).run.status).toBe("succeeded");
    await sluiceJson(["run", "retail_daily", "--partition", "2010-12-01"], one);
    expect(
      await ask(both, "select (select count(*) from customers)::int c, (select count(*) from shop_customers)::int s"),
    ).toEqual([{ c: allCustomers().length, s: allCustomers().length }]);
    expect(await salesByDay(both)).toEqual((await salesByDay(warehouse)).slice(0, 1));
  });

  describe("when the process group is killed in the middle of a backfill", () => {
    let duration: number;
    let hit = 0;
    let expected: Awaited<ReturnType<typeof salesByDay>>;

    beforeAll(async () => {
      const started = Date.now();
      const database = await newDatabase();
      await sluiceJson(range, on(shop, database));
      duration = Date.now() - started;
      expected = await salesByDay(database);
      expect(expected).toEqual(await salesByDay(warehouse));
    });

    it.each(seeds)("has the same rows once the command is given again (moment %i of 5)", async (seed) => {
      const database = await newDatabase();
      const again = on(shop, database);
      // From when the first worker is up to the end, each moment with its own seeded jitter.
      const jitter = ((seed * 2654435761) % 1000) / 1000;
      const moment = duration * (0.2 + (0.8 * (seed - 1 + jitter)) / seeds.length);
      const killed = await sluice(range, {
        ...again,
        onStart: (child) => void setTimeout(() => killGroup(child), moment),
      });
      expect(killed.signal === "SIGKILL" || killed.code === 0).toBe(true);
      if (killed.signal === "SIGKILL") hit += 1;
      const backfill = await sluiceJson<BackfillJson>(range, again);
      expect(backfill.runs.map((run) => run.run.status)).toEqual(Array.from({ length: 5 }, () => "succeeded"));
      expect(await salesByDay(database)).toEqual(expected);
    });

    it("was not always too late to be hit", () => expect(hit).toBeGreaterThanOrEqual(2));
  });
});
