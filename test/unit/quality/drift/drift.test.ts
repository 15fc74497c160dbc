import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openArtifactStore } from "../../../../src/adapters/file-system/artifact-store.ts";
import { manualClock } from "../../../../src/clock.ts";
import type { Dataset } from "../../../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../../../src/dataset/session.ts";
import { writeQuery } from "../../../../src/dataset/write-dataset.ts";
import { createLog, type LogLine } from "../../../../src/log.ts";
import type { StepContext } from "../../../../src/pipeline/step.ts";
import { drift, type DriftOptions, type DriftReport } from "../../../../src/quality/index.ts";
import { memoryProfileStore } from "../../../../src/quality/profile/memory-profile-store.ts";
import { memoryQuarantineStore } from "../../../../src/quality/memory-quarantine-store.ts";
import { memoryMeasurementStore } from "../../../../src/quality/expectations/memory-measurement-store.ts";
import type { ProfileStore } from "../../../../src/quality/profile/profile-store.ts";
import { profileRelation } from "../../../../src/quality/profile/scan.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-drift-"));
const artifacts = openArtifactStore({ artifacts: join(folder, "artifacts"), temporary: join(folder, "temporary") });
let session: Session;
let profiles: ProfileStore;
let lines: LogLine[];
let fence = 0;
beforeAll(async () => {
  session = await openSession({ temporaryFolder: join(folder, "spill") });
});
beforeEach(() => {
  profiles = memoryProfileStore();
  lines = [];
});
afterAll(() => {
  session.close();
  rmSync(folder, { recursive: true, force: true });
});

const dataset = (query: string): Promise<Dataset> => writeQuery(session, artifacts, query);

interface Run {
  readonly baseline?: Dataset;
  readonly day?: string;
}

async function watch(rows: Dataset, options: DriftOptions, { baseline, day }: Run = {}): Promise<DriftReport> {
  fence += 1;
  const context = {
    runId: `run-${fence}`,
    pipeline: "shop",
    step: "watched",
    partition: day === undefined ? null : { key: day, start: `${day}T00:00:00.000Z`, end: null, keys: {}, series: "" },
    fence,
    inputs: { from: rows, ...(baseline === undefined ? {} : { baseline }) },
    log: createLog(
      (line) => lines.push(line),
      () => 0,
    ),
    clock: manualClock(fence),
    folder,
  } as unknown as StepContext;
  const needs = {
    session: async () => session,
    artifacts,
    quarantine: memoryQuarantineStore(),
    measurements: memoryMeasurementStore(),
    profiles,
  };
  return (await drift({ step: "clean" }, options).execute(context, needs)).output;
}
const verdicts = (report: DriftReport): Record<string, string> =>
  Object.fromEntries(report.columns.map(({ column, verdict }) => [column, verdict]));
const against = { baseline: { step: "training" } } as const;

/** 1,000 rows; `shift` moves the amounts, `share` is that of the third country, `nulls` of missing amounts. */
const sales = ({ rows = 1000, shift = 0, share = 0.1, nulls = 0, seed = 1 } = {}): string =>
  `SELECT CASE WHEN (hash(i + ${seed * 7_000_003}) % 1000) / 1000.0 < ${nulls} THEN NULL ELSE
       sqrt(-2 * ln(((hash(i * 2 + ${seed * 1_000_003}) % 999983) + 1) / 999984.0)) * cos(2 * pi() * (hash(i * 2 + 1 + ${seed * 1_000_003}) % 999983) / 999983.0) + ${shift} END AS amount,
     CASE WHEN (hash(i + ${seed * 3_000_017}) % 1000) / 1000.0 < ${share} THEN 'DE' WHEN hash(i + ${seed}) % 2 = 0 THEN 'FR' ELSE 'UK' END AS country,
     i AS id FROM range(${rows}) t(i)`;

describe("a drift step", () => {
  it("finds nothing where nothing changed, and says with what it compared", async () => {
    const report = await watch(await dataset(sales({ seed: 2 })), against, { baseline: await dataset(sales()) });
    expect(report).toMatchObject({
      verdict: "stable",
      baseline: 'step "training"',
      referenceRows: 1000,
      currentRows: 1000,
    });
    expect(verdicts(report)).toEqual({ amount: "stable", country: "stable", id: "stable" });
    expect(report.columns[0]!.measures.map(({ measure }) => measure)).toEqual(["psi", "wasserstein"]);
    expect(report.columns[0]!.bins).toHaveLength(10);
    expect(lines.map(({ level }) => level)).toEqual(["info"]);
  });

  it("warns of numbers that moved, shares that moved and values that are missing, and of nothing else", async () => {
    const baseline = await dataset(sales());
    const moved = await watch(await dataset(sales({ seed: 2, shift: 0.5 })), against, { baseline });
    expect(verdicts(moved)).toEqual({ amount: "drift", country: "stable", id: "stable" });
    const shift = moved.columns[0]!.measures.find(({ measure }) => measure === "wasserstein")!;
    expect(Math.abs(shift.effect - 0.5)).toBeLessThan(0.12);
    expect(lines.at(-1)).toMatchObject({ level: "warn" });
    expect(lines.at(-1)!.message).toMatch(/^amount has drifted: PSI 0\.\d+ \(threshold 0\.1, p/);
    expect(verdicts(await watch(await dataset(sales({ seed: 3, share: 0.3 })), against, { baseline }))).toMatchObject({
      amount: "stable",
      country: "drift",
    });
    const gone = await watch(await dataset(sales({ seed: 4, nulls: 1.1 })), against, { baseline });
    expect(verdicts(gone)).toMatchObject({ amount: "drift", country: "stable" });
    expect(gone.columns[0]!.bins.at(-1)).toEqual({ label: "null", reference: 0, current: 1000 });
  });

  it("is not deaf to a shift because of one outlier", async () => {
    const report = await watch(
      await dataset(`${sales({ seed: 2, shift: 1 })} UNION ALL SELECT 1e9, 'UK', 0`),
      against,
      {
        baseline: await dataset(sales()),
      },
    );
    expect(report.columns[0]!.measures[0]).toMatchObject({ measure: "psi", alarm: true });
  });

  it("names new categories, and keeps infinities and NaN apart from numbers", async () => {
    const report = await watch(
      await dataset(
        "SELECT CASE WHEN i % 4 = 0 THEN 'new' ELSE 'old' END AS c, CASE i % 5 WHEN 0 THEN 'nan' WHEN 1 THEN 'inf' ELSE '1' END::DOUBLE AS n FROM range(400) t(i)",
      ),
      against,
      { baseline: await dataset("SELECT 'old' AS c, 1::DOUBLE AS n FROM range(400)") },
    );
    expect(report.columns[0]!.bins).toEqual([
      { label: "old", reference: 400, current: 300 },
      { label: "new", reference: 0, current: 100 },
    ]);
    expect(report.columns[1]!.bins.at(-1)).toEqual({ label: "NaN", reference: 0, current: 80 });
    expect(report.verdict).toBe("drift");
  });

  it("can be told that numbers are names", async () => {
    const codes = (step: number): string => `SELECT (i % ${step}) * 100 AS code FROM range(500) t(i)`;
    const options = { ...against, categories: ["code"] };
    const report = await watch(await dataset(codes(3)), options, { baseline: await dataset(codes(5)) });
    expect(report.columns[0]!.kind).toBe("category");
    expect(report.verdict).toBe("drift");
  });

  it("sees embeddings whose centre or spread has moved", async () => {
    const vectors = (offset: number, scale: number, seed: number): string =>
      `SELECT [${Array.from({ length: 8 }, (_, d) => `(${scale} * (sqrt(-2 * ln(((hash(i * 16 + ${d * 2 + seed * 1_000_003}) % 9973) + 1) / 9974.0)) * cos(2 * pi() * (hash(i * 16 + ${d * 2 + 1 + seed * 1_000_003}) % 9973) / 9973.0)) + ${offset})::FLOAT`).join(", ")}] AS e FROM range(400) t(i)`;
    const baseline = await dataset(vectors(0, 1, 1));
    expect((await watch(await dataset(vectors(0, 1, 2)), against, { baseline })).verdict).toBe("stable");
    const moved = await watch(await dataset(vectors(0.5, 1, 3)), against, { baseline });
    expect(moved.columns[0]!.measures[0]).toMatchObject({ measure: "centre", alarm: true });
    const wider = await watch(await dataset(vectors(0, 1.5, 4)), against, { baseline });
    expect(wider.columns[0]!.measures).toMatchObject([{ alarm: false }, { measure: "spread", alarm: true }]);
  });

  it("says that there are too few rows, and never that all is well", async () => {
    const report = await watch(await dataset(sales({ rows: 20, shift: 9 })), against, {
      baseline: await dataset(sales()),
    });
    expect(report.verdict).toBe("insufficient data");
    expect(report.columns[0]!.reason).toBe("the dataset has 20 rows; 30 are needed");
    const none = await watch(await dataset(sales({ rows: 0 })), against, { baseline: await dataset(sales()) });
    expect(none.verdict).toBe("insufficient data");
  });

  it("does not compare what gives no ground to, and says why where it was asked for", async () => {
    const [a, b] = [
      await dataset("SELECT 'k' || i AS key, now() AS at FROM range(20000) t(i)"),
      await dataset("SELECT 'k' || i AS key, now() AS at FROM range(20000) t(i)"),
    ];
    expect((await watch(a, against, { baseline: b })).columns).toEqual([]);
    const asked = await watch(a, { ...against, columns: ["key", "at"] }, { baseline: b });
    expect(asked.columns.map(({ reason }) => reason)).toEqual([
      "more than 10,000 different values",
      "times always move on",
    ]);
    const typed = await watch(
      await dataset("SELECT 'a' AS x FROM range(50)"),
      { ...against, columns: ["x"] },
      {
        baseline: await dataset("SELECT 1.5::DOUBLE AS x FROM range(50)"),
      },
    );
    expect(typed.columns[0]!).toMatchObject({ verdict: "not compared", reason: "was DOUBLE, is VARCHAR" });
  });

  it("compares with the days before it, as many as were asked for", async () => {
    const options = { baseline: { runs: 2 } } as const;
    const first = await watch(await dataset(sales()), options, { day: "2026-01-01" });
    expect(first).toMatchObject({ verdict: "insufficient data", baseline: "no earlier run" });
    await watch(await dataset(sales({ seed: 2 })), options, { day: "2026-01-02" });
    const third = await watch(await dataset(sales({ seed: 3 })), options, { day: "2026-01-03" });
    expect(third).toMatchObject({ verdict: "stable", baseline: "the 2 runs before it", referenceRows: 2000 });
    expect((await watch(await dataset(sales({ seed: 4, shift: 1 })), options, { day: "2026-01-04" })).verdict).toBe(
      "drift",
    );
  });

  it("fails if it is to, after it has recorded what it saw, and no later run is compared with that", async () => {
    const options = { baseline: { runs: 7 }, onDrift: "fail" } as const;
    await watch(await dataset(sales()), options, { day: "2026-01-01" });
    const failing = watch(await dataset(sales({ seed: 2, shift: 1 })), options, { day: "2026-01-02" });
    await expect(failing).rejects.toMatchObject({
      code: "DRIFT",
      message: expect.stringMatching(/^Step "watched": column "amount" has drifted from run run-\d+: PSI/),
    });
    expect((await profiles.ofRun(`run-${fence}`))[0]).toMatchObject({ accepted: false, report: { verdict: "drift" } });
    const third = await watch(await dataset(sales({ seed: 3 })), options, { day: "2026-01-03" });
    expect(third).toMatchObject({ verdict: "stable", referenceRows: 1000 });
  });

  it("compares with one run, and with a profile in a file", async () => {
    await watch(await dataset(sales()), { baseline: { runs: 1 } });
    const run = `run-${fence}`;
    expect(await watch(await dataset(sales({ seed: 2 })), { baseline: { run } })).toMatchObject({
      verdict: "stable",
      baseline: `run ${run}`,
    });
    await expect(watch(await dataset(sales()), { baseline: { run: "none" } })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    const columns = await session.describe(sales());
    writeFileSync(
      join(folder, "training.json"),
      JSON.stringify(await profileRelation(session, `(${sales()})`, columns)),
    );
    const file = await watch(await dataset(sales({ seed: 2, shift: 1 })), { baseline: { file: "training.json" } });
    expect(file).toMatchObject({ verdict: "drift", baseline: "training.json" });
    writeFileSync(join(folder, "no.json"), "{}");
    await expect(watch(await dataset(sales()), { baseline: { file: "no.json" } })).rejects.toMatchObject({
      code: "SOURCE_MALFORMED",
    });
    await expect(watch(await dataset(sales()), { baseline: { file: "gone.json" } })).rejects.toMatchObject({
      code: "SOURCE_MISSING",
    });
  });

  it("refuses what can't work", async () => {
    const from = { step: "clean" };
    expect(() => drift(from, { ...against, columns: [] })).toThrow(/columns is empty/);
    expect(() => drift(from, { baseline: { runs: 0 } })).toThrow(/has 0 runs/);
    expect(() => drift(from, { ...against, level: 2 })).toThrow(/level is 2/);
    expect(() => drift(from, { ...against, thresholds: { psi: -1 } })).toThrow(/threshold of psi is -1/);
    await expect(
      watch(await dataset(sales()), { ...against, columns: ["gone"] }, { baseline: await dataset(sales()) }),
    ).rejects.toThrow(/has no column "gone"/);
  });
});
