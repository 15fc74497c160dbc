// A plan: what a pipeline is, as canonical data without functions. Its hash is the pipeline's version. Everything that
// the engine decides by is here; the code of steps stays with the pipeline.
import type { HookEvent } from "../hook.ts";
import { contentHash, type Json } from "../json.ts";
import type { Partitions } from "./partition.ts";
import type { RetryPolicy } from "./retry.ts";
import type { Schedule } from "./schedule.ts";

export type { HookEvent } from "../hook.ts";

/**
 * Which ends of the steps before it let a step start. `failed` includes `upstream-failed`, done is any end, and a
 * step that was cancelled counts as failed; "one-done" wants one that did something: succeeded or failed. "always" starts
 * at once, without waiting for them.
 */
export type TriggerRule =
  | "all-succeeded"
  | "all-failed"
  | "all-done"
  | "all-done-min-one-succeeded"
  | "all-skipped"
  | "one-succeeded"
  | "one-failed"
  | "one-done"
  | "none-failed"
  | "none-failed-min-one-succeeded"
  | "none-skipped"
  | "always";

/**
 * How the engine treats a step. run: a worker runs it · map: a worker runs it once per item of its first inputs ·
 * sense: a worker looks every so often whether a condition is met · short-circuit: a worker runs it, and an output of
 * false skips all that follows · approve and await-run: no worker; a person, or other runs, let it pass.
 */
export type Control =
  | { readonly type: "run" }
  | {
      readonly type: "map";
      /** Names of the steps whose outputs are mapped over; more than one for each combination. */
      readonly over: readonly string[];
      /** What the parts of a combination are called in the item, as `over`; null where the item is an element or rows. */
      readonly fields?: readonly string[] | null;
      /** Rows of a dataset per item; null where the outputs are lists. */
      readonly batch: number | null;
    }
  | {
      readonly type: "sense";
      readonly everyMs: number;
      /** Milliseconds after the first check; null for no limit. */
      readonly deadlineMs: number | null;
      readonly onDeadline: "fail" | "skip";
    }
  | { readonly type: "short-circuit" }
  | {
      readonly type: "approve";
      readonly message: string;
      readonly deadlineMs: number | null;
      readonly onDeadline: "fail" | "approve" | "reject";
      /** What becomes of the step when it is rejected. */
      readonly onReject: "skip" | "fail";
    }
  | {
      readonly type: "await-run";
      readonly pipeline: string;
      /** A step of that pipeline; null for its whole run. */
      readonly step: string | null;
      /** Shifts the partition waited for, in partitions of this pipeline: -1 for the one before. */
      readonly offset: number;
      readonly deadlineMs: number | null;
      readonly onDeadline: "fail" | "skip";
    };

export interface PlanStep {
  readonly name: string;
  readonly kind: string;
  readonly control: Control;
  /** Names of the steps before it: what `trigger` is about. */
  readonly dependsOn: readonly string[];
  /** Outcomes of branches that this step is for: it is skipped when the step's output is neither this nor a list with this in it. */
  readonly when: readonly { readonly step: string; readonly outcome: string }[];
  readonly trigger: TriggerRule;
  /** The step this one tears down. It runs once all that follows that step has ended, also when the run is cancelled. */
  readonly teardownOf: string | null;
  /** Does it wait for the same step of the partition before? */
  readonly dependsOnPast: boolean;
  readonly retry: RetryPolicy;
  /** Milliseconds one attempt may take; null for no limit. */
  readonly timeoutMs: number | null;
  /** Milliseconds after its first start; null for never. */
  readonly lateMs: number | null;
  /** Slots that an attempt holds while it is live, by pool. */
  readonly pools: Readonly<Record<string, number>>;
  /** How many attempts with the same key may be live at a time, in all runs. */
  readonly concurrency: {
    readonly key: string;
    readonly limit: number;
    /** Field of the item that makes the key finer; null for one key. */
    readonly per: string | null;
  } | null;
  /** Higher goes first. @default 0 */
  readonly priority: number;
  /** What an attempt uses of the machine, as a hint. Memory in bytes. */
  readonly resources: { readonly cpus: number; readonly memory: number };
  /** Keeps results by a hash of the inputs; milliseconds they are good for, null for ever. */
  readonly cache: { readonly ttlMs: number | null } | null;
  /** Which hooks the step itself has. */
  readonly hooks: readonly HookEvent[];
  readonly config: Json;
  /** What its hooks and its verdict on errors are, as data; absent where it has none. */
  readonly code?: Json;
}

export interface Plan {
  readonly pipeline: string;
  /** SHA-256 over everything else in the plan, in hex. */
  readonly version: string;
  readonly partitions: Partitions | null;
  readonly schedule: Schedule | null;
  /** Runs of this pipeline at a time; more wait as requests. Backfills are counted apart. */
  readonly maxActiveRuns: number;
  /** Milliseconds a run may take; null for no limit. */
  readonly timeoutMs: number | null;
  readonly lateMs: number | null;
  readonly hooks: readonly HookEvent[];
  /** What those hooks are, as data; absent where it has none. */
  readonly code?: Json;
  /** JSON Schema of the run's params; null when it takes none. */
  readonly params: Json;
  /** In an order in which every step comes after those it depends on. */
  readonly steps: readonly PlanStep[];
}

export function makePlan(parts: Omit<Plan, "version">): Plan {
  return Object.freeze({ ...parts, version: contentHash(parts) });
}
