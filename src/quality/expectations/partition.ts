// Expected distributions as weights of bins or of values, and how they are held against what was seen. Pure.
import type { Json } from "../../json.ts";
import { refuseDefinition } from "./expectation.ts";
import { total } from "./probability.ts";

/** How numbers are expected to be spread: weights between the bins' edges, which may begin at -Infinity and end at Infinity. */
export interface BinnedPartition {
  /** Edges in ascending order; a bin has its lower edge and not its upper, but for the last, which has both. */
  readonly bins: readonly number[];
  /** One less than there are edges. With the tails, they add up to 1. */
  readonly weights: readonly number[];
  /** Weights below the first edge and above the last. */
  readonly tails?: readonly [number, number];
}

/** How values are expected to be spread. */
export interface ValuePartition {
  readonly values: readonly (string | number | boolean)[];
  /** One per value; they add up to 1. */
  readonly weights: readonly number[];
}

export type Partition = BinnedPartition | ValuePartition;

export function isBinned(partition: Partition): partition is BinnedPartition {
  return "bins" in partition;
}

/** Throws DEFINITION_INVALID where the weights don't make a distribution. */
export function checkPartition(name: string, partition: Partition): void {
  const wrong = (what: string): never =>
    refuseDefinition(name, what, "Give it { bins, weights } or { values, weights }; the weights add up to 1.");
  if (typeof partition !== "object" || partition === null || !Array.isArray(partition.weights))
    return wrong("there is no distribution to hold the column against");
  const { weights } = partition;
  const tails = isBinned(partition) ? (partition.tails ?? []) : [];
  if ([...weights, ...tails].some((weight) => !(weight >= 0 && weight <= 1))) wrong("a weight is not between 0 and 1");
  if (Math.abs(total([...weights, ...tails]) - 1) > 1e-5)
    wrong(`the weights add up to ${total([...weights, ...tails])}`);
  if (!isBinned(partition)) {
    if (!Array.isArray(partition.values)) return wrong("it has neither bins nor values");
    if (partition.values.length !== weights.length) wrong("there is not one weight per value");
    if (new Set(partition.values).size !== partition.values.length) wrong("a value is named twice");
    return;
  }
  const { bins } = partition;
  if (bins.length !== weights.length + 1) wrong("there is not one weight per bin");
  if (bins.some((edge, at) => at > 0 && !(edge > bins[at - 1]!))) wrong("the edges are not in ascending order");
  if (tails.length > 0 && (bins[0] === -Infinity || bins.at(-1) === Infinity))
    wrong("bins without end have no tails beside them");
}

export function describePartition(partition: Partition): Json {
  if (!isBinned(partition)) return { values: [...partition.values], weights: [...partition.weights] };
  return {
    bins: partition.bins.map((edge) => (Number.isFinite(edge) ? edge : String(edge))),
    weights: [...partition.weights],
    ...(partition.tails === undefined ? {} : { tails: [...partition.tails] }),
  };
}

export interface Holdout {
  /** Weight that is set aside for values below the first edge and above the last, or for values that are not named. */
  readonly tail: number;
  /** Weight that is set aside for bins in which nothing is expected. */
  readonly internal: number;
}

/** Observed and expected weights side by side: between finite edges, and in the tails. */
export interface Comparison {
  readonly bins: readonly number[];
  readonly observed: readonly number[];
  readonly expected: readonly number[];
  readonly observedTails: readonly [number, number];
  readonly expectedTails: readonly [number, number];
}

/** `counts` has the rows in each bin, `below` and `above` those beyond finite edges. */
export function compareBins(
  partition: BinnedPartition,
  counts: readonly number[],
  below: number,
  above: number,
  { tail, internal }: Holdout,
): Comparison {
  const n = total(counts) + below + above;
  let observed = counts.map((count) => count / n);
  const empty = partition.weights.filter((weight) => weight === 0).length;
  let expected = partition.weights.map((weight) =>
    weight === 0 && empty > 0 ? internal / empty : weight * (1 - tail - internal),
  );
  let bins = partition.bins;
  const [openBelow, openAbove] = [bins[0] === -Infinity, bins.at(-1) === Infinity];
  // What is held out goes to the tails that the partition does not have itself.
  const share = openBelow || openAbove ? tail : tail / 2;
  const expectedTails: [number, number] = [...(partition.tails ?? [share, share])];
  const observedTails: [number, number] = [below / n, above / n];
  if (openBelow) {
    [expectedTails[0], observedTails[0]] = [expected[0]!, observed[0]!];
    [expected, observed, bins] = [expected.slice(1), observed.slice(1), bins.slice(1)];
  }
  if (openAbove) {
    [expectedTails[1], observedTails[1]] = [expected.at(-1)!, observed.at(-1)!];
    [expected, observed, bins] = [expected.slice(0, -1), observed.slice(0, -1), bins.slice(0, -1)];
  }
  return { bins, observed, expected, observedTails, expectedTails };
}

/** The cumulative distribution of binned weights, straight between the edges. */
export function partitionCdf({ bins, weights }: BinnedPartition): (x: number) => number {
  const cumulative = [0];
  for (const weight of weights) cumulative.push(cumulative.at(-1)! + weight);
  return (x) => {
    if (x <= bins[0]!) return 0;
    if (x >= bins.at(-1)!) return 1;
    let [low, high] = [0, bins.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (bins[middle]! <= x) low = middle;
      else high = middle;
    }
    return cumulative[low]! + ((x - bins[low]!) / (bins[high]! - bins[low]!)) * weights[low]!;
  };
}
