// The table that is loaded into: created when it is missing, given the columns that are new, refused when the rows don't
// fit. A column is never changed or dropped.
import type { LoadRequest, TableColumn } from "../../connect/sink.ts";
import type { WriteDisposition } from "../../connect/write-disposition.ts";
import type { Column } from "../../dataset/dataset.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { SluiceError } from "../../errors.ts";
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

/** The partition with which a row was loaded; null for loads without one and for rows that others wrote. */
export const partitionColumn = "_sluice_partition";

interface PresentColumn {
  readonly name: string;
  readonly type: string;
  /** Can it be left out: has it a default, an identity, a generated value? */
  readonly fillsItself: boolean;
}

export async function prepareTable(
  client: PostgresClient,
  target: Target,
  request: LoadRequest,
  columns: readonly Column[],
): Promise<void> {
  const present = await presentColumns(client, target);
  const definition = (column: Column): string => `${quoteIdentifier(column.name)} ${loadingType(column)}`;
  if (present === null) {
    await client.query(`create table ${target.sql} (${[...columns.map(definition), `${partitionColumn} text`].join(", ")});
      create index on ${target.sql} (${partitionColumn})`);
    return;
  }
  checkColumns(present, columns, target);
  const known = new Set(present.map((column) => column.name));
  const added = columns.filter((column) => !known.has(column.name)).map(definition);
  const marked = known.has(partitionColumn);
  if (!marked) {
    await checkUnmarked(client, target, request.write);
    added.push(`${partitionColumn} text`);
  }
  if (added.length > 0) {
    const index = marked ? "" : `; create index on ${target.sql} (${partitionColumn})`;
    await client.query(`alter table ${target.sql} ${added.map((column) => `add column ${column}`).join(", ")}${index}`);
  }
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
    .filter(({ name }) => !name.startsWith("_sluice_"))
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

async function presentColumns(client: PostgresClient, target: Target): Promise<readonly PresentColumn[] | null> {
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

function checkColumns(present: readonly PresentColumn[], columns: readonly Column[], target: Target): void {
  const offered = new Map(columns.map((column) => [column.name, column]));
  const known = new Set(present.map((column) => column.name));
  for (const { name, type, fillsItself } of present) {
    if (name === partitionColumn) continue;
    const column = offered.get(name);
    if (column === undefined) {
      if (fillsItself) continue;
      const unknown = columns.map((other) => other.name).filter((other) => !known.has(other));
      const probable = probableRename(name, unknown);
      throw new SluiceError("SINK_SCHEMA", `The rows have no column "${name}", which the table ${target.asset} has`, {
        hint:
          probable === null
            ? `Bring it along, as null perhaps, or give the table's column a default, or drop it.`
            : `Probably it is "${probable}" now: rename one of the two.`,
        details: { column: name, probable },
      });
    }
    if (!fits(column, type)) {
      throw new SluiceError(
        "SINK_SCHEMA",
        `The column "${name}" is ${column.type} in the rows, but ${type} in the table ${target.asset}`,
        {
          hint: "Cast it in a transform before the load, or change the table's column.",
          details: { column: name, rows: column.type, table: type },
        },
      );
    }
  }
}

/** In a table that others filled, the rows of a partition can't be told from the rest. */
async function checkUnmarked(client: PostgresClient, target: Target, write: WriteDisposition): Promise<void> {
  if (write !== "replace-partition") return;
  const { rows } = await client.query(`select exists (select from ${target.sql})`);
  if (rows[0]![0] !== "t") return;
  throw new SluiceError(
    "SINK_SCHEMA",
    `The table ${target.asset} has rows, but no column ${partitionColumn} that says which partition they are of`,
    {
      hint: `Add it and fill it: alter table ${target.sql} add column ${partitionColumn} text; update ${target.sql} set ${partitionColumn} = …`,
    },
  );
}
