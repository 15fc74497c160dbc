// Waits for the end of a run that was started, here or in another process, with the same progress either way.
import { followRequest, followRun } from "../embedded/follow.ts";
import type { RunRecord } from "../engine/stores/run-store.ts";
import type { FinishedRun } from "../engine/scheduler/scheduler.ts";
import { SluiceError } from "../errors.ts";
import { viewRequest } from "../monitor/request-view.ts";
import { shellWord } from "../monitor/sentence.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { CommandContext } from "./command.ts";
import type { EngineAccess } from "./engine-access.ts";
import { interruptible } from "./interruptible.ts";
import { createProgress, type Progress } from "./progress.ts";
import { reportRequest, reportRun } from "./run-end.ts";

/** What a scheduler answers when a run was asked for: the run, or the key under which it waits. */
export interface StartedRun {
  readonly run?: string;
  readonly request?: string;
}

/** Progress that knows the plans of the runs it shows, by version. */
export function runProgress(context: CommandContext): Progress & { readonly plans: Map<string, Plan> } {
  const plans = new Map<string, Plan>();
  const progress = createProgress({ io: context.io, now: Date.now, plan: (run) => plans.get(run.version) });
  return { ...progress, plans };
}

/** Waits for a run of this process's own engine. An interrupt cancels it. */
export async function followOwn(
  { io }: CommandContext,
  engine: NonNullable<EngineAccess["engine"]>,
  work: () => Promise<FinishedRun>,
): Promise<{ readonly record: RunRecord; readonly interrupted: boolean }> {
  const { value, interrupted } = await interruptible(io, engine, work);
  return { record: value.record, interrupted };
}

/** Waits for a run of another process. An interrupt ends the waiting, and leaves the run alone. */
export async function followOther(
  { io, output }: CommandContext,
  { reader }: EngineAccess,
  { run, request }: StartedRun,
  progress: ReturnType<typeof runProgress>,
): Promise<RunRecord> {
  const stopped = new AbortController();
  const { signal } = stopped;
  let following = run;
  const release = io.onInterrupt(() => {
    const what = following === undefined ? "what was asked for stays asked for" : "the run goes on";
    const cancel = following === undefined ? "" : `, or cancel it: sluice cancel ${shellWord(following)}`;
    stopped.abort(
      new SluiceError("CANCELLED", `Stopped following; ${what} in ${reader.holder() ?? "another process"}`, {
        hint: `See: sluice why ${shellWord(following ?? request ?? "")}${cancel}.`,
      }),
    );
  });
  try {
    if (run === undefined) progress.say(`it waits for its turn; see: sluice why ${shellWord(request!)}`);
    const record = run === undefined ? await followRequest(reader, request!, { signal }) : await reader.findRun(run);
    following = record.id;
    const plan = await reader.store().plan(record.version);
    if (plan !== null) progress.plans.set(plan.version, plan);
    output.note(`${record.id} is run by ${reader.holder() ?? "another process"}`);
    return await followRun(reader, record, { signal, onSteps: progress.onSteps, onLog: progress.onLog });
  } finally {
    release();
  }
}

/** Waits for the run, whoever runs it, and prints how it ended. */
export async function followStarted(
  context: CommandContext,
  access: EngineAccess,
  started: StartedRun,
  progress: ReturnType<typeof runProgress>,
): Promise<number> {
  const { engine, reader } = access;
  const { run, request } = started;
  const { record, interrupted } =
    engine === null
      ? { record: await followOther(context, access, started, progress), interrupted: false }
      : await followOwn(context, engine, () => (run === undefined ? engine.requested(request!) : engine.finished(run)));
  progress.stop();
  return reportRun(context, reader.store(), record, interrupted);
}

/** Prints what was started as it stands, and who goes on with it. */
export async function reportStarted(
  context: CommandContext,
  { engine, reader }: EngineAccess,
  { run, request }: StartedRun,
): Promise<number> {
  if (engine !== null) context.output.note("no scheduler is running: it goes on when one does (sluice serve)");
  if (run !== undefined) return reportRun(context, reader.store(), await reader.findRun(run));
  const [waiting] = await reader.store().requests({ key: request! });
  const begun = await reader.store().runByRequest(request!);
  if (waiting === undefined && begun !== null) return reportRun(context, reader.store(), begun);
  if (waiting === undefined) throw new SluiceError("INTERNAL", `The request ${request} is not in the store`);
  return reportRequest(context, viewRequest(waiting));
}
