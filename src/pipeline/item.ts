// Items of a mapped step: which element, or combination of elements, each of them is. Pure.
import { canonicalJson } from "../json.ts";
import type { Control, PlanStep } from "./plan.ts";

type MapControl = Extract<Control, { type: "map" }>;

/**
 * The item at a position from 0: an element of the list, or an object with an element of each list, where that of the
 * last list changes fastest. `lists` are the outputs of the steps in `control.over`, in that order.
 */
export function itemAt(control: MapControl, lists: readonly (readonly unknown[])[], position: number): unknown {
  if (control.fields == null) return lists[0]?.[position];
  let rest = position;
  const entries: [string, unknown][] = [];
  for (const [at, field] of [...control.fields.entries()].reverse()) {
    const list = lists[at]!;
    entries.unshift([field, list[rest % list.length]]);
    rest = Math.floor(rest / list.length);
  }
  return Object.fromEntries(entries);
}

/** The key under which attempts at an item are counted; the step's own where no field makes it finer. */
export function concurrencyKey(concurrency: NonNullable<PlanStep["concurrency"]>, item: unknown): string {
  const { key, per } = concurrency;
  if (per === null) return key;
  const value = typeof item === "object" && item !== null ? (item as Record<string, unknown>)[per] : undefined;
  return `${key}:${canonicalJson(value ?? null)}`;
}
