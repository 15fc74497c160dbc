// Do the dataset's columns fit the contract's row? Asked once per dataset, before any row is looked at.
import type { Column } from "../dataset/dataset.ts";
import { probableRename } from "../dataset/rename-suspicion.ts";
import { SluiceError } from "../errors.ts";
import type { Contract } from "./contract.ts";

/** Throws CONTRACT_MISMATCH if a required column is missing or, with z.strictObject, one is there that is not named. */
export function matchColumns(contract: Contract, columns: readonly Column[], from: string): void {
  const present = new Set(columns.map((column) => column.name));
  const wanted = new Set(contract.columns);
  const missing = contract.schema.fields
    .filter((field) => !present.has(field.name) && field.nullAs !== "absent")
    .map((field) => field.name);
  const extra = columns.map((column) => column.name).filter((name) => !wanted.has(name));
  const details = { contract: contract.name, missing, extra };
  const [first] = missing;
  if (first !== undefined) {
    const renamed = probableRename(first, extra);
    const guess = renamed === null ? "" : `; the dataset has "${renamed}", which it probably was renamed to`;
    const more = missing.length === 1 ? "" : ` (and ${missing.length - 1} more: ${missing.slice(1).join(", ")})`;
    throw new SluiceError(
      "CONTRACT_MISMATCH",
      `Contract "${contract.name}" on ${from}: the column "${first}" is missing${guess}${more}`,
      {
        hint:
          renamed === null
            ? "Extract it, or remove it from the contract."
            : `Rename it where it is extracted, or name it "${renamed}" in the contract.`,
        details,
      },
    );
  }
  if (contract.schema.strict && extra.length > 0) {
    const names = extra.map((name) => `"${name}"`).join(", ");
    const noun = extra.length === 1 ? "the column" : "the columns";
    throw new SluiceError(
      "CONTRACT_MISMATCH",
      `Contract "${contract.name}" on ${from}: the dataset has ${noun} ${names}, which the contract does not name`,
      {
        hint: "Add it to the contract, or use z.object instead of z.strictObject to drop it.",
        details,
      },
    );
  }
}
