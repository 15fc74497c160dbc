// Held steps that wait for runs of other partitions or pipelines. A watch is looked at when it is set and whenever a run or
// a step that it waits for has ended; and every so often all are, as a net. What has been met once stays so.
import type { Clock } from "../../clock.ts";
import { overlappingPartitions, previousPartition } from "../../pipeline/partition.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { ActiveRun } from "./active-runs.ts";
import type { KeptStore } from "./kept-store.ts";
import { createDuty, type Lane } from "./lane.ts";
import type { RunRecord } from "../stores/run-store.ts";
import { planGraph } from "../state-machine/plan-graph.ts";
import { isEnd, type Command, type RunEvent, type StepStatus } from "../state-machine/state.ts";
import type { Timer } from "./timer.ts";

type WatchCommand = Extract<Command, { readonly type: "watch" }>;

/** Milliseconds between two looks that nothing in particular is the reason for. */
const rounds = 30_000;
/** Watches that are looked at in one go. */
const page = 100;
/** Runs that are named in the output of a step that waited for them. */
const named = 1_000;
/** How many partitions before a missing one are asked for a run. */
const past = 1_000;

export interface WatchesOptions {
  readonly store: Pick<KeptStore, "newestRun" | "partitionStatuses" | "runs" | "steps">;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly lane: Lane;
  readonly plans: () => ReadonlyMap<string, Plan>;
  readonly push: (run: ActiveRun, event: RunEvent) => void;
  /** What can't be worked out for one pipeline must not keep the others. */
  readonly troubled: (pipeline: string, error: unknown) => void;
  readonly failed: (error: unknown) => void;
}

export interface Watches {
  add(run: ActiveRun, command: WatchCommand): void;
  /** Steps of a run have ended, or it has. */
  changed(run: ActiveRun): void;
  /** Plans have changed: pipelines may be there that were waited for. */
  lookAtAll(): void;
  close(): void;
}

interface Watch {
  readonly run: ActiveRun;
  readonly command: WatchCommand;
  /** What is still to be met, the next one last; null until it is known. */
  left: string[] | null;
  /** The runs that it was met by. */
  readonly met: { readonly run: string; readonly partition: string | null }[];
  /** Where it is registered. */
  place: string | null;
}

export function createWatches(options: WatchesOptions): Watches {
  const { store, clock, timer } = options;
  const watches = new Set<Watch>();
  /** By what they wait for next. */
  const byPlace = new Map<string, Set<Watch>>();
  const toLookAt = new Set<Watch>();
  let cancelRound: (() => void) | null = null;
  const looking = createDuty(options.lane, work, options.failed);

  async function work(): Promise<void> {
    let looked = 0;
    for (const watch of toLookAt) {
      if (looked === page) return looking.soon();
      looked += 1;
      toLookAt.delete(watch);
      if (!isHeld(watch)) {
        remove(watch);
        continue;
      }
      try {
        if (await isMet(watch)) meet(watch);
      } catch (error) {
        options.troubled(watch.run.plan.pipeline, error);
      }
    }
  }

  function isMet(watch: Watch): Promise<boolean> {
    return watch.command.awaits === "run" ? areRunsMet(watch) : isPastMet(watch);
  }

  function meet(watch: Watch): void {
    remove(watch);
    const { step, awaits } = watch.command;
    const output = awaits === "run" ? watch.met.slice(0, named) : null;
    options.push(watch.run, { type: "await-met", step, awaits, output });
  }

  /** Has each of the partitions a run that succeeded, or one in which the step did? */
  async function areRunsMet(watch: Watch): Promise<boolean> {
    const { control } = plannedStep(watch);
    const other = control.type === "await-run" ? options.plans().get(control.pipeline) : undefined;
    // Which partitions the other pipeline has can't be known while it is not there.
    if (control.type !== "await-run" || other === undefined) return false;
    watch.left ??= targets(watch, control.offset, other);
    for (let target = watch.left.at(-1); target !== undefined; target = watch.left.at(-1)) {
      // Before it is asked for: what ends meanwhile is not to be missed.
      place(watch, placeName(other.pipeline, target));
      const found =
        target === anyRun ? await newestMeeting(other, control.step) : await runMeeting(other, target, control.step);
      if (found === null) return false;
      watch.left.pop();
      watch.met.push({ run: found.id, partition: found.partition });
    }
    return true;
  }

  async function runMeeting({ pipeline }: Plan, partition: string, step: string | null): Promise<RunRecord | null> {
    const succeeded = await store.newestRun(pipeline, partition, true);
    if (step === null) return succeeded;
    for (const run of [await store.newestRun(pipeline, partition), succeeded])
      if (run !== null && (await stepStatus(run, step)) === "succeeded") return run;
    return null;
  }

  /** Without a partition to go by it is the newest run that counts, not one of long ago. */
  async function newestMeeting({ pipeline }: Plan, step: string | null): Promise<RunRecord | null> {
    const [run] = await store.runs({ pipeline, limit: 1 });
    if (run === undefined) return null;
    const status = step === null ? run.status : await stepStatus(run, step);
    return status === "succeeded" ? run : null;
  }

  /** The partitions that are waited for, the first of them last. */
  function targets({ run }: Watch, offset: number, other: Plan): string[] {
    const { partition } = run.record;
    if (other.partitions === null || run.plan.partitions === null || partition === null) return [anyRun];
    return overlappingPartitions(run.plan.partitions, partition, offset, other.partitions).toReversed();
  }

  /** Has the same step of the partition before succeeded, or was it skipped? So it counts when there is no past at all. */
  async function isPastMet(watch: Watch): Promise<boolean> {
    const { partitions, pipeline } = watch.run.plan;
    const { partition } = watch.run.record;
    const before = partitions === null || partition === null ? null : previousPartition(partitions, partition);
    if (before === null) return true;
    place(watch, placeName(pipeline, before));
    const run = await store.newestRun(pipeline, before);
    if (run === null) return !(await hasRunBefore(watch, before));
    const status = await stepStatus(run, watch.command.step);
    // A step that the pipeline did not have then has no past.
    return status === null || status === "succeeded" || status === "skipped";
  }

  async function hasRunBefore({ run }: Watch, partition: string): Promise<boolean> {
    const { partitions, pipeline } = run.plan;
    const [first] = await store.partitionStatuses(pipeline, { limit: 1 });
    if (first === undefined || first.partition === run.record.partition) return false;
    const keys: string[] = [];
    for (
      let key: string | null = partition;
      key !== null && keys.length < past;
      key = previousPartition(partitions!, key)
    )
      keys.push(key);
    return keys.length > 0 && (await store.partitionStatuses(pipeline, { keys })).length > 0;
  }

  async function stepStatus(run: RunRecord, step: string): Promise<StepStatus | null> {
    return (await store.steps(run.id)).find(({ name }) => name === step)?.status ?? null;
  }

  function place(watch: Watch, name: string): void {
    if (watch.place === name) return;
    unplace(watch);
    watch.place = name;
    const there = byPlace.get(name);
    if (there === undefined) byPlace.set(name, new Set([watch]));
    else there.add(watch);
  }

  function unplace(watch: Watch): void {
    if (watch.place === null) return;
    const there = byPlace.get(watch.place);
    there?.delete(watch);
    if (there?.size === 0) byPlace.delete(watch.place);
    watch.place = null;
  }

  function remove(watch: Watch): void {
    watches.delete(watch);
    toLookAt.delete(watch);
    unplace(watch);
  }

  function look(watch: Watch): void {
    toLookAt.add(watch);
    looking.soon();
  }

  function lookAtAll(): void {
    for (const watch of watches) look(watch);
  }

  function startRounds(): void {
    cancelRound ??= timer(clock.now() + rounds, () => {
      cancelRound = null;
      lookAtAll();
      if (watches.size > 0) startRounds();
    });
  }

  return {
    add: (run, command) => {
      const watch: Watch = { run, command, left: null, met: [], place: null };
      watches.add(watch);
      look(watch);
      startRounds();
    },
    changed: ({ record: { pipeline, partition } }) => {
      if (byPlace.size === 0) return;
      for (const watch of byPlace.get(placeName(pipeline, anyRun)) ?? []) look(watch);
      if (partition === null) return;
      for (const watch of byPlace.get(placeName(pipeline, partition)) ?? []) look(watch);
    },
    lookAtAll,
    close: () => cancelRound?.(),
  };
}

/** In place of a partition: any run of the pipeline. */
const anyRun = "";

function placeName(pipeline: string, partition: string): string {
  return `${pipeline} ${partition}`;
}

function plannedStep({ run, command }: Watch): Plan["steps"][number] {
  const graph = planGraph(run.plan);
  return graph.steps[graph.positions.get(command.step)!]!;
}

function isHeld({ run, command }: Watch): boolean {
  const step = run.state.steps.get(command.step);
  return step !== undefined && !isEnd(step.status) && step.awaits === command.awaits;
}
