// Which partitions of a set are meant, and how many, and which is the n-th: answered by arithmetic, never by making the
// list. So a backfill over a million partitions can be counted, begun and taken up again anywhere. Pure.
import { SluiceError } from "../errors.ts";
import { dimensionsOf, joinKeys, splitKey } from "./partition-key.ts";
import {
  describePartitions,
  partitionAt,
  type CombinedPartitions,
  type DynamicKeys,
  type Partitions,
  type PartitionSelection,
  type SimplePartitions,
} from "./partition.ts";
import { bounds, lastEndedBy, positionIn, slotsOf } from "./time-partitions.ts";

/** Partitions in an order in which any of them can be reached directly. */
export interface SelectedPartitions {
  readonly count: number;
  /** The key at a place from 0 to `count` - 1. */
  readonly keyAt: (index: number) => string;
}

/** The partitions a selection means at the time `now`, checked; USAGE, in one line, where the set has none such. */
export function selectPartitions(
  partitions: Partitions,
  selection: PartitionSelection,
  dynamic: DynamicKeys,
  now: number,
): SelectedPartitions {
  checkSelection(partitions, selection, dynamic);
  return selected(partitions, selection, dynamic, now);
}

/**
 * Keys of a selection in order, made as they are drawn. What can't be meant throws at once. Without `now`, "all" slices
 * of time of a set without a last one never end.
 */
export function partitionKeys(
  partitions: Partitions,
  selection: PartitionSelection,
  dynamic: DynamicKeys,
  now: number = Number.POSITIVE_INFINITY,
): Generator<string> {
  return keysOf(selectPartitions(partitions, selection, dynamic, now));
}

function* keysOf({ count, keyAt }: SelectedPartitions): Generator<string> {
  for (let index = 0; index < count; index += 1) yield keyAt(index);
}

/** How many partitions a selection means at the time `now`. */
export function countPartitions(
  partitions: Partitions,
  selection: PartitionSelection,
  dynamic: DynamicKeys,
  now: number,
): number {
  return selectPartitions(partitions, selection, dynamic, now).count;
}

/** The key at a place of a selection, from 0 to `countPartitions` - 1; INTERNAL beyond. */
export function partitionKeyAt(
  partitions: Partitions,
  selection: PartitionSelection,
  index: number,
  dynamic: DynamicKeys,
  now: number = Number.POSITIVE_INFINITY,
): string {
  const { count, keyAt } = selected(partitions, selection, dynamic, now);
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return keyAt(index);
  throw new SluiceError("INTERNAL", `The selection has ${count} partitions, and none at place ${index}`);
}

/**
 * The same selection, fixed as it is at the time `now`: it means the same partitions ever after, whatever time passes and
 * whatever is added to a dynamic set.
 */
export function fixSelection(
  partitions: Partitions,
  selection: PartitionSelection,
  dynamic: DynamicKeys,
  now: number,
): PartitionSelection {
  if (selection.type === "range" || selection.type === "keys") return selection;
  if (partitions.type === "combined") {
    return {
      type: "each",
      dimensions: Object.fromEntries(
        dimensionsOf(partitions).map(([name, set]) => [
          name,
          fixSelection(set, selectionOf(selection, name), dynamic, now),
        ]),
      ),
    };
  }
  if (partitions.type === "static") return { type: "keys", keys: partitions.keys };
  if (partitions.type === "dynamic") return { type: "keys", keys: [...dynamic(partitions.set)] };
  const { count, keyAt } = selected(partitions, selection, dynamic, now);
  return count === 0 ? { type: "keys", keys: [] } : { type: "range", from: keyAt(0), to: keyAt(count - 1) };
}

function selected(
  partitions: Partitions,
  selection: PartitionSelection,
  dynamic: DynamicKeys,
  now: number,
): SelectedPartitions {
  if (selection.type === "keys") return listed(selection.keys);
  if (partitions.type === "combined") return combined(partitions, selection, dynamic, now);
  if (selection.type === "each") throw noDimensions(partitions);
  if (partitions.type === "time") {
    const { first, last } = bounds(partitions);
    const [from, to] =
      selection.type === "range"
        ? [positionIn(partitions, selection.from), positionIn(partitions, selection.to)]
        : [first, Number.isFinite(last) || !Number.isFinite(now) ? last : lastEndedBy(partitions, now)];
    if (selection.type === "range" && from > to) throw emptyRange(selection.from, selection.to);
    const { keyAt } = slotsOf(partitions);
    return { count: Math.max(0, to - from + 1), keyAt: (index) => keyAt(from + index) };
  }
  if (partitions.type === "dynamic") {
    if (selection.type === "all") return listed(dynamic(partitions.set));
    throw new SluiceError("USAGE", `The set of partitions "${partitions.set}" has no order, so no range`, {
      hint: "Name the partitions: --partition a,b.",
    });
  }
  if (selection.type === "all") return listed(partitions.keys);
  partitionAt(partitions, selection.from);
  partitionAt(partitions, selection.to);
  const [from, to] = [partitions.keys.indexOf(selection.from), partitions.keys.indexOf(selection.to)];
  if (from > to) throw emptyRange(selection.from, selection.to);
  return { count: to - from + 1, keyAt: (index) => partitions.keys[from + index]! };
}

function listed(keys: readonly string[]): SelectedPartitions {
  return { count: keys.length, keyAt: (index) => keys[index]! };
}

/** Each combination of what is selected in each dimension; that of the last dimension changes fastest. */
function combined(
  partitions: CombinedPartitions,
  selection: PartitionSelection,
  dynamic: DynamicKeys,
  now: number,
): SelectedPartitions {
  if (selection.type === "range") {
    throw new SluiceError("USAGE", "A range of partitions of several dimensions needs to say of which", {
      hint: `Name it: --from ${partitions.order[0]}=${selection.from}`,
    });
  }
  const parts = dimensionsOf(partitions).map(([name, set]) =>
    selected(set, selectionOf(selection, name), dynamic, now),
  );
  return {
    count: parts.reduce((product, part) => product * part.count, 1),
    keyAt: (index) => {
      const keys: string[] = [];
      let rest = index;
      for (const part of parts.toReversed()) {
        keys.unshift(part.keyAt(rest % part.count));
        rest = Math.floor(rest / part.count);
      }
      return joinKeys(keys);
    },
  };
}

function selectionOf(selection: PartitionSelection, dimension: string): PartitionSelection {
  return (selection.type === "each" ? selection.dimensions[dimension] : undefined) ?? { type: "all" };
}

/** USAGE, in one line, when a selection names what the set does not have. Without `dynamic`, dynamic sets have any name. */
export function checkSelection(partitions: Partitions, selection: PartitionSelection, dynamic?: DynamicKeys): void {
  if (selection.type === "keys") {
    checkKeys(partitions, selection.keys, dynamic);
  } else if (selection.type === "range") {
    selected(partitions, selection, () => [], 0);
  } else if (selection.type === "each") {
    if (partitions.type !== "combined") throw noDimensions(partitions);
    for (const [name, each] of Object.entries(selection.dimensions)) {
      checkSelection(dimensionNamed(partitions, name), each, dynamic);
    }
  }
}

/** Each name is looked up once, however many keys there are and however many names the set has. */
function checkKeys(partitions: Partitions, keys: readonly string[], dynamic: DynamicKeys | undefined): void {
  if (partitions.type === "combined") {
    const tuples = keys.map((key) => splitKey(partitions, key));
    for (const [name, set] of dimensionsOf(partitions)) {
      checkKeys(set, [...new Set(tuples.map((tuple) => tuple[name]!))], dynamic);
    }
    return;
  }
  const members = new Set(
    partitions.type === "static" ? partitions.keys : partitions.type === "dynamic" ? dynamic?.(partitions.set) : [],
  );
  for (const key of keys) if (!members.has(key)) partitionAt(partitions, key, dynamic);
}

/** The dimension of that name; USAGE when there is none. */
export function dimensionNamed(partitions: CombinedPartitions, name: string): SimplePartitions {
  if (partitions.order.includes(name)) return partitions.dimensions[name]!;
  throw new SluiceError("USAGE", `The pipeline's partitions have no dimension "${name}"`, {
    hint: `They have ${partitions.order.join(", ")}.`,
  });
}

function noDimensions(partitions: Partitions): SluiceError {
  return new SluiceError("USAGE", `The pipeline's partitions, ${describePartitions(partitions)}, have no dimensions`, {
    hint: "Leave out the name before the key.",
  });
}

function emptyRange(from: string, to: string): SluiceError {
  return new SluiceError("USAGE", `The range is empty: ${from} is after ${to}`, { hint: "Swap --from and --to." });
}
