// What must be asked for again after a restart: timers and watches live in the process that went away. Attempts are not
// among them: they are lost with their process, and the event of that starts them anew.
import type { Plan, PlanStep } from "../../pipeline/plan.ts";
import { planGraph } from "./plan-graph.ts";
import { isEnd, type Command, type ItemState, type RunState, type StepState, type StepTimer } from "./state.ts";

/** Every timer and watch that a running run still waits for. */
export function pendingCommands(plan: Plan, state: RunState): Command[] {
  if (state.status !== "running") return [];
  const ofSteps = planGraph(plan).steps.flatMap((planned) => {
    const step = state.steps.get(planned.name)!;
    return isEnd(step.status) ? [] : [...ofStep(planned, step), ...ofItems(planned.name, step.items ?? [])];
  });
  return [...ofSteps, ...ofRun(plan, state)];
}

function ofRun({ timeoutMs, lateMs }: Plan, { startedAt, ending, late }: RunState): Command[] {
  const commands: Command[] = [];
  if (timeoutMs !== null && ending === null)
    commands.push({ type: "set-run-timer", timer: "timeout", at: startedAt + timeoutMs });
  if (lateMs !== null && !late) commands.push({ type: "set-run-timer", timer: "late", at: startedAt + lateMs });
  return commands;
}

function ofStep({ name, control, lateMs }: PlanStep, step: StepState): Command[] {
  const commands: Command[] = [];
  const set = (timer: StepTimer, epoch: number, at: number): void =>
    void commands.push({ type: "set-timer", step: name, item: null, epoch, timer, at });
  const { status, attempts, wakeAt, awaits, startedAt } = step;
  if (status === "retrying") set("retry", attempts, wakeAt!);
  if (status === "sleeping") set("check", attempts, wakeAt!);
  if (awaits === "run" || awaits === "past") commands.push({ type: "watch", step: name, awaits });
  if (startedAt === null) return commands;
  if ("deadlineMs" in control && control.deadlineMs !== null) set("deadline", 0, startedAt + control.deadlineMs);
  if (lateMs !== null && !step.late) set("late", 0, startedAt + lateMs);
  return commands;
}

function ofItems(step: string, items: readonly ItemState[]): Command[] {
  return items.flatMap((work, item): Command[] =>
    work.status === "retrying"
      ? [{ type: "set-timer", step, item, epoch: work.attempts, timer: "retry", at: work.wakeAt! }]
      : [],
  );
}
