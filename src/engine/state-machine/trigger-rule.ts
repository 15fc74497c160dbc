// When the steps before a step let it start, by its trigger rule. The rules, and what becomes of a step that its rule
// keeps from starting, are those of Airflow's documentation. A verdict is given as soon as no end that is still to come
// could change it.
import type { TriggerRule } from "../../pipeline/plan.ts";
import type { StepStatus } from "./state.ts";

/** How many of the steps before it have ended, and how. */
export interface Ends {
  readonly total: number;
  readonly succeeded: number;
  /** Failed, or were cancelled. */
  readonly failed: number;
  /** Could not start because of a failure before them. */
  readonly upstreamFailed: number;
  readonly skipped: number;
}

export type EndKind = Exclude<keyof Ends, "total">;

/** What an end counts as; null for a step that has not ended. */
export function endKind(status: StepStatus): EndKind | null {
  switch (status) {
    case "succeeded":
    case "skipped":
      return status;
    case "failed":
    case "cancelled":
      return "failed";
    case "upstream-failed":
      return "upstreamFailed";
    default:
      return null;
  }
}

export function noEnds(total: number): Ends {
  return { total, succeeded: 0, failed: 0, upstreamFailed: 0, skipped: 0 };
}

export type TriggerVerdict = "wait" | "start" | "skipped" | "upstream-failed";

/** How many have not ended yet. */
export function openEnds({ total, succeeded, failed, upstreamFailed, skipped }: Ends): number {
  return total - succeeded - failed - upstreamFailed - skipped;
}

export function triggerVerdict(rule: TriggerRule, ends: Ends): TriggerVerdict {
  const { total, succeeded, skipped } = ends;
  if (total === 0) return "start";
  const open = openEnds(ends) > 0;
  const failed = ends.failed + ends.upstreamFailed;
  switch (rule) {
    case "all-succeeded":
      if (failed > 0) return "upstream-failed";
      if (open) return "wait";
      return skipped > 0 ? "skipped" : "start";
    case "all-failed":
      if (succeeded + skipped > 0) return "skipped";
      return open ? "wait" : "start";
    case "all-done":
      return open ? "wait" : "start";
    case "all-done-min-one-succeeded":
      if (open) return "wait";
      return succeeded > 0 ? "start" : withoutSuccess(failed);
    case "all-skipped":
      if (succeeded + failed > 0) return "skipped";
      return open ? "wait" : "start";
    case "one-succeeded":
      if (succeeded > 0) return "start";
      return open ? "wait" : withoutSuccess(failed);
    case "one-failed":
      if (failed > 0) return "start";
      return open ? "wait" : "skipped";
    case "one-done":
      // Neither a step that was skipped nor one that could not start has done anything.
      if (succeeded + ends.failed > 0) return "start";
      return open ? "wait" : "skipped";
    case "none-failed":
      if (failed > 0) return "upstream-failed";
      return open ? "wait" : "start";
    case "none-failed-min-one-succeeded":
      if (failed > 0) return "upstream-failed";
      if (open) return "wait";
      return succeeded > 0 ? "start" : "skipped";
    case "none-skipped":
      if (skipped > 0) return "skipped";
      return open ? "wait" : "start";
    case "always":
      return "start";
  }
}

function withoutSuccess(failed: number): TriggerVerdict {
  return failed > 0 ? "upstream-failed" : "skipped";
}

/** Is an end of this kind the reason for a verdict against starting? */
export function isCulprit(rule: TriggerRule, verdict: "skipped" | "upstream-failed", kind: EndKind): boolean {
  const failed = kind === "failed" || kind === "upstreamFailed";
  if (verdict === "upstream-failed") return failed;
  switch (rule) {
    case "all-failed":
    case "one-failed":
      return !failed;
    case "all-skipped":
      return kind !== "skipped";
    case "one-done":
      return kind !== "succeeded" && kind !== "failed";
    default:
      return kind === "skipped";
  }
}
