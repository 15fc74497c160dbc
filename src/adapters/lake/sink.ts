// Loads a dataset into the embedded warehouse. The rows are not read again: their files are linked into the warehouse,
// and one transaction of the catalog makes them the table's.
import { checkUnmoved } from "../../connect/position.ts";
import type { LoadRequest, Sink, SinkContext, Table, TableColumn } from "../../connect/sink.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Database } from "../sqlite/database.ts";
import { lakeFolder, noPartition, withCatalog, writableCatalog } from "./catalog.ts";
import { bringFiles, dataFileNames, gracePeriod, removeUnheld } from "./data-files.ts";
import { lakeRelation, lakeTables } from "./read.ts";

/** Loads into tables of the vendor "lake". */
export const lakeSink: Sink = {
  capabilities: { writes: ["append", "replace", "replace-partition"], effect: "exactly-once", widens: false },
  load: loadFiles,
  columns: async (table, offered, context) =>
    withCatalog(
      lakeFolder(table.connection, context),
      (catalog) => knownColumns(catalog, table)?.map((column) => tableColumn(column, offered)) ?? null,
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
    const before = earlierLoad(catalog, request);
    if (before === null) checkFence(catalog, request);
    raiseFence(catalog, request);
    if (before !== null) return before;
    storePositions(catalog, request);
    const columns = grownColumns(catalog, request);
    // Garbage collection may have come between: it can't now.
    bringFiles(folder, request.dataset, names);
    replaceRows(catalog, request, now);
    addFiles(catalog, request, names, columns.length);
    catalog
      .prepare("INSERT INTO _sluice_loads (table_name, load_key, partition, fence, rows, at) VALUES (?, ?, ?, ?, ?, ?)")
      .run(
        request.table.name,
        request.loadKey,
        request.partition ?? noPartition,
        request.fence,
        request.dataset.rows,
        now,
      );
    return request.dataset.rows;
  });
  const upkeep = catalog.prepare("SELECT collected_at FROM upkeep").get() as { collected_at: number } | undefined;
  if ((upkeep?.collected_at ?? 0) < now - gracePeriod)
    catalog.transaction(() => removeUnheld(catalog, folder, now, gracePeriod));
  return { loaded };
}

function positionIn(catalog: Database, table: string, reader: string): Json {
  const row = catalog
    .prepare("SELECT position FROM _sluice_positions WHERE table_name = ? AND reader = ?")
    .get(table, reader) as { position: string } | undefined;
  return row === undefined ? null : (JSON.parse(row.position) as Json);
}

function storePositions(catalog: Database, { table, positions = [] }: LoadRequest): void {
  for (const position of positions) {
    checkUnmoved(positionIn(catalog, table.name, position.reader), position);
    catalog
      .prepare(
        `INSERT INTO _sluice_positions (table_name, reader, position) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET position = excluded.position`,
      )
      .run(table.name, position.reader, JSON.stringify(position.to));
  }
}

function earlierLoad(catalog: Database, { table, loadKey }: LoadRequest): number | null {
  const row = catalog
    .prepare("SELECT rows FROM _sluice_loads WHERE table_name = ? AND load_key = ?")
    .get(table.name, loadKey);
  return row === undefined ? null : (row as { rows: number }).rows;
}

function checkFence(catalog: Database, { table, partition, fence }: LoadRequest): void {
  const where = partition ?? noPartition;
  const seen = catalog
    .prepare("SELECT fence FROM fences WHERE table_name = ? AND partition = ?")
    .get(table.name, where) as { fence: number } | undefined;
  if (seen !== undefined && fence < seen.fence) {
    const what = partition === null ? tableName(table) : `partition ${partition} of ${tableName(table)}`;
    throw new SluiceError("FENCED", `A newer run has loaded ${what}; this one wrote nothing`, {
      hint: "Nothing is lost: the newer run's rows stand.",
      details: { table: tableName(table), partition, fence, highest: seen.fence },
    });
  }
}

/** A replay counts as seen too: whoever is older than it has been overtaken. */
function raiseFence(catalog: Database, { table, partition, fence }: LoadRequest): void {
  catalog
    .prepare(
      `INSERT INTO fences (table_name, partition, fence) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET fence = max(fence, excluded.fence)`,
    )
    .run(table.name, partition ?? noPartition, fence);
}

function knownColumns(catalog: Database, table: Table): readonly Column[] | null {
  const row = catalog.prepare("SELECT columns FROM tables WHERE name = ?").get(table.name) as
    | { columns: string }
    | undefined;
  return row === undefined ? null : (JSON.parse(row.columns) as Column[]);
}

/** The table's columns after this load: those it has, then those that are new. */
function grownColumns(catalog: Database, { table, dataset }: LoadRequest): readonly Column[] {
  const known = knownColumns(catalog, table) ?? [];
  for (const column of known) {
    const offered = dataset.columns.find(({ name }) => name === column.name);
    if (offered === undefined) {
      throw schemaError(
        table,
        `column "${column.name}" (${column.type}) is missing from the rows`,
        dataset,
        "Add it, as null if need be, or load into another table.",
      );
    }
    if (offered.type !== column.type) {
      throw schemaError(
        table,
        `column "${column.name}" is ${column.type} there and ${offered.type} in the rows`,
        dataset,
        "Cast it in a transform, or load into another table.",
      );
    }
  }
  const columns = [...known, ...dataset.columns.filter(({ name }) => !known.some((column) => column.name === name))];
  const twice = columns.find(
    ({ name }, position) => columns.findIndex((other) => other.name.toLowerCase() === name.toLowerCase()) < position,
  );
  if (twice !== undefined) {
    throw schemaError(
      table,
      `two columns would be named "${twice.name}"`,
      dataset,
      "Rename one of them; upper and lower case count as the same.",
    );
  }
  if (columns.length > known.length) {
    catalog
      .prepare("INSERT INTO tables (name, columns) VALUES (?, ?) ON CONFLICT DO UPDATE SET columns = excluded.columns")
      .run(table.name, JSON.stringify(columns));
  }
  return columns;
}

function schemaError(table: LoadRequest["table"], what: string, dataset: Dataset, hint: string): SluiceError {
  return new SluiceError("SINK_SCHEMA", `The rows do not fit ${tableName(table)}: ${what}`, {
    hint,
    details: { table: tableName(table), columns: dataset.columns },
  });
}

function replaceRows(catalog: Database, { table, write, partition }: LoadRequest, now: number): void {
  if (write === "append") return;
  const [where, values] =
    write === "replace"
      ? ["table_name = ?", [table.name]]
      : ["table_name = ? AND partition = ?", [table.name, partition!]];
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

function tableName({ connection, name }: LoadRequest["table"]): string {
  return `${connection.name}.${name}`;
}
