import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { postgresSink } from "../../../src/adapters/postgres/sink.ts";
import { postgres, type PostgresConnection } from "../../../src/connect/postgres.ts";
import type { LoadRequest, SinkContext, Table } from "../../../src/connect/sink.ts";
import { env, resolveSetting } from "../../../src/config.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts, testSink, type SinkHarness } from "../../conformance/sink.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";

const server = await startPostgres();
afterAll(async () => server?.stop(), 60_000);
/** Databases that a test is done with, emptied: making one takes longer than most tests. */
const spare: string[] = [];

interface Harness extends SinkHarness {
  readonly connection: PostgresConnection;
  readonly url: string;
  readonly session: Session;
  sql(text: string, values?: unknown[]): Promise<Row[]>;
}

/** The sink on a new, empty database. */
async function createHarness(): Promise<Harness> {
  const used = spare.pop();
  const name = used ?? `t_${randomUUID().replaceAll("-", "")}`;
  if (used === undefined) await onServer(server!.url, `create database ${name}`);
  const url = server!.url.replace(/\/postgres$/, `/${name}`);
  const home = await mkdtemp(join(tmpdir(), "sluice-home-"));
  const session = await openSession({ temporaryFolder: join(home, "spill") });
  const connection = postgres(url)("warehouse");
  const context: SinkContext = {
    folder: home,
    home,
    signal: new AbortController().signal,
    log: silentLog,
    session: async () => session,
    resolve: (setting) => resolveSetting(setting, home),
  };
  const reader = new Client({ connectionString: url });
  await reader.connect();
  const sql = async (text: string, values: unknown[] = []): Promise<Row[]> =>
    (await reader.query(text, values)).rows as Row[];
  return {
    adapter: postgresSink,
    connection,
    context,
    url,
    session,
    sql,
    table: (table) => connection.table(table),
    rows: async (table: Table) => {
      const path = table.name
        .split(".")
        .map((part) => `"${part}"`)
        .join(".");
      const [there] = await sql("select to_regclass($1) is not null as there", [path]);
      return there!["there"] === true ? sql(`select * from ${path}`) : [];
    },
    dispose: async () => {
      await reader.query(
        "rollback; drop schema if exists staging cascade; drop schema public cascade; create schema public",
      );
      await reader.end();
      spare.push(name);
      session.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function onServer(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

describe.skipIf(server === null)(server === null ? `PostgreSQL sink (${postgresMissing})` : "PostgreSQL sink", () => {
  testSink({ name: "postgres", writes: postgresSink.capabilities.writes, create: createHarness });

  async function within(
    work: (harness: Harness, data: (query: string) => Promise<Dataset>) => Promise<void>,
  ): Promise<void> {
    const harness = await createHarness();
    const artifacts = temporaryArtifacts();
    try {
      await work(harness, (query) => writeQuery(harness.session, artifacts, query));
    } finally {
      await artifacts.dispose();
      await harness.dispose();
    }
  }

  let fence = 0;
  const requestOf = (table: Table, dataset: Dataset, more: Partial<LoadRequest> = {}): LoadRequest => ({
    table,
    dataset,
    write: "append",
    partition: null,
    loadKey: randomUUID(),
    fence: (fence += 1),
    ...more,
  });
  const failureOf = async (
    work: Promise<unknown>,
  ): Promise<{ code: string; message: string; hint: string; retryable: boolean }> =>
    work.then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as never,
    );

  it("keeps every kind of value: null, empty, \\N, quotes, line ends, bytes, nested values, infinities; NaN becomes null", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      const rows = await data(String.raw`SELECT * FROM (VALUES
        (1, '', '\N', 'a"b,c' || chr(13) || chr(10), '\xDE\xAD\x00'::BLOB, [1, NULL], {'a': 'ü'}, 'infinity'::DOUBLE, 18446744073709551615::UBIGINT, 'infinity'::TIMESTAMP),
        (2, NULL, '\.', NULL, NULL, NULL, NULL, 'nan'::DOUBLE, NULL, NULL)) t(id, e, n, q, b, l, s, d, h, ts)`);
      expect(await adapter.load(requestOf(connection.table("v"), rows), context)).toEqual({ loaded: 2 });
      const found = await sql(
        `select id, e, n, q, encode(b, 'hex') b, l::text, s::text, d::text, h::text, ts::text from v order by id`,
      );
      expect(found).toEqual([
        {
          id: 1,
          e: "",
          n: "\\N",
          q: 'a"b,c\r\n',
          b: "dead00",
          l: "[1, null]",
          s: '{"a": "ü"}',
          d: "Infinity",
          h: "18446744073709551615",
          ts: "infinity",
        },
        { id: 2, e: null, n: "\\.", q: null, b: null, l: null, s: null, d: null, h: null, ts: null },
      ]);
    }));

  it("a table of one column takes null and empty text as they are", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      await adapter.load(
        requestOf(connection.table("one"), await data("SELECT * FROM (VALUES (NULL), (''), ('x')) t(a)")),
        context,
      );
      expect(await sql("select a from one order by a nulls first")).toEqual([{ a: null }, { a: "" }, { a: "x" }]);
    }));

  it("marks each row with its partition, and records the load beside it", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      const request = requestOf(connection.table("staging.sales"), await data("SELECT 1 AS id"), {
        write: "replace-partition",
        partition: "2011-01-04",
      });
      await adapter.load(request, context);
      expect(await sql("select * from staging.sales")).toEqual([{ id: 1, _sluice_partition: "2011-01-04" }]);
      expect(
        await sql("select table_name, load_key, partition, fence::int, rows::int from staging._sluice_loads"),
      ).toEqual([
        { table_name: "sales", load_key: request.loadKey, partition: "2011-01-04", fence: request.fence, rows: 1 },
      ]);
    }));

  it(
    "a reader's open transaction neither holds up a load nor loses the rows it began with",
    () =>
      within(async ({ adapter, context, connection, sql }, data) => {
        await adapter.load(requestOf(connection.table("t"), await data("SELECT 1 AS id")), context);
        await sql("begin transaction isolation level repeatable read");
        expect(await sql("select id from t")).toEqual([{ id: 1 }]);
        const request = requestOf(connection.table("t"), await data("SELECT 2 AS id"), { write: "replace" });
        expect(await adapter.load(request, context)).toEqual({ loaded: 1 });
        expect(await sql("select id from t")).toEqual([{ id: 1 }]);
        await sql("commit");
        expect(await sql("select id from t")).toEqual([{ id: 2 }]);
      }),
    10_000,
  );

  it("a replay raises the fence, so that whoever comes late is refused", () =>
    within(async ({ adapter, context, connection }, data) => {
      const rows = await data("SELECT 1 AS id");
      const request = requestOf(connection.table("t"), rows, { fence: 1_000_000 });
      await adapter.load(request, context);
      expect(await adapter.load({ ...request, fence: 1_000_005 }, context)).toEqual({ loaded: 1 });
      await expect(
        adapter.load(requestOf(connection.table("t"), rows, { fence: 1_000_003 }), context),
      ).rejects.toMatchObject({ code: "FENCED" });
    }));

  it("a column that the user's table fills by itself may be left out", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      await sql(
        "create table t (id bigint generated always as identity, name varchar(5) not null, at timestamptz default now())",
      );
      await adapter.load(requestOf(connection.table("t"), await data("SELECT 'Ada' AS name")), context);
      expect(await sql("select id, name, at is not null as at from t")).toEqual([{ id: "1", name: "Ada", at: true }]);
    }));

  it("refuses replace-partition into a table that others filled, and says how to mark its rows", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      await sql("create table t (id integer)");
      await sql("insert into t values (7)");
      const error = await failureOf(
        adapter.load(
          requestOf(connection.table("t"), await data("SELECT 1 AS id"), {
            write: "replace-partition",
            partition: "p",
          }),
          context,
        ),
      );
      expect(error).toMatchObject({ code: "SINK_SCHEMA" });
      expect(error.hint).toContain('alter table "public"."t" add column _sluice_partition');
      expect(await sql("select * from t")).toEqual([{ id: 7 }]);
    }));

  it.each([
    [
      "a value that is too long",
      "create table t (name varchar(2))",
      "SELECT 'Ada' AS name",
      /too long.*COPY t, line 1/,
    ],
    ["a number out of range", "create table t (name smallint)", "SELECT 70000 AS name", /out of range/],
    [
      "a null where there must be a value",
      "create table t (name text not null)",
      "SELECT NULL::VARCHAR AS name",
      /violates not-null/,
    ],
    [
      "a repeat of a key",
      "create table t (name text primary key)",
      "SELECT 'a' AS name FROM range(2)",
      /duplicate key/,
    ],
    [
      "a decimal that would be rounded",
      "create table t (name numeric(10,1))",
      "SELECT 1.25::DECIMAL(4,2) AS name",
      /numeric\(10,1\)/,
    ],
    [
      "text for a time",
      "create table t (name date)",
      "SELECT '2011-01-04 10:00' AS name",
      /VARCHAR in the rows, but date/,
    ],
  ])("refuses %s in one line", (_what, table, query, message) =>
    within(async ({ adapter, context, connection, sql }, data) => {
      await sql(table);
      const error = await failureOf(adapter.load(requestOf(connection.table("t"), await data(query)), context));
      expect(error).toMatchObject({ code: "SINK_SCHEMA", retryable: false });
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain("\n");
      expect(await sql("select * from t")).toEqual([]);
    }),
  );

  it("guesses a renamed column", () =>
    within(async ({ adapter, context, connection }, data) => {
      await adapter.load(requestOf(connection.table("t"), await data("SELECT 1 AS customer_id, 'x' AS a")), context);
      const error = await failureOf(
        adapter.load(requestOf(connection.table("t"), await data("SELECT 1 AS customerId, 'x' AS a")), context),
      );
      expect(error.message).toBe('The rows have no column "customer_id", which the table warehouse.t has');
      expect(error.hint).toContain('"customerId"');
    }));

  it("loading what was read from a loaded table gives the rows their own mark", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      const rows = await data("SELECT 1 AS id, 'old' AS _sluice_partition");
      await adapter.load(
        requestOf(connection.table("t"), rows, { write: "replace-partition", partition: "new" }),
        context,
      );
      expect(await sql("select * from t")).toEqual([{ id: 1, _sluice_partition: "new" }]);
    }));

  it("a cancelled load lets go of the server at once and leaves nothing", () =>
    within(async ({ adapter, context, connection, sql }, data) => {
      const rows = await data("SELECT 1 AS id");
      await adapter.load(requestOf(connection.table("t"), rows), context);
      await sql("begin");
      await sql("lock table t in access exclusive mode");
      const stop = new AbortController();
      const loading = failureOf(
        adapter.load(requestOf(connection.table("t"), rows, { write: "replace" }), { ...context, signal: stop.signal }),
      );
      await untilWaiting(sql);
      stop.abort(new Error("stopped"));
      expect(await loading).toMatchObject({ message: "stopped" });
      await sql("commit");
      expect(await sql("select id from t")).toEqual([{ id: 1 }]);
      expect(await adapter.load(requestOf(connection.table("t"), rows), context)).toEqual({ loaded: 1 });
    }));

  async function untilWaiting(sql: Harness["sql"]): Promise<void> {
    for (;;) {
      // Within a transaction the view would not change.
      await sql("select pg_stat_clear_snapshot()");
      const [row] = await sql(
        "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'sluice'",
      );
      if (Number(row!["n"]) > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it("a wrong password, an unknown database and a server that is not there are one line each, without the password", () =>
    within(async ({ adapter, context, url }, data) => {
      const rows = await data("SELECT 1 AS id");
      const fail = (other: string): ReturnType<typeof failureOf> =>
        failureOf(adapter.load(requestOf(postgres(other)("warehouse").table("t"), rows), context));
      const wrong = await fail(url.replace(/:[^:@]+@/, ":not-it@"));
      expect(wrong).toMatchObject({ code: "SINK_UNAVAILABLE", retryable: false });
      expect(wrong.message).toMatch(
        /^PostgreSQL, connection "warehouse" \(sluice@127\.0\.0\.1:\d+\/t_\w+\): password authentication failed/,
      );
      expect(JSON.stringify({ ...wrong, message: wrong.message })).not.toContain("not-it");
      expect(await fail(url.replace(/[^/]+$/, "nowhere"))).toMatchObject({
        code: "SINK_UNAVAILABLE",
        retryable: false,
      });
      expect(await fail("postgres://a:secret@127.0.0.1:1/x")).toMatchObject({
        code: "SINK_UNAVAILABLE",
        retryable: true,
      });
      expect(await fail("mysql://a:secret@127.0.0.1:1/x")).toMatchObject({ code: "CONFIG_INVALID" });
      expect(
        await failureOf(adapter.load(requestOf(postgres(env("NO_SUCH_URL"))("warehouse").table("t"), rows), context)),
      ).toMatchObject({ code: "REFERENCE_UNRESOLVED" });
    }));
});
