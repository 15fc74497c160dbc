// The statements by which staged rows enter a table, for every write disposition: pure text. Staged rows have each key once,
// wherever the disposition says so, and never a null in it.
import type { Merge } from "../../connect/write-disposition.ts";
import type { LoadDialect } from "./dialect.ts";
import { deletedColumn, partitionColumn, validFromColumn, validToColumn } from "./own-columns.ts";

export interface LoadedColumn {
  readonly name: string;
  /** The type of the table's column, in the database's words. */
  readonly native: string;
}

/** One load into one table. */
export interface LoadShape {
  /** Quoted and qualified. */
  readonly target: string;
  readonly staged: string;
  /** What the staged rows have, apart from the mark of deleted ones. */
  readonly columns: readonly LoadedColumn[];
  readonly partition: string | null;
}

/** Deletes what `replace` and `replace-partition` replace; null for `append`. */
export function clearing(
  write: "append" | "replace" | "replace-partition",
  target: string,
  partition: string | null,
  dialect: LoadDialect,
): string | null {
  if (write === "append") return null;
  const mark = `t.${dialect.quote(partitionColumn)}`;
  return dialect.deleteFrom(target, write === "replace" ? "1 = 1" : `${mark} = ${dialect.text(partition!)}`);
}

/** The statements of a merge, in their order. `at` is the time of the load, for history. */
export function mergeStatements(merge: Merge, shape: LoadShape, at: string, dialect: LoadDialect): readonly string[] {
  const match = matching(merge.key, dialect);
  const staged = (condition: string): string => `EXISTS (SELECT 1 FROM ${shape.staged} AS s WHERE ${condition})`;
  const deleted = `s.${dialect.quote(deletedColumn)}`;
  const kept = merge.deleted === null ? "1 = 1" : `NOT ${deleted}`;
  const removal = dialect.deleteFrom(shape.target, staged(`${match} AND ${deleted}`));
  const removals = merge.deleted === null ? [] : [removal];
  const absent = `NOT EXISTS (SELECT 1 FROM ${shape.target} AS t WHERE ${match})`;
  switch (merge.strategy) {
    case "upsert":
      return [...removals, replacing(merge, shape, kept, dialect), inserting(shape, `${kept} AND ${absent}`, dialect)];
    case "delete-insert":
      return [dialect.deleteFrom(shape.target, staged(match)), inserting(shape, kept, dialect)];
    case "insert-only":
      return [...removals, inserting(shape, `${kept} AND ${absent}`, dialect)];
    case "scd2":
      return historyStatements(merge, shape, at, dialect);
  }
}

/** The new values of rows that are there. Rows that stay as they are aren't written again. */
function replacing(merge: Merge, shape: LoadShape, kept: string, dialect: LoadDialect): string {
  const mark = dialect.quote(partitionColumn);
  const partition = literal(shape.partition, dialect);
  const rest = shape.columns.filter(({ name }) => !merge.key.includes(name));
  const unchanged = [...rest.map((column) => sameIn(column, dialect)), dialect.same(`t.${mark}`, partition, "text")];
  return dialect.updateFrom({
    target: shape.target,
    staged: shape.staged,
    match: matching(merge.key, dialect),
    set: [
      ...rest.map(({ name }) => [dialect.quote(name), `s.${dialect.quote(name)}`] as const),
      [mark, partition] as const,
    ],
    where: `${kept} AND NOT (${unchanged.join(" AND ")})`,
  });
}

function historyStatements(merge: Merge, shape: LoadShape, at: string, dialect: LoadDialect): readonly string[] {
  const match = matching(merge.key, dialect);
  const [from, to] = [dialect.quote(validFromColumn), dialect.quote(validToColumn)];
  const time = dialect.time(at);
  const rest = shape.columns.filter(({ name }) => !merge.key.includes(name));
  const changed = rest.length === 0 ? "1 = 0" : `NOT (${rest.map((one) => sameIn(one, dialect)).join(" AND ")})`;
  const ended = merge.deleted === null ? changed : `(s.${dialect.quote(deletedColumn)} OR ${changed})`;
  const closing = (condition: string): string =>
    `UPDATE ${shape.target} AS t SET ${to} = ${time} WHERE t.${to} IS NULL AND ${condition}`;
  const staged = (condition: string): string => `EXISTS (SELECT 1 FROM ${shape.staged} AS s WHERE ${condition})`;
  const kept = merge.deleted === null ? "1 = 1" : `NOT s.${dialect.quote(deletedColumn)}`;
  const current = `EXISTS (SELECT 1 FROM ${shape.target} AS t WHERE ${match} AND t.${to} IS NULL)`;
  return [
    closing(staged(`${match} AND ${ended}`)),
    ...(merge.absent === "close" ? [closing(`NOT ${staged(match)}`)] : []),
    inserting(shape, `${kept} AND NOT ${current}`, dialect, [[from, time]]),
  ];
}

/** Inserts staged rows that meet the condition. */
export function inserting(
  shape: LoadShape,
  condition: string,
  dialect: LoadDialect,
  more: readonly (readonly [column: string, expression: string])[] = [],
): string {
  const names = shape.columns.map(({ name }) => dialect.quote(name));
  const extra = [[dialect.quote(partitionColumn), literal(shape.partition, dialect)] as const, ...more];
  return `INSERT INTO ${shape.target} (${[...names, ...extra.map(([column]) => column)].join(", ")})
    SELECT ${[...names.map((name) => `s.${name}`), ...extra.map(([, expression]) => expression)].join(", ")}
      FROM ${shape.staged} AS s WHERE ${condition}`;
}

/** How many rows are of keys that aren't staged, and how many there are at all; then their removal. */
export function retainStatements(
  key: readonly string[],
  shape: Pick<LoadShape, "target" | "staged">,
  dialect: LoadDialect,
): { readonly all: string; readonly gone: string; readonly removal: string } {
  const gone = `NOT EXISTS (SELECT 1 FROM ${shape.staged} AS s WHERE ${matching(key, dialect)})`;
  return {
    all: `SELECT count(*) FROM ${shape.target}`,
    gone: `SELECT count(*) FROM ${shape.target} AS t WHERE ${gone}`,
    removal: dialect.deleteFrom(shape.target, gone),
  };
}

/**
 * The latest of the load's own time and the times that the table's history knows: however clocks go, a row is never closed
 * before it began.
 */
export function latestTime(target: string, at: string, dialect: LoadDialect): string {
  const times = [validFromColumn, validToColumn].map((name) => `SELECT max(${dialect.quote(name)}) FROM ${target}`);
  return `SELECT ${dialect.timeText("max(x)")} FROM (SELECT ${dialect.time(at)} AS x UNION ALL ${times.join(" UNION ALL ")}) AS known`;
}

/** A key that more than one staged row has, by the database's own idea of what is equal. */
export function repeatedKey(key: readonly string[], staged: string, dialect: LoadDialect): string {
  const names = key.map((name) => dialect.quote(name)).join(", ");
  return `SELECT count(*) FROM (SELECT 1 AS one FROM ${staged} GROUP BY ${names} HAVING count(*) > 1) AS repeated`;
}

/** How many staged rows aren't marked deleted. */
export function keptRows(staged: string, dialect: LoadDialect): string {
  return `SELECT count(*) FROM ${staged} AS s WHERE NOT s.${dialect.quote(deletedColumn)}`;
}

function matching(key: readonly string[], dialect: LoadDialect): string {
  return key.map((name) => `t.${dialect.quote(name)} = s.${dialect.quote(name)}`).join(" AND ");
}

function sameIn({ name, native }: LoadedColumn, dialect: LoadDialect): string {
  return dialect.same(`t.${dialect.quote(name)}`, `s.${dialect.quote(name)}`, native);
}

function literal(partition: string | null, dialect: LoadDialect): string {
  return partition === null ? "NULL" : dialect.text(partition);
}
