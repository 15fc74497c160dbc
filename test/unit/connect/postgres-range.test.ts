import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { postgresRange, widenedXmin } from "../../../src/adapters/postgres/range.ts";
import { postgresSource } from "../../../src/adapters/postgres/source.ts";
import { postgres, type PostgresConnection } from "../../../src/connect/postgres.ts";
import type { CursorValue, RangeRead, ReadRange, Source } from "../../../src/connect/source.ts";
import { sql } from "../../../src/dataset/sql.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import { testRange } from "../../conformance/range.ts";
import { testSource } from "../../conformance/source.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";
import { sourcePlace, type SourcePlace } from "../../source-place.ts";

const server = await startPostgres();
afterAll(async () => server?.stop());

describe.skipIf(server === null)(
  server === null ? `PostgreSQL ranges (${postgresMissing})` : "PostgreSQL ranges",
  () => {
    let shop: PostgresConnection;
    let [writer, other]: Client[] = [];
    let place: SourcePlace;
    beforeAll(async () => {
      shop = postgres(server!.url)("shop");
      [writer, other] = [new Client(server!.url), new Client(server!.url)];
      await writer.connect();
      await other.connect();
    });
    afterAll(async () => {
      await writer?.end();
      await other?.end();
    });
    beforeEach(async () => {
      await writer!.query("drop schema public cascade; create schema public");
      place = await sourcePlace();
    });
    afterEach(() => place.dispose());

    const kinds = [
      ["timestamptz", "now()"],
      ["timestamp", "localtimestamp"],
    ] as const;
    for (const [type, now] of kinds) {
      testRange({
        name: `postgres, ${type}`,
        create: async () => {
          await writer!.query(`alter role sluice set timezone = 'Asia/Taipei'; set timezone = 'Asia/Taipei'`);
          return {
            read: postgresRange,
            context: place.context,
            holding: async (rows) => {
              await writer!.query(`create table rows_of (id int8, name text collate "und-x-icu", changed_at ${type})`);
              for (const { id, name, hours } of rows)
                await writer!.query(`insert into rows_of values ($1, $2, ${now} + $3 * interval '1 hour')`, [
                  id,
                  name,
                  hours,
                ]);
              return { table: shop.read("rows_of"), query: shop.query(sql`select * from rows_of where ${1} = 1`) };
            },
            dispose: async () => void (await writer!.query("alter role sluice reset all; set timezone = 'UTC'")),
          };
        },
      });
    }

    testSource({
      name: "postgres",
      create: async () => ({
        adapter: postgresSource,
        context: place.context,
        artifactFolder: place.artifactFolder,
        holding: async (rows) => {
          await writer!.query("drop table if exists held; create table held (id int8, label text, place serial)");
          for (const { id, label } of rows.slice(0, 100))
            await writer!.query("insert into held (id, label) values ($1, $2)", [id, label]);
          // Past a hundred, rows of the suite are numbered.
          if (rows.length > 100)
            await writer!.query(
              "insert into held (id, label) select i, 'row ' || i from generate_series(101, $1::int) i",
              [rows.length],
            );
          return shop.query(sql`select id, label from held order by place`);
        },
        missing: async () => shop.read("nowhere"),
        dispose: async () => {},
      }),
    });

    const by = (cursor: string, more: Partial<ReadRange> = {}): ReadRange => ({
      by: "value",
      cursor,
      from: null,
      until: null,
      nulls: false,
      ...more,
    });
    const read = (source: Source, range: ReadRange): Promise<RangeRead> => postgresRange(source, range, place.context);
    const failure = (source: Source, range: ReadRange): Promise<unknown> =>
      read(source, range).then(
        () => expect.unreachable("it should have failed"),
        (error: unknown) => error,
      );

    it.each([
      ["numeric(30,10)", ["1.0000000001", "9.5", "10"]],
      ["float8", ["-Infinity", "0.1", "9", "10"]],
      [
        "uuid",
        [
          "00000000-0000-7000-8000-000000000000",
          "7fffffff-0000-7000-8000-000000000000",
          "ffffffff-0000-7000-8000-000000000000",
        ],
      ],
      ["date", ["2011-01-04", "2011-01-05"]],
      ["time", ["00:00:00", "23:59:59.999999"]],
      ["timestamptz", ["2011-01-04 00:00:00.000001+00", "2011-01-04 00:00:00.000002+00", "infinity"]],
      ["varchar(9)", ["B", "a"]],
      ["bool", ["false", "true"]],
      ["int2", ["-5", "3"]],
    ])("orders a cursor of type %s as the columnar engine does", async (type, values) => {
      await writer!.query(`create table t as select v::${type} as c from unnest($1::text[]) v`, [values]);
      for (const [position] of values.entries()) {
        const all = await read(shop.read("t"), by("c"));
        const sorted = await place.session.rows(
          `SELECT CAST(c AS VARCHAR) AS text FROM ${readDataset(all.dataset)} ORDER BY c`,
        );
        const from = { type: all.dataset.columns[0]!.type, text: String(sorted[position]!["text"]) };
        expect((await read(shop.read("t"), by("c", { from }))).dataset.rows).toBe(values.length - position);
        expect((await read(shop.read("t"), by("c", { until: from }))).dataset.rows).toBe(position);
      }
    });

    it.each(["numeric", "jsonb", "int4[]", "interval", "char(3)", "bytea", "inet"])(
      "refuses a cursor of type %s, whose order the columnar engine doesn't share",
      async (type) => {
        await writer!.query(`create table t (c ${type})`);
        expect(await failure(shop.read("t"), by("c"))).toMatchObject({ code: "DEFINITION_INVALID" });
      },
    );

    it("a day ends with the day: today's rows are read, tomorrow's are not", async () => {
      await writer!.query("create table t as select current_date + i as c from generate_series(-1, 1) i");
      expect((await read(shop.read("t"), by("c", { until: "clock" }))).dataset.rows).toBe(2);
    });

    const sinceTransaction = (from: CursorValue | null, cursor: string | null): ReadRange => ({
      by: "transaction",
      cursor,
      from,
      until: "clock",
      nulls: false,
    });
    const idsOf = async ({ dataset }: RangeRead): Promise<unknown[]> =>
      (await place.session.rows(`SELECT id FROM ${readDataset(dataset)} ORDER BY id`)).map((row) => row["id"]);

    describe.each([
      ["a column of type xid8", "written_by"],
      ["xmin", null],
    ])("by transaction, from %s", (_what, cursor) => {
      beforeEach(() => writer!.query("create table t (id int, written_by xid8 not null default pg_current_xact_id())"));
      const insert = (client: Client, id: number): Promise<unknown> =>
        client.query("insert into t (id) values ($1)", [id]);

      it("a row that is committed late is not left out, and none is read twice", async () => {
        await insert(writer!, 1);
        await other!.query("begin");
        await insert(other!, 2);
        await other!.query("savepoint inner_one");
        await insert(other!, 3);
        await insert(writer!, 4);
        const first = await read(shop.read("t"), sinceTransaction(null, cursor));
        // What was committed after the open transaction began waits with it.
        expect(await idsOf(first)).toEqual([1]);
        const meanwhile = await read(shop.read("t"), sinceTransaction(first.until, cursor));
        expect(await idsOf(meanwhile)).toEqual([]);
        await other!.query("commit");
        const second = await read(shop.read("t"), sinceTransaction(meanwhile.until, cursor));
        expect(await idsOf(second)).toEqual([2, 3, 4]);
        expect(await idsOf(await read(shop.read("t"), sinceTransaction(second.until, cursor)))).toEqual([]);
      });

      it("what was rolled back is never there, and an update is there again", async () => {
        await other!.query("begin");
        await insert(other!, 1);
        await other!.query("rollback");
        await insert(writer!, 2);
        const first = await read(shop.read("t"), sinceTransaction(null, cursor));
        expect(await idsOf(first)).toEqual([2]);
        await writer!.query("update t set id = 3, written_by = pg_current_xact_id()");
        expect(await idsOf(await read(shop.read("t"), sinceTransaction(first.until, cursor)))).toEqual([3]);
      });

      it("a count that started anew is an error", async () => {
        const from = { type: "xid8", text: "99999999999" };
        expect(await failure(shop.read("t"), sinceTransaction(from, cursor))).toMatchObject({
          code: "SOURCE_MALFORMED",
        });
      });
    });

    it("refuses a transaction column of another type, and xmin of a query", async () => {
      await writer!.query("create table t (id int)");
      expect(await failure(shop.read("t"), sinceTransaction(null, "id"))).toMatchObject({ code: "DEFINITION_INVALID" });
      expect(await failure(shop.query(sql`select * from t`), sinceTransaction(null, null))).toMatchObject({
        code: "DEFINITION_INVALID",
      });
    });

    it("the 64 bits of a row's xmin are those of the last transaction that ends in its 32", async () => {
      const epoch = 2n ** 32n;
      const widened = async (xmin: bigint, next: bigint): Promise<bigint> => {
        const { rows } = await writer!.query(
          `select ${widenedXmin("x", next)} as wide from (values ('${xmin}'::xid)) t(x)`,
        );
        return BigInt(rows[0].wide);
      };
      expect(await widened(700n, 1000n)).toBe(700n);
      expect(await widened(999n, 3n * epoch + 1000n)).toBe(3n * epoch + 999n);
      expect(await widened(1000n, 3n * epoch + 1000n)).toBe(2n * epoch + 1000n);
      expect(await widened(4_294_967_295n, 3n * epoch + 5n)).toBe(3n * epoch - 1n);
      expect(await widened(2n, 3n * epoch + 5n)).toBe(0n);
    });
  },
);
