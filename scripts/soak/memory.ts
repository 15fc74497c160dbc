// Whether a process's memory is flat, from samples of it over its life.

export interface MemorySample {
  /** Seconds since the process was ready. */
  readonly at: number;
  readonly megabytes: number;
}

export interface MemoryVerdict {
  readonly samples: number;
  readonly seconds: number;
  /** Median of the first quarter after the warm-up. */
  readonly early: number;
  /** Median of the last tenth. */
  readonly last: number;
  readonly peak: number;
  /** By least squares over the second half, in megabytes an hour. */
  readonly slopePerHour: number;
  /** What the slope adds over the second half, as a share of `early`. */
  readonly growth: number;
  /** Null when there are too few samples to say. */
  readonly flat: boolean | null;
  readonly why: string;
}

/** Of its first seconds nothing is held against a process: it loads code, and its heap finds its size. */
const warmUp = { atLeast: 10, share: 0.1 } as const;
/** What may be added over the second half: garbage that is not collected yet comes and goes. */
const growthAllowed = 0.15;
const lastAllowed = 1.3;

/** Of fewer samples after the warm-up nothing can be said. */
const samplesNeeded = 20;

export function judgeMemory(samples: readonly MemorySample[]): MemoryVerdict {
  const seconds = samples.at(-1)?.at ?? 0;
  const from = Math.max(warmUp.atLeast, seconds * warmUp.share);
  const warm = samples.filter(({ at }) => at >= from);
  const [early, last] = [
    median(warm.slice(0, Math.ceil(warm.length / 4))),
    median(warm.slice(-Math.max(3, Math.ceil(warm.length / 10)))),
  ];
  const half = warm.slice(Math.floor(warm.length / 2));
  const perSecond = slope(half);
  const span = half.length === 0 ? 0 : half.at(-1)!.at - half[0]!.at;
  const growth = early === 0 ? 0 : (perSecond * span) / early;
  const why =
    warm.length < samplesNeeded
      ? `only ${warm.length} samples after the warm-up`
      : last > early * lastAllowed
        ? `it ended at ${last.toFixed(0)} MB, more than ${lastAllowed} times the ${early.toFixed(0)} MB it had early on`
        : growth > growthAllowed
          ? `it grew by ${(growth * 100).toFixed(1)} % over the second half`
          : "";
  return {
    samples: warm.length,
    seconds,
    early,
    last,
    peak: Math.max(0, ...samples.map(({ megabytes }) => megabytes)),
    slopePerHour: perSecond * 3600,
    growth,
    flat: warm.length < samplesNeeded ? null : why === "",
    why,
  };
}

function median(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ megabytes }) => megabytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Megabytes a second. */
function slope(samples: readonly MemorySample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const meanAt = samples.reduce((sum, { at }) => sum + at, 0) / count;
  const mean = samples.reduce((sum, { megabytes }) => sum + megabytes, 0) / count;
  let [over, under] = [0, 0];
  for (const { at, megabytes } of samples) {
    over += (at - meanAt) * (megabytes - mean);
    under += (at - meanAt) ** 2;
  }
  return under === 0 ? 0 : over / under;
}
