// Loads a dataset into the embedded warehouse. The rows that are added are not read again: their files are linked into the
// warehouse. Rows that are matched by key are written anew, as merge.ts says. Either way one transaction of the catalog makes
// the files the table's.
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { LoadRequest, Sink, SinkContext, TableColumn } from "../../connect/sink.ts";
import type { Merge, Retain } from "../../connect/write-disposition.ts";
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import type { Database } from "../sqlite/database.ts";
import { isOwn } from "../sql-load/own-columns.ts";
import { stagedRows } from "../sql-load/staged-rows.ts";
import { dataFolder, lakeFolder, noPartition, withCatalog, writableCatalog } from "./catalog.ts";
import { bringFiles, dataFileNames, gracePeriod, removeUnheld } from "./data-files.ts";
import { checkFence, earlierLoad, enter, positionIn, record } from "./ledger.ts";
import { rewrite, type Rewriting, type TableFile } from "./merge.ts";
import { lakeRelation, lakeTables } from "./read.ts";
import { grownColumns, keepColumns, knownColumns, schemaError, tableName } from "./table-columns.ts";

/** Loads into tables of the vendor "lake". */
export const lakeSink: Sink = {
  capabilities: {
    writes: ["append", "replace", "replace-partition", "upsert", "delete-insert", "insert-only", "scd2", "retain"],
    effect: "exactly-once",
    widens: false,
  },
  load: (request, context) =>
    typeof request.write === "string" ? loadFiles(request, context) : loadByKey(request, request.write, context),
  columns: async (table, offered, context) =>
    withCatalog(
      lakeFolder(table.connection, context),
      (catalog) =>
        knownColumns(catalog, table.name)
          ?.filter(({ name }) => !isOwn(name))
          .map((column) => tableColumn(column, offered)) ?? null,
    ),
  position: async (table, reader, context) =>
    withCatalog(lakeFolder(table.connection, context), (catalog) => positionIn(catalog, table.name, reader)),
  sample: async (table, columns, limit, context) => {
    const present = lakeTables(lakeFolder(table.connection, context)).find(({ name }) => name === table.name);
    if (present === undefined) return [];
    const names = columns.map((name) => quoteIdentifier(name)).join(", ");
    return (await context.session()).rows(`SELECT ${names} FROM (${lakeRelation(present)}) LIMIT ${limit}`);
  },
};

/** Rows may lack a column of the table as little as they may have it in another type. */
function tableColumn({ name, type }: Column, offered: readonly Column[]): TableColumn {
  const other = offered.find((column) => column.name === name);
  return { name, type, native: type, optional: false, fits: other === undefined ? null : other.type === type };
}

async function loadFiles(request: LoadRequest, context: SinkContext): Promise<{ readonly loaded: number }> {
  context.signal.throwIfAborted();
  const folder = lakeFolder(request.table.connection, context);
  const catalog = writableCatalog(folder);
  const names = dataFileNames(request.dataset);
  // Before the transaction, for a copy can take long; nothing refers to the files yet.
  bringFiles(folder, request.dataset, names);
  const now = Date.now();
  const loaded = catalog.transaction(() => {
    const before = enter(catalog, request);
    if (before !== null) return before;
    const known = knownColumns(catalog, request.table.name);
    const columns = grownColumns(known, request.dataset.columns, request);
    keepColumns(catalog, request.table.name, columns, known);
    // Garbage collection may have come between: it can't now.
    bringFiles(folder, request.dataset, names);
    replaceRows(catalog, request, now);
    addFiles(catalog, request, names, columns.length);
    record(catalog, request, request.dataset.rows, now);
    return request.dataset.rows;
  });
  keepHouse(catalog, folder, now);
  return { loaded };
}

/** How often a load by key begins again because another load of its table was faster. */
const mostTries = 100;

async function loadByKey(
  request: LoadRequest,
  write: Merge | Retain,
  context: SinkContext,
): Promise<{ readonly loaded: number }> {
  context.signal.throwIfAborted();
  const folder = lakeFolder(request.table.connection, context);
  const catalog = writableCatalog(folder);
  const staged = await stagedRows(request, context.session);
  const session = await context.session();
  const table = `sluice_staged_${randomUUID().replaceAll("-", "")}`;
  await session.run(`CREATE TEMP TABLE ${table} AS SELECT * FROM ${staged.rows}`);
  try {
    for (let tries = 1; ; tries += 1) {
      context.signal.throwIfAborted();
      const before = catalog.snapshot(() => {
        const earlier = earlierLoad(catalog, request);
        if (earlier === null) checkFence(catalog, request);
        return { earlier, known: knownColumns(catalog, request.table.name), files: filesOf(catalog, folder, request) };
      });
      const columns =
        write.by === "merge"
          ? grownColumns(before.known, staged.columns, request)
          : keyColumns(before.known, request, write);
      const nothing: Rewriting = { gone: [], come: [], loaded: 0 };
      const isDone = before.earlier !== null || columns === null;
      const rewriting = isDone
        ? nothing
        : await rewrite({ folder, session, request, staged, files: before.files, columns }, table);
      const loaded = catalog.transaction(() => {
        // The new files say what the table is to be if it still is what it was.
        const now = [knownColumns(catalog, request.table.name), filesOf(catalog, folder, request)];
        const moved = JSON.stringify(now) !== JSON.stringify([before.known, before.files]);
        if (moved && earlierLoad(catalog, request) === null) return null;
        return enter(catalog, request) ?? commit(catalog, request, rewriting, columns, before.known);
      });
      if (loaded === null) {
        for (const { name } of rewriting.come) rmSync(join(dataFolder(folder), name), { force: true });
        if (tries < mostTries) continue;
        throw new SluiceError("SINK_UNAVAILABLE", `${tableName(request.table)} was loaded by others again and again`, {
          retryable: true,
          hint: "Nothing was written. Load it again.",
        });
      }
      keepHouse(catalog, folder, Date.now());
      return { loaded };
    }
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${table}`);
  }
}

function commit(
  catalog: Database,
  request: LoadRequest,
  { gone, come, loaded }: Rewriting,
  columns: readonly Column[] | null,
  known: readonly Column[] | null,
): number {
  const now = Date.now();
  if (columns !== null) keepColumns(catalog, request.table.name, columns, known);
  for (const { id } of gone) release(catalog, "id = ?", [id], now);
  const insert = catalog.prepare(
    "INSERT INTO files (table_name, partition, name, rows, column_count) VALUES (?, ?, ?, ?, ?)",
  );
  for (const { partition, name, rows } of come)
    insert.run(request.table.name, partition, name, rows, columns?.length ?? 0);
  record(catalog, request, loaded, now);
  return loaded;
}

/** Which columns there are for keys to be retained; null where there is no table. Throws SINK_SCHEMA where one lacks. */
function keyColumns(known: readonly Column[] | null, request: LoadRequest, { key }: Retain): readonly Column[] | null {
  if (known === null) return null;
  const offered = request.dataset.columns.filter(({ name }) => key.includes(name));
  const other = offered.find(({ name, type }) => !known.some((column) => column.name === name && column.type === type));
  if (other !== undefined) {
    throw schemaError(
      request.table,
      `there is no column "${other.name}" of type ${other.type}, by which rows are to be retained`,
      request.dataset,
      "Give the list of keys the names and types that the table's columns have.",
    );
  }
  grownColumns(known, known, request);
  return known;
}

function filesOf(catalog: Database, folder: string, { table }: LoadRequest): readonly TableFile[] {
  const rows = catalog
    .prepare("SELECT id, partition, name, column_count FROM files WHERE table_name = ? ORDER BY id")
    .all(table.name) as { id: number; partition: string; name: string; column_count: number }[];
  return rows.map(({ id, partition, name, column_count: columnCount }) => ({
    id,
    partition,
    path: join(dataFolder(folder), name),
    columnCount,
  }));
}

function keepHouse(catalog: Database, folder: string, now: number): void {
  const upkeep = catalog.prepare("SELECT collected_at FROM upkeep").get() as { collected_at: number } | undefined;
  if ((upkeep?.collected_at ?? 0) < now - gracePeriod)
    catalog.transaction(() => removeUnheld(catalog, folder, now, gracePeriod));
}

function replaceRows(catalog: Database, { table, write, partition }: LoadRequest, now: number): void {
  if (write === "append") return;
  const [where, values] =
    write === "replace"
      ? ["table_name = ?", [table.name]]
      : ["table_name = ? AND partition = ?", [table.name, partition!]];
  release(catalog, where, values, now);
}

/** Lets go of files; they stay for readers with an older list. */
function release(catalog: Database, where: string, values: readonly (string | number)[], now: number): void {
  catalog
    .prepare(
      `INSERT INTO released (name, at) SELECT DISTINCT name, ? FROM files WHERE ${where}
       ON CONFLICT DO UPDATE SET at = excluded.at`,
    )
    .run(now, ...values);
  catalog.prepare(`DELETE FROM files WHERE ${where}`).run(...values);
}

function addFiles(
  catalog: Database,
  { table, partition, dataset }: LoadRequest,
  names: readonly string[],
  columnCount: number,
): void {
  const insert = catalog.prepare(
    "INSERT INTO files (table_name, partition, name, rows, column_count) VALUES (?, ?, ?, ?, ?)",
  );
  // Row counts are kept per load; with several files they stand with the first.
  names.forEach((name, position) =>
    insert.run(table.name, partition ?? noPartition, name, position === 0 ? dataset.rows : 0, columnCount),
  );
}
