// The profile of two tables together, from the profiles of each: what would come out if both were scanned as one.
import { SluiceError } from "../../errors.ts";
import { mergeHistograms } from "./histogram.ts";
import {
  type ColumnProfile,
  hashesKept,
  type NumberProfile,
  type Profile,
  type Shape,
  type TextProfile,
  type ValueCounts,
  valuesKept,
} from "./profile.ts";
import { mergeVectors } from "./vectors.ts";

/**
 * The profile of all rows of several profiles. Counts, ranges, hashes, shapes and complete value counts are exactly those
 * of one scan; means to rounding; a histogram of more than 200 values knows the share of rows below any point to within
 * 1/200; value counts that were cut to the most frequent may miss what was rare on each side.
 *
 * ```ts
 * declare const days: readonly import("sluice/quality").Profile[];
 * const week = mergeProfiles(days);
 * ```
 */
export function mergeProfiles(profiles: readonly Profile[]): Profile {
  const [first, ...rest] = profiles;
  if (first === undefined) {
    throw new SluiceError("USAGE", "mergeProfiles() was given no profile", { hint: "Give it one or more." });
  }
  return rest.reduce(mergeTwo, first);
}

function mergeTwo(a: Profile, b: Profile): Profile {
  const names = [...new Set([...a.columns, ...b.columns].map(({ name }) => name))];
  return {
    kind: "sluice.profile",
    format: 1,
    rows: a.rows + b.rows,
    columns: names.map((name) => {
      const [left, right] = [columnOf(a, name), columnOf(b, name)];
      return mergeColumns(left ?? absent(right!, a.rows), right ?? absent(left!, b.rows));
    }),
  };
}

function columnOf(profile: Profile, name: string): ColumnProfile | undefined {
  return profile.columns.find((column) => column.name === name);
}

/** A column that a table doesn't have is null in all its rows. */
function absent({ name, type }: ColumnProfile, rows: number): ColumnProfile {
  return {
    name,
    type,
    rows,
    nulls: rows,
    hashes: [],
    numbers: null,
    texts: null,
    times: null,
    values: null,
    vectors: null,
  };
}

function mergeColumns(a: ColumnProfile, b: ColumnProfile): ColumnProfile {
  const hashes = [...new Set([...a.hashes, ...b.hashes].map(BigInt))].sort((x, y) => (x < y ? -1 : 1));
  const aEmpty = a.nulls === a.rows;
  const bEmpty = b.nulls === b.rows;
  return {
    name: a.name,
    type: aEmpty ? b.type : a.type,
    rows: a.rows + b.rows,
    nulls: a.nulls + b.nulls,
    hashes: hashes.slice(0, hashesKept).map(String),
    numbers: both(a.numbers, b.numbers, mergeNumbers),
    texts: both(a.texts, b.texts, mergeTexts),
    times: both(a.times, b.times, (x, y) => ({
      first: x.first < y.first ? x.first : y.first,
      last: x.last > y.last ? x.last : y.last,
    })),
    // Where one side has values and doesn't say which, nobody knows those of both.
    values:
      (a.values === null && !aEmpty) || (b.values === null && !bEmpty) ? null : both(a.values, b.values, mergeValues),
    vectors: both(a.vectors, b.vectors, mergeVectors),
  };
}

function both<T>(a: T | null, b: T | null, merge: (a: T, b: T) => T | null): T | null {
  return a === null ? b : b === null ? a : merge(a, b);
}

function mergeNumbers(a: NumberProfile, b: NumberProfile): NumberProfile {
  const histogram = mergeHistograms(a, b);
  const finite = ({ histogram: { counts }, infinite }: NumberProfile): number =>
    counts.reduce((sum, count) => sum + count, 0) - infinite;
  const [n, m] = [finite(a), finite(b)];
  return {
    nans: a.nans + b.nans,
    infinite: a.infinite + b.infinite,
    whole: a.whole + b.whole,
    negative: a.negative + b.negative,
    min: both(a.min, b.min, Math.min),
    max: both(a.max, b.max, Math.max),
    mean:
      n === 0
        ? b.mean
        : m === 0
          ? a.mean
          : a.mean === null || b.mean === null
            ? null
            : (a.mean * n + b.mean * m) / (n + m),
    histogram,
  };
}

function mergeTexts(a: TextProfile, b: TextProfile): TextProfile {
  const { shapes } = a;
  const others = b.shapes;
  return {
    minLength: Math.min(a.minLength, b.minLength),
    maxLength: Math.max(a.maxLength, b.maxLength),
    empty: a.empty + b.empty,
    shapes:
      shapes === null || others === null
        ? null
        : (Object.fromEntries(
            (Object.keys(shapes) as Shape[]).map((shape) => [shape, shapes[shape] + others[shape]]),
          ) as Record<Shape, number>),
  };
}

function mergeValues(a: ValueCounts, b: ValueCounts): ValueCounts {
  const counts = new Map<string, number>();
  for (const { value, count } of [...a.top, ...b.top]) counts.set(value, (counts.get(value) ?? 0) + count);
  const top = [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((x, y) => y.count - x.count || (x.value < y.value ? -1 : 1));
  return { complete: a.complete && b.complete && top.length <= valuesKept, top: top.slice(0, valuesKept) };
}
