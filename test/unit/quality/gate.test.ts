import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../../src/clock.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { createLog, type LogLine } from "../../../src/log.ts";
import type { StepContext } from "../../../src/pipeline/step.ts";
import { memoryMeasurementStore } from "../../../src/quality/expectations/memory-measurement-store.ts";
import type { QualityNeeds } from "../../../src/quality/needs.ts";
import { type Bench, openBench } from "./judging.ts";
import { gate, type GateOptions } from "../../../src/quality/index.ts";

function run(options: GateOptions, offered: number, loaded: number, quarantined = 0): Promise<unknown> {
  const inputs = { loaded: { kind: "load-result", asset: "warehouse.sales", offered, loaded, quarantined } };
  return gate({ step: "loaded" }, options).execute({ inputs } as unknown as StepContext, {} as QualityNeeds);
}

describe("a gate", () => {
  it("lets a load pass that meets its conditions, and reports what it saw", async () => {
    expect(await run({ loadedRatio: 0.95, minRows: 95 }, 100, 95)).toEqual({
      output: { asset: "warehouse.sales", offered: 100, loaded: 95, loadedRatio: 0.95 },
    });
  });

  it.each([
    [{ loadedRatio: 0.95 }, 10_000, 9_499, "9499 of 10000 offered rows were loaded (94.99 %), fewer than 95 %"],
    [
      { loadedRatio: 0.95 },
      1_000_000,
      949_999,
      "949999 of 1000000 offered rows were loaded (94.999 %), fewer than 95 %",
    ],
    [{ minRows: 100 }, 99, 99, "99 rows were loaded, fewer than 100"],
    [{ minRows: 1 }, 0, 0, "no rows were offered"],
  ])("closes on %j for %i offered and %i loaded", async (options, offered, loaded, what) => {
    await expect(run(options, offered, loaded)).rejects.toMatchObject({
      code: "GATE_CLOSED",
      retryable: false,
      message: `The gate on warehouse.sales is closed: ${what}`,
    });
  });

  it("passes an empty load only if told so, whatever its other conditions", async () => {
    await expect(run({ loadedRatio: 0.95 }, 0, 0)).rejects.toMatchObject({ code: "GATE_CLOSED" });
    expect(await run({ loadedRatio: 0.95, minRows: 100, whenEmpty: "pass" }, 0, 0)).toMatchObject({
      output: { loadedRatio: 1 },
    });
  });

  it("does not take a load for empty whose rows were all quarantined", async () => {
    await expect(run({ minRows: 1, whenEmpty: "pass" }, 0, 0, 3)).rejects.toMatchObject({
      code: "GATE_CLOSED",
      message: "The gate on warehouse.sales is closed: no row is valid, all 3 were quarantined",
    });
  });

  it("refuses conditions that make no sense", () => {
    for (const options of [{}, { loadedRatio: 1.5 }, { loadedRatio: Number.NaN }, { minRows: -1 }, { minRows: 1.5 }]) {
      expect(() => gate({ step: "loaded" }, options)).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
    }
  });
});

describe("a gate with a circuit breaker", () => {
  let bench: Bench;
  let measurements: QualityNeeds["measurements"];
  let lines: LogLine[];
  let now = 0;
  beforeAll(async () => {
    bench = await openBench();
  });
  beforeEach(() => {
    measurements = memoryMeasurementStore();
    lines = [];
  });
  afterAll(() => bench.close());

  const visit = async (input: object, options: GateOptions, day?: string): Promise<unknown> => {
    now += 1000;
    const context = {
      pipeline: "shop",
      step: "usual",
      runId: `run-${now}`,
      fence: now,
      partition:
        day === undefined ? null : { key: day, start: `${day}T00:00:00.000Z`, end: null, keys: {}, series: "" },
      inputs: { loaded: input },
      clock: manualClock(now),
      log: createLog(
        (line) => lines.push(line),
        () => 0,
      ),
    } as unknown as StepContext;
    const needs = { session: async () => bench.session, measurements } as unknown as QualityNeeds;
    return (await gate({ step: "clean" }, options).execute(context, needs)).output;
  };
  const load = (rows: number): object => ({
    kind: "load-result",
    asset: "warehouse.sales",
    offered: rows,
    loaded: rows,
    quarantined: 0,
  });
  const table = (rows: number, nulls: number): Promise<Dataset> =>
    bench.dataset(
      ["id", "customer"],
      Array.from({ length: rows }, (_, at) => ({ id: String(at), customer: at < nulls ? null : "c" })),
    );

  it("closes on a fall by 90 % below the median, once there are three runs to compare with", async () => {
    for (const rows of [1000, 5, 1200]) await visit(load(rows), { fall: 0.9 });
    await visit(load(101), { fall: 0.9 });
    // The median of 5, 101, 1000 and 1200 is 550.5.
    await expect(visit(load(55), { fall: 0.9 })).rejects.toMatchObject({
      code: "GATE_CLOSED",
      message: "The gate on warehouse.sales is closed: 55 rows, where the median of the 4 before is 550.5",
    });
    // What it refused has not become usual.
    await expect(visit(load(55), { fall: 0.9 })).rejects.toThrow(/the median of the 4 before is 550.5/);
    expect(await visit(load(56), { fall: 0.9 })).toMatchObject({ loaded: 56 });
  });

  it("counts in what went on before the rows that are replayed, and learns nothing from them", async () => {
    for (let run = 0; run < 3; run += 1) await visit(await table(100, 10), { fall: 0.9 });
    const replayed = { ...(await table(5, 5)), before: 90, quarantined: 5 };
    expect(await visit(replayed, { fall: 0.5, minRows: 95, loadedRatio: 0.95 })).toEqual({
      asset: 'step "clean"',
      offered: 100,
      loaded: 95,
      loadedRatio: 0.95,
    });
    await expect(visit(replayed, { minRows: 96 })).rejects.toThrow(/95 rows were loaded, fewer than 96/);
    await expect(visit({ ...replayed, before: 30 }, { fall: 0.5 })).rejects.toThrow(
      /35 rows, where the median of the 3/,
    );
    expect(await visit({ ...load(5), before: 90 }, { minRows: 95, fall: 0.1 })).toMatchObject({ loaded: 95 });
    await expect(visit(load(5), { fall: 0.9 })).rejects.toThrow(/the median of the 3 before is 100/);
  });

  it("closes on a column that is suddenly null", async () => {
    for (let run = 0; run < 3; run += 1) await visit(await table(100, 10), { fall: 0.9 });
    await expect(visit(await table(100, 95), { fall: 0.9 })).rejects.toMatchObject({
      message: 'The gate on step "clean" is closed: column "customer" is 95 % null, where it usually is 10 %',
    });
    expect(await visit(await table(100, 50), { fall: 0.9 })).toMatchObject({ loaded: 100 });
  });

  it("compares a day with the days before it, whenever they ran, and not with itself", async () => {
    for (const day of ["2026-01-03", "2026-01-01", "2026-01-02"]) await visit(load(1000), { fall: 0.9 }, day);
    await visit(load(9), { fall: 0.9 }, "2026-01-02");
    await expect(visit(load(9), { fall: 0.9 }, "2026-01-04")).rejects.toThrow(/the median of the 3 before is 1000/);
    expect(await visit(load(9), { fall: 0.9, since: "2026-01-02" }, "2026-01-04")).toMatchObject({ loaded: 9 });
  });

  it("warns, or diverts, if it is to", async () => {
    expect(await visit(load(5), { minRows: 10, onClosed: "warn" })).toMatchObject({
      loaded: 5,
      warning: "The gate on warehouse.sales is closed: 5 rows were loaded, fewer than 10",
    });
    expect(lines.at(-1)).toMatchObject({ level: "warn" });
    expect(await visit(load(5), { minRows: 10, onClosed: "divert" })).toBe("closed");
    expect(await visit(load(50), { minRows: 10, onClosed: "divert" })).toBe("open");
  });

  it("judges a dataset by what its contract let through", async () => {
    const dataset = { ...(await table(9, 0)), quarantined: 1 };
    expect(await visit(dataset, { loadedRatio: 0.9 })).toMatchObject({ offered: 10, loaded: 9, loadedRatio: 0.9 });
    await expect(visit(dataset, { loadedRatio: 0.95 })).rejects.toMatchObject({ code: "GATE_CLOSED" });
  });

  it("refuses limits that make no sense", () => {
    for (const options of [{ fall: 0 }, { fall: 2 }, { fall: 0.9, over: 2 }, { fall: 0.9, since: "soon" }]) {
      expect(() => gate({ step: "clean" }, options)).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
    }
  });
});
