// Runs a validate step over given rows, on a real columnar session and real files.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArtifactStore } from "../../../src/adapters/file-system/artifact-store.ts";
import { manualClock } from "../../../src/clock.ts";
import type { ArtifactStore } from "../../../src/dataset/artifact-store.ts";
import type { Column, Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Row, type Session } from "../../../src/dataset/session.ts";
import { readDataset, writeRows } from "../../../src/dataset/write-dataset.ts";
import { silentLog } from "../../../src/log.ts";
import type { StepContext, StepResult } from "../../../src/pipeline/step.ts";
import type { Contract } from "../../../src/quality/contract.ts";
import { memoryMeasurementStore } from "../../../src/quality/expectations/memory-measurement-store.ts";
import { memoryQuarantineStore } from "../../../src/quality/memory-quarantine-store.ts";
import type { QuarantineStore, StoredQuarantinedRow } from "../../../src/quality/quarantine-store.ts";
import { memoryProfileStore } from "../../../src/quality/profile/memory-profile-store.ts";
import { validate, type ValidateOptions } from "../../../src/quality/validate.ts";

export interface Bench {
  readonly session: Session;
  readonly artifacts: ArtifactStore;
  readonly quarantine: QuarantineStore;
  /** Writes rows as a dataset; a column without a type is VARCHAR. */
  dataset(columns: readonly (string | Column)[], rows: readonly Readonly<Record<string, unknown>>[]): Promise<Dataset>;
  judge(contract: Contract, dataset: Dataset, options?: ValidateOptions, quarantine?: QuarantineStore): Promise<Judged>;
  close(): void;
}

export interface Judged extends StepResult<Dataset> {
  readonly valid: readonly Row[];
  readonly broken: readonly StoredQuarantinedRow[];
}

export async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-quality-"));
  const session = await openSession({ temporaryFolder: join(folder, "spill") });
  const artifacts = openArtifactStore({ artifacts: join(folder, "artifacts"), temporary: join(folder, "temporary") });
  const quarantine = memoryQuarantineStore();
  let fence = 0;
  return {
    session,
    artifacts,
    quarantine,
    dataset: (columns, rows) =>
      writeRows(
        session,
        artifacts,
        columns.map((column) => (typeof column === "string" ? { name: column, type: "VARCHAR" } : column)),
        [rows as never],
      ),
    judge: async (contract, dataset, options, keeping = quarantine) => {
      const spec = validate({ step: "lines" }, contract, options);
      const context: StepContext = {
        runId: "run",
        pipeline: "shop",
        step: "clean",
        partition: null,
        params: null,
        item: null,
        attempt: 1,
        fence: (fence += 1),
        idempotencyKey: "key",
        inputs: { from: dataset },
        signal: new AbortController().signal,
        log: silentLog,
        clock: manualClock(1),
        folder,
      };
      const result = await spec.execute(context, {
        session: async () => session,
        artifacts,
        quarantine: keeping,
        measurements: memoryMeasurementStore(),
        profiles: memoryProfileStore(),
      });
      return {
        ...result,
        valid: await session.rows(`FROM ${readDataset(result.output)}`),
        broken: await quarantine.show({ pipeline: "shop", partition: null, limit: 1_000_000 }),
      };
    },
    close: () => {
      session.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
