// Rows into Parquet: from a query, or from batches of objects. The file appears whole or not at all.
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { SluiceError } from "../errors.ts";
import { contentHash } from "../json.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { Column, Dataset } from "./dataset.ts";
import type { Session } from "./session.ts";
import { quoteIdentifier, quoteLiteral, quotePath } from "./sql.ts";

export interface WriteOptions {
  /** The query's columns where they are known: it saves planning it twice. */
  readonly columns?: readonly Column[];
  /** At most so many rows are coming, where that is known. */
  readonly maxRows?: number;
  /**
   * For a query that reads what is still arriving: how many rows were sent, once they all are. When it fails, or other than so
   * many were written, so does this, and keeps nothing.
   */
  readonly complete?: Promise<number>;
}

/** Up to so many rows, setting up the stronger compression costs more than writing them. */
const smallRows = 50_000;

/** Writes the result of `query` (SQL text) as a dataset. */
export async function writeQuery(
  session: Session,
  artifacts: ArtifactStore,
  query: string,
  options: WriteOptions = {},
): Promise<Dataset> {
  const path = artifacts.temporary(".parquet");
  const compression = (options.maxRows ?? Infinity) <= smallRows ? "snappy" : "zstd";
  try {
    const planned = options.columns ?? (await session.describe(query));
    const columns = planned.map(storable);
    const exact = columns.every((column, position) => column === planned[position]) ? query : castQuery(query, columns);
    const rows = await session.run(
      `COPY (${exact}\n) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION ${compression})`,
    );
    const sent = await options.complete;
    if (sent !== undefined && sent !== rows)
      throw new SluiceError("INTERNAL", `Of ${sent} rows that were read, ${rows} were written`);
    return { kind: "dataset", columns, rows, ...(await keepAll(artifacts, [path])) };
  } catch (error) {
    // An interrupted COPY leaves a partial file under the name it was given.
    await rm(path, { force: true });
    throw error;
  }
}

/** Parquet has no 128-bit integers, and the engine would round them to doubles; decimals keep every digit. */
function storable(column: Column): Column {
  return /^U?HUGEINT$/.test(column.type) ? { name: column.name, type: "DECIMAL(38,0)" } : column;
}

function castQuery(query: string, columns: readonly Column[]): string {
  const casts = columns.map(
    ({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`,
  );
  return `SELECT ${casts.join(", ")} FROM (${query}\n)`;
}

type Batch = readonly Readonly<Record<string, unknown>>[];

/** Rows in one engine vector; larger batches are cut to it. */
const vectorSize = 2048;

/**
 * Writes batches of row objects as a dataset, in bounded memory. A missing key is null. Values travel as text and
 * are cast to the column's type by the engine, so that 64-bit integers, decimals and times keep every digit.
 * `settled` gives the columns again, with their final types, where those are known only once all rows were seen.
 */
export async function writeRows(
  session: Session,
  artifacts: ArtifactStore,
  columns: readonly Column[],
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  settled: () => readonly Column[] = () => columns,
): Promise<Dataset> {
  const { DuckDBDataChunk, VARCHAR } = await import("@duckdb/node-api");
  const table = `rows_${randomUUID().replaceAll("-", "")}`;
  const types = columns.map(() => VARCHAR);
  let count = 0;
  await session.run(
    `CREATE TEMP TABLE ${table} (${columns.map((column) => `${quoteIdentifier(column.name)} VARCHAR`).join(", ")})`,
  );
  try {
    const appender = await session.connection.createAppender(table);
    try {
      for await (const batch of batches) {
        count += batch.length;
        for (let start = 0; start < batch.length; start += vectorSize) {
          const slice = batch.slice(start, start + vectorSize);
          const chunk = DuckDBDataChunk.create(types, slice.length);
          columns.forEach((column, position) =>
            chunk.setColumnValues(
              position,
              slice.map((row) => textOf(row[column.name])),
            ),
          );
          appender.appendDataChunk(chunk);
        }
      }
    } finally {
      appender.closeSync();
    }
    const final = settled();
    const casts = final.map((column) => {
      const name = quoteIdentifier(column.name);
      return column.type === "VARCHAR" ? name : `CAST(${name} AS ${column.type}) AS ${name}`;
    });
    return await writeQuery(session, artifacts, `SELECT ${casts.join(", ")} FROM ${table}`, {
      columns: final,
      maxRows: count,
    });
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${table}`);
  }
}

/** SQL text that reads a dataset's rows: `(SELECT … )`, fit for a FROM clause. An empty file list reads as no rows. */
export function readDataset(dataset: Dataset): string {
  if (dataset.files.length === 0) {
    const columns = dataset.columns.map((column) => `CAST(NULL AS ${column.type}) AS ${quoteIdentifier(column.name)}`);
    return `(SELECT ${columns.join(", ")} WHERE false)`;
  }
  return `read_parquet([${dataset.files.map((path) => quotePath(path)).join(", ")}])`;
}

async function keepAll(
  artifacts: ArtifactStore,
  paths: readonly string[],
): Promise<Pick<Dataset, "files" | "bytes" | "hash">> {
  const kept = await Promise.all(paths.map((path) => artifacts.keep(path)));
  return {
    files: kept.map((artifact) => artifact.path),
    bytes: kept.reduce((sum, artifact) => sum + artifact.bytes, 0),
    hash: kept.length === 1 ? kept[0]!.hash : contentHash(kept.map((artifact) => artifact.hash)),
  };
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
