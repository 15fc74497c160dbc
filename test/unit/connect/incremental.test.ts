// Incremental reading against a source whose every moment is drawn: rows tie, are committed late, are dated in the future or
// not at all. Whatever happens, in the end the table has each row once. The source is a list of rows with a clock of its own; the table is
// one of the embedded warehouse, which keeps the position.
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lakeFolder } from "../../../src/adapters/lake/catalog.ts";
import { lakeRelation, lakeTables } from "../../../src/adapters/lake/read.ts";
import { lakeSink } from "../../../src/adapters/lake/sink.ts";
import { systemClock } from "../../../src/clock.ts";
import { defineConfig } from "../../../src/config.ts";
import { extract } from "../../../src/connect/extract.ts";
import { transaction, type IncrementalOptions } from "../../../src/connect/incremental.ts";
import { lake, type LakeTable } from "../../../src/connect/lake.ts";
import { load } from "../../../src/connect/load.ts";
import type { ConnectNeeds } from "../../../src/connect/needs.ts";
import type { RangeReader, Source } from "../../../src/connect/source.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../src/dataset/session.ts";
import { quoteLiteral } from "../../../src/dataset/sql.ts";
import { writeRows } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import type { StepContext } from "../../../src/pipeline/step.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

const { warehouse } = defineConfig({ connections: { warehouse: lake() } }).connections;
let session: Session;
let artifacts: ReturnType<typeof temporaryArtifacts>;
let folder: string;

beforeAll(async () => {
  session = await openSession({ temporaryFolder: tmpdir() });
});
afterAll(() => session.close());
beforeEach(() => {
  artifacts = temporaryArtifacts();
  folder = mkdtempSync(join(tmpdir(), "sluice-incremental-"));
  return async () => {
    await artifacts.dispose();
    rmSync(folder, { recursive: true, force: true });
  };
});

interface SourceRow {
  readonly id: number;
  /** Seconds on the source's clock; null for a row without a cursor. */
  readonly at: number | null;
}

/** What a reader sees of a source. */
interface Memory {
  rows: SourceRow[];
  now: number;
}

const timeOf = (seconds: number): string =>
  `2026-01-01 00:${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}+00`;
const columns = [
  { name: "id", type: "BIGINT" },
  { name: "at", type: "TIMESTAMP WITH TIME ZONE" },
];

function readerOf(memory: Memory): RangeReader {
  return async (_source, range, context) => {
    const all = memory.rows.map(({ id, at }) => ({ id, at: at === null ? null : timeOf(at) }));
    const whole = await writeRows(await context.session(), context.artifacts, columns, [all]);
    const until = range.until === "clock" ? { type: columns[1]!.type, text: timeOf(memory.now) } : range.until;
    const bounds = [
      ...(range.from === null ? [] : [`"at" >= CAST(${quoteLiteral(range.from.text)} AS TIMESTAMPTZ)`]),
      ...(until === null ? [] : [`"at" < CAST(${quoteLiteral(until.text)} AS TIMESTAMPTZ)`]),
    ];
    const inside = bounds.length === 0 ? '"at" IS NOT NULL' : bounds.join(" AND ");
    const found = await session.rows(
      `SELECT id, CAST("at" AS VARCHAR) AS "at" FROM read_parquet('${whole.files[0]!}') WHERE (${inside}) ${range.nulls ? 'OR "at" IS NULL' : ""}`,
    );
    return { dataset: await writeRows(session, context.artifacts, columns, [found]), until };
  };
}

const source: Source = { kind: "sluice.source", vendor: "memory", connection: null, request: {} };
let run = 0;

async function readAndLoad(
  memory: Memory,
  table: LakeTable,
  options: Omit<Extract<IncrementalOptions, { into: unknown }>, "into">,
  crash: "before load" | "after load" | null = null,
): Promise<number> {
  run += 1;
  const needs: ConnectNeeds = {
    artifacts,
    session: async () => session,
    home: join(folder, ".sluice"),
    resolve: String,
    sources: {},
    ranges: { memory: readerOf(memory) },
    sinks: { lake: async () => lakeSink },
    quarantine: memoryQuarantineStore(),
  };
  const context = (step: string, inputs: Record<string, unknown>): StepContext => ({
    runId: `run-${run}`,
    pipeline: "sync",
    step,
    partition: null,
    params: null,
    item: null,
    attempt: 1,
    fence: run,
    idempotencyKey: `run-${run}/${step}`,
    inputs,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    folder,
  });
  const { output } = await extract(source, { incremental: { ...options, into: table } }).execute(
    context("rows", {}),
    needs,
  );
  if (crash === "before load") return 0;
  const spec = load({ step: "rows" }, table);
  const handed = { from: JSON.parse(JSON.stringify(output)) as Dataset };
  const { rows } = await spec.execute(context("loaded", handed), needs);
  // The answer was lost: the same attempt is made again.
  if (crash === "after load") await spec.execute(context("loaded", handed), needs);
  return rows!.out;
}

async function idsIn(table: LakeTable): Promise<number[]> {
  const state = lakeTables(lakeFolder(warehouse, { folder, home: join(folder, ".sluice") })).find(
    ({ name }) => name === table.name,
  );
  if (state === undefined) return [];
  return (await session.rows(`SELECT id FROM (${lakeRelation(state)}) ORDER BY id`)).map((row) => Number(row["id"]));
}

describe("incremental reading", () => {
  it("reads what is new, and what ties with the last value of the reading before", async () => {
    const memory: Memory = {
      now: 60,
      rows: [
        { id: 1, at: 10 },
        { id: 2, at: 20 },
      ],
    };
    const table = warehouse.table("events");
    const options = { cursor: "at" };
    expect(await readAndLoad(memory, table, options)).toBe(2);
    expect(await readAndLoad(memory, table, options)).toBe(0);
    memory.rows.push({ id: 3, at: 20 }, { id: 4, at: 30 });
    expect(await readAndLoad(memory, table, options)).toBe(2);
    expect(await idsIn(table)).toEqual([1, 2, 3, 4]);
  });

  it("counts rows that can't be told apart as often as they are there", async () => {
    const memory: Memory = {
      now: 60,
      rows: [
        { id: 1, at: 10 },
        { id: 1, at: 10 },
      ],
    };
    const table = warehouse.table("twins");
    await readAndLoad(memory, table, { cursor: "at" });
    memory.rows.push({ id: 1, at: 10 });
    await readAndLoad(memory, table, { cursor: "at" });
    expect(await idsIn(table)).toEqual([1, 1, 1]);
  });

  it("a row dated in the future waits for its time, and holds up no other", async () => {
    const memory: Memory = {
      now: 60,
      rows: [
        { id: 1, at: 10 },
        { id: 2, at: 3000 },
      ],
    };
    const table = warehouse.table("future");
    await readAndLoad(memory, table, { cursor: "at" });
    memory.rows.push({ id: 3, at: 70 });
    memory.now = 100;
    await readAndLoad(memory, table, { cursor: "at" });
    expect(await idsIn(table)).toEqual([1, 3]);
    memory.now = 3001;
    await readAndLoad(memory, table, { cursor: "at" });
    expect(await idsIn(table)).toEqual([1, 2, 3]);
  });

  it("rows without a cursor are an error, left out, or read once", async () => {
    const memory: Memory = {
      now: 60,
      rows: [
        { id: 1, at: 10 },
        { id: 2, at: null },
      ],
    };
    await expect(readAndLoad(memory, warehouse.table("fails"), { cursor: "at" })).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
      message: expect.stringContaining('1 row of memory have no "at"') as unknown,
    });
    await readAndLoad(memory, warehouse.table("without"), { cursor: "at", nulls: "exclude" });
    expect(await idsIn(warehouse.table("without"))).toEqual([1]);
    for (const _round of [1, 2]) await readAndLoad(memory, warehouse.table("with"), { cursor: "at", nulls: "include" });
    expect(await idsIn(warehouse.table("with"))).toEqual([1, 2]);
  });

  it("two readings from one position: the second load is refused and writes nothing", async () => {
    const memory: Memory = { now: 60, rows: [{ id: 1, at: 10 }] };
    const table = warehouse.table("raced");
    await readAndLoad(memory, table, { cursor: "at" });
    memory.rows.push({ id: 2, at: 20 });
    const position = await lakeSink.position(table, "sync.rows", { folder, home: join(folder, ".sluice") } as never);
    await readAndLoad(memory, table, { cursor: "at" });
    const stale = await writeRows(session, artifacts, columns, [[{ id: 2, at: timeOf(20) }]]);
    const late = {
      ...stale,
      positions: [
        { table: "warehouse.raced", reader: "sync.rows", from: position, to: { version: 1 }, repeats: false },
      ],
    };
    await expect(
      lakeSink.load(
        {
          table,
          dataset: late,
          write: "append",
          partition: null,
          loadKey: "late",
          fence: 1e6,
          positions: late.positions,
        },
        { folder, home: join(folder, ".sluice"), signal: new AbortController().signal } as never,
      ),
    ).rejects.toMatchObject({ code: "FENCED" });
    expect(await idsIn(table)).toEqual([1, 2]);
  });

  it("a lag in words that the cursor doesn't have is refused in one line", async () => {
    const memory: Memory = { now: 60, rows: [{ id: 1, at: 10 }] };
    await expect(readAndLoad(memory, warehouse.table("lagging"), { cursor: "at", lag: 10 })).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining("`lag` is a number") as unknown,
    });
    expect(() =>
      extract(source, { incremental: { cursor: transaction(), lag: "1m", into: warehouse.table("x") } }),
    ).toThrow(/needs no `lag`/);
  });

  it("in the end the table has every row once, whatever happened on the way", { timeout: 120_000 }, async () => {
    let history = 0;
    const lag = 20;
    const row = fc.record({
      // A transaction stays open for so long after its row is dated.
      late: fc.integer({ min: 0, max: lag }),
      // Some clocks are ahead.
      ahead: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 120 }) },
      ),
      missing: fc.boolean().map((value) => value && history % 3 === 0),
    });
    const moment = fc.record({
      passes: fc.integer({ min: 0, max: 15 }),
      rows: fc.array(row, { maxLength: 4 }),
      reads: fc.boolean(),
      crash: fc.constantFrom(null, null, "before load", "after load"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(moment, { minLength: 3, maxLength: 12 }), async (moments) => {
        history += 1;
        const table = warehouse.table(`history_${history}`);
        const memory: Memory = { now: 100, rows: [] };
        const pending: { readonly visibleAt: number; readonly row: SourceRow }[] = [];
        const written: number[] = [];
        const appear = (): void => {
          for (const one of pending.splice(0)) {
            if (one.visibleAt <= memory.now) memory.rows.push(one.row);
            else pending.push(one);
          }
        };
        for (const { passes, rows, reads, crash } of moments) {
          for (const { late, ahead, missing } of rows) {
            written.push(written.length + 1);
            pending.push({
              visibleAt: memory.now + late,
              row: { id: written.length, at: missing ? null : memory.now + ahead },
            });
          }
          memory.now += passes;
          appear();
          if (reads) await readAndLoad(memory, table, { cursor: "at", lag: `${lag}s`, nulls: "include" }, crash);
        }
        memory.now += 300;
        appear();
        await readAndLoad(memory, table, { cursor: "at", lag: `${lag}s`, nulls: "include" });
        expect(await idsIn(table)).toEqual(written);
      }),
      { numRuns: 40 },
    );
  });
});
