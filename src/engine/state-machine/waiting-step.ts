// Steps that wait for something outside the run: a person's decision, other runs, a condition that a sensor looks for.
// What they wait for may come, be refused, or be too late.
import type { Control } from "../../pipeline/plan.ts";
import { beginControl } from "./begin-step.ts";
import type { Draft } from "./draft.ts";
import { durationText } from "./duration-text.ts";
import { isEnd, type EventOf } from "./state.ts";
import { fail, leaveOut, stopWork, succeed } from "./step-end.ts";

type Decision = Pick<EventOf<"decided">, "decision" | "by" | "note">;

/** The runs it waited for are there: a step held by its past begins now, one that was made to wait for them has succeeded. */
export function awaitMet(draft: Draft, { step, awaits, output }: EventOf<"await-met">): void {
  const position = draft.graph.positions.get(step);
  if (position === undefined || draft.step(position).awaits !== awaits) return;
  if (awaits === "past") beginControl(draft, position);
  else succeed(draft, position, { output });
}

export function decided(draft: Draft, event: EventOf<"decided">): void {
  const position = draft.graph.positions.get(event.step);
  if (position !== undefined && draft.step(position).awaits === "decision") decide(draft, position, event);
}

function decide(draft: Draft, position: number, { decision, by, note }: Decision): void {
  if (decision === "approved") return succeed(draft, position, { output: { decision, by, note, at: draft.now } });
  const { name, control } = draft.graph.steps[position]!;
  const reason = `rejected by ${by}${note === null ? "" : `: ${note}`}`;
  if (control.type === "approve" && control.onReject === "skip") return leaveOut(draft, position, "skipped", reason);
  fail(draft, position, {
    code: "APPROVAL_REJECTED",
    message: `Step "${name}" was ${reason}`,
    retryable: false,
    hint: "Deal with the reason, then run the step again to ask once more.",
  });
}

/** The step has waited as long as its control allows; what then becomes of it, the control says too. */
export function deadlinePassed(draft: Draft, position: number): void {
  const { name, control } = draft.graph.steps[position]!;
  const { status, startedAt } = draft.step(position);
  if (!("deadlineMs" in control) || control.deadlineMs === null) return;
  if (isEnd(status) || startedAt === null) return;
  const late = `${unmet(control)} within ${durationText(control.deadlineMs)}`;
  switch (control.onDeadline) {
    case "approve":
      return decide(draft, position, { decision: "approved", by: "deadline", note: late });
    case "reject":
      return decide(draft, position, { decision: "rejected", by: "deadline", note: late });
    case "skip":
      return leaveOut(draft, position, "skipped", late);
    case "fail":
      stopWork(draft, position, late);
      return fail(draft, position, {
        code: "TASK_TIMEOUT",
        message: `Step "${name}" waited in vain: ${late}`,
        retryable: false,
        hint: "Look into what it waits for, or give it a later deadline; then run the step again.",
      });
  }
}

function unmet(control: Control): string {
  switch (control.type) {
    case "approve":
      return "nobody decided";
    case "await-run":
      return `${control.pipeline} had no such run`;
    default:
      return "its condition was not met";
  }
}
