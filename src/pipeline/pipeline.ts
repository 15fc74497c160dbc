// The builder users write in: `pipeline(name, options, build)`. It turns the calls of `step` into a plan, and
// into the step specs of one run. It does no I/O and runs nothing.
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { partitionAt, type Partition, type Partitions } from "./partition.ts";
import { makePlan, type Plan, type PlanStep } from "./plan.ts";
import { retryPolicy, type RetryOptions } from "./retry.ts";
import type { StepHandle, StepSpec } from "./step.ts";

/** When a step runs, how often it is tried and for how long. */
export interface StepOptions {
  /** When a failed attempt is tried again. @default the pipeline's */
  readonly retry?: RetryOptions;
  /** How long one attempt may take. @default the pipeline's, else no limit */
  readonly timeout?: Duration;
  /** Steps that must have succeeded before, beside those whose outputs are read. */
  readonly after?: StepHandle<unknown> | readonly StepHandle<unknown>[];
}

/** What holds for a whole pipeline: its partitions, and what its steps do when they say nothing else. */
export interface PipelineOptions<P extends Partitions | undefined = Partitions | undefined> {
  readonly partitions?: P;
  readonly retry?: RetryOptions;
  readonly timeout?: Duration;
}

/** Adds a step under a name that is unique in the pipeline, and returns the handle that stands for its output. */
export type StepFunction = <Output>(
  name: string,
  spec: StepSpec<Output, never>,
  options?: StepOptions,
) => StepHandle<Output>;

/** What a pipeline's builder is given. */
export interface BuildContext<P extends Partitions | undefined = Partitions | undefined> {
  readonly step: StepFunction;
  /** The slice this run works on; only in a pipeline with partitions. */
  readonly partition: P extends Partitions ? Partition : undefined;
}

/** What `pipeline` makes and a file in `pipelines/` exports: its plan, and the code of its steps. */
export interface Pipeline {
  readonly kind: "sluice.pipeline";
  readonly name: string;
  readonly partitions: Partitions | null;
  /** The plan, as data. */
  readonly plan: Plan;
  /** The specs of one run, by step name. */
  readonly specs: (partitionKey: string | null) => ReadonlyMap<string, StepSpec<unknown, never>>;
}

/**
 * Defines a pipeline. `build` is called when the project is loaded, and again for each run with the run's
 * partition; the shape it describes (names, kinds, dependencies) must be the same each time.
 */
export function pipeline(name: string, build: (context: BuildContext<undefined>) => void): Pipeline;
export function pipeline<P extends Partitions | undefined = undefined>(
  name: string,
  options: PipelineOptions<P>,
  build: (context: BuildContext<P>) => void,
): Pipeline;
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
  const describe = (partition: Partition | undefined) => collect(name, options, build, partition);
  // Any partition serves to find the shape; the set's first day always exists.
  const plan = makePlan({
    pipeline: name,
    partitions,
    steps: describe(partitions === null ? undefined : symbolicPartition(partitions)).map((entry) => entry.planned),
  });
  return Object.freeze({
    kind: "sluice.pipeline",
    name,
    partitions,
    plan,
    specs: (key: string | null) => {
      const entries = describe(key === null || partitions === null ? undefined : partitionAt(partitions, key));
      checkShape(
        plan,
        entries.map((entry) => entry.planned),
      );
      return new Map(entries.map((entry) => [entry.planned.name, entry.spec]));
    },
  });
}

interface Entry {
  readonly planned: PlanStep;
  readonly spec: StepSpec<unknown, never>;
}

function symbolicPartition(partitions: Partitions): Partition {
  return partitionAt(partitions, partitions.from);
}

function collect(
  name: string,
  options: PipelineOptions,
  build: (context: BuildContext) => void,
  partition: Partition | undefined,
): Entry[] {
  const entries: Entry[] = [];
  // Only handles that this very build has given out count, so an edge always points backwards: no cycle can be made.
  const issued = new Map<StepHandle<unknown>, string>();
  const nameOf = (handle: StepHandle<unknown>, reader: string): string => {
    const step = issued.get(handle);
    if (step !== undefined) return step;
    throw new SluiceError(
      "DEFINITION_INVALID",
      `Step "${reader}" of pipeline "${name}" depends on a handle that is not from this pipeline`,
      {
        hint: "Use what step(…) returned, in the same builder. Hand-made handles could form a cycle.",
        details: { pipeline: name, step: reader, handle: String(handle?.step) },
      },
    );
  };
  const step: StepFunction = (stepName, spec, stepOptions = {}) => {
    checkName("step", stepName);
    if (entries.some((entry) => entry.planned.name === stepName)) {
      throw new SluiceError("DEFINITION_INVALID", `Pipeline "${name}" has two steps named "${stepName}"`, {
        hint: "Rename one of them.",
      });
    }
    checkSpec(name, stepName, spec);
    const after = stepOptions.after === undefined ? [] : [stepOptions.after].flat();
    const dependsOn = [...Object.values(spec.inputs), ...after].map((handle) => nameOf(handle, stepName));
    const timeout = stepOptions.timeout ?? options.timeout;
    entries.push({
      spec: spec as StepSpec<unknown, never>,
      planned: {
        name: stepName,
        kind: spec.kind,
        dependsOn: [...new Set(dependsOn)],
        retry: retryPolicy({ ...options.retry, ...stepOptions.retry }),
        timeoutMs: timeout === undefined ? null : milliseconds(timeout),
        config: spec.config,
      },
    });
    const handle: StepHandle<never> = Object.freeze({ step: stepName });
    issued.set(handle, stepName);
    return handle;
  };
  const result: unknown = build({ step, partition: partition as never });
  if (typeof (result as PromiseLike<unknown> | undefined)?.then === "function") {
    // Whatever it comes to is of no interest any more, and must not end the process.
    void Promise.resolve(result).catch(() => {});
    throw new SluiceError("DEFINITION_INVALID", `The builder of pipeline "${name}" is async`, {
      hint: "Describe the steps synchronously; do the work inside them.",
    });
  }
  if (entries.length === 0) {
    throw new SluiceError("DEFINITION_INVALID", `Pipeline "${name}" has no step`, {
      hint: "Call step(…) in its builder.",
    });
  }
  return entries;
}

function checkShape(plan: Plan, steps: readonly PlanStep[]): void {
  const shape = (list: readonly PlanStep[]): Json => list.map((item) => [item.name, item.kind, ...item.dependsOn]);
  if (JSON.stringify(shape(plan.steps)) === JSON.stringify(shape(steps))) return;
  throw new SluiceError("DEFINITION_INVALID", `Pipeline "${plan.pipeline}" has other steps for another partition`, {
    hint: "The builder may use the partition in what steps do, not in which steps there are.",
  });
}

function checkSpec(pipelineName: string, step: string, spec: StepSpec<unknown, never>): void {
  if (
    typeof spec === "object" &&
    spec !== null &&
    typeof spec.execute === "function" &&
    typeof spec.inputs === "object"
  )
    return;
  throw new SluiceError(
    "DEFINITION_INVALID",
    `Step "${step}" of pipeline "${pipelineName}" is not made of a kind of step`,
    {
      hint:
        typeof spec === "function"
          ? "Wrap the function: task(async () => …)."
          : "Use task(…), extract(…), validate(…) and so on.",
    },
  );
}

function checkName(what: string, name: string): void {
  if (typeof name === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(name)) return;
  throw new SluiceError("DEFINITION_INVALID", `"${name}" can't be the name of a ${what}`, {
    hint: "Use lower-case letters, digits and _, starting with a letter, at most 64.",
  });
}
