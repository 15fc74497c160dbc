// The item that an attempt at a mapped step is about, where the scheduler has it at hand: an element of a list in the
// state. Rows of a dataset, and lists that are too big for the state, only the worker gets to see.
import { itemAt } from "../../pipeline/item.ts";
import type { Control } from "../../pipeline/plan.ts";

/** Null when the item is not at hand. */
export function knownItem(
  control: Control,
  outputs: Readonly<Record<string, unknown>>,
  position: number | null,
): { readonly item: unknown } | null {
  if (position === null || control.type !== "map" || control.batch !== null) return null;
  const lists = control.over.map((source) => outputs[source]);
  return lists.every((list) => Array.isArray(list)) ? { item: itemAt(control, lists, position) } : null;
}
