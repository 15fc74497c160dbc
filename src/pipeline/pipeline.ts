// The builder users write in: `pipeline(name, options, build)`. It turns the calls of `step` into a plan, and
// into the code of one run. It does no I/O and runs nothing.
import { SluiceError } from "../errors.ts";
import { readHooks, type HookOptions, type Hooks } from "../hook.ts";
import type { Json } from "../json.ts";
import { describeSteps, type DescribedStep, type GroupFunction, type StepFunction } from "./builder.ts";
import { checkName } from "./name.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { readParams, type ParamsSchema } from "./params.ts";
import {
  firstPartition,
  isSequential,
  partitionAt,
  type Partition,
  type PartitionOf,
  type Partitions,
} from "./partition.ts";
import { makePlan, type Plan, type PlanStep } from "./plan.ts";
import type { RetryVerdict } from "./retry.ts";
import { scheduleOf, type ScheduleOptions } from "./schedule.ts";
import type { SharedStepOptions } from "./step-options.ts";
import type { StepSpec } from "./step.ts";

/** What holds for a whole pipeline: when it runs, its partitions, and what its steps do when they say nothing else. */
export interface PipelineOptions<
  P extends Partitions | undefined = Partitions | undefined,
  S extends ParamsSchema | undefined = ParamsSchema | undefined,
> extends SharedStepOptions {
  /** When it runs by itself. @default only when asked */
  readonly schedule?: ScheduleOptions;
  readonly partitions?: P;
  /** Schema of what a run can be told; every param has a default. */
  readonly params?: S;
  /** Runs at a time; more wait. Runs of backfills are counted apart. @default 16 */
  readonly maxActiveRuns?: number;
  /** How long a run may take before it is ended as failed. @default no limit */
  readonly runTimeout?: Duration;
  /** From a run's start; when it takes longer, the hooks on `late` are told. */
  readonly lateAfter?: Duration;
  /** What is called when a run has succeeded, failed or is late, and when one of its steps is tried again or is late. */
  readonly on?: HookOptions;
}

/** What a pipeline's builder is given. */
export interface BuildContext<
  P extends Partitions | undefined = Partitions | undefined,
  S extends ParamsSchema | undefined = ParamsSchema | undefined,
> {
  readonly step: StepFunction;
  readonly group: GroupFunction;
  /** The slice this run works on; only in a pipeline with partitions. */
  readonly partition: P extends Partitions ? PartitionOf<P> : undefined;
  /** What this run was told, with defaults; only in a pipeline with params. */
  readonly params: S extends ParamsSchema<infer Output> ? Output : undefined;
}

/** The functions of one run's steps, by step name. */
export interface RunCode {
  readonly specs: ReadonlyMap<string, StepSpec<unknown, never>>;
  /** Of the steps that have any. */
  readonly hooks: ReadonlyMap<string, Hooks>;
  /** Of the steps that have one. */
  readonly retryable: ReadonlyMap<string, RetryVerdict>;
}

/** What `pipeline` makes and a file in `pipelines/` exports: its plan, and the code of its steps. */
export interface Pipeline {
  readonly kind: "sluice.pipeline";
  readonly name: string;
  readonly partitions: Partitions | null;
  /** The plan, as data. */
  readonly plan: Plan;
  /** The code of one run. `params` as `parseParams` returns them. */
  readonly code: (partitionKey: string | null, params?: Json) => RunCode;
  /** The specs of one run, by step name. */
  readonly specs: (partitionKey: string | null, params?: Json) => ReadonlyMap<string, StepSpec<unknown, never>>;
  /** What its steps say of themselves, by step name, where they do. */
  readonly explanations: () => Readonly<Record<string, Json>>;
  /** The pipeline's own hooks. */
  readonly hooks: Hooks;
  /** A run's params from what its caller gave, checked and with defaults; USAGE, in one line, when it doesn't fit. */
  readonly parseParams: (raw: Json) => Json;
}

/**
 * Defines a pipeline. `build` is called when the project is loaded, and again for each run with the run's
 * partition and params; the shape it describes (names, kinds, dependencies) must be the same each time.
 */
export function pipeline(name: string, build: (context: BuildContext<undefined, undefined>) => void): Pipeline;
export function pipeline<
  const P extends Partitions | undefined = undefined,
  S extends ParamsSchema | undefined = undefined,
>(name: string, options: PipelineOptions<P, S>, build: (context: BuildContext<P, S>) => void): Pipeline;
export function pipeline(name: string, ...rest: unknown[]): Pipeline {
  const build = rest.at(-1) as (context: BuildContext) => void;
  const options = (rest.length > 1 ? rest[0] : {}) as PipelineOptions;
  checkName("pipeline", name);
  if (typeof build !== "function") {
    throw new SluiceError("DEFINITION_INVALID", `pipeline("${name}") has no builder function`, {
      hint: 'Write pipeline("name", { … }, ({ step }) => { … }).',
    });
  }
  const partitions = options.partitions ?? null;
  const params = options.params === undefined ? null : readParams(name, options.params);
  const { hooks, events, description } = readHooks(options.on, `Pipeline "${name}"`);
  const describe = (partition: Partition | undefined, told: Json) =>
    describeSteps(
      { pipeline: name, sequential: partitions !== null && isSequential(partitions), shared: options },
      (steps) => build({ ...steps, partition: partition as never, params: (told ?? undefined) as never }),
    );
  // Any partition and params serve to find the shape; the set's first partition and the defaults are always there.
  const described = describe(partitions === null ? undefined : firstPartition(partitions), params?.defaults ?? null);
  const plan = makePlan({
    pipeline: name,
    partitions,
    schedule: scheduleOf(options.schedule, name),
    maxActiveRuns: activeRunsOf(name, options.maxActiveRuns),
    timeoutMs: options.runTimeout === undefined ? null : milliseconds(options.runTimeout),
    lateMs: options.lateAfter === undefined ? null : milliseconds(options.lateAfter),
    hooks: events,
    ...(description === null ? {} : { code: { hooks: description } }),
    params: params?.jsonSchema ?? null,
    steps: described.map((step) => step.planned),
  });
  const shape = plan.steps.map(shapeOf);
  const code = (key: string | null, told: Json = params?.defaults ?? null): RunCode => {
    const steps = describe(key === null || partitions === null ? undefined : partitionAt(partitions, key), told);
    checkShape(
      plan,
      shape,
      steps.map((step) => step.planned),
    );
    return codeOf(steps);
  };
  return Object.freeze({
    kind: "sluice.pipeline",
    name,
    partitions,
    plan,
    code,
    specs: (key: string | null, told?: Json) => code(key, told).specs,
    explanations: () =>
      Object.fromEntries(
        described.flatMap(({ planned, spec }) =>
          spec.explanation === undefined ? [] : [[planned.name, spec.explanation()]],
        ),
      ),
    hooks,
    parseParams: params?.parse ?? ((raw: Json) => noParams(name, raw)),
  });
}

function codeOf(steps: readonly DescribedStep[]): RunCode {
  return {
    specs: new Map(steps.map(({ planned, spec }) => [planned.name, spec])),
    hooks: new Map(
      steps.flatMap(({ planned, hooks }) => (planned.hooks.length === 0 ? [] : [[planned.name, hooks] as const])),
    ),
    retryable: new Map(
      steps.flatMap(({ planned, retryable }) => (retryable === null ? [] : [[planned.name, retryable] as const])),
    ),
  };
}

function activeRunsOf(name: string, given: number = 16): number {
  if (Number.isSafeInteger(given) && given >= 1) return given;
  throw new SluiceError("DEFINITION_INVALID", `Pipeline "${name}" has maxActiveRuns: ${String(given)}`, {
    hint: "Write a whole number from 1.",
  });
}

function noParams(name: string, raw: Json): null {
  if (raw === null || (typeof raw === "object" && Object.keys(raw).length === 0)) return null;
  throw new SluiceError("USAGE", `Pipeline "${name}" takes no params`, {
    hint: "Leave them out, or give the pipeline `params`.",
  });
}

/** What of a step must be the same for every partition and all params. */
function shapeOf({ name, kind, dependsOn, when, teardownOf, control }: PlanStep): string {
  return JSON.stringify([name, kind, dependsOn, when, teardownOf, control]);
}

function checkShape(plan: Plan, shape: readonly string[], steps: readonly PlanStep[]): void {
  const other = steps.findIndex((step, at) => shapeOf(step) !== shape[at]);
  if (other === -1 && steps.length === shape.length) return;
  const name = (other === -1 ? plan.steps[steps.length] : steps[other])!.name;
  throw new SluiceError(
    "DEFINITION_INVALID",
    `Pipeline "${plan.pipeline}" has other steps for another partition or other params: look at "${name}"`,
    {
      hint: "The builder may use the partition and the params in what steps do, not in which there are, what they follow, ask or wait for.",
      details: { pipeline: plan.pipeline, step: name },
    },
  );
}
