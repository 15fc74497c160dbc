// Everything a world has to do, drawn from its seed: pipelines, how their code goes, and what people ask for and when.
import type { Instruction } from "../../src/engine/stores/instruction.ts";
import type { RunRecord } from "../../src/engine/stores/run-store.ts";
import { countPartitions, partitionKeyAt } from "../../src/pipeline/partition-selection.ts";
import type { PartitionSelection } from "../../src/pipeline/partition.ts";
import type { HookEvent, Plan } from "../../src/pipeline/plan.ts";
import { drawPipeline, hour, type DrawnPipeline } from "./drawn-pipeline.ts";
import { randomFrom, seedOf, type Random } from "./random.ts";

export interface Workload {
  readonly seed: number;
  /** In a tame one nothing depends on who is first: what is comparable ends alike in every world of the seed. */
  readonly tame: boolean;
  readonly start: number;
  /** Milliseconds after the start by which people have asked for everything, and schedules are over. */
  readonly horizon: number;
  readonly pipelines: readonly DrawnPipeline[];
  readonly pools: Readonly<Record<string, number>>;
  readonly machine: { readonly cpus: number; readonly memory: number };
  readonly capacity: number;
  readonly projectHooks: readonly HookEvent[];
  readonly script: readonly Wish[];
}

/** Something a person, or another program, wants at a time. */
export interface Wish {
  readonly id: string;
  /** Milliseconds after the start. */
  readonly at: number;
  /** Through the store, as another process does, or by a call. */
  readonly way: "store" | "call";
  /** Null when there is nothing to be asked of; `runs` are those that there are, the oldest first. */
  readonly ask: (runs: readonly RunRecord[], random: Random) => Instruction | null;
}

export function drawWorkload(seed: number): Workload {
  const random = randomFrom(seed);
  const tame = random.chance(0.6);
  // The clocks of New York go back during these hours, and the day changes in UTC.
  const start = Date.parse("2026-10-31T22:00:00Z");
  const pools = { api: random.between(1, 3), database: random.between(1, 2) };
  const pipelines: DrawnPipeline[] = [];
  for (let count = random.between(1, 3); count > 0; count -= 1) {
    pipelines.push(drawPipeline({ random, name: `p${pipelines.length}`, earlier: [...pipelines], tame, start, pools }));
  }
  return {
    seed,
    tame,
    start,
    horizon: 4 * hour,
    pipelines,
    pools,
    machine: { cpus: random.between(2, 4), memory: 2 ** 33 },
    capacity: random.between(2, 8),
    projectHooks: random.chance(0.3) ? ["success", "failure", "retry", "late"] : [],
    script: drawScript(random, pipelines, tame, start),
  };
}

function drawScript(random: Random, pipelines: readonly DrawnPipeline[], tame: boolean, start: number): Wish[] {
  const wishes: Wish[] = [];
  const wish = (instruction: Instruction | Wish["ask"], way?: Wish["way"]): void => {
    wishes.push({
      id: `wish-${wishes.length + 1}`,
      at: random.below(3 * hour),
      way: way ?? random.pick(["store", "call"]),
      ask: typeof instruction === "function" ? instruction : () => instruction,
    });
  };
  for (const { plan } of pipelines) {
    const { pipeline, partitions } = plan;
    const dynamic = partitions?.type === "dynamic" ? ["ann", "bob"] : [];
    if (partitions?.type === "dynamic") wish({ type: "add-partitions", set: partitions.set, keys: dynamic });
    const keys = keysOf(plan, start, dynamic);
    if (plan.schedule === null || random.chance(0.3)) {
      for (let count = random.between(1, 3); count > 0; count -= 1) {
        const partition = partitions === null ? null : random.pick(keys);
        // Asked for twice under one key, it is one run.
        const instruction: Instruction = {
          type: "run",
          pipeline,
          partition,
          params: {},
          key: `by-hand/${pipeline}/${count}`,
        };
        wish(instruction);
        if (random.chance(0.3)) wish(instruction);
      }
    }
    if (plan.schedule?.type === "on-event") {
      for (let count = random.between(1, 2); count > 0; count -= 1) {
        const event: Instruction = {
          type: "event",
          name: "arrived",
          key: `file-${count}`,
          partition: null,
          params: {},
        };
        wish(event);
        if (random.chance(0.5)) wish(event);
      }
    }
    if (partitions !== null && random.chance(0.5)) {
      wish(
        {
          type: "backfill",
          pipeline,
          selection: selectionOf(random, plan, keys),
          mode: tame ? "all" : random.pick(["missing", "failed", "all"]),
          parallel: random.between(1, 3),
        },
        "store",
      );
      if (!tame && random.chance(0.3)) wishBackfillAway(wish);
    }
    // An event that arrives while its pipeline is paused is not kept.
    if (random.chance(0.15) && plan.schedule !== null && plan.schedule.type !== "on-event") {
      wish({ type: "pause", pipeline });
      wish({ type: "unpause", pipeline });
    }
  }
  if (!tame) drawInterference(random, wish);
  wishes.sort((a, b) => a.at - b.at);
  return unpausedAtLast(wishes);
}

/** The last word on each pipeline that was paused is that it goes on. */
function unpausedAtLast(wishes: readonly Wish[]): Wish[] {
  const last = new Map<string, { paused: boolean }>();
  for (const { ask } of wishes) {
    const instruction = peek(ask);
    if (instruction?.type === "pause" || instruction?.type === "unpause")
      last.set(instruction.pipeline, { paused: instruction.type === "pause" });
  }
  const missing = [...last].filter(([, { paused }]) => paused).map(([pipeline]) => pipeline);
  return [
    ...wishes,
    ...missing.map((pipeline, position): Wish => ({
      id: `wish-${wishes.length + position + 1}`,
      at: 3 * hour + 1,
      way: "store",
      ask: () => ({ type: "unpause", pipeline }),
    })),
  ];
}

function peek(ask: Wish["ask"]): Instruction | null {
  return ask([], randomFrom(0));
}

/** What people do to runs that are under way or over. */
function drawInterference(random: Random, wish: (ask: Wish["ask"], way?: Wish["way"]) => void): void {
  for (let count = random.below(4); count > 0; count -= 1) {
    const kind = random.below(3);
    if (kind === 0)
      wish((runs, chance) => {
        const running = runs.filter((run) => run.status === "running");
        return running.length === 0 ? null : { type: "cancel-run", run: chance.pick(running).id, reason: "not needed" };
      });
    else if (kind === 1)
      wish((runs, chance) => {
        const ended = runs.filter((run) => run.status !== "running");
        if (ended.length === 0) return null;
        return { type: "rerun", run: chance.pick(ended).id, scope: chance.pick(["from-failed", "all"]), step: null };
      }, "store");
    else
      wish((runs, chance) => {
        const running = runs.filter((run) => run.status === "running");
        if (running.length === 0) return null;
        const as = chance.pick(["succeeded", "failed", "skipped"] as const);
        return {
          type: "mark",
          run: chance.pick(running).id,
          step: `s${chance.below(4)}`,
          as,
          reason: "seen to by hand",
        };
      });
  }
}

function wishBackfillAway(wish: (ask: Wish["ask"], way?: Wish["way"]) => void): void {
  const newest = (runs: readonly RunRecord[]): string | null =>
    runs.findLast((run) => run.backfill !== null)?.backfill ?? null;
  wish((runs) => {
    const backfill = newest(runs);
    return backfill === null ? null : { type: "cancel-backfill", backfill };
  });
  wish((runs, random) => {
    const backfill = newest(runs);
    return backfill === null || random.chance(0.5) ? null : { type: "resume-backfill", backfill };
  });
}

/** Some partitions of the pipeline, in order. */
function keysOf({ partitions }: Plan, start: number, dynamic: readonly string[]): string[] {
  if (partitions === null) return [];
  const all: PartitionSelection = { type: "all" };
  const known = (): readonly string[] => dynamic;
  const count = Math.min(6, countPartitions(partitions, all, known, start));
  return Array.from({ length: count }, (_, index) => partitionKeyAt(partitions, all, index, known, start));
}

function selectionOf(random: Random, { partitions }: Plan, keys: readonly string[]): PartitionSelection {
  if (partitions!.type !== "time" || random.chance(0.3))
    return { type: "keys", keys: keys.filter((_, index) => index % 2 === 0) };
  const [from, to] = [random.below(keys.length), random.below(keys.length)].sort((a, b) => a - b) as [number, number];
  return { type: "range", from: keys[from]!, to: keys[to]! };
}

/** How the code of a step goes, whoever runs it and however often. */
export interface Behaviour {
  /** broken: fails at once and for good · hopeless: fails at every try · a number: fails that often and then goes well. */
  readonly failures: number | "broken" | "hopeless";
  /** A sensor's: looks in vain this often; null for always. */
  readonly unmet: number | null;
  /** What a branch chooses, and how many a list has. */
  readonly choice: "left" | "right";
  readonly length: number;
  /** Does a short-circuit let pass what follows? */
  readonly passes: boolean;
  /** What a person says who is asked; null for nothing. */
  readonly decision: "approved" | "rejected" | null;
}

export function behaviourOf(
  workload: Workload,
  pipeline: DrawnPipeline,
  identity: string,
  step: string,
  item: number | null,
): Behaviour {
  const planned = pipeline.plan.steps.find(({ name }) => name === step)!;
  const { control, retry, cache } = planned;
  // A result that is kept must be the same for every run.
  const random = randomFrom(seedOf(workload.seed, pipeline.plan.pipeline, cache === null ? identity : "", step, item));
  const deadline = "deadlineMs" in control && control.deadlineMs !== null;
  // Whether it fails for good or runs out of time first is a matter of time.
  const drawn = deadline && workload.tame ? 0 : random.below(100);
  const failures =
    cache !== null || drawn < 72 ? 0 : drawn < 94 ? random.between(0, retry.limit) : drawn < 97 ? "broken" : "hopeless";
  return {
    failures,
    unmet: deadline && (workload.tame || random.chance(0.5)) ? null : random.below(5),
    choice: random.pick(["left", "right"]),
    length: random.below(4),
    passes: random.chance(0.7),
    decision:
      deadline && (workload.tame || random.chance(0.5)) ? null : random.pick(["approved", "approved", "rejected"]),
  };
}
