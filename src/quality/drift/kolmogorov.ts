// The distribution of the Kolmogorov-Smirnov statistic: for one sample of n (exact, and its limit), and for two samples.

/** Above so many rows the limit, with Stephens' correction, is as good as the exact distribution. */
const exactUpTo = 140;

/**
 * P(D ≥ d) for one sample of size n from a known distribution. With n = nm/(n+m), rounded, it is the usual approximation
 * for two samples. Exact up to 140 (Marsaglia, Tsang, Wang 2003), above by Stephens' correction of the limit.
 */
export function kolmogorovTail(d: number, n: number): number {
  if (d <= 0 || n < 1) return 1;
  if (d >= 1) return 0;
  // Beyond 18 the tail is below 1e-15.
  if (n * d * d > 18) return 0;
  return n <= exactUpTo ? exactTail(d, Math.round(n)) : limitTail((Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * d);
}

function limitTail(lambda: number): number {
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) {
    const term = Math.exp(-2 * k * k * lambda * lambda);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-17) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

function exactTail(d: number, n: number): number {
  const k = Math.floor(n * d) + 1;
  const size = 2 * k - 1;
  const h = k - n * d;
  const cell = (matrix: Float64Array, row: number, column: number): number => matrix[row * size + column]!;
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) if (row - column + 1 >= 0) matrix[row * size + column] = 1;
  }
  for (let row = 0; row < size; row += 1) {
    matrix[row * size] = cell(matrix, row, 0) - h ** (row + 1);
    matrix[(size - 1) * size + row] = cell(matrix, size - 1, row) - h ** (size - row);
  }
  matrix[(size - 1) * size] = cell(matrix, size - 1, 0) + (2 * h - 1 > 0 ? (2 * h - 1) ** size : 0);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      for (let g = 2; g <= row - column + 1; g += 1) matrix[row * size + column] = cell(matrix, row, column) / g;
    }
  }
  let probability = cell(power(matrix, size, n), k - 1, k - 1);
  for (let factor = 1; factor <= n; factor += 1) probability *= factor / n;
  return Math.min(1, Math.max(0, 1 - probability));
}

function power(matrix: Float64Array, size: number, exponent: number): Float64Array {
  if (exponent === 1) return matrix;
  const half = power(matrix, size, Math.floor(exponent / 2));
  const square = product(half, half, size);
  return exponent % 2 === 0 ? square : product(matrix, square, size);
}

function product(left: Float64Array, right: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let inner = 0; inner < size; inner += 1) {
      const factor = left[row * size + inner]!;
      if (factor === 0) continue;
      for (let column = 0; column < size; column += 1) {
        result[row * size + column]! += factor * right[inner * size + column]!;
      }
    }
  }
  return result;
}

/** P(D ≥ d) for two samples without ties, by counting the paths that stay within d: O(n·m). */
export function twoSampleTail(d: number, n: number, m: number): number {
  if (d <= 0) return 1;
  const limit = (0.5 + Math.floor(d * n * m - 1e-7)) / (n * m);
  const within = new Float64Array(m + 1);
  for (let j = 0; j <= m; j += 1) within[j] = j / m > limit ? 0 : 1;
  for (let i = 1; i <= n; i += 1) {
    const weight = i / (i + m);
    within[0] = i / n > limit ? 0 : weight * within[0]!;
    for (let j = 1; j <= m; j += 1) {
      within[j] = Math.abs(i / n - j / m) > limit ? 0 : weight * within[j]! + within[j - 1]!;
    }
  }
  return Math.min(1, Math.max(0, 1 - within[m]!));
}
