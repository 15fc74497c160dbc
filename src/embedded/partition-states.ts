// How the partitions of a pipeline stand, read from what is stored in pages. Slices of time that have no run are never
// made one by one: what lies between two that have is a range, whose size is arithmetic.
import { setImmediate as turn } from "node:timers/promises";
import type { PartitionStatus } from "../engine/stores/request-store.ts";
import {
  buildRanges,
  type PartitionState,
  type PartitionSummary,
  type RangeBuilder,
} from "../monitor/partition-summary.ts";
import { selectPartitions } from "../pipeline/partition-selection.ts";
import type { DynamicKeys, PartitionSelection, TimePartitions } from "../pipeline/partition.ts";
import type { Plan } from "../pipeline/plan.ts";
import { positionIn, slotsOf } from "../pipeline/time-partitions.ts";
import type { EngineReader } from "./reader.ts";

export interface PartitionQuestion {
  /** @default all there are */
  readonly selection?: PartitionSelection;
  /** Which the ranges are of. @default every partition */
  readonly lists?: (state: PartitionState, everSucceeded: boolean) => boolean;
  /** Ranges at most. */
  readonly limit: number;
  readonly now: number;
}

const pageSize = 1_000;
/** How many statuses are held in memory at a time. */
const keptAtMost = 300_000;

/** The keys of every dynamic set that a plan's partitions name, read now. */
export async function dynamicKeys(store: EngineReader, plan: Plan): Promise<DynamicKeys> {
  const { partitions } = plan;
  const parts =
    partitions === null ? [] : partitions.type === "combined" ? Object.values(partitions.dimensions) : [partitions];
  const sets = new Map<string, readonly string[]>();
  for (const part of parts) if (part.type === "dynamic") sets.set(part.set, await store.partitionKeys(part.set));
  return (set) => sets.get(set) ?? [];
}

export async function partitionStates(
  store: EngineReader,
  plan: Plan & { readonly partitions: NonNullable<Plan["partitions"]> },
  { selection = { type: "all" }, lists = () => true, limit, now }: PartitionQuestion,
): Promise<PartitionSummary> {
  const builder = buildRanges(lists, limit);
  const dynamic = await dynamicKeys(store, plan);
  const { partitions, pipeline } = plan;
  const { count, keyAt } = selectPartitions(partitions, selection, dynamic, now);
  if (count === 0) return builder.summary(pipeline);
  if (partitions.type === "time" && selection.type !== "keys")
    await addSlices(builder, store, pipeline, partitions, { from: keyAt(0), to: keyAt(count - 1) });
  else await addKeys(builder, store, pipeline, count, keyAt);
  return builder.summary(pipeline);
}

/** Slices of time: those that have runs come in the order of their keys, which is that of time. */
async function addSlices(
  builder: RangeBuilder,
  store: EngineReader,
  pipeline: string,
  partitions: TimePartitions,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const { keyAt } = slotsOf(partitions);
  const last = positionIn(partitions, to);
  let next = positionIn(partitions, from);
  const addMissing = (until: number): void => {
    if (until < next) return;
    builder.add({ from: keyAt(next), to: keyAt(until), count: until - next + 1, status: "missing" }, false);
  };
  /** Adds what is neighbours in one go, so that a place is worked out for the ends of a stretch and not for each slice. */
  const addStretch = (statuses: readonly PartitionStatus[]): void => {
    const [first, end] = [positionOf(partitions, statuses[0]!), positionOf(partitions, statuses.at(-1)!)];
    if (first !== null && end !== null && end - first === statuses.length - 1 && areAlike(partitions, statuses)) {
      addMissing(first - 1);
      addStatuses(builder, statuses);
      next = end + 1;
    } else if (statuses.length > 1) {
      const middle = statuses.length >> 1;
      addStretch(statuses.slice(0, middle));
      addStretch(statuses.slice(middle));
    }
    // Else it is of an earlier definition of the pipeline.
  };
  const first = await store.partitionStatuses(pipeline, { keys: [from] });
  if (first.length > 0) addStretch(first);
  for (let after = from; ;) {
    const page = await store.partitionStatuses(pipeline, { after, limit: pageSize });
    const wanted =
      page.at(-1) !== undefined && page.at(-1)!.partition > to ? page.filter((row) => row.partition <= to) : page;
    if (wanted.length > 0) addStretch(wanted);
    if (wanted.length < pageSize) break;
    after = page.at(-1)!.partition;
    // Whoever reads this in a service must not keep others waiting.
    await turn();
  }
  addMissing(last);
}

/**
 * Can nothing but slices of this definition lie between two of them? Keys of an earlier one are of another length, except
 * where clocks or ticks decide which there are.
 */
function areAlike({ unit, timeZone }: TimePartitions, statuses: readonly PartitionStatus[]): boolean {
  if (statuses.length === 1) return true;
  if (unit === "cron" || (unit === "hour" && timeZone !== "UTC")) return false;
  const { length } = statuses[0]!.partition;
  return statuses.every(({ partition }) => partition.length === length);
}

function positionOf(partitions: TimePartitions, { partition }: PartitionStatus): number | null {
  try {
    return positionIn(partitions, partition);
  } catch {
    return null;
  }
}

/** Partitions of other kinds, in their order, which is not that in which those with runs are read. */
async function addKeys(
  builder: RangeBuilder,
  store: EngineReader,
  pipeline: string,
  count: number,
  keyAt: (index: number) => string,
): Promise<void> {
  const known = count <= pageSize ? null : await allStatuses(store, pipeline);
  for (let from = 0; from < count; from += pageSize) {
    const keys = Array.from({ length: Math.min(pageSize, count - from) }, (_, place) => keyAt(from + place));
    const statuses = known ?? byPartition(await store.partitionStatuses(pipeline, { keys, limit: keys.length }));
    for (const key of keys) add(builder, key, statuses.get(key));
    await turn();
  }
}

/** All of a pipeline's at once; null where they are too many to be kept, and are better asked for by name. */
async function allStatuses(store: EngineReader, pipeline: string): Promise<Map<string, PartitionStatus> | null> {
  const known = new Map<string, PartitionStatus>();
  for (let after = ""; ;) {
    const page = await store.partitionStatuses(pipeline, { after, limit: pageSize });
    for (const status of page) known.set(status.partition, status);
    if (known.size > keptAtMost) return null;
    if (page.length < pageSize) return known;
    after = page.at(-1)!.partition;
    await turn();
  }
}

function byPartition(statuses: readonly PartitionStatus[]): Map<string, PartitionStatus> {
  return new Map(statuses.map((status) => [status.partition, status]));
}

/** Adds neighbours, those that stand alike in one go. */
function addStatuses(builder: RangeBuilder, statuses: readonly PartitionStatus[]): void {
  let begin = 0;
  for (let end = 1; end <= statuses.length; end += 1) {
    const [one, other] = [statuses[begin]!, statuses[end]];
    if (other?.status === one.status && other.everSucceeded === one.everSucceeded) continue;
    const range = { from: one.partition, to: statuses[end - 1]!.partition, count: end - begin, status: one.status };
    builder.add(range, one.everSucceeded);
    begin = end;
  }
}

function add(builder: RangeBuilder, key: string, status: PartitionStatus | undefined): void {
  builder.add({ from: key, to: key, count: 1, status: status?.status ?? "missing" }, status?.everSucceeded ?? false);
}
