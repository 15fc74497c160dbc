// What a load needs of the table: nothing, to be made, or to be given columns; and whether the rows fit what is there. Pure.
// A column is never dropped, and its type is changed only where the load says so.
import type { LoadRequest } from "../../connect/sink.ts";
import { writeName } from "../../connect/write-disposition.ts";
import type { Column } from "../../dataset/dataset.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { SluiceError } from "../../errors.ts";
import { historyColumns, isOwn, partitionColumn, validToColumn } from "./own-columns.ts";

/** A column of the table as it is. */
export interface PresentColumn {
  readonly name: string;
  /** In the database's words. */
  readonly type: string;
  /** Can it be left out: has it a default, an identity, a generated value? */
  readonly fillsItself: boolean;
}

/** How a vendor's types take the engine's. */
export interface ColumnTypes {
  /** The type of a new column. */
  readonly loadingType: (column: Column) => string;
  /** Does a column of this type take every value of the rows' column as it is? */
  readonly fits: (column: Column, present: string) => boolean;
}

export interface TableChanges {
  /** Is the table to be made? Then `added` are all of its columns but Sluice's own. */
  readonly missing: boolean;
  readonly added: readonly Column[];
  readonly widened: readonly Column[];
  /** Of Sluice's own columns, those that the table is to be given. */
  readonly own: readonly string[];
}

/** Throws SINK_SCHEMA where the rows don't fit the table. */
export function tableChanges(
  present: readonly PresentColumn[] | null,
  request: LoadRequest,
  columns: readonly Column[],
  types: ColumnTypes,
): TableChanges {
  const asset = `${request.table.connection.name}.${request.table.name}`;
  const name = writeName(request.write);
  const wanted = [partitionColumn, ...(name === "scd2" ? historyColumns : [])];
  if (present === null) return { missing: true, added: columns, widened: [], own: wanted };
  const known = new Set(present.map((column) => column.name));
  if (name === "retain") {
    for (const column of columns) if (!known.has(column.name)) throw keyless(column.name, asset);
  }
  if (known.has(validToColumn) && name !== "scd2" && name !== "replace") {
    throw new SluiceError("SINK_SCHEMA", `The table ${asset} keeps history, which a load with "${name}" would break`, {
      hint: 'Load it with merge(key, { strategy: "scd2" }), or load into another table.',
    });
  }
  const widened = (request.widen ?? []).filter((column) => {
    const there = present.find((other) => other.name === column.name);
    return there !== undefined && !types.fits(column, there.type);
  });
  const changing = new Set(widened.map((column) => column.name));
  for (const column of present) {
    if (isOwn(column.name) || changing.has(column.name)) continue;
    const offered = columns.find((other) => other.name === column.name);
    if (offered !== undefined) checkType(offered, column, asset, types);
    else if (!column.fillsItself && name !== "upsert" && name !== "retain")
      throw missing(column.name, columns, known, asset);
  }
  return {
    missing: false,
    added: columns.filter((column) => !known.has(column.name)),
    widened,
    own: name === "retain" ? [] : wanted.filter((column) => !known.has(column)),
  };
}

function checkType(offered: Column, present: PresentColumn, asset: string, types: ColumnTypes): void {
  if (types.fits(offered, present.type)) return;
  throw new SluiceError(
    "SINK_SCHEMA",
    `The column "${present.name}" is ${offered.type} in the rows, but ${present.type} in the table ${asset}`,
    {
      hint: "Cast it in a transform before the load, or change the table's column.",
      details: { column: present.name, rows: offered.type, table: present.type },
    },
  );
}

function missing(name: string, columns: readonly Column[], known: ReadonlySet<string>, asset: string): SluiceError {
  const unknown = columns.map((other) => other.name).filter((other) => !known.has(other));
  const probable = probableRename(name, unknown);
  return new SluiceError("SINK_SCHEMA", `The rows have no column "${name}", which the table ${asset} has`, {
    hint:
      probable === null
        ? `Bring it along, as null perhaps, or give the table's column a default, or drop it.`
        : `Probably it is "${probable}" now: rename one of the two.`,
    details: { column: name, probable },
  });
}

function keyless(name: string, asset: string): SluiceError {
  return new SluiceError(
    "SINK_SCHEMA",
    `The table ${asset} has no column "${name}", by which its rows are to be retained`,
    {
      hint: "Give the list of keys the names that the table's columns have.",
      details: { column: name },
    },
  );
}

/** The error for a table of others, whose rows can't be told apart by partition. `cure` is SQL. */
export function unmarked(request: LoadRequest, cure: string): SluiceError {
  return new SluiceError(
    "SINK_SCHEMA",
    `The table ${request.table.connection.name}.${request.table.name} has rows, but no column ${partitionColumn} that says which partition they are of`,
    { hint: `Add it and fill it: ${cure}` },
  );
}
