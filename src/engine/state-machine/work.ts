// Attempts at a step or at one item of a mapped step: which one counts, and how another begins.
import type { Draft, ItemPatch } from "./draft.ts";
import type { AttemptKey, ItemState, StepState } from "./state.ts";

export type Work = StepState | ItemState;

/** Where attempts are made: at a step, or at an item of it. */
export interface Place {
  readonly position: number;
  /** Null for a step that is not mapped. */
  readonly item: number | null;
}

/** The place an event speaks of, if its word about it counts: the attempt is the current one, and in one of `statuses`. */
export function placeOf(
  draft: Draft,
  { step, item, epoch }: AttemptKey,
  ...statuses: readonly Work["status"][]
): Place | null {
  const position = draft.graph.positions.get(step);
  if (position === undefined) return null;
  const work = workAt(draft, { position, item });
  // The epoch check is what makes a late word harmless: only the current attempt is heard.
  return work !== undefined && work.attempts === epoch && statuses.includes(work.status) ? { position, item } : null;
}

export function workAt(draft: Draft, { position, item }: Place): Work | undefined {
  const step = draft.step(position);
  if (item === null) return step;
  return step.status === "mapped" ? step.items![item] : undefined;
}

export function patchWork(draft: Draft, { position, item }: Place, patch: ItemPatch): void {
  if (item === null) draft.patchStep(position, patch);
  else draft.patchItem(position, item, patch);
}

export function keyOf(draft: Draft, { position, item }: Place): AttemptKey {
  return { step: draft.graph.steps[position]!.name, item, epoch: workAt(draft, { position, item })!.attempts };
}

/** Begins the next attempt. */
export function startAttempt(draft: Draft, place: Place): void {
  const { attempts, startedAt } = workAt(draft, place)!;
  patchWork(draft, place, {
    status: "queued",
    attempts: attempts + 1,
    wakeAt: null,
    startedAt: startedAt ?? draft.now,
  });
  draft.command({ type: "start-attempt", ...keyOf(draft, place) });
}
