// The Parquet files of an embedded warehouse: a dataset's files are linked into its folder, never read or written again,
// and removed when no table and no reader needs them.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Dataset } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteLiteral } from "../../dataset/sql.ts";
import type { Database } from "../sqlite/database.ts";
import { dataFolder, writableCatalog } from "./catalog.ts";
import { flush, linkOrCopy } from "../file-system/durable-file.ts";

/** How long a file that no table holds any more stays, so that a reader with an older list can finish: an hour. */
export const gracePeriod: number = 60 * 60 * 1000;

/** Names of a dataset's files in the warehouse, by content: the same rows loaded twice are there once. */
export function dataFileNames(dataset: Dataset): string[] {
  return dataset.files.map((_, position) =>
    dataset.files.length === 1 ? `${dataset.hash}.parquet` : `${dataset.hash}-${position}.parquet`,
  );
}

/** Brings the dataset's files into the warehouse, durably; those that are there stay as they are. */
export function bringFiles(folder: string, dataset: Dataset, names: readonly string[]): void {
  const data = dataFolder(folder);
  let changed = false;
  names.forEach((name, position) => {
    const target = join(data, name);
    if (existsSync(target)) return;
    mkdirSync(data, { recursive: true });
    linkOrCopy(dataset.files[position]!, target);
    changed = true;
  });
  if (changed) flush(data);
}

/** Writes the rows of a query as a new file of the warehouse, durably; null, and no file, where there are none. */
export async function writeDataFile(
  folder: string,
  session: Session,
  query: string,
): Promise<{ readonly name: string; readonly rows: number } | null> {
  const data = dataFolder(folder);
  mkdirSync(data, { recursive: true });
  const name = `${randomUUID()}.parquet`;
  const path = join(data, name);
  try {
    const rows = await session.run(`COPY (${query}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
    if (rows === 0) {
      rmSync(path, { force: true });
      return null;
    }
    flush(path);
    flush(data);
    return { name, rows };
  } catch (error) {
    // An interrupted COPY leaves a partial file under the name it was given.
    rmSync(path, { force: true });
    throw error;
  }
}

/**
 * Removes the files that no table has held for the length of the grace period. Returns how many. Loads call it about once
 * per grace period; `now` in milliseconds.
 */
export function collectGarbage(folder: string, now: number, grace: number = gracePeriod): number {
  const catalog = writableCatalog(folder);
  return catalog.transaction(() => removeUnheld(catalog, folder, now, grace));
}

/** Within a write transaction: no load can commit a file that is being removed. */
export function removeUnheld(catalog: Database, folder: string, now: number, grace: number): number {
  const data = dataFolder(folder);
  const names = (query: string, ...values: readonly number[]): Set<string> =>
    new Set((catalog.prepare(query).all(...values) as { name: string }[]).map((row) => row.name));
  const kept = names("SELECT name FROM files UNION SELECT name FROM released WHERE at > ?", now - grace);
  let removed = 0;
  for (const name of existsSync(data) ? readdirSync(data) : []) {
    if (kept.has(name)) continue;
    const path = join(data, name);
    // A load that has brought its file may not have committed yet: the change time is that of the link.
    if ((statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) > now - grace) continue;
    rmSync(path, { force: true });
    removed += 1;
  }
  catalog.prepare("DELETE FROM released WHERE at <= ?").run(now - grace);
  catalog
    .prepare(
      "INSERT INTO upkeep (id, collected_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET collected_at = excluded.collected_at",
    )
    .run(now);
  return removed;
}
