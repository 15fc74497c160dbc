import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { sqliteSink } from "../../../src/adapters/sqlite/sink.ts";
import { sqlite } from "../../../src/connect/sqlite.ts";
import { openSession, type Row } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts, testSink, type SinkHarness } from "../../conformance/sink.ts";

async function createHarness(): Promise<SinkHarness & { readonly path: string }> {
  const home = mkdtempSync(join(tmpdir(), "sluice-sqlite-"));
  const path = join(home, "data", "shop.db");
  const connection = sqlite("data/shop.db")("shop");
  const session = await openSession({ temporaryFolder: join(home, "spill") });
  return {
    path,
    adapter: sqliteSink,
    table: (name) => connection.table(name),
    context: {
      folder: home,
      home,
      signal: new AbortController().signal,
      log: silentLog,
      session: async () => session,
      resolve: String,
    },
    rows: async (table) => {
      // SQLite answers at once: without a pause, a loop of readings would let nothing else happen.
      await setImmediate();
      return readRows(path, table.name);
    },
    dispose: async () => {
      session.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** As SQLite hands them out, but for the truth of BOOLEAN columns. */
function readRows(path: string, table: string): Row[] {
  if (!existsSync(path)) return [];
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const types = database.prepare("SELECT name, type FROM pragma_table_info(?)").all(table) as {
      name: string;
      type: string;
    }[];
    if (types.length === 0) return [];
    const truths = types.filter(({ type }) => type === "BOOLEAN").map(({ name }) => name);
    const statement = database.prepare(`SELECT * FROM "${table}"`);
    statement.setReadBigInts(true);
    return statement.all().map((row) => {
      const truth = (name: string): unknown => (row[name] === null ? null : row[name] === 1n);
      return { ...row, ...Object.fromEntries(truths.map((name) => [name, truth(name)])) };
    });
  } finally {
    database.close();
  }
}

testSink({ name: "sqlite", writes: sqliteSink.capabilities.writes, schemas: false, create: createHarness });

describe("SQLite sink", () => {
  async function within(
    work: (harness: Awaited<ReturnType<typeof createHarness>>, load: (query: string) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const harness = await createHarness();
    const artifacts = temporaryArtifacts();
    try {
      let fence = 0;
      await work(harness, async (query) => {
        const dataset = await writeQuery(await harness.context.session(), artifacts, query);
        fence += 1;
        await harness.adapter.load(
          { table: harness.table("t"), dataset, write: "append", partition: null, loadKey: String(fence), fence },
          harness.context,
        );
      });
    } finally {
      await artifacts.dispose();
      await harness.dispose();
    }
  }

  it("keeps every kind of value", () =>
    within(async (harness, load) => {
      await load(String.raw`SELECT 18446744073709551615::UBIGINT AS u, 99999999999999999999999999999999999.999::DECIMAL(38,3) AS d,
        '\xDE\xAD\x00'::BLOB AS b, [1, NULL] AS l, {'a': 'ü'} AS s, 'nan'::DOUBLE AS n, '12.50' AS t, '-0'::DOUBLE AS z,
        TIMESTAMP '2011-01-04 10:00:00.123456' AS at, (-9223372036854775807 - 1)::BIGINT AS i, false AS f`);
      const [row] = await harness.rows(harness.table("t"));
      expect(row).toMatchObject({
        u: "18446744073709551615",
        d: "99999999999999999999999999999999999.999",
        b: new Uint8Array([0xde, 0xad, 0]),
        l: "[1,null]",
        s: '{"a":"ü"}',
        n: null,
        t: "12.50",
        at: "2011-01-04 10:00:00.123456",
        i: -9223372036854775808n,
        f: false,
      });
    }));

  it("loads into a table that others made where its columns keep the values, and says so where they don't", () =>
    within(async (harness, load) => {
      await load("SELECT 1 AS x");
      const database = new DatabaseSync(harness.path);
      database.exec(
        "DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL, price NUMERIC DEFAULT 0)",
      );
      database.close();
      await load("SELECT 'Ada' AS name");
      expect(await harness.rows(harness.table("t"))).toMatchObject([{ id: 1n, name: "Ada", price: 0n }]);
      await expect(load("SELECT 'Ada' AS name, 1.10::DECIMAL(9,2) AS price")).rejects.toMatchObject({
        code: "SINK_SCHEMA",
      });
      await expect(load("SELECT NULL::VARCHAR AS name")).rejects.toThrow(/NOT NULL constraint failed/);
    }));

  it("waits for another writer, and says who is in the way when it takes too long", () =>
    within(async (harness, load) => {
      await load("SELECT 1 AS x");
      const other = new DatabaseSync(harness.path);
      other.exec("BEGIN IMMEDIATE");
      await expect(load("SELECT 2 AS x")).rejects.toMatchObject({ code: "SINK_UNAVAILABLE", retryable: true });
      other.exec("COMMIT");
      other.close();
      await load("SELECT 3 AS x");
      expect(await harness.rows(harness.table("t"))).toHaveLength(2);
    }));

  it("a table has no schema", () => {
    expect(() => sqlite("x.db")("shop").table("staging.t")).toThrow(/can't be the name/);
  });
});
