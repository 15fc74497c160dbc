// What hooks are told: one notice per level that listens. A step's success and failure are its own hooks' business, a
// run's are the pipeline's and the project's; retries and lateness are told to all three, for only steps retry, and who
// waits for a run wants to know which step keeps it.
import type { HookEvent } from "../../pipeline/plan.ts";
import type { ActiveRun } from "./active-runs.ts";
import type { HookNotice } from "../attempts/executor.ts";
import { planGraph } from "../state-machine/plan-graph.ts";
import type { Command } from "../state-machine/state.ts";

type Notify = Extract<Command, { readonly type: "notify" }>;

export function noticesOf(
  { record, plan, state }: ActiveRun,
  { event, step, item, epoch }: Notify,
  projectHooks: readonly HookEvent[],
  at: number,
): HookNotice[] {
  const graph = planGraph(plan);
  const planned = step === null ? null : graph.steps[graph.positions.get(step)!]!;
  const levels: HookNotice["level"][] = [];
  if (planned?.hooks.includes(event) === true) levels.push("step");
  if (planned === null || event === "retry" || event === "late") {
    if (plan.hooks.includes(event)) levels.push("pipeline");
    if (projectHooks.includes(event)) levels.push("project");
  }
  if (levels.length === 0) return [];
  const of = step === null ? null : state.steps.get(step)!;
  const work = item === null ? of : (of?.items?.[item] ?? of);
  return levels.map((level) => ({
    key: [record.id, step ?? "", item ?? "", event, epoch, level].join("/"),
    event,
    level,
    runId: record.id,
    pipeline: plan.pipeline,
    version: plan.version,
    partition: record.partition,
    params: record.params,
    step,
    item,
    attempt: epoch === 0 ? null : epoch,
    // Told with the commit that it comes about in, which may hold more: what has happened since doesn't change the news.
    status: of === null ? state.status : event === "retry" ? "retrying" : of.status,
    error: work?.error ?? (of === null ? firstError(state) : null),
    at,
  }));
}

/** Of a run that failed, the error of the first of its steps that did. */
function firstError({ steps, status }: ActiveRun["state"]): HookNotice["error"] {
  if (status !== "failed") return null;
  return steps.values().find((step) => step.status === "failed")?.error ?? null;
}
