// One drawn history of a source table in PostgreSQL and of the pipeline that keeps a copy of it: two sessions write, one of
// them commits late; values tie, clocks disagree, rows are dated in the future or not at all; readings are cut off at
// any statement and made again. In the end, when nothing moves any more, the copy must be what its write disposition
// promises. The same seed draws the same history.
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { postgresRange } from "../../src/adapters/postgres/range.ts";
import { postgresSink } from "../../src/adapters/postgres/sink.ts";
import { postgresSource } from "../../src/adapters/postgres/source.ts";
import { systemClock } from "../../src/clock.ts";
import { defineConfig } from "../../src/config.ts";
import { extract } from "../../src/connect/extract.ts";
import { transaction, type FromPosition } from "../../src/connect/incremental.ts";
import { load } from "../../src/connect/load.ts";
import type { ConnectNeeds } from "../../src/connect/needs.ts";
import { postgres } from "../../src/connect/postgres.ts";
import { merge, type WriteDisposition, type WriteName } from "../../src/connect/write-disposition.ts";
import type { ArtifactStore } from "../../src/dataset/artifact-store.ts";
import type { Dataset } from "../../src/dataset/dataset.ts";
import type { Session } from "../../src/dataset/session.ts";
import { isSluiceError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import type { StepContext } from "../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../src/quality/memory-quarantine-store.ts";
import { randomFrom, type Random } from "../simulation/random.ts";
import type { CuttingProxy } from "./cutting-proxy.ts";

/** What a history is played with. */
export interface Stage {
  /** Of the database, through the proxy. */
  readonly url: string;
  readonly proxy: CuttingProxy;
  /** Sessions of those who write to the source. */
  readonly first: Client;
  readonly second: Client;
  readonly session: Session;
  readonly artifacts: ArtifactStore;
}

export interface Played {
  readonly write: WriteName;
  readonly cursor: CursorKind;
  readonly readings: number;
  readonly cuts: number;
  /** [] when the copy is as it should be. */
  readonly wrong: readonly string[];
}

/** "lag": dated by a clock of its own · "clock": by the server's · "column" and "xmin": by transaction. */
type CursorKind = "lag" | "clock" | "column" | "xmin";

const cursorKinds: readonly CursorKind[] = ["lag", "clock", "column", "xmin"];
/** Those that a copy can be kept with by increments. */
const increments: readonly WriteName[] = ["append", "upsert", "delete-insert", "insert-only", "scd2"];

interface SourceRow {
  readonly id: number;
  readonly version: number;
  readonly gone: boolean;
}

/** How far rows may be dated before they are committed, in seconds of the history's own clock. */
const lateness = 10;
const skew = 3;

export async function playHistory(seed: number, stage: Stage): Promise<Played> {
  const random = randomFrom(seed);
  const writes = increments.filter((name) => postgresSink.capabilities.writes.includes(name));
  const write = writes[seed % writes.length]!;
  const cursor = cursorKinds[Math.floor(seed / writes.length) % cursorKinds.length]!;
  const source = await createSource(random, stage, { seed, write, cursor });
  const copy = createCopy(stage, { seed, write, cursor });
  let [readings, cuts] = [0, 0];
  const moments = random.between(6, 14);
  for (let moment = 0; moment < moments; moment += 1) {
    for (let change = random.below(4); change > 0; change -= 1) await source.change();
    await source.pass();
    if (!random.chance(0.6)) continue;
    readings += 1;
    const cut = random.chance(0.4)
      ? { at: random.between(1, 40), when: random.pick(["before", "after"] as const) }
      : null;
    if (cut !== null) cuts += 1;
    await copy.read(cut, random);
  }
  await source.rest();
  await copy.read(null, random);
  const wrong = await differences(stage, source, seed, write);
  await stage.first.query(
    `drop table src_${seed}, dst_${seed}; delete from _sluice_loads where table_name = 'dst_${seed}'`,
  );
  return { write, cursor, readings, cuts, wrong };
}

interface SourceTable {
  /** One insert, update or deletion, in a session that commits at once or in one that doesn't. */
  change(): Promise<void>;
  /** Time passes; the late one may commit. */
  pass(): Promise<void>;
  /** Everything is committed, and nothing lies in the future. */
  rest(): Promise<void>;
  /** Every state that a row has been in, by id. */
  readonly versions: ReadonlyMap<number, readonly SourceRow[]>;
}

async function createSource(
  random: Random,
  { first, second }: Stage,
  { seed, write, cursor }: { readonly seed: number; readonly write: WriteName; readonly cursor: CursorKind },
): Promise<SourceTable> {
  const table = `src_${seed}`;
  await first.query(`
    create table ${table} (id int primary key, at timestamptz, version int not null, gone boolean not null,
      written_by xid8 not null default pg_current_xact_id());
    create or replace function written() returns trigger language plpgsql as
      $$ begin new.written_by := pg_current_xact_id(); return new; end $$;
    create trigger written before update on ${table} for each row execute function written();`);
  const rows = new Map<number, SourceRow>();
  const versions = new Map<number, SourceRow[]>();
  let [now, openSince] = [100, null as number | null];
  let lastFuture = 0;
  const held = new Set<number>();
  const changes = write !== "append";

  function date(): string {
    if (random.chance(0.08)) return "null";
    if (cursor === "clock") {
      const ahead = random.chance(0.2) ? random.between(100, 500) : 0;
      lastFuture = Math.max(lastFuture, Date.now() + ahead);
      // Tenths of a second: values tie.
      return `date_trunc('second', clock_timestamp()) + interval '${ahead} ms' + floor(extract(ms from clock_timestamp())::int % 1000 / 100) * interval '100 ms'`;
    }
    return `timestamptz '2026-01-01 00:00:00+00' + interval '${now + random.between(-skew, skew)} s'`;
  }

  async function change(): Promise<void> {
    const late = random.chance(0.4);
    const session = late ? second : first;
    if (late && openSince === null) {
      await second.query("begin");
      openSince = now;
    }
    // A row that the open transaction has touched would make the other session wait for it.
    const free = [...rows.keys()].filter((id) => late || !held.has(id));
    const id = changes && free.length > 0 && random.chance(0.5) ? random.pick(free) : rows.size + 1;
    const before = rows.get(id);
    const row: SourceRow = {
      id,
      version: (before?.version ?? 0) + 1,
      gone: changes && write !== "insert-only" && before !== undefined && random.chance(0.2),
    };
    const values = `${date()}, ${row.version}, ${row.gone}`;
    await session.query(
      before === undefined
        ? `insert into ${table} (id, at, version, gone) values (${id}, ${values})`
        : `update ${table} set (at, version, gone) = (${values}) where id = ${id}`,
    );
    rows.set(id, row);
    versions.set(id, [...(versions.get(id) ?? []), row]);
    if (late) held.add(id);
  }

  async function commit(): Promise<void> {
    if (openSince === null) return;
    await second.query("commit");
    openSince = null;
    held.clear();
  }

  return {
    change,
    pass: async () => {
      now += random.below(4);
      if (openSince !== null && (now - openSince >= lateness - 4 || random.chance(0.3))) await commit();
    },
    rest: async () => {
      await commit();
      await sleep(Math.max(0, lastFuture + 150 - Date.now()));
    },
    versions,
  };
}

interface Copy {
  /** Reads what is new and loads it; with a cut, goes on as an engine would: the same attempt again, or another run. */
  read(cut: Parameters<CuttingProxy["cut"]>[0], random: Random): Promise<void>;
}

function createCopy(
  { url, proxy, session, artifacts }: Stage,
  { seed, write, cursor }: { readonly seed: number; readonly write: WriteName; readonly cursor: CursorKind },
): Copy {
  const { database } = defineConfig({ connections: { database: postgres(url) } }).connections;
  const table = database.table(`dst_${seed}`);
  const incremental: FromPosition = {
    cursor: cursor === "column" ? transaction("written_by") : cursor === "xmin" ? transaction() : "at",
    into: table,
    ...(cursor === "lag" ? { lag: `${lateness + 2 * skew}s`, until: "last" } : {}),
    ...(cursor === "clock" ? { lag: "30s" } : {}),
    ...(cursor === "lag" || cursor === "clock" ? { nulls: "include" as const } : {}),
  };
  const disposition: WriteDisposition =
    write === "append"
      ? "append"
      : merge("id", {
          strategy: write as "upsert",
          ...(write === "delete-insert" ? {} : { latest: "version" }),
          ...(write === "insert-only" ? {} : { deleted: "gone" }),
        });
  const needs: ConnectNeeds = {
    artifacts,
    session: async () => session,
    home: tmpdir(),
    resolve: String,
    sources: { postgres: postgresSource },
    ranges: { postgres: postgresRange },
    sinks: { postgres: async () => postgresSink },
    quarantine: memoryQuarantineStore(),
  };
  let run = 0;
  const context = (step: string, key: string, inputs: Record<string, unknown>): StepContext => ({
    runId: key,
    pipeline: "copy",
    step,
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: run,
    idempotencyKey: `${key}/${step}`,
    inputs,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    folder: tmpdir(),
  });
  return {
    read: async (cut, random) => {
      proxy.cut(cut);
      for (let tries = 0; ; tries += 1) {
        run += 1;
        const key = randomUUID();
        try {
          const spec = extract(database.read(`src_${seed}`), { incremental });
          const { output } = await spec.execute(context("changes", key, {}), needs);
          const from = JSON.parse(JSON.stringify(output)) as Dataset;
          await loadUntilHeard(from, key, random);
          proxy.cut(null);
          return;
        } catch (error) {
          if (!isLost(error) || tries > 3) throw error;
        }
      }
    },
  };

  async function loadUntilHeard(from: Dataset, key: string, random: Random): Promise<void> {
    for (;;) {
      try {
        await load({ step: "changes" }, table, { write: disposition }).execute(context("loaded", key, { from }), needs);
        return;
      } catch (error) {
        // The same attempt's effect once more; or the run is given up, and another begins from what is stored.
        if (!isLost(error) || random.chance(0.3)) throw error;
      }
    }
  }
}

function isLost(error: unknown): boolean {
  return isSluiceError(error) && error.retryable;
}

async function differences(
  { first }: Stage,
  { versions }: SourceTable,
  seed: number,
  write: WriteName,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  const current = write === "scd2" ? " where _sluice_valid_to is null" : "";
  const { rows } = await first.query<{ id: number; version: number }>(
    `select id::int, version::int from dst_${seed}${current} order by id, version`,
  );
  const found = rows.map(({ id, version }) => `${id}:${version}`);
  const newest = [...versions.values()].map((states) => states.at(-1)!).sort((a, b) => a.id - b.id);
  if (write === "insert-only") {
    // Whichever state of a row was met first.
    const ids = rows.map(({ id }) => id);
    if (ids.join() !== newest.map(({ id }) => id).join())
      wrong.push(`rows ${ids.join()}, not ${newest.map(({ id }) => id).join()}`);
    for (const { id, version } of rows)
      if (!versions.get(id)?.some((state) => state.version === version))
        wrong.push(`${id} was never in state ${version}`);
    return wrong;
  }
  const kept = newest.filter(({ gone }) => write === "append" || !gone).map(({ id, version }) => `${id}:${version}`);
  if (found.join() !== kept.join()) wrong.push(`${found.join() || "nothing"}, not ${kept.join() || "nothing"}`);
  if (write === "scd2") {
    const { rows: overlaps } = await first.query<{ id: number }>(
      `select a.id from dst_${seed} a join dst_${seed} b on a.id = b.id and a.ctid < b.ctid
         and tstzrange(a._sluice_valid_from, a._sluice_valid_to) && tstzrange(b._sluice_valid_from, b._sluice_valid_to)`,
    );
    for (const { id } of overlaps) wrong.push(`${id} is in two states at once`);
  }
  return wrong;
}
