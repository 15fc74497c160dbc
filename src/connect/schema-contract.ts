// What a load may do to the schema of its table, and what becomes of rows that don't fit: decided before anything is
// loaded. Pure: the sink has said what the table has, and what of it fits.
import type { Column } from "../dataset/dataset.ts";
import { quoteIdentifier } from "../dataset/sql.ts";
import { SluiceError } from "../errors.ts";
import type { TableColumn } from "./sink.ts";
import { widerType } from "./wider-type.ts";

/**
 * - `evolve`: the table follows the rows.
 * - `freeze`: the load fails with SINK_SCHEMA, and nothing is loaded.
 * - `discard-row`: rows that don't fit are set aside with the reason; the others are loaded.
 * - `discard-value`: the value that doesn't fit is left out; the row is loaded without it.
 */
export type SchemaMode = "evolve" | "freeze" | "discard-row" | "discard-value";

/** What a load may do to its table, by what differs. */
export interface SchemaContract {
  /** There is no such table. @default "evolve": it is created */
  readonly tables?: "evolve" | "freeze";
  /** The rows have a column that the table lacks. @default "evolve": it is added */
  readonly columns?: SchemaMode;
  /** A column is of a type that doesn't fit the table's. With `evolve` the table's is widened where the destination can. @default "freeze" */
  readonly types?: SchemaMode;
  /** The table has a column that the rows lack: an error that names the probable new name, or null. @default "fail" */
  readonly missing?: "fail" | "null";
  /** Other modes for single columns. */
  readonly only?: Readonly<Record<string, { readonly columns?: SchemaMode; readonly types?: SchemaMode }>>;
}

/** The contract with every default filled in. */
export interface SchemaRules extends Required<Omit<SchemaContract, "only">> {
  readonly only: NonNullable<SchemaContract["only"]>;
}

export function schemaRules(contract: SchemaContract = {}): SchemaRules {
  const { tables = "evolve", columns = "evolve", types = "freeze", missing = "fail", only = {} } = contract;
  return { tables, columns, types, missing, only };
}

/** A reason to set a row aside. */
export interface Misfit {
  readonly column: string;
  readonly rule: "new-column" | "type";
  /** When it holds for a row, as SQL over the dataset. */
  readonly when: string;
  readonly message: string;
}

/** How the rows become such that they fit. */
export interface SchemaFit {
  /** The columns that are loaded; `expression` makes each from the dataset's, null where it stays as it is. */
  readonly columns: readonly (Column & { readonly expression: string | null })[];
  readonly misfits: readonly Misfit[];
  /** Columns of the table whose type becomes that of the rows. */
  readonly widen: readonly Column[];
}

/** What is to be known beside the rows' columns. */
export interface SchemaQuestion {
  /** For people: "warehouse.orders". */
  readonly asset: string;
  readonly offered: readonly Column[];
  /** Null where there is no table yet. */
  readonly present: readonly TableColumn[] | null;
  readonly rules: SchemaRules;
  /** Can the destination widen a column? */
  readonly widens: boolean;
}

/** Throws SINK_SCHEMA where the rules don't let the table and the rows be brought together. */
export function fitSchema({ asset, offered, present, rules, widens }: SchemaQuestion): SchemaFit {
  if (present === null) {
    if (rules.tables === "freeze") {
      throw misfitError(`There is no table ${asset}, and its load may not make one`, {
        hint: 'Create it, or load with schema: { tables: "evolve" }.',
      });
    }
    return { columns: offered.map(asItIs), misfits: [], widen: [] };
  }
  const columns: (Column & { expression: string | null })[] = [];
  const misfits: Misfit[] = [];
  const widen: Column[] = [];
  for (const column of offered) {
    const there = present.find(({ name }) => name === column.name);
    const name = quoteIdentifier(column.name);
    if (there === undefined) {
      const mode = rules.only[column.name]?.columns ?? rules.columns;
      if (mode === "freeze") {
        throw misfitError(`The rows have a column "${column.name}", which the table ${asset} lacks`, {
          hint: `Leave it out in a transform, add it to the table, or load with schema: { columns: "evolve" }.`,
          column: column.name,
        });
      }
      if (mode === "evolve") columns.push(asItIs(column));
      if (mode === "discard-row")
        misfits.push({
          column: column.name,
          rule: "new-column",
          when: `${name} IS NOT NULL`,
          message: `${asset} has no column "${column.name}"`,
        });
      continue;
    }
    if (there.fits !== false) {
      columns.push(asItIs(column));
      continue;
    }
    const mode = rules.only[column.name]?.types ?? rules.types;
    const wider = mode === "evolve" && widens ? widerType(there.type, column.type) : null;
    if (wider !== null) {
      if (wider !== there.type) widen.push({ name: column.name, type: wider });
      columns.push({
        name: column.name,
        type: wider,
        expression: wider === column.type ? null : `CAST(${name} AS ${wider})`,
      });
      continue;
    }
    if (mode === "freeze" || mode === "evolve") {
      const can =
        mode === "freeze" ? "" : widens ? ", and there is no type that holds both" : ", which can't be widened there";
      throw misfitError(
        `The column "${column.name}" is ${column.type} in the rows, but ${there.native} in the table ${asset}${can}`,
        {
          hint: 'Cast it in a transform before the load, change the table\'s column, or set such rows aside with types: "discard-row".',
          column: column.name,
          rows: column.type,
          table: there.native,
        },
      );
    }
    // What comes back as it was has lost nothing: "007" is no number, and 1.5 no whole one.
    const cast = `TRY_CAST(${name} AS ${there.type})`;
    const when = `${name} IS NOT NULL AND TRY_CAST(${cast} AS ${column.type}) IS DISTINCT FROM ${name}`;
    columns.push({
      name: column.name,
      type: there.type,
      expression: mode === "discard-value" ? `CASE WHEN ${when} THEN NULL ELSE ${cast} END` : cast,
    });
    if (mode === "discard-row")
      misfits.push({ column: column.name, rule: "type", when, message: `it is not a ${there.native}` });
  }
  return { columns, misfits, widen };
}

function asItIs(column: Column): Column & { readonly expression: null } {
  return { ...column, expression: null };
}

function misfitError(message: string, { hint, ...details }: Readonly<Record<string, string>>): SluiceError {
  return new SluiceError("SINK_SCHEMA", message, { hint, details });
}
