// How values are written to columns and read from them, the same in all tables of the engine's store.
import type { RowCounts } from "../../pipeline/step.ts";

export type ColumnValue = string | number | null;

/** A value as JSON text; none for null, so that most rows hold none. */
export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

export function parsed<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

/** A list of names as JSON text. Most are empty. */
export function namesText(names: readonly string[]): string {
  return names.length === 0 ? "[]" : JSON.stringify(names);
}

export function names(text: string): string[] {
  return text === "[]" ? [] : (JSON.parse(text) as string[]);
}

export interface CountColumns {
  rows_in: number | null;
  rows_out: number | null;
  rows_duplicate: number | null;
  rows_quarantined: number | null;
}

export function counts(row: CountColumns): RowCounts | null {
  if (row.rows_in === null) return null;
  return {
    in: row.rows_in,
    out: row.rows_out ?? 0,
    duplicate: row.rows_duplicate ?? 0,
    quarantined: row.rows_quarantined ?? 0,
  };
}

/** An item's position as a part of a key; -1 for a step that is not mapped. */
export function itemKey(item: number | null): number {
  return item ?? -1;
}

export function itemOf(key: number): number | null {
  return key === -1 ? null : key;
}

/** As many `?` as there are columns in a list of names. */
export function marks(columns: string): string {
  return columns.replaceAll(/\w+/g, "?");
}
