// What approve, reject, mark and cancel have in common: something is done to a run; where this process's own engine did it,
// the run goes on here until it has ended, or waits again for somebody.
import type { Instruction } from "../engine/stores/instruction.ts";
import type { RunRecord } from "../engine/stores/run-store.ts";
import { viewRun, viewStep, type StepView } from "../monitor/run-view.ts";
import type { CommandContext, OptionDefinition } from "./command.ts";
import { withAccess, type EngineAccess } from "./engine-access.ts";
import { exitCodes } from "./exit-codes.ts";
import { runProgress } from "./follow-run.ts";
import { interruptible } from "./interruptible.ts";

export const noWaitOption: OptionDefinition = {
  name: "no-wait",
  description: "end at once, where no other process runs the scheduler; else it ends at once anyway",
};

export interface RunAction {
  /** Id of the run, or its beginning. */
  readonly run: string;
  readonly wait: boolean;
  /** What is to be done, and the step it is about, if it is about one. */
  readonly instruction: (
    run: RunRecord,
    access: EngineAccess,
  ) => Promise<{ instruction: Instruction; step: string | null }>;
  /** What was done, as a sentence without its end: "ok of orders-1a2b is approved". */
  readonly said: (run: RunRecord, step: string | null) => string;
}

export async function actOnRun(context: CommandContext, action: RunAction): Promise<number> {
  const progress = runProgress(context);
  try {
    return await withAccess(
      context,
      { wait: action.wait, onChange: progress.onChange, onLog: progress.onLog },
      async (access) => {
        const { engine, reader } = access;
        for (const plan of engine?.plans.values() ?? []) progress.plans.set(plan.version, plan);
        const record = await reader.findRun(action.run);
        const { instruction, step } = await action.instruction(record, access);
        await access.instruct(instruction);
        let interrupted = false;
        if (engine !== null && action.wait) {
          ({ interrupted } = await interruptible(context.io, engine, () => engine.settled()));
        }
        progress.stop();
        await report(context, access, record.id, step, action.said);
        return interrupted ? exitCodes.interrupted : exitCodes.ok;
      },
    );
  } finally {
    progress.stop();
  }
}

const statusText: Readonly<Record<RunRecord["status"], string>> = {
  running: "is under way",
  succeeded: "has succeeded",
  failed: "has failed",
  cancelled: "is cancelled",
};

async function report(
  { output }: CommandContext,
  { reader }: EngineAccess,
  run: string,
  step: string | null,
  said: RunAction["said"],
): Promise<void> {
  const record = await reader.findRun(run);
  const stored = step === null ? undefined : (await reader.store().steps(run)).find(({ name }) => name === step);
  const view: StepView | null = stored === undefined ? null : viewStep(stored);
  await output.result(
    { run: viewRun(record), step: view, request: null },
    () => `${said(record, step)}; the run ${statusText[record.status]}\n`,
  );
}
