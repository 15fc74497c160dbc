// Pieces of the sentences that explanations are made of.

/** "a", "a and b", "a, b and c"; with more than `most`, "a, b and 5 more". */
export function listed(names: readonly string[], most: number = Number.POSITIVE_INFINITY): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** "1 run", "3 runs", "12,000 runs". */
export function counted(count: number, noun: string, plural: string = `${noun}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? noun : plural}`;
}

/** A length of time in words: "12 s", "3 min", "2 h 05 min", "4 days". Rounded up, so that nothing is due too early. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.round(minutes / 1440)} days`;
}

/** A word as a shell takes it: quoted where it would mean something else, as the | of a combined partition does. */
export function shellWord(text: string): string {
  return /^[\w.,:=@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** "sluice run orders --partition 2026-01-01", ready to be typed. */
export function runCommand(pipeline: string, partition: string | null): string {
  return `sluice run ${pipeline}${partition === null ? "" : ` --partition ${shellWord(partition)}`}`;
}
