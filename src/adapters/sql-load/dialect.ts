// What differs between databases in the statements of a load, as plain functions from text to text. Whatever they have in
// common is in statements.ts.

/** How one database writes what the statements of a load need. In conditions the target is `t`, the staged rows are `s`. */
export interface LoadDialect {
  /** A name, or a path of names. */
  quote(...path: readonly string[]): string;
  text(value: string): string;
  /** A time of the load, from text such as "2026-01-31 02:00:00.123+00", as a value of the columns that keep history. */
  time(utc: string): string;
  /** Such text from an expression over those columns. */
  timeText(expression: string): string;
  /** Are two values of a column the same, null being the same as null? `native` is the column's type in the database's words. */
  same(left: string, right: string, native: string): string;
  /** Sets columns of the target's rows from the staged row that matches. */
  updateFrom(update: {
    readonly target: string;
    readonly staged: string;
    readonly match: string;
    readonly set: readonly (readonly [column: string, expression: string])[];
    readonly where: string;
  }): string;
  deleteFrom(target: string, where: string): string;
}

/** What PostgreSQL, SQLite and DuckDB write alike. */
export const standardSql: Pick<LoadDialect, "updateFrom" | "deleteFrom"> = {
  updateFrom: ({ target, staged, match, set, where }) =>
    `UPDATE ${target} AS t SET ${set.map(([column, expression]) => `${column} = ${expression}`).join(", ")}
       FROM ${staged} AS s WHERE ${match} AND ${where}`,
  deleteFrom: (target, where) => `DELETE FROM ${target} AS t WHERE ${where}`,
};
