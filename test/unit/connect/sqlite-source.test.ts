import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sqliteRange } from "../../../src/adapters/sqlite/range.ts";
import { sqliteSource } from "../../../src/adapters/sqlite/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { env, resolveSetting } from "../../../src/config.ts";
import { sqlite } from "../../../src/connect/sqlite.ts";
import type { SqlConnection } from "../../../src/connect/sql-connection.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import type { Source, SourceContext } from "../../../src/connect/source.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { identifier, sql } from "../../../src/dataset/sql.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { testRange } from "../../conformance/range.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

describe("SQLite source", () => {
  let session: Session;
  let folder: string;
  let artifacts: ReturnType<typeof temporaryArtifacts>;
  let writer: DatabaseSync;
  const shop: SqlConnection = sqlite("shop.db")("shop");
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-sqlite-"));
    await mkdir(join(folder, "spill"));
    session = await openSession({ temporaryFolder: join(folder, "spill") });
    artifacts = temporaryArtifacts();
    writer = new DatabaseSync(join(folder, "shop.db"));
  });
  afterEach(async () => {
    writer.close();
    session.close();
    await artifacts.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const contextWith = (more: Partial<SourceContext> = {}): SourceContext => ({
    folder,
    home: folder,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    reject: rejectNothing,
    artifacts,
    session: async () => session,
    resolve: (setting) => resolveSetting(setting, folder),
    ...more,
  });
  const read = async (source: Source): Promise<{ columns: string[]; rows: Row[] }> => {
    // The plan is JSON: nothing of a source may be lost in it.
    const dataset = await sqliteSource(JSON.parse(JSON.stringify(source)), contextWith());
    return {
      columns: dataset.columns.map((column) => `${column.name} ${column.type}`),
      rows: await session.rows(`FROM ${readDataset(dataset)}`),
    };
  };
  const failureOf = async (source: Source): Promise<{ code: string; message: string; retryable: boolean }> => {
    const error = await sqliteSource(source, contextWith()).then(
      () => expect.unreachable("it should have failed"),
      (thrown: unknown) => thrown as never,
    );
    expect((error as Error).message).not.toContain("\n");
    return error;
  };

  it("types follow the declaration where the values fit it, and keep every digit", async () => {
    writer.exec(`create table t (i integer, r real, n decimal(10,2), s text, b blob, v varchar(10), any);
      insert into t values (9007199254740993, 1, 12, '', x'DEAD', 'é', 1), (-1, 0.1, 12.5, null, null, '\\N', 2), (null, null, null, 'x', x'', null, null)`);
    expect(await read(shop.query(sql`select * from t order by rowid`))).toEqual({
      columns: ["i BIGINT", "r DOUBLE", "n DOUBLE", "s VARCHAR", "b BLOB", "v VARCHAR", "any BIGINT"],
      rows: [
        { i: "9007199254740993", r: 1, n: 12, s: "", b: "\\xDE\\xAD", v: "é", any: "1" },
        { i: "-1", r: 0.1, n: 12.5, s: null, b: null, v: "\\N", any: "2" },
        { i: null, r: null, n: null, s: "x", b: "", v: null, any: null },
      ],
    });
  });

  it("a column of mixed values is text, wherever in the rows the mixture shows", async () => {
    writer.exec("create table t (i integer, n numeric)");
    const insert = writer.prepare("insert into t values (?, ?)");
    writer.exec("begin");
    for (let row = 0; row < 5000; row += 1)
      insert.run(row === 4999 ? "many" : row, row === 4999 ? 9007199254740993n : row + 0.5);
    writer.exec("commit");
    const { columns, rows } = await read(shop.query(sql`select * from t order by rowid`));
    expect(columns).toEqual(["i VARCHAR", "n VARCHAR"]);
    expect(rows.length).toBe(5000);
    expect(rows.at(-1)).toEqual({ i: "many", n: "9007199254740993" });
  });

  it("keeps every value of SQLite's exactly, wherever it shows up: types are right though the first rows were misleading", async () => {
    writer.exec("create table t (a, b blob, c real, d boolean, e text collate nocase)");
    const insert = writer.prepare("insert into t values (?, ?, ?, ?, ?)");
    writer.exec("begin");
    for (let row = 0; row < 3000; row += 1) insert.run(null, null, null, null, null);
    insert.run(-9223372036854775808n, new Uint8Array([0, 255]), 1e308, 1, 'a"\0é🎉\r\n');
    insert.run(9223372036854775807n, new Uint8Array(), -0.1 + 0.3, 0, "\\N");
    insert.run(0n, null, Infinity, null, "");
    writer.exec("commit");
    const { columns, rows } = await read(shop.query(sql`select * from t order by rowid`));
    expect(columns).toEqual(["a BIGINT", "b BLOB", "c DOUBLE", "d BIGINT", "e VARCHAR"]);
    expect(rows.length).toBe(3003);
    expect(rows.slice(3000)).toEqual([
      { a: "-9223372036854775808", b: "\\x00\\xFF", c: 1e308, d: "1", e: 'a"\0é🎉\r\n' },
      { a: "9223372036854775807", b: "", c: 0.19999999999999998, d: "0", e: "\\N" },
      { a: "0", b: null, c: "Infinity", d: null, e: "" },
    ]);
  });

  it("a column of texts and bytes is text, the bytes hexadecimal; a row may have many megabytes", async () => {
    writer.exec("create table t (a)");
    const insert = writer.prepare("insert into t values (?)");
    for (const value of ["x".repeat(5_000_000), new Uint8Array([222, 173]), 1.5]) insert.run(value);
    const { columns, rows } = await read(shop.query(sql`select * from t order by rowid`));
    expect(columns).toEqual(["a VARCHAR"]);
    expect(rows.map((row) => String(row["a"]).slice(0, 5))).toEqual(["xxxxx", "dead", "1.5"]);
    expect(String(rows[0]!["a"])).toHaveLength(5_000_000);
  });

  it("sees one state of the file, though it reads it twice", async () => {
    writer.exec("pragma journal_mode = wal; create table t (a)");
    writer.exec(
      "insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i from n; insert into t values ('last')",
    );
    const reading = read(shop.query(sql`select a from t`));
    await new Promise((resolve) => setImmediate(resolve));
    writer.exec("delete from t");
    expect((await reading).rows).toHaveLength(20_001);
  });

  testRange({
    name: "sqlite",
    create: async () => ({
      read: sqliteRange,
      context: contextWith(),
      times: false,
      holding: async (rows) => {
        writer.exec("create table rows_of (id integer, name text collate nocase, changed_at text)");
        const insert = writer.prepare(`insert into rows_of values (?, ?, datetime('now', ? || ' hours'))`);
        for (const { id, name, hours } of rows) insert.run(id === null ? null : BigInt(id), name, hours);
        return { table: shop.read("rows_of"), query: shop.query(sql`select * from rows_of where ${1} = 1`) };
      },
      dispose: async () => {},
    }),
  });

  it.each([
    ["numbers and texts", "(1), ('b')", "b"],
    ["bytes", "(x'00')", "a"],
  ])("refuses a cursor of %s: a row of the other kind would be passed over", async (_what, values, from) => {
    writer.exec(`create table t (a); insert into t values ${values}`);
    const range = {
      by: "value",
      cursor: "a",
      from: { type: "VARCHAR", text: from },
      until: null,
      nulls: false,
    } as const;
    await expect(sqliteRange(shop.read("t"), range, contextWith())).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
    });
  });

  it("a column's type does not depend on the day: whole prices are DOUBLE as the others, no rows have the declared types", async () => {
    writer.exec(
      "create table t (i int, n numeric, r double, s text, d date); insert into t values (1, 12, 1, 'x', '2011-01-04')",
    );
    const types = ["i BIGINT", "n DOUBLE", "r DOUBLE", "s VARCHAR", "d VARCHAR"];
    expect((await read(shop.query(sql`select * from t`))).columns).toEqual(types);
    expect(await read(shop.query(sql`select * from t where false`))).toEqual({ columns: types, rows: [] });
  });

  it("binds every kind of value, and quotes names", async () => {
    writer.exec(
      `create table "Odd ""name" (id integer, name text, on_sale integer, price real); insert into "Odd ""name" values (9007199254740993, ''' or 1 --', 1, 1.5)`,
    );
    const table = identifier('Odd "name');
    const query = sql`select name from ${table} where id = ${9007199254740993n} and name = ${"' or 1 --"} and on_sale = ${true} and price = ${1.5} and ${null} is null`;
    expect((await read(shop.query(query))).rows).toEqual([{ name: "' or 1 --" }]);
    expect((await read(shop.query(sql`select name from ${table} where id = ${9007199254740992n}`))).rows).toEqual([]);
    expect((await read(shop.read('Odd "name'))).rows.length).toBe(1);
  });

  it("sees a write-ahead log that another connection is still writing", async () => {
    writer.exec(
      "pragma journal_mode = wal; create table t (a integer); insert into t values (1); begin; insert into t values (2)",
    );
    expect((await read(shop.query(sql`select a from t`))).rows).toEqual([{ a: "1" }]);
    writer.exec("commit");
    expect((await read(shop.query(sql`select a from t`))).rows).toEqual([{ a: "1" }, { a: "2" }]);
  });

  it("a file that is not there is missing, and is not created", async () => {
    const error = await failureOf(sqlite("no.db")("shop").query(sql`select 1 as a`));
    expect(error).toMatchObject({ code: "SOURCE_MISSING", retryable: false });
    expect(error.message).toContain(join(folder, "no.db"));
    expect(await readdir(folder)).not.toContain("no.db");
    expect(await failureOf(sqlite(env("NO_SUCH_PATH"))("shop").query(sql`select 1 as a`))).toMatchObject({
      code: "REFERENCE_UNRESOLVED",
    });
  });

  it.each([
    ["a table that is not there", sql`select * from no_such`, "SOURCE_MISSING", /no such table: no_such/],
    ["a column that is not there", sql`select nme from t`, "SOURCE_COLUMNS", /no such column: nme/],
    ["a syntax error", sql`selct 1`, "QUERY_FAILED", /syntax error/],
    [
      "an error in the middle of the rows",
      sql`select abs(case when a = 3 then -9223372036854775807 - 1 else a end) as x from t`,
      "QUERY_FAILED",
      /integer overflow/,
    ],
    ["two columns of one name", sql`select a, 1 as A from t`, "QUERY_FAILED", /two columns named "A"/],
    ["a write", sql`delete from t returning a`, "QUERY_FAILED", /readonly|read-only/],
    ["a statement without columns", sql`begin`, "QUERY_FAILED", /no columns/],
  ])("says in one line what is wrong: %s", async (_what, query, code, message) => {
    writer.exec("create table t (a integer); insert into t values (1), (2), (3)");
    const error = await failureOf(shop.query(query));
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toMatch(message);
    expect(error.message).toContain("shop.db");
  });

  it("a file that is no database is malformed", async () => {
    await writeFile(join(folder, "text.db"), "invoice_no,quantity\n".repeat(100));
    expect(await failureOf(sqlite("text.db")("shop").query(sql`select 1 as a from t`))).toMatchObject({
      code: "SOURCE_MALFORMED",
    });
  });

  it("cancelling ends a long read between two batches", async () => {
    const stop = new AbortController();
    const endless = shop.query(sql`with recursive n(i) as (select 1 union all select i + 1 from n) select i from n`);
    const reading = sqliteSource(endless, contextWith({ signal: stop.signal })).then(
      () => "done",
      (error: Error) => error.message,
    );
    setTimeout(() => stop.abort(new Error("stopped")), 100);
    expect(await reading).toBe("stopped");
  });
});
