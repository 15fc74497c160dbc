// The two-sample Cramér-von Mises test (Anderson 1962): exact for small samples (Xiao, Gordon, Yakovlev 2007), by its limit above.
import { logGamma } from "./distributions.ts";
import { ranks } from "./ranks.ts";

/** Largest sample for which the exact distribution is computed. */
const exactUpTo = 20;

/** The p-value for two sorted samples; null where one has fewer than two values. */
export function cramerVonMises(reference: readonly number[], current: readonly number[]): number | null {
  const [n, m] = [reference.length, current.length];
  if (n < 2 || m < 2) return null;
  const all = ranks([...reference, ...current]);
  const squares = (from: number, count: number): number => {
    let sum = 0;
    for (let position = 0; position < count; position += 1) sum += (all[from + position]! - position - 1) ** 2;
    return sum;
  };
  const u = n * squares(0, n) + m * squares(n, m);
  if (Math.max(n, m) <= exactUpTo) return exactTail(u, n, m);
  const [k, total] = [n * m, n + m];
  const t = u / (k * total) - (4 * k - 1) / (6 * total);
  const mean = (1 + 1 / total) / 6;
  const variance = ((total + 1) * (4 * k * total - 3 * (n * n + m * m) - 2 * k)) / (45 * total * total * 4 * k);
  const standard = 1 / 6 + (t - mean) / Math.sqrt(45 * variance);
  return standard < 0.003 ? 1 : Math.max(0, 1 - limitDistribution(standard));
}

function limitDistribution(x: number): number {
  let sum = 0;
  for (let k = 0; k < 1000; k += 1) {
    const y = 4 * k + 1;
    const weight = Math.exp(logGamma(k + 0.5) - logGamma(k + 1)) / (Math.PI ** 1.5 * Math.sqrt(x));
    const term = weight * Math.sqrt(y) * dampedBessel(y ** 2 / (16 * x));
    sum += term;
    if (term < 1e-15) break;
  }
  return sum;
}

/** e^-q · K(1/4, q), from its integral: the trapezoid rule converges faster than any power of the step. */
function dampedBessel(q: number): number {
  const step = 0.01;
  let sum = 0.5 * Math.exp(-2 * q);
  for (let t = step; t < 30; t += step) {
    const term = Math.exp(-q * (1 + Math.cosh(t))) * Math.cosh(t / 4);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return sum * step;
}

function exactTail(u: number, n: number, m: number): number {
  const common = (n * m) / greatestDivisor(n, m);
  const [a, b] = [common / n, common / m];
  const k = n * m;
  const zeta = Math.floor((common ** 2 * (n + m) * (6 * u - k * (4 * k - 1))) / (6 * k ** 2));
  let ways: Map<number, number>[] = [new Map([[0, 1]]), ...Array.from({ length: n }, () => new Map<number, number>())];
  for (let row = 0; row <= m; row += 1) {
    let path = new Map<number, number>();
    ways = ways.map((before, column) => {
      const joined = new Map(path);
      for (const [value, count] of before) joined.set(value, (joined.get(value) ?? 0) + count);
      const distance = (a * column - b * row) ** 2;
      path = new Map([...joined].map(([value, count]) => [value + distance, count]));
      return path;
    });
  }
  let [above, all] = [0, 0];
  for (const [value, count] of ways[n]!) {
    all += count;
    if (value >= zeta) above += count;
  }
  return above / all;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
