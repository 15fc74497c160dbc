// The parts of a scheduler, put together: each knows of the others only what it is handed here.
import { createActiveRuns, type ActiveRun, type ActiveRuns } from "./active-runs.ts";
import { createAttemptRunner, type AttemptRunner } from "../attempts/attempt-runner.ts";
import { createBackfills, type Backfills } from "../requests/backfills.ts";
import { createCachedResults, type CachedResults } from "../attempts/cached-results.ts";
import { createDynamicSets, type DynamicSets } from "../requests/dynamic-sets.ts";
import { createGroupCommit, type GroupCommit, type RunChange } from "./group-commit.ts";
import { createInstructions, type Instructions } from "../requests/instructions.ts";
import { assertInvariants } from "../state-machine/invariants.ts";
import { keptStore, type KeptStore } from "./kept-store.ts";
import { createLane, type Lane } from "./lane.ts";
import { createNoticeDelivery, type NoticeDelivery } from "./notice-delivery.ts";
import { createRunInstructions } from "../requests/run-instructions.ts";
import { createRunParams, type RunParams } from "../requests/run-params.ts";
import { createRunQueue, type RunQueue } from "../requests/run-queue.ts";
import { createRunStarter, type RunStarter } from "../requests/run-starter.ts";
import { createRunTimers, type RunTimers } from "./run-timers.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import { createSchedules, type Schedules } from "../requests/schedules.ts";
import { isEnd, type Command } from "../state-machine/state.ts";
import { stepNamed } from "../requests/subjects.ts";
import { processTimer } from "./timer.ts";
import { createWatches, type Watches } from "./watches.ts";

/** What the scheduler is to its parts. */
export interface SchedulerCore {
  /** Nothing is done any more once this is so. */
  readonly closed: () => boolean;
  /** Throws once that is so. */
  readonly assertOpen: () => void;
  /** No attempt is started any more, or not by this process. */
  readonly held: () => boolean;
  /** Why, and how often, everything was cancelled. */
  readonly cancellation: () => { readonly count: number; readonly reason: string };
  /** Nothing can be made durable any more. */
  readonly breakDown: (error: unknown) => void;
  /** What can't be worked out for one pipeline must not keep the others. */
  readonly troubled: (pipeline: string, error: unknown) => void;
  /** A part has nothing to do any more, for now. */
  readonly idled: () => void;
}

export interface SchedulerParts extends Pick<SchedulerCore, "cancellation"> {
  readonly store: KeptStore;
  readonly lane: Lane;
  readonly sets: DynamicSets;
  readonly active: ActiveRuns;
  readonly commits: GroupCommit;
  readonly runner: AttemptRunner;
  readonly timers: RunTimers;
  readonly params: RunParams;
  readonly starter: RunStarter;
  readonly queue: RunQueue;
  readonly schedules: Schedules;
  readonly backfills: Backfills;
  readonly watches: Watches;
  readonly cached: CachedResults;
  readonly delivery: NoticeDelivery;
  readonly instructions: Instructions;
  /** Resolves when everything that the current turn of the event loop still has to deliver has been. */
  readonly endOfTurn: () => Promise<void>;
  readonly carryOut: (run: ActiveRun, commands: readonly Command[]) => void;
}

export function assembleParts(options: SchedulerOptions, core: SchedulerCore): SchedulerParts {
  const { executor, clock, plans } = options;
  const { closed, troubled, cancellation, idled, breakDown: failed } = core;
  const timer = options.timer ?? processTimer(clock);
  const endOfTurn = options.endOfTurn ?? turnOfTheLoop;
  const active = createActiveRuns();
  const draining = (): boolean => cancellation().count > 0;
  const store = keptStore(options.store, core.assertOpen, failed);
  const lane = createLane(idled);
  const sets = createDynamicSets(store);
  const commits = createGroupCommit({
    store: options.store,
    clock,
    timer,
    endOfTurn,
    assertInvariants: options.invariants ?? assertInvariants,
    projectHooks: () => options.projectHooks ?? [],
    takeLive: (now) => runner.live.take(now),
    liveDueAt: () => runner.live.dueAt(),
    closed,
    committed,
    failed,
    idled,
  });
  const runner = createAttemptRunner({
    executor,
    clock,
    pools: () => options.pools ?? {},
    machine: () => options.machine ?? unlimited,
    commits,
    onLog: (line) => options.onLog?.(line),
    held: core.held,
    closed,
    ended: idled,
  });
  const timers = createRunTimers(timer, commits.push);
  const params = createRunParams({
    prepare: options.prepareParams ?? (async (_pipeline, raw) => raw),
    clock,
    timer,
    closed,
    ready: (pipeline) => {
      schedules.look(pipeline);
      backfills.lookAtAll();
    },
    troubled,
  });
  const starter = createRunStarter({
    store,
    clock,
    randomId: options.randomId,
    active,
    cancellation,
    begun: (run, commands) => {
      if (commands === null) return commits.push(run, { type: "started" });
      options.onChange?.(run.record, run.state);
      carryOut(run, commands);
      runner.admit();
    },
    begunInVain: (run, reason) => commits.push(run, { type: "cancelled", reason }),
  });
  const queue = createRunQueue({
    store,
    clock,
    timer,
    lane,
    active,
    starter,
    sets,
    plans,
    isBackfillRunning: (id) => backfills.isRunning(id),
    dropped: (request) => backfills.requestDropped(request),
    draining,
    drained: (pipeline) => schedules.look(pipeline),
    failed,
  });
  const schedules = createSchedules({
    store,
    clock,
    timer,
    lane,
    sets,
    plans,
    defaultParams: params.defaults,
    hasBacklog: queue.hasBacklog,
    added: queue.look,
    draining,
    troubled,
    failed,
  });
  const backfills = createBackfills({
    store,
    clock,
    lane,
    sets,
    active,
    plans,
    defaultParams: params.defaults,
    endOfTurn,
    added: queue.look,
    cancelRun: (run, reason) => commits.push(run, { type: "cancelled", reason }),
    draining,
    troubled,
    failed,
  });
  const watches = createWatches({ store, clock, timer, lane, plans, push: commits.push, troubled, failed });
  const cached = createCachedResults({
    store,
    clock,
    push: commits.push,
    missing: (run, key, cacheKey) => {
      runner.add(run, key, cacheKey);
      runner.admit();
    },
    failed,
    idled,
  });
  const delivery = createNoticeDelivery({
    store: options.store,
    executor,
    clock,
    timer,
    closed,
    failed,
    idled,
  });
  const runInstructions = createRunInstructions({
    store,
    clock,
    lane,
    active,
    commits,
    queue,
    starter,
    sets,
    plans,
    prepareParams: params.given,
  });
  const instructions = createInstructions({
    store,
    clock,
    lane,
    runs: runInstructions,
    schedules,
    backfills,
    sets,
    plans,
    prepareParams: params.given,
    added: queue.look,
    closed,
    failed,
    idled,
  });

  /** A commit is durable: the world is told, and what it asks for is carried out. */
  function committed(changes: readonly RunChange[], notices: number): void {
    for (const { run, changed, commands } of changes) {
      options.onChange?.(run.record, run.state);
      carryOut(run, commands);
      let ended = run.state.status !== "running";
      for (const { step: name } of changed) {
        const { status, assets } = run.state.steps.get(name)!;
        if (!isEnd(status)) continue;
        ended = true;
        if (status === "succeeded" && assets.length > 0) schedules.assetsUpdated(assets);
      }
      if (ended) watches.changed(run);
    }
    runner.admit();
    if (notices > 0) delivery.look();
  }

  function carryOut(run: ActiveRun, commands: readonly Command[]): void {
    for (const command of commands) {
      switch (command.type) {
        case "start-attempt": {
          const planned = stepNamed(run.plan, command.step);
          if (planned.cache === null) runner.add(run, command, null);
          else cached.look(run, planned, command);
          break;
        }
        case "stop-attempt":
          runner.stop(run, command);
          break;
        case "set-timer":
        case "set-run-timer":
          timers.set(run, command);
          break;
        case "watch":
          watches.add(run, command);
          break;
        case "finish-run":
          active.finish(run);
          backfills.runEnded(run.record);
          queue.runEnded(run.record.pipeline);
          break;
        case "notify":
          // Stored with the commit.
          break;
      }
    }
  }

  return {
    cancellation,
    store,
    lane,
    sets,
    active,
    commits,
    runner,
    timers,
    params,
    starter,
    queue,
    schedules,
    backfills,
    watches,
    cached,
    delivery,
    instructions,
    endOfTurn,
    carryOut,
  };
}

const unlimited = { cpus: Number.POSITIVE_INFINITY, memory: Number.POSITIVE_INFINITY };

/** After every event that this turn of the event loop still has to deliver. */
function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
