// The kind of step that waits until something is there. It looks every so often and holds no worker in between.
import { SluiceError } from "../errors.ts";
import type { Json } from "../json.ts";
import { milliseconds, type Duration } from "./duration.ts";
import type { Inputs, OutputsOf } from "./inputs.ts";
import type { StepContext, StepResult, StepSpec } from "./step.ts";

/** How often a sensor looks, and for how long at most. */
export interface SensorOptions {
  /** From one look to the next. @default "1m" */
  readonly every?: Duration;
  /** From the first look; then `onDeadline` says what becomes of the step. @default no limit */
  readonly deadline?: Duration;
  /** fail: TASK_TIMEOUT · skip: the step is skipped, and what follows by its trigger rules. @default "fail" */
  readonly onDeadline?: "fail" | "skip";
}

/** What a sensor may answer: `false`, `null` or nothing for "not yet"; anything else is there, and is its output. */
export type Sighting = Json | void;

/** The output of a sensor that answers with `Answer`. */
export type SightingOf<Answer> = Exclude<Answer, false | null | undefined | void>;

/**
 * A step that waits until `look` finds what it looks for, and then has it as its output. A look that throws is tried
 * again like any failed attempt.
 *
 * ```ts
 * const file = step(
 *   "delivered",
 *   sensor(async () => ((await fetch("https://example.com/sales.csv", { method: "HEAD" })).ok ? "sales.csv" : false), {
 *     every: "30s",
 *     deadline: "6h",
 *     onDeadline: "skip",
 *   }),
 * );
 * ```
 */
export function sensor<Answer extends Sighting>(
  look: (inputs: {}, context: StepContext) => Promise<Answer> | Answer,
  options?: SensorOptions,
): StepSpec<SightingOf<Answer>>;
export function sensor<const I extends Inputs, Answer extends Sighting>(
  inputs: I,
  look: (inputs: OutputsOf<I>, context: StepContext) => Promise<Answer> | Answer,
  options?: SensorOptions,
): StepSpec<SightingOf<Answer>>;
export function sensor(
  first: Inputs | LookFunction,
  second?: LookFunction | SensorOptions,
  third?: SensorOptions,
): StepSpec<never> {
  const [inputs, look, options = {}] = (typeof first === "function" ? [{}, first, second] : [first, second, third]) as [
    Inputs,
    LookFunction,
    SensorOptions?,
  ];
  const { onDeadline = "fail" } = options;
  const everyMs = milliseconds(options.every ?? "1m");
  if (everyMs < 1) {
    throw new SluiceError("DEFINITION_INVALID", `A sensor can't look every ${options.every}`, {
      hint: 'Write a longer time, such as every: "30s".',
    });
  }
  checkOnDeadline("a sensor", onDeadline, ["fail", "skip"]);
  return {
    kind: "sensor",
    inputs,
    config: { code: look.toString() },
    control: {
      type: "sense",
      everyMs,
      deadlineMs: options.deadline === undefined ? null : milliseconds(options.deadline),
      onDeadline,
    },
    execute: async (context): Promise<StepResult<never>> => {
      const seen = await look(context.inputs as never, context);
      const unmet = seen === false || seen === null || seen === undefined;
      return unmet ? { output: null as never, unmet } : { output: seen as never };
    },
  };
}

/** DEFINITION_INVALID unless `value` is one of those there are. */
export function checkOnDeadline(what: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new SluiceError("DEFINITION_INVALID", `onDeadline: "${String(value)}" means nothing to ${what}`, {
    hint: `Write ${known.map((item) => `"${item}"`).join(" or ")}.`,
  });
}

type LookFunction = (inputs: never, context: StepContext) => unknown;
