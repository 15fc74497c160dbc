// Reads rows that a run has left in a state folder: of datasets, of tables of embedded warehouses, of quarantine. For tests
// of pipelines, where there are few; everything is read whole.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openArtifactStore } from "../adapters/file-system/artifact-store.ts";
import { lakeRelation, lakeTables } from "../adapters/lake/read.ts";
import { openQuarantineStore } from "../adapters/sqlite/quarantine-store.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { LoadResult } from "../dataset/load-result.ts";
import { openSession, type Session } from "../dataset/session.ts";
import { readDataset } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import type { StoredQuarantinedRow } from "../quality/quarantine-store.ts";
import { homeAt } from "./home.ts";
import { jsonValue } from "./query-values.ts";
import { outputReader } from "./spilled-output.ts";

/** A row as JSON: an integer that a number can't hold exactly and a decimal are strings, times are in ISO 8601. */
export type DatasetRow = Readonly<Record<string, unknown>>;

export interface RowReader {
  /** An output as the step returned it, however it is kept. */
  output(kept: unknown): Promise<unknown>;
  /** The rows of a dataset, or of the table that was loaded into; null for any other output. */
  rowsBehind(output: unknown): Promise<DatasetRow[] | null>;
  /** The rows of a table of an embedded warehouse: CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE. */
  table(name: string): Promise<DatasetRow[]>;
  quarantine(pipeline: string, step: string | undefined): Promise<StoredQuarantinedRow[]>;
  close(): void;
}

export function openRowReader(homeFolder: string): RowReader {
  const home = homeAt(homeFolder);
  const outputs = outputReader(openArtifactStore({ artifacts: home.artifacts, temporary: home.temporary }));
  let session: Promise<Session> | null = null;
  const rowsOf = async (query: string): Promise<DatasetRow[]> => {
    session ??= openSession({ temporaryFolder: home.temporary });
    const { connection } = await session;
    const result = await connection.runAndReadAll(query);
    return result.convertRowObjects(jsonValue) as DatasetRow[];
  };
  const table = async (name: string): Promise<DatasetRow[]> => {
    const [connection = "", ...path] = name.split(".");
    const tables = lakeTables(join(home.folder, "lake", connection));
    const found = tables.find((candidate) => candidate.name === path.join("."));
    if (found !== undefined) return rowsOf(lakeRelation(found));
    throw new SluiceError("NOT_FOUND", `Nothing was loaded into "${name}"`, {
      hint:
        tables.length === 0
          ? "Name a table as CONNECTION.TABLE, such as warehouse.orders."
          : `There is ${tables.map((candidate) => `${connection}.${candidate.name}`).join(", ")}.`,
    });
  };
  return {
    output: (kept) => outputs.read(kept),
    rowsBehind: async (output) => {
      if (isOfKind<Dataset>(output, "dataset")) return rowsOf(`SELECT * FROM ${readDataset(output)}`);
      if (isOfKind<LoadResult>(output, "load-result")) return table(output.asset);
      return null;
    },
    table,
    quarantine: async (pipeline, step) => {
      if (!existsSync(home.quarantine)) return [];
      const store = openQuarantineStore(home.quarantine, { readOnly: true });
      try {
        const filter = step === undefined ? { pipeline } : { pipeline, step };
        return await store.show({ ...filter, limit: Number.MAX_SAFE_INTEGER });
      } finally {
        store.close();
      }
    },
    close: () => void session?.then((opened) => opened.close()),
  };
}

function isOfKind<T extends { readonly kind: string }>(value: unknown, kind: T["kind"]): value is T {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}
