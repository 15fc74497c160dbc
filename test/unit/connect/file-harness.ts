// What tests of file sources share: a folder with files, a session, and a reading with what it has set aside.
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { RejectedRow } from "../../../src/connect/rejected-rows.ts";
import type { Source, SourceAdapter, SourceContext } from "../../../src/connect/source.ts";
import type { Dataset } from "../../../src/dataset/dataset.ts";
import { openSession, type Row } from "../../../src/dataset/session.ts";
import { readDataset } from "../../../src/dataset/write-dataset.ts";
import type { SluiceError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { temporaryArtifacts } from "../../conformance/sink.ts";

export interface Reading {
  readonly dataset: Dataset;
  readonly rows: readonly Row[];
  readonly rejected: readonly RejectedRow[];
}

export interface FileHarness {
  readonly folder: string;
  readonly context: SourceContext;
  readonly artifactFolder: string;
  put(name: string, content: string | Buffer): void;
  /** Reads, and checks that nothing but the dataset is left behind and that nothing was lost. */
  read(source: Source, adapter: SourceAdapter): Promise<Reading>;
  /** The error of reading; it is one line with a hint, and nothing was left behind. */
  failure(source: Source, adapter: SourceAdapter): Promise<SluiceError>;
  dispose(): Promise<void>;
}

export async function fileHarness(): Promise<FileHarness> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-files-"));
  const artifacts = temporaryArtifacts();
  const session = await openSession({ temporaryFolder: folder });
  const rejected: RejectedRow[] = [];
  const context: SourceContext = {
    folder,
    home: folder,
    signal: new AbortController().signal,
    log: silentLog,
    clock: systemClock,
    artifacts,
    session: async () => session,
    resolve: String,
    reject: async (_what, rows) => {
      for await (const batch of rows) rejected.push(...batch);
      return rejected.length;
    },
  };
  const leftBehind = (): string[] =>
    readdirSync(artifacts.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".parquet"))
      .map(({ name }) => name);
  return {
    folder,
    context,
    artifactFolder: artifacts.folder,
    put: (name, content) => writeFileSync(join(folder, name), content),
    read: async (source, adapter) => {
      rejected.length = 0;
      const dataset = await adapter(source, context);
      const rows = await session.rows(`SELECT * FROM ${readDataset(dataset)}`);
      expect(rows.length).toBe(dataset.rows);
      expect(dataset.quarantined ?? 0).toBe(rejected.length);
      expect(leftBehind()).toEqual([]);
      return { dataset, rows, rejected: [...rejected] };
    },
    failure: async (source, adapter) => {
      rejected.length = 0;
      const error = await adapter(source, context).then(
        () => undefined,
        (thrown: unknown) => thrown as SluiceError,
      );
      expect(error, "it should have failed").toBeDefined();
      expect(error!.message).not.toContain("\n");
      expect(error!.hint).toBeTruthy();
      expect(leftBehind()).toEqual([]);
      return error!;
    },
    dispose: async () => {
      session.close();
      await artifacts.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
