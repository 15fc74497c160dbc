// Takes up what an earlier process left: its runs, as they were stored, and what it had promised to do.
import { SluiceError } from "../../errors.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { ActiveRun } from "./active-runs.ts";
import { pendingCommands } from "../state-machine/pending-commands.ts";
import type { RunRecord } from "../stores/run-store.ts";
import type { SchedulerParts } from "./scheduler-parts.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import type { RunEvent, RunState } from "../state-machine/state.ts";

const reason = "the process that ran it stopped";

/** Resolves with the runs that were left unfinished, once they go on, if they are to. */
export async function recover(
  { clock, plans, schedules, onChange }: Pick<SchedulerOptions, "clock" | "plans" | "schedules" | "onChange">,
  parts: SchedulerParts,
  goesOn: boolean,
): Promise<readonly RunRecord[]> {
  const { store, active, backfills, commits, starter } = parts;
  /**
   * A run that only waits, such as for a person, may change no more by itself: whoever is to act on it hears of it here,
   * once the caller knows that everything was taken up. One that changes meanwhile is told of by its commit.
   */
  const tellOfWaiting = async (states: ReadonlyMap<ActiveRun, RunState>): Promise<void> => {
    await parts.endOfTurn();
    for (const [run, state] of states)
      if (active.get(run.record.id) === run && run.state === state) onChange?.(run.record, state);
  };
  const { count } = parts.cancellation();
  for (const plan of plans().values()) await starter.savePlan(plan);
  if (!goesOn) {
    await parts.schedules.open(false);
    return (await store.unfinishedRuns()).map(({ record }) => record);
  }
  await store.endLive(clock.now(), reason);
  const current = new Map([...plans().values()].map((plan) => [plan.version, plan]));
  const found: { readonly run: ActiveRun; readonly countBefore: number }[] = [];
  for (const stored of await store.unfinishedRuns()) {
    const plan = current.get(stored.record.version) ?? (await store.plan(stored.record.version));
    if (plan === null) throw new SluiceError("INTERNAL", `The plan of run ${stored.record.id} is not in the store`);
    found.push({ run: active.add(stored, plan), countBefore: parts.cancellation().count });
  }
  const before = new Map(found.map(({ run }) => [run, run.state]));
  await backfills.open();
  for (const { run, countBefore } of found) {
    const cancellation = parts.cancellation();
    // Everything was cancelled while this went on: a run that was known by then has heard of it.
    if (cancellation.count !== countBefore) continue;
    const unwanted = countBefore === count ? reasonToCancel(run, current, parts) : cancellation.reason;
    if (unwanted === null) resume(run, parts);
    else commits.push(run, { type: "cancelled", reason: unwanted });
  }
  await parts.schedules.open(schedules === true);
  parts.queue.open();
  parts.instructions.look();
  parts.delivery.look();
  void tellOfWaiting(before);
  return found.map(({ run }) => run.record);
}

function reasonToCancel(
  { record }: ActiveRun,
  current: ReadonlyMap<string, Plan>,
  { backfills }: SchedulerParts,
): string | null {
  if (!current.has(record.version)) return "the pipeline was changed before the run could be resumed";
  if (record.backfill === null || backfills.isRunning(record.backfill)) return null;
  return `backfill ${record.backfill} was cancelled`;
}

/** Tells a run what happened to it since its last commit: attempts in flight are lost, timers run on to their time. */
function resume(run: ActiveRun, { commits, carryOut }: SchedulerParts): void {
  commits.push(run, { type: "started" });
  for (const [step, { status, attempts, items }] of run.state.steps) {
    if (status === "queued") commits.push(run, lost(step, null, attempts));
    if (status !== "mapped") continue;
    for (const [item, work] of items!.entries())
      if (work.status === "queued") commits.push(run, lost(step, item, work.attempts));
  }
  carryOut(run, pendingCommands(run.plan, run.state));
}

function lost(step: string, item: number | null, epoch: number): RunEvent {
  return { type: "attempt-lost", step, item, epoch, cause: "scheduler-stopped", reason };
}
