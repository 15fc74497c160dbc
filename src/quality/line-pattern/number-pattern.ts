// Patterns of JSON numbers between limits, digit by digit. A number that such a pattern matches is surely between them,
// also after it has been rounded to a double; of the others some are too, and are left to the slow way.

/** Limits of a number; infinite ones are none. */
export interface NumberRange {
  readonly min: number;
  readonly minInclusive: boolean;
  readonly max: number;
  readonly maxInclusive: boolean;
}

export const unlimited: NumberRange = {
  min: Number.NEGATIVE_INFINITY,
  minInclusive: true,
  max: Number.POSITIVE_INFINITY,
  maxInclusive: true,
};

// Different decimals of at most 15 digits are different doubles.
const mostDigits = 15;
const greatest = 10 ** mostDigits - 1;
const nothing = "[]";
const fraction = String.raw`(?:\.[0-9]+)?`;
// Below 1e199, however long.
const magnitude = `(?:0|[1-9][0-9]{0,99})${fraction}(?:[eE][+\\-]?[0-9]{1,2})?`;

/** Any number that is finite. */
export const anyNumber: string = `-?${magnitude}`;

/** Can the patterns below tell what is within? */
export function isDigitwise({ min, max }: NumberRange): boolean {
  const isFit = (limit: number): boolean => Number.isInteger(limit) && Math.abs(limit) <= greatest;
  return (isFit(min) || min === Number.NEGATIVE_INFINITY) && (isFit(max) || max === Number.POSITIVE_INFINITY);
}

/** Whole numbers within a digitwise range, written without a point. */
export function wholePattern({ min, minInclusive, max, maxInclusive }: NumberRange): string {
  const low = Math.max(min, -greatest) + (minInclusive ? 0 : 1);
  const high = Math.min(max, greatest) - (maxInclusive ? 0 : 1);
  return either([...wholes(Math.max(low, 0), high), ...wholes(Math.max(-high, 1), -low).map((digits) => `-${digits}`)]);
}

/** Numbers within a digitwise range. */
export function decimalPattern(range: NumberRange): string {
  const { min, minInclusive, max, maxInclusive } = range;
  if (min === Number.NEGATIVE_INFINITY && max === Number.POSITIVE_INFINITY) return anyNumber;
  const parts: string[] = [];
  if (max >= 0) parts.push(...(min >= 0 ? magnitudes(range) : magnitudes({ ...range, min: 0, minInclusive: true })));
  if (min < 0) {
    const negated = {
      // Without the zero below zero.
      min: Math.max(0, -max),
      minInclusive: max < 0 && maxInclusive,
      max: -min,
      maxInclusive: minInclusive,
    };
    parts.push(...magnitudes(negated).map((part) => `-${part}`));
  }
  return either(parts);
}

/** Of a range from zero or above it. */
function magnitudes({ min, minInclusive, max, maxInclusive }: NumberRange): string[] {
  const hasEnd = max !== Number.POSITIVE_INFINITY;
  if (min === 0 && minInclusive && !hasEnd) return [`(?:${magnitude})`];
  const first = minInclusive ? min : min + 1;
  // A fraction may be rounded up, to the next whole number at most.
  const last = hasEnd ? max - (maxInclusive ? 1 : 2) : greatest;
  const parts = wholes(first, last).map((digits) => digits + fraction);
  const shortFraction = (whole: number): number => mostDigits - String(whole).length;
  if (!minInclusive && min < max && shortFraction(min) > 0)
    parts.push(String.raw`${min}\.(?=0*[1-9])[0-9]{1,${shortFraction(min)}}`);
  if (hasEnd && maxInclusive && (min < max || (min === max && minInclusive))) parts.push(String.raw`${max}(?:\.0+)?`);
  if (hasEnd && !maxInclusive && max - 1 >= first) {
    const digits = shortFraction(max - 1);
    parts.push(digits > 0 ? String.raw`${max - 1}(?:\.[0-9]{1,${digits}})?` : `${max - 1}`);
  }
  return parts;
}

function either(parts: readonly string[]): string {
  return parts.length === 0 ? nothing : `(?:${parts.join("|")})`;
}

/** Patterns of the whole numbers from `low` to `high`, both at least zero and at most `greatest`. */
function wholes(low: number, high: number): string[] {
  if (low > high) return [];
  const parts: string[] = [];
  let full: { readonly from: number; to: number } | null = null;
  for (let length = String(low).length; length <= String(high).length; length += 1) {
    const least = length === 1 ? 0 : 10 ** (length - 1);
    const most = 10 ** length - 1;
    const [from, to] = [Math.max(low, least), Math.min(high, most)];
    if (length > 1 && from === least && to === most) {
      if (full === null) full = { from: length, to: length };
      else full.to = length;
    } else parts.push(...sameLength(String(from), String(to)));
  }
  if (full !== null) parts.push(`[1-9][0-9]{${full.from - 1},${full.to - 1}}`);
  return parts;
}

function sameLength(low: string, high: string): string[] {
  const rest = low.length - 1;
  if (/^0*$/.test(low) && /^9*$/.test(high)) return [low === "" ? "" : `[0-9]{${low.length}}`];
  const [first, last] = [Number(low[0]), Number(high[0])];
  if (first === last) return sameLength(low.slice(1), high.slice(1)).map((digits) => `${first}${digits}`);
  return [
    ...sameLength(low.slice(1), "9".repeat(rest)).map((digits) => `${first}${digits}`),
    ...(last - first > 1 ? [`[${first + 1}-${last - 1}][0-9]{${rest}}`] : []),
    ...sameLength("0".repeat(rest), high.slice(1)).map((digits) => `${last}${digits}`),
  ];
}
