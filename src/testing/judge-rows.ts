// Expectations on rows at hand, without a pipeline: to try them out, and to test the ones you write.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, Dataset } from "../dataset/dataset.ts";
import type { ExpectationReport } from "../dataset/expectation-report.ts";
import { writeRows } from "../dataset/write-dataset.ts";
import { homeAt } from "../embedded/home.ts";
import { createServices, type Services } from "../embedded/services.ts";
import { SluiceError } from "../errors.ts";
import { createRedactor } from "../log.ts";
import { evaluate } from "../quality/expectations/evaluate.ts";
import type { Expectation } from "../quality/expectations/expectation.ts";

/** A row at hand: texts, numbers, booleans, dates; null or a missing key for a missing value. */
export type RowAtHand = Readonly<Record<string, unknown>>;

/** What is read beside the rows. */
export interface JudgeRowsOptions {
  /** Other rows, by the names under which expectations read them. */
  readonly with?: Readonly<Record<string, readonly RowAtHand[]>>;
  /** The instant as of which ages are measured. @default now */
  readonly asOf?: Date;
}

/**
 * Judges rows by expectations. Columns have the types of their values: whole numbers, numbers, booleans, points in time,
 * text. There is no history, so that everything passes for usual.
 *
 * ```ts
 * import { mean } from "sluice/quality";
 * const { results } = await judgeRows([{ age: 17 }, { age: 80 }], [mean("age", { min: 18, max: 65 })]);
 * ```
 */
export async function judgeRows(
  rows: readonly RowAtHand[],
  expectations: readonly Expectation[],
  options: JudgeRowsOptions = {},
): Promise<ExpectationReport> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-rows-"));
  const home = homeAt(folder);
  await mkdir(home.temporary, { recursive: true });
  const services = createServices({ home, folder, memory: "1GB", redactor: createRedactor() });
  try {
    const others = new Map<string, Dataset>();
    for (const [name, list] of Object.entries(options.with ?? {})) others.set(name, await datasetOf(services, list));
    const dataset = await datasetOf(services, rows);
    const session = await services.session();
    return await evaluate({ session, dataset, expectations, others, asOf: options.asOf?.getTime() ?? Date.now() });
  } finally {
    (await services.session()).close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function datasetOf(services: Services, rows: readonly RowAtHand[]): Promise<Dataset> {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (names.length === 0)
    throw new SluiceError("USAGE", "judgeRows() has no rows with columns", { hint: "Give it one row at least." });
  const columns = names.map((name): Column => ({ name, type: typeOf(rows.map((row) => row[name])) }));
  return writeRows(await services.session(), services.artifacts, columns, [rows as never]);
}

function typeOf(values: readonly unknown[]): string {
  const found = values.filter((value) => value !== null && value !== undefined);
  const all = (test: (value: unknown) => boolean): boolean => found.length > 0 && found.every(test);
  if (all((value) => typeof value === "bigint" || Number.isSafeInteger(value))) return "BIGINT";
  if (all((value) => typeof value === "number")) return "DOUBLE";
  if (all((value) => typeof value === "boolean")) return "BOOLEAN";
  return all((value) => value instanceof Date) ? "TIMESTAMP WITH TIME ZONE" : "VARCHAR";
}
