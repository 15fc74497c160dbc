// When two attempts would come to the same result: the hash of what a result depends on. An item that is at hand doesn't
// depend on the rest of its list.
import { contentHash, type Json } from "../../json.ts";
import type { PlanStep } from "../../pipeline/plan.ts";
import { knownItem } from "./known-item.ts";

export interface Cacheable {
  readonly pipeline: string;
  readonly partition: string | null;
  readonly params: Json;
  /** What all items of a step share is hashed once: they hand in the same object. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

export function cacheKey(
  { name, kind, config, control }: PlanStep,
  { pipeline, partition, params, outputs }: Cacheable,
  position: number | null,
): string {
  const known = knownItem(control, outputs, position);
  const common = commonHash(outputs, known !== null && control.type === "map" ? control.over : []);
  return contentHash([pipeline, name, kind, config, partition, params, common, known, position]);
}

const hashes = new WeakMap<object, string>();

/** Hash of the outputs but those that are taken item by item, which are the same ones for all items. */
function commonHash(outputs: Readonly<Record<string, unknown>>, without: readonly string[]): string {
  let hash = hashes.get(outputs);
  if (hash === undefined) {
    hash = contentHash(Object.fromEntries(Object.entries(outputs).filter(([name]) => !without.includes(name))));
    hashes.set(outputs, hash);
  }
  return hash;
}
