// From an attempt that is due to its end: it waits until it may start, is handed to the executor, and what the executor
// says of it becomes an event of its run.
import type { Clock } from "../../clock.ts";
import { SluiceError, toFailure } from "../../errors.ts";
import type { LogLine } from "../../log.ts";
import { concurrencyKey } from "../../pipeline/item.ts";
import type { PlanStep } from "../../pipeline/plan.ts";
import { placeName, type ActiveRun } from "../scheduler/active-runs.ts";
import { createAdmission, type Ticket } from "./admission.ts";
import { assignmentOf, outputsFor } from "./assignment.ts";
import { attemptRecord, eventOf, plainEnd } from "./attempt-end.ts";
import type { AttemptEnd, Executor } from "./executor.ts";
import type { GroupCommit } from "../scheduler/group-commit.ts";
import { knownItem } from "./known-item.ts";
import { createLiveAttempts, type LiveAttempts } from "./live-attempts.ts";
import { createLogLimit } from "./log-limit.ts";
import { needsOf, type Machine, type Needs } from "./needs.ts";
import { planGraph } from "../state-machine/plan-graph.ts";
import type { AttemptLogLine } from "../stores/run-store.ts";
import type { AttemptKey } from "../state-machine/state.ts";

export interface AttemptRunnerOptions {
  readonly executor: Executor;
  readonly clock: Clock;
  readonly pools: () => Readonly<Record<string, number>>;
  readonly machine: () => Machine;
  readonly commits: Pick<GroupCommit, "push" | "keepAttempt" | "keepResult" | "keepLine" | "watchLive">;
  readonly onLog: (line: AttemptLogLine) => void;
  /** No attempt is started while this is so. */
  readonly held: () => boolean;
  readonly closed: () => boolean;
  /** An attempt has ended. */
  readonly ended: () => void;
}

export interface AttemptRunner {
  /** An attempt is due. `cacheKey`: where its result is kept for later runs. */
  add(run: ActiveRun, key: AttemptKey, cacheKey: string | null): void;
  /** Starts what may start. */
  admit(): void;
  /** Pools or the machine may have changed. */
  reconsider(): void;
  stop(run: ActiveRun, key: AttemptKey): void;
  readonly live: LiveAttempts<Due>;
  /** Nothing is live, and nothing waits to be started here. */
  readonly idle: boolean;
}

/** An attempt that is due, or live. */
interface Due extends Ticket {
  readonly run: ActiveRun;
  readonly planned: PlanStep;
  readonly key: AttemptKey;
  readonly cacheKey: string | null;
}

export function createAttemptRunner(options: AttemptRunnerOptions): AttemptRunner {
  const { executor, clock, commits } = options;
  const admission = createAdmission<Due>(isDue);
  const live = createLiveAttempts<Due>(({ run, key }) => ({
    runId: run.record.id,
    step: key.step,
    item: key.item,
    attempt: key.epoch,
  }));

  /** Attempts were stopped: of those that had not started, some may have kept others waiting. */
  let stale = false;

  function needsFor(run: ActiveRun, planned: PlanStep, { item }: AttemptKey): Needs {
    if (isModest(planned)) return modest;
    const { concurrency, control } = planned;
    let name = concurrency?.key ?? null;
    if (concurrency !== null && concurrency.per !== null) {
      const known = knownItem(control, outputsFor(run, planned), item);
      // One key for all of them where the items are not at hand: fewer at a time than might be, never more.
      if (known !== null) name = concurrencyKey(concurrency, known.item);
    }
    return needsOf(planned, name, options.pools, options.machine);
  }

  function admit(): void {
    if (stale) admission.reconsider();
    stale = false;
    while (!options.closed() && !options.held() && admission.live.size < executor.capacity) {
      const due = admission.next();
      if (due === null) return;
      start(due);
    }
  }

  function start(due: Due): void {
    const { run, planned, key } = due;
    const controller = new AbortController();
    run.stops.set(placeName(key.step, key.item), controller);
    const startedAt = clock.now();
    live.begin(due, startedAt);
    commits.watchLive();
    handOver(due, controller.signal).then(
      (end) => ended(due, controller, plainEnd(planned.name, end, startedAt)),
      (error: unknown) =>
        ended(due, controller, { outcome: { type: "lost", reason: toFailure(error).message }, startedAt }),
    );
  }

  /** An executor neither throws nor rejects. One that does, all the same, costs the attempt and not the scheduler. */
  function handOver(due: Due, signal: AbortSignal): Promise<AttemptEnd> {
    try {
      return executor.run(assignmentOf(due.run, due.planned, due.key), signal, logOf(due));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  function logOf({ run, key }: Due): (line: LogLine) => void {
    let limit: ReturnType<typeof createLogLimit> | null = null;
    return (line) => {
      if (options.closed()) return;
      limit ??= createLogLimit();
      const kept = limit(line);
      if (kept === null) return;
      const complete = { ...kept, runId: run.record.id, step: key.step, item: key.item, attempt: key.epoch };
      commits.keepLine(complete);
      options.onLog(complete);
    };
  }

  function ended(due: Due, controller: AbortController, end: AttemptEnd): void {
    const { run, key, cacheKey } = due;
    const place = placeName(key.step, key.item);
    if (run.stops.get(place) === controller) run.stops.delete(place);
    admission.release(due);
    const stored = live.end(due);
    if (options.closed()) return;
    // A sensor looks many times: a look in vain is no attempt worth a row.
    if (end.outcome.type !== "unmet" || stored)
      commits.keepAttempt(attemptRecord(run.record.id, key, end, controller.signal.aborted, clock.now()));
    const event = eventOf(key, end);
    if (cacheKey !== null && event.type === "attempt-succeeded") commits.keepResult(run, event, cacheKey);
    commits.push(run, event);
    admit();
    options.ended();
  }

  return {
    live,
    admit,
    reconsider: () => {
      admission.reconsider();
      admit();
    },
    add: (run, key, cacheKey) => {
      const graph = planGraph(run.plan);
      const position = graph.positions.get(key.step)!;
      const planned = graph.steps[position]!;
      const { needs, lane } = needsFor(run, planned, key);
      admission.add({
        run,
        planned,
        key,
        cacheKey,
        needs,
        lane,
        priority: planned.priority,
        backfill: run.record.backfill !== null,
        sequence: run.record.sequence,
        position,
        item: key.item ?? 0,
      });
    },
    stop: (run, { step, item }) => {
      const controller = run.stops.get(placeName(step, item));
      if (controller === undefined) stale = true;
      else controller.abort(new SluiceError("CANCELLED", "The attempt was told to stop"));
    },
    get idle() {
      return admission.live.size === 0 && (admission.waiting === 0 || options.held());
    },
  };
}

/** Does its run still wait for this attempt? Later events may have made an end of it before it could start. */
function isDue({ run, key: { step, item, epoch } }: Due): boolean {
  const state = run.state.steps.get(step)!;
  const work = item === null ? state : state.items?.[item];
  return work?.status === "queued" && work.attempts === epoch;
}

const modest: Needs = { needs: [], lane: "" };

/** Needs nothing but a worker, as most do. */
function isModest({ concurrency, pools, resources }: PlanStep): boolean {
  if (concurrency !== null || resources.cpus > 0 || resources.memory > 0) return false;
  for (const _name in pools) return false;
  return true;
}
