// What a timer does when it fires, if what it was set for still holds.
import { endEarly } from "./early-end.ts";
import type { Draft } from "./draft.ts";
import { durationText } from "./duration-text.ts";
import { isEnd, type EventOf } from "./state.ts";
import { deadlinePassed } from "./waiting-step.ts";
import { placeOf, startAttempt } from "./work.ts";

export function stepTimerFired(draft: Draft, event: EventOf<"timer-fired">): void {
  const position = draft.graph.positions.get(event.step);
  if (position === undefined) return;
  switch (event.timer) {
    case "retry":
    case "check": {
      const place = placeOf(draft, event, event.timer === "retry" ? "retrying" : "sleeping");
      if (place !== null) startAttempt(draft, place);
      return;
    }
    case "deadline":
      return deadlinePassed(draft, position);
    case "late":
      return stepIsLate(draft, position);
  }
}

function stepIsLate(draft: Draft, position: number): void {
  const { name, lateMs } = draft.graph.steps[position]!;
  const { status, late, startedAt, attempts } = draft.step(position);
  if (lateMs === null || startedAt === null || late || isEnd(status)) return;
  draft.patchStep(position, { late: true });
  draft.command({ type: "notify", event: "late", step: name, item: null, epoch: attempts });
}

export function runTimerFired(draft: Draft, { timer }: EventOf<"run-timer-fired">): void {
  const { timeoutMs, lateMs } = draft.plan;
  if (timer === "timeout" && timeoutMs !== null && draft.run().ending === null) {
    endEarly(draft, "failed", `RUN_TIMEOUT: the run has taken longer than ${durationText(timeoutMs)}`);
  }
  if (timer === "late" && lateMs !== null && !draft.run().late) {
    draft.patchRun({ late: true });
    draft.command({ type: "notify", event: "late", step: null, item: null, epoch: 0 });
  }
}

/** The timers of the run itself, from its start on. */
export function setRunTimers(draft: Draft): void {
  const { timeoutMs, lateMs } = draft.plan;
  const { startedAt } = draft.run();
  if (timeoutMs !== null) draft.command({ type: "set-run-timer", timer: "timeout", at: startedAt + timeoutMs });
  if (lateMs !== null) draft.command({ type: "set-run-timer", timer: "late", at: startedAt + lateMs });
}
