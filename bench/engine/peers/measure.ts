// One workload of one peer, measured from outside: processor time and memory from /proc, times from the task bodies.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ready } from "./driver.ts";
import {
  checkMarks,
  figuresOf,
  parseMarks,
  type PeerFigures,
  type Size,
  type Usage,
  type Workload,
} from "./figures.ts";
import type { ProcessTree } from "./process-tree.ts";
import { withSession, type Session } from "./session.ts";

export interface MeasureOptions {
  /** A few tasks only: shows that the peer works here, says nothing about its speed. */
  readonly quick: boolean;
  /** Progress, for a person. */
  readonly note: (line: string) => void;
}

/** A peer, and how it is made ready for a workload. */
export interface Setup {
  readonly peer: string;
  readonly version: string;
  /** Fewer runs or tasks than everyone else's, where those would take too long. */
  readonly scaledDown?: Partial<Record<Workload, Size>>;
  configuration(workload: Workload): string;
  start(session: Session, workload: Workload, size: Size): Promise<Ready>;
}

const fullSize: Record<Workload, Size> = {
  chain: { runs: 1, tasks: 40 },
  "fan-out": { runs: 1, tasks: 1000 },
  many: { runs: 100, tasks: 10 },
};

const quickSize: Record<Workload, Size> = {
  chain: { runs: 1, tasks: 5 },
  "fan-out": { runs: 1, tasks: 10 },
  many: { runs: 3, tasks: 3 },
};

/** How long everything may settle before memory at rest is read. */
const SETTLE_MS = 2000;

export async function measure(setup: Setup, workload: Workload, { quick, note }: MeasureOptions): Promise<PeerFigures> {
  const full = fullSize[workload];
  const size = quick ? quickSize[workload] : (setup.scaledDown?.[workload] ?? full);
  const scale = size === full ? "" : `; scaled down to ${sizeText(workload, size)} from ${sizeText(workload, full)}`;
  const began = performance.now();
  return withSession(async (session) => {
    const ready = await setup.start(session, workload, size);
    await sleep(SETTLE_MS);
    const marksFile = join(session.folder, "marks");
    // What is there is of the warm-up: one run, so that nothing is measured that only the first one needs.
    rmSync(marksFile);
    const { result, usage } = await used(session.tree, () => ready.run());
    const marks = parseMarks(readFileSync(marksFile, "utf8"));
    checkMarks(marks, workload, size);
    const about = { peer: setup.peer, version: setup.version, workload };
    const figures = figuresOf({ ...about, configuration: setup.configuration(workload) + scale }, marks, result, usage);
    const whole = ((performance.now() - began) / 1000).toFixed(1);
    note(
      `${setup.peer}, ${workload}: ${figures.tasks} tasks in ${figures.wallSeconds} s, ` +
        `${figures.cpuMsPerTask} CPU-ms each (${whole} s with start and stop)`,
    );
    return figures;
  });
}

/** Runs `work` and says what the processes used of it. */
async function used<T>(tree: ProcessTree, work: () => Promise<T>): Promise<{ result: T; usage: Usage }> {
  const rssMbAtRest = tree.pssMb();
  const before = tree.cpuSeconds();
  const began = performance.now();
  let rssMbUnderLoad = rssMbAtRest;
  let timer: NodeJS.Timeout;
  // Reading memory takes time from the measured: often enough for short workloads, seldom for long ones.
  const sample = (): void => {
    rssMbUnderLoad = Math.max(rssMbUnderLoad, tree.pssMb());
    timer = setTimeout(sample, performance.now() - began < 2000 ? 100 : 1000);
  };
  timer = setTimeout(sample, 50);
  try {
    const result = await work();
    const cpuSeconds = tree.cpuSeconds() - before;
    rssMbUnderLoad = Math.max(rssMbUnderLoad, tree.pssMb());
    return { result, usage: { cpuSeconds, rssMbAtRest, rssMbUnderLoad } };
  } finally {
    clearTimeout(timer!);
  }
}

function sizeText(workload: Workload, { runs, tasks }: Size): string {
  if (workload === "many") return `${runs} runs of ${tasks} tasks`;
  return workload === "chain" ? `${tasks} tasks` : `${tasks} tasks and a join`;
}
