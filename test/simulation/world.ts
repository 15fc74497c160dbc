// What outlives every process of a simulated world: its time, its chance, what is durable, what was written outside, and
// the books in which the checks look things up.
import type { EngineStore } from "../../src/engine/stores/engine-store.ts";
import { createMemoryEngineStore } from "../../src/engine/stores/memory-engine-store.ts";
import type { RunRecord, StoredRun } from "../../src/engine/stores/run-store.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { DrawnPipeline } from "./drawn-pipeline.ts";
import { randomFrom, type Random } from "./random.ts";
import { createSink, type SimulatedSink } from "./sink.ts";
import type { Workload } from "./workload.ts";

/** What can go wrong, as it is counted. */
export type FaultKind =
  | "process dies"
  | "call lost with its process"
  | "call takes effect, answer lost with its process"
  | "commit arrives after its process is gone"
  | "call refused, without effect"
  | "call refused, after it took effect"
  | "disk full"
  | "clock forward"
  | "clock back"
  | "worker dies"
  | "worker given up works on"
  | "worker writes late"
  | "late writer refused"
  | "executor rejects"
  | "hook refuses"
  | "hook told, answer lost"
  | "process told to stop"
  | "nobody starts it again for a while";

/** A fault of the engine's, planted to see that the checks find it. */
export type PlantedFault =
  /** The store answers before it has done anything: what should follow a commit precedes it. */
  | "answers-before-commit"
  | "no-revision"
  | "no-request-key"
  | "key-per-attempt"
  | "no-fence"
  /** What a worker says that was given up is taken for the word of the one after it. */
  | "hears-the-dead"
  | "drops-notices";

export interface World {
  readonly workload: Workload;
  readonly planted: PlantedFault | null;
  /** Chooses what happens next. What is to be done was drawn before, and depends on none of this. */
  readonly chance: Random;
  readonly store: EngineStore;
  readonly sink: SimulatedSink;
  readonly time: WorldTime;
  readonly runs: Map<string, KnownRun>;
  readonly faults: Map<FaultKind, number>;
  /** Up to which tick each schedule counted as handled when it was first looked at. */
  readonly firstLooks: Map<string, number>;
  /** Everything that broke a rule on the way. */
  readonly breaches: string[];
  /** What happened, in order; null where nobody wants to know. */
  readonly trace: string[] | null;
  count(fault: FaultKind): void;
  nextId(): string;
}

/** A run as the world sees it, whichever process made it. */
export interface KnownRun {
  readonly record: RunRecord;
  readonly plan: Plan;
  readonly pipeline: DrawnPipeline;
  /** What the run is for, which is the same in every world of the seed. */
  readonly identity: string;
  /** The first of the runs that this one runs again, or itself. */
  readonly root: string;
  /** As it was stored last. */
  stored: StoredRun;
}

export interface WorldTime {
  /** Milliseconds that have really passed since the start. */
  passed(): number;
  /** What the clock on the wall says, which may be wrong. */
  now(): number;
  pass(milliseconds: number): void;
  jump(milliseconds: number): void;
}

export function createWorld(workload: Workload, planted: PlantedFault | null, verbose: boolean): World {
  let ids = 0;
  const faults = new Map<FaultKind, number>();
  return {
    workload,
    planted,
    chance: randomFrom(workload.seed * 2 + 1),
    store: createMemoryEngineStore(),
    sink: createSink(),
    time: createTime(workload.start),
    runs: new Map(),
    faults,
    firstLooks: new Map(),
    breaches: [],
    trace: verbose ? [] : null,
    count: (fault) => void faults.set(fault, (faults.get(fault) ?? 0) + 1),
    nextId: () => String((ids += 1)),
  };
}

function createTime(start: number): WorldTime {
  let passed = 0;
  let offset = 0;
  return {
    passed: () => passed,
    now: () => start + passed + offset,
    pass: (milliseconds) => {
      passed += milliseconds;
    },
    jump: (milliseconds) => {
      offset += milliseconds;
    },
  };
}

/** Enters a run that has been stored into the books. */
export function learnRun(world: World, stored: StoredRun): void {
  const { record } = stored;
  const known = world.runs.get(record.id);
  if (known !== undefined) {
    known.stored = stored;
    return;
  }
  const pipeline = world.workload.pipelines.find(({ plan }) => plan.pipeline === record.pipeline)!;
  const before = record.rerunOf === null ? undefined : world.runs.get(record.rerunOf);
  world.runs.set(record.id, {
    record,
    plan: pipeline.plan,
    pipeline,
    identity: before === undefined ? record.requestKey : `${before.identity}, again`,
    root: before?.root ?? record.id,
    stored,
  });
}
