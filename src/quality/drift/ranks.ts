// Ranks of pooled samples, and the Mann-Whitney test on them.
import { normalTail } from "./distributions.ts";

/** The rank of each value, from 1; equal values share the mean of theirs. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, position) => position).sort((a, b) => values[a]! - values[b]!);
  const result = Array.from<number>({ length: values.length });
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end += 1;
    for (let position = start; position < end; position += 1) result[order[position]!] = (start + end + 1) / 2;
    start = end;
  }
  return result;
}

/** The two-sided p-value: exact for small samples without ties, by the normal limit (ties and continuity corrected) otherwise. */
export function mannWhitney(reference: readonly number[], current: readonly number[]): number {
  const [n, m] = [reference.length, current.length];
  const pooled = [...reference, ...current];
  const sum = ranks(pooled)
    .slice(0, n)
    .reduce((total, rank) => total + rank, 0);
  const first = sum - (n * (n + 1)) / 2;
  const u = Math.max(first, n * m - first);
  const tied = [...Map.groupBy(pooled, (value) => value).values()].reduce(
    (total, { length }) => total + length ** 3 - length,
    0,
  );
  if (tied === 0 && (n <= 8 || m <= 8)) return Math.min(1, 2 * exactTail(u, n, m));
  const total = n + m;
  const deviation = Math.sqrt(((n * m) / 12) * (total + 1 - tied / (total * (total - 1))));
  return Math.min(1, 2 * normalTail((u - (n * m) / 2 - 0.5) / deviation));
}

/** P(U ≥ u) by counting: how many arrangements of n and m give each U. */
function exactTail(u: number, n: number, m: number): number {
  let ways: number[][] = Array.from({ length: m + 1 }, () => [1]);
  for (let i = 1; i <= n; i += 1) {
    const next: number[][] = [[1]];
    for (let j = 1; j <= m; j += 1) {
      // The largest value is either of the first sample, above j of the second, or of the second.
      const counts = Array.from({ length: i * j + 1 }, () => 0);
      ways[j]!.forEach((count, value) => (counts[value + j]! += count));
      next[j - 1]!.forEach((count, value) => (counts[value]! += count));
      next.push(counts);
    }
    ways = next;
  }
  const counts = ways[m]!;
  const all = counts.reduce((total, count) => total + count, 0);
  return counts.slice(Math.round(u)).reduce((total, count) => total + count, 0) / all;
}
