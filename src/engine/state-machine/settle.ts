// What follows from what has just changed: steps that become ready start, steps that can't start any more end, and the
// run ends when no step is left.
import { beginStep } from "./begin-step.ts";
import type { Draft } from "./draft.ts";
import { readinessOf } from "./readiness.ts";
import type { RunState } from "./state.ts";
import { leaveOut } from "./step-end.ts";

/** Looks at every step that is due for review, and at those that come due by it. Says whether anything moved. */
export function settle(draft: Draft): boolean {
  let moved = false;
  for (let position = draft.nextToReview(); position !== undefined; position = draft.nextToReview()) {
    if (draft.step(position).status !== "waiting") continue;
    const readiness = readinessOf(draft, position);
    if (readiness.verdict === "wait") continue;
    if (readiness.verdict === "start") beginStep(draft, position);
    else leaveOut(draft, position, readiness.verdict, readiness.reason);
    moved = true;
  }
  if (draft.openSteps() === 0) endRun(draft);
  return moved;
}

function endRun(draft: Draft): void {
  const status = draft.run().ending?.as ?? statusByLeaves(draft);
  draft.patchRun({ status, finishedAt: draft.now });
  if (status !== "cancelled") {
    const event = status === "succeeded" ? "success" : "failure";
    draft.command({ type: "notify", event, step: null, item: null, epoch: 0 });
  }
  draft.command({ type: "finish-run", status });
}

/** As in Airflow, the steps that nothing depends on decide: what went wrong before them, they may have dealt with. */
function statusByLeaves(draft: Draft): Exclude<RunState["status"], "running"> {
  const statuses = new Set(draft.graph.leaves.map((position) => draft.step(position).status));
  if (statuses.has("failed") || statuses.has("upstream-failed")) return "failed";
  return statuses.has("cancelled") ? "cancelled" : "succeeded";
}
