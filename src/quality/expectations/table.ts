// The dataset as an expectation sees it while it is compiled: its columns and their types, never its rows.
import type { Column, Dataset } from "../../dataset/dataset.ts";
import { probableRename } from "../../dataset/rename-suspicion.ts";
import { quoteIdentifier } from "../../dataset/sql.ts";
import { cellClass, type CellClass } from "../cell.ts";
import { Refusal } from "./expectation.ts";

/** What a column holds, as far as comparing it goes. */
export type ValueClass = "text" | "number" | "truth" | "time" | "nested" | "other";

/** SQL name of a row's position in the dataset, from 1: no column is called so. */
export const rowNumber = '"row number of sluice"';

export interface Table {
  readonly columns: readonly Column[];
  /** SQL of a column's value. NaN is null: no comparison with it is of use. */
  cell(name: string): string;
  /** The engine's type of a column. */
  typeOf(name: string): string;
  classOf(name: string): ValueClass;
  /** Throws Refusal unless the column is of one of the classes. */
  need(name: string, ...classes: readonly ValueClass[]): string;
  /** Another dataset that was handed in by this name. */
  other(name: string): Dataset;
  /** The instant as of which ages are measured, in milliseconds since the epoch. */
  readonly asOf: number;
}

export function tableOf(columns: readonly Column[], others: ReadonlyMap<string, Dataset>, asOf: number): Table {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const typeOf = (name: string): string => {
    const column = byName.get(name);
    if (column !== undefined) return column.type;
    const renamed = probableRename(name, [...byName.keys()]);
    const guess = renamed === null ? "" : `; it has "${renamed}", which it probably was renamed to`;
    throw new Refusal(`the dataset has no column "${name}"${guess}`);
  };
  const cell = (name: string): string => {
    const quoted = quoteIdentifier(name);
    const type = typeOf(name);
    return type === "DOUBLE" || type === "FLOAT" ? `nullif(${quoted}, CAST('NaN' AS ${type}))` : quoted;
  };
  const classOf = (name: string): ValueClass => valueClass(typeOf(name));
  return {
    columns,
    cell,
    typeOf,
    classOf,
    need: (name, ...classes) => {
      const found = classOf(name);
      if (!classes.includes(found))
        throw new Refusal(`the column "${name}" is ${typeOf(name)}, and this needs ${classes.join(" or ")}`);
      return cell(name);
    },
    other: (name) => {
      const dataset = others.get(name);
      if (dataset !== undefined) return dataset;
      const names = [...others.keys()].map((known) => `"${known}"`).join(", ");
      throw new Refusal(`no dataset was given as "${name}"${names === "" ? "" : ` (there is ${names})`}`);
    },
    asOf,
  };
}

export function valueClass(type: string): ValueClass {
  const classes: Readonly<Partial<Record<CellClass, ValueClass>>> = {
    text: "text",
    integer: "number",
    double: "number",
    decimal: "number",
    truth: "truth",
    instant: "time",
    nested: "nested",
  };
  return classes[cellClass(type)] ?? (/^(?:TIMESTAMP|DATE|TIME)/.test(type) ? "time" : "other");
}
