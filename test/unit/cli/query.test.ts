import { mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { mariadbMissing, startMariadb } from "../../mariadb-server.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";
import { demoFiles, makeProject, type TestProject } from "./project.ts";

let project: TestProject;
beforeAll(async () => {
  project = makeProject({
    ...demoFiles(),
    "sluice.config.ts": `import { defineConfig } from "sluice";
      import { lake, sqlite } from "sluice/connect";
      const config = defineConfig({ connections: { warehouse: lake(), shop: sqlite("shop.db"), gone: sqlite("gone.db") } });
      export const { warehouse } = config.connections;
      export default config;`,
  });
  const shop = new DatabaseSync(join(project.folder, "shop.db"));
  shop.exec(
    "CREATE TABLE customers (id TEXT, segment TEXT, points INTEGER); INSERT INTO customers VALUES ('c-101', 'gold', 9007199254740993), ('c-102', 'new', 7)",
  );
  shop.close();
  mkdirSync(join(project.folder, "temporary"));
  vi.stubEnv("TMPDIR", join(project.folder, "temporary"));
  expect(await project.sluice(["run", "orders_daily", "--partition", "2026-01-05"])).toMatchObject({ code: 0 });
});
afterAll(() => {
  vi.unstubAllEnvs();
  project[Symbol.dispose]();
});

const query = (sql: string) => project.sluice(["query", sql, "--json"]);

describe("sluice query", () => {
  it("prints the rows as one JSON array, counts as numbers", async () => {
    expect(await query("select count(*) n from warehouse.orders")).toMatchObject({
      code: 0,
      stdout: '[{"n":36}]\n',
      stderr: "",
    });
    expect((await query("select * from warehouse.orders where false")).stdout).toBe("[]\n");
    expect((await query("select range n from range(5000)")).json()).toHaveLength(5000);
  });

  it("keeps values that a number can't hold as strings, and writes times in ISO 8601", async () => {
    const sql = `select 9007199254740991 a, 9007199254740992 b, 12.50::decimal(9,2) c, 0.1234567890123456789::decimal(38,19) d, -3::hugeint e,
      timestamptz '2011-01-04 10:00:00.25+01' f, timestamp '2011-01-04 10:00:00' g, date '2011-01-04' h, null i, [1::bigint] j, {'k': 'v'} k`;
    expect((await query(sql)).json()).toEqual([
      {
        a: 9007199254740991,
        b: "9007199254740992",
        c: "12.50",
        d: "0.1234567890123456789",
        e: -3,
        f: "2011-01-04T09:00:00.25Z",
        g: "2011-01-04T10:00:00",
        h: "2011-01-04",
        i: null,
        j: [1],
        k: { k: "v" },
      },
    ]);
  });

  it("joins tables of several connections, named in whatever case", async () => {
    const sql = `with orders as (select customer_id, count(*) n from Warehouse.Orders group by all)
      select c.segment, c.points, o.n > 0 ordered from shop.customers c join orders o on o.customer_id = c.id order by 1`;
    expect((await query(sql)).json()).toEqual([
      { segment: "gold", points: "9007199254740993", ordered: true },
      { segment: "new", points: 7, ordered: true },
    ]);
  });

  it("prints a table for people, with the columns' own names", async () => {
    const { stdout } = await project.sluice([
      "query",
      'select status, count(*) as "Orders" from warehouse.orders group by all order by 1',
    ]);
    expect(stdout).toMatch(/^status +Orders\nopen +\d+\n/);
    const long = await project.sluice(["query", "select * from range(1000)"]);
    expect(long.stdout.split("\n")).toHaveLength(202);
    expect(long.stderr).toBe("these are the first 200 rows; --json prints all, or say LIMIT\n");
  });

  it("says what tables there are", async () => {
    expect(
      (await query("select table_name from information_schema.tables where table_catalog = 'warehouse'")).json(),
    ).toEqual([{ table_name: "orders" }]);
    expect((await query("describe warehouse.orders")).json<object[]>()[0]).toMatchObject({
      column_name: "order_id",
      column_type: "VARCHAR",
    });
  });

  it.each([
    ["from nope.orders", 3, 'There is no connection "nope" in sluice.config.ts. It defines warehouse, shop, gone.'],
    ["from warehouse.nope", 5, 'There is no table "nope" in warehouse. It has warehouse.orders.'],
    ["from warehouse.staging.orders", 5, 'There is no table "staging.orders" in warehouse. It has warehouse.orders.'],
    ["from shop.nope", 5, 'There is no table "nope" in shop. It has shop.customers.'],
    ["from orders", 5, 'There is no table "orders". Name tables with their connection, such as warehouse.orders.'],
    ["selec 1", 1, 'The SQL does not parse: syntax error at or near "selec". It is DuckDB\'s SQL.'],
    [
      "select nope from warehouse.orders",
      1,
      expect.stringMatching(/^Binder Error: Referenced column "nope" not found/),
    ],
    ["select error('boom')", 1, "Invalid Input Error: boom."],
    [
      "insert into warehouse.orders select * from warehouse.orders",
      2,
      expect.stringMatching(/^sluice query only reads/),
    ],
    ["create table t as select 1", 2, expect.stringMatching(/^sluice query only reads/)],
    ["drop view warehouse.orders", 2, expect.stringMatching(/^sluice query only reads/)],
    ["copy (select 1) to '/tmp/stolen.csv'", 2, expect.stringMatching(/^sluice query only reads/)],
    ["attach '/tmp/x.db'", 2, expect.stringMatching(/^sluice query only reads/)],
    ["pragma version", 2, expect.stringMatching(/^sluice query only reads/)],
    ["set enable_external_access = true", 2, expect.stringMatching(/^sluice query only reads/)],
    ["with x as (select 1) delete from warehouse.orders", 2, expect.stringMatching(/^sluice query only reads/)],
    ["select 1; drop table x", 2, expect.stringMatching(/^sluice query (only reads|takes one)/)],
    ["select 1; select 2", 2, expect.stringMatching(/^sluice query takes one statement/)],
    ["", 2, expect.stringMatching(/^sluice query takes one statement/)],
    ["from read_csv('/etc/passwd')", 1, expect.stringMatching(/^A query can't read files/)],
    ["from read_text('sluice.config.ts')", 1, expect.stringMatching(/^A query can't read files/)],
    ["from glob('/etc/*')", 1, expect.stringMatching(/^A query can't read files/)],
    ["from '/etc/passwd.csv'", 5, expect.stringMatching(/^There is no table "\/etc\/passwd.csv"/)],
    ["from gone.x", 1, expect.stringMatching(/^The SQLite file .+gone\.db of the connection "gone" does not exist\./)],
  ])("answers %j with exit code %i and one line", async (sql, code, line) => {
    const result = await project.sluice(["query", sql]);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
    expect(result.stderr.replace(/^error: (.*)\n$/, "$1")).toEqual(line);
  });

  it("leaves nothing behind in the temporary folder", () => {
    expect(tmpdir()).toBe(join(project.folder, "temporary"));
    // Node keeps its compiled code there, for every program of the machine.
    expect(readdirSync(tmpdir()).filter((name) => name !== "node-compile-cache")).toEqual([]);
  });
});

const server = await startPostgres();
afterAll(() => server?.stop());

describe.skipIf(server === null)(`sluice query of PostgreSQL${server === null ? ` (${postgresMissing})` : ""}`, () => {
  it("reads the tables that are named, and names those there are when one is not", async () => {
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: server!.url });
    await client.connect();
    await client.query(
      "create table points (id text, total bigint); insert into points values ('a', 9007199254740993), ('b', 2); create schema staging; create table staging.other (id int)",
    );
    await client.end();
    using shop = makeProject({
      "sluice.config.ts": `import { defineConfig } from "sluice";
        import { postgres } from "sluice/connect";
        export default defineConfig({ connections: { app: postgres(${JSON.stringify(server!.url)}) } });`,
    });
    const ask = (sql: string) => shop.sluice(["query", sql, "--json"]);
    expect((await ask("select id, total from app.points order by id")).json()).toEqual([
      { id: "a", total: "9007199254740993" },
      { id: "b", total: 2 },
    ]);
    expect((await ask("select count(*) n from app.staging.other")).json()).toEqual([{ n: 0 }]);
    const unknown = await ask("from app.nope");
    expect(unknown).toMatchObject({ code: 5, stdout: "" });
    expect(unknown.stderr).toContain("It has app.points, app.staging.other.");
  });
});

const mariadb = await startMariadb();
afterAll(() => mariadb?.stop());

describe.skipIf(mariadb === null)(`sluice query of MySQL${mariadb === null ? ` (${mariadbMissing})` : ""}`, () => {
  it("reads the tables that are named, and names those there are when one is not", async () => {
    const { createConnection } = await import("mysql2/promise");
    const client = await createConnection({ uri: mariadb!.url, multipleStatements: true });
    await client.query(
      "create table points (id text, total bigint); insert into points values ('a', 9007199254740993), ('b', 2); create database staging; create table staging.other (id int)",
    );
    await client.end();
    using shop = makeProject({
      "sluice.config.ts": `import { defineConfig } from "sluice";
        import { mysql } from "sluice/connect";
        export default defineConfig({ connections: { app: mysql(${JSON.stringify(mariadb!.url)}) } });`,
    });
    const ask = (sql: string) => shop.sluice(["query", sql, "--json"]);
    expect((await ask("select id, total from app.points order by id")).json()).toEqual([
      { id: "a", total: "9007199254740993" },
      { id: "b", total: 2 },
    ]);
    expect((await ask("select count(*) n from app.staging.other")).json()).toEqual([{ n: 0 }]);
    const unknown = await ask("from app.nope");
    expect(unknown).toMatchObject({ code: 5, stdout: "" });
    expect(unknown.stderr).toContain("It has app.points, app.staging.other.");
  });
});
