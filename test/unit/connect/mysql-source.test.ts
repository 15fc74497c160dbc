import { readdir } from "node:fs/promises";
import { createConnection, type Connection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { mysqlRange } from "../../../src/adapters/mysql/range.ts";
import { mysqlSource } from "../../../src/adapters/mysql/source.ts";
import { mysql } from "../../../src/connect/mysql.ts";
import type { Source } from "../../../src/connect/source.ts";
import type { SqlConnection } from "../../../src/connect/sql-connection.ts";
import type { Row } from "../../../src/dataset/session.ts";
import { identifier, sql, type Sql } from "../../../src/dataset/sql.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { testRange } from "../../conformance/range.ts";
import { testSource } from "../../conformance/source.ts";
import { typesInGuide } from "../../database-types.ts";
import { mariadbMissing, startMariadb } from "../../mariadb-server.ts";
import { sourcePlace, type SourcePlace } from "../../source-place.ts";

const server = await startMariadb();
afterAll(async () => server?.stop());

describe.skipIf(server === null)(server === null ? `MySQL source (${mariadbMissing})` : "MySQL source", () => {
  let shop: SqlConnection;
  let writer: Connection;
  let place: SourcePlace;
  beforeAll(async () => {
    shop = mysql(server!.url)("shop");
    writer = await createConnection({ uri: server!.url, multipleStatements: true });
  });
  afterAll(async () => writer?.end());
  beforeEach(async () => {
    await writer.query("drop database test; create database test character set utf8mb4; use test");
    place = await sourcePlace();
  });
  afterEach(() => place.dispose());

  const read = async (source: Source): Promise<{ columns: string[]; rows: Row[] }> => {
    const dataset = await mysqlSource(source, place.context);
    const rows = await place.session.rows(`FROM ${readDataset(dataset)}`);
    expect(dataset.rows).toBe(rows.length);
    return { columns: dataset.columns.map((column) => `${column.name} ${column.type}`), rows };
  };
  const failureOf = async (
    source: Source,
  ): Promise<{ code: string; message: string; hint: string; retryable: boolean }> =>
    mysqlSource(source, place.context).then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as never,
    );
  const asQuery = (text: string): Sql => sql(Object.assign([text], { raw: [text] }));

  it("types become what the guide says", async () => {
    const told = typesInGuide("MySQL and MariaDB");
    expect(told.length).toBeGreaterThan(25);
    // JSON is a type of MySQL's; of MariaDB's it is a text with a check.
    const here = told.filter(({ from }) => from !== "json");
    await writer.query(`create table t (${here.map(({ from }, i) => `c${i} ${from} null`).join(", ")})`);
    const { columns } = await read(shop.read("t"));
    expect(columns).toEqual(here.map(({ to }, i) => `c${i} ${to}`));
  });

  const everyKind = `
    create table kinds (id bigint, tiny tinyint, yes tinyint(1), u bigint unsigned, n decimal(12,4), big decimal(65,2), f float, d double,
      day date, stamp datetime(6), at timestamp(6) null, hour time(3), y year, b1 bit(1), b12 bit(12), words text, fixed char(3), l1 varchar(9) character set latin1,
      e enum('sad', 'ok'), s set('x', 'y'), j json, raw blob, vb varbinary(9));
    set time_zone = '+00:00';
    insert into kinds values (9007199254740993, -128, 1, 18446744073709551615, 12345678.1200, 1e40, 16777217, 0.1e0 + 0.2e0,
      '2011-01-04', '2011-01-04 10:00:00.123456', '2011-01-04 10:00:00.123456', '-838:59:59', 2026, b'1', b'100000000001', 'a"b,\\\\N\\r\\nc\\0é🎉', 'x', 'é',
      'ok', 'x,y', '{"b":  [1, null]}', x'DEAD00', x'FF');
    insert into kinds (id, words, yes) values (2, '', 0), (3, '\\\\N', null), (null, null, null);
    set time_zone = default`;
  const firstRow = {
    id: "9007199254740993",
    tiny: -128,
    yes: true,
    u: "18446744073709551615",
    n: "12345678.1200",
    big: `1${"0".repeat(40)}.00`,
    f: 16777216,
    d: 0.30000000000000004,
    day: "2011-01-04",
    stamp: "2011-01-04 10:00:00.123456",
    at: "2011-01-04 10:00:00.123456+00",
    hour: "-838:59:59.000",
    y: 2026,
    b1: true,
    b12: "2049",
    words: 'a"b,\\N\r\nc\0é🎉',
    fixed: "x",
    l1: "é",
    e: "ok",
    s: "x,y",
    j: '{"b":  [1, null]}',
    raw: "\\xDE\\xAD\\x00",
    vb: "\\xFF",
  };

  it.each([
    ["a table", () => shop.read("kinds")],
    ["a query", () => shop.query(sql`select * from kinds -- all of it`)],
    ["a query with values", () => shop.query(sql`select * from kinds where ${true} and (id is null or id > ${1n});`)],
  ])("keeps every value exactly: %s", async (_what, source) => {
    await writer.query(everyKind);
    const { rows } = await read(source());
    expect(rows.find((row) => row["id"] === firstRow.id)).toEqual(firstRow);
    const [two, three, none] = ["2", "3", null].map((id) => rows.find((row) => row["id"] === id)!);
    expect([two!["words"], two!["yes"]]).toEqual(["", false]);
    expect([three!["words"], three!["yes"]]).toEqual(["\\N", null]);
    expect(Object.values(none!).every((value) => value === null)).toBe(true);
  });

  it("keeps the order of a query, a row of many megabytes, and leaves no temporary file", async () => {
    await writer.query("create table t (id int, name longtext)");
    await writer.query("insert into t select seq, concat('row ', seq) from seq_1_to_20000");
    await writer.query("insert into t values (0, repeat('x', 9000000))");
    const dataset = await mysqlSource(shop.query(sql`select * from t order by id desc`), place.context);
    const [row] = await place.session.rows(
      `SELECT list(id)[:3] AS first, max(length(name)) AS longest, count(*) AS n FROM ${readDataset(dataset)}`,
    );
    expect(row).toEqual({ first: [20_000, 19_999, 19_998], longest: "9000000", n: "20001" });
    const left = (await readdir(place.artifactFolder, { recursive: true, withFileTypes: true })).filter(
      (entry) => entry.isFile() && !entry.name.endsWith(".parquet"),
    );
    expect(left).toEqual([]);
  });

  it("binds values by what they are, and never as a piece of the query; quotes names", async () => {
    await writer.query(
      "create table `Odd ``name` (id bigint, at timestamp(3) null, stamp datetime(3), price decimal(9,2), name varchar(50)); set time_zone = '+00:00'",
    );
    await writer.query("insert into `Odd ``name` values (9007199254740993, '2011-01-04', '2011-01-04', 1.10, ?)", [
      "' or true -- \\",
    ]);
    await writer.query("set time_zone = default");
    const table = identifier("Odd `name");
    const { rows } = await read(
      shop.query(sql`select id, ${"a'b\\"} as odd, '?' as mark /* ? */ from ${table} where id = ${9007199254740993n} and at < ${new Date("2011-01-05")}
        and stamp >= ${"2011-01-04T00:00:00.000Z"} and price = ${1.1} and name = ${"' or true -- \\"} and ${null} is null limit ${5}`),
    );
    expect(rows).toEqual([{ id: "9007199254740993", odd: "a'b\\", mark: "?" }]);
    expect((await read(shop.query(sql`select id from ${table} where id = ${9007199254740992n}`))).rows).toEqual([]);
    expect((await read(shop.read("Odd `name"))).rows).toHaveLength(1);
  });

  it("sees one state of the database, whatever is written meanwhile", async () => {
    await writer.query("create table t engine=innodb as select seq as id from seq_1_to_1000");
    const reading = mysqlSource(
      shop.query(
        sql`select t.id from t join (select sleep(0.3) as s) as wait on wait.s = 0 union all select count(*) from t`,
      ),
      place.context,
    );
    await writer.query("delete from t");
    const dataset = await reading;
    expect([0, 1001]).toContain(dataset.rows === 1 ? 0 : dataset.rows);
  });

  it.each([
    ["a table that is not there", sql`select * from no_such`, "SOURCE_MISSING", /no_such' doesn't exist/],
    ["a column that is not there", sql`select nme from (select 1 as name) t`, "SOURCE_COLUMNS", /Unknown column 'nme'/],
    ["a syntax error", sql`selct 1`, "QUERY_FAILED", /error in your SQL syntax/],
    ["two columns of one name", sql`select 1 as a, 2 as A`, "QUERY_FAILED", /Duplicate column name/],
    ["a value inside a text", sql`select '${"x"}' as a`, "QUERY_FAILED", /Incorrect arguments/],
    [
      "an error in the middle of the rows",
      sql`select (select seq from seq_1_to_9 where seq >= 9 - (s.seq > 5000)) as a from seq_1_to_10000 s`,
      "QUERY_FAILED",
      /more than 1 row/,
    ],
    ["a write", sql`select nextval(numbers) as a`, "QUERY_FAILED", /READ ONLY transaction/],
    [
      "a day that no calendar has",
      sql`select cast('0000-00-00' as date) as a`,
      "SOURCE_MALFORMED",
      /column "a" holds 0000-00-00/,
    ],
    ["a truth that is neither", asQuery("select yes from odd"), "SOURCE_MALFORMED", /column "yes" holds 2/],
  ])("says in one line what is wrong: %s", async (_what, query, code, message) => {
    await writer.query(
      "set sql_mode = ''; create sequence numbers; create table odd (yes bool); insert into odd values (2)",
    );
    const error = await failureOf(shop.query(query));
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toMatch(message);
    expect(error.message).toContain('connection "shop"');
    expect(error.message).not.toContain("\n");
  });

  it("a wrong password, an unknown database and a server that is not there are told apart, without the password", async () => {
    const fail = async (url: string): ReturnType<typeof failureOf> =>
      failureOf(mysql(url)("shop").query(sql`select 1 as a`));
    const wrong = await fail(server!.url.replace(/:[^:@]+@/, ":not-it@"));
    expect(wrong).toMatchObject({ code: "SOURCE_REFUSED", retryable: false });
    expect(`${wrong.message}${wrong.hint}${JSON.stringify(wrong)}`).not.toContain("not-it");
    expect(await fail(server!.url.replace(/[^/]+$/, "nowhere"))).toMatchObject({ code: "SOURCE_REFUSED" });
    expect(await fail("mysql://a:secret@127.0.0.1:1/x")).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    expect(await fail("postgres://a@b/x")).toMatchObject({ code: "CONFIG_INVALID" });
  });

  const running = async (): Promise<number[]> => {
    const [rows] = await writer.query(
      "select id from information_schema.processlist where command in ('Query', 'Execute') and info like '%sleep(%' and id <> connection_id()",
    );
    return (rows as { id: number }[]).map(({ id }) => id);
  };

  it("cancelling stops the query on the server at once", async () => {
    const stop = new AbortController();
    const reading = mysqlSource(shop.query(sql`select sleep(30) as a, ${"x"} as b`), {
      ...place.context,
      signal: stop.signal,
    }).then(
      () => "done",
      (error: Error) => error.message,
    );
    while ((await running()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort(new Error("stopped"));
    expect(await reading).toBe("stopped");
    while ((await running()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }, 10_000);

  it("a connection that the server ends in the middle may be tried again", async () => {
    const reading = failureOf(shop.query(sql`select sleep(30) as a`));
    let ids: number[] = [];
    while (ids.length === 0) ids = await running();
    await writer.query(`kill ${ids[0]}`);
    expect(await reading).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
  }, 10_000);

  testSource({
    name: "mysql",
    create: async () => ({
      adapter: mysqlSource,
      context: place.context,
      artifactFolder: place.artifactFolder,
      holding: async (rows) => {
        await writer.query("drop table if exists held; create table held (place serial, id bigint, label text)");
        if (rows.length > 0)
          await writer.query("insert into held (id, label) values ?", [rows.map(({ id, label }) => [id, label])]);
        return shop.query(sql`select id, label from held order by place`);
      },
      missing: async () => shop.read("nowhere"),
      dispose: async () => {},
    }),
  });

  for (const [type, now] of [
    ["timestamp(6) null", "now(6)"],
    ["datetime(6)", "now(6)"],
  ] as const) {
    testRange({
      name: `mysql, ${type}`,
      create: async () => ({
        read: mysqlRange,
        context: place.context,
        holding: async (rows) => {
          await writer.query(
            `create table rows_of (id bigint, name varchar(50) character set utf8mb4 collate utf8mb4_unicode_ci, changed_at ${type})`,
          );
          for (const { id, name, hours } of rows)
            await writer.query(`insert into rows_of values (?, ?, ${now} + interval ? hour)`, [id, name, hours]);
          return { table: shop.read("rows_of"), query: shop.query(sql`select * from rows_of where ${1} = 1`) };
        },
        dispose: async () => {},
      }),
    });
  }

  it("refuses a range whose ends are no values of the column, and one by transaction", async () => {
    await writer.query("create table t (id int, at datetime, j blob)");
    const range = { by: "value", from: { type: "", text: "1 or 1=1" }, until: null, nulls: false } as const;
    for (const cursor of ["id", "at", "j"])
      await expect(mysqlRange(shop.read("t"), { ...range, cursor }, place.context)).rejects.toMatchObject({
        code: "DEFINITION_INVALID",
      });
    await expect(
      mysqlRange(shop.read("t"), { ...range, by: "transaction", cursor: null }, place.context),
    ).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
  });
});
