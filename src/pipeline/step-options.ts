// What can be said of any step beside what it does: when it starts, how often it is tried, what it may use. Options are
// checked here and become fields of the plan.
import { SluiceError } from "../errors.ts";
import { readHooks, type HookEvent, type HookOptions, type Hooks } from "../hook.ts";
import type { Json } from "../json.ts";
import { bytes, type ByteSize } from "./byte-size.ts";
import { milliseconds, type Duration } from "./duration.ts";
import type { Control, PlanStep, TriggerRule } from "./plan.ts";
import { retryPolicy, type RetryVerdict, type StepRetryOptions } from "./retry.ts";
import type { StepHandle } from "./step.ts";
import type { Condition } from "./when.ts";

/** What a step can come after: a step, or one outcome of a branch. */
export type After = StepHandle<unknown> | Condition;

/** When a step runs, how often it is tried, for how long and with what. */
export interface StepOptions {
  /** When a failed attempt is tried again. @default the pipeline's */
  readonly retry?: StepRetryOptions;
  /** How long one attempt may take. @default the pipeline's, else no limit */
  readonly timeout?: Duration;
  /** Steps before this one, beside those whose outputs are read; with `when(choice, "label")`, one outcome of a branch. */
  readonly after?: After | readonly After[];
  /** Which ends of the steps before let it start. @default "all-succeeded" */
  readonly trigger?: TriggerRule;
  /** The step whose work this one undoes: it runs last of all that follows that step, whatever becomes of it. */
  readonly teardown?: StepHandle<unknown>;
  /** Pools an attempt takes a slot of, or how many of each: `"api"`, `{ api: 2 }`. */
  readonly pool?: string | Readonly<Record<string, number>>;
  /**
   * Attempts at a time, in all runs together: a number, or a key that several steps share. `per` names a field of a
   * mapped step's items, each value of which counts by itself.
   */
  readonly concurrency?: number | { readonly limit: number; readonly key?: string; readonly per?: string };
  /** Higher goes first where not all can. @default 0 */
  readonly priority?: number;
  /** What an attempt uses of the machine: it waits until that is free. @default nothing */
  readonly resources?: { readonly cpus?: number; readonly memory?: ByteSize };
  /** Takes the result of an earlier run with equal inputs, code and partition; `{ for: "7d" }` for as long. @default false */
  readonly cache?: boolean | { readonly for: Duration };
  /** Does it wait until the same step of the partition before has succeeded or was skipped? @default false */
  readonly dependsOnPast?: boolean;
  /** From its first start; when it takes longer, the hooks on `late` are told. */
  readonly lateAfter?: Duration;
  /** What is called when it has succeeded, failed, is tried again or is late. */
  readonly on?: HookOptions;
}

/** Options that steps of a group, or of a pipeline, share. */
export type SharedStepOptions = Pick<StepOptions, "retry" | "timeout" | "pool" | "priority" | "resources">;

/** What a group says of its steps. */
export interface GroupOptions extends SharedStepOptions {
  /** Steps before the group: before each of its steps that comes after no other of the group. */
  readonly after?: After | readonly After[];
}

const triggerRules: Readonly<Record<TriggerRule, true>> = {
  "all-succeeded": true,
  "all-failed": true,
  "all-done": true,
  "all-done-min-one-succeeded": true,
  "all-skipped": true,
  "one-succeeded": true,
  "one-failed": true,
  "one-done": true,
  "none-failed": true,
  "none-failed-min-one-succeeded": true,
  "none-skipped": true,
  always: true,
};

/** What options come to: fields of the plan, and the functions that stay out of it. */
export interface ReadOptions {
  readonly planned: Omit<PlanStep, "name" | "kind" | "control" | "dependsOn" | "when" | "teardownOf" | "config">;
  readonly hooks: Hooks;
  readonly retryable: RetryVerdict | null;
}

export interface StepPlace {
  readonly pipeline: string;
  readonly step: string;
  readonly control: Control;
  /** Can "the partition before" be said of the pipeline's partitions? */
  readonly sequential: boolean;
}

/** Options of a step over those it shares with others; DEFINITION_INVALID where they can't be meant. */
export function readStepOptions(place: StepPlace, shared: SharedStepOptions, options: StepOptions): ReadOptions {
  checkApplicable(place, options);
  const { trigger = "all-succeeded", priority = shared.priority ?? 0 } = options;
  if (!Object.hasOwn(triggerRules, trigger)) {
    throw invalid(
      place,
      `has the trigger "${String(trigger)}", which there is not`,
      `Use one of ${Object.keys(triggerRules).join(", ")}.`,
    );
  }
  if (options.teardown !== undefined && options.trigger !== undefined) {
    throw invalid(
      place,
      "is a teardown and has a trigger",
      "Leave out `trigger`: a teardown starts when all that follows its step has ended.",
    );
  }
  if (!Number.isSafeInteger(priority)) {
    throw invalid(place, `has the priority ${String(priority)}`, "Write a whole number; higher goes first.");
  }
  if (options.dependsOnPast === true && !place.sequential) {
    throw invalid(
      place,
      "depends on its past, which its pipeline has none of",
      "Give the pipeline partitions of time, such as daily({ from }).",
    );
  }
  const retry = { ...shared.retry, ...options.retry };
  const unattended = place.control.type === "approve" || place.control.type === "await-run";
  const timeout = options.timeout ?? (unattended ? undefined : shared.timeout);
  const { hooks, events, description } = readHooks(options.on, titleOf(place));
  const code = codeOf(description, retry.retryable);
  return {
    hooks,
    retryable: retry.retryable ?? null,
    planned: {
      trigger,
      dependsOnPast: options.dependsOnPast ?? false,
      retry: retryPolicy(retry),
      timeoutMs: timeout === undefined ? null : milliseconds(timeout),
      lateMs: options.lateAfter === undefined ? null : milliseconds(options.lateAfter),
      pools: unattended ? {} : poolsOf(place, options.pool ?? shared.pool),
      concurrency: concurrencyOf(place, options.concurrency),
      priority,
      resources: unattended ? noResources : resourcesOf(place, options.resources ?? shared.resources),
      cache: cacheOf(options.cache),
      hooks: events as readonly HookEvent[],
      ...(code === null ? {} : { code }),
    },
  };
}

/** The functions that a step is tried again and told by, as data: part of the version, not of the cache's keys. */
function codeOf(hooks: Json, retryable: RetryVerdict | undefined): Json {
  if (hooks === null && retryable === undefined) return null;
  return {
    ...(hooks === null ? {} : { hooks }),
    ...(retryable === undefined ? {} : { retryable: retryable.toString() }),
  };
}

const noResources = { cpus: 0, memory: 0 } as const;

/** No worker runs these steps, so what is said of attempts would be said in vain. */
function checkApplicable(place: StepPlace, options: StepOptions): void {
  const { type } = place.control;
  if (type === "approve" || type === "await-run") {
    const idle = (["retry", "timeout", "pool", "concurrency", "resources", "cache"] as const).find(
      (name) => options[name] !== undefined,
    );
    if (idle !== undefined) {
      const what = type === "approve" ? "an approval" : "a wait for another pipeline";
      throw invalid(
        place,
        `is ${what}, which takes no worker, and has \`${idle}\``,
        idle === "timeout" ? "Use `deadline`." : `Leave out \`${idle}\`.`,
      );
    }
  }
  if (type === "sense" && options.cache !== undefined && options.cache !== false) {
    throw invalid(place, "is a sensor and has `cache`", "Leave out `cache`: a sensor has to look.");
  }
}

function poolsOf(place: StepPlace, pool: StepOptions["pool"]): Readonly<Record<string, number>> {
  const pools = typeof pool === "string" ? { [pool]: 1 } : (pool ?? {});
  for (const [name, slots] of Object.entries(pools)) {
    if (!Number.isSafeInteger(slots) || slots < 1) {
      throw invalid(place, `takes ${String(slots)} slots of the pool "${name}"`, "Write a whole number from 1.");
    }
  }
  return pools;
}

function concurrencyOf(place: StepPlace, option: StepOptions["concurrency"]): PlanStep["concurrency"] {
  if (option === undefined) return null;
  const {
    limit,
    key = `${place.pipeline}.${place.step}`,
    per = null,
  } = typeof option === "number" ? { limit: option } : option;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw invalid(place, `has a concurrency of ${String(limit)}`, "Write a whole number from 1.");
  }
  if (typeof key !== "string" || key === "") {
    throw invalid(place, "has a concurrency without a key", 'Write a name that the steps share, such as "warehouse".');
  }
  if (per !== null && (place.control.type !== "map" || place.control.batch !== null)) {
    throw invalid(
      place,
      `has a concurrency per "${per}" and no items with such a field`,
      "Use `per` in steps that map over lists.",
    );
  }
  return { key, limit, per };
}

function resourcesOf(place: StepPlace, option: StepOptions["resources"]): PlanStep["resources"] {
  const cpus = option?.cpus ?? 0;
  if (typeof cpus !== "number" || !Number.isFinite(cpus) || cpus < 0) {
    throw invalid(place, `uses ${String(cpus)} processors`, "Write a number, such as 2 or 0.5.");
  }
  return { cpus, memory: option?.memory === undefined ? 0 : bytes(option.memory) };
}

function cacheOf(option: StepOptions["cache"]): PlanStep["cache"] {
  if (option === undefined || option === false) return null;
  return { ttlMs: option === true ? null : milliseconds(option.for) };
}

function titleOf(place: StepPlace): string {
  return `Step "${place.step}" of pipeline "${place.pipeline}"`;
}

function invalid(place: StepPlace, what: string, hint: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `${titleOf(place)} ${what}`, {
    hint,
    details: { pipeline: place.pipeline, step: place.step },
  });
}
