// Seeded random numbers in 32-bit integer arithmetic: the same seed gives the same sequence on every machine.
// Not for secrets.

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer from `low` to `high`, both inclusive. */
  integer(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
  /** `count` different items, in random order; all of them when there are fewer. */
  sample<T>(items: readonly T[], count: number): T[];
}

/** Sequence of `seed` by the mulberry32 generator. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick: (items) => items[integer(0, items.length - 1)]!,
    sample: (items, count) => {
      const pool = [...items];
      const size = Math.min(count, pool.length);
      for (let position = 0; position < size; position++) {
        const other = integer(position, pool.length - 1);
        [pool[position], pool[other]] = [pool[other]!, pool[position]!];
      }
      return pool.slice(0, size);
    },
  };
}

/** A number in [0, 1) that depends on the seed and the key alone, whatever was drawn before. */
export function drawFor(seed: number, key: number): number {
  return seeded(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(key + 1, 0xc2b2ae35)).next();
}
