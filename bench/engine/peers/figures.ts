// What is measured of a peer, and how the figures follow from what its task bodies wrote down. Pure.
import { median } from "../../bench.ts";

/**
 * - `chain`: tasks one after the other in one run.
 * - `fan-out`: tasks that may all run at once, and one that waits for all of them.
 * - `many`: runs of ten tasks each, one after the other within a run, all runs asked for at once.
 */
export type Workload = "chain" | "fan-out" | "many";

export const workloads: readonly Workload[] = ["chain", "fan-out", "many"];

/** The tasks of one run of a workload and the number of runs; a fan-out's join comes on top. */
export interface Size {
  readonly runs: number;
  readonly tasks: number;
}

export interface PeerFigures {
  readonly peer: string;
  readonly version: string;
  readonly workload: Workload;
  /** Bodies that ran in all, a fan-out's join included. Less than for others where `configuration` says so. */
  readonly tasks: number;
  /** From asking for the first run until the peer tells whoever asked that all have finished. */
  readonly wallSeconds: number;
  /** From asking for the first run until the peer's own records say so of every task: later where it records behind. */
  readonly recordedSeconds: number;
  /** From asking for the first run until the first body starts. */
  readonly firstTaskMs: number;
  /**
   * The chain: median time from the end of a body to the start of the next, both written down by the bodies. The others:
   * wall time per task.
   */
  readonly overheadMsMedian: number;
  readonly tasksPerSecond: number;
  /** User and system time, until all is recorded, of every process that the peer needs, its database included. */
  readonly cpuSeconds: number;
  readonly cpuMsPerTask: number;
  /** PSS (shared pages shared out) of all processes when everything has started and nothing runs, in MiB. */
  readonly rssMbAtRest: number;
  /** The largest PSS seen while the workload ran, in MiB. */
  readonly rssMbUnderLoad: number;
  /** How the peer was set up, and whether the workload was scaled down. */
  readonly configuration: string;
}

/** One body, as it wrote itself down: seconds since 1970. */
export interface Mark {
  readonly run: string;
  readonly task: string;
  readonly start: number;
  readonly end: number;
}

/** When the runs were asked for, when the last of them ended and when all was recorded: seconds since 1970. */
export interface Asked {
  readonly asked: number;
  readonly ended: number;
  readonly recorded: number;
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMbAtRest: number;
  readonly rssMbUnderLoad: number;
}

export function taskCount(workload: Workload, size: Size): number {
  return size.runs * size.tasks + (workload === "fan-out" ? 1 : 0);
}

/** A line for each body: `RUN TASK START END`. Throws on anything else. */
export function parseMarks(text: string): Mark[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [run, task, start, end, ...rest] = line.split(" ");
      const mark = { run: run ?? "", task: task ?? "", start: Number(start), end: Number(end) };
      if (rest.length > 0 || !(mark.end >= mark.start)) throw new Error(`A task body wrote down "${line}"`);
      return mark;
    });
}

/** Throws where a body is missing, ran twice, or ran before one that it had to wait for: then no figure counts. */
export function checkMarks(marks: readonly Mark[], workload: Workload, size: Size): void {
  const expected = taskCount(workload, size);
  const bodies = new Set(marks.map((mark) => `${mark.run} ${mark.task}`));
  if (marks.length !== expected || bodies.size !== expected)
    throw new Error(`${expected} tasks should have run once each, but ${bodies.size} ran ${marks.length} times in all`);
  const runs = new Map<string, Mark[]>();
  for (const mark of marks) runs.set(mark.run, [...(runs.get(mark.run) ?? []), mark]);
  if (runs.size !== size.runs) throw new Error(`${size.runs} runs were asked for, but ${runs.size} ran`);
  for (const tasks of runs.values()) {
    const ordered = tasks.toSorted((a, b) => Number(a.task) - Number(b.task));
    const last = ordered.at(-1)!;
    const inOrder =
      workload === "fan-out"
        ? ordered.every((mark) => mark === last || mark.end <= last.start)
        : ordered.every((mark, index) => index === 0 || ordered[index - 1]!.end <= mark.start);
    if (!inOrder) throw new Error("A task ran before one that it had to wait for");
  }
}

export function figuresOf(
  about: Pick<PeerFigures, "peer" | "version" | "workload" | "configuration">,
  marks: readonly Mark[],
  { asked, ended, recorded }: Asked,
  usage: Usage,
): PeerFigures {
  const ordered = marks.toSorted((a, b) => a.start - b.start);
  const tasks = ordered.length;
  const wallSeconds = ended - asked;
  const gaps = ordered.slice(1).map((mark, index) => (mark.start - ordered[index]!.end) * 1000);
  return {
    peer: about.peer,
    version: about.version,
    workload: about.workload,
    tasks,
    wallSeconds: round(wallSeconds, 3),
    recordedSeconds: round(recorded - asked, 3),
    firstTaskMs: round((ordered[0]!.start - asked) * 1000, 2),
    overheadMsMedian: round(about.workload === "chain" ? median(gaps) : (wallSeconds * 1000) / tasks, 3),
    tasksPerSecond: round(tasks / wallSeconds, 2),
    cpuSeconds: round(usage.cpuSeconds, 2),
    cpuMsPerTask: round((usage.cpuSeconds * 1000) / tasks, 3),
    rssMbAtRest: round(usage.rssMbAtRest, 1),
    rssMbUnderLoad: round(usage.rssMbUnderLoad, 1),
    configuration: about.configuration,
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
