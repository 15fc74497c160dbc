import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection, type Connection as Reader } from "mysql2/promise";
import { afterAll, describe, expect, it } from "vitest";
import { mysqlSink } from "../../../src/adapters/mysql/sink.ts";
import { resolveSetting } from "../../../src/config.ts";
import { mysql } from "../../../src/connect/mysql.ts";
import { merge, type WriteDisposition } from "../../../src/connect/write-disposition.ts";
import { openSession, type Row } from "../../../src/dataset/session.ts";
import { writeQuery } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts, testSink, type SinkHarness } from "../../conformance/sink.ts";
import { mariadbMissing, startMariadb } from "../../mariadb-server.ts";

const server = await startMariadb();
afterAll(async () => server?.stop(), 60_000);

interface Harness extends SinkHarness {
  readonly reader: Reader;
}

/** The sink on a new, empty database. */
async function createHarness(): Promise<Harness> {
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  const url = server!.url.replace(/\/test$/, `/${name}`);
  const home = await mkdtemp(join(tmpdir(), "sluice-home-"));
  const root = await createConnection(server!.url);
  await root.query(`create database ${name}`);
  await root.end();
  const session = await openSession({ temporaryFolder: join(home, "spill") });
  const connection = mysql(url)("warehouse");
  const reader = await createConnection({
    uri: url,
    // As text, but for the truth of what BOOLEAN is here.
    typeCast: ((field: { type: string; length: number; string(): string | null }) => {
      const text = field.string();
      return field.type === "TINY" && field.length === 1 && text !== null ? text === "1" : text;
    }) as never,
  });
  return {
    reader,
    adapter: mysqlSink,
    table: (table) => connection.table(table),
    context: {
      folder: home,
      home,
      signal: new AbortController().signal,
      log: silentLog,
      session: async () => session,
      resolve: (setting) => resolveSetting(setting, home),
    },
    rows: async (table) => {
      const path = table.name
        .split(".")
        .map((part) => `\`${part}\``)
        .join(".");
      try {
        return (await reader.query(`select * from ${path}`))[0] as Row[];
      } catch (error) {
        if ((error as { errno?: number }).errno === 1146) return [];
        throw error;
      }
    },
    dispose: async () => {
      await reader.query(`drop database ${name}`);
      await reader.query("drop database if exists staging");
      await reader.end();
      session.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

describe.skipIf(server === null)(server === null ? `MySQL sink (${mariadbMissing})` : "MySQL sink", () => {
  testSink({ name: "mysql", writes: mysqlSink.capabilities.writes, create: createHarness });

  async function within(
    work: (harness: Harness, load: (query: string, write?: WriteDisposition) => Promise<unknown>) => Promise<void>,
  ): Promise<void> {
    const harness = await createHarness();
    const artifacts = temporaryArtifacts();
    let fence = 0;
    try {
      await work(harness, async (query, write = "append") => {
        const dataset = await writeQuery(await harness.context.session(), artifacts, query);
        fence += 1;
        const table = harness.table("t");
        return harness.adapter.load(
          { table, dataset, write, partition: null, loadKey: String(fence), fence },
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
      await load(String.raw`SELECT 18446744073709551615::UBIGINT AS u, 99999999999999999999999999999.999999999::DECIMAL(38,9) AS d,
        '\xDE\xAD\x00'::BLOB AS b, [1, NULL] AS l, {'a': 'ü''\'} AS s, 'nan'::DOUBLE AS n, 1e300::DOUBLE AS e, 0.1::DOUBLE AS p,
        'it''s \n' || chr(0) AS q, TIMESTAMP '2011-01-04 10:00:00.123456' AS at, (-9223372036854775807 - 1)::BIGINT AS i,
        false AS f, TIME '10:00:00.5' AS tm, '😀' AS w`);
      const [[row]] = (await harness.reader.query(
        "select u, d, hex(b) as b, l, s, n, e = 1e300 as e, p = 0.1e0 as p, hex(q) as q, at, i, f, tm, w from t",
      )) as unknown as [Row[]];
      expect(row).toMatchObject({
        u: "18446744073709551615",
        d: "99999999999999999999999999999.999999999",
        b: "DEAD00",
        l: "[1,null]",
        s: String.raw`{"a":"ü'\\"}`,
        n: null,
        e: "1",
        p: "1",
        q: Buffer.from("it's \\n\0").toString("hex").toUpperCase(),
        at: "2011-01-04 10:00:00.123456",
        i: "-9223372036854775808",
        f: false,
        tm: "10:00:00.500000",
        w: "😀",
      });
    }));

  it("refuses keys that the table can't tell apart, and writes nothing", () =>
    within(async (harness, load) => {
      await harness.reader.query(
        "create table t (id varchar(20) character set utf8mb4 collate utf8mb4_general_ci, v int)",
      );
      await load("SELECT 'a' AS id, 1 AS v", merge("id"));
      await expect(load("SELECT * FROM (VALUES ('b', 2), ('B', 3)) AS t(id, v)", merge("id"))).rejects.toMatchObject({
        code: "SINK_KEY",
      });
      expect(await harness.rows(harness.table("t"))).toMatchObject([{ id: "a", v: "1" }]);
    }));

  it("keeps a new column when the load that brought it fails, and no row of it", () =>
    within(async (harness, load) => {
      await harness.reader.query("create table t (id int, name varchar(3) not null)");
      await expect(load("SELECT 1 AS id, 'toolong' AS name, 2 AS extra")).rejects.toMatchObject({
        code: "SINK_SCHEMA",
      });
      expect(await harness.rows(harness.table("t"))).toEqual([]);
      await load("SELECT 1 AS id, 'fit' AS name, 2 AS extra");
      expect(await harness.rows(harness.table("t"))).toMatchObject([{ id: "1", name: "fit", extra: "2" }]);
    }));
});
