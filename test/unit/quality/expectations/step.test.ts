// Expectations as steps: a dataset that is handed on with its report, a step that fails with one line, contracts, and the
// history of a pipeline's partitions.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { manualClock } from "../../../../src/clock.ts";
import type { Dataset } from "../../../../src/dataset/dataset.ts";
import { createLog, type LogLine } from "../../../../src/log.ts";
import type { Partition } from "../../../../src/pipeline/partition.ts";
import type { StepSpec } from "../../../../src/pipeline/step.ts";
import { memoryMeasurementStore } from "../../../../src/quality/expectations/memory-measurement-store.ts";
import { memoryProfileStore } from "../../../../src/quality/profile/memory-profile-store.ts";
import * as q from "../../../../src/quality/index.ts";
import type { QualityNeeds } from "../../../../src/quality/needs.ts";
import { type Bench, openBench } from "../judging.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const columns = [{ name: "id", type: "BIGINT" }, "kind"];
const numbered = (count: number) => Array.from({ length: count }, (_, id) => ({ id, kind: id % 2 === 0 ? "a" : "b" }));
const dayOf = (day: number): Partition => {
  const at = (number: number): string => new Date(Date.UTC(2026, 0, number)).toISOString();
  return { key: at(day).slice(0, 10), start: at(day), end: at(day + 1), keys: {}, series: "" };
};

interface Place {
  readonly partition?: Partition;
  readonly runId?: string;
  readonly now?: number;
  readonly inputs?: Readonly<Record<string, Dataset>>;
}

function pipeline() {
  const measurements = memoryMeasurementStore();
  const lines: LogLine[] = [];
  let fence = 0;
  const run = async (spec: StepSpec<Dataset, QualityNeeds>, dataset: Dataset, place: Place = {}) => {
    const { partition = null, runId = "run", now = Date.UTC(2026, 5, 1), inputs = {} } = place;
    const context = {
      runId,
      pipeline: "shop",
      step: "checked",
      partition,
      params: null,
      item: null,
      attempt: 1,
      fence: (fence += 1),
      idempotencyKey: "key",
      inputs: { from: dataset, ...inputs },
      signal: new AbortController().signal,
      log: createLog(
        (line) => lines.push(line),
        () => 0,
      ),
      clock: manualClock(now),
      folder: "/",
    };
    const { session, artifacts, quarantine } = bench;
    return (
      await spec.execute(context, {
        session: async () => session,
        artifacts,
        quarantine,
        measurements,
        profiles: memoryProfileStore(),
      })
    ).output;
  };
  return { run, lines, measurements };
}

const source = { step: "lines" };

describe("a step that expects", () => {
  it("hands the dataset on as it is, with its report", async () => {
    const dataset = await bench.dataset(columns, numbered(4));
    const output = await pipeline().run(q.expect(source, [q.rowCount({ min: 1 }), q.unique("id")]), dataset);
    expect({ ...output, expectations: undefined }).toEqual({ ...dataset, expectations: undefined });
    expect(output.expectations).toMatchObject({
      kind: "expectation-report",
      rows: 4,
      scans: 1,
      results: [{ success: true, observed: 4 }, { success: true }],
    });
    expect(JSON.parse(JSON.stringify(output.expectations))).toEqual(output.expectations);
  });

  it("fails with one line that says what was expected and what there was, and the report in its details", async () => {
    const dataset = await bench.dataset(columns, numbered(4));
    const step = q.expect(source, [q.between("id", { max: 2 }), q.oneOf("kind", ["a"]), q.rowCount({ min: 1 })]);
    const failure = await pipeline()
      .run(step, dataset)
      .catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({
      code: "EXPECTATION_FAILED",
      retryable: false,
      message:
        'Step "checked": expected that id is at most 2, but 1 of 4 rows don\'t meet it; the first is row 4 (id 3) (and 1 more)',
      details: { failed: ["id is at most 2", 'kind is one of "a"'], report: { results: [{}, {}, { success: true }] } },
    });
  });

  it("goes on after a warning, and says so", async () => {
    const { run, lines } = pipeline();
    const output = await run(
      q.expect(source, [q.rowCount({ min: 100, severity: "warn" })]),
      await bench.dataset(columns, numbered(4)),
    );
    expect(output.expectations!.results[0]).toMatchObject({ success: false, severity: "warn" });
    expect(lines).toMatchObject([
      { level: "warn", message: "expected that the number of rows is at least 100, but it is 4 (a warning)" },
    ]);
  });

  it("reads other datasets by name, which it must be given", async () => {
    const kinds = await bench.dataset(["name"], [{ name: "a" }]);
    const step = q.expect(source, [q.references("kind", "kinds", "name")], { with: { kinds: { step: "kinds" } } });
    expect(step.inputs).toEqual({ from: source, "with:kinds": { step: "kinds" } });
    await expect(
      pipeline().run(step, await bench.dataset(columns, numbered(2)), { inputs: { "with:kinds": kinds } }),
    ).rejects.toThrow(
      'expected that kind refers to kinds (name), but 1 of 2 rows don\'t meet it; the first is row 2 (kind "b")',
    );
    expect(() => q.expect(source, [q.sameRowCount("kinds")])).toThrow(
      'sameRowCount() reads "kinds", which is not given',
    );
    expect(() => q.expect(source, [])).toThrow("no expectations");
  });

  it("is another version when its expectations are others", () => {
    const config = (expectation: q.Expectation) => JSON.stringify(q.expect(source, [expectation]).config);
    expect(config(q.rowCount({ min: 1 }))).not.toBe(config(q.rowCount({ min: 2 })));
    expect(config(q.custom("x", () => ({ success: true, observed: 1 })))).not.toBe(
      config(q.custom("x", () => ({ success: true, observed: 2 }))),
    );
  });
});

describe("a contract's expectations", () => {
  const sale = q.contract("sale", {
    row: z.strictObject({ id: z.int(), kind: z.enum(["a", "b"]) }),
    expect: [q.rowCount({ min: 2 }), q.unique("id")],
  });

  it("judge the rows that are valid", async () => {
    const { run } = pipeline();
    const good = await bench.dataset(columns, [...numbered(2), { id: 0, kind: "x" }]);
    const output = await run(q.validate(source, sale), good);
    expect([output.rows, output.expectations!.rows, output.quarantined]).toEqual([2, 2, 1]);
    const bad = await bench.dataset(columns, [
      { id: 1, kind: "a" },
      { id: 0, kind: "x" },
    ]);
    await expect(run(q.validate(source, sale), bad)).rejects.toMatchObject({
      code: "CONTRACT_FAILED",
      message: 'Contract "sale": expected that the number of rows is at least 2, but it is 1',
    });
    const none = await bench.dataset(columns, []);
    await expect(run(q.validate(source, sale), none)).rejects.toThrow("but it is 0");
  });

  it("are part of its description, and leave a contract without any as it was", () => {
    const { row, rules } = { row: z.strictObject({ id: z.int() }), rules: [] };
    expect(q.contract("plain", { row, rules }).description).not.toHaveProperty("expect");
    expect(sale.description).toHaveProperty("expect");
  });
});

describe("history", () => {
  const step = q.expect(source, [q.usual(q.rowCount(), { season: "week" })]);

  it("is that of the partitions before, in whatever order they ran", async () => {
    const { run } = pipeline();
    const usualDay = await bench.dataset(columns, numbered(100));
    // The later half first, as in a backfill.
    for (const day of [
      ...Array.from({ length: 15 }, (_, at) => at + 16),
      ...Array.from({ length: 15 }, (_, at) => at + 1),
    ]) {
      await run(step, usualDay, { partition: dayOf(day) });
    }
    const few = await bench.dataset(columns, numbered(10));
    await expect(run(step, few, { partition: dayOf(31) })).rejects.toThrow(
      "expected that the number of rows is usual, but it is 10, where 100 is usual (90.9091 to 110)",
    );
    // Of the first days there was too little before them to tell, however much came after.
    const early = await run(step, few, { partition: dayOf(5) });
    expect(early.expectations!.results[0]).toMatchObject({
      success: true,
      details: { history: { verdict: "not enough history", points: 4 } },
    });
  });

  it("is that of earlier runs without partitions; a retry is compared with those before, not with itself", async () => {
    const { run, measurements } = pipeline();
    const dataset = await bench.dataset(columns, numbered(50));
    const plain = q.expect(source, [q.usual(q.rowCount())]);
    for (let at = 1; at <= 9; at += 1) await run(plain, dataset, { runId: `run-${at}`, now: at * 1000 });
    const few = await bench.dataset(columns, numbered(5));
    for (const now of [20_000, 21_000])
      await expect(run(plain, few, { runId: "run-10", now })).rejects.toThrow("where 50 is usual");
    const past = await measurements.past({
      pipeline: "shop",
      step: "checked",
      series: "",
      measurement: "rowCount()",
      limit: 99,
    });
    expect(past.map(({ value }) => value)).toEqual([5, ...Array.from({ length: 9 }, () => 50)]);
  });

  it("tells a renamed column and a changed type", async () => {
    const { run } = pipeline();
    const unchanged = q.expect(source, [q.columnsUnchanged({ added: "pass" })]);
    await run(unchanged, await bench.dataset(columns, numbered(1)), { runId: "1", now: 1 });
    await run(unchanged, await bench.dataset([...columns, "more"], numbered(1)), { runId: "2", now: 2 });
    const renamed = await bench.dataset(
      ["ID_", { name: "kind", type: "VARCHAR" }, { name: "more", type: "BIGINT" }],
      [],
    );
    const failure = await run(unchanged, renamed, { runId: "3", now: 3 }).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({
      message: expect.stringContaining('"id" was probably renamed to "ID_"'),
      details: {
        report: {
          results: [{ details: { missing: ["id"], retyped: [{ name: "more", was: "VARCHAR", is: "BIGINT" }] } }],
        },
      },
    });
  });

  it("measures how old the newest row is, as of the partition's end", async () => {
    const { run } = pipeline();
    const times = await bench.dataset(
      [{ name: "at", type: "TIMESTAMP" }],
      [{ at: "2026-01-03 18:00:00" }, { at: null }],
    );
    const fresh = q.expect(source, [q.freshness("at", { max: "8h" })]);
    const output = await run(fresh, times, { partition: dayOf(3) });
    expect(output.expectations!.results[0]).toMatchObject({ success: true, observed: 6 * 3600 });
    await expect(run(fresh, times, { partition: dayOf(4) })).rejects.toThrow(
      "the newest at is at most 8h old, but it is 108000",
    );
  });

  it("can't be asked of groups, nor with options that make no sense", () => {
    expect(() => q.usual(q.rowCount({ by: "kind" }))).toThrow("measured by group");
    expect(() => q.usual(q.rowCount(), { atLeast: 100 })).toThrow("atLeast is above window");
  });
});
