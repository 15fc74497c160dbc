// Lengths of time in the sentences that the engine leaves with steps and runs.

/** As durations are written in a pipeline: "90m", "6h". */
export function durationText(milliseconds: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const;
  const fitting = units.find(([, length]) => milliseconds >= length && milliseconds % length === 0);
  return fitting === undefined ? `${milliseconds}ms` : `${milliseconds / fitting[1]}${fitting[0]}`;
}
