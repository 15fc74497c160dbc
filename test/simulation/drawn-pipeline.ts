// Pipelines drawn from a seed: every kind of step, every way to start, and how the code of each step goes. What a step
// does depends on what the run is for and on nothing else, so that two worlds of one seed have the same to do.
import { retryPolicy } from "../../src/pipeline/retry.ts";
import {
  makePlan,
  type Control,
  type HookEvent,
  type Plan,
  type PlanStep,
  type TriggerRule,
} from "../../src/pipeline/plan.ts";
import type { Partitions } from "../../src/pipeline/partition.ts";
import { combine, dynamicPartitions, staticPartitions } from "../../src/pipeline/partition-key.ts";
import { hourly } from "../../src/pipeline/time-partitions.ts";
import type { Schedule } from "../../src/pipeline/schedule.ts";
import type { Random } from "./random.ts";

/** What the code of a step hands on, beside the value that all do. */
export type Role = "plain" | "list" | "branch";

export interface DrawnPipeline {
  readonly plan: Plan;
  readonly roles: ReadonlyMap<string, Role>;
  /** Steps whose inputs depend on when they start. */
  readonly untimely: ReadonlySet<string>;
  /** Do its runs and how they end depend on nothing but the seed? */
  readonly comparable: boolean;
}

export interface DrawOptions {
  readonly random: Random;
  readonly name: string;
  /** Pipelines drawn before: it may wait for their runs and their assets. */
  readonly earlier: readonly DrawnPipeline[];
  /** Leaves out whatever may end in more than one way. */
  readonly tame: boolean;
  /** When the world begins, in milliseconds since the epoch. */
  readonly start: number;
  readonly pools: Readonly<Record<string, number>>;
}

export const hour = 3_600_000;
const minute = 60_000;

/** Rules that are settled by how all the steps before have ended, in whatever order they did. */
const settledRules: readonly TriggerRule[] = [
  "all-failed",
  "all-done",
  "all-done-min-one-succeeded",
  "all-skipped",
  "none-failed",
  "none-failed-min-one-succeeded",
  "none-skipped",
];
const hastyRules: readonly TriggerRule[] = ["one-succeeded", "one-failed", "one-done", "always"];

export function drawPipeline(options: DrawOptions): DrawnPipeline {
  const { random, name, earlier, tame, start } = options;
  const partitions = drawPartitions(random, name, start, tame);
  const { schedule, comparable } = drawSchedule(options, partitions);
  const steps: PlanStep[] = [];
  const roles = new Map<string, Role>();
  const untimely = new Set<string>();
  const count = random.between(1, 6);
  for (let position = 0; position < count; position += 1) {
    const step = drawStep(options, steps, roles, partitions);
    steps.push(step.planned);
    roles.set(step.planned.name, step.role);
    if (hastyRules.includes(step.planned.trigger)) untimely.add(step.planned.name);
  }
  if (random.chance(0.25)) steps.push(drawTeardown(options, steps));
  const plan = makePlan({
    pipeline: name,
    partitions,
    schedule,
    maxActiveRuns: random.between(1, 3),
    timeoutMs: !tame && random.chance(0.15) ? random.between(1, 90) * minute : null,
    lateMs: random.chance(0.2) ? random.between(1, 60) * minute : null,
    hooks: drawHooks(random, 0.3),
    params: null,
    steps,
  });
  // A step that waits for runs which may or may not have been asked for by then ends one way or the other.
  const waitsForWild = steps.some(
    ({ control }) =>
      control.type === "await-run" && !earlier.find((other) => other.plan.pipeline === control.pipeline)!.comparable,
  );
  return { plan, roles, untimely, comparable: comparable && tame && !waitsForWild };
}

function drawPartitions(random: Random, name: string, start: number, tame: boolean): Partitions | null {
  const kind = random.below(10);
  const from = new Date(start - 4 * hour).toISOString().slice(0, 13);
  if (kind < 4) return null;
  if (kind < 7) return hourly({ from });
  if (kind < 8) return staticPartitions(["eu", "us"]);
  if (kind < 9) return combine({ time: hourly({ from }), region: staticPartitions(["eu", "us"]) });
  return tame ? staticPartitions(["a", "b", "c"]) : dynamicPartitions(`${name}_customers`);
}

function drawSchedule(
  { random, earlier, start, tame }: DrawOptions,
  partitions: Partitions | null,
): { schedule: Schedule | null; comparable: boolean } {
  const kind = random.below(10);
  const ticks = random.between(1, 3);
  const jitterMs = random.chance(0.3) ? random.between(1, 60) * 1_000 : 0;
  const catchup = random.chance(0.75);
  // Only what is made up for is sure to be run in every world.
  if (kind < 3) {
    const [everyMs, from] = [random.pick([20 * minute, hour]), start + random.between(-30, 30) * minute];
    return {
      schedule: { type: "interval", everyMs, from, to: from + ticks * everyMs, catchup, jitterMs },
      comparable: catchup,
    };
  }
  if (kind < 6) {
    const cron = `${random.below(60)} * * * *`;
    const from = start - random.below(2) * hour;
    return {
      schedule: { type: "cron", cron, timeZone: "Asia/Taipei", from, to: from + ticks * hour, catchup, jitterMs },
      comparable: catchup,
    };
  }
  const assets = earlier.flatMap(({ plan }) => plan.steps.flatMap((step) => assetsOf(plan.pipeline, step)));
  if (kind < 8 && assets.length > 0 && !tame) {
    const watched = [...new Set([random.pick(assets), random.pick(assets)])];
    return {
      schedule: { type: "on-update", assets: watched, mode: random.pick(["any", "all"]), from: null, to: null },
      comparable: false,
    };
  }
  if (kind < 9 && partitions === null)
    return { schedule: { type: "on-event", event: "arrived", from: null, to: null }, comparable: true };
  return { schedule: null, comparable: true };
}

function drawStep(
  { random, earlier, tame, pools }: DrawOptions,
  before: readonly PlanStep[],
  roles: ReadonlyMap<string, Role>,
  partitions: Partitions | null,
): { planned: PlanStep; role: Role } {
  const name = `s${before.length}`;
  const dependsOn = before.map((step) => step.name).filter(() => random.chance(0.45));
  const lists = before.filter((step) => roles.get(step.name) === "list").map((step) => step.name);
  let role: Role = "plain";
  let control: Control = { type: "run" };
  const kind = random.below(100);
  if (lists.length > 0 && kind < 45) {
    const over = random.chance(0.3) ? [random.pick(lists), random.pick(lists)] : [random.pick(lists)];
    control = { type: "map", over: [...new Set(over)], batch: null };
    for (const list of over) if (!dependsOn.includes(list)) dependsOn.push(list);
  } else if (kind < 55) {
    role = random.pick(["plain", "list", "branch"]);
  } else if (kind < 65) {
    control = { type: "sense", everyMs: random.between(10, 600) * 1_000, deadlineMs: null, onDeadline: "fail" };
    if (random.chance(0.4))
      control = { ...control, deadlineMs: random.between(5, 40) * minute, onDeadline: random.pick(["fail", "skip"]) };
  } else if (kind < 71) {
    control = { type: "short-circuit" };
  } else if (kind < 80) {
    control = {
      type: "approve",
      message: "Go on?",
      deadlineMs: random.chance(0.5) ? random.between(5, 90) * minute : null,
      onDeadline: random.pick(["fail", "approve", "reject"]),
      onReject: random.pick(["skip", "fail"]),
    };
  } else if (kind < 88 && earlier.some((other) => canWaitFor(partitions, other.plan.partitions, tame))) {
    const other = random.pick(earlier.filter(({ plan }) => canWaitFor(partitions, plan.partitions, tame))).plan;
    control = {
      type: "await-run",
      pipeline: other.pipeline,
      // Of a step it is the newest run that counts, and which one that is depends on when one looks.
      step: random.chance(0.5) && !tame ? random.pick(other.steps).name : null,
      offset: partitions?.type === "time" && random.chance(0.3) ? -1 : 0,
      deadlineMs: null,
      onDeadline: "fail",
    };
  }
  const inWorker = control.type === "run" || control.type === "map";
  const branches = dependsOn.filter((other) => roles.get(other) === "branch");
  const rules = tame ? settledRules : [...settledRules, ...hastyRules];
  // Results are kept only of steps that always go well, and hand on the same for the same inputs.
  const cache = inWorker && role === "plain" && random.chance(0.08) ? { ttlMs: null } : null;
  const planned: PlanStep = {
    name,
    kind: "task",
    control,
    dependsOn: [...dependsOn].sort(),
    when: branches.filter(() => random.chance(0.6)).map((step) => ({ step, outcome: random.pick(["left", "right"]) })),
    trigger: dependsOn.length > 0 && random.chance(0.3) ? random.pick(rules) : "all-succeeded",
    teardownOf: null,
    dependsOnPast: !tame && partitions !== null && random.chance(0.08),
    retry: retryPolicy({
      limit: random.below(4),
      delay: `${random.between(1, 120)}s`,
      backoff: random.pick(["constant", "exponential"]),
      jitter: random.chance(0.3) ? 0.2 : 0,
    }),
    timeoutMs: random.chance(0.2) ? 10 * minute : null,
    lateMs: random.chance(0.15) ? random.between(1, 30) * minute : null,
    pools: inWorker && random.chance(0.35) ? drawPools(random, pools) : {},
    concurrency:
      inWorker && random.chance(0.25)
        ? { key: random.pick(["warehouse", "api"]), limit: random.between(1, 2), per: null }
        : null,
    priority: random.below(3),
    resources: { cpus: inWorker && random.chance(0.2) ? random.between(1, 2) : 0, memory: 0 },
    cache,
    hooks: drawHooks(random, 0.25),
    config: null,
  };
  return { planned, role };
}

/** Can runs of these partitions wait for runs of those? Without a partition to go by it is the newest run that counts, at the time. */
function canWaitFor(own: Partitions | null, other: Partitions | null, tame: boolean): boolean {
  if (own === null || other === null) return !tame;
  return own.type === "time" ? other.type === "time" : JSON.stringify(own) === JSON.stringify(other);
}

/** Tears down one of the steps, after all that follows that one. */
function drawTeardown({ random }: DrawOptions, steps: readonly PlanStep[]): PlanStep {
  const setUp = random.pick(steps.filter((step) => step.teardownOf === null));
  const after = new Set([setUp.name]);
  for (const step of steps) if (step.dependsOn.some((name) => after.has(name))) after.add(step.name);
  return {
    ...setUp,
    name: `t${steps.length}`,
    control: { type: "run" },
    dependsOn: [...after].sort(),
    when: [],
    trigger: "all-done",
    teardownOf: setUp.name,
    dependsOnPast: false,
    cache: null,
    lateMs: null,
  };
}

function drawPools(random: Random, pools: Readonly<Record<string, number>>): Record<string, number> {
  const name = random.pick(Object.keys(pools));
  return { [name]: random.between(1, pools[name]!) };
}

function drawHooks(random: Random, probability: number): HookEvent[] {
  const events: readonly HookEvent[] = ["success", "failure", "retry", "late"];
  return random.chance(probability) ? events.filter(() => random.chance(0.6)) : [];
}

/** What the step brings up to date when it succeeds. */
export function assetsOf(pipeline: string, step: PlanStep): string[] {
  return step.control.type === "run" && step.priority === 0 && step.teardownOf === null
    ? [`${pipeline}.${step.name}`]
    : [];
}

/** Does the code of the step write to the outside? */
export function isEffectful({ control }: PlanStep): boolean {
  return control.type === "run" || control.type === "map";
}
