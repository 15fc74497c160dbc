// Who stands in for people and for time while a pipeline is tested: decides what the test said, takes runs of other
// pipelines as having succeeded, and has time skipped when a run waits for nothing else.
import type { Instruction } from "../engine/stores/instruction.ts";
import type { RunRecord } from "../engine/stores/run-store.ts";
import { isEnd, type RunState, type StepState } from "../engine/state-machine/state.ts";
import { pendingCommands } from "../engine/state-machine/pending-commands.ts";
import type { Plan } from "../pipeline/plan.ts";

/** What a person says whom an approval step asks. */
export type Decision = "approve" | "reject";

export interface AttendantOptions {
  readonly plan: Plan;
  /** By step; a step that is not named waits for its deadline. */
  readonly decisions: Readonly<Record<string, Decision>>;
  readonly instruct: (instruction: Instruction) => void;
  readonly skipTo: (at: number) => void;
  /** The run can't end: nobody answers what it asks. */
  readonly stuck: (step: string) => void;
}

/** To be told of every change of the run that is tested. */
export function createAttendant(options: AttendantOptions): (run: RunRecord, state: RunState) => void {
  const { plan, decisions, instruct } = options;
  const answered = new Set<string>();

  /** Answers for the step; says whether it can be answered for. */
  const answer = (run: string, step: string, { awaits }: StepState): boolean => {
    const decision = decisions[step];
    if (awaits === "decision" && decision === undefined) return false;
    if (answered.has(step)) return true;
    answered.add(step);
    if (awaits === "decision") {
      const said = decision === "approve" ? "approved" : "rejected";
      instruct({ type: "decide", run, step, decision: said, note: null });
    } else {
      instruct({ type: "mark", run, step, as: "succeeded", reason: "a test does not wait for other runs" });
    }
    return true;
  };

  return (run, state) => {
    if (state.status !== "running") return;
    const open = [...state.steps].filter(([, { status }]) => !isEnd(status));
    const unanswered = open.filter(([step, known]) => known.status === "held" && !answer(run.id, step, known));
    const underWay = open.some(([step, known]) => isUnderWay(known) || (known.status === "held" && answered.has(step)));
    if (underWay) return;
    const times = pendingCommands(plan, state).flatMap((command) =>
      command.type === "set-timer" && command.timer !== "late" ? [command.at] : [],
    );
    // The first that is due; what was waited for beside it, such as the run's own limit, is woken by the way.
    if (times.length > 0) options.skipTo(Math.min(...times));
    else if (unanswered.length > 0) options.stuck(unanswered[0]![0]);
  };
}

/** Does a worker have it, or is one about to? */
function isUnderWay({ status, items }: StepState): boolean {
  return status === "queued" || (status === "mapped" && items!.some((item) => item.status === "queued"));
}
