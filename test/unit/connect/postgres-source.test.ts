import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { postgresSource } from "../../../src/adapters/postgres/source.ts";
import { systemClock } from "../../../src/clock.ts";
import { resolveSetting } from "../../../src/config.ts";
import { postgres, type PostgresConnection } from "../../../src/connect/postgres.ts";
import { rejectNothing } from "../../../src/connect/rejected-rows.ts";
import type { Source, SourceContext } from "../../../src/connect/source.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { sql, type Sql } from "../../../src/dataset/sql.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";

const server = await startPostgres();
afterAll(async () => server?.stop());

describe.skipIf(server === null)(
  server === null ? `PostgreSQL source (${postgresMissing})` : "PostgreSQL source",
  () => {
    let shop: PostgresConnection;
    let writer: Client;
    let session: Session;
    let folder: string;
    let artifacts: ReturnType<typeof temporaryArtifacts>;
    beforeAll(async () => {
      shop = postgres(server!.url)("shop");
      writer = new Client({ connectionString: server!.url });
      await writer.connect();
    });
    afterAll(async () => writer?.end());
    beforeEach(async () => {
      await writer.query("drop schema public cascade; create schema public");
      folder = await mkdtemp(join(tmpdir(), "sluice-source-"));
      await mkdir(join(folder, "spill"));
      session = await openSession({ temporaryFolder: join(folder, "spill") });
      artifacts = temporaryArtifacts();
    });
    afterEach(async () => {
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
      const dataset = await postgresSource(source, contextWith());
      const rows = await session.rows(`FROM ${readDataset(dataset)}`);
      expect(dataset.rows).toBe(rows.length);
      return { columns: dataset.columns.map((column) => `${column.name} ${column.type}`), rows };
    };
    const failureOf = async (
      source: Source,
    ): Promise<{ code: string; message: string; hint: string; retryable: boolean }> =>
      postgresSource(source, contextWith()).then(
        () => expect.unreachable("it should have failed"),
        (error: unknown) => error as never,
      );

    const asQuery = (text: string): Sql => sql(Object.assign([text], { raw: [text] }));

    const everyKind = `
    create type mood as enum ('sad', 'ok');
    create domain price as numeric(8,2);
    create table kinds (id int8, i2 int2, i4 int4, n numeric(12,4), big numeric(50,2), free numeric, p price, f4 float4, f8 float8, yes bool,
      day date, hour time, stamp timestamp, at timestamptz, span interval, words text, fixed char(3), doc jsonb, old json, key uuid, tags text[], m mood, raw bytea,
      big_ids int8[], prices numeric(8,2)[], frees numeric[], times timestamptz[], floats float8[], keys uuid[], raws bytea[], moods mood[], span_of int4range);
    insert into kinds values (9007199254740993, -3, 4, 12345678.1200, 1e40, 0.10, 9.90, 0.1, 0.1, true,
      '2011-01-04', '10:00:00.5', '2011-01-04 10:00:00.123456', '2011-01-04 12:00:00+02', '1 day 2 hours', E'a"b,\\\\N\\r\\nc', 'x', '{"b": [1, null]}', '{"b":  1, "b": 2}',
      'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', array['a', 'b c', null, 'NULL', '', E'é\\n"\\\\'], 'ok', '\\xDEAD', '{9007199254740993,null}', '{1.10,99999.99}', '{0.10,NaN,1e40}',
      '{"2011-01-04 12:00:00.123456+02"}', '{0.1,NaN,Infinity}', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', array['\\xDE00'::bytea, null], '{ok,sad}', '[1,5)');
    insert into kinds (id, words, f8, free) values (2, '', 'NaN', 'NaN'), (3, '\\N', '-Infinity', null), (null, null, null, null);`;
    const columns = [
      "id BIGINT",
      "i2 SMALLINT",
      "i4 INTEGER",
      "n DECIMAL(12,4)",
      "big VARCHAR",
      "free VARCHAR",
      "p DECIMAL(8,2)",
      "f4 FLOAT",
      "f8 DOUBLE",
      "yes BOOLEAN",
      "day DATE",
      "hour TIME",
      "stamp TIMESTAMP",
      "at TIMESTAMP WITH TIME ZONE",
      "span VARCHAR",
      "words VARCHAR",
      "fixed VARCHAR",
      "doc JSON",
      "old JSON",
      "key UUID",
      "tags VARCHAR[]",
      "m VARCHAR",
      "raw BLOB",
      "big_ids BIGINT[]",
      "prices DECIMAL(8,2)[]",
      "frees VARCHAR[]",
      "times TIMESTAMP WITH TIME ZONE[]",
      "floats DOUBLE[]",
      "keys UUID[]",
      "raws BLOB[]",
      "moods VARCHAR",
      "span_of VARCHAR",
    ];
    const firstRow = {
      id: "9007199254740993",
      i2: -3,
      i4: 4,
      n: "12345678.1200",
      big: `1${"0".repeat(40)}.00`,
      free: "0.10",
      p: "9.90",
      f4: 0.10000000149011612,
      f8: 0.1,
      yes: true,
      day: "2011-01-04",
      hour: "10:00:00.5",
      stamp: "2011-01-04 10:00:00.123456",
      at: "2011-01-04 10:00:00+00",
      span: "1 day 02:00:00",
      words: 'a"b,\\N\r\nc',
      fixed: "x  ",
      doc: '{"b": [1, null]}',
      key: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
      old: '{"b":  1, "b": 2}',
      tags: ["a", "b c", null, "NULL", "", 'é\n"\\'],
      m: "ok",
      raw: "\\xDE\\xAD",
      big_ids: ["9007199254740993", null],
      prices: ["1.10", "99999.99"],
      frees: ["0.10", null, `1${"0".repeat(40)}`],
      times: ["2011-01-04 10:00:00.123456+00"],
      floats: [0.1, null, "Infinity"],
      keys: ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
      raws: ["\\xDE\\x00", null],
      moods: "{ok,sad}",
      span_of: "[1,5)",
    };

    it.each([
      ["a query", sql`select * from kinds order by id nulls last -- in order`],
      [
        "a query with values to bind",
        sql`select * from kinds where ${true} and (id is null or id > ${1n}) order by id nulls last;`,
      ],
    ])("keeps every value and type exactly: %s", async (_what, query) => {
      await writer.query(everyKind);
      await writer.query("alter role sluice set timezone = 'Asia/Taipei'; alter role sluice set datestyle = 'German'");
      const found = await read(shop.query(query));
      await writer.query("alter role sluice reset all");
      expect(found.columns).toEqual(columns);
      expect(found.rows.find((row) => row["words"] === firstRow.words)).toEqual(firstRow);
      const [two, three, none] = ["2", "3", null].map((id) => found.rows.find((row) => row["id"] === id)!);
      expect([two!["words"], two!["f8"], two!["free"]]).toEqual(["", null, null]);
      expect([three!["words"], three!["f8"]]).toEqual(["\\N", "-Infinity"]);
      expect(Object.values(none!).every((value) => value === null)).toBe(true);
    });

    it("binds values by what they are compared with, and never as a piece of the query", async () => {
      await writer.query(
        "create table t (id int8, at timestamptz, price numeric(9,2), name text); insert into t values (9007199254740993, '2011-01-04', 1.10, ''' or true --')",
      );
      const { rows } = await read(
        shop.query(sql`select id from t where id = ${9007199254740993n} and at < ${new Date("2011-01-05")} and at >= ${"2011-01-04T00:00:00.000Z"}
      and price = ${1.1} and name = ${"' or true --"}`),
      );
      expect(rows).toEqual([{ id: "9007199254740993" }]);
      expect((await read(shop.query(sql`select id from t where name = ${"' or true"}`))).rows).toEqual([]);
    });

    it("reads a whole table by name, and an empty one with its columns", async () => {
      await writer.query(
        'create schema s; create table s."Odd name" (a int, "B" text); insert into s."Odd name" values (1, \'x\')',
      );
      expect((await read(shop.read("s.Odd name"))).rows).toEqual([{ a: 1, B: "x" }]);
      await writer.query('truncate s."Odd name"');
      expect(await read(shop.read("s.Odd name"))).toEqual({ columns: ["a INTEGER", "B VARCHAR"], rows: [] });
      await writer.query("drop schema s cascade");
    });

    it("keeps a single column's nulls and empty texts, and a value of 40 MB", async () => {
      const { rows } = await read(shop.query(sql`select * from (values (null), (''), (repeat('x', 40000000))) t(a)`));
      expect(rows.map((row) => (row["a"] as string | null)?.length ?? null)).toEqual([null, 0, 40_000_000]);
    });

    it("a value means what it means when PostgreSQL binds it, wherever it stands", async () => {
      await writer.query(
        "create table t (c char(3), n numeric, at timestamptz, name text); insert into t values ('x', 1.50, '2011-01-04', 'O''Brien \\ $1')",
      );
      const odd = "a'b\\'; drop table t; --\n$1 é";
      const query = sql`select ${odd} as odd, ${null}::int as none, ${-1} - ${-2}::int as difference, 'it''s $1 "' || ${"x"} as text, E'\'$2' as escaped,
        $tag$ $1 '$tag$ as dollars, c$1 /* $1 /* ' */ */ as "na$1me" -- '$1
        from (select c as c$1, n, at, name from t) as t where c$1 = ${"x"} and n = ${1.5} and at < ${new Date("2011-01-05")} and name = ${"O'Brien \\ $1"} and ${true}
        order by ${1} limit ${10n}`;
      expect((await read(shop.query(query))).rows).toEqual([
        { odd, none: null, difference: 1, text: `it's $1 "x`, escaped: "'$2", dollars: " $1 '", na$1me: "x  " },
      ]);
    });

    it.each([
      ["inside a text", sql`select 1 as a where '${"' or true --"}' = ''`, /Value 1 .* inside a text/],
      [
        "inside a comment",
        sql`select ${1}::int as a -- ${"\n"}`,
        /Value 2 .* inside a text, a quoted name or a comment/,
      ],
      ["with U+0000 in it", sql`select ${"a\0b"} as a`, /U\+0000/],
      ["that does not fit", sql`select 1 as a where 1 = ${"x"}`, /invalid input syntax for type integer/],
    ])("refuses a value %s", async (_what, query, message) => {
      const error = await failureOf(shop.query(query));
      expect(error).toMatchObject({ code: "QUERY_FAILED", retryable: false });
      expect(error.message).toMatch(message);
    });

    it.each([
      ["date", "0044-03-15 BC"],
      ["date", "infinity"],
      ["timestamp", "0044-03-15 00:00:00 BC"],
      ["timestamptz", "0044-03-15 00:00:00 BC"],
      ["timestamptz", "294276-12-31 00:00:00+00"],
      ["date[]", "{0044-03-15 BC}"],
      ["timestamptz[]", '{"0044-03-15 00:00:00 BC"}'],
      ["int[]", "{{1},{2}}"],
      ["text[]", "{{a},{b}}"],
    ])("refuses what the engine's type can't hold, rather than change it: %s %s", async (type, value) => {
      const error = await failureOf(shop.query(asQuery(`select '${value}'::${type} as far`)));
      expect(error).toMatchObject({ code: "SOURCE_MALFORMED", retryable: false });
      expect(error.message).toMatch(/can't be read: .*(44-03-15|infinity|294276|\[\[)/);
    });

    it("keeps every kind of line end in texts, whichever comes first", async () => {
      for (const end of ["\r\n", "\r", "\n"]) {
        const { rows } = await read(
          shop.query(sql`select i, ${`a${end}b${end}`} as text from generate_series(1, 3) i`),
        );
        expect(rows.map((row) => row["text"])).toEqual(Array.from({ length: 3 }, () => `a${end}b${end}`));
      }
    });

    it("keeps a time's infinity, and the hour 24", async () => {
      const query = sql`select 'infinity'::timestamptz as a, '-infinity'::timestamp as b, '24:00:00'::time as c`;
      expect((await read(shop.query(query))).rows).toEqual([{ a: "infinity", b: "-infinity", c: "24:00:00" }]);
    });

    it("reads the same rows with values and without, and leaves no temporary file", async () => {
      await writer.query("create table many as select i, 'row ' || i as name from generate_series(1, 20000) i");
      const byCopy = await postgresSource(shop.query(sql`select * from many order by i`), contextWith());
      const withValues = await postgresSource(
        shop.query(sql`select * from many where i > ${0} order by i`),
        contextWith(),
      );
      expect([byCopy.rows, withValues.rows]).toEqual([20_000, 20_000]);
      const [difference] = await session.rows(
        `SELECT count(*) AS n FROM (FROM ${readDataset(byCopy)} EXCEPT FROM ${readDataset(withValues)})`,
      );
      expect(Number(difference!["n"])).toBe(0);
      expect(
        (await readdir(artifacts.folder, { recursive: true, withFileTypes: true })).filter(
          (entry) => entry.isFile() && !entry.name.endsWith(".parquet"),
        ),
      ).toEqual([]);
    });

    it.each([
      ["a table that is not there", sql`select * from no_such`, "SOURCE_MISSING", /relation "no_such" does not exist/],
      [
        "a column that is not there",
        sql`select nme from (select 1 as name) t`,
        "SOURCE_COLUMNS",
        /column "nme" does not exist/,
      ],
      ["a syntax error", sql`selct 1`, "QUERY_FAILED", /syntax error/],
      [
        "an error in the middle of the rows",
        sql`select 1 / (5000 - i) from generate_series(1, 10000) i`,
        "QUERY_FAILED",
        /division by zero/,
      ],
      [
        "the same with a value to bind",
        sql`select 1 / (5000 - i) from generate_series(1, ${10000}::int) i`,
        "QUERY_FAILED",
        /division by zero/,
      ],
      ["two columns of one name", sql`select 1 as a, 2 as a`, "QUERY_FAILED", /two columns named "a"/],
      [
        "a time that the engine does not know",
        sql`select '294276-12-31'::timestamp as far`,
        "SOURCE_MALFORMED",
        /can't be read/,
      ],
      ["a write", sql`select nextval('numbers')`, "QUERY_FAILED", /read-only transaction/],
    ])("says in one line what is wrong: %s", async (_what, query, code, message) => {
      await writer.query("create sequence numbers");
      const error = await failureOf(shop.query(query));
      expect(error).toMatchObject({ code, retryable: false });
      expect(error.message).toMatch(message);
      expect(error.message).toContain('connection "shop"');
      expect(error.message).not.toContain("\n");
    });

    it("passes on the server's own hint for a misspelt column", async () => {
      await writer.query("create table t (customer_id int)");
      expect((await failureOf(shop.query(sql`select custmer_id from t`))).hint).toContain("customer_id");
    });

    it("a wrong password, an unknown database and a server that is not there are told apart, without the password", async () => {
      const fail = async (url: string): ReturnType<typeof failureOf> =>
        failureOf(postgres(url)("shop").query(sql`select 1 as a`));
      const wrong = await fail(server!.url.replace(/:[^:@]+@/, ":not-it@"));
      expect(wrong).toMatchObject({ code: "SOURCE_REFUSED", retryable: false });
      expect(`${wrong.message}${wrong.hint}${JSON.stringify(wrong)}`).not.toContain("not-it");
      expect(await fail(server!.url.replace(/[^/]+$/, "nowhere"))).toMatchObject({ code: "SOURCE_REFUSED" });
      expect(await fail("postgres://a:secret@127.0.0.1:1/x")).toMatchObject({
        code: "SOURCE_UNAVAILABLE",
        retryable: true,
      });
      expect(await fail("postgres://a@/x?host=/no/such/folder")).toMatchObject({
        code: "SOURCE_UNAVAILABLE",
        retryable: true,
      });
    });

    it.each([
      ["before its first row", sql`select pg_sleep(30), ${"x"}::text as a`],
      [
        "in the middle of its rows",
        sql`select i as a, case when i = 100000 then pg_sleep(30) end from generate_series(1, 200000) i`,
      ],
    ])(
      "cancelling stops the query on the server at once: %s",
      async (_what, query) => {
        const stop = new AbortController();
        const reading = postgresSource(shop.query(query), contextWith({ signal: stop.signal })).then(
          () => "done",
          (error: Error) => error.message,
        );
        const running = async (): Promise<number> =>
          (
            await writer.query(
              "select count(*)::int as n from pg_stat_activity where state = 'active' and application_name = 'sluice' and query like '%pg_sleep%'",
            )
          ).rows[0].n;
        while ((await running()) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        stop.abort(new Error("stopped"));
        expect(await reading).toBe("stopped");
        while ((await running()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      },
      10_000,
    );

    it("a connection that the server ends in the middle may be tried again", async () => {
      const reading = failureOf(shop.query(sql`select pg_sleep(30), 1 as a`));
      const end = async (): Promise<number> =>
        (
          await writer.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice' and query like '%pg_sleep%' and state = 'active'",
          )
        ).rowCount!;
      while ((await end()) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await reading).toMatchObject({ code: "SOURCE_UNAVAILABLE", retryable: true });
    }, 10_000);
  },
);
