// Probability functions that the tests of distributions need, each with its source. Pure.

/** ln Γ(x) for x > 0 (Lanczos' approximation with g = 7 and nine terms; about 15 digits). */
export function lnGamma(x: number): number {
  const [first, ...terms] = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ] as [number, ...number[]];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const series = terms.reduce((sum, term, at) => sum + term / (z + at + 1), first);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** P(a, x), the regularized lower incomplete gamma function: by series below a + 1, else by continued fraction (DLMF 8.11, 8.9). */
export function gammaP(a: number, x: number): number {
  if (!(x > 0)) return 0;
  return x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x);
}

/** Q(a, x) = 1 - P(a, x), without loss where it is small. */
export function gammaQ(a: number, x: number): number {
  if (!(x > 0)) return 1;
  return x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x);
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 1000 && Math.abs(term) > Math.abs(sum) * 1e-16; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(-x + a * Math.log(x) - lnGamma(a));
}

/** Lentz's method. */
function gammaFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 1000; n += 1) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / nonZero(an * d + b, tiny);
    c = nonZero(b + an / c, tiny);
    const step = c * d;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return h * Math.exp(-x + a * Math.log(x) - lnGamma(a));
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

/** I_x(a, b), the regularized incomplete beta function, by continued fraction (DLMF 8.17.22). */
export function betaI(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaI(1 - x, b, a);
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let h = d;
  for (let m = 1; m < 1000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d, tiny);
    c = nonZero(1 + even / c, tiny);
    h *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d, tiny);
    c = nonZero(1 + odd / c, tiny);
    h *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return (h * Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log(1 - x))) / a;
}

/** Φ(z), the standard normal distribution. */
export function normalCdf(z: number): number {
  return z < 0 ? gammaQ(0.5, (z * z) / 2) / 2 : 1 - gammaQ(0.5, (z * z) / 2) / 2;
}

/** The chance of a chi-square as large as this under the null hypothesis. */
export function chiSquareP(statistic: number, degrees: number): number {
  return gammaQ(degrees / 2, statistic / 2);
}

/** The largest distance between the distribution of sorted values and a cumulative distribution function. */
export function kolmogorovDistance(sorted: Float64Array, cdf: (x: number) => number): number {
  let distance = 0;
  for (let at = 0; at < sorted.length; at += 1) {
    const expected = cdf(sorted[at]!);
    distance = Math.max(distance, expected - at / sorted.length, (at + 1) / sorted.length - expected);
  }
  return distance;
}

/** The chance of a distance as large as this between n values and the distribution they come from (Stephens 1970). */
export function kolmogorovP(distance: number, n: number): number {
  const root = Math.sqrt(n);
  const lambda = (root + 0.12 + 0.11 / root) * distance;
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) {
    const term = (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * lambda * lambda);
    sum += term;
    if (Math.abs(term) < 1e-16) break;
  }
  return Math.min(1, Math.max(0, sum));
}

/** Kullback-Leibler divergence of `observed` from `expected` in nats, both made to add up to 1; Infinity where something was seen that was not expected. */
export function klDivergenceOf(observed: readonly number[], expected: readonly number[]): number {
  const [p, q] = [total(observed), total(expected)];
  return observed.reduce((sum, weight, at) => {
    if (weight === 0) return sum;
    return sum + (weight / p) * Math.log(weight / p / (expected[at]! / q));
  }, 0);
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
