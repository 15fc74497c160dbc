// What a step does once it may start, by its control.
import type { Draft } from "./draft.ts";
import { beginItems } from "./mapped-step.ts";
import { isEnd, type Awaits } from "./state.ts";
import { startAttempt } from "./work.ts";

/** Begins a step that is ready, after a wait for its own past where it has one. */
export function beginStep(draft: Draft, position: number): void {
  if (draft.graph.steps[position]!.dependsOnPast) hold(draft, position, "past");
  else beginControl(draft, position);
}

/** Begins a step that waits for nothing any more but what its control says. */
export function beginControl(draft: Draft, position: number): void {
  const { name, control, lateMs } = draft.graph.steps[position]!;
  const startedAt = draft.now;
  draft.patchStep(position, { startedAt, awaits: null });
  switch (control.type) {
    case "run":
    case "short-circuit":
    case "sense":
      startAttempt(draft, { position, item: null });
      break;
    case "map":
      beginItems(draft, position, control);
      break;
    case "approve":
      hold(draft, position, "decision");
      break;
    case "await-run":
      hold(draft, position, "run");
      break;
  }
  if (isEnd(draft.step(position).status)) return;
  const deadlineMs = "deadlineMs" in control ? control.deadlineMs : null;
  for (const [timer, after] of [
    ["deadline", deadlineMs],
    ["late", lateMs],
  ] as const)
    if (after !== null)
      draft.command({ type: "set-timer", step: name, item: null, epoch: 0, timer, at: startedAt + after });
}

function hold(draft: Draft, position: number, awaits: Awaits): void {
  draft.patchStep(position, { status: "held", awaits });
  if (awaits !== "decision") draft.command({ type: "watch", step: draft.graph.steps[position]!.name, awaits });
}
