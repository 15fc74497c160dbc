// Great Expectations' own test cases (its JSON definitions): each is put to the expectation of Sluice that means the
// same, on a table of the same rows, and what comes out is compared with what the case says. PATH is a folder of such
// files, or one. Cases that Great Expectations itself runs on none of pandas, SQLite and PostgreSQL do not apply.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dataset } from "../../src/dataset/dataset.ts";
import { openSession, type Session } from "../../src/dataset/session.ts";
import { isSluiceError } from "../../src/errors.ts";
import { evaluate } from "../../src/quality/expectations/evaluate.ts";
import { backendsOf, type Backend, type GxDataset, type GxTest, readCases } from "./gx/cases.ts";
import { difference } from "./gx/compare.ts";
import { tableOf } from "./gx/table.ts";
import { translate, Untranslatable } from "./gx/translate.ts";
import type { Suite, SuiteCase } from "./suite.ts";

export const suite: Suite = async (path) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-suite-"));
  const session = await openSession({ temporaryFolder: join(folder, "spill") });
  const cases: SuiteCase[] = [];
  try {
    for (const { file, expectation_type: type, datasets } of readCases(path)) {
      for (const dataset of datasets) {
        const tables = new Map<Backend, Promise<ReadonlyMap<string, Dataset>>>();
        for (const test of dataset.tests) {
          const [backend] = backendsOf(dataset, test);
          if (backend === undefined) {
            const only = test.only_for ?? dataset.only_for;
            const reason = only === undefined ? "runs nowhere" : `runs on ${only.join(", ")} only`;
            cases.push({ file, title: test.title, outcome: "skipped", reason });
            continue;
          }
          const made = tables.get(backend) ?? tablesOf(session, folder, dataset, backend);
          tables.set(backend, made);
          const reason = await replay(session, type, test, await made);
          cases.push({ file, title: test.title, outcome: reason === null ? "passed" : "failed", reason: reason ?? "" });
        }
      }
    }
    return cases;
  } finally {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

async function tablesOf(
  session: Session,
  folder: string,
  dataset: GxDataset,
  backend: Backend,
): Promise<ReadonlyMap<string, Dataset>> {
  const tables = "length" in dataset.data && Array.isArray(dataset.data) ? dataset.data : [dataset as never];
  const made = new Map<string, Dataset>();
  for (const table of tables) made.set(table.dataset_name ?? "table", await tableOf(session, folder, table, backend));
  return made;
}

/** Why the case failed; null when it passed. */
async function replay(
  session: Session,
  type: string,
  test: GxTest,
  tables: ReadonlyMap<string, Dataset>,
): Promise<string | null> {
  const [dataset] = tables.values();
  const mustRefuse = "traceback_substring" in test.out;
  try {
    const expectation = translate(type, test.in, dataset!.columns);
    const { results } = await evaluate({
      session,
      dataset: dataset!,
      expectations: [expectation],
      others: tables,
      asOf: Date.now(),
      sampleSize: 10_000,
    });
    const [result] = results;
    const refusal = result!.error;
    if (mustRefuse || test.error !== undefined) {
      if (refusal !== undefined) return null;
      if (mustRefuse) return "it was judged, and should have been refused";
    } else if (refusal !== undefined) {
      return `it was refused: ${refusal}`;
    }
    return difference(type, test, result!);
  } catch (error) {
    if (error instanceof Untranslatable) return error.message;
    if (!isSluiceError(error) && !(error instanceof Error)) throw error;
    return mustRefuse || test.error !== undefined ? null : `it was refused: ${error.message}`;
  }
}
