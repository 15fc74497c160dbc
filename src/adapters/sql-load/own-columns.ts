// The columns that loads add to a table for themselves. Rows that were read from a loaded table bring them along; those that
// are loaded get their own.
import type { Column } from "../../dataset/dataset.ts";

/** The partition with which a row was loaded; null for loads without one and for rows that others wrote. */
export const partitionColumn = "_sluice_partition";
/** scd2: from when on the row held; null for rows that were there before history was kept. */
export const validFromColumn = "_sluice_valid_from";
/** scd2: when the row ceased to hold; null for the current one. */
export const validToColumn = "_sluice_valid_to";
/** In staged rows only: is the row of this key to go? */
export const deletedColumn = "_sluice_deleted";

export const historyColumns: readonly string[] = [validFromColumn, validToColumn];

export function isOwn(name: string): boolean {
  return name.startsWith("_sluice_");
}

/** The columns of a dataset that are loaded: not Sluice's own, and not the one that says what was deleted. */
export function loadedColumns(columns: readonly Column[], deleted: string | null): readonly Column[] {
  return columns.filter(({ name }) => !isOwn(name) && name !== deleted);
}
