// How long attempts take: what the pool goes by when it decides how much a worker is given ahead of time. Pure but for
// what it remembers.

export interface Pace {
  /** An attempt of this kind has taken so many milliseconds. */
  note(kind: string, ms: number): void;
  /** How long one of this kind is likely to take, by the last of its kind, else by all; null before anything is known. */
  expected(kind: string): number | null;
  /** The median of the last attempts of any kind; null before there was one. */
  median(): number | null;
}

/** So many of the last attempts make the median. */
const remembered = 31;
/** Kinds kept apart; past that all are forgotten, which costs a few jobs the head start. */
const kindsAtMost = 20_000;

export function createPace(): Pace {
  const byKind = new Map<string, number>();
  const recent: number[] = [];
  let position = 0;
  let median: number | null = null;
  return {
    note: (kind, ms) => {
      const before = byKind.get(kind);
      if (before === undefined && byKind.size >= kindsAtMost) byKind.clear();
      // One slow attempt is believed at once, a quick one after it only bit by bit.
      byKind.set(kind, before === undefined || ms >= before ? ms : before + (ms - before) / 4);
      recent[position] = ms;
      position = (position + 1) % remembered;
      median = null;
    },
    expected: (kind) => byKind.get(kind) ?? medianOf(),
    median: medianOf,
  };

  function medianOf(): number | null {
    if (recent.length === 0) return null;
    median ??= recent.toSorted((a, b) => a - b)[recent.length >> 1]!;
    return median;
  }
}

/** A worker holds so many jobs at most. */
export const heldAtMost = 64;
/** Only attempts shorter than this, in milliseconds, are given to a busy worker. */
export const short = 5;
/** What a worker holds is likely to keep it busy for so many milliseconds, at most. */
const ahead = 10;

/** May a busy worker be given another job that is likely to take so long? */
export function mayGiveAhead(
  { held, load }: { readonly held: number; readonly load: number },
  expected: number | null,
): boolean {
  return expected !== null && expected < short && held < heldAtMost && load + expected <= ahead;
}

/** How many attempts per worker are worth being handed over, when they take so long: more would only wait where nothing passes them. */
export function worthHolding(median: number | null): number {
  if (median === null) return 16;
  return Math.min(Math.max(2, Math.ceil((2 * ahead) / median)), heldAtMost);
}
