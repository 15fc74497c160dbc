// A load into PostgreSQL that is interrupted after any of its statements, for every write disposition: what a reader sees then
// is the table before it or after it, the stored position goes with it, and the same load again ends as one that was never
// interrupted. The connection is cut, which is all that the server sees of a process that dies; for two dispositions the
// process is killed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresSink } from "../../src/adapters/postgres/sink.ts";
import { postgres, type PostgresConnection } from "../../src/connect/postgres.ts";
import type { LoadRequest, SinkContext } from "../../src/connect/sink.ts";
import { merge, retain, writeName, type WriteDisposition } from "../../src/connect/write-disposition.ts";
import type { Dataset } from "../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../src/dataset/session.ts";
import { writeQuery } from "../../src/dataset/write-dataset.ts";
import { silentLog } from "../../src/log.ts";
import { temporaryArtifacts } from "../conformance/sink.ts";
import { postgresMissing, startPostgres } from "../postgres-server.ts";
import type { LoadLife } from "./load-driver.ts";
import { tellStatements } from "./statements.ts";

const server = await startPostgres();
const [began, now] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2)];
const reader = "orders_sync.orders";
const writes: readonly WriteDisposition[] = [
  "append",
  "replace",
  "replace-partition",
  merge("id", { deleted: "gone" }),
  merge("id", { strategy: "delete-insert", deleted: "gone" }),
  merge("id", { strategy: "insert-only" }),
  merge("id", { strategy: "scd2", deleted: "gone", absent: "close" }),
  retain("id"),
];

describe.skipIf(server === null)(`a load that is interrupted${server === null ? ` (${postgresMissing})` : ""}`, () => {
  const home = mkdtempSync(join(tmpdir(), "sluice-load-"));
  const artifacts = temporaryArtifacts();
  let client: pg.Client;
  let session: Session;
  let connection: PostgresConnection;
  let context: SinkContext;
  let [old, fresh]: Dataset[] = [];

  beforeAll(async () => {
    client = new pg.Client({ connectionString: server!.url });
    await client.connect();
    session = await openSession({ temporaryFolder: home });
    connection = postgres(server!.url)("warehouse");
    context = {
      folder: home,
      home,
      signal: new AbortController().signal,
      log: silentLog,
      session: async () => session,
      resolve: String,
    };
    const rows = (range: string, label: string): string =>
      `SELECT i::INTEGER AS id, '${label}' || i AS label, i % 7 = 3 AS gone FROM range(${range}) AS t(i)`;
    old = await writeQuery(session, artifacts, rows("0, 40", "old"));
    fresh = await writeQuery(session, artifacts, rows("10, 60", "new"));
  });
  afterAll(async () => {
    await client?.end();
    session?.close();
    await artifacts.dispose();
    rmSync(home, { recursive: true, force: true });
    await server?.stop();
  }, 60_000);

  const requestOf = (table: string, write: WriteDisposition): Omit<LoadRequest, "table"> => ({
    dataset: fresh!,
    write,
    partition: "d1",
    loadKey: "the-one",
    fence: 2,
    positions: [{ table: `warehouse.${table}`, reader, from: null, to: { version: 1, at: "60" }, repeats: true }],
    at: now,
  });
  const load = (table: string, write: WriteDisposition): Promise<{ readonly loaded: number }> =>
    postgresSink.load({ ...requestOf(table, write), table: connection.table(table) }, context);
  /** The table as it is before the load. */
  const prepare = async (table: string, write: WriteDisposition): Promise<void> => {
    const by =
      typeof write === "string" || write.by === "retain" ? ("append" as const) : { ...write, absent: "keep" as const };
    const request = { dataset: old!, write: by, partition: "d1", loadKey: "before", fence: 1, at: began };
    await postgresSink.load({ ...request, table: connection.table(table) }, context);
  };
  /** What a reader sees, on a connection of its own: the rows, the position, and how often the load is noted. */
  const seen = async (table: string): Promise<{ rows: string; position: unknown; noted: string }> => {
    const { rows } = await client.query(
      `select (select string_agg(t::text, e'\\n' order by t::text) from ${table} t) as rows,
              (select position from _sluice_positions where table_name = '${table}' and reader = '${reader}') as position,
              (select count(*) from _sluice_loads where table_name = '${table}' and load_key = 'the-one') as noted`,
    );
    return rows[0];
  };

  /** The server goes on with a statement for a moment after its client is gone. */
  async function quiet(): Promise<void> {
    for (;;) {
      const { rows } = await client.query(
        "select count(*) as n from pg_stat_activity where application_name = 'sluice' and pid <> pg_backend_pid()",
      );
      if (rows[0].n === "0") return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Interrupts a load after each of its statements, in turn, until one load ends before its turn comes. */
  async function interruptEach(
    write: WriteDisposition,
    interrupt: (table: string, after: number) => Promise<boolean>,
    from = 1,
  ): Promise<number> {
    const name = writeName(write).replaceAll("-", "_");
    const calm = `calm_${name}_${from}`;
    await prepare(calm, write);
    const before = await seen(calm);
    const { loaded } = await load(calm, write);
    const after = await seen(calm);
    expect(after.noted).toBe("1");
    for (let number = from; ; number += 1) {
      const table = `t_${name}_${from}_${number}`;
      await prepare(table, write);
      const wasInterrupted = await interrupt(table, number);
      await quiet();
      const between = await seen(table);
      // All of it or nothing, and the position with it.
      expect([before, after]).toContainEqual(between);
      expect(await load(table, write)).toEqual({ loaded });
      expect(await seen(table)).toEqual(after);
      await client.query(`drop table ${table}`);
      if (!wasInterrupted) return number - from;
    }
  }

  it.each(writes.map((write) => [writeName(write), write] as const))(
    "%s: the connection is cut after each statement",
    { timeout: 120_000 },
    async (_name, write) => {
      const points = await interruptEach(write, async (table, after) => {
        let cut = false;
        const stop = tellStatements(pg.Client.prototype, (number, given) => {
          if (number !== after) return;
          cut = true;
          (given as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
          throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
        });
        await load(table, write).catch((error: unknown) => expect(error).toMatchObject({ retryable: true }));
        stop();
        return cut;
      });
      expect(points).toBeGreaterThan(6);
    },
  );

  it.each([
    ["replace", "replace"],
    ["scd2", writes[6]!],
  ] as const)("%s: the process is killed after each statement", { timeout: 120_000 }, async (_name, write) => {
    const points = await interruptEach(
      write,
      async (table, killAfter) => {
        const life: LoadLife = { url: server!.url, home, table, request: requestOf(table, write), killAfter };
        const child = spawn(process.execPath, [join(import.meta.dirname, "load-driver.ts"), JSON.stringify(life)], {
          stdio: ["ignore", "inherit", "inherit"],
        });
        const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
          child.once("exit", (...ended) => resolve(ended)),
        );
        if (signal !== "SIGKILL") expect(code).toBe(0);
        return signal === "SIGKILL";
      },
      // Before these nothing is begun: the schema is looked at.
      3,
    );
    expect(points).toBeGreaterThan(6);
  });

  it("readers see one load or the next, never a mixture, whatever the disposition", { timeout: 60_000 }, async () => {
    const loading = new AbortController();
    const found = new Set<string>();
    const reading = (async () => {
      const own = new pg.Client({ connectionString: server!.url });
      await own.connect();
      await own.query("create table if not exists swapped (id integer, label text)");
      while (!loading.signal.aborted) {
        const { rows } = await own.query("select count(*) as n, count(distinct label) as loads from swapped");
        found.add(`${rows[0].n} rows of ${rows[0].loads} loads`);
      }
      await own.end();
    })();
    const swaps: readonly WriteDisposition[] = [
      "replace",
      merge("id"),
      merge("id", { strategy: "delete-insert" }),
      "replace-partition",
    ];
    for (let round = 0; round < 12; round += 1) {
      const dataset = await writeQuery(
        session,
        artifacts,
        `SELECT i::INTEGER AS id, 'round ${round}' AS label FROM range(500) t(i)`,
      );
      const request = { dataset, write: swaps[round % 4]!, partition: "d1", loadKey: `round ${round}`, fence: round };
      await postgresSink.load({ ...request, table: connection.table("swapped") }, context);
    }
    loading.abort();
    await reading;
    found.delete("0 rows of 0 loads");
    expect([...found]).toEqual(["500 rows of 1 loads"]);
  });
});
