// Loads datasets into tables of files: the files first, then one new manifest that names them. Two loads at once are one after
// the other, because a number is given once.
import { rm } from "node:fs/promises";
import type { LoadRequest, Sink, SinkContext, Table, TableColumn } from "../../connect/sink.ts";
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier, quoteLiteral } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import { applyLoad, grownColumns, type Manifest } from "./manifest.ts";
import { relation } from "./read.ts";
import type { TableStorage } from "./storage.ts";

/** How long a file that no manifest holds any more stays, so that a reader with an older manifest can finish: an hour. */
const gracePeriod = 60 * 60 * 1000;

/** Files are looked through for ones that can go with every so many loads. */
const collectEvery = 20;

/** How tables of a connection are stored, and where their files can be read. */
export interface TablePlace {
  readonly storage: TableStorage;
  readonly format: string;
  /** Calls `read` with local paths of the files, by their names. */
  reading<T>(manifest: Manifest, read: (path: (name: string) => string) => Promise<T>): Promise<T>;
  /** A path for a local file in the making. */
  temporary(suffix: string): string;
}

export function createFilesSink(open: (table: Table, context: SinkContext) => Promise<TablePlace>): Sink {
  return {
    capabilities: { writes: ["append", "replace", "replace-partition"], effect: "exactly-once", widens: false },
    load: async (request, context) => {
      context.signal.throwIfAborted();
      return load(request, await open(request.table, context), context);
    },
    columns: async (table, offered, context) => {
      const manifest = await (await open(table, context)).storage.latest();
      return manifest?.columns.map((column) => tableColumn(column, offered)) ?? null;
    },
    position: async (table, reader, context) =>
      (await (await open(table, context)).storage.latest())?.positions[reader] ?? null,
    sample: async (table, columns, limit, context) => {
      const place = await open(table, context);
      const manifest = await place.storage.latest();
      if (manifest === null) return [];
      const names = columns.map((name) => quoteIdentifier(name)).join(", ");
      const session = await context.session();
      return place.reading(manifest, (path) =>
        session.rows(`SELECT ${names} FROM (${relation(manifest, path)}) LIMIT ${limit}`),
      );
    },
  };
}

/** Rows may lack a column of the table as little as they may have it in another type. */
function tableColumn({ name, type }: Column, offered: readonly Column[]): TableColumn {
  const other = offered.find((column) => column.name === name);
  return { name, type, native: type, optional: false, fits: other === undefined ? null : other.type === type };
}

async function load(
  request: LoadRequest,
  place: TablePlace,
  context: SinkContext,
): Promise<{ readonly loaded: number }> {
  const { storage } = place;
  for (let tries = 0; tries < 100; tries += 1) {
    context.signal.throwIfAborted();
    const before = await storage.latest();
    const done = before?.loads.some(({ key }) => key === request.loadKey) ?? false;
    // The files come first: what a manifest names is there.
    const names = done ? [] : await bringFiles(request, place, before, context);
    const { loaded, next } = applyLoad(before, request, names);
    if (next !== null) {
      if (!(await storage.commit(next))) continue;
      const now = await storage.latest();
      if (now!.number !== next.number && !now!.loads.some(({ key }) => key === request.loadKey)) {
        // Held up for so long that the number had been given and cleared away.
        await storage.withdraw(next);
        continue;
      }
    }
    // Also after a replay: the attempt before may have died in between.
    const shown = await publishNewest(storage);
    if (next !== null && next.number % collectEvery === 0) await storage.collect(shown, gracePeriod);
    return { loaded };
  }
  throw new SluiceError(
    "SINK_UNAVAILABLE",
    `${request.table.connection.name}.${request.table.name} is loaded too often at once: a hundred other loads were faster`,
    {
      hint: "Try again, with fewer loads of the table at a time.",
      retryable: true,
    },
  );
}

/** Until nothing newer has come: of two loads at once, the slower one shows both. */
async function publishNewest(storage: TableStorage): Promise<Manifest> {
  for (let shown = (await storage.latest())!; ;) {
    await storage.publish(shown);
    const newest = (await storage.latest())!;
    if (newest.number === shown.number) return shown;
    shown = newest;
  }
}

async function bringFiles(
  { table, dataset }: LoadRequest,
  place: TablePlace,
  before: Manifest | null,
  context: SinkContext,
): Promise<string[]> {
  const columns = grownColumns(before?.columns ?? [], table, dataset);
  if (dataset.rows === 0 || dataset.files.length === 0) return [];
  if (place.format === "parquet") {
    const names = dataset.files.map((_, position) =>
      dataset.files.length === 1 ? `${dataset.hash}.parquet` : `${dataset.hash}-${position}.parquet`,
    );
    for (const [position, path] of dataset.files.entries()) await place.storage.bring(names[position]!, path);
    return names;
  }
  // In the order of the table, which other files follow too; the name says which, should the same rows come in another one.
  const name = `${dataset.hash}-${columns.length}.${place.format}`;
  const path = place.temporary(`.${place.format}`);
  // A decimal as a JSON number would become a double on its way into the file.
  const selected = columns
    .map(({ name: column, type }) =>
      place.format === "jsonl" && type.startsWith("DECIMAL")
        ? `CAST(${quoteIdentifier(column)} AS VARCHAR) AS ${quoteIdentifier(column)}`
        : quoteIdentifier(column),
    )
    .join(", ");
  const options = place.format === "csv" ? "FORMAT csv, HEADER true" : "FORMAT json";
  try {
    const session = await context.session();
    await session.run(`COPY (SELECT ${selected} FROM ${readDataset(dataset)}) TO ${quoteLiteral(path)} (${options})`);
    await place.storage.bring(name, path);
  } finally {
    await rm(path, { force: true });
  }
  return [name];
}
