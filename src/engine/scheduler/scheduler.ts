// Drives runs to their end, and does what they and people ask for. It runs no user code and no query. What has happened
// goes through `group-commit`, what is due through `attempt-runner`; all else happens in one lane, one thing after the
// other. Here is what it promises to those who use it, and how it ends.
import { fromFailure, SluiceError, toFailure } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { FinishedRun } from "./active-runs.ts";
import { previewBackfill } from "../requests/backfill-preview.ts";
import type { Instruction } from "../stores/instruction.ts";
import { recover } from "./recovery.ts";
import type { RunRecord } from "../stores/run-store.ts";
import type { Scheduler, SchedulerOptions, StartRequest } from "./scheduler-options.ts";
import { assembleParts } from "./scheduler-parts.ts";
import { noPartitions, noSuchRun, planNamed } from "../requests/subjects.ts";

export type { FinishedRun } from "./active-runs.ts";
export type { Scheduler, SchedulerOptions, StartRequest } from "./scheduler-options.ts";

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, plans } = options;
  let stopped = false;
  let broken: SluiceError | null = null;
  /** Why, and how often, everything was cancelled: runs that were just being created must hear of it too. */
  let cancellation = { count: 0, reason: "" };
  let settling: PromiseWithResolvers<void>[] = [];
  let recovering: Promise<readonly RunRecord[]> | null = null;
  /** Something is only noted here: whatever is to be run is left to another process. */
  let noting = false;
  /** Who waits for attempts under way to end, none being started any more. */
  let draining: PromiseWithResolvers<void> | null = null;
  const closed = (): boolean => stopped || broken !== null;
  const parts = assembleParts(options, {
    closed,
    assertOpen,
    held: () => noting || draining !== null,
    cancellation: () => cancellation,
    breakDown,
    troubled: (pipeline, error) => {
      if (!closed()) options.onTrouble?.(pipeline, toFailure(error));
    },
    idled: checkSettled,
  });
  const { store, lane, sets, active, commits, queue, starter } = parts;

  async function recoverOnce(resume: boolean): Promise<readonly RunRecord[]> {
    assertOpen();
    noting = !resume;
    return recover(options, parts, resume);
  }

  async function recovered(): Promise<void> {
    if (recovering === null) throw new SluiceError("INTERNAL", "The scheduler was given work before it has recovered");
    await recovering;
    assertOpen();
  }

  async function finished(runId: string): Promise<FinishedRun> {
    assertOpen();
    // Read twice when it has ended just now: between the store's answer and this.
    for (let tries = 0; ; tries += 1) {
      const stored = active.get(runId) ?? (await store.run(runId));
      if (stored === null) throw noSuchRun(runId);
      const { record, state } = stored;
      if (record.status !== "running") return { record, state };
      if (active.get(record.id) !== undefined || tries > 0) return active.finished(record.id);
    }
  }

  async function requested(key: string): Promise<FinishedRun> {
    assertOpen();
    // In the lane, so that the run can't begin between the two.
    const { id } = await lane.run(async () => {
      const run = await store.runByRequest(key);
      return { id: run === null ? queue.begun(key) : run.id };
    });
    return finished(await id);
  }

  async function instruct(instruction: Instruction, by: string): Promise<Json> {
    assertOpen();
    // What an earlier process left has to be known first.
    await recovered();
    return parts.instructions.perform(instruction, by, options.randomId());
  }

  async function start(asking: StartRequest): Promise<FinishedRun> {
    const { pipeline, partition = null, params = null, key } = asking;
    const asked = await instruct({ type: "run", pipeline, partition, params, key: key ?? null }, "");
    const { run, request } = asked as { readonly run?: string; readonly request?: string };
    return run === undefined ? requested(request!) : finished(run);
  }

  function checkSettled(): void {
    if (closed()) return;
    const { runner, cached, delivery, instructions, timers } = parts;
    if (draining !== null && [commits, runner, lane, delivery].every(({ idle }) => idle)) draining.resolve();
    if (settling.length === 0) return;
    if (![commits, runner, lane, cached, delivery, instructions].every(({ idle }) => idle)) return;
    if (timers.retriesPending()) return;
    for (const { resolve } of settling) resolve();
    settling = [];
  }

  /** Whatever was awaited, the world may have ended meanwhile. */
  function assertOpen(): void {
    if (broken !== null) throw broken;
    if (stopped) throw wasStopped();
  }

  /** Nothing can be made durable any more: say so to everyone who waits, and touch nothing else. */
  function breakDown(error: unknown): void {
    if (closed()) return;
    broken = fromFailure(toFailure(error));
    active.abandon(broken);
    queue.abandon(broken);
    close(broken);
    for (const { reject } of settling) reject(broken);
    draining?.reject(broken);
    settling = [];
    options.onBroken?.(broken);
  }

  function close(why: Error): void {
    commits.close(why);
    const { schedules, watches, delivery, params } = parts;
    for (const part of [queue, schedules, watches, delivery, params]) part.close();
  }

  return {
    recover: ({ resume = true } = {}) => {
      recovering ??= unattended(recoverOnce(resume));
      return recovering;
    },
    instruct,
    finished: (runId) => unattended(finished(runId)),
    requested: (key) => unattended(requested(key)),
    start: (request) => unattended(start(request)),
    previewBackfill: async ({ pipeline, selection, mode, parallel }) => {
      assertOpen();
      const { partitions } = planNamed(plans(), pipeline);
      if (partitions === null) throw noPartitions(pipeline);
      const dynamic = await sets.keysFor(partitions);
      const request = { pipeline, partitions, selection, mode, parallel };
      return previewBackfill(store, request, dynamic, clock.now(), parts.endOfTurn);
    },
    settled: () => {
      if (broken !== null) return Promise.reject(broken);
      const settled = Promise.withResolvers<void>();
      settling.push(settled);
      checkSettled();
      return unattended(settled.promise);
    },
    plansChanged: () => {
      if (closed()) return;
      lane
        .run(async () => {
          for (const plan of plans().values()) await starter.savePlan(plan);
          parts.runner.reconsider();
          parts.schedules.plansChanged();
          parts.backfills.lookAtAll();
          parts.watches.lookAtAll();
          queue.lookAtAll();
        })
        .catch(breakDown);
    },
    wake: () => {
      if (closed() || noting || recovering === null) return;
      parts.instructions.look();
      queue.lookAtAll();
      parts.runner.admit();
    },
    cancelAll: (reason) => {
      cancellation = { count: cancellation.count + 1, reason };
      for (const run of active.all()) commits.push(run, { type: "cancelled", reason });
      queue.abandon(new SluiceError("CANCELLED", `The run was cancelled before it began: ${reason}`));
    },
    get underWay() {
      return parts.runner.live.size;
    },
    drain: () => {
      if (broken !== null) return Promise.reject(broken);
      draining ??= Promise.withResolvers();
      checkSettled();
      return unattended(draining.promise);
    },
    stop: () => {
      if (closed()) return;
      stopped = true;
      for (const run of active.all()) for (const cancel of run.timers.values()) cancel();
      close(wasStopped());
    },
  };
}

/** A failure that nobody waits for yet must not bring the process down; whoever waits for the promise hears of it. */
function unattended<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function wasStopped(): SluiceError {
  return new SluiceError("CANCELLED", "The scheduler was stopped", { hint: "Give the command again: it resumes." });
}
