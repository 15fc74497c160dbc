// Which rows of a dataset are sent to a destination: what depends on the rows alone is done by the columnar engine, the same
// for every destination. Of repeated keys one row is left, and a row without its key refuses the load before anything is written.
import type { LoadRequest } from "../../connect/sink.ts";
import type { Merge, Retain } from "../../connect/write-disposition.ts";
import type { Column, Dataset } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { readDataset } from "../../dataset/write-dataset.ts";
import { SluiceError } from "../../errors.ts";
import { deletedColumn, loadedColumns } from "./own-columns.ts";

export interface StagedRows {
  /** The columns that are loaded. */
  readonly columns: readonly Column[];
  /** Is there, after these columns, a BOOLEAN `_sluice_deleted`? */
  readonly marksDeleted: boolean;
  /** FROM item of the engine, in parentheses, with the columns above. */
  readonly rows: string;
}

/** Throws SINK_KEY for rows without a key, SINK_SCHEMA for columns that the disposition names and the rows lack. */
export async function stagedRows(request: LoadRequest, session: () => Promise<Session>): Promise<StagedRows> {
  const { write, dataset } = request;
  if (typeof write === "string") {
    const columns = loadedColumns(dataset.columns, null);
    return { columns, marksDeleted: false, rows: `(SELECT ${list(columns)} FROM ${readDataset(dataset)})` };
  }
  for (const name of write.key) requireColumn(request, name, "is in the key");
  if (dataset.rows > 0) await checkKey(request, write, await session());
  return write.by === "merge" ? mergedRows(request, write, session) : keysOnly(request, write);
}

async function mergedRows(
  request: LoadRequest,
  { strategy, key, latest, deleted }: Merge,
  session: () => Promise<Session>,
): Promise<StagedRows> {
  const { dataset } = request;
  if (latest !== null) requireColumn(request, latest, "says which row is the latest");
  if (deleted !== null && requireColumn(request, deleted, "marks deleted rows").type !== "BOOLEAN") {
    throw misfit(
      request,
      `the column "${deleted}", which marks deleted rows, is not BOOLEAN`,
      "Cast it in a transform.",
    );
  }
  const columns = loadedColumns(dataset.columns, deleted);
  const marksDeleted = deleted !== null;
  const mark = deleted === null ? "" : `, coalesce(${quoteIdentifier(deleted)}, false) AS ${deletedColumn}`;
  const rows = `SELECT ${list(columns)}${mark} FROM`;
  const all = readDataset(dataset);
  const keys = key.map((name) => quoteIdentifier(name)).join(", ");
  if (strategy === "delete-insert" || dataset.rows === 0 || !(await hasRepeats(dataset, keys, await session())))
    return { columns, marksDeleted, rows: `(${rows} ${all})` };
  const latestType = dataset.columns.find(({ name }) => name === latest)?.type ?? "";
  const order = latest === null ? "" : `${comparable(latest, latestType)} DESC NULLS LAST, `;
  // Only keys are put in order: whole rows would take memory for all of them.
  const winners = `SELECT _sluice_row FROM (SELECT *, row_number() OVER () AS _sluice_row FROM ${all})
    QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY ${order}_sluice_row DESC) = 1`;
  const numbered = `(SELECT *, row_number() OVER () AS _sluice_row FROM ${all})`;
  return { columns, marksDeleted, rows: `(${rows} ${numbered} WHERE _sluice_row IN (${winners}))` };
}

/** So many keys are held against each other at once. */
const mostKeys = 2_000_000;

async function hasRepeats(dataset: Dataset, keys: string, session: Session): Promise<boolean> {
  const passes = Math.ceil(dataset.rows / mostKeys);
  for (let pass = 0; pass < passes; pass += 1) {
    const part = passes === 1 ? "" : `WHERE hash(${keys}) % ${passes} = ${pass}`;
    const rows = await session.rows(
      `SELECT 1 AS one FROM ${readDataset(dataset)} ${part} GROUP BY ${keys} HAVING count(*) > 1 LIMIT 1`,
    );
    if (rows.length > 0) return true;
  }
  return false;
}

function keysOnly({ dataset }: LoadRequest, { key }: Retain): StagedRows {
  const columns = dataset.columns.filter(({ name }) => key.includes(name));
  return { columns, marksDeleted: false, rows: `(SELECT DISTINCT ${list(columns)} FROM ${readDataset(dataset)})` };
}

async function checkKey(request: LoadRequest, { key }: Merge | Retain, session: Session): Promise<void> {
  const columns = key.map((name) => request.dataset.columns.find((column) => column.name === name)!);
  const missing = columns.map(({ name, type }) => `${comparable(name, type)} IS NULL`);
  const counts = missing.map((condition, position) => `count(*) FILTER (${condition}) AS c${position}`);
  const [row] = await session.rows(
    `SELECT count(*) FILTER (${missing.join(" OR ")}) AS n, ${counts.join(", ")} FROM ${readDataset(request.dataset)}`,
  );
  if (Number(row!["n"]) === 0) return;
  const name = key.find((_, position) => Number(row![`c${position}`]) > 0)!;
  throw new SluiceError(
    "SINK_KEY",
    `${row!["n"] as string} of ${request.dataset.rows} rows for ${assetOf(request)} have no value in "${name}", by which they are to be matched`,
    {
      hint: "Nothing was written. Set such rows aside by a contract, or leave them out in a transform.",
      details: { column: name, rows: Number(row!["n"]) },
    },
  );
}

/** The error for keys that are different here and the same there, such as "a" and "A" where case doesn't count. */
export function indistinct(request: LoadRequest, keys: number): SluiceError {
  return new SluiceError(
    "SINK_KEY",
    `${keys} ${keys === 1 ? "key" : "keys"} of the rows for ${assetOf(request)} can't be told apart there, though they differ`,
    {
      hint: "Nothing was written. The table's column compares more loosely, as without case: change it, or make the keys the same in a transform.",
    },
  );
}

function requireColumn(request: LoadRequest, name: string, role: string): Column {
  const column = request.dataset.columns.find((other) => other.name === name);
  if (column !== undefined) return column;
  throw misfit(
    request,
    `they have no column "${name}", which ${role}`,
    `They have ${request.dataset.columns.map((other) => other.name).join(", ")}.`,
  );
}

function misfit(request: LoadRequest, what: string, hint: string): SluiceError {
  return new SluiceError("SINK_SCHEMA", `The rows can't be merged into ${assetOf(request)}: ${what}`, { hint });
}

/** NaN is loaded as null, so it counts as null. */
function comparable(name: string, type: string): string {
  const column = quoteIdentifier(name);
  return type === "DOUBLE" || type === "FLOAT" ? `(CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END)` : column;
}

function list(columns: readonly Column[]): string {
  return columns.map(({ name }) => quoteIdentifier(name)).join(", ");
}

function assetOf({ table }: LoadRequest): string {
  return `${table.connection.name}.${table.name}`;
}
