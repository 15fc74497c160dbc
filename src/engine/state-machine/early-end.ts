// Ends that come from outside: a run that is cancelled or has run out of time, a step that a person has marked.
import { isEnd, type EventOf, type RunState } from "./state.ts";
import type { Draft } from "./draft.ts";
import { fail, leaveOut, stopWork, succeed } from "./step-end.ts";

/**
 * Cancels everything that has not ended, but for teardowns whose set-up has succeeded: they run now, and the run ends
 * `as` told once they have. Told again while they run, it cancels them too.
 */
export function endEarly(draft: Draft, as: NonNullable<RunState["ending"]>["as"], reason: string): void {
  const again = draft.run().ending !== null;
  if (!again) draft.patchRun({ ending: { as, reason } });
  for (const position of draft.graph.steps.keys()) {
    if (isEnd(draft.step(position).status) || (!again && hasSomethingToTearDown(draft, position))) continue;
    leaveOut(draft, position, "cancelled", reason);
  }
}

function hasSomethingToTearDown(draft: Draft, position: number): boolean {
  const { teardownOf } = draft.graph.steps[position]!;
  if (teardownOf === null) return false;
  return draft.step(draft.graph.positions.get(teardownOf)!).status === "succeeded";
}

export function marked(draft: Draft, { step, as, by, reason }: EventOf<"marked">): void {
  const position = draft.graph.positions.get(step);
  if (position === undefined || isEnd(draft.step(position).status)) return;
  const mark = `marked ${as} by ${by}: ${reason}`;
  if (as === "skipped") return leaveOut(draft, position, as, mark);
  stopWork(draft, position, mark);
  if (as === "succeeded") return succeed(draft, position, { output: null, reason: mark });
  const message = `Step "${step}" was ${mark}`;
  fail(draft, position, { code: "TASK_FAILED", message, retryable: false }, { reason: mark });
}
