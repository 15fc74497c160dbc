// A step that is done once per item: how many items it has, how they begin, and what they add up to.
import type { Failure } from "../../errors.ts";
import type { Control } from "../../pipeline/plan.ts";
import type { RowCounts } from "../../pipeline/step.ts";
import type { Draft } from "./draft.ts";
import { fail, succeed } from "./step-end.ts";
import { isEnd, type ItemState, type StepState } from "./state.ts";
import { freshItem } from "./initial-state.ts";

/** The most items a step may have. */
export const itemLimit = 100_000;

type MapControl = Extract<Control, { type: "map" }>;

/** Begins all items at once; those that a re-run has taken over stay as they are. */
export function beginItems(draft: Draft, position: number, control: MapControl): void {
  const { name } = draft.graph.steps[position]!;
  const count = itemCount(draft, name, control);
  if (typeof count !== "number") return fail(draft, position, count);
  const known = draft.step(position).items;
  // One state for all that are new: they differ from the moment something happens to one of them.
  const first: ItemState = { ...freshItem, attempts: 1, startedAt: draft.now };
  const items =
    known?.length === count
      ? known.map((item) => (isEnd(item.status) ? item : first))
      : Array.from({ length: count }, () => first);
  draft.setItems(position, items);
  draft.patchStep(position, { status: "mapped" });
  for (const [item, { status, attempts }] of items.entries())
    if (!isEnd(status)) draft.command({ type: "start-attempt", step: name, item, epoch: attempts });
  endIfItemsHave(draft, position);
}

/** Ends a mapped step when none of its items is left. */
export function endIfItemsHave(draft: Draft, position: number): void {
  if (draft.openItems(position) > 0) return;
  const items = draft.step(position).items!;
  const failed = items.findIndex(({ status }) => status === "failed");
  if (failed >= 0) return fail(draft, position, failureOf(items, failed));
  succeed(draft, position, {
    output: null,
    rows: items.reduce<RowCounts | null>((sum, { rows }) => addRows(sum, rows), null),
    assets: [...new Set(items.flatMap(({ assets }) => assets))],
  });
}

function failureOf(items: readonly ItemState[], first: number): Failure {
  const error = items[first]!.error!;
  const count = items.filter(({ status }) => status === "failed").length;
  return { ...error, message: `${count} of ${items.length} items failed; item ${first}: ${error.message}` };
}

function addRows(sum: RowCounts | null, rows: RowCounts | null): RowCounts | null {
  if (sum === null || rows === null) return sum ?? rows;
  return {
    in: sum.in + rows.in,
    out: sum.out + rows.out,
    duplicate: sum.duplicate + rows.duplicate,
    quarantined: sum.quarantined + rows.quarantined,
  };
}

/** One item per combination of what is mapped over; a failure when that can't be told, or is too much. */
function itemCount(draft: Draft, name: string, { over, batch }: MapControl): number | Failure {
  let count = 1;
  for (const source of over) {
    const position = draft.graph.positions.get(source);
    const length = position === undefined ? null : lengthOf(draft.step(position), batch);
    if (length === null) return notMappable(name, source, batch);
    count *= length;
  }
  if (count <= itemLimit) return count;
  return {
    code: "TASK_FAILED",
    message: `Step "${name}" would have ${count} items; ${itemLimit} are the most`,
    retryable: false,
    hint: "Map over batches, and let each item do several.",
  };
}

function notMappable(name: string, source: string, batch: number | null): Failure {
  return {
    code: "TASK_FAILED",
    message: `Step "${name}" maps over the output of "${source}", which is neither a list nor a dataset${batch === null ? " with a batch size" : ""}`,
    retryable: false,
    hint:
      batch === null
        ? "Return a list; for a dataset say how many rows an item has: map(rows, fn, { batch: 1000 })."
        : "Return a list or a dataset.",
  };
}

/** Elements of a list, or batches of a dataset; null when the output is neither. */
function lengthOf({ status, items, output }: StepState, batch: number | null): number | null {
  if (status !== "succeeded") return null;
  if (items !== null) return items.length;
  if (Array.isArray(output)) return output.length;
  if (typeof output !== "object" || output === null) return null;
  // What was too big for the state lies in the artifact store, and its size is beside the reference to it.
  const { kind, $artifact, length, rows } = output as Readonly<Record<string, unknown>>;
  if ($artifact !== undefined && isCount(length)) return length;
  return (kind === "dataset" || $artifact !== undefined) && isCount(rows) && batch !== null
    ? Math.ceil(rows / batch)
    : null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
