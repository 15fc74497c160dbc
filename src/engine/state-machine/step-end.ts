// The ends of a step, each told to the hooks that listen for it.
import type { Failure } from "../../errors.ts";
import type { RowCounts } from "../../pipeline/step.ts";
import type { Draft, StepPatch } from "./draft.ts";
import { isEnd, type StepStatus } from "./state.ts";

interface Result {
  readonly output: unknown;
  readonly rows?: RowCounts | null;
  readonly assets?: readonly string[];
  readonly reusedFrom?: string | null;
  readonly reason?: string | null;
}

export function succeed(draft: Draft, position: number, result: Result): void {
  end(draft, position, { ...result, status: "succeeded", error: null, losses: 0 });
  notify(draft, position, "success");
}

export function fail(draft: Draft, position: number, error: Failure, more: StepPatch = {}): void {
  end(draft, position, { ...more, status: "failed", error });
  notify(draft, position, "failure");
}

/** Ends without having been done to its end: hooks are not told, for it is neither a success nor a failure of the step. */
export function leaveOut(
  draft: Draft,
  position: number,
  status: Extract<StepStatus, "skipped" | "upstream-failed" | "cancelled">,
  reason: string | null,
): void {
  stopWork(draft, position, reason);
  end(draft, position, { status, reason });
}

function end(draft: Draft, position: number, patch: StepPatch): void {
  draft.patchStep(position, { ...patch, wakeAt: null, awaits: null, finishedAt: draft.now });
}

function notify(draft: Draft, position: number, event: "success" | "failure"): void {
  const epoch = draft.step(position).attempts;
  draft.command({ type: "notify", event, step: draft.graph.steps[position]!.name, item: null, epoch });
}

/** Stops what is under way at a step that is about to end for another reason; items that have not ended are cancelled. */
export function stopWork(draft: Draft, position: number, reason: string | null): void {
  const step = draft.graph.steps[position]!.name;
  const { status, attempts, items } = draft.step(position);
  if (status === "queued") draft.command({ type: "stop-attempt", step, item: null, epoch: attempts });
  for (const [item, work] of items?.entries() ?? []) {
    if (isEnd(work.status)) continue;
    // Items that a re-run has not come to yet are without an attempt.
    if (work.status === "queued" && work.attempts > 0)
      draft.command({ type: "stop-attempt", step, item, epoch: work.attempts });
    draft.patchItem(position, item, { status: "cancelled", wakeAt: null, reason, finishedAt: draft.now });
  }
}
