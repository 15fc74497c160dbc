// What a bench is, and how whole processes are timed. Machines are noisy: contestants take turns, medians and ratios
// are what counts, and CPU time before wall time.
import { spawnSync } from "node:child_process";

export interface BenchOptions {
  /** Fewer rounds, smaller data. */
  readonly quick: boolean;
  /** Progress, for a person; not part of the report. */
  readonly note: (line: string) => void;
}

export interface BenchReport {
  readonly bench: string;
  /** The command that gives these figures again. */
  readonly command: string;
  readonly machine: string;
  readonly results: readonly Readonly<Record<string, unknown>>[];
  /** The same for a person. */
  readonly text: string;
}

export type Bench = (options: BenchOptions) => Promise<BenchReport>;

export interface ProcessTime {
  readonly wallSeconds: number;
  /** User and system time of the process and of all its descendants that it has waited for. */
  readonly cpuSeconds: number;
}

/** Runs a command to its end and times it from outside. Throws when it fails. */
export function timeProcess(command: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): ProcessTime {
  // The shell's own accounting includes children of children; Node offers none for processes that have ended.
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>"$BENCH_STDERR"';
  const stderr = `${options.env["TMPDIR"] ?? "/tmp"}/bench-stderr-${process.pid}`;
  const result = spawnSync("bash", ["-c", script, "bench", ...command], {
    cwd: options.cwd,
    env: { ...options.env, BENCH_STDERR: stderr },
    encoding: "utf8",
  });
  if (result.status !== 0) throw new Error(`${command.join(" ")} failed (see ${stderr}): ${result.stderr}`);
  const [wall, user, system] = result.stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { wallSeconds: wall!, cpuSeconds: user! + system! };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
