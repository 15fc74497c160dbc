// The table that is loaded into: made when it is missing, given the columns that are new or wider, as table-changes.ts says.
import type { LoadRequest, TableColumn } from "../../connect/sink.ts";
import type { Column } from "../../dataset/dataset.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { isOwn, partitionColumn } from "../sql-load/own-columns.ts";
import type { LoadedColumn } from "../sql-load/statements.ts";
import { tableChanges, unmarked, type PresentColumn } from "../sql-load/table-changes.ts";
import type { PostgresClient } from "./connection.ts";
import { engineType, fits, loadingType } from "./types.ts";

export interface Target {
  /** With its connection, for people: "warehouse.staging.sales". */
  readonly asset: string;
  readonly schema: string;
  readonly table: string;
  /** Quoted and qualified. */
  readonly sql: string;
}

/** Makes the table fit for the columns; returns them with the types that they have there. */
export async function prepareTable(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
  columns: readonly Column[],
): Promise<readonly LoadedColumn[]> {
  const present = await presentColumns(client, target);
  const changes = tableChanges(present, request, columns, { loadingType, fits });
  const definition = (column: Column): string => `${quoteIdentifier(column.name)} ${loadingType(column)}`;
  const own = changes.own.map((name) => `${name} ${name === partitionColumn ? "text" : "timestamptz"}`);
  const added = [...changes.added.map(definition), ...own];
  if (changes.missing) {
    await client.query(`create table ${target.sql} (${added.join(", ")})`);
  } else {
    if (changes.own.includes(partitionColumn)) await checkUnmarked(client, target, request);
    const alter = [
      ...added.map((column) => `add column ${column}`),
      ...changes.widened.map((column) => `alter column ${quoteIdentifier(column.name)} type ${loadingType(column)}`),
    ];
    if (alter.length > 0) await client.query(`alter table ${target.sql} ${alter.join(", ")}`);
  }
  if (changes.own.includes(partitionColumn)) await client.query(`create index on ${target.sql} (${partitionColumn})`);
  if (changes.missing && typeof request.write === "object") {
    // Without it each merge would read the whole table.
    await client.query(
      `create index on ${target.sql} (${request.write.key.map((name) => quoteIdentifier(name)).join(", ")})`,
    );
  }
  const types = new Map(present?.map(({ name, type }) => [name, type]));
  for (const column of [...changes.added, ...changes.widened]) types.set(column.name, loadingType(column));
  return columns.map(({ name }) => ({ name, native: types.get(name)! }));
}

/** The table's columns, without Sluice's own, held against those that are offered; null where there is no such table. */
export async function tableColumns(
  client: PostgresClient,
  target: Target,
  offered: readonly Column[],
): Promise<readonly TableColumn[] | null> {
  const present = await presentColumns(client, target);
  if (present === null) return null;
  return present
    .filter(({ name }) => !isOwn(name))
    .map(({ name, type, fillsItself }) => {
      const column = offered.find((other) => other.name === name);
      return {
        name,
        type: engineType(type),
        native: type,
        optional: fillsItself,
        fits: column === undefined ? null : fits(column, type),
      };
    });
}

export async function presentColumns(client: PostgresClient, target: Target): Promise<readonly PresentColumn[] | null> {
  const { rows } = await client.query(
    `select a.attname,
            case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) else format_type(a.atttypid, a.atttypmod) end,
            a.atthasdef or a.attidentity <> '' or a.attgenerated <> ''
       from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`,
    [target.sql],
  );
  if (rows.length === 0) return null;
  return rows.map(([name, type, fillsItself]) => ({ name: name!, type: type!, fillsItself: fillsItself === "t" }));
}

/** In a table that others filled, the rows of a partition can't be told from the rest. */
async function checkUnmarked(client: PostgresClient, target: Target, request: LoadRequest): Promise<void> {
  if (request.write !== "replace-partition") return;
  const { rows } = await client.query(`select exists (select from ${target.sql})`);
  if (rows[0]![0] !== "t") return;
  throw unmarked(
    request,
    `alter table ${target.sql} add column ${partitionColumn} text; update ${target.sql} set ${partitionColumn} = …`,
  );
}
