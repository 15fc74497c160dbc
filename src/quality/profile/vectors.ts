// Embeddings as numbers that can be kept: where they centre, how far they spread, and how far each lies from the centre.
import { binCounts, quantileEdges } from "../drift/bins.ts";
import { type Histogram, mergeHistograms } from "./histogram.ts";

export interface VectorProfile {
  readonly dimensions: number;
  /** Vectors it was made of: at most 2,000, drawn evenly. */
  readonly vectors: number;
  readonly centre: readonly number[];
  /** Sum of the variances of all dimensions. */
  readonly spread: number;
  /** Traces of the square and the cube of the covariance matrix: with `spread`, in how many dimensions they really vary. */
  readonly squaredSpread: number;
  readonly cubedSpread: number;
  /** Distances of the vectors to the centre of all others. */
  readonly distances: Histogram;
  readonly min: number;
  readonly max: number;
}

/** Vectors drawn from a table. */
export const vectorsDrawn = 2_000;
/** Pairs of vectors that `squaredSpread` is taken from. */
const pairLimit = 60_000;

/** The profile of vectors of one length; null for fewer than two, or where lengths differ. */
export function profileVectors(vectors: readonly (readonly number[])[]): VectorProfile | null {
  const dimensions = vectors[0]?.length ?? 0;
  const count = vectors.length;
  if (count < 2 || dimensions === 0 || !vectors.every((vector) => isFinite(vector, dimensions))) return null;
  const centre = centreOf(vectors);
  const centred = vectors.map((vector) => Float64Array.from(vector, (value, position) => value - centre[position]!));
  const squares = centred.map((vector) => dot(vector, vector));
  const spread = squares.reduce((sum, square) => sum + square, 0) / (count - 1);
  // To the centre of all others, as a new vector's is to the centre of all: or each would pull the centre to itself.
  const own = squares.map((square) => (Math.sqrt(square) * count) / (count - 1));
  const sorted = own.sort((a, b) => a - b);
  const edges = quantileEdges(sorted, 50);
  return {
    dimensions,
    vectors: count,
    centre,
    spread,
    ...higherSpreads(centred, spread),
    distances: { edges, counts: binCounts(sorted, edges), discrete: false },
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/**
 * Means of (x·y)² and of (x·y)(y·z)(z·x) over different vectors: for independent x, y, z they are the traces of the square
 * and the cube of the covariance matrix.
 */
function higherSpreads(
  centred: readonly Float64Array[],
  spread: number,
): { squaredSpread: number; cubedSpread: number } {
  const count = centred.length;
  // Few vectors meet all others, many meet some.
  const reach = Math.max(1, Math.min(Math.floor((count - 1) / 2), Math.floor(pairLimit / count)));
  let [squares, cubes, pairs] = [0, 0, 0];
  for (let first = 0; first < count; first += 1) {
    for (let offset = 1; offset <= reach; offset += 1) {
      const [x, y, z] = [first, first + offset, first + 2 * offset].map((at) => centred[at % count]!) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const near = dot(x, y);
      squares += near ** 2;
      cubes += near * dot(y, z) * dot(z, x);
      pairs += 1;
    }
  }
  // The common centre ties the vectors together: two of them meet at -spread/n.
  const squaredSpread = Math.max(squares / pairs - (spread / count) ** 2, spread ** 2 / centred[0]!.length);
  // Both traces are bound by those of equal and of single dimensions.
  const least = squaredSpread ** 2 / spread;
  return { squaredSpread, cubedSpread: Math.min(Math.max(cubes / pairs, least), squaredSpread ** 1.5) || 0 };
}

export function centreOf(vectors: readonly (readonly number[])[]): number[] {
  const sums = Array.from({ length: vectors[0]!.length }, () => 0);
  for (const vector of vectors) for (const [position, value] of vector.entries()) sums[position]! += value;
  return sums.map((sum) => sum / vectors.length);
}

export function distance(vector: readonly number[], centre: readonly number[]): number {
  return Math.sqrt(centre.reduce((sum, value, position) => sum + (vector[position]! - value) ** 2, 0));
}

/** Are these numbers, and as many as there should be? */
export function isFinite(vector: readonly unknown[], dimensions: number): vector is readonly number[] {
  return vector.length === dimensions && vector.every((value) => typeof value === "number" && Number.isFinite(value));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let position = 0; position < a.length; position += 1) sum += a[position]! * b[position]!;
  return sum;
}

/** Of both: the centre is exact; distances were measured from two centres, and stay so. Null where lengths differ. */
export function mergeVectors(a: VectorProfile, b: VectorProfile): VectorProfile | null {
  if (a.dimensions !== b.dimensions) return null;
  const vectors = a.vectors + b.vectors;
  const mix = (x: number, y: number): number => (x * a.vectors + y * b.vectors) / vectors;
  const centre = a.centre.map((value, position) => mix(value, b.centre[position]!));
  const apart = distance(a.centre, b.centre) ** 2 * ((a.vectors * b.vectors) / vectors ** 2);
  return {
    dimensions: a.dimensions,
    vectors,
    centre,
    spread: mix(a.spread, b.spread) + apart,
    squaredSpread: mix(a.squaredSpread, b.squaredSpread) + apart ** 2,
    cubedSpread: mix(a.cubedSpread, b.cubedSpread) + apart ** 3,
    distances: mergeHistograms({ histogram: a.distances, ...a }, { histogram: b.distances, ...b }),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}
