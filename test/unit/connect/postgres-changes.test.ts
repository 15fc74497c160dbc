// Logical replication against a real server: a copy that is kept by a table's changes, whatever is cut off on the way.
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { postgresChanges } from "../../../src/adapters/postgres/changes.ts";
import { postgresSink } from "../../../src/adapters/postgres/sink.ts";
import { bookmark } from "../../../src/connect/incremental.ts";
import { extract } from "../../../src/connect/extract.ts";
import { load } from "../../../src/connect/load.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import { postgres, type PostgresConnection } from "../../../src/connect/postgres.ts";
import { merge } from "../../../src/connect/write-disposition.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import type { StepContext } from "../../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { randomFrom } from "../../simulation/random.ts";
import { postgresMissing, startPostgres } from "../../postgres-server.ts";
import { sourcePlace, type SourcePlace } from "../../source-place.ts";

const server = await startPostgres();
afterAll(async () => server?.stop());

describe.skipIf(server === null)(`changes of a table${server === null ? ` (${postgresMissing})` : ""}`, () => {
  let shop: PostgresConnection;
  let writer: Client;
  let place: SourcePlace;
  let run = 0;
  beforeAll(async () => {
    shop = postgres(server!.url)("shop");
    writer = new Client(server!.url);
    await writer.connect();
    // The log is read as far as it is on disk; the tests' servers don't wait for that by themselves.
    await writer.query("set synchronous_commit = on");
  });
  afterAll(() => writer?.end());
  beforeEach(async () => {
    await writer.query(`
      select pg_drop_replication_slot(slot_name) from pg_replication_slots;
      drop publication if exists sluice_orders;
      drop schema public cascade; create schema public;
      create table orders (id bigint primary key, name text, amount numeric(12,2), at timestamptz default now(), tags text[], big text);
      create table others (id int primary key)`);
    place = await sourcePlace();
  });
  afterEach(() => place.dispose());

  const context = (step: string, inputs: Record<string, unknown>): StepContext => ({
    runId: `run-${run}`,
    pipeline: "copy",
    step,
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: run,
    idempotencyKey: `run-${run}/${step}`,
    inputs,
    signal: new AbortController().signal,
    log: place.context.log,
    clock: place.context.clock,
    folder: place.folder,
  });
  const needs = (): ConnectNeeds => ({
    ...place.context,
    sources: {},
    ranges: { postgres_changes: postgresChanges },
    files: {},
    sinks: { postgres: async () => postgresSink },
    quarantine: memoryQuarantineStore(),
  });
  async function read(): Promise<Dataset> {
    run += 1;
    const incremental = { cursor: bookmark(), into: shop.table("copy") };
    const { output } = await extract(shop.changes("orders"), { incremental }).execute(context("changes", {}), needs());
    return output;
  }
  async function store(from: Dataset): Promise<void> {
    const write = merge("id", { deleted: "_deleted" });
    await load({ step: "changes" }, shop.table("copy"), { write }).execute(context("loaded", { from }), needs());
  }
  async function compare(): Promise<void> {
    const rows = async (table: string): Promise<unknown[]> =>
      (await writer.query(`select id, name, amount, at, tags::text, big from ${table} order by id`)).rows;
    expect(await rows("copy")).toEqual(await rows("orders"));
  }
  const ops = async (dataset: Dataset): Promise<unknown[]> =>
    (await place.session.rows(`SELECT id, _op, _deleted FROM ${readDataset(dataset)}`)).map(({ id, _op, _deleted }) => [
      Number(id),
      _op,
      _deleted,
    ]);

  it("begin with the table as it is, and go on with what happened to its rows, in order", async () => {
    await writer.query(
      `insert into orders values (1, 'a', 1.50, now(), '{x,"y z"}', null), (2, null, null, now(), null, '')`,
    );
    const first = await read();
    expect(await ops(first)).toEqual([
      [1, "read", false],
      [2, "read", false],
    ]);
    await store(first);
    await compare();
    await writer.query(`
      insert into orders values (3, 'ü "quoted"', 2.25); insert into others values (1);
      update orders set name = 'b' where id = 1; delete from orders where id = 2`);
    await writer.query("begin");
    await writer.query("insert into orders values (4, 'never')");
    await writer.query("rollback");
    const second = await read();
    expect(await ops(second)).toEqual([
      [3, "insert", false],
      [1, "update", false],
      [2, "delete", true],
    ]);
    expect(second.replication).toEqual({ slot: "sluice_orders", retainedBytes: expect.any(Number) as number });
    await store(second);
    await compare();
    expect((await read()).rows).toBe(0);
  });

  it("a change of the key takes the old row away", async () => {
    await writer.query("insert into orders values (1, 'a')");
    await store(await read());
    await writer.query("update orders set id = 10, name = 'moved' where id = 1");
    await store(await read());
    await compare();
  });

  it("what was read and not loaded is read again; what is loaded is acknowledged by the next reading only", async () => {
    await store(await read());
    await writer.query("insert into orders values (1, 'a')");
    expect((await read()).rows).toBe(1);
    const again = await read();
    expect(again.rows).toBe(1);
    const confirmed = async (): Promise<unknown> =>
      (await writer.query("select confirmed_flush_lsn::text as lsn from pg_replication_slots")).rows[0].lsn;
    const before = await confirmed();
    await store(again);
    expect(await confirmed()).toBe(before);
    await writer.query("insert into orders values (2, 'b')");
    expect((await read()).rows).toBe(1);
    expect(await confirmed()).not.toBe(before);
  });

  it("whatever happens to the rows, and whatever is lost on the way, the copy is the table in the end", async () => {
    const random = randomFrom(11);
    await store(await read());
    for (let round = 0; round < 25; round += 1) {
      for (let change = random.below(6); change > 0; change -= 1) {
        const id = random.below(8);
        const statement = random.pick([
          `insert into orders (id, name) values (${id}, 'n${round}') on conflict (id) do update set name = 'u${round}'`,
          `update orders set amount = ${random.below(1000) / 100} where id = ${id}`,
          `delete from orders where id = ${id}`,
          `update orders set id = ${id + 100} where id = ${id} and not exists (select from orders where id = ${id + 100})`,
        ]);
        await writer.query(statement);
      }
      const dataset = await read();
      if (random.chance(0.6)) await store(dataset);
    }
    await store(await read());
    await compare();
  });

  it("a slot that is gone, and a table that was truncated, are errors that say what to do", async () => {
    await store(await read());
    await writer.query("insert into orders values (1, 'a'); truncate orders");
    await expect(read()).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      message: expect.stringContaining("truncated") as unknown,
    });
    await writer.query("select pg_drop_replication_slot('sluice_orders')");
    await expect(read()).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      message: expect.stringContaining('"sluice_orders" of connection "shop" is gone') as unknown,
    });
  });

  it("a large value that the log leaves out is an error, not a null, until the table says all of its rows", async () => {
    await writer.query(
      "alter table orders alter big set storage external; insert into orders values (1, 'a', 1, now(), null, repeat('x', 10000))",
    );
    await store(await read());
    await writer.query("update orders set name = 'b' where id = 1");
    await expect(read()).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      message: expect.stringContaining('"big"') as unknown,
    });
    await writer.query("alter table orders replica identity full; delete from _sluice_positions");
    await store(await read());
    await writer.query("update orders set name = 'c' where id = 1");
    await store(await read());
    await compare();
  });
});
