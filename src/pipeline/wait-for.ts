// The kind of step that waits for runs of another pipeline. No worker runs it.
import { SluiceError } from "../errors.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { checkOnDeadline } from "./sensor.ts";
import type { StepSpec } from "./step.ts";
import { unattended } from "./unattended.ts";

/** Which of the other pipeline's partitions are waited for, and for how long. */
export interface WaitForOptions {
  /** Shifts what is waited for, in partitions of this pipeline: -1 for that of the one before. @default 0 */
  readonly offset?: number;
  /** One step of the other pipeline; without, its whole run. */
  readonly step?: string;
  /** From when everything before it is done. @default no limit */
  readonly deadline?: Duration;
  /** fail: TASK_TIMEOUT · skip: the step is skipped, and what follows by its trigger rules. @default "fail" */
  readonly onDeadline?: "fail" | "skip";
}

/** A run that was waited for. */
export interface AwaitedRun {
  readonly run: string;
  readonly partition: string | null;
}

/**
 * A step that waits until the same slice of time of another pipeline has succeeded: all of its partitions that overlap
 * this run's. Where neither is cut by time, the partition of the same key; without partitions, the newest run.
 *
 * ```ts
 * const loaded = step("sales_loaded", waitFor("raw_sales", { step: "loaded", deadline: "2h" }));
 * step("report", task(async () => {}), { after: loaded });
 * ```
 */
export function waitFor(pipeline: string, options: WaitForOptions = {}): StepSpec<readonly AwaitedRun[]> {
  const { offset = 0, step = null, onDeadline = "fail" } = options;
  if (typeof pipeline !== "string" || pipeline === "") {
    throw new SluiceError("DEFINITION_INVALID", "waitFor has no pipeline to wait for", {
      hint: 'Name it: waitFor("raw_sales").',
    });
  }
  if (!Number.isSafeInteger(offset)) {
    throw new SluiceError("DEFINITION_INVALID", `waitFor("${pipeline}") has an offset of ${String(offset)}`, {
      hint: "Write a whole number of partitions; -1 for the one before.",
    });
  }
  checkOnDeadline("a wait", onDeadline, ["fail", "skip"]);
  return {
    kind: "wait-for",
    inputs: {},
    config: {},
    control: {
      type: "await-run",
      pipeline,
      step,
      offset,
      deadlineMs: options.deadline === undefined ? null : milliseconds(options.deadline),
      onDeadline,
    },
    execute: unattended,
  };
}
