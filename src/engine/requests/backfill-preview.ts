// What a backfill would do, before it is asked for. Partitions are counted by arithmetic, and only those that have runs
// are looked at, so that a million that have none cost nothing.
import { checkSelection, countPartitions, fixSelection, partitionKeys } from "../../pipeline/partition-selection.ts";
import { partitionAt, type DynamicKeys, type Partitions, type PartitionSelection } from "../../pipeline/partition.ts";
import { verdictOn } from "./backfill-scan.ts";
import type { BackfillMode } from "../stores/instruction.ts";
import type { PartitionStatus, RequestStore } from "../stores/request-store.ts";
import type { RunStore } from "../stores/run-store.ts";

export interface BackfillPreview {
  /** Partitions of the selection. */
  readonly total: number;
  readonly toRun: number;
  /** How those stand that have a run, by their newest. */
  readonly alreadySucceeded: number;
  readonly failed: number;
  readonly running: number;
  /** By the median of the pipeline's last runs that succeeded; null when there is none, and for `parallel` null. */
  readonly estimateSeconds: number | null;
}

export interface PreviewRequest {
  readonly pipeline: string;
  readonly partitions: Partitions;
  readonly selection: PartitionSelection;
  readonly mode: BackfillMode;
  readonly parallel: number;
}

/** Up to this many partitions are asked for by name. */
const byName = 5_000;
const page = 1_000;
/** So many of the last runs say how long one takes. */
const sample = 31;

/**
 * @param endOfTurn Awaited now and then, so that others come between.
 * @throws {SluiceError} USAGE when the selection can't be meant.
 */
export async function previewBackfill(
  store: Pick<RequestStore, "partitionStatuses"> & Pick<RunStore, "runs">,
  { pipeline, partitions, selection, mode, parallel }: PreviewRequest,
  dynamic: DynamicKeys,
  now: number,
  endOfTurn: () => Promise<void>,
): Promise<BackfillPreview> {
  checkSelection(partitions, selection, dynamic);
  const fixed = fixSelection(partitions, selection, dynamic, now);
  const total = countPartitions(partitions, fixed, dynamic, now);
  const statuses =
    total <= byName
      ? statusesByName(store, pipeline, partitionKeys(partitions, fixed, dynamic, now))
      : statusesOfAll(store, pipeline, (key) => includes(partitions, fixed, key));
  const counts = { known: 0, toRun: 0, succeeded: 0, failed: 0, running: 0, cancelled: 0 };
  for await (const status of statuses) {
    counts.known += 1;
    counts[status.status] += 1;
    if (verdictOn(mode, status, false) === "run") counts.toRun += 1;
    if (counts.known % page === 0) await endOfTurn();
  }
  const toRun = counts.toRun + (mode === "failed" ? 0 : total - counts.known);
  const seconds = await usualSeconds(store, pipeline);
  return {
    total,
    toRun,
    alreadySucceeded: counts.succeeded,
    failed: counts.failed,
    running: counts.running,
    estimateSeconds: seconds === null ? null : Math.round(seconds * Math.ceil(toRun / parallel)),
  };
}

async function* statusesByName(
  store: Pick<RequestStore, "partitionStatuses">,
  pipeline: string,
  names: Iterable<string>,
): AsyncGenerator<PartitionStatus> {
  const keys = [...names];
  for (let from = 0; from < keys.length; from += page)
    yield* await store.partitionStatuses(pipeline, { keys: keys.slice(from, from + page) });
}

async function* statusesOfAll(
  store: Pick<RequestStore, "partitionStatuses">,
  pipeline: string,
  isSelected: (key: string) => boolean,
): AsyncGenerator<PartitionStatus> {
  for (let after: string | undefined; ;) {
    const found = await store.partitionStatuses(pipeline, { limit: page, ...(after === undefined ? {} : { after }) });
    yield* found.filter(({ partition }) => isSelected(partition));
    if (found.length < page) return;
    after = found.at(-1)!.partition;
  }
}

/** Is a partition one of a selection? Not one that only an earlier definition of the pipeline had. */
function includes(partitions: Partitions, selection: PartitionSelection, key: string): boolean {
  try {
    const { start, keys } = partitionAt(partitions, key);
    switch (selection.type) {
      case "all":
        return true;
      case "keys":
        return selection.keys.includes(key);
      case "each":
        return (
          partitions.type === "combined" &&
          Object.entries(partitions.dimensions).every(([name, set]) =>
            includes(set, selection.dimensions[name] ?? { type: "all" }, keys[name]!),
          )
        );
      case "range": {
        if (partitions.type === "static") {
          const [at, from, to] = [key, selection.from, selection.to].map((each) => partitions.keys.indexOf(each));
          return from! <= at! && at! <= to!;
        }
        const [from, to] = [selection.from, selection.to].map((each) => partitionAt(partitions, each).start);
        return start !== null && from! <= start && start <= to!;
      }
    }
  } catch {
    return false;
  }
}

/** Median of how long the last runs that succeeded took. */
async function usualSeconds(store: Pick<RunStore, "runs">, pipeline: string): Promise<number | null> {
  const runs = await store.runs({ pipeline, status: "succeeded", limit: sample });
  const seconds = runs
    .flatMap(({ createdAt, finishedAt }) => (finishedAt === null ? [] : [(finishedAt - createdAt) / 1000]))
    .sort((a, b) => a - b);
  return seconds[seconds.length >> 1] ?? null;
}
