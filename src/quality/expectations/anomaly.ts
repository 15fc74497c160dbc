// Is a value usual, given those before it? Pure. Robust statistics: one odd value in the history changes little. Values
// may have a season: then they are compared with those of the same weekday, or of the same hour.

/** How a value is held against its history. */
export interface UsualOptions {
  /** A value this many robust standard deviations from the usual one is unusual. @default 4 */
  readonly sensitivity?: number;
  /** A change by less than this share of the usual value is never unusual, however steady it was. @default 0.1 */
  readonly tolerance?: number;
  /** week: compared with the same weekday · day: with the same hour, both in UTC. @default none */
  readonly season?: "week" | "day";
  /** Only rises, or only falls, are unusual. @default "both" */
  readonly direction?: "both" | "rise" | "fall";
  /** How many values of the past are looked at, the newest first. @default 60 */
  readonly window?: number;
  /** With fewer values than this it is not judged, and passes. With a season, three of the same one are needed beside. @default 8 */
  readonly atLeast?: number;
  /** ratio: changes are in proportion, as of volumes · difference: they are not. @default "difference", for counts and sums "ratio" */
  readonly scale?: "ratio" | "difference";
}

/** A value in the past. */
export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: number;
}

export interface UsualVerdict {
  readonly verdict: "usual" | "unusual" | "not enough history";
  /** What was to be expected, and the range around it that is usual; null without enough history. */
  readonly expected: number | null;
  readonly range: readonly [number, number] | null;
  /** Robust standard deviations from what was to be expected. */
  readonly deviations: number | null;
  readonly points: number;
}

const hour = 3_600_000;
const perSeason = 3;

export function judgeUsual(now: Point, past: readonly Point[], options: UsualOptions): UsualVerdict {
  const { sensitivity = 4, tolerance = 0.1, direction = "both", window = 60, atLeast = 8 } = options;
  const history = [...past].sort((a, b) => b.at - a.at).slice(0, window);
  const isRatio = options.scale === "ratio" && now.value > 0 && history.every(({ value }) => value > 0);
  const into = (value: number): number => (isRatio ? Math.log(value) : value);
  const from = (value: number): number => (isRatio ? Math.exp(value) : value);
  const season = seasonOf(options.season, now.at);
  const alike = history.filter(({ at }) => seasonOf(options.season, at) === season).map(({ value }) => into(value));
  const unknown = { verdict: "not enough history", expected: null, range: null, deviations: null } as const;
  if (history.length < atLeast || alike.length < Math.min(perSeason, atLeast))
    return { ...unknown, points: history.length };
  const centre = median(alike);
  const { deviation, count } = spread(history, options.season, into);
  // The usual value is itself estimated from few, and so is the spread.
  const wide = sensitivity * Math.sqrt(1 + Math.PI / 2 / alike.length) * (1 + 4 / count);
  const floor = isRatio ? Math.log1p(tolerance) : tolerance * Math.abs(centre);
  const reach = Math.max(wide * deviation, floor);
  const change = into(now.value) - centre;
  const counts = direction === "both" || (direction === "rise" ? change > 0 : change < 0);
  return {
    verdict: counts && Math.abs(change) > reach ? "unusual" : "usual",
    expected: from(centre),
    range: [
      direction === "rise" ? -Infinity : from(centre - reach),
      direction === "fall" ? Infinity : from(centre + reach),
    ],
    deviations: deviation === 0 ? null : change / deviation,
    points: history.length,
  };
}

function seasonOf(season: UsualOptions["season"], at: number): number {
  if (season === undefined) return 0;
  const time = new Date(at);
  return season === "week" ? time.getUTCDay() : Math.floor((at % (24 * hour)) / hour);
}

/**
 * The standard deviation as the median distance from the season's median, over all seasons together (the median absolute
 * deviation times 1.4826); where more than half of the values are the same, as the mean distance times 1.2533 (Iglewicz
 * and Hoaglin 1993).
 */
function spread(
  history: readonly Point[],
  season: UsualOptions["season"],
  into: (value: number) => number,
): { readonly deviation: number; readonly count: number } {
  const distances = [...Map.groupBy(history, ({ at }) => seasonOf(season, at)).values()].flatMap((points) => {
    if (points.length < 2) return [];
    const values = points.map(({ value }) => into(value));
    const centre = median(values);
    // Each median takes one degree of freedom from the values around it.
    const correction = Math.sqrt(values.length / (values.length - 1));
    return values.map((value) => Math.abs(value - centre) * correction);
  });
  if (distances.length === 0) return { deviation: 0, count: 1 };
  const middle = median(distances);
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  return { deviation: middle > 0 ? middle * 1.4826 : mean * 1.2533, count: distances.length };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
