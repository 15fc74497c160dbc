// Partitions by name, and keys that are made up of the keys of several dimensions: "2026-01-01|eu".
import { SluiceError, type ErrorCode } from "../errors.ts";
import type { CombinedPartitions, DynamicPartitions, SimplePartitions, StaticPartitions } from "./partition.ts";

const separator = "|";

/** One partition for each of these names, in this order. */
export function staticPartitions<const Key extends string>(keys: readonly Key[]): StaticPartitions<Key> {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new SluiceError("DEFINITION_INVALID", "staticPartitions has no keys", {
      hint: 'Name them: staticPartitions(["eu", "us"]).',
    });
  }
  const seen = new Set<string>();
  for (const key of keys) {
    checkPlainKey(key, "DEFINITION_INVALID");
    if (seen.has(key)) {
      throw new SluiceError("DEFINITION_INVALID", `staticPartitions names "${key}" twice`, { hint: "Leave one out." });
    }
    seen.add(key);
  }
  return Object.freeze({ type: "static", keys: Object.freeze([...keys]) });
}

/** Partitions whose names are added and removed while the project runs: `sluice partitions add SET KEY`. */
export function dynamicPartitions(set: string): DynamicPartitions {
  if (typeof set !== "string" || !/^[a-z][a-z0-9_]{0,63}$/.test(set)) {
    throw new SluiceError("DEFINITION_INVALID", `"${set}" can't be the name of a set of partitions`, {
      hint: "Use lower-case letters, digits and _, starting with a letter, at most 64.",
    });
  }
  return Object.freeze({ type: "dynamic", set });
}

/**
 * One partition for each combination of the partitions of two or more dimensions, under a key such as "2026-01-01|eu".
 * One dimension may be time.
 */
export function combine<const D extends Readonly<Record<string, SimplePartitions>>>(
  dimensions: D,
): CombinedPartitions<D> {
  const order = Object.keys(dimensions);
  const bad = order.find((name) => !/^[a-z][a-zA-Z0-9_]{0,63}$/.test(name));
  if (bad !== undefined) {
    throw new SluiceError("DEFINITION_INVALID", `"${bad}" can't be the name of a dimension of partitions`, {
      hint: "Use letters, digits and _, starting with a lower-case letter, at most 64.",
    });
  }
  const other = Object.values(dimensions).find((set) => !["time", "static", "dynamic"].includes(set?.type));
  if (other !== undefined || order.length < 2) {
    throw new SluiceError("DEFINITION_INVALID", "combine needs two or more dimensions, each of partitions of its own", {
      hint: 'Write combine({ day: daily({ from: "2026-01-01" }), region: staticPartitions(["eu", "us"]) }).',
    });
  }
  const times = order.filter((name) => dimensions[name]!.type === "time");
  if (times.length > 1) {
    throw new SluiceError("DEFINITION_INVALID", `combine has more than one dimension of time: ${times.join(" and ")}`, {
      hint: "Keep one: a partition has one start and one end.",
    });
  }
  return Object.freeze({ type: "combined", dimensions: Object.freeze({ ...dimensions }), order: Object.freeze(order) });
}

/** Dimensions in the order of their keys. */
export function dimensionsOf({
  dimensions,
  order,
}: CombinedPartitions): readonly (readonly [string, SimplePartitions])[] {
  return order.map((name) => [name, dimensions[name]!] as const);
}

export function joinKeys(keys: readonly string[]): string {
  return keys.join(separator);
}

/** The keys that a combined key is made up of, by dimension. */
export function splitKey({ order }: CombinedPartitions, key: string): Readonly<Record<string, string>> {
  const keys = String(key).split(separator);
  if (keys.length === order.length) return Object.fromEntries(order.map((name, at) => [name, keys[at]!]));
  throw new SluiceError("USAGE", `"${key}" does not have a key for each of ${order.join(", ")}`, {
    hint: `Write them in this order with "${separator}" between: ${order.map((name) => name.toUpperCase()).join(separator)}`,
  });
}

/** Keys by name stand in commands and in combined keys, so some characters can't be in them. */
export function checkPlainKey(key: string, code: ErrorCode): void {
  if (typeof key === "string" && key !== "" && key.length <= 200 && key.isWellFormed() && !/[|\p{Cc}]/u.test(key))
    return;
  throw new SluiceError(code, `${JSON.stringify(key)} can't be the key of a partition`, {
    hint: 'Use a name of 1 to 200 characters without "|" and without control characters.',
  });
}
