// Faults that a test wants to see a pipeline survive, as data: which attempt is hit, and by what.
import type { Fault } from "../embedded/faults.ts";
import { milliseconds, type Duration } from "../pipeline/duration.ts";

/** What goes wrong at a step, for the `faults` of a test. */
export type FaultPlan = readonly Fault[];

/** Which attempt a fault hits. */
interface Target {
  /** Position of the item, from 0, of a mapped step. @default every item */
  readonly item?: number;
  /** @default 1 */
  readonly attempt?: number;
}

/**
 * The worker dies by SIGKILL: before the code of the step runs, or after it has done all its work and before anyone has
 * heard of it. The engine makes the attempt again; what it had written must not be there twice.
 *
 * ```ts
 * import { kill, testPipeline } from "sluice/testing";
 * const run = await testPipeline({ pipeline: "orders_daily", faults: [kill("loaded", { when: "after" })] });
 * ```
 */
export function kill(step: string, options: Target & { readonly when?: "before" | "after" } = {}): FaultPlan {
  const { when = "before", ...target } = options;
  return [{ step, ...target, kind: when === "before" ? "kill-before" : "kill-after" }];
}

/** The step fails without its code having run: at its first attempt, or at the first so many of them. */
export function fail(
  step: string,
  options: {
    readonly message?: string;
    /** Is it worth another try? @default true */
    readonly retryable?: boolean;
    /** How many attempts fail, from the first on. @default 1 */
    readonly attempts?: number;
    readonly item?: number;
  } = {},
): FaultPlan {
  const { attempts = 1, ...rest } = options;
  return Array.from({ length: attempts }, (_, index) => ({ step, ...rest, attempt: index + 1, kind: "fail" as const }));
}

/** The code of the step begins later, in real time; its timeout runs meanwhile. */
export function delay(step: string, time: Duration, target: Target = {}): FaultPlan {
  return [{ step, ...target, kind: "delay", ms: milliseconds(time) }];
}

/** The worker stands still for a while before the code of the step runs, and heeds nothing, as a process that was stopped. */
export function freeze(step: string, time: Duration, target: Target = {}): FaultPlan {
  return [{ step, ...target, kind: "freeze", ms: milliseconds(time) }];
}
