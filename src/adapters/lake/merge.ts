// Loads that match rows by key, in an embedded warehouse: files are never changed, so those that hold rows that change or go
// are written anew without them, each for its partition, and what comes is a file of the load's partition. Nothing is seen of
// it before the catalog says so.
import type { LoadRequest } from "../../connect/sink.ts";
import type { Merge, Retain } from "../../connect/write-disposition.ts";
import type { Column } from "../../dataset/dataset.ts";
import type { Session } from "../../dataset/session.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { tooMany, utcText } from "../sql-load/apply.ts";
import { deletedColumn, validFromColumn, validToColumn } from "../sql-load/own-columns.ts";
import type { StagedRows } from "../sql-load/staged-rows.ts";
import { noPartition } from "./catalog.ts";
import { writeDataFile } from "./data-files.ts";
import { lakeRelation } from "./read.ts";

/** A file of a table, as the catalog has it. */
export interface TableFile {
  readonly id: number;
  readonly partition: string;
  /** Absolute. */
  readonly path: string;
  readonly columnCount: number;
}

export interface NewFile {
  readonly partition: string;
  readonly name: string;
  readonly rows: number;
}

/** What a load does to the files of its table. */
export interface Rewriting {
  readonly gone: readonly TableFile[];
  readonly come: readonly NewFile[];
  readonly loaded: number;
}

export interface Rewritten {
  readonly folder: string;
  readonly session: Session;
  readonly request: LoadRequest;
  readonly staged: StagedRows;
  /** Of the table before the load. */
  readonly files: readonly TableFile[];
  /** Of the table after the load. */
  readonly columns: readonly Column[];
}

/** Writes the new files. `table` is the name of the temporary table that holds the staged rows. */
export async function rewrite(given: Rewritten, table: string): Promise<Rewriting> {
  const { write } = given.request;
  if (typeof write === "string") throw new TypeError(`"${write}" matches no rows by key`);
  const count = async (query: string): Promise<number> => Number((await given.session.rows(query))[0]!["n"]);
  const { touched, kept, coming, loaded } = await planOf(given, write, table, count);
  const gone = await filesWith(given, touched);
  const come: NewFile[] = [];
  const writeFile = async (partition: string, query: string): Promise<void> => {
    const file = await writeDataFile(given.folder, given.session, query);
    if (file !== null) come.push({ partition, ...file });
  };
  for (const [partition, files] of Map.groupBy(gone, (file) => file.partition))
    await writeFile(partition, kept(relationOf(given, files)));
  if (coming !== null) await writeFile(given.request.partition ?? noPartition, coming);
  return { gone, come, loaded: await loaded() };
}

interface Plan {
  /** Of a row `t` of the table: does it change or go? */
  readonly touched: string;
  /** What is left of the rows of a relation, changed or not. */
  readonly kept: (relation: string) => string;
  /** The rows of the load that are written as a file of their own. */
  readonly coming: string | null;
  readonly loaded: () => Promise<number>;
}

async function planOf(
  given: Rewritten,
  write: Merge | Retain,
  staged: string,
  count: (query: string) => Promise<number>,
): Promise<Plan> {
  const { columns, files, staged: rows, request } = given;
  const all = relationOf(given, files);
  const match = write.key.map((name) => `t.${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(" AND ");
  const matched = (condition: string): string =>
    `EXISTS (SELECT 1 FROM ${staged} AS s WHERE ${match} AND ${condition})`;
  const without =
    (touched: string) =>
    (relation: string): string =>
      `SELECT * FROM ${relation} AS t WHERE NOT (${touched})`;
  if (write.by === "retain") {
    const touched = `NOT ${matched("true")}`;
    const total = await count(`SELECT count(*) AS n FROM ${all}`);
    const gone = await count(`SELECT count(*) AS n FROM ${all} AS t WHERE ${touched}`);
    if (gone > total * write.maxDeleted) throw tooMany(request, write, gone, total);
    return { touched, kept: without(touched), coming: null, loaded: async () => total - gone };
  }
  const isGone = rows.marksDeleted ? `s.${deletedColumn}` : "false";
  const loads = new Set(rows.columns.map(({ name }) => name));
  const fresh = (more: Readonly<Record<string, string>> = {}): string =>
    columns
      .map(({ name, type }) => {
        const quoted = quoteIdentifier(name);
        return `${more[name] ?? (loads.has(name) ? `s.${quoted}` : `CAST(NULL AS ${type})`)} AS ${quoted}`;
      })
      .join(", ");
  const inserted = (list: string, condition: string): string =>
    `SELECT ${list} FROM ${staged} AS s WHERE NOT ${isGone} AND ${condition}`;
  const absent = (condition: string): string =>
    `NOT EXISTS (SELECT 1 FROM ${all} AS t WHERE ${match} AND ${condition})`;
  const loaded = (): Promise<number> => count(`SELECT count(*) AS n FROM ${staged} AS s WHERE NOT ${isGone}`);
  switch (write.strategy) {
    case "delete-insert": {
      const touched = matched("true");
      return { touched, kept: without(touched), coming: inserted(fresh(), "true"), loaded };
    }
    case "insert-only": {
      const touched = rows.marksDeleted ? matched(isGone) : "false";
      return { touched, kept: without(touched), coming: inserted(fresh(), absent("true")), loaded };
    }
    case "upsert": {
      const touched = matched("true");
      // Columns that aren't loaded keep their values.
      const list = columns.map(({ name }) => `${loads.has(name) ? "s" : "t"}.${quoteIdentifier(name)}`).join(", ");
      const renewed = `SELECT ${list} FROM ${all} AS t JOIN ${staged} AS s ON ${match} WHERE NOT ${isGone}`;
      const coming = `${renewed} UNION ALL ${inserted(fresh(), absent("true"))}`;
      return { touched, kept: without(touched), coming, loaded };
    }
    case "scd2": {
      const time = `TIMESTAMPTZ '${await timeOf(given, all)}'`;
      const rest = rows.columns
        .filter(({ name }) => !write.key.includes(name))
        .map(({ name }) => quoteIdentifier(name));
      const changed = rest.map((name) => `t.${name} IS DISTINCT FROM s.${name}`).join(" OR ");
      const ends = `(${[isGone, ...(rest.length === 0 ? [] : [changed])].join(" OR ")})`;
      const either = [matched(ends), ...(write.absent === "close" ? [`NOT ${matched("true")}`] : [])].join(" OR ");
      const touched = `t.${validToColumn} IS NULL AND (${either})`;
      const kept = (relation: string): string =>
        `SELECT * REPLACE (CASE WHEN ${touched} THEN ${time} ELSE ${validToColumn} END AS ${validToColumn}) FROM ${relation} AS t`;
      const coming = inserted(
        fresh({ [validFromColumn]: time }),
        absent(`t.${validToColumn} IS NULL AND NOT (${ends})`),
      );
      return { touched, kept, coming, loaded };
    }
  }
}

/** However clocks go, a row is never closed before it began. */
async function timeOf({ session, request }: Rewritten, all: string): Promise<string> {
  const own = utcText(request.at ?? Date.now());
  const [row] = await session.rows(
    `SELECT CAST(greatest(TIMESTAMPTZ '${own}', max(${validFromColumn}), max(${validToColumn})) AS VARCHAR) AS at FROM ${all}`,
  );
  return String(row!["at"]);
}

/** The files that hold a row of which the condition is true. */
async function filesWith(given: Rewritten, condition: string): Promise<readonly TableFile[]> {
  const found: TableFile[] = [];
  for (const file of given.files) {
    const rows = await given.session.rows(
      `SELECT 1 AS one FROM ${relationOf(given, [file])} AS t WHERE ${condition} LIMIT 1`,
    );
    if (rows.length > 0) found.push(file);
  }
  return found;
}

function relationOf({ columns }: Rewritten, files: readonly TableFile[]): string {
  const relation = lakeRelation({
    name: "",
    rows: 0,
    columns,
    files: files.map(({ path }) => path),
    columnCounts: files.map(({ columnCount }) => columnCount),
  });
  return `(${relation})`;
}
