// CPU time and memory of processes and everything they start, read from /proc (Linux).
//
// The kernel adds the time of a child to its parent's when the parent waits for it, so the sum over the living of their
// own and their children's time misses nothing, however short a child lived. A process that was seen once stays
// counted after its parent has gone; when one ends that nobody here waits for, what it had used when last seen counts.
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessTree {
  /** Adds a process: it and all that it starts from now on are counted. */
  add(pid: number): void;
  /** User and system seconds that all have used since they started. */
  cpuSeconds(): number;
  /** Proportional set size of all, in MiB: what they share with one another counts once. */
  pssMb(): number;
  /** Ends all with a signal; those that started others first. */
  kill(signal: NodeJS.Signals): void;
  /** Those that still live. */
  living(): readonly number[];
}

interface Seen {
  readonly pid: number;
  readonly parent: number;
  /** In ticks since boot: tells a process from a later one with the same id. */
  readonly startedAt: number;
  readonly zombie: boolean;
  readonly ticks: number;
}

/** Linux reports times in hundredths of a second on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

export function processTree(): ProcessTree {
  let known = new Map<number, Seen>();
  let lostTicks = 0;

  const look = (): void => {
    const all = everyProcess();
    const next = new Map<number, Seen>();
    for (const [pid, before] of known) {
      const now = all.get(pid);
      if (now !== undefined && now.startedAt === before.startedAt) next.set(pid, now);
      else if (!known.has(before.parent)) lostTicks += before.ticks;
    }
    let grew = true;
    while (grew) {
      grew = false;
      for (const [pid, process] of all) {
        if (next.has(pid) || !next.has(process.parent)) continue;
        next.set(pid, process);
        grew = true;
      }
    }
    known = next;
  };

  return {
    add: (pid) => {
      const process = readProcess(pid);
      if (process !== null) known.set(pid, process);
    },
    cpuSeconds: () => {
      look();
      return ([...known.values()].reduce((sum, one) => sum + one.ticks, 0) + lostTicks) / TICKS_PER_SECOND;
    },
    pssMb: () => {
      look();
      return [...known.keys()].reduce((sum, pid) => sum + pssKilobytes(pid), 0) / 1024;
    },
    kill: (signal) => {
      look();
      for (const one of known.values()) {
        try {
          process.kill(one.pid, signal);
        } catch {
          // It has ended since.
        }
      }
    },
    living: () => {
      look();
      return [...known.values()].filter((one) => !one.zombie).map((one) => one.pid);
    },
  };
}

function everyProcess(): Map<number, Seen> {
  const all = new Map<number, Seen>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const process = readProcess(pid);
    if (process !== null) all.set(pid, process);
  }
  return all;
}

function readProcess(pid: number): Seen | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name is in parentheses and may hold spaces and parentheses of its own. After it: state, parent, and on.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // User and system time of its own, and of the children it waited for.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { pid, parent: Number(fields[1]), startedAt: Number(fields[19]), zombie: fields[0] === "Z", ticks };
  } catch {
    return null;
  }
}

function pssKilobytes(pid: number): number {
  try {
    const match = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"));
    return Number(match?.[1] ?? 0);
  } catch {
    return 0;
  }
}
