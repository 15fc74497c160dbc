// `step` and `group`, the verbs of a pipeline's builder. Each call of `step` becomes a step of the plan and the code of
// it; handles are the only way to depend, so an edge always points to what was there before.
import { SluiceError } from "../errors.ts";
import type { Hooks } from "../hook.ts";
import { checkName } from "./name.ts";
import type { Control, PlanStep } from "./plan.ts";
import type { RetryVerdict } from "./retry.ts";
import {
  readStepOptions,
  type After,
  type GroupOptions,
  type SharedStepOptions,
  type StepOptions,
} from "./step-options.ts";
import type { StepHandle, StepSpec } from "./step.ts";
import { placeTeardowns } from "./teardown.ts";
import type { Condition } from "./when.ts";

/** Adds a step under a name that is unique in the pipeline, and returns the handle that stands for its output. */
export type StepFunction = <Output>(
  name: string,
  spec: StepSpec<Output, never>,
  options?: StepOptions,
) => StepHandle<Output>;

/**
 * Adds steps under a common name: `step("a", …)` in the group "clean" is the step "clean.a". Returns what `build`
 * returns, such as the handle of the group's last step.
 */
export type GroupFunction = <Result>(
  name: string,
  build: (context: GroupContext) => Result,
  options?: GroupOptions,
) => Result;

/** What a group's builder is given. */
export interface GroupContext {
  readonly step: StepFunction;
  readonly group: GroupFunction;
}

/** A step as the builder described it: what enters the plan, and what doesn't. */
export interface DescribedStep {
  readonly planned: PlanStep;
  readonly spec: StepSpec<unknown, never>;
  readonly hooks: Hooks;
  readonly retryable: RetryVerdict | null;
}

export interface BuilderSettings {
  readonly pipeline: string;
  /** Is there a partition before another? */
  readonly sequential: boolean;
  readonly shared: SharedStepOptions;
}

/** Calls `build` and returns the steps it describes, in an order in which each comes after those it depends on. */
export function describeSteps(settings: BuilderSettings, build: (context: GroupContext) => unknown): DescribedStep[] {
  const pipelineName = settings.pipeline;
  const steps = new Map<string, DescribedStep>();
  const groups = new Set<string>();
  // Only handles that this very build has given out count, so an edge always points backwards: no cycle can be made.
  const issued = new Map<StepHandle<unknown>, string>();
  const nameOf = (handle: StepHandle<unknown>, reader: string): string => {
    const step = issued.get(handle);
    if (step !== undefined) return step;
    throw new SluiceError(
      "DEFINITION_INVALID",
      `Step "${reader}" of pipeline "${pipelineName}" depends on a handle that is not from this pipeline`,
      {
        hint: "Use what step(…) returned, in the same builder. Hand-made handles could form a cycle.",
        details: { pipeline: pipelineName, step: reader, handle: String(handle?.step) },
      },
    );
  };

  const within = (place: Group): GroupContext => ({
    step: (ownName, spec, options = {}) => {
      checkName("step", ownName);
      const name = place.prefix + ownName;
      if (steps.has(name) || groups.has(name)) throw twice(pipelineName, name);
      checkSpec(pipelineName, name, spec);
      const control: Control = spec.control ?? { type: "run" };
      const inputs = Object.values(spec.inputs).map((handle) => nameOf(handle, name));
      const own = afterOf(options.after);
      // What comes before a group comes before those of its steps that follow no other of it.
      const before = [...inputs, ...own.map((item) => nameOf(handleOf(item), name))];
      const inherited = place.after(before);
      const all = [...own, ...inherited];
      const teardownOf = options.teardown === undefined ? null : nameOf(options.teardown, name);
      const read = readStepOptions(
        { pipeline: pipelineName, step: name, control, sequential: settings.sequential },
        place.shared,
        options,
      );
      steps.set(name, {
        spec: spec as StepSpec<unknown, never>,
        hooks: read.hooks,
        retryable: read.retryable,
        planned: {
          name,
          kind: spec.kind,
          control,
          dependsOn: [...new Set([...before, ...inherited.map((item) => nameOf(handleOf(item), name))])],
          when: all.filter(isCondition).map(({ choice, outcome }) => ({ step: nameOf(choice, name), outcome })),
          teardownOf,
          ...read.planned,
          config: spec.config,
        },
      });
      const handle: StepHandle<never> = Object.freeze({ step: name });
      issued.set(handle, name);
      return handle;
    },
    group: (ownName, buildGroup, options = {}) => {
      checkName("group", ownName);
      const name = place.prefix + ownName;
      if (steps.has(name) || groups.has(name)) throw twice(pipelineName, name);
      groups.add(name);
      const own = afterOf(options.after);
      const ownNames = own.map((item) => nameOf(handleOf(item), name));
      const prefix = `${name}.`;
      const result = buildGroup(
        within({
          prefix,
          shared: {
            ...place.shared,
            ...withoutAfter(options),
            retry: { ...place.shared.retry, ...options.retry },
          },
          after: (before) =>
            before.some((step) => step.startsWith(prefix)) ? [] : [...own, ...place.after([...before, ...ownNames])],
        }),
      );
      checkSynchronous(result, `group "${name}" of pipeline "${pipelineName}"`);
      return result;
    },
  });

  const result = build(within({ prefix: "", shared: settings.shared, after: () => [] }));
  checkSynchronous(result, `pipeline "${pipelineName}"`);
  if (steps.size === 0) {
    throw new SluiceError("DEFINITION_INVALID", `Pipeline "${pipelineName}" has no step`, {
      hint: "Call step(…) in its builder.",
    });
  }
  return placeTeardowns(
    pipelineName,
    [...steps.values()].map((step) => step.planned),
  ).map((planned) => ({ ...steps.get(planned.name)!, planned }));
}

interface Group {
  readonly prefix: string;
  readonly shared: SharedStepOptions;
  /** What comes before a step of this group that has these steps before it. */
  readonly after: (before: readonly string[]) => readonly After[];
}

function withoutAfter({ after: _after, ...shared }: GroupOptions): SharedStepOptions {
  return shared;
}

function afterOf(option: StepOptions["after"]): readonly After[] {
  return option === undefined ? [] : ([option].flat() as readonly After[]);
}

function isCondition(item: After): item is Condition {
  return (item as Condition | null | undefined)?.kind === "sluice.condition";
}

function handleOf(item: After): StepHandle<unknown> {
  return isCondition(item) ? item.choice : item;
}

function twice(pipeline: string, name: string): SluiceError {
  return new SluiceError("DEFINITION_INVALID", `Pipeline "${pipeline}" has two steps named "${name}"`, {
    hint: "Rename one of them.",
  });
}

function checkSynchronous(result: unknown, what: string): void {
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return;
  // Whatever it comes to is of no interest any more, and must not end the process.
  void Promise.resolve(result).catch(() => {});
  throw new SluiceError("DEFINITION_INVALID", `The builder of ${what} is async`, {
    hint: "Describe the steps synchronously; do the work inside them.",
  });
}

function checkSpec(pipeline: string, step: string, spec: StepSpec<unknown, never>): void {
  if (
    typeof spec === "object" &&
    spec !== null &&
    typeof spec.execute === "function" &&
    typeof spec.inputs === "object"
  )
    return;
  throw new SluiceError(
    "DEFINITION_INVALID",
    `Step "${step}" of pipeline "${pipeline}" is not made of a kind of step`,
    {
      hint:
        typeof spec === "function"
          ? "Wrap the function: task(async () => …)."
          : "Use task(…), extract(…), validate(…) and so on.",
    },
  );
}
