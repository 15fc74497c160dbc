// What partitions are: the slices a pipeline works through one run at a time, and the rules that say which there are.
// A set of partitions is a rule, never a list: keys are made as they are asked for. Plain data, kept in the plan. Pure.
import { SluiceError } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import { checkPlainKey, dimensionsOf, joinKeys, splitKey } from "./partition-key.ts";
import { bounds, describeTime, lastEndedBy, positionIn, slotsOf } from "./time-partitions.ts";

/**
 * One slice. A slice of time is [start, end), as UTC instants in ISO 8601; other slices have neither. One of several
 * dimensions has the slice of time of the dimension that is time.
 */
export interface Partition {
  readonly key: string;
  readonly start: string | null;
  readonly end: string | null;
  /** The key in each dimension; empty where there is only one. */
  readonly keys: Readonly<Record<string, string>>;
  /**
   * What slices of time have in common that are compared with one another: the keys in the dimensions that are not time,
   * as JSON; empty where time is all there is. A partition that is no slice of time is a series of its own, by its key.
   */
  readonly series: string;
}

/** A slice of time. */
export interface TimePartition extends Partition {
  readonly start: string;
  readonly end: string;
}

/** Slices of time, by calendar unit or between the ticks of a cron expression. */
export interface TimePartitions {
  readonly type: "time";
  readonly unit: "hour" | "day" | "week" | "month" | "cron";
  /** Only where the unit is "cron". */
  readonly cron: string | null;
  /** Key of the first. */
  readonly from: string;
  /** Key of the last; null when there is no last. */
  readonly to: string | null;
  /** IANA zone whose clocks begin and end them. */
  readonly timeZone: string;
}

/** A fixed list of names. */
export interface StaticPartitions<Key extends string = string> {
  readonly type: "static";
  readonly keys: readonly Key[];
}

/** Names that are added and removed while the project runs, kept in the state under the name of their set. */
export interface DynamicPartitions {
  readonly type: "dynamic";
  readonly set: string;
}

/** Partitions that are not combined of others. */
export type SimplePartitions = TimePartitions | StaticPartitions | DynamicPartitions;

/** Each combination of the keys of two or more dimensions, at most one of them time. */
export interface CombinedPartitions<
  Dimensions extends Readonly<Record<string, SimplePartitions>> = Readonly<Record<string, SimplePartitions>>,
> {
  readonly type: "combined";
  readonly dimensions: Dimensions;
  /** Their names in the order in which their keys make up the combined key. */
  readonly order: readonly (keyof Dimensions & string)[];
}

/** How a pipeline's work is cut, as plain data in the plan. */
export type Partitions = SimplePartitions | CombinedPartitions;

/** The partition that a pipeline with these partitions is given, as exactly as it is known. */
export type PartitionOf<P extends Partitions> = P extends TimePartitions
  ? TimePartition
  : P extends StaticPartitions<infer Key>
    ? Omit<Partition, "key"> & { readonly key: Key }
    : P extends CombinedPartitions<infer Dimensions>
      ? Omit<[TimeDimension<Dimensions>] extends [never] ? Partition : TimePartition, "keys"> & {
          readonly keys: { readonly [Name in keyof Dimensions]: PartitionOf<Dimensions[Name]>["key"] };
        }
      : Partition;

type TimeDimension<Dimensions> = {
  [Name in keyof Dimensions]: Dimensions[Name] extends TimePartitions ? Name : never;
}[keyof Dimensions];

/** Which partitions of a set are meant, as data that outlives the process. */
export type PartitionSelection =
  /** Both ends inclusive. Of slices of time, or of a fixed list in its order. */
  | { readonly type: "range"; readonly from: string; readonly to: string }
  | { readonly type: "keys"; readonly keys: readonly string[] }
  /** All there are; of slices of time without a last one, those that have ended. */
  | { readonly type: "all" }
  /** Of combined partitions: a selection for each dimension. */
  | { readonly type: "each"; readonly dimensions: Readonly<Record<string, PartitionSelection>> };

/** Keys of a dynamic set, in the order in which they were added. */
export type DynamicKeys = (set: string) => readonly string[];

/**
 * The partition with this key; USAGE, in one line, when the set has none. Without `dynamic`, any name counts as one of
 * a dynamic set.
 */
export function partitionAt(partitions: Partitions, key: string, dynamic?: DynamicKeys): Partition {
  if (partitions.type === "combined") {
    const keys = splitKey(partitions, key);
    const parts = dimensionsOf(partitions).map(([name, dimension]) => partitionAt(dimension, keys[name]!, dynamic));
    const time = parts.find((part) => part.start !== null);
    const series = seriesOf(partitions, key, keys);
    return { key, start: time?.start ?? null, end: time?.end ?? null, keys, series };
  }
  if (partitions.type === "time") {
    const position = positionIn(partitions, key);
    const { startAt } = slotsOf(partitions);
    return { key, start: isoOf(startAt(position)), end: isoOf(startAt(position + 1)), keys: {}, series: "" };
  }
  checkMember(partitions, key, dynamic);
  return { key, start: null, end: null, keys: {}, series: key };
}

function seriesOf(partitions: CombinedPartitions, key: string, keys: Readonly<Record<string, string>>): string {
  const time = timeDimension(partitions);
  if (time === null) return key;
  return canonicalJson(Object.fromEntries(Object.entries(keys).filter(([name]) => name !== time.name)));
}

/** Some partition that serves to find out a pipeline's shape: the first; of a dynamic set, one that is made up. */
export function firstPartition(partitions: Partitions): Partition {
  return partitionAt(partitions, firstKey(partitions));
}

function firstKey(partitions: Partitions): string {
  if (partitions.type === "time") return partitions.from;
  if (partitions.type === "static") return partitions.keys[0]!;
  if (partitions.type === "dynamic") return "example";
  return joinKeys(dimensionsOf(partitions).map(([, dimension]) => firstKey(dimension)));
}

/** Is there a partition before another, in time? */
export function isSequential(partitions: Partitions): boolean {
  return timeDimension(partitions) !== null;
}

/** The key of the partition before, in time; null for the first, and where there is no time. */
export function previousPartition(partitions: Partitions, key: string): string | null {
  const time = timeDimension(partitions);
  if (time === null) return null;
  const own = keyIn(partitions, time.name, key);
  const position = positionIn(time.set, own) - 1;
  if (position < bounds(time.set).first) return null;
  return withKey(partitions, time.name, key, slotsOf(time.set).keyAt(position));
}

/**
 * The partitions that a tick of the schedule is for: of time, the last one that has ended by then, if the set has it;
 * otherwise all there are. Combined, each combination of those. Null stands for a pipeline without partitions.
 */
export function partitionsOfTick(partitions: Partitions | null, tick: number, dynamic: DynamicKeys): (string | null)[] {
  return partitions === null ? [null] : keysOfTick(partitions, tick, dynamic);
}

function keysOfTick(partitions: Partitions, tick: number, dynamic: DynamicKeys): string[] {
  if (partitions.type === "static") return [...partitions.keys];
  if (partitions.type === "dynamic") return [...dynamic(partitions.set)];
  if (partitions.type === "combined") {
    const lists = dimensionsOf(partitions).map(([, dimension]) => keysOfTick(dimension, tick, dynamic));
    return lists
      .reduce<string[][]>((tuples, keys) => tuples.flatMap((tuple) => keys.map((key) => [...tuple, key])), [[]])
      .map(joinKeys);
  }
  const position = lastEndedBy(partitions, tick);
  const { first, last } = bounds(partitions);
  return position < first || position > last ? [] : [slotsOf(partitions).keyAt(position)];
}

/**
 * The partitions of another pipeline that `key` has to do with, after a shift by `offset` own partitions: by time, all
 * that overlap it; by names, the same one. None where the other pipeline's partitions don't reach.
 */
export function overlappingPartitions(own: Partitions, key: string, offset: number, other: Partitions): string[] {
  if (own.type !== "combined" && other.type !== "combined") return overlappingKeys(own, key, offset, other);
  // Dimension by dimension: those of one name, else the one that is time; what the other alone has can't be told.
  const lists = (other.type === "combined" ? dimensionsOf(other) : ([[null, other]] as const)).map(
    ([name, dimension]) => {
      const match = counterpart(own, name, dimension);
      if (match === null) throw notComparable(own, other);
      return overlappingKeys(match.set, keyIn(own, match.name, key), dimension.type === "time" ? offset : 0, dimension);
    },
  );
  return lists
    .reduce<string[][]>((tuples, keys) => tuples.flatMap((tuple) => keys.map((each) => [...tuple, each])), [[]])
    .map(joinKeys);
}

function overlappingKeys(own: SimplePartitions, key: string, offset: number, other: SimplePartitions): string[] {
  if (own.type === "time" && other.type === "time") {
    const position = positionIn(own, key) + offset;
    const [start, end] = [slotsOf(own).startAt(position), slotsOf(own).startAt(position + 1)];
    if (start >= end) return [];
    const { positionAt, keyAt } = slotsOf(other);
    const { first, last } = bounds(other);
    const from = Math.max(first, positionAt(start));
    const to = Math.min(last, positionAt(end - 1));
    return Array.from({ length: Math.max(0, to - from + 1) }, (_unused, at) => keyAt(from + at));
  }
  if (own.type === "time" || other.type === "time") throw notComparable(own, other);
  if (offset !== 0) {
    throw new SluiceError("DEFINITION_INVALID", "There is no partition before another in partitions by name", {
      hint: "Leave out the offset.",
    });
  }
  return other.type === "static" && !other.keys.includes(key) ? [] : [key];
}

function counterpart(
  own: Partitions,
  name: string | null,
  dimension: SimplePartitions,
): { readonly name: string | null; readonly set: SimplePartitions } | null {
  if (own.type !== "combined")
    return (own.type === "time") === (dimension.type === "time") ? { name: null, set: own } : null;
  if (dimension.type === "time") return timeDimension(own);
  const named = dimensionsOf(own).filter(([, set]) => set.type !== "time");
  const match = named.find(([each]) => each === name) ?? (named.length === 1 && name === null ? named[0] : undefined);
  return match === undefined ? null : { name: match[0], set: match[1] };
}

function notComparable(own: Partitions, other: Partitions): SluiceError {
  return new SluiceError(
    "DEFINITION_INVALID",
    `Partitions by ${describePartitions(own)} say nothing of ${describePartitions(other)}`,
    { hint: "Wait for a pipeline that is cut in the same way, by time or by the same names." },
  );
}

/** The dimension of time, or the set itself where it is one; null where there is none. */
export function timeDimension(
  partitions: Partitions,
): { readonly name: string | null; readonly set: TimePartitions } | null {
  if (partitions.type === "time") return { name: null, set: partitions };
  if (partitions.type !== "combined") return null;
  const found = dimensionsOf(partitions).find(([, dimension]) => dimension.type === "time");
  return found === undefined ? null : { name: found[0], set: found[1] as TimePartitions };
}

function keyIn(partitions: Partitions, name: string | null, key: string): string {
  return partitions.type === "combined" ? splitKey(partitions, key)[name!]! : key;
}

function withKey(partitions: Partitions, name: string | null, key: string, own: string): string {
  if (partitions.type !== "combined") return own;
  const keys = { ...splitKey(partitions, key), [name!]: own };
  return joinKeys(partitions.order.map((each) => keys[each]!));
}

/** The set in a few words: "days from 2026-01-01 in Asia/Taipei", "eu, us", "the set customers". */
export function describePartitions(partitions: Partitions): string {
  if (partitions.type === "time") return describeTime(partitions);
  if (partitions.type === "dynamic") return `the set ${partitions.set}`;
  if (partitions.type === "combined") {
    return dimensionsOf(partitions)
      .map(([name, dimension]) => `${name}: ${describePartitions(dimension)}`)
      .join(" × ");
  }
  const shown = partitions.keys.slice(0, 5).join(", ");
  return partitions.keys.length > 5 ? `${shown} and ${partitions.keys.length - 5} more` : shown;
}

function checkMember(partitions: StaticPartitions | DynamicPartitions, key: string, dynamic?: DynamicKeys): void {
  if (partitions.type === "static") {
    if (partitions.keys.includes(key)) return;
    throw new SluiceError("USAGE", `"${key}" is not one of the pipeline's partitions`, {
      hint: `There are ${describePartitions(partitions)}.`,
    });
  }
  checkPlainKey(key, "USAGE");
  if (dynamic === undefined || dynamic(partitions.set).includes(key)) return;
  throw new SluiceError("USAGE", `"${key}" is not in the set of partitions "${partitions.set}"`, {
    hint: `Add it: sluice partitions add ${partitions.set} ${key}`,
  });
}

function isoOf(instant: number): string {
  return new Date(instant).toISOString();
}
